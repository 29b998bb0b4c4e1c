//! What one client of the demo does, and how it knows that the answers are right.
//!
//! Every read ends with the column `server`: the name of who answered.

use super::backends::ITEMS;
use super::tally::Tally;
use crate::client::{Address, Client, Error, Options, Reply};
use fastrand::Rng;
use std::time::Instant;

/// Who answers, as a column. A sub-select: a locking read around it does not lock this row.
const WHO: &str = "(SELECT server FROM whoami)";

/// The schema that clients begin in.
pub(super) const HOME: &str = "demo_a";

pub(super) fn connect(address: &str) -> Result<Client, Error> {
    Client::connect(&Options::new(Address::Tcp(address.into()), "app", "app"))
}

/// The name of the server that answers a read.
pub(super) fn who_answers(client: &mut Client) -> Result<String, Error> {
    let reply = client.must(&format!("SELECT home, server FROM {HOME}.whoami"))?;
    Ok(last_cell(&reply))
}

fn last_cell(reply: &Reply) -> String {
    let row = reply.table().into_iter().next();
    row.and_then(|row| row.into_iter().last()).unwrap_or_default()
}

/// One client.
pub(super) struct Worker {
    client: Client,
    random: Rng,
    /// Whether the servers hold data, so that answers can be checked.
    exact: bool,
    pub(super) tally: Tally,
}

/// What went wrong, in words.
type Outcome<T> = Result<T, String>;

impl Worker {
    pub(super) fn connect(address: &str, exact: bool, seed: u64) -> Outcome<Self> {
        let mut client = connect(address).map_err(|error| format!("{address}: {error}"))?;
        client.init_db(HOME).map_err(|error| error.to_string())?;
        Ok(Self { client, random: Rng::with_seed(seed), exact, tally: Tally::new() })
    }

    /// One random step of the mix.
    pub(super) fn step(&mut self) -> Outcome<()> {
        match self.random.u8(..100) {
            0..60 => self.point_select(),
            60..70 => self.range(),
            70..75 => self.aggregate(),
            75..82 => self.single_write(),
            82..94 => self.transaction(),
            94..97 => self.set_variable(),
            97..99 => self.use_schema(),
            _ => self.user_variable(),
        }
    }

    fn item(&mut self) -> u64 {
        self.random.u64(1..=ITEMS)
    }

    fn point_select(&mut self) -> Outcome<()> {
        let id = self.item();
        let sql = format!("SELECT id, c, {WHO} FROM items WHERE id={id}");
        let row = self.free_read(&sql)?;
        self.check(&sql, &row[0], &id.to_string())
    }

    fn range(&mut self) -> Outcome<()> {
        let from = self.random.u64(1..=ITEMS - 20);
        self.free_read(&format!(
            "SELECT id, k, c, {WHO} FROM items WHERE id BETWEEN {from} AND {} ORDER BY id",
            from + 19
        ))
        .map(drop)
    }

    fn aggregate(&mut self) -> Outcome<()> {
        let from = self.random.u64(1..=ITEMS - 100);
        let sql = format!(
            "SELECT COUNT(*), {WHO} FROM (SELECT id FROM items WHERE id BETWEEN {from} AND {}) part",
            from + 99
        );
        let row = self.free_read(&sql)?;
        self.check(&sql, &row[0], "100")
    }

    fn single_write(&mut self) -> Outcome<()> {
        let id = self.item();
        if self.random.bool() {
            self.write(&format!("UPDATE items SET k=k+1 WHERE id={id}"))?;
            self.tally.committed += 1;
            return Ok(());
        }
        let reply =
            self.write(&format!("INSERT INTO events (item, note) VALUES ({id}, 'single')"))?;
        let event = reply.ok().map_or(0, |ok| ok.last_insert_id);
        self.tally.committed += 1;
        self.write(&format!("DELETE FROM events WHERE id={event}"))?;
        self.tally.committed += 1;
        Ok(())
    }

