//! What can be wrong with a setting, and where it was written.

use std::fmt;
use std::io;
use std::path::Path;

/// Where a setting was written: a file and line, or the command line.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Origin {
    /// The file's name as the operator gave it, or `command line`.
    pub file: String,
    /// Line in the file, from 1; `None`: the command line, or nothing was written.
    pub line: Option<usize>,
}

impl Origin {
    /// A flag on the command line.
    #[must_use]
    pub fn command_line() -> Self {
        Self { file: "command line".to_owned(), line: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// One setting that breaks a rule: `lanewire.toml:12: backend.weight = -3: must be 0 to 1000`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file's name, or `command line`.
    pub file: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// Section and key, or the flag; empty where the file itself is at fault.
    pub key: String,
    /// The value as written; secrets appear as `(hidden)`, an absent value as nothing.
    pub value: String,
    /// The rule, and where it helps, the mend.
    pub rule: String,
}

impl ConfigError {
    /// The file cannot be read at all.
    #[must_use]
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self {
            file: path.display().to_string(),
            line: None,
            key: String::new(),
            value: String::new(),
            rule: format!("cannot be read: {error}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        if !self.value.is_empty() {
            write!(f, " = {}", self.value)?;
        }
        write!(f, ": {}", self.rule)
    }
}
