//! Chunks on their way in or out of a socket: mostly one, which lies in the socket's own slot.

use std::collections::VecDeque;

use super::buffers::Chunk;

/// A first-in-first-out queue whose first chunk costs no look at other memory.
#[derive(Default)]
pub(super) struct Queue {
    first: Option<Chunk>,
    /// Empty while there is no first.
    #[expect(clippy::box_collection, reason = "rare, and each socket has two")]
    rest: Option<Box<VecDeque<Chunk>>>,
}

impl Queue {
    pub(super) fn push_back(&mut self, chunk: Chunk) {
        if self.first.is_none() {
            self.first = Some(chunk);
        } else {
            self.rest.get_or_insert_default().push_back(chunk);
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<Chunk> {
        let chunk = self.first.take();
        if let Some(rest) = &mut self.rest {
            self.first = rest.pop_front();
        }
        chunk
    }

    pub(super) fn front(&self) -> Option<&Chunk> {
        self.first.as_ref()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Chunk> {
        self.first.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Chunk> {
        self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Whether it holds exactly one.
    pub(super) fn is_single(&self) -> bool {
        self.first.is_some() && self.rest.as_ref().is_none_or(|rest| rest.is_empty())
    }

    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }

    /// Drops all but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        if let Some(rest) = &mut self.rest {
            rest.truncate(len.saturating_sub(1));
        }
        if len == 0 {
            self.first = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Push(u8),
        Pop,
        Truncate(usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            any::<u8>().prop_map(Act::Push),
            Just(Act::Pop),
            (0..4_usize).prop_map(Act::Truncate),
        ];
        prop::collection::vec(act, 0..100)
    }

    proptest! {
        #[test]
        fn behaves_like_a_deque(acts in acts()) {
            let byte = |chunk: &Chunk| chunk.as_slice()[0];
            let (mut queue, mut model) = (Queue::default(), VecDeque::new());
            for act in acts {
                match act {
                    Act::Push(value) => {
                        queue.push_back(Chunk::from(vec![value]));
                        model.push_back(value);
                    }
                    Act::Pop => {
                        prop_assert_eq!(queue.pop_front().as_ref().map(byte), model.pop_front());
                    }
                    Act::Truncate(len) => {
                        queue.truncate(len);
                        model.truncate(len);
                    }
                }
                prop_assert_eq!(queue.front().map(byte), model.front().copied());
                prop_assert_eq!(queue.is_empty(), model.is_empty());
                prop_assert_eq!(queue.is_single(), model.len() == 1);
                prop_assert!(queue.iter().map(byte).eq(model.iter().copied()));
            }
        }
    }
}
