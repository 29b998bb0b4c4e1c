//! The `lanewire` command.
fn main() {}
