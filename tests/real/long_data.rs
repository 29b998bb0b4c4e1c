//! COM_STMT_SEND_LONG_DATA, and what else a statement keeps beside its text.

use crate::prepared_alike::compare;
use crate::transcript::{Transcript, first_text, int, text};
use crate::{Context, Test};
use lanewire_perf::client::{Client, flags};

pub(crate) const TESTS: &[Test] = &[
    ("long_data::as_one_server", as_one_server),
    ("long_data::messages_stay", messages_stay),
    ("long_data::types_count_in_their_character_set", types_count_in_their_character_set),
    ("long_data::nobody_elses", nobody_elses),
];

fn as_one_server(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS psd",
        "CREATE TABLE psd (id INT PRIMARY KEY, a LONGBLOB, b LONGBLOB)",
    ]);
    compare(context, |session| {
        session.query("TRUNCATE psd");
        let insert = session.prepare("INSERT INTO psd VALUES (?, ?, ?)");
        let select = session.prepare("SELECT LENGTH(a), a, b FROM psd WHERE id = ?");
        let echo = session.prepare("SELECT ?");
        session.long_data(echo, 0, b"one ");
        session.long_data(echo, 0, b"two");
        // Other statements come between.
        session.query("SELECT 7");
        session.execute(select, &[int(1)]);
        // NULLs, types, no value.
        session.execute_bytes(echo, &[0, 1, 0, 0, 0, 0, 1, 0xFC, 0]);
        session.execute(echo, &[text("three")]);
        session.long_data(insert, 1, &[b'x'; 100_000]);
        session.long_data(insert, 1, b"y");
        session
            .execute_bytes(insert, &[0, 1, 0, 0, 0, 0b100, 1, 3, 0, 0xFC, 0, 0xFC, 0, 5, 0, 0, 0]);
        context.in_sync();
        let length = session.prepare("SELECT LENGTH(a), b IS NULL FROM psd WHERE id = ?");
        session.execute(length, &[int(5)]);
        // Forgotten: by RESET, by CLOSE, and with a parameter that is none.
        session.long_data(echo, 0, b"lost");
        session.reset(echo);
        session.execute(echo, &[text("kept")]);
        session.long_data(echo, 7, b"lost");
        session.execute(echo, &[text("kept")]);
        session.reset(echo);
        session.execute(echo, &[text("kept")]);
        session.long_data(echo, 0, b"lost");
        session.close(echo);
        session.execute(echo, &[text("closed")]);
        session.long_data(echo, 0, b"nobody's");
        // Two of the same text.
        let twins = [session.prepare("SELECT ?, 2"), session.prepare("SELECT ?, 2")];
        for _ in 0..3 {
            session.long_data(twins[0], 0, b"first");
            session.execute(twins[1], &[text("second")]);
            session.long_data(twins[1], 0, b"third");
            let third = session.prepare("SELECT ?, 2");
            session.execute(third, &[int(3)]);
            for twin in twins {
                session.execute_bytes(twin, &[0, 1, 0, 0, 0, 0, 1, 0xFC, 0]);
            }
        }
        session.query("SELECT 8");
    });
}

fn messages_stay(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS psm",
        "CREATE TABLE psm (id INT PRIMARY KEY)",
        "INSERT INTO psm VALUES (5)",
    ]);
    compare(context, |session| {
        // A write's error stays where the data makes the connection prepare the statement.
        let elsewhere = session.prepare("SELECT ?, 'prepared on a replica'");
        session.query("INSERT INTO psm (id) VALUES (5)");
        session.long_data(elsewhere, 0, b"data");
        session.query("SHOW ERRORS");
        session.query("SELECT @@error_count");
        session.close(elsewhere);
        let elsewhere = session.prepare("SELECT id FROM psm WHERE id = ?");
        session.query("SET NAMES no_such_charset");
        session.long_data(elsewhere, 0, b"data");
        session.query("SHOW WARNINGS");
        session.close(elsewhere);
        // And so do a read's messages.
        for read in ["SELECT ROW_COUNT(), FOUND_ROWS()", "SELECT CAST('x' AS SIGNED)", "SELECT no"]
        {
            let elsewhere = session.prepare("SELECT ?, 'prepared on a replica'");
            session.query(read);
            session.long_data(elsewhere, 0, b"data");
            session.query("SHOW WARNINGS");
            session.query("SHOW COUNT(*) WARNINGS");
            session.close(elsewhere);
            // MySQL's PREPARE has emptied the list.
            session.query(read);
            let elsewhere = session.prepare("SELECT ?, 'prepared after it'");
            session.long_data(elsewhere, 0, b"data");
            session.query("SELECT @@warning_count");
            session.close(elsewhere);
        }
    });
}

fn types_count_in_their_character_set(context: &Context) {
    compare(context, |session| {
        // Types that were told count in the character set that they were told in.
        let echo = session.prepare("SELECT CONCAT('a', ?)");
        for names in ["utf8mb4", "latin1", "utf8mb4", "latin1"] {
            session.query(&format!("SET NAMES {names}"));
            session.execute(echo, &[text("é")]);
            // The other replica's turn, and this one's again.
            for _ in 0..3 {
                session.execute_bytes(echo, &[0, 1, 0, 0, 0, 0, 0, 2, 0xC3, 0xA9]);
            }
        }
        session.close(echo);
    });
}

/// Left behind by one session, not found by the next.
fn nobody_elses(context: &Context) {
    let lanewire = context.lanewire_as("[pool]\nmax-connections = 1\n", &["--shards=1"]);
    for _ in 0..4 {
        let mut session = Transcript::new(
            Client::connect(&lanewire.options().with(flags::DEPRECATE_EOF)).unwrap(),
        );
        let echo = session.prepare("SELECT CONCAT(?, '!')");
        let reply = session.execute(echo, &[text("mine")]);
        assert_eq!(first_text(&reply), "mine!");
        session.long_data(echo, 0, b"another's");
    }
}
