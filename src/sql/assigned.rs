//! Which variables of the session a SET assigns.

use super::scanner::{Kind, Scanner, Token};
use super::statement::Dialect;
use super::variables::Variable;

/// The session variables, in lower case, that `sql`, one SET of plain system variables, assigns;
/// those that `NAMES` sets among them. `None` where it is something else.
pub fn assigned_variables(sql: &[u8], dialect: Dialect) -> Option<Vec<Vec<u8>>> {
    let mut scanner = Scanner::new(sql, dialect);
    let set = scanner.next();
    if !is(sql, set, b"SET") {
        return None;
    }
    let mut names = Vec::new();
    loop {
        item(&mut scanner, sql, &mut names)?;
        let end = skip_value(&mut scanner);
        if end.kind != Kind::Comma {
            return (!scanner.doubt && scanner.next().kind == Kind::End).then_some(names);
        }
    }
}

/// Reads an item up to its value.
fn item(scanner: &mut Scanner<'_>, sql: &[u8], names: &mut Vec<Vec<u8>>) -> Option<()> {
    let mut token = scanner.next();
    let mut global = false;
    let is_scope = |token: Token| {
        [b"SESSION".as_slice(), b"LOCAL", b"GLOBAL"].iter().any(|word| is(sql, token, word))
    };
    if is_scope(token) {
        global = is(sql, token, b"GLOBAL");
        token = scanner.next();
    }
    if !matches!(token.kind, Kind::Word | Kind::Quoted | Kind::SystemVariable) {
        return None;
    }
    let mut after = scanner.clone();
    if !matches!(after.next().kind, Kind::Equals | Kind::Assign) {
        if !is(sql, token, b"NAMES") {
            return None;
        }
        let set = ["character_set_client", "character_set_results", "character_set_connection"];
        names.extend(set.map(|name| name.as_bytes().to_vec()));
        return Some(());
    }
    let variable = Variable::parse(scanner.slice(token.start, token.end));
    let usable = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if variable.name.is_empty() || !variable.name.iter().all(usable) {
        return None;
    }
    if !global && variable.in_session() {
        names.push(variable.name.to_ascii_lowercase());
    }
    Some(())
}

/// The token behind a value.
fn skip_value(scanner: &mut Scanner<'_>) -> Token {
    let mut depth = 0_u32;
    loop {
        let token = scanner.next();
        if token.kind == Kind::Open {
            depth += 1;
        } else if token.kind == Kind::Close {
            depth = depth.saturating_sub(1);
        } else if matches!(token.kind, Kind::End | Kind::Semicolon)
            || (token.kind == Kind::Comma && depth == 0)
        {
            return token;
        }
    }
}

/// Whether the token is the word `word`, in any case of letters.
fn is(sql: &[u8], token: Token, word: &[u8]) -> bool {
    let text = sql.get(token.start..token.end).unwrap_or_default();
    token.kind == Kind::Word && text.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(sql: &str) -> Option<String> {
        let names = assigned_variables(sql.as_bytes(), Dialect::default())?;
        let names = names.into_iter().map(|name| String::from_utf8(name).unwrap());
        Some(names.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn names() {
        for (sql, names) in [
            ("set autocommit=1, sql_mode = concat(@@sql_mode,',X')", "autocommit sql_mode"),
            ("SET @@session_track_schema=1,@@global.a=2, @@local.B:=3", "session_track_schema b"),
            ("SET GLOBAL a=1, SESSION b=2, `c`='x,y=z' ;", "b c"),
            ("SET a=(SELECT 1, 2), b=3 -- , c=4", "a b"),
            (
                "SET NAMES utf8mb4 COLLATE x, a=1",
                "character_set_client character_set_results character_set_connection a",
            ),
        ] {
            assert_eq!(assigned(sql).as_deref(), Some(names), "{sql}");
        }
    }

    #[test]
    fn what_is_no_plain_set() {
        for sql in [
            "SELECT 1",
            "SET",
            "SET @a=1",
            "SET a=1, @b=2",
            "SET a=1; SELECT 2",
            "SET CHARACTER SET latin1",
            "SET PERSIST a=1",
            "SET SESSION TRANSACTION READ ONLY",
            "SET `a b`=1",
        ] {
            assert_eq!(assigned(sql), None, "{sql}");
        }
    }
}
