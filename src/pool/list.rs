//! Doubly linked lists threaded through a slab of connections.

/// No slot.
pub(super) const NIL: u32 = u32::MAX;

/// One slot's neighbours in one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) prev: u32,
    pub(super) next: u32,
}

impl Links {
    pub(super) const NONE: Self = Self { prev: NIL, next: NIL };
}

/// A list: the front is the slot pushed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    pub(super) front: u32,
    pub(super) back: u32,
    pub(super) len: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { front: NIL, back: NIL, len: 0 };

    /// Puts `slot` in front; `links` finds a slot's neighbours in this list.
    pub(super) fn push_front<T>(
        &mut self,
        slots: &mut [T],
        links: impl Fn(&mut T) -> &mut Links,
        slot: u32,
    ) {
        *links(&mut slots[slot as usize]) = Links { prev: NIL, next: self.front };
        match slots.get_mut(self.front as usize) {
            Some(front) => links(front).prev = slot,
            None => self.back = slot,
        }
        self.front = slot;
        self.len += 1;
    }

    /// Takes `slot`, which is in this list, out of it.
    pub(super) fn remove<T>(
        &mut self,
        slots: &mut [T],
        links: impl Fn(&mut T) -> &mut Links,
        slot: u32,
    ) {
        let Links { prev, next } = std::mem::replace(links(&mut slots[slot as usize]), Links::NONE);
        match slots.get_mut(prev as usize) {
            Some(before) => links(before).next = next,
            None => self.front = next,
        }
        match slots.get_mut(next as usize) {
            Some(after) => links(after).prev = prev,
            None => self.back = prev,
        }
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn behaves_like_a_deque(ops in prop::collection::vec(0u32..16, 0..200)) {
            let mut slots = vec![Links::NONE; 16];
            let mut list = List::EMPTY;
            let mut model = VecDeque::new();
            for slot in ops {
                if let Some(at) = model.iter().position(|s| *s == slot) {
                    model.remove(at);
                    list.remove(&mut slots, |links| links, slot);
                } else {
                    model.push_front(slot);
                    list.push_front(&mut slots, |links| links, slot);
                }
                let (mut forward, mut at) = (Vec::new(), list.front);
                while at != NIL {
                    forward.push(at);
                    at = slots[at as usize].next;
                }
                prop_assert_eq!(&forward, &model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(list.back, model.back().copied().unwrap_or(NIL));
                prop_assert_eq!(list.len as usize, model.len());
            }
        }
    }
}
