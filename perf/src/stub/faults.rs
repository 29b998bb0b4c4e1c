//! What a stub does wrong on purpose.

use fastrand::Rng;
use std::time::Duration;

/// Faults; they hit the statements that a load sends, not a proxy's probes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// Each reply waits for so long; a millisecond is the finest.
    pub delay: Duration,
    /// A connection is closed instead of answering its statement of this number plus one.
    pub drop_after: Option<u64>,
    /// The part of statements, from 0 to 1, that are answered by closing the connection.
    pub drop_rate: f64,
    /// The part that get half of their reply; then the connection is closed.
    pub half_reply_rate: f64,
    /// The part that get ERR 1205.
    pub error_rate: f64,
    /// The seed of the choices.
    pub seed: u64,
}

/// What becomes of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Whole,
    Dropped,
    Halved,
    Error,
}

impl Faults {
    /// Draws the fate of a connection's statement, `before` being those it had before.
    pub(super) fn fate(&self, before: u64, random: &mut Rng) -> Fate {
        if self.drop_after.is_some_and(|after| before >= after) {
            return Fate::Dropped;
        }
        if self.drop_rate + self.half_reply_rate + self.error_rate <= 0.0 {
            return Fate::Whole;
        }
        let drawn = random.f64();
        if drawn < self.drop_rate {
            Fate::Dropped
        } else if drawn < self.drop_rate + self.half_reply_rate {
            Fate::Halved
        } else if drawn < self.drop_rate + self.half_reply_rate + self.error_rate {
            Fate::Error
        } else {
            Fate::Whole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_parts_of_all() {
        let faults =
            Faults { drop_rate: 0.1, half_reply_rate: 0.2, error_rate: 0.3, ..Faults::default() };
        let mut random = Rng::with_seed(1);
        let mut counts = [0_i32; 4];
        for _ in 0..10_000 {
            counts[faults.fate(0, &mut random) as usize] += 1;
        }
        for (count, expected) in counts.iter().zip([4000, 1000, 2000, 3000]) {
            assert!((count - expected).abs() < 250, "{counts:?}");
        }
    }

    #[test]
    fn a_connection_ends_after_its_number() {
        let faults = Faults { drop_after: Some(2), ..Faults::default() };
        let mut random = Rng::with_seed(1);
        let fates = [0, 1, 2].map(|before| faults.fate(before, &mut random));
        assert_eq!(fates, [Fate::Whole, Fate::Whole, Fate::Dropped]);
    }
}
