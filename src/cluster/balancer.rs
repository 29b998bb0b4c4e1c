//! Which replica a read goes to: least outstanding requests per weight, round robin in
//! proportion to the weights among equals.

use std::time::Instant;

use super::{BackendIdx, BackendSet, BackendState, ClusterView, Liveness, Role};

/// One shard's choice among backends.
#[derive(Debug, Clone, Default)]
pub struct Balancer {
    liveness: Vec<Liveness>,
    /// Credits of the smooth weighted round robin: each choice gives every equal candidate its
    /// weight and takes the sum from the one chosen.
    credit: Vec<i64>,
}

impl Balancer {
    /// A balancer for `backends` backends of which nothing is known.
    #[must_use]
    pub fn new(backends: usize) -> Self {
        Self { liveness: vec![Liveness::Unknown; backends], credit: vec![0; backends] }
    }

    /// What this shard saw of `idx`.
    #[must_use]
    pub fn liveness(&self, idx: BackendIdx) -> Liveness {
        self.liveness.get(idx.slot()).copied().unwrap_or_default()
    }

    /// Whether `idx` may be tried now.
    #[must_use]
    pub fn may_try(&self, idx: BackendIdx, now: Instant) -> bool {
        self.liveness(idx).may_try(now)
    }

    /// An attempt on `idx` begins (a dial); see [`Liveness::begin_try`].
    pub fn begin_try(&mut self, idx: BackendIdx, now: Instant) {
        if let Some(live) = self.liveness.get_mut(idx.slot()) {
            live.begin_try(now);
        }
    }

    /// `idx` answered.
    pub fn on_success(&mut self, idx: BackendIdx) {
        if let Some(live) = self.liveness.get_mut(idx.slot()) {
            live.on_success();
        }
    }

    /// `idx` failed; see [`Liveness::on_failure`].
    pub fn on_failure(&mut self, idx: BackendIdx, now: Instant, jitter: u32) {
        if let Some(live) = self.liveness.get_mut(idx.slot()) {
            live.on_failure(now, jitter);
        }
    }

    /// Whether any replica could take a read now.
    #[must_use]
    pub fn has_replica(&self, view: &ClusterView, now: Instant) -> bool {
        view.iter().any(|(idx, _)| self.eligible(view, idx, &BackendSet::EMPTY, now).is_some())
    }

    /// Chooses a replica; `outstanding` counts each backend's requests under way in this shard,
    /// `tried` names those that a retry must not take again. `None`: the caller uses the primary.
    pub fn pick_replica(
        &mut self,
        view: &ClusterView,
        outstanding: &[u32],
        tried: &BackendSet,
        now: Instant,
    ) -> Option<BackendIdx> {
        let load = |idx: BackendIdx| outstanding.get(idx.slot()).copied().unwrap_or(0);
        let mut least: Option<(u32, u32)> = None;
        for (idx, _) in view.iter() {
            let Some(weight) = self.eligible(view, idx, tried, now) else { continue };
            let candidate = (load(idx), weight);
            if least.is_none_or(|best| lighter(candidate, best)) {
                least = Some(candidate);
            }
        }
        let least = least?;
        let mut chosen: Option<BackendIdx> = None;
        let mut sum = 0;
        for (idx, _) in view.iter() {
            let Some(weight) = self.eligible(view, idx, tried, now) else { continue };
            if lighter(least, (load(idx), weight)) {
                continue;
            }
            sum += i64::from(weight);
            let credit = self.credit[idx.slot()] + i64::from(weight);
            self.credit[idx.slot()] = credit;
            if chosen.is_none_or(|best| credit > self.credit[best.slot()]) {
                chosen = Some(idx);
            }
        }
        let chosen = chosen?;
        self.credit[chosen.slot()] -= sum;
        // Credits of candidates that come and go must not drift without bound.
        let bound = sum * 4;
        let credit = &mut self.credit[chosen.slot()];
        *credit = (*credit).clamp(-bound, bound);
        self.liveness[chosen.slot()].begin_try(now);
        Some(chosen)
    }

    /// The weight with which `idx` may take a read now; `None` if it may not.
    fn eligible(
        &self,
        view: &ClusterView,
        idx: BackendIdx,
        tried: &BackendSet,
        now: Instant,
    ) -> Option<u32> {
        let backend = view.backend(idx)?;
        let live = self.liveness.get(idx.slot())?;
        // What the monitor found down may still be tried where this shard reaches it.
        let reachable = backend.state != BackendState::Down || *live == Liveness::Up;
        let usable = backend.role == Role::Replica
            && backend.in_service
            && backend.weight > 0
            && reachable
            && live.may_try(now)
            && !tried.contains(idx);
        usable.then_some(backend.weight)
    }
}

