//! Style that is checked: the floors, the sizes, the words, and where `unsafe` and the ring may be.
//!
//! The sources are read as tokens: comments and literals are blanked first, so what is found is
//! code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The modules of the library from the ground up. A module imports only from floors below its own.
const FLOORS: [&[&str]; 7] = [
    &["protocol"],
    &["sql", "auth", "config", "metrics", "cluster", "tuning"],
    &["session", "pool"],
    &["route"],
    &["net"],
    &["proxy", "monitor", "admin"],
    &["shard", "check", "main", "lib"],
];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Words that say nothing of what a thing is.
const BANNED: [&str; 6] = ["manager", "handler", "util", "utils", "helper", "common"];
/// The folders that know the SQL statement HANDLER, which is not ours to rename.
const SQL_FOLDERS: [&str; 2] = ["src/sql/", "src/session/"];

/// The folders that may use glommio and the ring; `unsafe` is for the first alone.
const NET: &str = "src/net/";
const SHARD: &str = "src/shard/";

/// A source file, with its code blanked of comments and literals.
struct Source {
    /// From the top of the repository.
    path: String,
    lines: usize,
    code: String,
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the repository.
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "perf", "benches", "examples"] {
        collect(&top().join(folder), &mut files);
    }
    files.sort();
    assert!(!files.is_empty(), "no sources under {}", top().display());
    files
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap_or_else(|error| {
                panic!("{}: {error}", file.display());
            });
            let path = file.strip_prefix(top()).unwrap_or(&file).display().to_string();
            Source { path, lines: text.lines().count(), code: blank(&text) }
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Replaces comments, strings and character literals by spaces; lines stay lines.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let inside_word = before.is_alphanumeric() || before == '_';
        let len = literal_len(rest, inside_word);
        if len == 0 {
            out.push(first);
            before = first;
            rest = &rest[first.len_utf8()..];
        } else {
            let (literal, after) = rest.split_at(len);
            out.extend(literal.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            before = ' ';
            rest = after;
        }
    }
    out
}

/// The length of the comment or literal at the front of `text`, 0 where there is none.
fn literal_len(text: &str, inside_word: bool) -> usize {
    let end = |found: Option<usize>, more: usize| found.map_or(text.len(), |at| at + more);
    if text.starts_with("//") {
        return end(text.find('\n'), 0);
    }
    if text.starts_with("/*") {
        return block_comment_len(text);
    }
    let prefix = text.len() - text.trim_start_matches(['b', 'c', 'r']).len();
    if prefix > 2 || (prefix > 0 && inside_word) {
        return 0;
    }
    let body = &text[prefix..];
    if text[..prefix].contains('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        if body[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let open = prefix + hashes + 1;
            return end(text[open..].find(&close), open + close.len());
        }
        return 0;
    }
    match body.strip_prefix('\'') {
        Some(rest) if char_len(rest) > 0 => prefix + char_len(rest),
        Some(_) => 0,
        None if body.starts_with('"') => prefix + quoted_len(body),
        None => 0,
    }
}

fn block_comment_len(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// A string from its opening quote to its closing one.
fn quoted_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character literal, its opening quote in front of `rest`; 0 for a lifetime.
fn char_len(rest: &str) -> usize {
    let mut chars = rest.char_indices();
    match chars.next() {
        Some((_, '\\')) => rest[2..].find('\'').map_or(0, |at| at + 4),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 2,
            _ => 0,
        },
        None => 0,
    }
}

/// The words and punctuation of blanked code, with their lines (from 1).
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, text) in code.lines().enumerate() {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let len = match rest.find(|c| !word(c)) {
                Some(0) if rest.starts_with("::") => 2,
                Some(0) => first.len_utf8(),
                Some(len) => len,
                None => rest.len(),
            };
            found.push((line + 1, &rest[..len]));
            rest = rest[len..].trim_start();
        }
    }
    found
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Fails with all complaints at once.
fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The module of the library that a file belongs to: its folder in `src`, or its own name.
fn module_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    Some(inside.split_once('/').map_or_else(|| inside.trim_end_matches(".rs"), |(first, _)| first))
}

