//! The words that the classifier knows, found by a hash table built when compiled.

use super::words::WordTable;

/// Declares the words: those with `open` may stand before `(` without naming a function.
macro_rules! keywords {
    (plain { $($name:ident $text:literal)* } open { $($open:ident $open_text:literal)* }) => {
        /// A word with a meaning here; everything else is [`Kw::None`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub(super) enum Kw { None, $($name,)* FirstOpen, $($open,)* }

        const WORDS: &[(&[u8], Kw)] = &[
            $(($text.as_bytes(), Kw::$name),)*
            $(($open_text.as_bytes(), Kw::$open),)*
        ];
    };
}

keywords! {
    plain {
        // First words.
        Insert "insert" Replace "replace" Update "update" Delete "delete" Load "load"
        Call "call" Do "do" Set "set" Use "use" Begin "begin" Start "start" Commit "commit"
        Rollback "rollback" Savepoint "savepoint" Release "release" Xa "xa" Lock "lock"
        Unlock "unlock" Flush "flush" Backup "backup" Prepare "prepare" Execute "execute"
        Deallocate "deallocate" Handler "handler" Create "create" Alter "alter" Drop "drop"
        Truncate "truncate" Rename "rename" Grant "grant" Revoke "revoke" Kill "kill"
        Get "get" Help "help" Show "show" Optimize "optimize" Repair "repair" Check "check"
        Checksum "checksum" Cache "cache" Install "install" Uninstall "uninstall"
        Change "change" Stop "stop" Reset "reset" Purge "purge" Restart "restart"
        Shutdown "shutdown" Clone "clone" Import "import" Binlog "binlog" Signal "signal"
        Resignal "resignal" If "if" Loop "loop" Repeat "repeat" While "while"
        Declare "declare"
        // Inside statements.
        For "for" Share "share" Procedure "procedure" Connection "connection" Next "next"
        Previous "previous" Nextval "nextval" Currval "currval" Lastval "lastval"
        SqlCalcFoundRows "sql_calc_found_rows" Mysql "mysql" Sys "sys"
        PerformanceSchema "performance_schema" InformationSchema "information_schema"
        Recursive "recursive" Character "character"
        // Never the alias of a column, at the end of an item.
        Null "null" True "true" False "false" Unknown "unknown" End "end" Collate "collate"
        Escape "escape" Sounds "sounds" Order "order"
    }
    open {
        Select "select" With "with" Values "values" Value "value" Table "table"
        Explain "explain" Describe "describe" Desc "desc" Analyze "analyze" Case "case"
        Into "into" In "in" And "and" Or "or" Not "not" Xor "xor" On "on" Using "using"
        Where "where" From "from" Join "join" As "as" Over "over" By "by" When "when"
        Then "then" Else "else" Having "having" Limit "limit" Union "union" All "all"
        Distinct "distinct" Distinctrow "distinctrow" Except "except" Intersect "intersect"
        Any "any" Some "some" Exists "exists" Between "between" Like "like" Regexp "regexp"
        Rlike "rlike" Div "div" Interval "interval" Key "key" Index "index"
        Partition "partition" Against "against" Match "match" Row "row" Binary "binary"
        Columns "columns" Of "of" Lateral "lateral" Returning "returning" Group "group" Window "window" Is "is"
        SqlNoCache "sql_no_cache" SqlCache "sql_cache" SqlSmallResult "sql_small_result"
        SqlBigResult "sql_big_result" SqlBufferResult "sql_buffer_result"
        HighPriority "high_priority" StraightJoin "straight_join"
        // Types, which CONVERT and JSON_TABLE take.
        Decimal "decimal" Dec "dec" Numeric "numeric" Fixed "fixed" Varbinary "varbinary"
        Nchar "nchar" Varchar "varchar" Nvarchar "nvarchar" Datetime "datetime" Float "float"
        Double "double" Real "real" Int "int" Integer "integer" Bigint "bigint"
        Smallint "smallint" Tinyint "tinyint" Mediumint "mediumint" Bit "bit" Text "text"
        Blob "blob" Enum "enum"
    }
}

impl Kw {
    /// `word (` is no function call.
    #[inline(always)]
    pub(super) fn opens(self) -> bool {
        self > Self::FirstOpen
    }

    /// A word that may stand between SELECT and the list, and changes nothing that matters.
    pub(super) fn is_select_option(self) -> bool {
        matches!(
            self,
            Self::SqlNoCache
                | Self::SqlCache
                | Self::SqlSmallResult
                | Self::SqlBigResult
                | Self::SqlBufferResult
                | Self::HighPriority
                | Self::StraightJoin
        )
    }
}

static TABLE: WordTable<Kw, 1024> = WordTable::new(WORDS, Kw::None);

/// The keyword that the bytes `start..end` of `text` are, in any case of letters.
pub(super) fn keyword(text: &[u8], start: usize, end: usize) -> Kw {
    TABLE.find(text, start, end)
}

/// The same, where the eight bytes from `start` were loaded already.
#[inline(always)]
pub(super) fn keyword_loaded(bytes: u64, text: &[u8], start: usize, end: usize) -> Kw {
    TABLE.find_loaded(bytes, text, start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_in_every_case_at_every_place() {
        for &(text, kw) in WORDS {
            for word in [text.to_ascii_lowercase(), text.to_ascii_uppercase()] {
                assert_eq!(keyword(&word, 0, word.len()), kw, "{kw:?}");
                let padded = [b"xxxxxxxxx ", word.as_slice(), b" yyyyyyyyyyy"].concat();
                assert_eq!(keyword(&padded, 10, 10 + word.len()), kw, "{kw:?}");
                assert_eq!(keyword(&padded, 9, 10 + word.len()), Kw::None, "{kw:?}");
            }
        }
    }

    #[test]
    fn near_words_are_none() {
        for word in [
            "selec",
            "selects",
            "",
            "s",
            "sql_calc_fXund_rows",
            "performance-schema",
            "s\u{c5}lect",
        ] {
            assert_eq!(keyword(word.as_bytes(), 0, word.len()), Kw::None, "{word}");
        }
        // 0x41 to 0x5A alone become small letters.
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_alphabetic()) {
            assert_eq!(keyword(&[byte, b'n'], 0, 2), Kw::None, "{byte}");
        }
    }

    #[test]
    fn words_are_told_apart() {
        let mut names: Vec<_> = WORDS.iter().map(|(text, _)| text).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), WORDS.len());
    }
}
