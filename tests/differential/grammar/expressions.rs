//! Values and conditions.

use super::Grammar;

impl Grammar {
    pub(super) fn number(&mut self) -> String {
        match self.random.below(12) {
            0 => "NULL".into(),
            1 => format!("-{}", self.random.below(100)),
            2 => format!("{}.{}", self.random.below(50), self.random.below(1000)),
            3 => "18446744073709551615".into(),
            4 => format!("{}e{}", self.random.below(9), self.random.below(20)),
            _ => self.random.below(20).to_string(),
        }
    }

    pub(super) fn text(&mut self) -> String {
        let fixed = self.random.pick(&[
            "''",
            "'a'",
            "'one'",
            "'it''s'",
            "'ünïcode €'",
            "'semi;colon'",
            "'-- no comment'",
            "'/* none */'",
            "'back\\\\slash'",
            "'%o%'",
            "x'4142'",
            "_latin1'caf\\'",
            "'12abc'",
            "N'wide'",
            "'FOR UPDATE'",
            "'@x'",
        ]);
        // A lone backslash before the quote ends the text under one sql_mode and not another.
        if fixed.contains("caf") { "'cafe'".into() } else { fixed.into() }
    }

    fn column(&mut self) -> &'static str {
        self.random.pick(&["id", "k", "v", "d", "u", "t1.id", "`k`", "t1.`v`"])
    }

    pub(super) fn expression(&mut self, depth: u64) -> String {
        if depth == 0 {
            return match self.random.below(4) {
                0 => self.number(),
                1 => self.text(),
                _ => self.column().into(),
            };
        }
        let mut sub = || self.expression(depth - 1);
        let (a, b, c) = (sub(), sub(), sub());
        match self.random.below(30) {
            0..=3 => {
                let operator = self.random.pick(&["+", "-", "*", "/", "%", "DIV", "|", "&", "^"]);
                format!("({a} {operator} {b})")
            }
            4..=6 => {
                let operator =
                    self.random.pick(&["=", "<", ">=", "<>", "<=>", "LIKE", "AND", "OR"]);
                format!("({a} {operator} {b})")
            }
            7 => format!("CASE WHEN {a} THEN {b} ELSE {c} END"),
            8 => format!("IF({a}, {b}, {c})"),
            9 => format!("COALESCE({a}, {b}, {c})"),
            10 => format!("CONCAT({a}, {b})"),
            11 => format!("UPPER({a})"),
            12 => format!("LENGTH({a})"),
            13 => format!("({a} IS NULL)"),
            14 => format!("(SELECT MAX(n) FROM c1 WHERE n < {})", self.random.below(7)),
            15 => format!("({a} IN ({b}, {c}))"),
            16 => format!("ROUND({a}, {})", self.random.below(4)),
            17 => format!("LEFT({a}, {})", self.random.below(5)),
            18 => format!("NULLIF({a}, {b})"),
            19 => format!("GREATEST({a}, {b})"),
            20 => format!("MD5({a})"),
            21 => format!("HEX({a})"),
            22 => format!("CAST({a} AS CHAR)"),
            23 => format!("REPLACE({a}, 'o', '0')"),
            24 => format!("ABS({a})"),
            25 => format!("FIELD({a}, {b}, {c})"),
            26 => format!("NOT {a}"),
            27 => format!("({a} BETWEEN {b} AND {c})"),
            28 => format!("SUBSTRING_INDEX({a}, 'e', 1)"),
            _ => a,
        }
    }

    pub(super) fn condition(&mut self) -> String {
        match self.random.below(5) {
            0 => format!("id = {}", self.random.below(8)),
            1 => format!("k > {}", self.random.below(4)),
            2 => "v IS NOT NULL".into(),
            _ => self.expression(1),
        }
    }
}
