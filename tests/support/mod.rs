//! What several test programs share: a running Lanewire, scripted servers, a faulty link.
#![allow(dead_code, unused_imports, reason = "each test program uses its part of it")]

pub(crate) mod fake;
mod link;
mod proxy;

pub(crate) use fake::{FakeServer, Script};
pub(crate) use link::{Fault, Link};
pub(crate) use proxy::{Lanewire, Setup, eventually};
