//! What a program printed, case by case, and where two of them differ.

/// Longer lines are cut in messages, not in the comparison.
const SHOWN_CHARS: usize = 300;
/// Of a complaint in the table.
const COMPLAINT_CHARS: usize = 120;

/// A program's output. Only the port is made the same on both sides: errors name it.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// What stands before the first case: the driver's name and version.
    title: String,
    cases: Vec<Case>,
    /// How the program ended, where it did not end well.
    end: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Case {
    name: String,
    lines: Vec<String>,
}

/// A finished program: its standard output and how it ended, where not with exit code 0.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) end: Option<String>,
}

impl Transcript {
    pub(crate) fn read(output: &Output, port: u16) -> Self {
        let text = without_number(&output.text, &port.to_string());
        let mut title = String::new();
        let mut cases: Vec<Case> = Vec::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("== ") {
                cases.push(Case { name: name.to_owned(), lines: Vec::new() });
            } else if let Some(case) = cases.last_mut() {
                case.lines.push(line.to_owned());
            } else if title.is_empty() {
                title = shown(line);
            }
        }
        let mut end = output.end.clone();
        match cases.pop() {
            Some(last) if last.name == "end" => {}
            last => {
                cases.extend(last);
                end = end.or_else(|| Some("it ended early".into()));
            }
        }
        Self { title, cases, end }
    }

    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    pub(crate) fn cases(&self) -> usize {
        self.cases.len()
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for case in &self.cases {
            text.push_str(&format!("== {}\n", case.name));
            for line in &case.lines {
                text.push_str(line);
                text.push('\n');
            }
        }
        text.push_str(self.end.as_deref().unwrap_or_default());
        text
    }

    /// Why this program's answers do not count: it failed in itself.
    pub(crate) fn complaint(&self) -> Option<String> {
        let own = self.cases.iter().find_map(|case| {
            let line = case.lines.iter().find(|line| line.starts_with("!!"))?;
            Some(cut(&format!("{}: {line}", case.name), COMPLAINT_CHARS))
        });
        own.or_else(|| self.end.as_deref().map(|end| cut(end, COMPLAINT_CHARS)))
    }
}

/// A message for each line that differs, in the order of the direct side's cases.
pub(crate) fn differences(direct: &Transcript, through: &Transcript) -> Vec<String> {
    let mut found = Vec::new();
    for case in &direct.cases {
        match through.cases.iter().find(|other| other.name == case.name) {
            Some(other) => differing_lines(case, other, &mut found),
            None => found.push(format!("    [{}] only direct", case.name)),
        }
    }
    let known = |name: &str| direct.cases.iter().any(|case| case.name == name);
    for case in through.cases.iter().filter(|case| !known(&case.name)) {
        found.push(format!("    [{}] only through lanewire", case.name));
    }
    found
}

fn differing_lines(direct: &Case, through: &Case, found: &mut Vec<String>) {
    for at in 0..direct.lines.len().max(through.lines.len()) {
        let (left, right) = (direct.lines.get(at), through.lines.get(at));
        if left != right {
            let text = |line: Option<&String>| line.map_or("(nothing)".into(), |line| shown(line));
            found.push(format!(
                "    [{}] line {}\n      direct   {}\n      lanewire {}",
                direct.name,
                at + 1,
                text(left),
                text(right)
            ));
        }
    }
}

fn shown(line: &str) -> String {
    cut(line, SHOWN_CHARS)
}

fn cut(line: &str, chars_max: usize) -> String {
    if line.chars().count() <= chars_max {
        return line.to_owned();
    }
    line.chars().take(chars_max).chain("…".chars()).collect()
}

/// `text` with PORT for each whole number `number`.
fn without_number(text: &str, number: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(number) {
        let (before, after) = (&rest[..at], &rest[at + number.len()..]);
        let inside = before.ends_with(|c: char| c.is_ascii_digit())
            || after.starts_with(|c: char| c.is_ascii_digit());
        out.push_str(before);
        out.push_str(if inside { number } else { "PORT" });
        rest = after;
    }
    out.push_str(rest);
    out
}
