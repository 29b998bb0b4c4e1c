//! What the Rust programs share: the script of statements, waiting for the replicas, printing.

use std::io::Read;
use std::net::TcpStream;

/// A setting of the runner's.
///
/// # Panics
/// It is not set.
#[must_use]
pub fn setting(name: &str) -> String {
    std::env::var(format!("CONFORM_{name}")).unwrap_or_else(|_| panic!("CONFORM_{name} is not set"))
}

/// Waits until the replicas have what the primary has.
pub fn settle() {
    let mut word = String::new();
    let door = TcpStream::connect((setting("HOST"), setting("SETTLE").parse().unwrap_or(0)));
    if !door.is_ok_and(|mut door| door.read_to_string(&mut word).is_ok() && word == "ok\n") {
        println!("!! the replicas do not catch up");
    }
}

/// A line of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A case begins.
    Case(String),
    /// Wait for the replicas.
    Settle,
    /// A statement for connection 0 or 1.
    Statement(usize, String),
}

/// The script.
///
/// # Panics
/// It cannot be read.
#[must_use]
pub fn script() -> Vec<Line> {
    let text = std::fs::read_to_string(setting("SCRIPT")).expect("the script");
    let line = |line: &str| match (line, line.strip_prefix("== "), line.strip_prefix("2> ")) {
        ("settle", ..) => Line::Settle,
        (_, Some(name), _) => Line::Case(name.into()),
        (_, _, Some(sql)) => Line::Statement(1, sql.into()),
        (sql, None, None) => Line::Statement(0, sql.into()),
    };
    text.lines().map(line).collect()
}

/// Bytes as text, long ones by their length and a checksum.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    if bytes.len() > 500 {
        let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        return format!("[{} bytes, {sum:016x}]", bytes.len());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => {
            format!("x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}

/// The 1 MiB of the blob cases.
#[must_use]
pub fn blob() -> Vec<u8> {
    (0..1_u32 << 20).map(|n| u8::try_from(n * 7 % 256).unwrap_or(0)).collect()
}

/// The statement that loads the local file.
#[must_use]
pub fn load_data() -> String {
    format!(
        "LOAD DATA LOCAL INFILE '{}' INTO TABLE loaded CHARACTER SET utf8mb4 \
         FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'",
        setting("LOCAL_FILE")
    )
}

/// Several statements in one text.
pub const MULTI: [&str; 7] = [
    "SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 'x' FROM types WHERE id = 77",
    "INSERT INTO people (name) VALUES ('multi'); SELECT name FROM people WHERE name = 'multi'; \
     DELETE FROM people WHERE name = 'multi'",
    "SELECT 1; SELECT nothing_here; SELECT 3",
    "SET @m = 4; SELECT @m",
    "CALL two_sets(); SELECT 'after'",
    "USE conformance2; SELECT DATABASE()",
    "SELECT DATABASE(); USE conformance",
];
