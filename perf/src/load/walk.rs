//! Finds the end of a reply in a stream of bytes, header to header.

use crate::packets::{HEADER_LEN, payload_len};

/// The longest payload of one packet; one of this length is continued in the next.
const FULL: usize = 0xFF_FFFF;
/// An EOF packet is shorter than this; a longer one that begins with 0xFE is a row.
const EOF_LEN_MAX: usize = 9;

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// OK or the last EOF.
    Ok,
    /// ERR.
    Err,
}

/// Follows the replies of one connection that did not ask for DEPRECATE_EOF, one result each.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The header and the first byte of the payload, as far as they have come.
    head: [u8; HEADER_LEN + 1],
    head_len: usize,
    /// Payload bytes of the present packet that are still to come.
    skip: usize,
    /// What the present packet ends.
    ends: Option<End>,
    in_result_set: bool,
    eofs: u8,
    continued: bool,
}

impl Walk {
    /// Takes bytes up to the end of a reply; returns how many, and the end if it was reached.
    pub(super) fn take(&mut self, input: &[u8]) -> (usize, Option<End>) {
        let mut used = 0;
        loop {
            let step = self.skip.min(input.len() - used);
            self.skip -= step;
            used += step;
            if self.skip > 0 {
                return (used, None);
            }
            if let Some(end) = self.ends.take() {
                *self = Self::default();
                return (used, Some(end));
            }
            while !self.head_is_whole() {
                let Some(byte) = input.get(used) else { return (used, None) };
                self.head[self.head_len] = *byte;
                self.head_len += 1;
                used += 1;
            }
            self.enter_packet();
        }
    }

    fn len(&self) -> usize {
        payload_len([self.head[0], self.head[1], self.head[2], self.head[3]])
    }

    fn head_is_whole(&self) -> bool {
        match self.head_len {
            HEADER_LEN => self.len() == 0,
            len => len > HEADER_LEN,
        }
    }

    fn enter_packet(&mut self) {
        let len = self.len();
        self.skip = len.saturating_sub(1);
        self.head_len = 0;
        let continues = std::mem::replace(&mut self.continued, len == FULL);
        if continues {
            return;
        }
        match (self.in_result_set, self.head[HEADER_LEN]) {
            (_, 0xFF) => self.ends = Some(End::Err),
            (false, 0x00) => self.ends = Some(End::Ok),
            (false, _) => self.in_result_set = true,
            (true, 0xFE) if len < EOF_LEN_MAX => {
                self.eofs += 1;
                self.ends = (self.eofs == 2).then_some(End::Ok);
            }
            (true, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::put_packet;

    fn replies() -> Vec<u8> {
        let mut out = Vec::new();
        put_packet(&mut out, 1, &[1]);
        put_packet(&mut out, 2, b"\x03def and so on");
        put_packet(&mut out, 3, &[0xFE, 0, 0, 2, 0]);
        put_packet(&mut out, 4, b"\x05hello");
        put_packet(&mut out, 5, b"\x00");
        put_packet(&mut out, 6, &[0xFE, 0, 0, 2, 0]);
        put_packet(&mut out, 1, &[0, 0, 0, 2, 0, 0, 0]);
        put_packet(&mut out, 1, b"\xFF\x10\x04#42000no");
        out
    }

    #[test]
    fn any_split_finds_the_same_ends() {
        let bytes = replies();
        for step in 1..=bytes.len() {
            let (mut walk, mut ends) = (Walk::default(), Vec::new());
            for mut part in bytes.chunks(step) {
                loop {
                    let (used, end) = walk.take(part);
                    part = &part[used..];
                    match end {
                        Some(end) => ends.push(end),
                        None => break,
                    }
                }
                assert!(part.is_empty());
            }
            assert_eq!(ends, [End::Ok, End::Ok, End::Err], "step {step}");
        }
    }

    #[test]
    fn the_rest_of_a_long_row_is_no_packet_of_its_own() {
        let mut bytes = Vec::new();
        put_packet(&mut bytes, 1, &[1]);
        put_packet(&mut bytes, 2, &[0xFE, 0, 0, 2, 0]);
        put_packet(
            &mut bytes,
            3,
            &vec![0xFF_u8; FULL + 3][..].iter().map(|_| 0xFA).collect::<Vec<_>>(),
        );
        put_packet(&mut bytes, 4, &[0xFA; FULL]);
        put_packet(&mut bytes, 6, &[0xFE, 0, 0, 2, 0]);
        assert_eq!(Walk::default().take(&bytes), (bytes.len(), Some(End::Ok)));
    }
}
