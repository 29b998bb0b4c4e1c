//! SQL with random values in it.

use fastrand::Rng;
use std::fmt::Write as _;

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Sql(String),
    /// `{int:MIN..MAX}`: a random integer, both bounds included.
    Int(i64, i64),
    /// `{text:BYTES}`: random letters.
    Text(usize),
    /// `{row}`: the row's number, from 1.
    Row,
}

/// A value that takes a placeholder's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// BIGINT.
    Int(i64),
    /// Letters only.
    Text(Vec<u8>),
}

/// A statement, or a table's row, with `{int:MIN..MAX}`, `{text:BYTES}` and `{row}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with a placeholder, and what may stand there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (sql, placeholder) = rest.split_at(at);
            let end = placeholder.find('}').ok_or_else(|| wrong(placeholder))?;
            if !sql.is_empty() {
                parts.push(Part::Sql(sql.into()));
            }
            parts.push(part(&placeholder[1..end]).ok_or_else(|| wrong(&placeholder[..=end]))?);
            rest = &placeholder[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Sql(rest.into()));
        }
        Ok(Self { parts })
    }

    /// SQL that stands for itself, braces and all.
    #[must_use]
    pub fn literal(sql: &str) -> Self {
        Self { parts: vec![Part::Sql(sql.into())] }
    }

    /// Whether it has a row's number in it.
    pub(super) fn needs_row(&self) -> bool {
        self.parts.contains(&Part::Row)
    }

    /// Whether all that it makes is alike.
    pub(crate) fn is_constant(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Sql(_)))
    }

    /// The SQL with values in it, for the row of that number.
    pub(crate) fn text(&self, random: &mut Rng, row: u64) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Sql(sql) => out.push_str(sql),
                Part::Int(min, max) => write_number(&mut out, random.i64(*min..=*max)),
                Part::Row => write_number(&mut out, row),
                Part::Text(len) => {
                    out.push('\'');
                    out.extend((0..*len).map(|_| random.lowercase()));
                    out.push('\'');
                }
            }
        }
        out
    }

    /// The SQL with question marks, as it is prepared.
    pub(crate) fn marked(&self) -> String {
        let text = |part: &Part| match part {
            Part::Sql(sql) => sql.clone(),
            Part::Int(..) | Part::Text(_) | Part::Row => "?".into(),
        };
        self.parts.iter().map(text).collect()
    }

    /// Values for the question marks.
    pub(crate) fn values(&self, random: &mut Rng) -> Vec<Value> {
        let value = |part: &Part| match part {
            Part::Sql(_) | Part::Row => None,
            Part::Int(min, max) => Some(Value::Int(random.i64(*min..=*max))),
            Part::Text(len) => {
                Some(Value::Text((0..*len).map(|_| random.u8(b'a'..=b'z')).collect()))
            }
        };
        self.parts.iter().filter_map(value).collect()
    }
}

fn write_number(out: &mut String, number: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{number}");
}

fn part(inside: &str) -> Option<Part> {
    match inside.split_once(':') {
        None if inside == "row" => Some(Part::Row),
        Some(("int", range)) => {
            let (min, max) = range.split_once("..")?;
            let (min, max) = (min.trim().parse().ok()?, max.trim().parse().ok()?);
            (min <= max).then_some(Part::Int(min, max))
        }
        Some(("text", len)) => Some(Part::Text(len.trim().parse().ok()?)),
        Some(_) | None => None,
    }
}

fn wrong(placeholder: &str) -> String {
    let shown: String = placeholder.chars().take(40).collect();
    format!("{shown:?} is no placeholder; write {{int:MIN..MAX}} or {{text:BYTES}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_values_or_question_marks() {
        let template = Template::parse("SELECT {int:5..5}, {text:3} FROM t").unwrap();
        let mut random = Rng::with_seed(1);
        let text = template.text(&mut random, 0);
        assert!(text.starts_with("SELECT 5, '") && text.ends_with("' FROM t"), "{text}");
        assert_eq!(template.marked(), "SELECT ?, ? FROM t");
        let values = template.values(&mut random);
        assert_eq!(values[0], Value::Int(5));
        assert!(matches!(&values[1], Value::Text(text) if text.len() == 3));
        assert!(!template.is_constant());
        assert!(Template::parse("BEGIN").unwrap().is_constant());
        assert_eq!(Template::parse("{row}, 1").unwrap().text(&mut random, 7), "7, 1");
    }

    #[test]
    fn a_wrong_placeholder_is_named_with_the_fix() {
        for text in ["{", "{}", "{int}", "{int:2..1}", "{int:a..b}", "{text:-1}", "{rows}"] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains("{int:MIN..MAX}") && error.contains(text), "{error}");
        }
    }
}
