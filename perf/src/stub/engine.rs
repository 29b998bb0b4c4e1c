//! The stub's sockets: one epoll on one thread.

use super::conversation::{Conversation, Shared};
use super::{Counters, Faults, Identity};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const LISTENER: Token = Token(0);
const READ_LEN: usize = 64 * 1024;
/// How often the stop flag is looked at.
const TICK: Duration = Duration::from_millis(100);

struct Connection {
    stream: TcpStream,
    talk: Conversation,
    /// Received and not taken yet.
    inbox: Vec<u8>,
    /// To be sent, from `sent` on.
    outbox: Vec<u8>,
    sent: usize,
}

pub(super) fn serve(
    listener: std::net::TcpListener,
    identity: &Identity,
    faults: &Faults,
    counters: &Counters,
    stop: &AtomicBool,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let shared = Shared::new(identity, faults, counters);
    let mut connections: HashMap<Token, Connection> = HashMap::new();
    let mut next_id: u32 = 0;
    // Each waits for the same time: the first to come is the first to go.
    let mut delayed: VecDeque<(Instant, Token)> = VecDeque::new();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; READ_LEN];
    while !stop.load(Ordering::Relaxed) {
        let next = delayed.front().map(|(due, _)| due.saturating_duration_since(Instant::now()));
        match poll.poll(&mut events, Some(next.unwrap_or(TICK).min(TICK))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &shared, &mut next_id, &mut connections)?;
                continue;
            }
            advance(event.token(), &mut connections, &mut delayed, &mut buffer, &shared);
        }
        let now = Instant::now();
        while let Some((_, token)) = delayed.front().filter(|(due, _)| *due <= now).copied() {
            delayed.pop_front();
            if let Some(connection) = connections.get_mut(&token) {
                connection.talk.end_delay();
                advance(token, &mut connections, &mut delayed, &mut buffer, &shared);
            }
        }
    }
    Ok(())
}

/// Lets a connection do what it can; an error ends it.
fn advance(
    token: Token,
    connections: &mut HashMap<Token, Connection>,
    delayed: &mut VecDeque<(Instant, Token)>,
    buffer: &mut [u8],
    shared: &Shared<'_>,
) {
    let Some(connection) = connections.get_mut(&token) else { return };
    match connection.advance(buffer, shared) {
        Ok(false) => {}
        Ok(true) => delayed.push_back((Instant::now() + shared.delay(), token)),
        Err(_) => drop(connections.remove(&token)),
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    shared: &Shared<'_>,
    next_id: &mut u32,
    connections: &mut HashMap<Token, Connection>,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        *next_id += 1;
        let token = Token(*next_id as usize);
        stream.set_nodelay(true)?;
        poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let mut outbox = Vec::new();
        let talk = Conversation::new(*next_id, shared, &mut outbox);
        // The socket is writable: its first event sends the greeting.
        connections.insert(token, Connection { stream, talk, inbox: Vec::new(), outbox, sent: 0 });
    }
}

impl Connection {
    /// Reads, answers and sends what can be without waiting. Edge-triggered: each direction is
    /// tried until it would wait. An error ends the connection; `true`: a delay begins.
    fn advance(&mut self, buffer: &mut [u8], shared: &Shared<'_>) -> io::Result<bool> {
        if self.talk.is_delayed() {
            return Ok(false);
        }
        let mut readable = true;
        loop {
            if self.talk.is_delayed() {
                return Ok(true);
            }
            self.flush()?;
            if !self.outbox.is_empty() {
                return Ok(false);
            }
            if self.talk.continue_blob(&mut self.outbox) {
                continue;
            }
            if !self.inbox.is_empty() {
                let used = self.talk.take(&self.inbox, shared, &mut self.outbox);
                self.inbox.drain(..used);
                if used > 0 {
                    continue;
                }
            }
            if self.talk.is_closed() {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            if !readable {
                return Ok(false);
            }
            readable = self.read(buffer, shared)?;
        }
    }

    /// Reads once; `false` when nothing more waits.
    fn read(&mut self, buffer: &mut [u8], shared: &Shared<'_>) -> io::Result<bool> {
        let got = match self.stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(got) => got,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        if self.inbox.is_empty() {
            // The usual case: whole packets, answered from where they were read.
            let used = self.talk.take(&buffer[..got], shared, &mut self.outbox);
            self.inbox.extend_from_slice(&buffer[used..got]);
        } else {
            self.inbox.extend_from_slice(&buffer[..got]);
            let used = self.talk.take(&self.inbox, shared, &mut self.outbox);
            self.inbox.drain(..used);
        }
        Ok(got == buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.outbox.len() {
            match self.stream.write(&self.outbox[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        self.sent = 0;
        Ok(())
    }
}
