//! A parsed TOML file, read setting by setting, and the report of all that is wrong with it.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};

/// What a value is, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Float,
    Boolean,
    /// On the command line everything is text.
    Flag,
    /// An array, table or date where a plain value belongs.
    Other,
}

/// One value and where it stands; the same for the file and the command line.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) origin: Origin,
    /// Section and key, or the flag.
    pub(super) key: String,
    pub(super) text: String,
    pub(super) kind: Kind,
    secret: bool,
}

impl Entry {
    pub(super) fn flag(name: &str, text: &str) -> Self {
        Self {
            origin: Origin::command_line(),
            key: format!("--{name}"),
            text: text.to_owned(),
            kind: Kind::Flag,
            secret: false,
        }
    }

    /// A value that was not written, or that is made of several.
    pub(super) fn absent(origin: Origin, key: &str) -> Self {
        let (key, text) = (key.to_owned(), String::new());
        Self { origin, key, text, kind: Kind::Other, secret: false }
    }

    /// The same value, never to be printed.
    pub(super) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The same value, to be printed as `text`.
    pub(super) fn with_text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    pub(super) fn error(&self, rule: impl Into<String>) -> ConfigError {
        let quoted = self.kind == Kind::Text;
        let value = match () {
            () if self.secret => "(hidden)".to_owned(),
            () if quoted => format!("{:?}", self.text),
            () => self.text.clone(),
        };
        ConfigError {
            file: self.origin.file.clone(),
            line: self.origin.line,
            key: self.key.clone(),
            value,
            rule: rule.into(),
        }
    }
}

/// Every error found so far.
#[derive(Debug, Default)]
pub(super) struct Report(RefCell<Vec<ConfigError>>);

impl Report {
    pub(super) fn add(&self, error: ConfigError) {
        let mut errors = self.0.borrow_mut();
        // A default for all backends is checked with each of them.
        if !errors.contains(&error) {
            errors.push(error);
        }
    }

    /// The value `parse` makes of the entry's text; its error is the rule. The entry must be of
    /// one of the `kinds`, or a flag.
    pub(super) fn read<T>(
        &self,
        entry: &Entry,
        kinds: &[Kind],
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if entry.kind != Kind::Flag && !kinds.contains(&entry.kind) {
            let wanted: Vec<_> = kinds.iter().map(|kind| kind.noun()).collect();
            self.add(entry.error(format!("must be {}", wanted.join(" or "))));
            return None;
        }
        parse(&entry.text).map_err(|rule| self.add(entry.error(rule))).ok()
    }

    pub(super) fn text(&self, entry: &Entry) -> Option<String> {
        self.read(entry, &[Kind::Text], |text| Ok(text.to_owned()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The errors in the order of the file's lines; those of the command line come last.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        let mut errors = self.0.into_inner();
        errors.sort_by_key(|error| error.line.unwrap_or(usize::MAX));
        errors
    }
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Text | Self::Flag => "a string in quotes",
            Self::Integer | Self::Float => "a number",
            Self::Boolean => "true or false",
            Self::Other => "a plain value",
        }
    }
}

/// A file's name and text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(name: &'a Path, text: &'a str) -> Self {
        Self { name: name.to_str().unwrap_or("(configuration file)"), text }
    }

    /// The document, unless it is no TOML; then the report says where.
    pub(super) fn parse(self, report: &Report) -> Option<Spanned<DeTable<'a>>> {
        if let Some(line) = self.text.lines().position(|line| line.trim() == "[mysql-proxy]") {
            report.add(ConfigError {
                file: self.name.to_owned(),
                line: Some(line + 1),
                key: String::new(),
                value: String::new(),
                rule: MYSQL_PROXY_INI.to_owned(),
            });
            return None;
        }
        let (document, errors) = DeTable::parse_recoverable(self.text);
        let sound = errors.is_empty();
        for error in errors {
            report.add(ConfigError {
                file: self.name.to_owned(),
                line: error.span().map(|span| self.line(&span)),
                key: String::new(),
                value: String::new(),
                rule: format!("not TOML: {}", error.message().replace('\n', " ")),
            });
        }
        sound.then_some(document)
    }

    fn line(self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub(super) fn origin(self, span: &Range<usize>) -> Origin {
        Origin { file: self.name.to_owned(), line: Some(self.line(span)) }
    }
}

const MYSQL_PROXY_INI: &str = "this is a mysql-proxy ini file; Lanewire's file is TOML: write \
    [proxy] listen = [\"127.0.0.1:4040\"] and a [[backend]] for each server, or give \
    mysql-proxy's options as flags (see lanewire --help)";

