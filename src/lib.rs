//! Lanewire: a MySQL/MariaDB read/write-splitting proxy.
pub mod admin;
pub mod auth;
pub mod cluster;
pub mod config;
pub mod metrics;
pub mod monitor;
pub mod net;
pub mod pool;
pub mod protocol;
mod proxy;
pub mod route;
pub mod session;
pub mod shard;
pub mod sql;
