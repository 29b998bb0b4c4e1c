//! The random numbers, the time allowed, and the seed in the failure.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Every target runs this often at least, however slow the machine.
const ROUNDS_MIN: u32 = 20;
/// Time for each target in a smoke run.
const SMOKE: Duration = Duration::from_millis(500);

/// SplitMix64: small, and good enough to find bugs with.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 where there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 11).map_or(0, |number| number % bound.max(1))
    }

    /// True once in `times`.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[5]
    }

    pub(crate) fn bytes(&mut self, len_max: usize) -> Vec<u8> {
        let len = self.below(len_max + 1);
        (0..len).map(|_| self.byte()).collect()
    }

    /// Bytes without a NUL.
    pub(crate) fn text(&mut self, len_max: usize) -> Vec<u8> {
        let mut bytes = self.bytes(len_max);
        bytes.retain(|byte| *byte != 0);
        bytes
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Changes, drops, repeats or inserts a few bytes.
    pub(crate) fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 if at < bytes.len() => bytes[at] = self.byte(),
                1 => bytes.truncate(at),
                2 => bytes.insert(at, self.byte()),
                _ => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail.into_iter().take(40));
                }
            }
        }
    }

    /// The stream in pieces of random length.
    pub(crate) fn cut<'a>(&mut self, stream: &'a [u8]) -> Vec<&'a [u8]> {
        let longest = self.pick(&[1, 3, 20, 500, 1 << 20]);
        let mut pieces = Vec::new();
        let mut rest = stream;
        while !rest.is_empty() {
            let (piece, next) = rest.split_at((1 + self.below(longest)).min(rest.len()));
            pieces.push(piece);
            rest = next;
        }
        pieces
    }
}

/// The number in an environment variable, decimal or `0x…`; it must be one if it is there.
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// One round; what it panicked with, and the seed, if it did.
fn round(target: &str, seed: u64, body: &mut dyn FnMut(&mut Random)) -> Result<(), String> {
    let caught = catch_unwind(AssertUnwindSafe(|| body(&mut Random(seed))));
    caught.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("{target}: LANEWIRE_FUZZ_SEED={seed:#x}: {}", text.unwrap_or_default())
    })
}

/// Runs `body` with one seed after the other until the time is up.
pub(crate) fn fuzz(target: &str, mut body: impl FnMut(&mut Random)) {
    if let Some(seed) = setting("LANEWIRE_FUZZ_SEED") {
        if let Err(failure) = round(target, seed, &mut body) {
            panic_any(failure);
        }
        return;
    }
    let allowed = setting("LANEWIRE_FUZZ_SECONDS").map_or(SMOKE, Duration::from_secs);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut seeds = Random(clock.as_secs() ^ u64::from(clock.subsec_nanos()) << 32);
    let begin = Instant::now();
    let mut rounds = 0;
    while rounds < ROUNDS_MIN || begin.elapsed() < allowed {
        if let Err(failure) = round(target, seeds.next(), &mut body) {
            panic_any(failure);
        }
        rounds += 1;
    }
}

#[test]
fn a_failure_names_its_seed_and_the_seed_fails_again() {
    let mut body = |random: &mut Random| assert!(random.below(10) != 3, "planted");
    let failed = (0..1000).find(|seed| round("target", *seed, &mut body).is_err());
    let seed = failed.expect("one in ten fails");
    let failure = round("target", seed, &mut body);
    assert_eq!(failure, Err(format!("target: LANEWIRE_FUZZ_SEED={seed:#x}: planted")));
}

#[test]
fn the_same_seed_gives_the_same() {
    let (mut one, mut other) = (Random(7), Random(7));
    assert_eq!(one.bytes(100), other.bytes(100));
    assert_ne!(Random(8).next(), Random(9).next());
}
