//! Workload definitions: what the connections of a load say.
//!
//! A definition is a TOML file; `perf/definitions` has those that the program brings along. A
//! connection draws an operation by its weight and runs the operation's statements one after the
//! other; an operation is what is counted and timed.

mod builtin;
mod template;

use builtin::BUILTIN;
use serde::Deserialize;
use std::path::Path;
pub use template::Template;
pub(crate) use template::Value;

/// What is wrong with a definition, in words that name the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DefinitionError(String);

/// A table that a workload needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What stands in the parentheses of its CREATE TABLE.
    pub columns: String,
    /// The values of one row.
    pub row: Template,
    /// How many rows; 0 leaves it empty.
    pub rows: u64,
}

/// Statements that belong together: counted and timed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its name in the reports.
    pub name: String,
    /// How often it is drawn, against the others.
    pub weight: u32,
    /// The statements, one result each, run one after the other on one connection.
    pub statements: Vec<Template>,
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub about: String,
    /// How many connections it is meant for.
    pub connections: Option<usize>,
    /// How long a connection rests after an operation, in milliseconds; closed loop only.
    pub think_ms: u64,
    /// Dials and logs in for each operation, and leaves after it.
    pub connect_each_time: bool,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its operations, one at least.
    pub operations: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    about: String,
    connections: Option<usize>,
    #[serde(default)]
    think_ms: u64,
    #[serde(default)]
    connect_each_time: bool,
    #[serde(default)]
    table: Vec<TableEntry>,
    #[serde(default)]
    operation: Vec<OperationEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableEntry {
    name: String,
    columns: String,
    #[serde(default)]
    row: String,
    #[serde(default)]
    rows: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationEntry {
    name: String,
    #[serde(default = "one")]
    weight: u32,
    statements: Vec<String>,
}

const fn one() -> u32 {
    1
}

impl Definition {
    /// The definitions that the program brings along.
    #[must_use]
    pub fn builtin() -> Vec<Self> {
        BUILTIN
            .iter()
            .map(|(name, text)| Self::parse(name, text).expect("a test reads them all"))
            .collect()
    }

    /// One of the program's own by its name, or the file of that path.
    ///
    /// # Errors
    /// There is no such file, or it is no definition.
    pub fn load(name: &str) -> Result<Self, DefinitionError> {
        if let Some((name, text)) = BUILTIN.iter().find(|(known, _)| *known == name) {
            return Self::parse(name, text);
        }
        let text = std::fs::read_to_string(name).map_err(|error| {
            let names = BUILTIN.map(|(name, _)| name).join(", ");
            DefinitionError(format!(
                "workload {name:?}: {error}; name a definition file, or one of {names}"
            ))
        })?;
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&stem, &text)
    }

    /// One statement as it is, without placeholders.
    #[must_use]
    pub fn of_statement(sql: &str) -> Self {
        let name = "statement";
        let statements = vec![Template::literal(sql)];
        Self {
            name: name.into(),
            about: sql.into(),
            connections: None,
            think_ms: 0,
            connect_each_time: false,
            tables: Vec::new(),
            operations: vec![Operation { name: name.into(), weight: 1, statements }],
        }
    }

    /// Reads a definition.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(name: &str, text: &str) -> Result<Self, DefinitionError> {
        let wrong = |what: String| DefinitionError(format!("workload {name}: {what}"));
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let tables = file.table.into_iter().map(|entry| table(entry).map_err(wrong));
        let tables = tables.collect::<Result<_, _>>()?;
        let operations = file.operation.into_iter().map(|entry| operation(entry).map_err(wrong));
        let operations: Vec<Operation> = operations.collect::<Result<_, _>>()?;
        if operations.iter().map(|operation| u64::from(operation.weight)).sum::<u64>() == 0 {
            return Err(wrong("it has no [[operation]] with a weight above 0; add one".into()));
        }
        Ok(Self {
            name: name.into(),
            about: file.about,
            connections: file.connections,
            think_ms: file.think_ms,
            connect_each_time: file.connect_each_time,
            tables,
            operations,
        })
    }
}

fn table(entry: TableEntry) -> Result<Table, String> {
    let TableEntry { name, columns, row, rows } = entry;
    let row = Template::parse(&row).map_err(|error| format!("table {name}: {error}"))?;
    if rows > 0 && !row.needs_row() {
        return Err(format!("table {name}: its row has no {{row}}; its key needs that"));
    }
    Ok(Table { name, columns, row, rows })
}

fn operation(entry: OperationEntry) -> Result<Operation, String> {
    let OperationEntry { name, weight, statements } = entry;
    let wrong = |what: &str| format!("operation {name}: {what}");
    let statements = statements.iter().map(|sql| Template::parse(sql));
    let statements: Vec<Template> =
        statements.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
    if statements.is_empty() {
        return Err(wrong("it has no statements"));
    }
    if statements.iter().any(Template::needs_row) {
        return Err(wrong("{row} is for a table's row; write {int:MIN..MAX}"));
    }
    Ok(Operation { name, weight, statements })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_own_are_right() {
        let all = Definition::builtin();
        assert_eq!(all.len(), BUILTIN.len());
        let idle = Definition::load("idle-10k").unwrap();
        assert_eq!((idle.connections, idle.think_ms), (Some(10_000), 10_000));
        assert!(Definition::load("connect-per-query").unwrap().connect_each_time);
        let mixed = Definition::load("mixed").unwrap();
        let weights: Vec<u32> = mixed.operations.iter().map(|one| one.weight).collect();
        assert_eq!(weights, [70, 15, 10, 5]);
    }

    #[test]
    fn every_file_of_the_folder_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        let mut names = BUILTIN.map(|(name, _)| name.to_owned());
        files.sort();
        names.sort();
        assert_eq!(files, names);
    }

    #[test]
    fn errors_name_the_place_and_the_fix() {
        let wrong = |text: &str| Definition::parse("w", text).unwrap_err().to_string();
        assert!(wrong("about='x'").contains("[[operation]]"));
        assert!(wrong("about='x'\nthink_ms=3").contains("think-ms"));
        let none = "about='x'\n[[operation]]\nname='a'\nstatements=[]";
        assert!(wrong(none).contains("operation a: it has no statements"));
        let row = "about='x'\n[[operation]]\nname='a'\nstatements=['SELECT {row}']";
        assert!(wrong(row).contains("{int:MIN..MAX}"));
        let table = "about='x'\n[[table]]\nname='t'\ncolumns='a INT'\nrow='1'\nrows=3";
        assert!(wrong(table).contains("table t"));
        let error = Definition::load("no-such").unwrap_err().to_string();
        assert!(error.contains("point-select") && error.contains("no-such"), "{error}");
    }
}
