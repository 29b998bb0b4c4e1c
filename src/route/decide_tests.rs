//! A test for each row of the design's table of where a statement goes. The statements are what
//! the classifier says of the texts beside them.

use super::*;
use proptest::prelude::*;

fn statement(access: Access, verb: Verb, traits: Traits) -> Statement {
    Statement { verb, access, traits, hint: None, statements: 1 }
}

fn read(verb: Verb) -> Statement {
    statement(Access::Read, verb, Traits::empty())
}

fn write(verb: Verb, traits: Traits) -> Statement {
    statement(Access::Write, verb, traits)
}

/// A session between two transactions, holding nothing, over a whole cluster.
const FREE: RouteInput = RouteInput {
    held: None,
    in_transaction: false,
    transaction_read_only: false,
    autocommit: true,
    pinned: false,
    needs_held: false,
    primary_up: true,
    replica_available: true,
    pin_on_call: true,
    brought: Pins::empty(),
    may_pin: false,
};

fn target(statement: &Statement, input: &RouteInput) -> Target {
    let decision = decide(statement, input);
    assert_eq!(decision.refuse, None);
    decision.target
}

fn pins(statement: &Statement) -> Pins {
    let decision = decide(statement, &FREE);
    assert_eq!((decision.target, decision.refuse), (Target::Primary, None));
    decision.pins
}

#[test]
fn reads_go_to_a_replica() {
    for verb in [Verb::Select, Verb::With, Verb::Values, Verb::Table, Verb::Explain, Verb::Show] {
        assert_eq!(target(&read(verb), &FREE), Target::Replica, "{verb:?}");
        let alone = RouteInput { replica_available: false, ..FREE };
        assert_eq!(target(&read(verb), &alone), Target::Primary, "{verb:?}");
    }
}

#[test]
fn locking_reads_and_hidden_writes_go_to_the_primary() {
    for text in [
        // SELECT … FOR UPDATE
        write(Verb::Select, Traits::LOCKING_READ),
        // SELECT … INTO OUTFILE
        write(Verb::Select, Traits::empty()),
        // WITH … UPDATE
        write(Verb::With, Traits::empty()),
        // EXPLAIN ANALYZE UPDATE …
        write(Verb::Explain, Traits::empty()),
    ] {
        assert_eq!(pins(&text), Pins::empty());
    }
}

#[test]
fn unknown_functions_go_to_the_primary() {
    let stored = write(Verb::Select, Traits::STORED_FUNCTION);
    assert_eq!(pins(&stored), Pins::CALL);
    let trusting = RouteInput { pin_on_call: false, ..FREE };
    assert_eq!(decide(&stored, &trusting).pins, Pins::empty());
    assert_eq!(pins(&write(Verb::Select, Traits::SEQUENCE_NEXT)), Pins::SEQUENCE);
    assert_eq!(pins(&write(Verb::Select, Traits::SEQUENCE_PREVIOUS)), Pins::empty());
}

#[test]
fn what_pins_goes_to_the_primary() {
    for (traits, expected) in [
        (Traits::USER_VARIABLE_WRITE, Pins::USER_VARIABLE),
        (Traits::NAMED_LOCK, Pins::NAMED_LOCK),
        (Traits::TABLE_LOCK, Pins::TABLE_LOCK),
        (Traits::TEMPORARY_TABLE_CREATE, Pins::TEMPORARY_TABLE),
        (Traits::HANDLER_OPEN, Pins::HANDLER_OPEN),
        (Traits::TEXT_PREPARE, Pins::PREPARED_TEXT),
        (Traits::CALC_FOUND_ROWS, Pins::FOUND_ROWS),
        (Traits::UNKNOWN_SET, Pins::UNKNOWN_CHANGE),
    ] {
        // Even if the scanner had called it a read.
        for access in [Access::Read, Access::Write] {
            assert_eq!(pins(&statement(access, Verb::Select, traits)), expected);
        }
    }
}

