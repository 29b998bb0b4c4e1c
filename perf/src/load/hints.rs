//! Errors that have a well-known way out.

use super::tally::{Failure, Fault};
use crate::client::Error;

/// What to do about a server's error number; empty where that is not known.
pub(super) const fn of_code(code: u16) -> &'static str {
    match code {
        1040 | 1203 | 1226 => "\n  the server has no more connections: fewer --connections",
        1044 | 1142 => "\n  the user lacks rights: GRANT them, or name another with --user",
        1045 | 1698 => "\n  check --user and --password",
        1049 => "\n  create it with --prepare, or name another with --schema",
        1146 => "\n  make and fill the tables with --prepare",
        1153 => "\n  raise the server's max_allowed_packet",
        1295 => "\n  the server cannot prepare this statement: --protocol text",
        1461 => "\n  raise the server's max_prepared_stmt_count",
        _ => "",
    }
}

pub(super) fn of_client(error: &Error) -> &'static str {
    error.code().map_or_else(|| of_io(error), of_code)
}

fn of_io(error: &Error) -> &'static str {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "\n  nothing listens there: check --host and --port"
        }
        Error::Io(_)
        | Error::Timeout
        | Error::Closed
        | Error::Sequence { .. }
        | Error::Malformed(_)
        | Error::Refused(_) => "",
    }
}

pub(super) const fn of_failure(failure: &Failure) -> &'static str {
    match failure.fault {
        Fault::Server(code) => of_code(code),
        Fault::Socket(_) | Fault::Closed | Fault::Timeout | Fault::Malformed => "",
    }
}
