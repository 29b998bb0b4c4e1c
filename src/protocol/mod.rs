//! Floor 0: the bytes of the MySQL client/server protocol.
//!
//! Everything here is a pure function of bytes: nothing knows sockets, clocks, settings or logs,
//! and nothing panics on what a peer sent. Three layers, one message a file:
//!
//! * [`wire`]: integers and strings; [`frame`]: packets and how long ones are split;
//! * messages: [`greeting`], [`login`], [`auth_switch`], [`command`], [`reply`],
//!   [`session_track`], [`prepare`], [`execute`], [`resultset`];
//! * [`tracker`]: follows the reply to one command without copying it, and says where it ends.
//!
//! Layouts follow <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html> and
//! <https://mariadb.com/kb/en/clientserver-protocol/>; where servers do otherwise, the servers win
//! and the comment says so.
#![deny(clippy::indexing_slicing)]

pub mod auth_switch;
pub mod capability;
pub mod command;
pub mod execute;
pub mod frame;
pub mod greeting;
pub mod login;
pub mod prepare;
pub mod query;
pub mod renumber;
pub mod reply;
pub mod resultset;
pub mod session_track;
pub mod status;
pub mod tracker;
pub mod wire;

pub use auth_switch::{AuthMoreData, AuthSwitch, is_old_auth_switch};
pub use capability::Capabilities;
pub use command::{ChangeUser, Command, rewrite_statement_id, statement_id};
pub use execute::{
    ParamLayout, ParamTypes, given_integers, opens_cursor, param_types, put_param_types,
};
pub use frame::{HEADER_LEN, Header, MAX_PAYLOAD, PacketReader, put_packet};
pub use greeting::Greeting;
pub use login::{Attributes, FirstPacket, Login, SslRequest, put_attributes, read_attributes};
pub use prepare::PrepareOk;
pub use query::{query_command, query_text_at};
pub use renumber::Renumber;
pub use reply::{EofPacket, ErrPacket, OkPacket, strip_eof_flag, strip_session_state};
pub use resultset::{Column, ColumnDefinition, put_resultset, put_text_value, text_row};
pub use session_track::{Change, Changes, changes, put_change};
pub use status::StatusFlags;
pub use tracker::{Event, Progress, ReplyKind, ReplyTracker, Summary, Terminal, TerminalKind};
pub use wire::{
    Malformed, Reader, put_lenenc, put_lenenc_str, put_nul_str, put_u16, put_u24, put_u32, put_u64,
};