#[test]
fn questions_about_the_last_statement_go_where_it_ran() {
    let show = write(Verb::Show, Traits::READS_DIAGNOSTICS);
    for role in [Role::Primary, Role::Replica] {
        let asked = RouteInput { held: Some(role), needs_held: true, ..FREE };
        assert_eq!(target(&show, &asked), Target::Held);
    }
    assert_eq!(target(&show, &FREE), Target::Primary);
    let variable = write(Verb::Select, Traits::READS_USER_VARIABLE);
    assert_eq!(target(&variable, &FREE), Target::Primary);
    let pinned = RouteInput { held: Some(Role::Primary), pinned: true, ..FREE };
    assert_eq!(target(&variable, &pinned), Target::Held);
}

#[test]
fn what_is_held_for_its_warnings_is_not_kept_for_a_write() {
    let on_replica = RouteInput { held: Some(Role::Replica), needs_held: true, ..FREE };
    assert_eq!(target(&write(Verb::Begin, Traits::BEGIN), &on_replica), Target::Primary);
    assert_eq!(target(&write(Verb::Set, Traits::PLAIN_SET), &on_replica), Target::Held);
    // With autocommit off a read opens a transaction, which belongs on the primary.
    let opens = RouteInput { autocommit: false, ..on_replica };
    assert_eq!(target(&read(Verb::Select), &on_replica), Target::Held);
    assert_eq!(target(&read(Verb::Select), &opens), Target::Primary);
    assert_eq!(target(&write(Verb::Show, Traits::READS_DIAGNOSTICS), &opens), Target::Held);
    assert_eq!(target(&write(Verb::Set, Traits::PLAIN_SET), &opens), Target::Held);
}

#[test]
fn the_proxys_own_ids() {
    let kill = write(Verb::Kill, Traits::KILL);
    assert_eq!(target(&kill, &FREE), Target::Proxy(ProxyAnswer::Kill));
    let pinned = RouteInput { held: Some(Role::Primary), pinned: true, ..FREE };
    assert_eq!(target(&kill, &pinned), Target::Proxy(ProxyAnswer::Kill));
    let among = Statement { statements: 2, ..kill };
    assert_eq!(decide(&among, &FREE).refuse, Some(Refusal::KillAmongOthers));
    assert_eq!(target(&write(Verb::Select, Traits::READS_CONNECTION_ID), &FREE), Target::Primary);
}

#[test]
fn a_servers_own_state_is_the_primarys() {
    assert_eq!(target(&write(Verb::Show, Traits::SERVER_STATE), &FREE), Target::Primary);
}

const READ_ONLY: RouteInput = RouteInput {
    held: Some(Role::Replica),
    in_transaction: true,
    transaction_read_only: true,
    ..FREE
};

#[test]
fn a_read_only_transaction_runs_on_a_replica_to_its_end() {
    let begin = write(Verb::Begin, Traits::BEGIN | Traits::BEGIN_READ_ONLY);
    assert_eq!(target(&begin, &FREE), Target::Replica);
    for text in [
        read(Verb::Select),
        begin,
        write(Verb::Commit, Traits::COMMIT),
        write(Verb::Rollback, Traits::ROLLBACK),
        write(Verb::Savepoint, Traits::SAVEPOINT),
        write(Verb::Use, Traits::USE),
        write(Verb::Set, Traits::PLAIN_SET),
        write(Verb::Select, Traits::READS_LAST_INSERT_ID),
    ] {
        let decision = decide(&text, &READ_ONLY);
        assert_eq!((decision.target, decision.leave), (Target::Held, Leave::Nothing), "{text:?}");
    }
}

#[test]
fn what_a_replica_cannot_do_moves_the_read_only_transaction() {
    for (text, leave) in [
        (write(Verb::Begin, Traits::BEGIN), Leave::End),
        (write(Verb::Insert, Traits::empty()), Leave::Reopen),
        (write(Verb::Create, Traits::IMPLICIT_COMMIT), Leave::Reopen),
        (write(Verb::Select, Traits::LOCKING_READ), Leave::Reopen),
        (write(Verb::Select, Traits::USER_VARIABLE_WRITE), Leave::Reopen),
        (write(Verb::Commit, Traits::COMMIT | Traits::CHAIN), Leave::Reopen),
    ] {
        let decision = decide(&text, &READ_ONLY);
        assert_eq!((decision.target, decision.leave), (Target::Primary, leave), "{text:?}");
        let no_primary = RouteInput { primary_up: false, ..READ_ONLY };
        assert_eq!(decide(&text, &no_primary).refuse, Some(Refusal::NoPrimary));
    }
}

