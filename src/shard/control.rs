//! What the monitor and the signals tell the shards: a view of the cluster, and to drain.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cluster::ClusterView;
use crate::net::Doorbell;

/// Shared by the threads; the shards look at it only when their bell was rung.
pub struct Control {
    view: Mutex<Arc<ClusterView>>,
    draining: AtomicBool,
    drain_until: Mutex<Option<Instant>>,
    bells: Vec<Doorbell>,
}

impl Control {
    /// For `shards` shards.
    ///
    /// # Errors
    /// When the process is out of file descriptors.
    pub fn new(shards: usize, view: ClusterView) -> std::io::Result<Arc<Self>> {
        let bells = (0..shards).map(|_| Doorbell::new()).collect::<Result<_, _>>()?;
        Ok(Arc::new(Self {
            view: Mutex::new(Arc::new(view)),
            draining: AtomicBool::new(false),
            drain_until: Mutex::new(None),
            bells,
        }))
    }

    /// Gives every shard a new view.
    pub fn publish(&self, view: Arc<ClusterView>) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
        self.ring_all();
    }

    /// The view published last.
    #[must_use]
    pub fn view(&self) -> Arc<ClusterView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends accepting, and each session as soon as no transaction holds it, at the latest after
    /// `patience`.
    pub fn drain(&self, patience: Duration) {
        *self.drain_until.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Instant::now() + patience);
        self.draining.store(true, Ordering::Release);
        self.ring_all();
    }

    /// Until when sessions may go on; `None`: not draining.
    #[must_use]
    pub fn drain_deadline(&self) -> Option<Instant> {
        if !self.draining.load(Ordering::Acquire) {
            return None;
        }
        *self.drain_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bells, in the order of the shards.
    #[must_use]
    pub fn bells(&self) -> &[Doorbell] {
        &self.bells
    }

    fn ring_all(&self) {
        self.bells.iter().for_each(Doorbell::ring);
    }
}
