//! Sessions that wait for a backend connection, and the plan that ends each wait.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::net::{Net, Notify, Sleep};
use crate::pool::Plan;

/// A session's place to wait, made once and used again.
#[derive(Default)]
pub(super) struct Seat {
    plan: Cell<Option<Plan>>,
    event: Notify,
    clock: RefCell<Option<Rc<Sleep>>>,
}

/// The waiting sessions of one shard, by their owner number.
#[derive(Default)]
pub(super) struct Waiting {
    seats: RefCell<FxHashMap<u64, Rc<Seat>>>,
}

impl Waiting {
    /// Hands `plan` to the session `owner`; `false` when it waits no longer.
    pub(super) fn answer(&self, net: &Net, owner: u64, plan: Plan) -> bool {
        let seat = self.seats.borrow_mut().remove(&owner);
        let Some(seat) = seat else { return false };
        seat.plan.set(Some(plan));
        seat.event.notify(net);
        true
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.borrow().is_empty()
    }

    /// Waits for a plan until `deadline`.
    pub(super) async fn plan(
        &self,
        net: &Net,
        owner: u64,
        seat: &Rc<Seat>,
        deadline: Instant,
    ) -> Option<Plan> {
        let known = seat.clock.borrow().clone();
        let clock = known.unwrap_or_else(|| {
            let clock = Rc::new(net.sleep_until(deadline));
            seat.clock.replace(Some(clock.clone()));
            clock
        });
        clock.reset(Some(deadline));
        self.seats.borrow_mut().insert(owner, seat.clone());
        seat.event.wait(&clock).await;
        clock.reset(None);
        let plan = seat.plan.take();
        if plan.is_none() {
            self.seats.borrow_mut().remove(&owner);
        }
        plan
    }
}
