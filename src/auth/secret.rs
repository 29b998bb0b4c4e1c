//! What is known of a password.

use std::fmt;

use super::scramble::native_stage1;

/// What the settings know of a user's password. Its `Debug` form never shows it.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password; empty: none.
    Password(Vec<u8>),
    /// `SHA1(SHA1(password))`; enough for `mysql_native_password`.
    NativeHash([u8; 20]),
}

impl Secret {
    /// A secret that nobody has, of the same kind as `like`: an unknown user goes through the same
    /// exchange as a known one and is then denied. `random` comes from the system.
    #[must_use]
    pub fn decoy(like: Option<&Self>, random: &[u8; 20]) -> Self {
        match like {
            Some(Self::NativeHash(_)) => Self::NativeHash(*random),
            Some(Self::Password(_)) | None => Self::Password(random.to_vec()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(hidden)",
            Self::NativeHash(_) => "NativeHash(hidden)",
        })
    }
}

/// What is needed to log in to a backend. Its `Debug` form never shows it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum BackendSecret {
    /// The password; empty: none.
    Password(Vec<u8>),
    /// `SHA1(password)`, recovered from a client's reply; enough for `mysql_native_password`.
    NativeStage1([u8; 20]),
}

impl BackendSecret {
    /// `SHA1(password)`; `None`: there is no password.
    pub(super) fn stage1(&self) -> Option<[u8; 20]> {
        match self {
            Self::Password(password) if password.is_empty() => None,
            Self::Password(password) => Some(native_stage1(password)),
            Self::NativeStage1(stage1) => Some(*stage1),
        }
    }
}

impl fmt::Debug for BackendSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(hidden)",
            Self::NativeStage1(_) => "NativeStage1(hidden)",
        })
    }
}