#[test]
fn transactions_stay_on_their_connection() {
    let open = RouteInput { held: Some(Role::Primary), in_transaction: true, ..FREE };
    for text in [read(Verb::Select), write(Verb::Update, Traits::empty()), Statement::OPAQUE] {
        assert_eq!(target(&text, &open), Target::Held);
    }
    let no_autocommit = RouteInput { autocommit: false, ..FREE };
    assert_eq!(target(&read(Verb::Select), &no_autocommit), Target::Primary);
}

#[test]
fn multi_statements_are_reads_only_if_all_are() {
    let reads = Statement { statements: 2, ..read(Verb::Select) };
    assert_eq!(target(&reads, &FREE), Target::Replica);
    let mixed = Statement { statements: 2, ..write(Verb::Select, Traits::empty()) };
    assert_eq!(target(&mixed, &FREE), Target::Primary);
    let begin = Traits::BEGIN | Traits::BEGIN_READ_ONLY;
    let begun = Statement { statements: 2, ..write(Verb::Begin, begin) };
    assert_eq!(target(&begun, &FREE), Target::Primary);
}

#[test]
fn everything_else_goes_to_the_primary() {
    for (verb, traits) in [
        (Verb::Insert, Traits::empty()),
        (Verb::Create, Traits::IMPLICIT_COMMIT),
        (Verb::Call, Traits::CALL),
        (Verb::Do, Traits::empty()),
        (Verb::Xa, Traits::XA),
        (Verb::Load, Traits::LOAD_LOCAL),
        (Verb::Compound, Traits::COMPOUND),
        (Verb::Set, Traits::PLAIN_SET),
        (Verb::Other, Traits::UNKNOWN),
    ] {
        assert_eq!(target(&write(verb, traits), &FREE), Target::Primary, "{verb:?}");
    }
}

#[test]
fn a_hint_never_sends_a_write_to_a_replica() {
    let hinted = |hint, text| Statement { hint: Some(hint), ..text };
    let select = read(Verb::Select);
    assert_eq!(target(&hinted(Hint::Primary, select), &FREE), Target::Primary);
    assert_eq!(target(&hinted(Hint::Replica, select), &FREE), Target::Replica);
    let update = write(Verb::Update, Traits::empty());
    assert_eq!(target(&hinted(Hint::Replica, update), &FREE), Target::Primary);
}

#[test]
fn without_a_primary_reads_go_on() {
    let headless = RouteInput { primary_up: false, ..FREE };
    assert_eq!(target(&read(Verb::Select), &headless), Target::Replica);
    let hinted = Statement { hint: Some(Hint::Primary), ..read(Verb::Select) };
    assert_eq!(target(&hinted, &headless), Target::Replica);
    assert_eq!(target(&write(Verb::Set, Traits::PLAIN_SET), &headless), Target::Replica);
    let refused = decide(&write(Verb::Insert, Traits::empty()), &headless).refuse.unwrap();
    assert_eq!((refused.code(), &refused.sqlstate()), (1290, b"HY000"));
    assert!(refused.to_string().contains("no primary in service"));
    let nothing = RouteInput { replica_available: false, ..headless };
    assert_eq!(decide(&read(Verb::Select), &nothing).refuse, Some(Refusal::NoBackend));
}

#[test]
fn commands_that_are_only_forwarded() {
    let pins = Pins::PREPARED_BINARY;
    assert_eq!(decide_opaque(pins, &FREE).target, Target::Primary);
    let held = RouteInput { held: Some(Role::Primary), in_transaction: true, ..FREE };
    assert_eq!(decide_opaque(pins, &held).target, Target::Held);
    assert_eq!(decide_opaque(pins, &READ_ONLY).leave, Leave::Reopen);
    assert_eq!(decide_opaque(Pins::empty(), &READ_ONLY).target, Target::Held);
    let headless = RouteInput { primary_up: false, ..FREE };
    assert_eq!(decide_opaque(pins, &headless).refuse, Some(Refusal::NoPrimary));
}

