//! Logging in, on both sides, as state machines: payloads of packets in, payloads out.
//!
//! [`ServerSide`] checks a client; [`ClientSide`] logs in to a backend. From a client that proved
//! its password the server side keeps what the client side needs ([`BackendSecret`]), even where
//! the settings know only a hash: `mysql_native_password`'s reply carries `SHA1(password)` under
//! a mask that whoever knows `SHA1(SHA1(password))` can take off.
//!
//! Sources: "Authentication Methods" of MySQL's protocol documentation, `mysql_native_password`
//! and `caching_sha2_password`; for MariaDB "Connection" of its client/server protocol.

mod client;
mod plugin;
mod rsa_key;
mod scramble;
mod secret;
mod server;
#[cfg(test)]
mod tests;

pub use client::{ClientSide, ClientStep};
pub use plugin::Plugin;
pub use rsa_key::RsaKey;
pub use scramble::{
    SCRAMBLE_LEN, caching_sha2_response, native_response, native_stage1, native_stage2,
};
pub use secret::{BackendSecret, Secret};
pub use server::{ServerSide, ServerStep};

/// Why a login failed, or could not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The server answered ERR.
    #[error("refused with error {code}: {}", String::from_utf8_lossy(.message))]
    Refused {
        /// MySQL error code.
        code: u16,
        /// The server's text, any SQLSTATE before it taken off.
        message: Vec<u8>,
    },
    /// The server asks for a plugin that we do not do.
    #[error("the server asks for the authentication plugin {}, which is not supported",
        String::from_utf8_lossy(.0))]
    PluginUnsupported(Vec<u8>),
    /// The server asks for the password itself, of which only a hash is known.
    #[error("{0} needs the password, but the settings hold only its hash")]
    PasswordUnknown(&'static str),
    /// The server asks for the password in clear text over a connection that others can read.
    #[error("the server asks for the password in clear text, which only a Unix socket may carry")]
    ClearTextRefused,
    /// The server's RSA public key cannot be read or used.
    #[error("the server's RSA public key is unusable")]
    PublicKey,
    /// A packet that has no place here.
    #[error("malformed or unexpected packet during authentication")]
    Malformed,
    /// The server goes on asking.
    #[error("the server asks for too many steps")]
    TooManySteps,
    /// The system gave no random bytes, or no key could be made of them.
    #[error("no RSA key could be made: {0}")]
    KeyGeneration(String),
}
