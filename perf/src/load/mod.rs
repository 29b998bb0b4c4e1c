//! A closed loop: many connections, one statement, one thread; each connection sends its next
//! query when the last reply has come.

mod engine;
mod report;
mod walk;

pub use report::{PERCENTILES, micros, percentile_name};

use crate::client;
use hdrhistogram::Histogram;
use std::io;
use std::time::Duration;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `host:port`.
    pub address: String,
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
    /// The schema to begin in.
    pub schema: Option<String>,
    /// How many connections.
    pub connections: usize,
    /// Not counted, at the beginning.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
    /// The statement; one result.
    pub sql: String,
}

/// A moment of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The warm-up is over.
    Begin,
    /// The measured time is over; replies still come.
    End,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Replies within the measured time, errors included.
    pub queries: u64,
    /// ERR replies and lost connections.
    pub errors: u64,
    /// The measured time.
    pub elapsed: Duration,
    /// Latency in nanoseconds of each query that was answered within the measured time.
    pub latency_ns: Histogram<u64>,
}

/// What can go wrong with a run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A connection could not be made.
    #[error("connection {number}: {error}")]
    Login {
        /// Which connection, from 1.
        number: usize,
        /// Why.
        error: client::Error,
    },
    /// epoll's or a socket's.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Every connection was lost.
    #[error("all connections are lost; the last: {0}")]
    AllLost(io::Error),
}

/// Runs `plan` on this thread. `on_mark` is called at the beginning and at the end of the measured
/// time.
///
/// # Errors
/// A connection cannot be made, or all of them are lost.
pub fn run(plan: &Plan, on_mark: &mut dyn FnMut(Mark)) -> Result<Outcome, LoadError> {
    engine::run(plan, on_mark)
}
