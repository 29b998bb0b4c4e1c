use super::*;
use crate::protocol::Change;
use crate::sql::Hint;

pub(in crate::session) const TRACKED: ServerKind = ServerKind {
    trackers: true,
    dialect: Dialect { mariadb: true, ansi_quotes: false, no_backslash_escapes: false },
};
const MYSQL: ServerKind = ServerKind {
    trackers: true,
    dialect: Dialect { mariadb: false, ansi_quotes: false, no_backslash_escapes: false },
};
const UNTRACKED: ServerKind = ServerKind { trackers: false, ..TRACKED };

pub(in crate::session) fn statement(verb: Verb, traits: Traits) -> Statement {
    let hint: Option<Hint> = None;
    Statement { verb, access: Access::Write, traits, hint, statements: 1 }
}

fn left(insert_id: Option<u64>) -> Left {
    Left { insert_id, found_rows: None }
}

pub(in crate::session) fn ok() -> Summary {
    Summary { results: 1, has_status: true, status: StatusFlags::AUTOCOMMIT, ..Summary::default() }
}

pub(in crate::session) fn found(rows: u64) -> Summary {
    Summary { had_resultset: true, resultsets: 1, rows, ..ok() }
}

pub(in crate::session) fn failed() -> Summary {
    Summary { error: Some(1064), ..Summary::default() }
}

pub(in crate::session) fn in_transaction() -> Summary {
    Summary { status: StatusFlags::AUTOCOMMIT | StatusFlags::IN_TRANS, ..ok() }
}

fn variable<'a>(name: &'a str, value: &'a str) -> Change<'a> {
    Change::SystemVariable { name: name.as_bytes(), value: value.as_bytes() }
}

/// A session with its interner.
pub(in crate::session) struct Rig {
    pub(in crate::session) session: Session,
    pub(in crate::session) states: StateInterner,
}

impl Rig {
    pub(in crate::session) fn new(server: ServerKind) -> Self {
        let mut states = StateInterner::default();
        let state = states.intern(ReplayState::default());
        Self { session: Session::new(state, server), states }
    }

