//! Faults that the differential tester must find (`make mutants`). They exist only in builds with
//! the feature `mutants`, which nothing that is released has: elsewhere `is_on` is a constant and
//! the branches are not there.

use super::link::Link;

/// A fault, chosen by its name in `$LANEWIRE_MUTANT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// `skip-difference`: a connection is taken to be in the session's state already.
    SkipDifference,
    /// `skip-variables`: a connection is taken to have the session's variables already.
    SkipVariables,
    /// `forget-types`: a connection is taken to know the types of a statement's parameters.
    ForgetTypes,
    /// `swap-connections`: the pool hands out one connection for another.
    SwapConnections,
    /// `forget-insert-id`: a connection is taken to have the session's `LAST_INSERT_ID()`.
    ForgetInsertId,
    /// `ignore-pins`: a connection goes back with what cannot be replayed on it.
    IgnorePins,
    /// `short-cut`: a plain read goes the short way, whatever the session holds.
    ShortCut,
}

impl Mutant {
    #[cfg(not(feature = "mutants"))]
    pub(super) const fn is_on(self) -> bool {
        false
    }

    #[cfg(feature = "mutants")]
    pub(super) fn is_on(self) -> bool {
        use std::sync::OnceLock;
        static CHOSEN: OnceLock<Option<Mutant>> = OnceLock::new();
        let read = || match std::env::var("LANEWIRE_MUTANT").ok()?.as_str() {
            "skip-difference" => Some(Self::SkipDifference),
            "skip-variables" => Some(Self::SkipVariables),
            "forget-types" => Some(Self::ForgetTypes),
            "swap-connections" => Some(Self::SwapConnections),
            "forget-insert-id" => Some(Self::ForgetInsertId),
            "ignore-pins" => Some(Self::IgnorePins),
            "short-cut" => Some(Self::ShortCut),
            _ => None,
        };
        *CHOSEN.get_or_init(read) == Some(self)
    }

    /// Whether there is one that lies on the long way of a statement.
    #[cfg(not(feature = "mutants"))]
    pub(super) const fn is_on_long_way() -> bool {
        false
    }

    #[cfg(feature = "mutants")]
    pub(super) fn is_on_long_way() -> bool {
        std::env::var_os("LANEWIRE_MUTANT").is_some() && !Self::ShortCut.is_on()
    }

    /// A connection that goes to the pool's idle ones, where one of them is like it but for its
    /// state: from now on each is taken for the other.
    pub(super) fn mix_up(link: &mut Link, idle: &mut [Option<Box<Link>>]) {
        let like = |other: &&mut Box<Link>| other.capabilities == link.capabilities;
        if let Some(other) = idle.iter_mut().flatten().find(like) {
            std::mem::swap(&mut link.inbox, &mut other.inbox);
        }
    }
}
