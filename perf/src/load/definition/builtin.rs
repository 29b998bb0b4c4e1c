//! The definitions that the program brings along.

/// Name and text of each file in `perf/definitions`.
pub(super) const BUILTIN: [(&str, &str); 9] = [
    ("point-select", include_str!("../../../definitions/point-select.toml")),
    ("range", include_str!("../../../definitions/range.toml")),
    ("read-write", include_str!("../../../definitions/read-write.toml")),
    ("large-result", include_str!("../../../definitions/large-result.toml")),
    ("large-insert", include_str!("../../../definitions/large-insert.toml")),
    ("connect-per-query", include_str!("../../../definitions/connect-per-query.toml")),
    ("think-time", include_str!("../../../definitions/think-time.toml")),
    ("idle-10k", include_str!("../../../definitions/idle-10k.toml")),
    ("mixed", include_str!("../../../definitions/mixed.toml")),
];
