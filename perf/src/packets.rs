//! Packets as the stub and the load put and walk them: many at a time, in one buffer.

/// A payload of this many bytes is continued in the next packet.
const MAX_PAYLOAD: usize = 0xFF_FFFF;

/// Length of a packet's header.
pub(crate) const HEADER_LEN: usize = 4;

/// Appends one logical packet, split where it is over 16 MiB, and returns the next number.
pub(crate) fn put_packet(out: &mut Vec<u8>, mut seq: u8, mut payload: &[u8]) -> u8 {
    loop {
        let (now, later) = payload.split_at(payload.len().min(MAX_PAYLOAD));
        out.extend_from_slice(&now.len().to_le_bytes()[..3]);
        out.push(seq);
        out.extend_from_slice(now);
        seq = seq.wrapping_add(1);
        if now.len() < MAX_PAYLOAD {
            return seq;
        }
        payload = later;
    }
}

/// The number and payload of the packet at the front of `bytes`; `None` while it is not whole.
pub(crate) fn front(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
    Some((header[3], rest.get(..payload_len(*header))?))
}

/// The length that a header announces.
pub(crate) const fn payload_len(header: [u8; HEADER_LEN]) -> usize {
    u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_of_the_limit_gets_an_empty_follower() {
        let mut out = Vec::new();
        assert_eq!(put_packet(&mut out, 0, &vec![7; MAX_PAYLOAD]), 2);
        assert_eq!(out[..4], [0xFF, 0xFF, 0xFF, 0]);
        assert_eq!(out[out.len() - 4..], [0, 0, 0, 1]);
    }

    #[test]
    fn a_packet_is_seen_only_when_whole() {
        let mut out = Vec::new();
        put_packet(&mut out, 3, b"hello");
        assert_eq!(front(&out[..8]), None);
        assert_eq!(front(&out), Some((3, &b"hello"[..])));
    }
}
