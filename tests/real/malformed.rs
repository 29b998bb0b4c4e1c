//! Executions that a server cannot read.

use crate::prepared_alike::compare;
use crate::transcript::text;
use crate::{Context, Test};
use lanewire_perf::client::Param;

pub(crate) const TESTS: &[Test] =
    &[("malformed::what_the_server_cannot_read", what_the_server_cannot_read)];

/// Flags, iterations, NULLs, a VAR_STRING: of 200 bytes, three are there.
const MALFORMED: [u8; 12] = [0, 1, 0, 0, 0, 0, 1, 0xFD, 0, 200, b'a', b'b'];

/// The same behind a BLOB that was sent before.
const MALFORMED_BEHIND_DATA: [u8; 14] = [0, 1, 0, 0, 0, 0, 1, 0xFC, 0, 0xFD, 0, 200, b'a', b'b'];

/// What types a server remembers is another session's affair.
fn what_the_server_cannot_read(context: &Context) {
    compare(context, |session| {
        for executed_before in [false, true] {
            let other = session.prepare("SELECT ? AS malformed");
            session.execute(other, &[text("another's types")]);
            session.close(other);
            let id = session.prepare("SELECT ? AS malformed");
            if executed_before {
                session.execute(id, &[text("one's own types")]);
            }
            session.execute_bytes(id, &MALFORMED);
            session.execute_again(id, &[text("without types")]);
            session.execute(id, &[text("with types")]);
            session.execute_again(id, &[text("again")]);
            session.close(id);
        }
        let id = session.prepare("SELECT ? AS malformed, ? AS b");
        for after in [Param::Null, text("a")] {
            session.long_data(id, 0, b"long");
            session.execute_bytes(id, &MALFORMED_BEHIND_DATA);
            session.execute(id, &[after, text("b")]);
            session.execute(id, &[text("a"), text("b")]);
        }
    });
}
