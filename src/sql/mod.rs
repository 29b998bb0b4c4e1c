//! Floor 1, the meaning of SQL texts: where may this run, and what does it leave behind?
//!
//! A scanner and a token loop, not a parser. It fails safe: a text is a read only if its first
//! keyword can start one **and** nothing in it could write, lock or depend on a connection. A
//! wrong guess towards "write" or "pin" costs speed; the other direction would cost a right
//! answer, so in doubt it never goes there.
#![deny(clippy::indexing_slicing)]

mod assigned;
mod blocks;
mod bytes;
mod calls;
mod classify;
mod functions;
mod hints;
mod keywords;
mod kill;
mod naming;
mod plain;
mod scanner;
mod set;
mod show;
mod statement;
mod substitute;
mod variables;
mod verbs;
mod words;

#[cfg(test)]
mod tests;

pub use assigned::assigned_variables;
pub use classify::classify;
pub use kill::{KillTarget, KillWhom, kill_target};
pub use naming::{Naming, Thing, naming};
pub use statement::{Access, Dialect, Hint, Statement, Traits, Verb};
pub use substitute::{Values, substitute_functions};
pub use variables::names_threads;

/// How a session's `character_set_client` lays characters out over bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Charset {
    /// UTF-8 in any width, ascii or binary: bytes below 0x80 always mean themselves.
    #[default]
    Utf8,
    /// latin1 and other one-byte sets: 0xA0 is white space.
    SingleByte,
    /// big5, cp932, gb18030, gbk, sjis: a character's second byte may be `\`, `` ` `` or a letter.
    MultiByte,
}

impl Charset {
    /// The layout of the character set of that name, as `character_set_client` says it.
    pub fn of(name: &[u8]) -> Self {
        match name.to_ascii_lowercase().as_slice() {
            b"utf8" | b"utf8mb3" | b"utf8mb4" | b"ascii" | b"binary" | b"" => Self::Utf8,
            b"big5" | b"cp932" | b"gb18030" | b"gbk" | b"sjis" | b"euckr" | b"gb2312" | b"ujis"
            | b"eucjpms" => Self::MultiByte,
            _ => Self::SingleByte,
        }
    }
}

/// Whether the scanner, which reads ASCII and takes other bytes for letters, could see other
/// tokens than a server that reads `sql` in `charset`. Such a text is to be taken for
/// [`Statement::OPAQUE`].
pub fn charset_hides(sql: &[u8], charset: Charset) -> bool {
    match charset {
        Charset::Utf8 => false,
        Charset::SingleByte => memchr::memchr(0xA0, sql).is_some(),
        Charset::MultiByte => sql
            .iter()
            .zip(sql.iter().skip(1))
            .any(|(&lead, &second)| lead >= 0x80 && matches!(second, 0x40..=0x7E)),
    }
}
