//! Lanewire: a MySQL/MariaDB read/write-splitting proxy.
pub mod net;
