//! What the classifier says of a text: the words that every floor above speaks.

use bitflags::bitflags;

/// How the server would read a text: follows from the backend and the session's `sql_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// The backends are MariaDB: decides which built-in functions there are.
    pub mariadb: bool,
    /// `sql_mode` holds `ANSI_QUOTES`: `"x"` is an identifier, not a string.
    pub ansi_quotes: bool,
    /// `sql_mode` holds `NO_BACKSLASH_ESCAPES`: `\` in a string is an ordinary character.
    pub no_backslash_escapes: bool,
}

/// Whether a text may run on a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Every statement can only read, and the answer does not depend on the connection.
    Read,
    /// Anything else: it writes, locks, depends on a connection, or is not understood.
    Write,
}

/// Where a comment in the text asks to send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hint {
    /// `/* lanewire:primary */` or `/*master*/`. Wins over a replica hint beside it.
    Primary,
    /// `/* lanewire:replica */`. Never makes a write a read.
    Replica,
}

/// The kind of the first statement of a text, by its first keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// No statement: white space, comments, semicolons.
    Empty,
    /// `SELECT`, `(SELECT`.
    Select,
    /// `WITH`, whatever follows the list of common table expressions.
    With,
    /// `VALUES ROW(…)`.
    Values,
    /// `TABLE t`.
    Table,
    /// `SHOW`.
    Show,
    /// `EXPLAIN`, `DESCRIBE`, `DESC`.
    Explain,
    /// `ANALYZE`: of a table, or MariaDB's of a statement.
    Analyze,
    /// `INSERT`.
    Insert,
    /// `REPLACE`.
    Replace,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// `LOAD DATA`, `LOAD XML`, `LOAD INDEX`.
    Load,
    /// `CALL`.
    Call,
    /// `DO`.
    Do,
    /// `SET` in all its forms.
    Set,
    /// `USE`.
    Use,
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`, with or without `TO SAVEPOINT`.
    Rollback,
    /// `SAVEPOINT`, `RELEASE SAVEPOINT`.
    Savepoint,
    /// `XA`.
    Xa,
    /// `LOCK TABLES`, `LOCK INSTANCE`.
    Lock,
    /// `UNLOCK TABLES`, `UNLOCK INSTANCE`.
    Unlock,
    /// `FLUSH`.
    Flush,
    /// `BACKUP`.
    Backup,
    /// `PREPARE`.
    Prepare,
    /// `EXECUTE`, `EXECUTE IMMEDIATE`.
    Execute,
    /// `DEALLOCATE PREPARE`, `DROP PREPARE`.
    Deallocate,
    /// `HANDLER`.
    Handler,
    /// `CREATE`.
    Create,
    /// `ALTER`.
    Alter,
    /// `DROP`.
    Drop,
    /// `TRUNCATE`.
    Truncate,
    /// `RENAME`.
    Rename,
    /// `GRANT`.
    Grant,
    /// `REVOKE`.
    Revoke,
    /// `KILL`.
    Kill,
    /// `GET DIAGNOSTICS`.
    Diagnostics,
    /// `HELP`.
    Help,
    /// Maintenance and administration: `OPTIMIZE`, `REPAIR`, `PURGE`, `INSTALL`, `CHANGE` ….
    Admin,
    /// A compound statement: `BEGIN NOT ATOMIC`, `IF`, `LOOP`, `DECLARE` ….
    Compound,
    /// A first word that is none of these.
    Other,
}

bitflags! {
    /// What a text does or depends on beside reading and writing tables. For several
    /// statements: the union.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Traits: u64 {
        // State that lives on the connection and that no tracker names: pins.
        /// `@v :=`, `SET @v =`, `INTO @v`, an OUT argument of `CALL`, `LOAD DATA … (@v)`.
        const USER_VARIABLE_WRITE = 1;
        /// `CREATE TEMPORARY TABLE` (or sequence).
        const TEMPORARY_TABLE_CREATE = 1 << 1;
        /// `DROP TEMPORARY TABLE`, or a `DROP TABLE` that may drop a temporary one.
        const TEMPORARY_TABLE_DROP = 1 << 2;
        /// `LOCK TABLES`, `LOCK INSTANCE`, `FLUSH … WITH READ LOCK`, `FOR EXPORT`,
        /// `BACKUP STAGE`, `BACKUP LOCK`.
        const TABLE_LOCK = 1 << 3;
        /// `UNLOCK TABLES`, `UNLOCK INSTANCE`, `BACKUP STAGE END`, `BACKUP UNLOCK`.
        const TABLE_UNLOCK = 1 << 4;
        /// `GET_LOCK()`, and MySQL's locking service.
        const NAMED_LOCK = 1 << 5;
        /// `RELEASE_LOCK()`, `RELEASE_ALL_LOCKS()`.
        const NAMED_LOCK_RELEASE = 1 << 6;
        /// `HANDLER … OPEN` (and READ: it is of use only on the connection that opened).
        const HANDLER_OPEN = 1 << 7;
        /// `HANDLER … CLOSE`.
        const HANDLER_CLOSE = 1 << 8;
        /// `PREPARE s FROM …`.
        const TEXT_PREPARE = 1 << 9;
        /// `DEALLOCATE PREPARE`, `DROP PREPARE`.
        const TEXT_DEALLOCATE = 1 << 10;
        /// `EXECUTE s`, `EXECUTE IMMEDIATE …`: can do whatever a statement can.
        const TEXT_EXECUTE = 1 << 11;
        /// `SQL_CALC_FOUND_ROWS`: a later `FOUND_ROWS()` cannot be counted from the reply.
        const CALC_FOUND_ROWS = 1 << 12;
        /// `CALL`.
        const CALL = 1 << 13;
        /// A `SET` that may do more than set plain system variables: `SET @v`, `SET ROLE`,
        /// `SET x = @v`, a function off the list ….
        const UNKNOWN_SET = 1 << 14;
        /// Sets a variable whose value is an event and not a state (`timestamp`,
        /// `insert_id`, `rand_seed1`, `pseudo_thread_id`, `sql_log_bin`, `profiling` …).
        const EVENT_VARIABLE = 1 << 15;
        /// `SET TRANSACTION …` or `SET @@transaction_isolation = …`, without a scope: holds
        /// for the next transaction only.
        const ONE_SHOT_TRANSACTION = 1 << 16;
        /// `SET GLOBAL`, `SET PERSIST`, `SET @@global.x`.
        const SET_GLOBAL = 1 << 17;
        /// A compound statement outside a routine: anything may happen in it.
        const COMPOUND = 1 << 18;
        /// The text could not be understood: an unknown first keyword, an executable comment
        /// whose end is in doubt, `[`, a change of `sql_mode` in front of more statements.
        const UNKNOWN = 1 << 19;
        /// `LAST_INSERT_ID(expr)`: sets what a later `LAST_INSERT_ID()` returns.
        const LAST_INSERT_ID_WRITE = 1 << 20;
        /// `NEXTVAL()`, `NEXT VALUE FOR`, `SETVAL()`: writes, and sets what `LASTVAL()`
        /// returns on this connection.
        const SEQUENCE_NEXT = 1 << 21;
        /// `LASTVAL()`, `PREVIOUS VALUE FOR`: depends on the connection's `NEXTVAL()`.
        const SEQUENCE_PREVIOUS = 1 << 22;

        // State changes that the trackers report in full.
        /// Every `SET` in the text does nothing but set system variables, names or the
        /// session's transaction characteristics, from values that hold anywhere. With
        /// several statements: only if every other one is a read, a USE or the like.
        const PLAIN_SET = 1 << 23;
        /// `USE db` (the same condition for several statements).
        const USE = 1 << 24;

        // Answers that depend on the connection or on the statement before.
        /// `@v` is read.
        const READS_USER_VARIABLE = 1 << 25;
        /// `SHOW WARNINGS/ERRORS`, `GET DIAGNOSTICS`, `@@warning_count`, `@@error_count`.
        const READS_DIAGNOSTICS = 1 << 26;
        /// `ROW_COUNT()`.
        const READS_ROW_COUNT = 1 << 27;
        /// `FOUND_ROWS()`.
        const READS_FOUND_ROWS = 1 << 28;
        /// `LAST_INSERT_ID()`, `@@identity`, `@@last_insert_id`.
        const READS_LAST_INSERT_ID = 1 << 29;
        /// `CONNECTION_ID()`, `@@pseudo_thread_id`.
        const READS_CONNECTION_ID = 1 << 30;
        /// Some `@@x` is read.
        const READS_VARIABLE = 1 << 31;
        /// The answer is about a server and not about data: `SHOW STATUS`,
        /// `performance_schema`, `@@hostname`, `@@global.x` ….
        const SERVER_STATE = 1 << 32;

        // Transactions.
        /// `BEGIN`, `START TRANSACTION` in all forms.
        const BEGIN = 1 << 33;
        /// `START TRANSACTION` with `READ ONLY`, as the only statement of the text.
        const BEGIN_READ_ONLY = 1 << 34;
        /// `COMMIT`.
        const COMMIT = 1 << 35;
        /// `ROLLBACK` of the whole transaction.
        const ROLLBACK = 1 << 36;
        /// `AND CHAIN`: a transaction follows at once.
        const CHAIN = 1 << 37;
        /// `RELEASE`: the server closes the connection.
        const RELEASE = 1 << 38;
        /// `SAVEPOINT`, `ROLLBACK TO`, `RELEASE SAVEPOINT`.
        const SAVEPOINT = 1 << 39;
        /// DDL and administration that commit the open transaction.
        const IMPLICIT_COMMIT = 1 << 40;
        /// `XA …`.
        const XA = 1 << 41;
        /// Sets `autocommit`.
        const SETS_AUTOCOMMIT = 1 << 42;

        // The rest.
        /// `KILL …`: see `kill_target`.
        const KILL = 1 << 43;
        /// `FOR UPDATE`, `FOR SHARE`, `LOCK IN SHARE MODE`.
        const LOCKING_READ = 1 << 44;
        /// `LOAD DATA LOCAL`, `LOAD XML LOCAL`: the reply asks the client for a file.
        const LOAD_LOCAL = 1 << 45;
        /// Calls a function that is not on the list of read-only built-ins: a stored function
        /// or a loadable one, which may write and may change the connection's state.
        const STORED_FUNCTION = 1 << 46;
        /// An executable comment that the server may run or skip, by its version.
        const VERSION_COMMENT = 1 << 47;
        /// Defines a stored program: releases and commits in its body do not happen now.
        const STORED_PROGRAM = 1 << 48;
        /// A UNION: `FOUND_ROWS()` need not be the number of rows sent.
        const UNION = 1 << 49;
        /// Reads or sets the session's `session_track_*`, or shows all of its variables: what
        /// it means are the client's trackers, not those that the proxy asks for.
        const TRACKERS = 1 << 50;
        /// Shows a server's connections by its own ids: `SHOW PROCESSLIST`,
        /// `information_schema.processlist`, `performance_schema.threads` ….
        const SHOWS_THREADS = 1 << 51;
    }
}

impl Traits {
    /// What leaves state on the connection that no tracker describes: a session that runs this
    /// has to keep its connection (until the matching release, where there is one).
    pub const PINS: Self = Self::USER_VARIABLE_WRITE
        .union(Self::TEMPORARY_TABLE_CREATE)
        .union(Self::TABLE_LOCK)
        .union(Self::NAMED_LOCK)
        .union(Self::HANDLER_OPEN)
        .union(Self::TEXT_PREPARE)
        .union(Self::TEXT_EXECUTE)
        .union(Self::CALC_FOUND_ROWS)
        .union(Self::UNKNOWN_SET)
        .union(Self::EVENT_VARIABLE)
        .union(Self::ONE_SHOT_TRANSACTION)
        .union(Self::COMPOUND)
        .union(Self::UNKNOWN)
        .union(Self::LAST_INSERT_ID_WRITE)
        .union(Self::SEQUENCE_NEXT);

    /// What ends a state of the connection. Never trusted where the text may have been skipped.
    pub const RELEASES: Self = Self::TABLE_UNLOCK
        .union(Self::NAMED_LOCK_RELEASE)
        .union(Self::HANDLER_CLOSE)
        .union(Self::TEXT_DEALLOCATE)
        .union(Self::TEMPORARY_TABLE_DROP);

    /// What the session's earlier statements decide: the answer must be as the connection of
    /// the previous statement would give it.
    pub const READS_SESSION: Self = Self::READS_USER_VARIABLE
        .union(Self::READS_DIAGNOSTICS)
        .union(Self::READS_ROW_COUNT)
        .union(Self::READS_FOUND_ROWS)
        .union(Self::READS_LAST_INSERT_ID)
        .union(Self::READS_CONNECTION_ID)
        .union(Self::SEQUENCE_PREVIOUS);

    /// Runs statements that are not in the text, or that could not be read in it.
    pub const PROGRAMS: Self =
        Self::CALL.union(Self::TEXT_EXECUTE).union(Self::COMPOUND).union(Self::UNKNOWN);

    /// With any of these a text is no read, whatever its first keyword.
    pub(super) const NOT_READ: Self = Self::all()
        .difference(Self::READS_VARIABLE)
        .difference(Self::VERSION_COMMENT)
        .difference(Self::UNION);
}

/// What a text is. Made by [`classify`](super::classify).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The first statement's kind.
    pub verb: Verb,
    /// Whether a replica may run the whole text.
    pub access: Access,
    /// What it does and depends on beside that.
    pub traits: Traits,
    /// Where a comment asks to send it.
    pub hint: Option<Hint>,
    /// Statements that are not empty, in the text; saturates.
    pub statements: u16,
}

impl Statement {
    /// Whether it is a SELECT that changes nothing, and is no read only for asking what the
    /// session's earlier statements left.
    #[must_use]
    pub fn only_asks(&self) -> bool {
        let more = Traits::NOT_READ.difference(Traits::READS_SESSION);
        self.verb == Verb::Select && self.statements == 1 && !self.traits.intersects(more)
    }

    /// What to take a text for that cannot be read at all (see
    /// [`charset_hides`](super::charset_hides)): a write that pins.
    pub const OPAQUE: Self = Self {
        verb: Verb::Other,
        access: Access::Write,
        traits: Traits::UNKNOWN,
        hint: None,
        statements: 1,
    };

    /// One SELECT that only reads, may run anywhere and does nothing that has a trait.
    #[must_use]
    pub fn is_plain_read(&self) -> bool {
        self.access == Access::Read
            && self.verb == Verb::Select
            && self.traits.is_empty()
            && self.hint.is_none()
            && self.statements == 1
    }
}
