//! Seeded fuzzing of the pure floors, against tiny models.
//!
//! A smoke run by default; `LANEWIRE_FUZZ_SECONDS=600` fuzzes each target that long. A failure
//! prints its seed, and `LANEWIRE_FUZZ_SEED=0x… cargo test --test fuzz TARGET` runs it again.

mod auth;
mod config;
mod messages;
mod run;
mod sql;
mod tracker;
