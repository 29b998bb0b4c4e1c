//! The arguments of the larger subcommands, and what they print.

pub(crate) mod backend;
pub(crate) mod compare;
pub(crate) mod load;
