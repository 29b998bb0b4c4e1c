//! The ring against real sockets on loopback.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// Runs `work` on a shard-like executor of its own thread.
fn on_shard<F, T>(settings: NetSettings, work: impl FnOnce(Net) -> F + Send + 'static) -> T
where
    F: Future<Output = T> + 'static,
    T: Send + 'static,
{
    glommio::LocalExecutorBuilder::default()
        .io_memory(65536)
        .spawn(move || async move {
            let net = Net::new(settings, Doorbell::new().expect("eventfd")).expect("ring");
            let driver = net.clone();
            let task = glommio::spawn_local(async move { driver.drive().await });
            let result = work(net).await;
            task.cancel().await;
            result
        })
        .expect("executor")
        .join()
        .expect("no panic")
}

fn local() -> (std::os::fd::OwnedFd, SocketAddr) {
    let fd = bind_tcp("127.0.0.1:0".parse().expect("address")).expect("bind");
    let listener = TcpListener::from(fd);
    let address = listener.local_addr().expect("address");
    (listener.into(), address)
}

async fn echo(stream: Stream) -> u64 {
    loop {
        match stream.receive().await {
            Ok(Received::Chunk(chunk)) => {
                stream.send(chunk);
                if stream.drained(512 * 1024).await.is_err() {
                    return stream.sent_bytes();
                }
            }
            Ok(Received::End) | Err(_) => {
                let _ = stream.drained(0).await;
                return stream.sent_bytes();
            }
        }
    }
}

/// Sends `total` bytes of a pattern and checks that they come back in order.
fn round_trip(address: SocketAddr, total: usize, slow: bool) {
    let mut out = TcpStream::connect(address).expect("connect");
    let mut back = out.try_clone().expect("clone");
    let writer = thread::spawn(move || {
        let data: Vec<u8> = (0..=250).cycle().take(total).collect();
        out.write_all(&data).expect("write");
        out.shutdown(std::net::Shutdown::Write).expect("shutdown");
    });
    let (mut seen, mut buffer) = (0, vec![0; 64 * 1024]);
    loop {
        if slow && seen % 7 == 0 {
            thread::sleep(Duration::from_millis(2));
        }
        let n = back.read(&mut buffer).expect("read");
        if n == 0 {
            break;
        }
        for byte in &buffer[..n] {
            assert_eq!(usize::from(*byte), seen % 251, "at {seen}");
            seen += 1;
        }
    }
    assert_eq!(seen, total);
    writer.join().expect("writer");
}

fn echo_clients(settings: NetSettings, clients: usize, total: usize, slow: bool) {
    let (fd, address) = local();
    let load = thread::spawn(move || {
        let threads: Vec<_> =
            (0..clients).map(|_| thread::spawn(move || round_trip(address, total, slow))).collect();
        threads.into_iter().for_each(|t| t.join().expect("client"));
    });
    let sent = on_shard(settings, move |net| async move {
        let listener = Listener::new(&net, fd);
        let mut tasks = Vec::new();
        for _ in 0..clients {
            tasks.push(glommio::spawn_local(echo(listener.accept().await)));
            net.mark_runnable();
        }
        let mut sent = 0;
        for task in tasks {
            sent += task.await;
        }
        sent
    });
    load.join().expect("load");
    assert_eq!(sent, (clients * total) as u64);
}

#[test]
fn echoes_many_small_and_large_streams() {
    echo_clients(NetSettings::default(), 20, 10, false);
    echo_clients(NetSettings::default(), 4, 3_000_000, false);
}

#[test]
fn a_slow_reader_brakes_its_sender() {
    echo_clients(NetSettings::default(), 2, 8_000_000, true);
    echo_clients(NetSettings::default(), 1, 8_000_000, true);
}

/// Sent without the ring once it is alone, and with it again when there is another.
#[test]
fn a_lone_client_is_answered_like_others() {
    let (fd, address) = local();
    let client = thread::spawn(move || {
        let mut streams = [(); 2].map(|()| TcpStream::connect(address).expect("connect"));
        let rounds = (0..100_u8).map(|n| (n, 0)).chain((0..20).map(|n| (n, usize::from(n % 2))));
        for (n, stream) in rounds {
            let mut echoed = [0; 2];
            streams[stream].write_all(&[n, 7]).expect("write");
            streams[stream].read_exact(&mut echoed).expect("read");
            assert_eq!(echoed, [n, 7]);
        }
    });
    let traffic = on_shard(NetSettings::default(), move |net| async move {
        let listener = Listener::new(&net, fd);
        let tasks = [listener.accept().await, listener.accept().await]
            .map(|stream| glommio::spawn_local(echo(stream)));
        net.mark_runnable();
        for task in tasks {
            task.await;
        }
        [net.take_traffic(0), net.take_traffic(0)]
    });
    client.join().expect("client");
    assert_eq!(traffic, [Traffic { received: 240, sent: 240 }, Traffic::default()]);
}

#[test]
fn starved_receives_go_on_when_buffers_return() {
    let tiny = NetSettings {
        buffer_bytes: 4096,
        buffers_initial: 2,
        buffers_max: 4,
        receive_limit_bytes: 8192,
        ..NetSettings::default()
    };
    echo_clients(tiny, 8, 400_000, false);
}

#[test]
fn a_port_in_use_is_noticed() {
    let (_fd, address) = local();
    assert!(bind_tcp(address).is_ok(), "shards share");
    let error = check_free(address).expect_err("processes do not");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    check_free("127.0.0.1:0".parse().expect("address")).expect("free");
}

#[test]
fn connects_and_fails_to_connect() {
    let (fd, address) = local();
    on_shard(NetSettings::default(), move |net| async move {
        let soon = Instant::now() + Duration::from_secs(5);
        let stream = net.connect(&PeerAddress::Tcp(address), soon).await.expect("connected");
        assert!(stream.is_quiet());
        drop(stream);
        drop(fd);
        let refused = net.connect(&PeerAddress::Tcp(address), soon).await;
        let errno = libc::ECONNREFUSED;
        assert_eq!(refused.err(), Some(StreamError::Failed { errno }));
        let missing = PeerAddress::Unix("/nonexistent/lanewire.sock".into());
        let errno = libc::ENOENT;
        assert_eq!(net.connect(&missing, soon).await.err(), Some(StreamError::Failed { errno }));
    });
}

#[test]
fn a_deadline_ends_a_wait_and_can_be_lifted() {
    let (fd, address) = local();
    let mut client = TcpStream::connect(address).expect("connect");
    on_shard(NetSettings::default(), move |net| async move {
        let stream = Listener::new(&net, fd).accept().await;
        let start = Instant::now();
        stream.set_deadline(Some(start + Duration::from_millis(50)));
        assert_eq!(stream.receive().await.err(), Some(StreamError::TimedOut));
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(50) && waited < Duration::from_secs(2));
        stream.set_deadline(None);
        client.write_all(b"late").expect("write");
        assert!(
            matches!(stream.receive().await, Ok(Received::Chunk(c)) if c.as_slice() == b"late")
        );
    });
}

