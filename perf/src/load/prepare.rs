//! A workload's tables: made, filled, dropped.

use super::definition::Table;
use super::{LoadError, Plan};
use crate::client::{Client, Options};
use std::fmt::Write as _;

/// An INSERT is sent when it is this long, in bytes; servers take 1 MiB at least.
const INSERT_LEN: usize = 256 * 1024;
/// The seed of what the rows hold: the same on every server.
const SEED: u64 = 1;

/// Makes the schema and the tables of `plan`'s workload where they are missing, and adds the rows
/// that are missing. Drops nothing. `on_table` is told each table and how many rows it has got.
///
/// # Errors
/// The login or a statement fails.
pub fn prepare(plan: &Plan, on_table: &mut dyn FnMut(&str, u64)) -> Result<(), LoadError> {
    let mut target = Options { schema: None, ..plan.target.clone() };
    target = target.timeout(plan.timeout);
    let mut client = Client::connect(&target).map_err(|error| LoadError::First { error })?;
    if let Some(schema) = &plan.target.schema {
        if !has(&mut client, &format!("SHOW DATABASES LIKE '{schema}'"))? {
            run(&mut client, &format!("CREATE DATABASE `{schema}`"))?;
        }
        run(&mut client, &format!("USE `{schema}`"))?;
    }
    for table in &plan.definition.tables {
        let columns = &table.columns;
        run(&mut client, &format!("CREATE TABLE IF NOT EXISTS {} ({columns})", table.name))?;
        on_table(&table.name, fill(&mut client, table)?);
    }
    Ok(())
}

/// Drops the tables of `plan`'s workload.
///
/// # Errors
/// The login or a statement fails.
pub fn clean_up(plan: &Plan) -> Result<(), LoadError> {
    let target = plan.target.clone().timeout(plan.timeout);
    let mut client = Client::connect(&target).map_err(|error| LoadError::First { error })?;
    for table in &plan.definition.tables {
        run(&mut client, &format!("DROP TABLE IF EXISTS {}", table.name))?;
    }
    Ok(())
}

/// Adds the rows from the first missing one on; returns how many those are.
fn fill(client: &mut Client, table: &Table) -> Result<u64, LoadError> {
    let count = run(client, &format!("SELECT COUNT(*) FROM {}", table.name))?;
    let present: u64 = count.and_then(|cell| cell.parse().ok()).unwrap_or(0);
    let mut random = fastrand::Rng::with_seed(SEED);
    let head = format!("INSERT IGNORE INTO {} VALUES ", table.name);
    let mut sql = head.clone();
    // A table that has fewer rows than it should may lack any of them.
    let last = if present < table.rows { table.rows } else { 0 };
    for row in 1..=last {
        let comma = if sql.len() == head.len() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(sql, "{comma}({})", table.row.text(&mut random, row));
        if sql.len() >= INSERT_LEN || row == table.rows {
            run(client, &sql)?;
            sql.truncate(head.len());
        }
    }
    Ok(table.rows.saturating_sub(present))
}

fn has(client: &mut Client, sql: &str) -> Result<bool, LoadError> {
    run(client, sql).map(|cell| cell.is_some())
}

/// The first cell of the answer.
fn run(client: &mut Client, sql: &str) -> Result<Option<String>, LoadError> {
    let reply = client.query(sql).map_err(|error| LoadError::First { error })?;
    match reply.error() {
        Some(error) => {
            let sql = sql.chars().take(200).collect();
            Err(LoadError::Statement { sql, error: error.clone() })
        }
        None => Ok(reply.first_cell()),
    }
}
