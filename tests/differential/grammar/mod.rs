//! Random sessions: what each may do, how often, and the tables that it does it to.

mod expressions;
mod prepared;
mod programs;
mod reads;
mod sessions;
mod transactions;
mod writes;

use crate::random::Random;
use crate::step::Step;
use lanewire_perf::client::flags;

/// A session: what it does, and how it connects.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) client: u64,
    pub(crate) session: u64,
    pub(crate) schema: String,
    pub(crate) capabilities: u64,
    pub(crate) steps: Vec<Step>,
}

/// Appends the steps of one thing that clients do.
type Block = fn(&mut Grammar);

/// Grows a script.
#[derive(Debug)]
pub(crate) struct Grammar {
    random: Random,
    schema: String,
    client: u64,
    mysql: bool,
    capabilities: u64,
    /// Seldom tied to one connection.
    light: bool,
    steps: Vec<Step>,
}

impl Script {
    /// The script of one session.
    pub(crate) fn generate(seed: u64, client: u64, session: u64, mysql: bool) -> Self {
        let mut random = Random::from_parts(&[seed, client, session]);
        let light = !random.one_in(4);
        let schema = format!("w{client}");
        let capabilities = capabilities(&mut random, mysql);
        let steps = Vec::new();
        let mut grammar =
            Grammar { random, schema: schema.clone(), client, mysql, capabilities, light, steps };
        let len = usize::try_from(80 + grammar.random.below(320)).expect("small");
        grammar.query(sessions::FIRST);
        while grammar.steps.len() < len {
            grammar.grow();
        }
        Self { client, session, schema, capabilities, steps: grammar.steps }
    }

    /// The statements that lay out a client's schemas. They run on the servers themselves.
    pub(crate) fn layout(&self) -> Vec<String> {
        let mut all = Vec::new();
        all.push(format!("DROP DATABASE IF EXISTS {}c", self.schema));
        for schema in [&self.schema, &format!("{}b", self.schema)] {
            all.push(format!(
                "DROP DATABASE IF EXISTS {schema}; CREATE DATABASE {schema} CHARACTER SET utf8mb4; \
                 USE {schema}"
            ));
            all.push(
                "CREATE TABLE t1 (id INT AUTO_INCREMENT PRIMARY KEY, k INT, v VARCHAR(40), \
                 d DECIMAL(10,2), u INT UNIQUE, KEY (k)); \
                 INSERT INTO t1 (k,v,d,u) VALUES (1,'one',1.5,11),(2,'two',2.25,12),(2,NULL,NULL,13)"
                    .to_owned()
                    + if schema.ends_with('b') { ",(9,'other',9.75,19)" } else { "" },
            );
        }
        all.push(format!("USE {}", self.schema));
        all.push(
            "CREATE TABLE t2 (id INT PRIMARY KEY, t1_id INT, w VARCHAR(30) CHARACTER SET latin1, \
             f DOUBLE, b BLOB, e ENUM('x','y','z'), dt DATETIME NULL, \
             ts TIMESTAMP NULL, bits BIT(5)); \
             INSERT INTO t2 VALUES (1,1,'a',0.5,x'00ff','x','2024-02-29 12:00:00','2024-01-01 00:00:00',b'101'), \
             (2,1,'b',1e30,NULL,'y',NULL,NULL,NULL),(3,2,'c',-1,'','z','2000-01-01','2000-01-01',b'1'); \
             CREATE TABLE c1 (n INT PRIMARY KEY, word VARCHAR(20)); \
             INSERT INTO c1 VALUES (1,'ein'),(2,'zwei'),(3,'drei'),(4,'vier'),(5,'fünf'); \
             CREATE VIEW v1 AS SELECT id, v FROM t1"
                .into(),
        );
        all.extend(PROGRAMS.iter().map(|sql| (*sql).to_owned()));
        all
    }
}