/// How deep a file's module lies: `src/a.rs` and `src/a/mod.rs` 1, `src/a/b.rs` 2.
fn depth_of(path: &str) -> usize {
    let parts = path.split('/').count() - 1;
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// The library's modules that a file's paths name: `crate::a::…`, `crate::{a, b::…}`, and
/// `super::…` where that leads to the root.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let tokens = tokens(&source.code);
    let depth = depth_of(&source.path);
    let mut found = Vec::new();
    let mut at = 0;
    while at + 1 < tokens.len() {
        let starts = at == 0 || tokens[at - 1].1 != "::";
        let mut next = at + 1;
        let reaches_root = match tokens[at].1 {
            "crate" if starts => tokens[next].1 == "::",
            "super" if starts => {
                let mut supers = 1;
                while tokens.get(next + 1).is_some_and(|token| token.1 == "super") {
                    supers += 1;
                    next += 2;
                }
                supers >= depth && tokens.get(next).is_some_and(|token| token.1 == "::")
            }
            _ => false,
        };
        if reaches_root {
            first_segments(&tokens[next + 1..], &mut found);
        }
        at = next;
    }
    found.retain(|(_, name)| floor_of(name).is_some());
    found
}

/// The first names behind `crate::`: one, or those of a group in braces.
fn first_segments(tokens: &[(usize, &str)], found: &mut Vec<(usize, String)>) {
    let Some((line, first)) = tokens.first() else { return };
    if *first != "{" {
        found.push((*line, (*first).to_owned()));
        return;
    }
    let (mut depth, mut fresh) = (0, false);
    for (line, token) in tokens {
        match *token {
            "{" => {
                depth += 1;
                fresh = depth == 1;
            }
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
            "," => fresh = depth == 1,
            name if fresh && is_word(name) => {
                found.push((*line, name.to_owned()));
                fresh = false;
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Module {
    files: usize,
    lines: usize,
    imports: BTreeSet<String>,
}

#[test]
fn modules_import_only_from_floors_below() {
    let mut complaints = Vec::new();
    let mut modules: BTreeMap<(usize, String), Module> = BTreeMap::new();
    for source in sources() {
        let Some(name) = module_of(&source.path) else { continue };
        let Some(floor) = floor_of(name) else {
            complaints
                .push(format!("{}: module {name} has no floor in tests/tidy.rs", source.path));
            continue;
        };
        let module = modules.entry((floor, name.to_owned())).or_default();
        module.files += 1;
        module.lines += source.lines;
        for (line, import) in imports(&source).into_iter().filter(|(_, import)| import != name) {
            let other = floor_of(&import).unwrap_or(usize::MAX);
            if other >= floor && floor < FLOORS.len() - 1 {
                complaints.push(format!(
                    "{}:{line}: {name} (floor {floor}) imports {import} (floor {other})",
                    source.path
                ));
            }
            module.imports.insert(import);
        }
    }
    println!("{}", floor_table(&modules));
    report(&complaints);
}

fn floor_table(modules: &BTreeMap<(usize, String), Module>) -> String {
    let mut table = String::from("floor  module    files  lines  imports\n");
    for ((floor, name), module) in modules {
        let imports: Vec<&str> = module.imports.iter().map(String::as_str).collect();
        let (files, lines) = (module.files, module.lines);
        let imports = imports.join(" ");
        let _ = writeln!(table, "{floor:<5}  {name:<8}  {files:>5}  {lines:>5}  {imports}");
    }
    table
}

#[test]
fn files_are_short() {
    let long = sources().into_iter().filter(|source| source.lines > FILE_LINES_MAX);
    let complaints: Vec<String> = long
        .map(|source| format!("{}: {} lines, at most {FILE_LINES_MAX}", source.path, source.lines))
        .collect();
    report(&complaints);
}

#[test]
fn functions_are_short() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (name, line, lines) in functions(&source.code) {
            if lines > FUNCTION_LINES_MAX {
                let path = &source.path;
                complaints.push(format!(
                    "{path}:{line}: fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX}"
                ));
            }
        }
    }
    report(&complaints);
}

/// Each function's name, first line and number of lines, from `fn` to its closing brace.
fn functions(code: &str) -> Vec<(&str, usize, usize)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        let [(line, "fn"), (_, name)] = *pair else { continue };
        if !is_word(name) {
            continue;
        }
        let mut depth = 0;
        for (end, token) in &tokens[at..] {
            match *token {
                // A declaration in a trait has no body. An array type's length is in brackets.
                ";" if depth == 0 => break,
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => {
                    depth -= 1;
                    if depth == 0 && *token == "}" {
                        found.push((name, line, end - line + 1));
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn names_say_what_a_thing_is() {
    let mut complaints = Vec::new();
    for source in sources() {
        let path = &source.path;
        for part in path.trim_end_matches(".rs").split('/') {
            if let Some(word) = banned_word(part) {
                complaints.push(format!("{path}: a file or folder named {word}"));
            }
        }
        let sql = SQL_FOLDERS.iter().any(|folder| path.starts_with(folder));
        for (line, name) in declared(&tokens(&source.code)) {
            if sql && (name == "Handler" || name.starts_with("HANDLER_")) {
                continue;
            }
            let word = banned_word(name).or(name.starts_with("get_").then_some("get_"));
            complaints.extend(word.map(|word| format!("{path}:{line}: {name} contains {word}")));
        }
    }
    report(&complaints);
}

/// The names that code gives: items, bindings, fields, parameters and the variants of enums.
/// Calls and paths name what others have named.
fn declared<'a>(tokens: &[(usize, &'a str)]) -> Vec<(usize, &'a str)> {
    const KEYWORDS: [&str; 13] = [
        "fn", "struct", "enum", "union", "trait", "mod", "const", "static", "type", "let", "mut",
        "for", "as",
    ];
    let mut found = Vec::new();
    for (at, (line, name)) in tokens.iter().copied().enumerate() {
        let by_keyword = at > 0 && KEYWORDS.contains(&tokens[at - 1].1);
        let typed = tokens.get(at + 1).is_some_and(|next| next.1 == ":");
        if is_word(name) && (by_keyword || typed) {
            found.push((line, name));
        }
        if name == "enum" {
            variants(&tokens[at..], &mut found);
        }
    }
    found
}

/// The variants of the enum in front: the first word at the body's own depth, and after commas.
fn variants<'a>(tokens: &[(usize, &'a str)], found: &mut Vec<(usize, &'a str)>) {
    let (mut depth, mut fresh) = (0, true);
    let body = tokens.iter().position(|token| token.1 == "{").unwrap_or(tokens.len());
    for (line, token) in tokens[body..].iter().copied() {
        match token {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" if depth == 1 => return,
            "}" | ")" | "]" => depth -= 1,
            "," if depth == 1 => fresh = true,
            name if fresh && depth == 1 && is_word(name) => {
                found.push((line, name));
                fresh = false;
            }
            _ => {}
        }
    }
}

/// The banned word among the words of a name in any case style.
fn banned_word(name: &str) -> Option<&'static str> {
    let mut spaced = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            spaced.push('_');
        }
        spaced.extend(c.to_lowercase());
        before = c;
    }
    BANNED.into_iter().find(|word| spaced.split(['_', '-', '.']).any(|part| part == *word))
}

