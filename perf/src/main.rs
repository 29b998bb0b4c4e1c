//! Load and stub servers for Lanewire's demo and measurements.
fn main() {}
