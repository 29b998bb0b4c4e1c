//! What the operator asked for: the TOML file and the command line, checked and turned into
//! [`Settings`].
//!
//! Nothing here opens a file or resolves a name: text and flags in, settings or *all* the errors
//! out, each with file, line, key, value and the rule it breaks.

mod backends;
pub mod cli;
mod document;
mod duration;
mod error;
mod load;
mod parse;
mod replaced;
mod settings;
mod users;
mod validate;

pub use cli::{CheckFlags, Flags, Invocation, parse_args};
pub use error::{ConfigError, Origin};
pub use load::{assemble, check, load};
pub use parse::parse_cores;
pub use settings::{
    Address, AdminSettings, AuthPlugin, BackendSettings, Listen, LogLevel, LogSettings,
    PasswordSetting, Role, Settings, SqlSettings, Timeouts, UserSettings,
};
