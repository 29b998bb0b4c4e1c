//! Where commands run: a session that waits for its client keeps no room for the longest of its
//! commands. The shard has a stock of such rooms, as many as ran at once.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::conversation::{Conversation, Next, one_command};
use super::fault::Fault;
use super::lane::Lane;

/// Empty rooms that are kept, of 2 KiB each.
const KEPT_MAX: usize = 1024;

/// What a command leaves: the session, and whether it goes on.
pub(super) type Outcome = (Box<Conversation>, Result<Next, Fault>);

/// The empty rooms of one shard.
#[derive(Default)]
pub(super) struct Stock {
    rooms: RefCell<Vec<Box<dyn Room>>>,
}

/// The place of one command's future, which has no name.
trait Room {
    fn enter(&mut self, conversation: Box<Conversation>);
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome>;
    fn clear(&mut self);
}

struct RoomOf<F, M> {
    future: Pin<Box<Option<F>>>,
    make: M,
}

impl<F, M> Room for RoomOf<F, M>
where
    F: Future<Output = Outcome>,
    M: Fn(Box<Conversation>) -> F,
{
    fn enter(&mut self, conversation: Box<Conversation>) {
        self.future.set(Some((self.make)(conversation)));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        let future = self.future.as_mut().as_pin_mut();
        future.expect("a command is polled where it entered").poll(context)
    }

    fn clear(&mut self) {
        self.future.set(None);
    }
}

fn room() -> Box<dyn Room> {
    Box::new(RoomOf { future: Box::pin(None), make: one_command })
}

/// A command under way.
pub(super) struct Running {
    lane: Rc<Lane>,
    room: Option<Box<dyn Room>>,
}

impl Running {
    /// Begins the next command of `conversation`.
    pub(super) fn new(conversation: Box<Conversation>) -> Self {
        let lane = conversation.lane.clone();
        let kept = lane.commands.rooms.borrow_mut().pop();
        let mut room = kept.unwrap_or_else(room);
        room.enter(conversation);
        Self { lane, room: Some(room) }
    }
}

impl Future for Running {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        let room = this.room.as_mut().expect("a command ends once");
        let Poll::Ready(outcome) = room.poll(context) else { return Poll::Pending };
        room.clear();
        let mut rooms = this.lane.commands.rooms.borrow_mut();
        if let Some(room) = this.room.take()
            && rooms.len() < KEPT_MAX
        {
            rooms.push(room);
        }
        Poll::Ready(outcome)
    }
}
