//! Sessions that wait for a backend connection, and the plan that ends each wait.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use crate::net::{Net, Notify};
use crate::pool::Plan;

#[derive(Default)]
struct Seat {
    plan: Cell<Option<Plan>>,
    event: Notify,
}

/// The waiting sessions of one shard, by their owner number.
#[derive(Default)]
pub(super) struct Waiting {
    seats: RefCell<HashMap<u64, Rc<Seat>>>,
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
    pub(super) async fn plan(&self, net: &Net, owner: u64, deadline: Instant) -> Option<Plan> {
        let seat = Rc::new(Seat::default());
        self.seats.borrow_mut().insert(owner, seat.clone());
        seat.event.wait_until(net, deadline).await;
        self.seats.borrow_mut().remove(&owner);
        seat.plan.take()
    }
}
