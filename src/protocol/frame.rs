//! Packets: a 4-byte header (length and sequence number) and a payload, long payloads split.
//!
//! A payload of [`MAX_PAYLOAD`] bytes or more goes as several packets; the first shorter one,
//! which may be empty, ends it.

use super::wire::Malformed;

/// Bytes of a packet's header.
pub const HEADER_LEN: usize = 4;
/// Bytes of payload in one packet at most; a packet of exactly this many is continued.
pub const MAX_PAYLOAD: usize = 0xFF_FFFF;

/// A packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Payload bytes that follow: 0 to [`MAX_PAYLOAD`].
    pub len: u32,
    /// Sequence number, counted modulo 256 within one command.
    pub seq: u8,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` while fewer than 4 bytes are there.
    #[inline]
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, seq] = bytes.first_chunk::<HEADER_LEN>()?;
        Some(Self { len: u32::from_le_bytes([a, b, c, 0]), seq })
    }

    /// The header's bytes; the length's top byte is dropped.
    #[inline]
    #[must_use]
    pub const fn encode(self) -> [u8; HEADER_LEN] {
        let [a, b, c, _] = self.len.to_le_bytes();
        [a, b, c, self.seq]
    }

    /// Payload bytes, as a `usize`.
    #[inline]
    #[must_use]
    pub const fn payload_len(self) -> usize {
        self.len as usize
    }

    /// Whole packet's bytes, header included.
    #[inline]
    #[must_use]
    pub const fn packet_len(self) -> usize {
        HEADER_LEN + self.payload_len()
    }

    /// The next packet continues this one's payload.
    #[inline]
    #[must_use]
    pub const fn is_continued(self) -> bool {
        self.payload_len() == MAX_PAYLOAD
    }
}

/// Appends one logical packet, split where it must be; returns the sequence number after it.
pub fn put_packet(out: &mut Vec<u8>, seq: u8, payload: &[u8]) -> u8 {
    let mut seq = seq;
    let mut left = payload;
    loop {
        let (part, rest) = left.split_at(left.len().min(MAX_PAYLOAD));
        let len = u32::try_from(part.len()).expect("a part is at most MAX_PAYLOAD");
        out.reserve(HEADER_LEN + part.len());
        out.extend_from_slice(&Header { len, seq }.encode());
        out.extend_from_slice(part);
        seq = seq.wrapping_add(1);
        if part.len() < MAX_PAYLOAD {
            return seq;
        }
        left = rest;
    }
}

/// Assembles logical packets from a byte stream, however it is cut.
///
/// For conversations off the hot path: logins, probes, the admin port, tests.
#[derive(Debug)]
pub struct PacketReader {
    len_max: usize,
    header: Vec<u8>,
    payload: Vec<u8>,
    /// Bytes of the current packet still to come; meaningful when the header is whole.
    missing: usize,
    continued: bool,
    /// First packet's sequence number and the one due next, within a logical packet.
    due: Option<u8>,
    last: u8,
    whole: bool,
}

impl PacketReader {
    /// A reader that refuses logical packets longer than `len_max` bytes of payload.
    #[must_use]
    pub const fn new(len_max: usize) -> Self {
        Self {
            len_max,
            header: Vec::new(),
            payload: Vec::new(),
            missing: 0,
            continued: false,
            due: None,
            last: 0,
            whole: false,
        }
    }

    /// Takes bytes up to the end of one logical packet and returns how many it took. While a
    /// whole packet waits for [`Self::take`], it takes none.
    ///
    /// # Errors
    /// [`Malformed::TooLong`] beyond the limit, judged by the header; [`Malformed::Sequence`] when
    /// the packets of one logical packet are not numbered in order.
    pub fn feed(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        let mut left = input;
        while !self.whole && (!left.is_empty() || self.header.len() == HEADER_LEN) {
            if self.header.len() < HEADER_LEN {
                let wanted = HEADER_LEN - self.header.len();
                let (taken, rest) = left.split_at(wanted.min(left.len()));
                self.header.extend_from_slice(taken);
                left = rest;
                if let Some(header) = Header::decode(&self.header) {
                    self.begin(header)?;
                }
                continue;
            }
            let (taken, rest) = left.split_at(self.missing.min(left.len()));
            self.payload.extend_from_slice(taken);
            self.missing -= taken.len();
            left = rest;
            if self.missing > 0 {
                break;
            }
            self.header.clear();
            self.whole = !self.continued;
        }
        Ok(input.len() - left.len())
    }

    fn begin(&mut self, header: Header) -> Result<(), Malformed> {
        let expected = self.due.unwrap_or(header.seq);
        if header.seq != expected {
            return Err(Malformed::Sequence { expected, found: header.seq });
        }
        let len = self.payload.len() + header.payload_len();
        if len > self.len_max {
            return Err(Malformed::TooLong { len, len_max: self.len_max });
        }
        self.last = header.seq;
        self.due = Some(header.seq.wrapping_add(1));
        self.missing = header.payload_len();
        self.continued = header.is_continued();
        Ok(())
    }

    /// The whole logical packet, if there is one: the sequence number of its last part and its
    /// payload.
    pub fn take(&mut self) -> Option<(u8, Vec<u8>)> {
        if !self.whole {
            return None;
        }
        self.whole = false;
        self.continued = false;
        self.due = None;
        Some((self.last, std::mem::take(&mut self.payload)))
    }

    /// Nothing is buffered: the stream stands between two packets.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        !self.whole && self.header.is_empty() && self.due.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(stream: &[u8], cuts: &[usize]) -> Vec<(u8, Vec<u8>)> {
        let mut reader = PacketReader::new(usize::MAX);
        let mut packets = Vec::new();
        let mut cuts = cuts.iter().copied().cycle();
        let mut left = stream;
        while !left.is_empty() {
            let cut = cuts.next().unwrap_or(left.len()).clamp(1, left.len());
            let (mut part, rest) = left.split_at(cut);
            while !part.is_empty() {
                let used = reader.feed(part).unwrap();
                part = part.get(used..).unwrap();
                packets.extend(reader.take());
            }
            left = rest;
        }
        assert!(reader.is_idle());
        packets
    }

    #[test]
    fn header_layout() {
        let header = Header { len: 0x01_0203, seq: 9 };
        assert_eq!(header.encode(), [3, 2, 1, 9]);
        assert_eq!(Header::decode(&[3, 2, 1, 9, 77]), Some(header));
        assert_eq!(Header::decode(&[3, 2, 1]), None);
    }

    #[test]
    fn long_payloads_are_split_and_joined() {
        for len in [0, MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD] {
            let payload = vec![7; len];
            let mut out = Vec::new();
            let parts = len / MAX_PAYLOAD + 1;
            assert_eq!(usize::from(put_packet(&mut out, 255, &payload)), parts - 1);
            assert_eq!(out.len(), len + 4 * parts);
            let packets = read_all(&out, &[1 << 20]);
            assert_eq!(packets.len(), 1);
            assert_eq!(packets.first().unwrap().1, payload);
        }
    }

    #[test]
    fn limits_and_order_hold() {
        let mut reader = PacketReader::new(10);
        assert_eq!(reader.feed(&[11, 0, 0, 0]), Err(Malformed::TooLong { len: 11, len_max: 10 }));
        let mut out = Vec::new();
        put_packet(&mut out, 0, &vec![1; MAX_PAYLOAD + 5]);
        if let Some(seq) = out.get_mut(HEADER_LEN + MAX_PAYLOAD + 3) {
            *seq = 7;
        }
        let mut reader = PacketReader::new(usize::MAX);
        assert_eq!(reader.feed(&out), Err(Malformed::Sequence { expected: 1, found: 7 }));
    }

    proptest! {
        #[test]
        fn any_cut_reads_the_same(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            cuts in prop::collection::vec(1usize..20, 1..5),
        ) {
            let mut stream = Vec::new();
            let mut seq = 250;
            let mut expected = Vec::new();
            for payload in payloads {
                expected.push((seq, payload.clone()));
                seq = put_packet(&mut stream, seq, &payload);
            }
            prop_assert_eq!(read_all(&stream, &cuts), expected);
        }
    }
}
