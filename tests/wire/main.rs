//! Golden captures: what real servers and clients sent, read back by the protocol floor.
//!
//! The captures are text files, one per server version, in `captures/`; `captures/README.md` says
//! how they were made. What a reply must say comes from the table in `scenario.rs`, not from the
//! code under test.

mod capture;
mod logins;
mod oracle;
mod record;
mod replies;
mod scenario;
