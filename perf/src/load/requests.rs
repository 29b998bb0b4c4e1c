//! Requests as bytes, made before the first is sent.

use super::Protocol;
use super::definition::{Definition, Template, Value};
use crate::client::put_lenenc_bytes;
use crate::packets::{HEADER_LEN, put_packet};
use fastrand::Rng;
use std::ops::Range;

const COM_QUERY: u8 = 0x03;
const COM_STMT_EXECUTE: u8 = 0x17;
/// Where an execute has its statement's id.
const ID_AT: usize = HEADER_LEN + 1;
/// A statement with random values is made this often, and sent in turn…
const VARIANTS_MAX: usize = 4096;
/// … unless that makes more bytes than this.
const VARIANTS_BYTES_MAX: usize = 4 << 20;

/// Words with which a statement begins that drivers of the binary protocol prepare; BEGIN, COMMIT
/// and SET they send as text.
const PREPARED: [&str; 8] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "CALL", "/*"];

/// One statement, with each of its values ready to be sent.
#[derive(Debug)]
pub(super) struct Statement {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    next: usize,
    /// The place of its id among a connection's prepared statements.
    prepared: Option<usize>,
}

/// The statements of an operation, and a ROLLBACK behind them.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) statements: Vec<Statement>,
    /// Draws below this, and not below that of the operation before, are its own.
    weights_end: u32,
}

/// All that a thread's connections send.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) operations: Vec<Operation>,
    /// The SQL of the prepared statements.
    pub(super) prepared: Vec<String>,
    random: Rng,
}

impl Requests {
    pub(super) fn new(definition: &Definition, protocol: Protocol, seed: u64) -> Self {
        let mut all =
            Self { operations: Vec::new(), prepared: Vec::new(), random: Rng::with_seed(seed) };
        let mut weights_end = 0;
        for operation in &definition.operations {
            weights_end += operation.weight;
            let statements = operation.statements.iter();
            let mut statements: Vec<Statement> =
                statements.map(|template| all.statement(template, protocol)).collect();
            statements.push(all.statement(&Template::literal("ROLLBACK"), protocol));
            all.operations.push(Operation { statements, weights_end });
        }
        all
    }

    fn statement(&mut self, template: &Template, protocol: Protocol) -> Statement {
        let marked = template.marked();
        let begins = |word: &str| {
            marked.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
        };
        let binary = protocol == Protocol::Binary && PREPARED.iter().any(|word| begins(word));
        let prepared = binary.then(|| {
            let known = self.prepared.iter().position(|sql| *sql == marked);
            known.unwrap_or_else(|| {
                self.prepared.push(marked);
                self.prepared.len() - 1
            })
        });
        let mut statement = Statement { bytes: Vec::new(), ends: Vec::new(), next: 0, prepared };
        let variants = if template.is_constant() { 1 } else { VARIANTS_MAX };
        while statement.ends.len() < variants && statement.bytes.len() < VARIANTS_BYTES_MAX {
            let payload = if binary {
                execute(&template.values(&mut self.random))
            } else {
                [&[COM_QUERY], template.text(&mut self.random, 0).as_bytes()].concat()
            };
            put_packet(&mut statement.bytes, 0, &payload);
            statement.ends.push(statement.bytes.len());
        }
        statement
    }

    /// Draws an operation by the weights.
    pub(super) fn draw(&mut self) -> usize {
        if let [_] = self.operations[..] {
            return 0;
        }
        let sum = self.operations.last().map_or(1, |last| last.weights_end);
        let drawn = self.random.u32(..sum);
        self.operations.partition_point(|one| one.weights_end <= drawn)
    }
}

impl Operation {
    /// How many statements it has, the ROLLBACK not counted.
    pub(super) const fn len(&self) -> usize {
        self.statements.len() - 1
    }
}

impl Statement {
    /// The next of its variants.
    pub(super) fn next(&mut self) -> Range<usize> {
        let at = self.next;
        self.next = if at + 1 == self.ends.len() { 0 } else { at + 1 };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        start..self.ends[at]
    }

    /// A variant's bytes, for the connection with these ids of the prepared statements.
    pub(super) fn bytes(&mut self, variant: Range<usize>, ids: &[u32]) -> &[u8] {
        let bytes = &mut self.bytes[variant];
        if let Some(id) = self.prepared.and_then(|at| ids.get(at)) {
            bytes[ID_AT..ID_AT + 4].copy_from_slice(&id.to_le_bytes());
        }
        bytes
    }
}

/// The payload of a COM_STMT_EXECUTE that sends its parameters' types along, as most drivers do.
fn execute(values: &[Value]) -> Vec<u8> {
    let mut out = vec![COM_STMT_EXECUTE, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    if values.is_empty() {
        return out;
    }
    out.resize(out.len() + values.len().div_ceil(8), 0);
    out.push(1);
    for value in values {
        let kind = match value {
            Value::Int(_) => 0x08,
            Value::Text(_) => 0xFD,
        };
        out.extend([kind, 0]);
    }
    for value in values {
        match value {
            Value::Int(value) => out.extend(value.to_le_bytes()),
            Value::Text(value) => put_lenenc_bytes(&mut out, value),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(protocol: Protocol) -> Requests {
        Requests::new(&Definition::load("mixed").unwrap(), protocol, 1)
    }

    #[test]
    fn operations_come_by_their_weights() {
        let mut requests = mixed(Protocol::Text);
        let mut counts = [0; 4];
        for _ in 0..10_000 {
            counts[requests.draw()] += 1;
        }
        for (count, weight) in counts.iter().zip([7000_i32, 1500, 1000, 500]) {
            assert!((count - weight).abs() < 300, "{counts:?}");
        }
        assert_eq!(requests.operations[3].len(), 5);
    }

    #[test]
    fn variants_come_in_turn() {
        let mut requests = mixed(Protocol::Text);
        let select = &mut requests.operations[0].statements[0];
        let (first, second) = (select.next(), select.next());
        assert_eq!(first.end, second.start);
        let text = String::from_utf8(select.bytes(first.clone(), &[])[5..].to_vec()).unwrap();
        assert!(text.starts_with("SELECT c FROM lw_items WHERE id = "), "{text}");
        for _ in 2..VARIANTS_MAX {
            select.next();
        }
        assert_eq!(select.next(), first);
    }

    #[test]
    fn an_execute_gets_the_connections_id() {
        let mut requests = mixed(Protocol::Binary);
        // Of a transaction: three; of the others one each, two of them the transaction's too.
        assert_eq!(requests.prepared.len(), 4);
        let update = &mut requests.operations[2].statements[0];
        let variant = update.next();
        let bytes = update.bytes(variant, &[9, 9, 0x0102_0304, 9]);
        assert_eq!(bytes[4..9], [COM_STMT_EXECUTE, 4, 3, 2, 1]);
        assert_eq!(bytes.len(), 4 + 10 + 1 + 1 + 2 + 8);
        let begin = &mut requests.operations[3].statements[0];
        let variant = begin.next();
        assert_eq!(begin.bytes(variant, &[1, 1, 1, 1])[4..], *b"\x03BEGIN");
    }

    #[test]
    fn large_statements_have_few_variants() {
        let definition = Definition::load("large-insert").unwrap();
        let requests = Requests::new(&definition, Protocol::Text, 1);
        let insert = &requests.operations[0].statements[0];
        assert!(insert.bytes.len() < VARIANTS_BYTES_MAX + (2 << 20));
        assert_eq!(insert.ends.len(), 4);
    }
}
