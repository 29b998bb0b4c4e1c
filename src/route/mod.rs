//! Statement × session × cluster → where.
//!
//! One pure function, [`decide`]. In doubt: the connection held, else the primary, else a
//! replica; a wrong guess may cost speed, never a right answer.

mod decide;

pub use decide::{
    ClusterInput, Decision, Leave, ProxyAnswer, Refusal, RouteInput, Target, decide, decide_opaque,
};

#[cfg(test)]
mod text_tests;