/// Whether `a` has fewer outstanding requests per weight than `b`; both are (requests, weight).
fn lighter(a: (u32, u32), b: (u32, u32)) -> bool {
    u64::from(a.0) * u64::from(b.1) < u64::from(b.0) * u64::from(a.1)
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::view;
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const NONE: BackendSet = BackendSet::EMPTY;

    #[test]
    fn round_robin_among_equals() {
        let view = view(&[(Role::Primary, 1), (Role::Replica, 1), (Role::Replica, 1)]);
        let mut balancer = Balancer::new(3);
        let now = Instant::now();
        let picks: Vec<_> =
            (0..6).map(|_| balancer.pick_replica(&view, &[0; 3], &NONE, now).unwrap().0).collect();
        assert_eq!(picks, [1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn idle_backends_share_by_weight() {
        let view = view(&[(Role::Replica, 3), (Role::Replica, 1), (Role::Replica, 0)]);
        let mut balancer = Balancer::new(3);
        let mut counts = [0; 3];
        for _ in 0..400 {
            let idx = balancer.pick_replica(&view, &[0; 3], &NONE, Instant::now()).unwrap();
            counts[idx.slot()] += 1;
        }
        assert_eq!(counts, [300, 100, 0]);
    }

    #[test]
    fn the_least_outstanding_per_weight_wins() {
        let view = view(&[(Role::Replica, 1), (Role::Replica, 2)]);
        let mut balancer = Balancer::new(2);
        let now = Instant::now();
        assert_eq!(balancer.pick_replica(&view, &[1, 3], &NONE, now), Some(BackendIdx(0)));
        assert_eq!(balancer.pick_replica(&view, &[2, 3], &NONE, now), Some(BackendIdx(1)));
    }

    #[test]
    fn a_failed_replica_is_set_aside_and_tried_again_once() {
        let view = view(&[(Role::Primary, 1), (Role::Replica, 1)]);
        let mut balancer = Balancer::new(2);
        let now = Instant::now();
        balancer.on_failure(BackendIdx(1), now, 0);
        assert!(!balancer.has_replica(&view, now));
        assert_eq!(balancer.pick_replica(&view, &[0; 2], &NONE, now), None);
        let later = now + Duration::from_millis(50);
        assert_eq!(balancer.pick_replica(&view, &[0; 2], &NONE, later), Some(BackendIdx(1)));
        assert_eq!(balancer.pick_replica(&view, &[0; 2], &NONE, later), None);
        balancer.on_success(BackendIdx(1));
        assert_eq!(balancer.pick_replica(&view, &[0; 2], &NONE, later), Some(BackendIdx(1)));
    }

    #[test]
    fn a_retry_does_not_take_the_same_again() {
        let view = view(&[(Role::Replica, 1), (Role::Replica, 1)]);
        let mut balancer = Balancer::new(2);
        let mut tried = NONE;
        let now = Instant::now();
        let first = balancer.pick_replica(&view, &[0; 2], &tried, now).unwrap();
        tried.insert(first);
        let second = balancer.pick_replica(&view, &[0; 2], &tried, now).unwrap();
        assert_ne!(first, second);
        tried.insert(second);
        assert_eq!(balancer.pick_replica(&view, &[0; 2], &tried, now), None);
    }

    proptest! {
        #[test]
        fn a_choice_is_always_allowed_and_least_loaded(
            backends in prop::collection::vec((any::<bool>(), 0u32..5, any::<bool>(), 0u32..4), 1..8),
            rounds in 1usize..40,
        ) {
            let roles: Vec<_> = backends.iter()
                .map(|b| (if b.0 { Role::Replica } else { Role::Primary }, b.1)).collect();
            let view = view(&roles);
            let load: Vec<u32> = backends.iter().map(|b| b.3).collect();
            let mut balancer = Balancer::new(backends.len());
            let now = Instant::now();
            for (i, backend) in backends.iter().enumerate() {
                if backend.2 {
                    balancer.on_failure(BackendIdx(u16::try_from(i).unwrap()), now, 7);
                }
            }
            let may = |b: &(bool, u32, bool, u32)| b.0 && b.1 > 0 && !b.2;
            for _ in 0..rounds {
                match balancer.pick_replica(&view, &load, &NONE, now) {
                    None => prop_assert!(!backends.iter().any(may)),
                    Some(idx) => {
                        let chosen = backends[idx.slot()];
                        prop_assert!(may(&chosen));
                        for other in backends.iter().filter(|b| may(b)) {
                            prop_assert!(!lighter((other.3, other.1), (chosen.3, chosen.1)));
                        }
                    }
                }
            }
        }
    }
}
