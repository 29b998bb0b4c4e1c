//! A load: many connections that run a workload's operations, closed or open loop.
//!
//! A [`Plan`] says what to run; [`run`] runs it and gives an [`Outcome`]. In a **closed loop** each
//! connection begins its next operation when the last one is over, so a slow server is asked less.
//! In an **open loop** operations are due at a fixed rate, whatever the server does, and their
//! latency counts from when they were due: waiting for a free connection is part of it.
//!
//! Each thread has its connections, one epoll and requests made beforehand; in steady state it
//! makes one send and one receive a query and allocates nothing. It pins nothing: threads run where
//! the caller may.

mod charts;
mod connection;
pub mod definition;
mod files;
mod hints;
mod prepare;
mod report;
mod requests;
mod run;
mod schedule;
mod setup;
mod tally;
mod walk;
mod worker;

pub use charts::{Step, curve_chart, percentile_chart};
pub use files::{IntervalLog, write_percentiles};
pub use prepare::{clean_up, prepare};
pub use report::{PERCENTILES, micros, percentile_name};
pub use run::run;
pub use tally::{Failure, FailureCount, Failures, Fault, OperationTally, Tally, latencies};

use crate::client::{self, ErrReply, Options, flags};
use definition::Definition;
use std::io;
use std::time::Duration;

/// How statements travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// COM_QUERY.
    Text,
    /// COM_STMT_EXECUTE of statements that each connection prepares once; BEGIN, COMMIT and the
    /// like as text, as most drivers send them.
    Binary,
}

/// When operations begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// A connection begins an operation when its last one is over.
    Closed {
        /// What an unhindered client's interval would be: an operation that takes longer is
        /// recorded for those too that it kept from beginning (HdrHistogram's correction).
        expected: Option<Duration>,
    },
    /// By the clock.
    Open {
        /// Operations per second, of all threads and connections.
        rate: f64,
    },
}

impl Pace {
    const fn expected(self) -> Option<Duration> {
        match self {
            Self::Closed { expected } => expected,
            Self::Open { .. } => None,
        }
    }
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server and how to log in there.
    pub target: Options,
    /// The workload.
    pub definition: Definition,
    /// How statements travel.
    pub protocol: Protocol,
    /// How many connections, of all threads.
    pub connections: usize,
    /// How many threads share them.
    pub threads: usize,
    /// When operations begin.
    pub pace: Pace,
    /// Not counted, at the beginning.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
    /// A reply that takes longer is a failure, and its connection is given up.
    pub timeout: Duration,
    /// So many failures end the run.
    pub failures_max: u64,
}

impl Plan {
    /// A closed loop over 32 connections on one thread: a second's warm-up, ten measured, replies
    /// within ten. It speaks as current drivers do, without EOF packets where the server can.
    #[must_use]
    pub fn new(target: Options, definition: Definition) -> Self {
        Self {
            target: target.with(flags::DEPRECATE_EOF),
            connections: definition.connections.unwrap_or(32),
            definition,
            protocol: Protocol::Text,
            threads: 1,
            pace: Pace::Closed { expected: None },
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
            failures_max: 10_000,
        }
    }

    fn timeout_ns(&self) -> u64 {
        u64::try_from(self.timeout.as_nanos()).unwrap_or(u64::MAX / 2)
    }
}

/// A moment of a run.
#[derive(Debug)]
pub enum Progress<'a> {
    /// All connections are made; the warm-up begins.
    Connected,
    /// The warm-up is over.
    Begin,
    /// A second of the measured time is over; the last one may be shorter, or longer by what an
    /// open loop waits for its last replies.
    Second {
        /// Which one, from 0.
        number: u64,
        /// What was counted in it.
        tally: &'a Tally,
    },
    /// The measured time is over; replies may still come.
    End,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The operations' names, in the order of [`Tally::operations`].
    pub names: Vec<String>,
    /// What was counted in the measured time; failures of the warm-up too.
    pub tally: Tally,
    /// The measured time: shorter than planned where the run was stopped.
    pub elapsed: Duration,
    /// CPU time of the load's own threads in the measured time.
    pub cpu: Duration,
    /// Operations of an open loop that were due and had no reply at the end. They are in the
    /// histograms with the time that they had waited until then.
    pub unfinished: u64,
    /// It was stopped by a signal, or by too many failures.
    pub stopped: bool,
}

/// What can go wrong with a run, beyond failures that are counted.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan contradicts itself; the text names the fix.
    #[error("{0}")]
    Plan(String),
    /// The first login.
    #[error("{error}{}", hints::of_client(.error))]
    First {
        /// Why.
        error: client::Error,
    },
    /// A statement of the workload does not run.
    #[error("{error}{}\n  in: {sql}", hints::of_code(.error.code))]
    Statement {
        /// Its beginning.
        sql: String,
        /// The server's answer.
        error: ErrReply,
    },
    /// A connection could not be made.
    #[error("connection {number}: {}{}", .failure.text, hints::of_failure(.failure))]
    Login {
        /// Which connection of its thread, from 1.
        number: usize,
        /// Why.
        failure: Failure,
    },
    /// epoll's, a thread's or a file's.
    #[error("{0}")]
    Io(#[from] io::Error),
}