#[test]
fn what_is_queued_leaves_before_the_close() {
    let (fd, address) = local();
    let client = thread::spawn(move || {
        let mut text = String::new();
        TcpStream::connect(address).expect("connect").read_to_string(&mut text).expect("read");
        text
    });
    on_shard(NetSettings::default(), move |net| async move {
        let stream = Listener::new(&net, fd).accept().await;
        stream.send(Chunk::from(b"last ".to_vec()));
        stream.send(Chunk::from(b"words".to_vec()));
        drop(stream);
        net.sleep_until(Instant::now() + Duration::from_millis(200)).elapsed().await;
    });
    assert_eq!(client.join().expect("client"), "last words");
}

#[test]
fn aborts_and_bells_wake_waiters() {
    let (fd, address) = local();
    let _client = TcpStream::connect(address).expect("connect");
    on_shard(NetSettings::default(), move |net| async move {
        let stream = Listener::new(&net, fd).accept().await;
        let aborter = stream.aborter();
        let waiter = glommio::spawn_local(async move { stream.receive().await.err() });
        let bell = net.doorbell();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(30));
            bell.ring();
        });
        let start = Instant::now();
        net.rung().await;
        assert!(start.elapsed() >= Duration::from_millis(25));
        aborter.abort();
        assert_eq!(waiter.await, Some(StreamError::Aborted));
        aborter.abort();
    });
}

#[test]
fn a_notified_task_runs_at_once_and_an_unnotified_one_times_out() {
    on_shard(NetSettings::default(), |net| async move {
        let event = Rc::new(Notify::default());
        let (waiter, inner) = (event.clone(), net.clone());
        let task = glommio::spawn_local(async move {
            let far = Instant::now() + Duration::from_secs(30);
            waiter.wait_until(&inner, far).await
        });
        net.sleep_until(Instant::now() + Duration::from_millis(10)).elapsed().await;
        event.notify(&net);
        assert!(task.await);
        assert!(!event.wait_until(&net, Instant::now() + Duration::from_millis(10)).await);
    });
}

#[test]
fn a_deadline_ends_a_wait_whose_alarm_was_set_for_later() {
    let (fd, address) = local();
    let client = thread::spawn(move || {
        let mut out = TcpStream::connect(address).expect("connect");
        thread::sleep(Duration::from_millis(50));
        out.write_all(b"x").expect("write");
        out
    });
    let settings = NetSettings { idle_wait: Duration::from_secs(60), ..NetSettings::default() };
    let slept = on_shard(settings, move |net| async move {
        let stream = Listener::new(&net, fd).accept().await;
        assert!(matches!(stream.receive().await, Ok(Received::Chunk(_))));
        let start = Instant::now();
        let deadlines = [30, 10, 20].map(|ms| start + Duration::from_millis(ms));
        for deadline in deadlines {
            net.sleep_until(deadline).elapsed().await;
            assert!(Instant::now() >= deadline);
        }
        // Else the driver would sleep for its minute before it is cancelled.
        net.doorbell().ring();
        start.elapsed()
    });
    assert!(slept < Duration::from_secs(30), "{slept:?}");
    drop(client.join().expect("client"));
}