#[test]
fn unsafe_and_the_ring_stay_where_they_belong() {
    let mut complaints = Vec::new();
    for source in sources() {
        let path = source.path.as_str();
        for (line, token) in tokens(&source.code) {
            let allowed = match token {
                "unsafe" => path.starts_with(NET),
                "glommio" | "io_uring" => path.starts_with(NET) || path.starts_with(SHARD),
                _ => true,
            };
            if !allowed {
                complaints.push(format!("{path}:{line}: {token} does not belong here"));
            }
        }
    }
    report(&complaints);
}

#[test]
fn the_reader_reads() {
    let code =
        blank("a /* b /* c */ */ \"d\\\"\" 'e' 'f' &'g h r#\"i\"j\"# b'\\'' br\"k\" // l\nm");
    let words: Vec<&str> = tokens(&code).into_iter().map(|(_, token)| token).collect();
    assert_eq!(words, ["a", "&", "'", "g", "h", "m"]);
    let source = |path: &str, code: &str| Source { path: path.into(), lines: 1, code: code.into() };
    let named = |path, code| {
        let found = imports(&source(path, code)).into_iter().map(|(_, name)| name);
        found.collect::<Vec<_>>()
    };
    let group = "use crate::{sql::{Verb, auth}, net, x}; use crate::pool::Pool;";
    assert_eq!(named("src/route/mod.rs", group), ["sql", "net", "pool"]);
    assert_eq!(named("src/route/a.rs", "super::super::pool::x; super::net::y"), ["pool"]);
    assert_eq!(named("src/route/mod.rs", "use super::net;"), ["net"]);
    assert_eq!(functions("fn a() {\n}\ntrait T { fn b(); }"), [("a", 1, 2)]);
    let code = "enum A { #[x(q)] B(C), D { e: F }, G = 1 } fn h(i: J) { k.get_ref(l) }";
    let names: Vec<_> = declared(&tokens(code)).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["B", "D", "G", "A", "e", "h", "i"]);
    assert_eq!(banned_word("ConnectionManager"), Some("manager"));
    assert_eq!(banned_word("EXECUTE_HELPER"), Some("helper"));
    assert_eq!(banned_word("commonly_utility"), None);
}
