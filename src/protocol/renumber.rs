//! Other sequence numbers for packets that follow what a server did not send.

/// Adds to the sequence numbers of the packets that go by, in whatever pieces they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renumber {
    add: u8,
    /// Bytes of the payload at hand that are still to come.
    left: usize,
    /// Bytes of the next header's length that were seen, and what they say so far.
    seen: u32,
    len: usize,
}

impl Renumber {
    /// Begins with a packet's first byte.
    #[must_use]
    pub const fn new(add: u8) -> Self {
        Self { add, left: 0, seen: 0, len: 0 }
    }

    /// Changes the numbers in the next bytes.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        loop {
            let (passed, next) = rest.split_at_mut(self.left.min(rest.len()));
            self.left -= passed.len();
            let Some((byte, tail)) = next.split_first_mut() else { return };
            if self.seen < 3 {
                self.len |= usize::from(*byte) << (8 * self.seen);
                self.seen += 1;
            } else {
                *byte = byte.wrapping_add(self.add);
                self.left = self.len;
                (self.seen, self.len) = (0, 0);
            }
            rest = tail;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::put_packet;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..9),
            add: u8, first: u8, cut in 1usize..40,
        ) {
            let packets = |first| {
                let (mut out, mut seq) = (Vec::new(), first);
                payloads.iter().for_each(|payload| seq = put_packet(&mut out, seq, payload));
                out
            };
            let mut got = packets(first);
            let mut renumber = Renumber::new(add);
            got.chunks_mut(cut).for_each(|part| renumber.apply(part));
            prop_assert_eq!(got, packets(first.wrapping_add(add)));
        }
    }
}
