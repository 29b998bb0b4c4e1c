//! A connection's way to its first statement: greeting, login, prepared statements.

use super::connection::failed;
use super::tally::{Failure, Fault};
use crate::client::{Answer, ErrReply, Error, Login, Options, flags};
use crate::packets::{HEADER_LEN, front, put_packet};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

const COM_STMT_PREPARE: u8 = 0x16;

/// What a connection keeps of it.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The connection speaks without EOF packets.
    pub(super) deprecate_eof: bool,
    /// The server's ids of the prepared statements, in the order of their SQL.
    pub(super) statement_ids: Vec<u32>,
}

#[derive(Debug)]
enum Step {
    Greeting,
    Login(Login),
    /// The OK of a PREPARE is due.
    Prepare,
    /// So many packets are due behind it.
    Definitions(u16),
}

/// The state of it; once over, it is thrown away.
#[derive(Debug)]
pub(super) struct Setup {
    /// A password may travel in clear.
    private: bool,
    step: Step,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    done: Done,
}

impl Setup {
    pub(super) fn new(private: bool) -> Self {
        let (inbox, outbox, done) = (Vec::new(), Vec::new(), Done::default());
        Self { private, step: Step::Greeting, inbox, outbox, done }
    }

    /// Sends what waits, as much as the socket takes.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>) -> Result<(), Failure> {
        while !self.outbox.is_empty() {
            match send(socket, &self.outbox, SendFlags::NOSIGNAL) {
                Ok(sent) => drop(self.outbox.drain(..sent)),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        Ok(())
    }

    /// Takes received bytes; `Some` when all is done.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        options: &Options,
        prepared: &[String],
    ) -> Result<Option<Done>, Failure> {
        self.inbox.extend_from_slice(bytes);
        let inbox = std::mem::take(&mut self.inbox);
        let mut used = 0;
        while let Some((seq, payload)) = front(&inbox[used..]) {
            used += HEADER_LEN + payload.len();
            if self.take_payload(seq, payload, options, prepared).map_err(|e| failure(&e))? {
                return Ok(Some(std::mem::take(&mut self.done)));
            }
        }
        self.inbox.extend_from_slice(&inbox[used..]);
        Ok(None)
    }

    fn take_payload(
        &mut self,
        seq: u8,
        payload: &[u8],
        options: &Options,
        prepared: &[String],
    ) -> Result<bool, Error> {
        match &mut self.step {
            Step::Greeting => {
                let (login, request) = Login::begin(options, payload, self.private)?;
                put_packet(&mut self.outbox, seq.wrapping_add(1), &request);
                self.step = Step::Login(login);
                Ok(false)
            }
            Step::Login(login) => match login.take(options, payload)? {
                Answer::Wait => Ok(false),
                Answer::Send(answer) => {
                    put_packet(&mut self.outbox, seq.wrapping_add(1), &answer);
                    Ok(false)
                }
                Answer::Done(_) => {
                    self.done.deprecate_eof = login.capabilities & flags::DEPRECATE_EOF != 0;
                    Ok(self.prepare_next(prepared))
                }
            },
            Step::Prepare => {
                let due = self.take_prepared(payload)?;
                self.step = Step::Definitions(due);
                Ok(due == 0 && self.prepare_next(prepared))
            }
            Step::Definitions(due) => {
                *due -= 1;
                Ok(*due == 0 && self.prepare_next(prepared))
            }
        }
    }

    /// Asks for the next statement; `true` when there are no more.
    fn prepare_next(&mut self, prepared: &[String]) -> bool {
        let Some(sql) = prepared.get(self.done.statement_ids.len()) else { return true };
        put_packet(&mut self.outbox, 0, &[&[COM_STMT_PREPARE], sql.as_bytes()].concat());
        self.step = Step::Prepare;
        false
    }

    /// The OK of a PREPARE; returns how many packets come behind it.
    fn take_prepared(&mut self, payload: &[u8]) -> Result<u16, Error> {
        match payload {
            [0x00, a, b, c, d, columns, columns_high, params, params_high, ..] => {
                self.done.statement_ids.push(u32::from_le_bytes([*a, *b, *c, *d]));
                let counts = [[*columns, *columns_high], [*params, *params_high]];
                let packets = counts.map(u16::from_le_bytes).map(|count| {
                    let eof = count > 0 && !self.done.deprecate_eof;
                    count.saturating_add(u16::from(eof))
                });
                Ok(packets[0].saturating_add(packets[1]))
            }
            [0xFF, ..] => Err(Error::Refused(ErrReply::decode(payload)?)),
            _ => Err(Error::Malformed("prepare reply")),
        }
    }
}

/// A server's refusal.
pub(super) fn refused(error: &ErrReply) -> Failure {
    Failure { fault: Fault::Server(error.code), text: error.to_string() }
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::Refused(err) => refused(err),
        Error::Io(_)
        | Error::Timeout
        | Error::Closed
        | Error::Sequence { .. }
        | Error::Malformed(_) => Failure { fault: Fault::Malformed, text: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Address;

    /// A server of our own making: greeting, OK, one statement of two parameters and a column.
    fn server() -> Vec<u8> {
        let mut greeting = b"\x0a8.0\0\x01\0\0\0stubstub\0".to_vec();
        greeting.extend([0xFF, 0xFF, 45, 2, 0, 0xFF, 0xFF, 21]);
        greeting.extend([0; 10]);
        greeting.extend(b"stubstubstub\0mysql_native_password\0");
        let mut out = Vec::new();
        put_packet(&mut out, 0, &greeting);
        put_packet(&mut out, 2, &[0, 0, 0, 2, 0, 0, 0]);
        put_packet(&mut out, 1, &[0, 7, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0]);
        for seq in 2..5 {
            put_packet(&mut out, seq, b"\x03def");
        }
        out
    }

    #[test]
    fn any_split_comes_to_the_same_end() {
        let options = Options::new(Address::local(1), "u", "p").with(flags::DEPRECATE_EOF);
        let bytes = server();
        for step in 1..=bytes.len() {
            let mut setup = Setup::new(false);
            let prepared = ["SELECT ?, ?".to_owned()];
            let mut parts = bytes.chunks(step);
            let done = parts.find_map(|part| setup.take(part, &options, &prepared).unwrap());
            let done = done.unwrap();
            assert!(done.deprecate_eof);
            assert_eq!(done.statement_ids, [7]);
            assert!(parts.next().is_none());
            assert!(setup.outbox.ends_with(b"\x0c\0\0\0\x16SELECT ?, ?"));
        }
    }

    #[test]
    fn a_refusal_keeps_the_servers_number() {
        let mut bytes = Vec::new();
        put_packet(&mut bytes, 0, b"\xFF\x10\x04Too many connections");
        let options = Options::new(Address::local(1), "u", "p");
        let failure = Setup::new(false).take(&bytes, &options, &[]).unwrap_err();
        assert_eq!(failure.fault, Fault::Server(1040));
    }
}