/// One table of the file, read key by key; what nobody asked for is unknown.
#[derive(Debug)]
pub(super) struct Section<'d> {
    source: Source<'d>,
    name: &'static str,
    table: Option<&'d DeTable<'d>>,
    pub(super) origin: Origin,
    asked: RefCell<Vec<&'static str>>,
}

impl<'d> Section<'d> {
    pub(super) fn new(
        source: Source<'d>,
        name: &'static str,
        table: Option<&'d DeTable<'d>>,
        span: &Range<usize>,
    ) -> Self {
        Self { source, name, table, origin: source.origin(span), asked: RefCell::default() }
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn raw(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.asked.borrow_mut().push(key);
        self.table?.get(key)
    }

    fn entry(&self, key: &str, raw: &Spanned<DeValue<'_>>) -> Entry {
        let (kind, text) = match raw.get_ref() {
            DeValue::String(text) => (Kind::Text, text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => {
                (Kind::Integer, number.as_str().to_owned())
            }
            DeValue::Integer(number) => (Kind::Integer, number.to_string()),
            DeValue::Float(number) => (Kind::Float, number.as_str().to_owned()),
            DeValue::Boolean(value) => (Kind::Boolean, value.to_string()),
            DeValue::Datetime(date) => (Kind::Other, date.to_string()),
            DeValue::Array(_) => (Kind::Other, "[…]".to_owned()),
            DeValue::Table(_) => (Kind::Other, "{…}".to_owned()),
        };
        let origin = self.source.origin(&raw.span());
        Entry { origin, key: self.path(key), text, kind, secret: false }
    }

    /// The key's value.
    pub(super) fn get(&self, key: &'static str) -> Option<Entry> {
        Some(self.entry(key, self.raw(key)?))
    }

    /// The key's value or values: one, or an array of them.
    pub(super) fn list(&self, key: &'static str) -> Option<Vec<Entry>> {
        let raw = self.raw(key)?;
        Some(match raw.get_ref().as_array() {
            Some(array) => array.iter().map(|item| self.entry(key, item)).collect(),
            None => vec![self.entry(key, raw)],
        })
    }

    /// The table `[name]`, empty where the file has none.
    pub(super) fn table(&self, name: &'static str, report: &Report) -> Self {
        let raw = self.raw(name);
        if let Some(raw) = raw.filter(|raw| !raw.get_ref().is_table()) {
            report.add(self.entry(name, raw).error(format!("must be a table, [{name}]")));
        }
        let span = raw.map_or(0..0, Spanned::span);
        Self::new(self.source, name, raw.and_then(|raw| raw.get_ref().as_table()), &span)
    }

    /// The tables `[[name]]`.
    pub(super) fn tables(&self, name: &'static str, report: &Report) -> Vec<Self> {
        let Some(raw) = self.raw(name) else { return Vec::new() };
        let items: Vec<_> = raw.get_ref().as_array().into_iter().flatten().collect();
        if items.is_empty() || items.iter().any(|item| !item.get_ref().is_table()) {
            report.add(self.entry(name, raw).error(format!("must be written as [[{name}]]")));
            return Vec::new();
        }
        let section = |item: &'d Spanned<DeValue<'d>>| {
            Self::new(self.source, name, item.get_ref().as_table(), &item.span())
        };
        items.into_iter().map(section).collect()
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self, report: &Report) {
        let asked = self.asked.borrow();
        for (key, value) in self.table.into_iter().flatten() {
            if asked.iter().any(|known| key.get_ref() == known) {
                continue;
            }
            let mut error = self.entry(key.get_ref(), value).error(unknown(key.get_ref(), &asked));
            // It may be a misspelt password.
            error.value.clear();
            error.line = self.source.origin(&key.span()).line;
            report.add(error);
        }
    }
}

fn unknown(key: &str, known: &[&'static str]) -> String {
    let nearest = known.iter().map(|name| (distance(key, name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= 1 + name.len() / 4 => {
            format!("unknown key; did you mean {name}?")
        }
        _ => format!("unknown key; known here: {}", known.join(", ")),
    }
}

/// Letters to insert, delete or replace to come from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b && !(a == '_' && *b == '-'));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("weigth", "weight"), 2);
        assert_eq!(distance("max_idle", "max-idle"), 0);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn suggestions() {
        let known = ["weight", "address", "max-connections"];
        assert_eq!(unknown("wieght", &known), "unknown key; did you mean weight?");
        assert_eq!(unknown("max_connection", &known), "unknown key; did you mean max-connections?");
        let rule = unknown("colour", &known);
        assert_eq!(rule, "unknown key; known here: weight, address, max-connections");
    }
}
