//! The load's sockets: one epoll on one thread.

use super::walk::{End, Walk};
use super::{LoadError, Mark, Outcome, Plan};
use crate::client::{Address, Client, Options};
use crate::packets::put_packet;
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

const COM_QUERY: u8 = 0x03;
const READ_LEN: usize = 256 * 1024;
/// Latencies are kept up to this, in nanoseconds: a minute.
const LATENCY_MAX_NS: u64 = 60_000_000_000;
/// The longest wait for an event; the clock is looked at in between.
const TICK: Duration = Duration::from_millis(10);

struct Connection {
    stream: TcpStream,
    walk: Walk,
    /// How much of the request has been sent.
    sent: usize,
    sent_at: Instant,
}

struct Tally {
    counting: bool,
    queries: u64,
    errors: u64,
    latency_ns: Histogram<u64>,
}

pub(super) fn run(plan: &Plan, on_mark: &mut dyn FnMut(Mark)) -> Result<Outcome, LoadError> {
    let mut request = Vec::new();
    put_packet(&mut request, 0, &[&[COM_QUERY], plan.sql.as_bytes()].concat());
    let mut poll = Poll::new()?;
    let mut connections = connect_all(plan, &poll)?;
    let latency_ns = Histogram::new_with_max(LATENCY_MAX_NS, 3).expect("the bounds are constants");
    let mut tally = Tally { counting: false, queries: 0, errors: 0, latency_ns };
    let mut buffer = vec![0; READ_LEN];
    let start = Instant::now();
    let mut last_error = None;
    for slot in &mut connections {
        advance(slot, &request, &mut buffer, &mut tally, &mut last_error);
    }
    let mut began = None;
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, Some(TICK)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            let slot = &mut connections[event.token().0];
            advance(slot, &request, &mut buffer, &mut tally, &mut last_error);
        }
        if let Some(error) = last_error.take_if(|_| connections.iter().all(Option::is_none)) {
            return Err(LoadError::AllLost(error));
        }
        let now = Instant::now();
        match began {
            None if now >= start + plan.warm_up => {
                on_mark(Mark::Begin);
                began = Some(Instant::now());
                tally.counting = true;
            }
            Some(began) if now >= began + plan.measured => {
                on_mark(Mark::End);
                let Tally { queries, errors, latency_ns, .. } = tally;
                return Ok(Outcome { queries, errors, elapsed: began.elapsed(), latency_ns });
            }
            None | Some(_) => {}
        }
    }
}

/// Logs in one after the other, with the ordinary client, and takes the sockets over.
fn connect_all(plan: &Plan, poll: &Poll) -> Result<Vec<Option<Connection>>, LoadError> {
    let address = Address::Tcp(plan.address.clone());
    let mut options = Options::new(address, &plan.user, &plan.password);
    if let Some(schema) = &plan.schema {
        options = options.schema(schema);
    }
    let mut connections = Vec::with_capacity(plan.connections);
    for at in 0..plan.connections {
        let login = |error| LoadError::Login { number: at + 1, error };
        let mut client = Client::connect(&options).map_err(login)?;
        let socket = client.wire().tcp().expect("dialled by TCP").try_clone()?;
        socket.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(socket);
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(at), both)?;
        let (walk, sent_at) = (Walk::default(), Instant::now());
        connections.push(Some(Connection { stream, walk, sent: 0, sent_at }));
    }
    Ok(connections)
}

fn advance(
    slot: &mut Option<Connection>,
    request: &[u8],
    buffer: &mut [u8],
    tally: &mut Tally,
    last_error: &mut Option<io::Error>,
) {
    let Some(connection) = slot else { return };
    if let Err(error) = connection.advance(request, buffer, tally) {
        tally.errors += 1;
        *last_error = Some(error);
        *slot = None;
    }
}

impl Connection {
    fn advance(&mut self, request: &[u8], buffer: &mut [u8], tally: &mut Tally) -> io::Result<()> {
        loop {
            self.send(request)?;
            let got = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let (used, end) = self.walk.take(&buffer[..got]);
            if used != got {
                return Err(io::Error::other("bytes behind the end of the reply"));
            }
            if let Some(end) = end {
                tally.count(end, self.sent_at.elapsed());
                self.sent = 0;
                self.send(request)?;
            }
            // Less than asked for: nothing more waits (edge-triggered, a stream socket).
            if got < buffer.len() {
                return Ok(());
            }
        }
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        while self.sent < request.len() {
            if self.sent == 0 {
                self.sent_at = Instant::now();
            }
            match self.stream.write(&request[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Tally {
    fn count(&mut self, end: End, latency: Duration) {
        if !self.counting {
            return;
        }
        self.queries += 1;
        self.errors += u64::from(end == End::Err);
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(LATENCY_MAX_NS);
        self.latency_ns.saturating_record(ns);
    }
}
