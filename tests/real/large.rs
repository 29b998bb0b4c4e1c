//! Large results in bounded memory.

use crate::{Context, Test};
use lanewire_perf::client::Client;
use std::time::Duration;

pub(crate) const TESTS: &[Test] =
    &[("large::select_of_256_mib", select_of_256_mib), ("large::slow_readers", slow_readers)];

const MIB: u64 = 1 << 20;
const RSS_MAX_KIB: u64 = 64 * 1024;

/// Rows of 1 MiB each.
fn rows(count: u64) -> String {
    format!("SELECT REPEAT('r', {MIB}) FROM numbers WHERE n <= {count}")
}

fn select_of_256_mib(context: &Context) {
    let lanewire = context.lanewire();
    let counted = lanewire.client().query_streamed(&rows(256)).unwrap();
    assert_eq!((counted.rows, counted.error), (256, None));
    assert!(counted.bytes > 256 * MIB);
    let peak = lanewire.rss_peak_kib();
    assert!(peak < RSS_MAX_KIB, "peak RSS {peak} KiB");
}

/// Clients that ask for much and read nothing for a while hold their servers back, not us.
fn slow_readers(context: &Context) {
    let lanewire = context.lanewire();
    let mut clients: Vec<Client> = (0..8).map(|_| lanewire.client()).collect();
    for client in &mut clients {
        client.send_query(&rows(40)).unwrap();
    }
    let mut quick = lanewire.client();
    for _ in 0..20 {
        quick.must("SELECT name FROM marker").unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    let peak = lanewire.rss_peak_kib();
    assert!(peak < RSS_MAX_KIB, "peak RSS {peak} KiB with 8 stalled readers");
    for client in &mut clients {
        assert_eq!(client.read_query().unwrap().rows().unwrap().rows.len(), 40);
    }
}