    /// Reads its own writes, locks included; one in eight is rolled back.
    fn transaction(&mut self) -> Outcome<()> {
        let id = self.item();
        let began = Instant::now();
        self.run("BEGIN")?;
        let sql = format!("SELECT k, {WHO} FROM items WHERE id={id} FOR UPDATE");
        let k: i64 = self.bound_read(&sql)?[0].parse().unwrap_or_default();
        self.write(&format!("UPDATE items SET k=k+1 WHERE id={id}"))?;
        let sql = format!("SELECT k, {WHO} FROM items WHERE id={id}");
        let row = self.bound_read(&sql)?;
        self.check(&sql, &row[0], &(k + 1).to_string())?;
        let reply = self.write(&format!("INSERT INTO events (item, note) VALUES ({id}, 'trx')"))?;
        let event = reply.ok().map_or(0, |ok| ok.last_insert_id);
        let row = self.bound_read("SELECT LAST_INSERT_ID(), server FROM whoami")?;
        self.check("SELECT LAST_INSERT_ID()", &row[0], &event.to_string())?;
        if self.random.u8(..8) == 0 {
            self.run("ROLLBACK")?;
        } else {
            self.run("COMMIT")?;
            self.tally.committed += 2;
        }
        Tally::record(&mut self.tally.transaction_ns, began.elapsed());
        Ok(())
    }

    fn set_variable(&mut self) -> Outcome<()> {
        let value = self.random.u32(1024..100_000).to_string();
        self.run(&format!("SET SESSION group_concat_max_len={value}"))?;
        let sql = "SELECT @@group_concat_max_len, server FROM whoami";
        let row = self.free_read(sql)?;
        self.check(sql, &row[0], &value)
    }

    fn use_schema(&mut self) -> Outcome<()> {
        for schema in ["demo_b", HOME] {
            self.run(&format!("USE {schema}"))?;
            let sql = "SELECT home, server FROM whoami";
            let row = self.free_read(sql)?;
            self.check(sql, &row[0], schema)?;
        }
        Ok(())
    }

    /// A user variable lives on one connection only; a reset ends that.
    fn user_variable(&mut self) -> Outcome<()> {
        let value = self.random.u32(..).to_string();
        self.run(&format!("SET @demo={value}"))?;
        let sql = "SELECT @demo, server FROM whoami";
        let row = self.bound_read(sql)?;
        self.check(sql, &row[0], &value)?;
        self.client.reset_connection().map_err(|error| format!("reset: {error}"))?;
        self.client.init_db(HOME).map_err(|error| format!("init_db: {error}"))?;
        self.tally.statements += 2;
        Ok(())
    }

    fn free_read(&mut self, sql: &str) -> Outcome<Vec<String>> {
        let began = Instant::now();
        let row = self.read(sql, true)?;
        Tally::record(&mut self.tally.read_ns, began.elapsed());
        Ok(row)
    }

    fn bound_read(&mut self, sql: &str) -> Outcome<Vec<String>> {
        self.read(sql, false)
    }

    /// The first row; its last cell is who answered.
    fn read(&mut self, sql: &str, free: bool) -> Outcome<Vec<String>> {
        let reply = self.run(sql)?;
        self.tally.read(free, &last_cell(&reply)).map_err(|error| format!("{sql}: {error}"))?;
        reply.table().into_iter().next().ok_or_else(|| format!("{sql}: no row"))
    }

    fn write(&mut self, sql: &str) -> Outcome<Reply> {
        let reply = self.run(sql)?;
        self.tally.writes += 1;
        Ok(reply)
    }

    fn run(&mut self, sql: &str) -> Outcome<Reply> {
        let reply = self.client.must(sql).map_err(|error| format!("{sql}: {error}"))?;
        self.tally.statements += 1;
        Ok(reply)
    }

    fn check(&self, sql: &str, got: &str, expected: &str) -> Outcome<()> {
        if self.exact && got != expected {
            return Err(format!("{sql}: answered {got:?}, expected {expected:?}"));
        }
        Ok(())
    }
}