/// What stored programs there are.
const PROGRAMS: [&str; 12] = [
    "CREATE PROCEDURE p_rows() BEGIN SELECT n FROM c1 ORDER BY n; SELECT 'second' AS s; END",
    "CREATE PROCEDURE p_state() BEGIN SET @from_procedure=7; INSERT INTO t1 (k) VALUES (77); END",
    "CREATE PROCEDURE p_variables() BEGIN SET sql_mode='ANSI_QUOTES'; SET time_zone='+08:00', \
     div_precision_increment=9; END",
    "CREATE PROCEDURE p_temporary() BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS tmp_p (a INT); \
     INSERT INTO tmp_p VALUES (1), (2); END",
    "CREATE PROCEDURE p_begin() BEGIN START TRANSACTION; INSERT INTO t1 (k) VALUES (66); END",
    "CREATE PROCEDURE p_warns() BEGIN SELECT 1/0; \
     SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'from a procedure'; END",
    "CREATE PROCEDURE p_fails() BEGIN INSERT INTO t1 (k) VALUES (33); SELECT n FROM c1; \
     SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no further'; END",
    "CREATE PROCEDURE p_insert_id() BEGIN DO LAST_INSERT_ID(66); END",
    "CREATE PROCEDURE p_out(OUT x INT) BEGIN SELECT MAX(n) INTO x FROM c1; END",
    "CREATE PROCEDURE p_prepares() BEGIN PREPARE in_procedure FROM 'SELECT COUNT(*) FROM c1'; END",
    "CREATE FUNCTION w_read(x INT) RETURNS INT READS SQL DATA \
     RETURN (SELECT COUNT(*)+x FROM c1)",
    "CREATE FUNCTION w_add(x INT) RETURNS INT MODIFIES SQL DATA \
     BEGIN INSERT INTO t1 (k) VALUES (x); RETURN LAST_INSERT_ID(); END",
];

fn capabilities(random: &mut Random, mysql: bool) -> u64 {
    let mut all = flags::USUAL;
    for (once_in, flag) in [(2, flags::DEPRECATE_EOF), (6, flags::FOUND_ROWS)] {
        if random.one_in(once_in) {
            all |= flag;
        }
    }
    if !mysql && random.one_in(3) {
        all |= flags::BULK_OPERATIONS;
    }
    all
}

impl Grammar {
    fn query(&mut self, sql: impl Into<String>) {
        self.steps.push(Step::Query(sql.into()));
    }

    /// One block: mostly a statement, at times several that belong together.
    ///
    /// Most sessions seldom do what ties them to one connection: the others share connections with
    /// them, and only they read on replicas for long.
    fn grow(&mut self) {
        let seldom = if self.light { 80 } else { 5 };
        let blocks = if self.random.one_in(seldom) { Self::TYING } else { Self::BLOCKS };
        let block = self.random.weighted(blocks);
        block(self);
    }

    const BLOCKS: &'static [(u64, Block)] = &[
        (300, Self::read),
        (150, Self::write),
        (30, Self::binary),
        (40, Self::kept_statement),
        (6, Self::unknown_statement),
        (6, Self::newest_statement),
        (8, Self::bulk),
        (60, Self::error),
        (40, Self::transaction),
        (14, Self::read_only_transaction),
        (14, Self::autocommit_off),
        (8, Self::savepoints),
        (10, Self::implicit_commit),
        (6, Self::completion_type),
        (12, Self::set_statement),
        (4, Self::drop_current_schema),
        (50, Self::set_variable),
        (20, Self::variables_shown),
        (25, Self::change_schema),
        (40, Self::last_statement),
        (30, Self::insert_id),
        (40, Self::warnings),
        (25, Self::several_statements),
        (30, Self::plain_command),
        (10, Self::reset),
        (12, Self::reconnect),
        (12, Self::ddl),
        (6, Self::infile),
        (6, Self::one_shot),
        (3, Self::large),
    ];

    const TYING: &'static [(u64, Block)] = &[
        (30, Self::temporary_table),
        (40, Self::user_variable),
        (15, Self::text_prepare),
        (8, Self::immediate),
        (8, Self::compound),
        (6, Self::diagnostics),
        (8, Self::xa),
        (25, Self::cursor),
        (20, Self::long_data),
        (10, Self::named_lock),
        (10, Self::lock_tables),
        (8, Self::table_cursor),
        (25, Self::routine),
        (10, Self::found_rows),
        (5, Self::sequence),
        (4, Self::event_variable),
    ];
}
