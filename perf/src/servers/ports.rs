//! Free loopback ports.

use std::io;
use std::net::TcpListener;

/// `count` different ports of 127.0.0.1 that nobody listens on just now.
///
/// # Errors
/// The system has none left.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    // All are held until the last is found, so that no two are the same.
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<io::Result<_>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ() {
        let mut ports = free_ports(5).unwrap();
        ports.dedup();
        assert_eq!(ports.len(), 5);
    }
}