    pub(in crate::session) fn run(
        &mut self,
        what: (Verb, Traits),
        sql: &str,
        reply: Summary,
        changes: &[Change<'_>],
    ) -> Keep {
        let statement = statement(what.0, what.1);
        self.session.begin(&statement, sql.as_bytes(), true);
        for change in changes {
            self.session.note_change(*change);
        }
        self.session.after_reply(&statement, &reply, &mut self.states)
    }

    fn set(&mut self, sql: &str, changes: &[Change<'_>]) -> Keep {
        self.run((Verb::Set, Traits::PLAIN_SET), sql, ok(), changes)
    }

    fn preamble(&self, traits: Traits) -> Preamble {
        let fresh = Rc::clone(self.session.state());
        self.session.preamble_for(&statement(Verb::Select, traits), &fresh, left(Some(0))).unwrap()
    }

    fn value(&self, name: &str) -> Option<String> {
        let value = self.session.state().variable(name.as_bytes())?;
        Some(String::from_utf8(value.to_vec()).unwrap())
    }
}

pub(in crate::session) fn released(keep: &Keep) -> bool {
    matches!(keep, Keep::Release { .. })
}

const PINNED: Keep = Keep::Hold(Hold::Pinned);
pub(in crate::session) const MARK: Change<'_> = Change::StateChanged(true);

#[test]
fn a_plain_set_is_replayed() {
    let mut rig = Rig::new(TRACKED);
    let keep = rig.set("SET sql_mode=''", &[variable("sql_mode", ""), MARK]);
    assert!(matches!(keep, Keep::Release { state } if state.variable(b"sql_mode") == Some(b"")));
    let keep = rig.run((Verb::Use, Traits::USE), "use a", ok(), &[Change::Schema(b"a"), MARK]);
    assert!(matches!(keep, Keep::Release { state } if state.schema() == Some(b"a")));
    let fresh = Rc::new(ReplayState::default());
    let preamble = rig
        .session
        .preamble_for(&statement(Verb::Select, Traits::empty()), &fresh, left(Some(0)))
        .unwrap();
    assert_eq!(preamble.init_db.as_deref(), Some(&b"a"[..]));
    assert_eq!(preamble.set_sql.as_deref(), Some(&b"SET sql_mode=''"[..]));
}

#[test]
fn an_unexplained_mark_pins() {
    for (what, changes) in [
        ((Verb::Call, Traits::empty()), &[MARK][..]),
        ((Verb::Select, Traits::STORED_FUNCTION), &[variable("sql_mode", "x"), MARK]),
        ((Verb::Select, Traits::empty()), &[Change::Unknown(9)]),
        ((Verb::Set, Traits::PLAIN_SET), &[variable("timestamp", "1.0"), MARK]),
        ((Verb::Set, Traits::PLAIN_SET), &[variable("session_track_schema", "OFF"), MARK]),
        ((Verb::Set, Traits::PLAIN_SET), &[variable("a=1,b", "2"), MARK]),
    ] {
        assert_eq!(Rig::new(TRACKED).run(what, "", ok(), changes), PINNED, "{what:?}");
    }
    let dropped = (Verb::Drop, Traits::IMPLICIT_COMMIT);
    let keep =
        Rig::new(TRACKED).run(dropped, "drop database a", ok(), &[Change::Schema(b""), MARK]);
    assert!(released(&keep), "the schema entry explains the mark");
}

#[test]
fn pinning_traits_pin_even_if_nothing_is_reported() {
    let mut rig = Rig::new(TRACKED);
    let what = (Verb::Select, Traits::USER_VARIABLE_WRITE);
    assert_eq!(rig.run(what, "select @a:=1", ok(), &[]), PINNED);
    assert_eq!(rig.session.pins(), Pins::USER_VARIABLE);
    let fresh = rig.states.intern(ReplayState::default());
    rig.session.reset(fresh, Rc::default());
    assert!(rig.session.pins().is_empty());
}

#[test]
fn collations_that_no_server_reports() {
    let mut rig = Rig::new(TRACKED);
    let names = ["character_set_client", "character_set_connection", "character_set_results"]
        .map(|name| variable(name, "utf8mb4"));
    rig.set("SET NAMES utf8mb4 COLLATE utf8mb4_bin", &names);
    assert_eq!(rig.value("collation_connection").as_deref(), Some("utf8mb4_bin"));
    assert_eq!(rig.value("character_set_connection"), None);
    assert!(released(&rig.set("SET NAMES utf8mb4", &names)));
    assert_eq!(rig.value("collation_connection"), None);
    assert_eq!(rig.value("character_set_connection").as_deref(), Some("utf8mb4"));
    rig.set("SET NAMES utf8mb4 COLLATE uca1400_ai_ci", &names);
    let whole = Some("utf8mb4_uca1400_ai_ci");
    assert_eq!(rig.value("collation_connection").as_deref(), whole);
    assert_eq!(rig.value("names collation").as_deref(), whole);
    assert_eq!(rig.set("SET CHARACTER SET utf8mb4", &names), PINNED);
}

#[test]
fn a_set_that_fails_half_way_pins() {
    let mut rig = Rig::new(TRACKED);
    let plain = (Verb::Set, Traits::PLAIN_SET);
    let last_statement = Keep::Hold(Hold::LastStatement);
    assert_eq!(rig.run(plain, "SET sql_mode='x'", failed(), &[]), last_statement);
    assert_eq!(rig.run(plain, "SET a=1, b=2", failed(), &[]), PINNED);
}

#[test]
fn without_trackers_only_names_and_use_are_known() {
    let mut rig = Rig::new(UNTRACKED);
    assert!(released(&rig.set("SET NAMES utf8", &[])));
    assert_eq!(rig.value("character_set_results").as_deref(), Some("utf8"));
    assert!(released(&rig.run((Verb::Use, Traits::USE), "use `a`", ok(), &[])));
    assert_eq!(rig.session.state().schema(), Some(&b"a"[..]));
    rig.session.begin_init_db(b"b");
    rig.session.after_reply(&Session::INIT_DB, &ok(), &mut rig.states);
    assert_eq!(rig.session.state().schema(), Some(&b"b"[..]));
    assert_eq!(rig.set("SET sql_mode=''", &[]), PINNED);
    assert_eq!(rig.session.pins(), Pins::UNTRACKED_SET);
}

#[test]
fn a_transaction_holds_until_its_end() {
    let mut rig = Rig::new(MYSQL);
    let hold = Keep::Hold(Hold::Transaction);
    let begin = [Change::TransactionCharacteristics(b"START TRANSACTION;")];
    assert_eq!(rig.run((Verb::Begin, Traits::BEGIN), "begin", in_transaction(), &begin), hold);
    assert_eq!(rig.session.characteristics(), b"START TRANSACTION;");
    assert!(rig.session.needs_connection(&statement(Verb::Select, Traits::empty())));
    let failed_write = rig.run((Verb::Update, Traits::empty()), "", failed(), &[]);
    assert_eq!(failed_write, hold, "an error leaves the transaction open");
    assert_eq!(rig.session.at_end(), AtEnd::Reset);
    assert!(released(&rig.run((Verb::Commit, Traits::COMMIT), "commit", ok(), &[])));
    assert_eq!(rig.session.at_end(), AtEnd::Release);
}

#[test]
fn a_mysql_connection_may_show_anothers_warnings_in_a_use() {
    let rig = Rig::new(MYSQL);
    let fresh = Rc::clone(rig.session.state());
    let preamble = rig.session.preamble_for(&Session::INIT_DB, &fresh, left(Some(0))).unwrap();
    assert_eq!(preamble.clear_sql, Some(CLEAR_WARNINGS_MYSQL));
}

#[test]
fn what_clears_warnings_on_mysql_takes_the_count_with_it() {
    let mut rig = Rig::new(MYSQL);
    assert!(released(&rig.run((Verb::Select, Traits::empty()), "select * from t", found(2), &[])));
    let signal = statement(Verb::Admin, Traits::empty());
    rig.session.begin(&signal, b"signal sqlstate '45000'", false);
    let fresh = Rc::clone(rig.session.state());
    let known = Left { found_rows: Some(2), ..left(Some(0)) };
    let preamble = rig.session.preamble_for(&signal, &fresh, known).unwrap();
    assert_eq!(preamble.clear_sql, Some(CLEAR_WARNINGS_MYSQL));
    assert!(preamble.count_sql.is_some(), "it runs behind the clearing");
}

#[test]
fn without_autocommit_an_error_may_leave_a_transaction() {
    let mut rig = Rig::new(MYSQL);
    let off = Summary { status: StatusFlags::empty(), ..ok() };
    let keep = rig.run(
        (Verb::Set, Traits::PLAIN_SET),
        "SET autocommit=0",
        off,
        &[variable("autocommit", "OFF")],
    );
    assert!(released(&keep));
    let keep = rig.run((Verb::Update, Traits::empty()), "update", failed(), &[]);
    assert_eq!(keep, Keep::Hold(Hold::Transaction));
    assert!(released(&rig.run((Verb::Rollback, Traits::ROLLBACK), "rollback", off, &[])));
}

#[test]
fn a_one_shot_holds_until_it_is_used() {
    let mut rig = Rig::new(TRACKED);
    let one_shot = [Change::TransactionCharacteristics(b"SET TRANSACTION READ ONLY;")];
    let what = (Verb::Set, Traits::ONE_SHOT_TRANSACTION);
    assert_eq!(rig.run(what, "", ok(), &one_shot), PINNED);
    let used = [Change::TransactionCharacteristics(b"")];
    assert!(released(&rig.run((Verb::Select, Traits::empty()), "", found(1), &used)));
    let keep = rig.run(what, "", failed(), &[]);
    assert_eq!(keep, Keep::Hold(Hold::LastStatement), "it set nothing");
}

#[test]
fn table_locks_end_exactly_and_a_global_one_never() {
    let mut rig = Rig::new(TRACKED);
    let (lock, unlock) = ((Verb::Lock, Traits::TABLE_LOCK), (Verb::Unlock, Traits::TABLE_UNLOCK));
    let locked = [Change::TransactionState(b"_______L")];
    let unlocked = [Change::TransactionState(b"________")];
    assert_eq!(rig.run(lock, "lock tables t read", ok(), &locked), PINNED);
    assert_eq!(rig.run((Verb::Select, Traits::empty()), "", found(1), &[]), PINNED);
    assert!(released(&rig.run(unlock, "unlock tables", ok(), &unlocked)));
    let flush = (Verb::Flush, Traits::TABLE_LOCK);
    assert_eq!(rig.run(flush, "flush tables with read lock", ok(), &[]), PINNED);
    assert_eq!(rig.run((Verb::Select, Traits::empty()), "", found(1), &[]), PINNED);
}

#[test]
fn warnings_hold_until_the_next_statement() {
    let mut rig = Rig::new(TRACKED);
    let hold = Keep::Hold(Hold::LastStatement);
    let warned = Summary { warnings: 1, ..found(1) };
    let (select, show) = ((Verb::Select, Traits::empty()), (Verb::Show, Traits::READS_DIAGNOSTICS));
    assert_eq!(rig.preamble(Traits::READS_DIAGNOSTICS).clear_sql, Some(CLEAR_WARNINGS));
    assert_eq!(rig.run(select, "select 1/0 from t", warned, &[]), hold);
    assert!(rig.session.needs_connection(&statement(show.0, show.1)));
    assert!(!rig.session.needs_connection(&statement(select.0, select.1)));
    assert_eq!(rig.preamble(Traits::READS_DIAGNOSTICS).clear_sql, None);
    assert_eq!(rig.run(show, "show warnings", found(1), &[]), hold, "they can be read again");
    assert_eq!(rig.run(select, "select 1", found(1), &[]), hold, "MariaDB keeps them");
    assert!(released(&rig.run(select, "select * from t", found(1), &[])));
}

#[test]
fn hidden_found_rows_hold_until_the_next_count() {
    let hold = Keep::Hold(Hold::LastStatement);
    let select = (Verb::Select, Traits::empty());
    for (verb, sql) in [
        (Verb::Insert, "insert into t select * from u"),
        (Verb::Update, "update t join u using (id) set a=1"),
        (Verb::Select, "select 1 into outfile 'a'"),
    ] {
        let mut rig = Rig::new(TRACKED);
        let what = (verb, Traits::empty());
        assert!(released(&rig.run(select, "select * from t", found(3), &[])));
        assert_eq!(rig.run(what, sql, ok(), &[]), hold, "{sql}");
        assert_eq!(rig.session.last().found_rows, None, "{sql}");
        assert!(rig.session.needs_connection(&statement(select.0, select.1)), "{sql}");
        let update = (Verb::Update, Traits::empty());
        assert_eq!(rig.run(update, "update t set a=1", ok(), &[]), hold, "DML keeps it");
        assert!(released(&rig.run(select, "select * from t", found(2), &[])), "{sql}");
        assert_eq!(rig.session.last().found_rows, Some(2), "{sql}");
    }
    let mut rig = Rig::new(TRACKED);
    rig.run(select, "select * from t", found(3), &[]);
    rig.run((Verb::Update, Traits::empty()), "update t set a=1", ok(), &[]);
    rig.run((Verb::Show, Traits::empty()), "show warnings", found(9), &[]);
    assert_eq!(rig.session.last().found_rows, Some(3));
    rig.run((Verb::Show, Traits::empty()), "show tables", found(4), &[]);
    assert_eq!(rig.session.last().found_rows, Some(4));
}

#[test]
fn a_syntax_error_takes_its_pins_back() {
    let what = (Verb::Select, Traits::USER_VARIABLE_WRITE);
    let mut rig = Rig::new(TRACKED);
    let keep = rig.run(what, "select @a:=", failed(), &[]);
    assert_eq!(keep, Keep::Hold(Hold::LastStatement));
    assert!(rig.session.pins().is_empty());
    let late = Summary { error: Some(1242), ..Summary::default() };
    assert_eq!(rig.run(what, "select @a:=(select a from t)", late, &[]), PINNED);
    assert_eq!(rig.run(what, "select @a:=", failed(), &[]), PINNED, "the pin was there before");
}

#[test]
fn last_insert_id_travels() {
    let mut rig = Rig::new(TRACKED);
    let reads = Traits::READS_LAST_INSERT_ID;
    assert_eq!(rig.preamble(reads).set_sql.as_deref(), Some(&b"SET last_insert_id=0"[..]));
    let inserted = Summary { last_insert_id: 42, affected_rows: 1, ..ok() };
    let insert = (Verb::Insert, Traits::empty());
    assert!(released(&rig.run(insert, "insert into t(v) values ('a')", inserted, &[])));
    assert_eq!(rig.preamble(reads).set_sql.as_deref(), Some(&b"SET last_insert_id=42"[..]));
    rig.run((Verb::Begin, Traits::BEGIN), "begin", in_transaction(), &[]);
    let inserted = Summary { last_insert_id: 43, affected_rows: 1, ..in_transaction() };
    rig.run(insert, "insert into t(v) values ('a')", inserted, &[]);
    assert!(rig.preamble(reads).is_empty(), "the connection held knows");
    assert!(!rig.session.insert_id_in_doubt());
    rig.run(insert, "insert into t values (43)", inserted, &[]);
    assert!(rig.session.insert_id_in_doubt());
    rig.session.resolve_insert_id(43);
    assert_eq!(rig.session.last().insert_id, InsertId::Known(43));
}

#[test]
fn a_fresh_connection_needs_an_insert_id_only_where_the_reply_may_not_tell() {
    let mut rig = Rig::new(TRACKED);
    let insert = statement(Verb::Insert, Traits::empty());
    let fresh = Rc::clone(rig.session.state());
    for (statements, sql, on_connection, wants) in [
        (1, "insert into t(v) values ('a')", Some(7), false),
        (1, "insert into t values (7)", Some(0), false),
        (1, "insert into t values (7)", Some(7), true),
        (1, "insert into t values (7)", Some(8), false),
        (1, "insert into t values (7)", None, true),
        (1, "insert ignore into t(v) values ('a')", Some(0), true),
        (2, "insert into t(v) values ('a'); select 1", Some(0), true),
    ] {
        let insert = Statement { statements, ..insert };
        rig.session.begin(&insert, sql.as_bytes(), true);
        let preamble = rig.session.preamble_for(&insert, &fresh, left(on_connection)).unwrap();
        assert_eq!(preamble.insert_id, wants.then_some(0), "{sql} {on_connection:?}");
        assert!(!preamble.fallible, "an assignment of the id cannot fail");
        assert_eq!(preamble.is_empty(), !wants, "{sql}");
    }
    let given = Preamble { insert_id: Some(0), ..Preamble::default() };
    rig.session.preamble_done(&given, given.count_sql.is_some());
    assert!(rig.session.preamble_for(&insert, &fresh, left(None)).unwrap().set_sql.is_none());
}

#[test]
fn last_insert_id_with_an_argument_pins_unless_told() {
    let mut rig = Rig::new(TRACKED);
    let told = Summary { last_insert_id: 8, affected_rows: 1, ..ok() };
    let update = (Verb::Update, Traits::LAST_INSERT_ID_WRITE);
    assert!(released(&rig.run(update, "update t set v=last_insert_id(v+1)", told, &[])));
    assert_eq!(rig.session.last().insert_id, InsertId::Known(8));
    let rows = Summary { had_resultset: true, rows: 1, ..ok() };
    let select = (Verb::Select, Traits::LAST_INSERT_ID_WRITE);
    assert_eq!(rig.run(select, "select last_insert_id(99)", rows, &[]), PINNED);
    assert!(rig.preamble(Traits::READS_LAST_INSERT_ID).is_empty());
}

#[test]
fn release_closes_and_a_stored_program_does_not() {
    let mut rig = Rig::new(TRACKED);
    assert_eq!(rig.run((Verb::Commit, Traits::RELEASE), "commit release", ok(), &[]), Keep::Close);
    let body = (Verb::Create, Traits::RELEASE | Traits::STORED_PROGRAM);
    assert!(released(&rig.run(body, "create procedure …", ok(), &[])));
    rig.set("SET completion_type=2", &[variable("completion_type", "RELEASE")]);
    for (commit, sql, closes) in [
        (Traits::COMMIT, "COMMIT", true),
        (Traits::ROLLBACK | Traits::CHAIN, "ROLLBACK AND CHAIN", true),
        (Traits::COMMIT, "COMMIT NO RELEASE", false),
        (Traits::SAVEPOINT, "ROLLBACK TO a", false),
    ] {
        let keep = rig.run((Verb::Commit, commit), sql, ok(), &[]);
        assert_eq!(keep == Keep::Close, closes, "{sql}");
    }
}

#[test]
fn what_never_ran_leaves_no_pin() {
    let mut rig = Rig::new(TRACKED);
    let lock = statement(Verb::Lock, Traits::TABLE_LOCK);
    rig.session.begin(&lock, b"lock tables t write", false);
    assert!(!rig.session.pinned());
    assert_eq!(rig.session.pins(), Pins::TABLE_LOCK);
    rig.session.abandon(Some(1290));
    assert!(rig.session.pins().is_empty());
    assert_eq!(rig.session.last().row_count, Some(-1));
}

#[test]
fn the_dialect_follows_sql_mode() {
    let mut rig = Rig::new(TRACKED);
    assert_eq!(rig.session.dialect(), TRACKED.dialect);
    rig.set("SET sql_mode='ANSI'", &[variable("sql_mode", "PIPES_AS_CONCAT,ANSI_QUOTES,ANSI")]);
    assert!(rig.session.dialect().ansi_quotes && !rig.session.dialect().no_backslash_escapes);
}

#[test]
fn what_may_count_rows_runs_where_the_count_so_far_is_known() {
    let mut rig = Rig::new(TRACKED);
    let (select, call) = ((Verb::Select, Traits::empty()), (Verb::Call, Traits::CALL));
    let count = |rig: &mut Rig| {
        let call = statement(call.0, call.1);
        rig.session.begin(&call, b"call p()", false);
        let fresh = Rc::clone(rig.session.state());
        rig.session.preamble_for(&call, &fresh, left(Some(0))).unwrap().count_sql
    };
    assert!(released(&rig.run(select, "select 1 limit 0", found(0), &[])));
    assert_eq!(count(&mut rig).unwrap(), b"SELECT 1 LIMIT 0");
    assert!(released(&rig.run(select, "select * from t", found(2), &[])));
    assert_eq!(count(&mut rig).unwrap(), b"SELECT 1 UNION ALL SELECT 1 LIMIT 2");
    assert!(released(&rig.run(select, "select * from t", found(900), &[])));
    assert!(String::from_utf8(count(&mut rig).unwrap()).unwrap().contains("LIMIT 900"));
    assert_eq!(rig.run(call, "call p()", ok(), &[]), PINNED);
    assert_eq!(count(&mut rig), None, "the connection held knows");
}

#[test]
fn a_connection_that_leaves_knows_its_count() {
    let mut rig = Rig::new(TRACKED);
    assert!(released(&rig.run((Verb::Select, Traits::empty()), "select * from t", found(2), &[])));
    assert_eq!(rig.session.counted(), Some(Some(2)));
    assert!(released(&rig.run((Verb::Update, Traits::empty()), "update t set a=1", ok(), &[])));
    assert_eq!(rig.session.counted(), None, "it ran elsewhere, and left the count there alone");
}

#[test]
fn a_count_that_a_server_refuses_is_not_here() {
    let mut rig = Rig::new(TRACKED);
    assert!(released(&rig.run((Verb::Select, Traits::empty()), "select * from t", found(2), &[])));
    let call = statement(Verb::Call, Traits::CALL);
    for brought in [false, true] {
        rig.session.begin(&call, b"call p()", false);
        let fresh = Rc::clone(rig.session.state());
        let preamble = rig.session.preamble_for(&call, &fresh, left(Some(0))).unwrap();
        assert!(preamble.count_sql.is_some(), "asked again while it is not here");
        rig.session.preamble_done(&preamble, brought);
    }
    let fresh = Rc::clone(rig.session.state());
    assert_eq!(rig.session.preamble_for(&call, &fresh, left(Some(0))).unwrap().count_sql, None);
}

#[test]
fn a_connection_kept_for_its_counts_shows_no_other_sessions_warnings() {
    let mut rig = Rig::new(TRACKED);
    assert!(released(&rig.run((Verb::Select, Traits::empty()), "select * from t", found(2), &[])));
    for (sql, clears) in [
        (&b"set statement default_week_format=4 for select week('2024-03-01')"[..], true),
        (b"set statement default_week_format=4 for select a from t", false),
    ] {
        let set = statement(Verb::Set, Traits::empty());
        rig.session.begin(&set, sql, false);
        let fresh = Rc::clone(rig.session.state());
        let preamble = rig.session.preamble_for(&set, &fresh, left(Some(0))).unwrap();
        assert_eq!(preamble.clear_sql.is_some(), clears);
    }
}

#[test]
fn rows_of_returning_among_several_statements_are_not_counted() {
    let mut rig = Rig::new(TRACKED);
    assert!(released(&rig.run((Verb::Select, Traits::empty()), "select * from t", found(2), &[])));
    let several = Statement { statements: 2, ..statement(Verb::Delete, Traits::empty()) };
    for (sql, brought) in [
        (&b"delete from t; insert into t values (1) returning a"[..], true),
        (b"delete from t; insert into t values (1)", false),
    ] {
        rig.session.begin(&several, sql, false);
        let fresh = Rc::clone(rig.session.state());
        let preamble = rig.session.preamble_for(&several, &fresh, left(Some(0))).unwrap();
        assert_eq!(preamble.count_sql.is_some(), brought);
    }
}
