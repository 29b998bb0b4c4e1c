//! Whether one backend may be tried, as one shard saw it: exponential back-off after failures,
//! and one attempt at a time while a backend is set aside.

use std::time::{Duration, Instant};

/// The first pause after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// No pause is longer.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A backend's state as mysql-proxy's users know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BackendState {
    /// Nobody tried it yet.
    #[default]
    Unknown,
    /// The last attempt ended well.
    Up,
    /// The last attempt failed.
    Down,
}

impl BackendState {
    /// The word the admin tables show.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// One shard's knowledge of one backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Liveness {
    /// Not tried yet: may be tried.
    #[default]
    Unknown,
    /// Reached: may be tried.
    Up,
    /// Refused, dropped or timed out.
    Down {
        /// From when one attempt may be made.
        retry_at: Instant,
        /// Failures in a row, at least 1.
        failures: u32,
        /// Whether an attempt is under way.
        trying: bool,
    },
}

impl Liveness {
    /// The state without its details.
    #[must_use]
    pub const fn state(&self) -> BackendState {
        match self {
            Self::Unknown => BackendState::Unknown,
            Self::Up => BackendState::Up,
            Self::Down { .. } => BackendState::Down,
        }
    }

    /// Whether an attempt may be made now.
    #[must_use]
    pub fn may_try(&self, now: Instant) -> bool {
        match *self {
            Self::Unknown | Self::Up => true,
            Self::Down { retry_at, .. } => now >= retry_at,
        }
    }

    /// Notes that an attempt begins. While the backend is down this moves the next attempt one
    /// pause away, so that only one is under way, and one that never reports blocks nothing.
    pub fn begin_try(&mut self, now: Instant) {
        if let Self::Down { retry_at, failures, trying } = self {
            *retry_at = now + pause(*failures);
            *trying = true;
        }
    }

    /// The backend answered.
    pub fn on_success(&mut self) {
        *self = Self::Up;
    }

    /// The backend refused, dropped or timed out. `jitter` is any random number: the pause lies
    /// between half and all of its step, so that shards do not return in one moment.
    pub fn on_failure(&mut self, now: Instant, jitter: u32) {
        let failures = match *self {
            Self::Unknown | Self::Up => 1,
            // Many requests that broke together are one failure.
            Self::Down { retry_at, failures, trying: false } if now < retry_at => failures,
            Self::Down { failures, .. } => failures.saturating_add(1),
        };
        let half = pause(failures) / 2;
        let spread = half.mul_f64(f64::from(jitter) / f64::from(u32::MAX));
        *self = Self::Down { retry_at: now + half + spread, failures, trying: false };
    }
}

/// The step of the back-off after `failures` failures in a row.
fn pause(failures: u32) -> Duration {
    // 100 ms × 2^7 is past the cap.
    (BACKOFF_MIN * (1 << failures.saturating_sub(1).min(7))).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pauses_double_to_the_cap() {
        let pauses: Vec<_> = (1..=9).map(|n| pause(n).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        assert_eq!(pause(u32::MAX), BACKOFF_MAX);
    }

    #[test]
    fn down_until_the_pause_is_over_then_one_attempt() {
        let now = Instant::now();
        let mut live = Liveness::default();
        assert!(live.may_try(now));
        assert_eq!(live.state(), BackendState::Unknown);
        live.on_failure(now, u32::MAX);
        assert_eq!(live.state().name(), "down");
        assert!(!live.may_try(now + Duration::from_millis(99)));
        let due = now + Duration::from_millis(100);
        assert!(live.may_try(due));
        live.begin_try(due);
        assert!(!live.may_try(due));
        assert!(live.may_try(due + Duration::from_millis(100)));
        live.on_success();
        assert_eq!(live, Liveness::Up);
    }

    #[test]
    fn many_breaks_at_once_are_one_failure() {
        let now = Instant::now();
        let mut live = Liveness::Up;
        for _ in 0..50 {
            live.on_failure(now, 0);
        }
        let retry_at = now + BACKOFF_MIN / 2;
        assert_eq!(live, Liveness::Down { retry_at, failures: 1, trying: false });
        live.begin_try(retry_at);
        live.on_failure(retry_at, 0);
        assert!(matches!(live, Liveness::Down { failures: 2, .. }));
    }

    proptest! {
        #[test]
        fn a_pause_stays_within_its_step(failures in 1u32..40, jitter: u32) {
            let mut now = Instant::now();
            let mut live = Liveness::Up;
            for _ in 0..failures {
                live.on_failure(now, jitter);
                let Liveness::Down { retry_at, failures, .. } = live else { panic!("not down") };
                let wait = retry_at - now;
                prop_assert!(wait >= pause(failures) / 2 && wait <= pause(failures));
                now = retry_at;
            }
            prop_assert!(live.may_try(now));
        }
    }
}