/// A transaction may be open after an error with autocommit off, but no read may go on in it.
#[test]
fn a_doubtful_transaction_on_a_replica_is_left() {
    let doubtful = RouteInput {
        held: Some(Role::Replica),
        in_transaction: true,
        autocommit: false,
        needs_held: true,
        ..FREE
    };
    let select = decide(&read(Verb::Select), &doubtful);
    assert_eq!((select.target, select.leave), (Target::Primary, Leave::End));
    let show = Statement { traits: Traits::READS_DIAGNOSTICS, ..read(Verb::Show) };
    assert_eq!(decide(&show, &doubtful).target, Target::Held);
    let set = Statement { traits: Traits::PLAIN_SET, ..write(Verb::Set, Traits::empty()) };
    assert_eq!(decide(&set, &doubtful).target, Target::Held);
    let several = RouteInput { may_pin: true, ..doubtful };
    assert_eq!(decide(&set, &several).target, Target::Primary, "an error would pin");
    let opaque = decide_opaque(Pins::empty(), &doubtful);
    assert_eq!((opaque.target, opaque.leave), (Target::Primary, Leave::End));
}

fn inputs() -> impl Strategy<Value = RouteInput> {
    let held = prop::option::of(prop::sample::select(vec![Role::Primary, Role::Replica]));
    (held, any::<[bool; 8]>()).prop_map(|(held, flags)| {
        let [in_transaction, read_only, autocommit, pinned, needs_held, primary, replica, call] =
            flags;
        RouteInput {
            held,
            in_transaction: in_transaction && held.is_some(),
            transaction_read_only: read_only,
            autocommit,
            pinned: pinned && held.is_some(),
            needs_held: needs_held && held.is_some(),
            primary_up: primary,
            replica_available: replica,
            pin_on_call: call,
            brought: Pins::empty(),
            may_pin: false,
        }
    })
}

fn statements() -> impl Strategy<Value = Statement> {
    let verbs = vec![
        Verb::Select,
        Verb::With,
        Verb::Show,
        Verb::Insert,
        Verb::Set,
        Verb::Use,
        Verb::Begin,
        Verb::Commit,
        Verb::Call,
        Verb::Create,
        Verb::Other,
    ];
    let hints = prop::option::of(prop::sample::select(vec![Hint::Primary, Hint::Replica]));
    (prop::sample::select(verbs), any::<bool>(), any::<u64>(), any::<u64>(), hints, 1u16..3)
        .prop_map(|(verb, read, some, sparse, hint, statements)| {
            let access = if read { Access::Read } else { Access::Write };
            let traits = Traits::from_bits_truncate(some & sparse & sparse.rotate_left(17));
            // The classifier calls nothing with such traits a read.
            let traits = if read { traits & Traits::READS_VARIABLE } else { traits };
            Statement { verb, access, traits, hint, statements }
        })
}

proptest! {
    #[test]
    fn promises(text in statements(), input in inputs()) {
        let decision = decide(&text, &input);
        if decision.refuse.is_some() {
            return Ok(());
        }
        match decision.target {
            Target::Replica => {
                prop_assert!(input.replica_available);
                prop_assert!(decision.pins.is_empty(), "pins land on the primary");
                prop_assert!(!input.pinned, "a pinned session keeps its connection");
                let harmless = text.access == Access::Read
                    || text.traits.contains(Traits::BEGIN_READ_ONLY)
                    || !input.primary_up;
                prop_assert!(harmless, "a write on a replica");
            }
            Target::Primary => {
                prop_assert!(input.primary_up);
                prop_assert!(!input.pinned);
                let moved = decision.leave != Leave::Nothing;
                prop_assert!(!input.in_transaction || moved, "a transaction was left open");
            }
            Target::Held => prop_assert!(input.held.is_some()),
            Target::Proxy(_) => prop_assert!(text.traits.contains(Traits::KILL)),
        }
    }
}
