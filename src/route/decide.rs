//! The decision, rule by rule.

use thiserror::Error;

use crate::cluster::Role;
use crate::session::{Pins, Session};
use crate::sql::{Access, Hint, Statement, Traits, Verb};

/// What the decision rests on beside the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteInput {
    /// The role of the backend whose connection the session holds, for whatever reason.
    pub held: Option<Role>,
    /// A transaction is or may be open on the connection held.
    pub in_transaction: bool,
    /// That transaction is read-only.
    pub transaction_read_only: bool,
    /// The session has autocommit on: a statement opens no transaction.
    pub autocommit: bool,
    /// The session is pinned to the connection held, by what ran before this statement.
    pub pinned: bool,
    /// The statement asks for what only the connection held knows (`Session::needs_connection`).
    pub needs_held: bool,
    /// A primary is in service and may be tried.
    pub primary_up: bool,
    /// Some replica is in service and may be tried.
    pub replica_available: bool,
    /// The setting `pin-on-call`.
    pub pin_on_call: bool,
    /// Pins that the session found in the statement's text.
    pub brought: Pins,
    /// Its error would pin (`Session::may_stop_half_way`).
    pub may_pin: bool,
}

/// What a shard knows of its cluster when a statement comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterInput {
    /// A primary is in service and may be tried.
    pub primary_up: bool,
    /// Some replica is in service and may be tried.
    pub replica_available: bool,
    /// The setting `pin-on-call`.
    pub pin_on_call: bool,
}

impl RouteInput {
    /// Gathers the input for `statement`, which `session` has begun; `held` is the role of the
    /// backend whose connection it holds.
    #[must_use]
    pub fn new(
        session: &Session,
        statement: &Statement,
        held: Option<Role>,
        cluster: ClusterInput,
    ) -> Self {
        Self {
            held,
            in_transaction: session.in_transaction(),
            transaction_read_only: session.transaction_read_only(),
            autocommit: session.autocommit(),
            pinned: session.pinned(),
            needs_held: session.needs_connection(statement),
            brought: session.brought(),
            may_pin: session.may_stop_half_way(),
            primary_up: cluster.primary_up,
            replica_available: cluster.replica_available,
            pin_on_call: cluster.pin_on_call,
        }
    }
}

impl RouteInput {
    /// A transaction is open on a replica: only START TRANSACTION READ ONLY opens one there.
    fn reads_on_replica(&self) -> bool {
        self.held == Some(Role::Replica) && self.in_transaction && self.transaction_read_only
    }
}

/// Where a statement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The connection that the session holds.
    Held,
    /// A connection to the primary; one that the session holds softly will do.
    Primary,
    /// A connection to a replica of the balancer's choice, or one that the session holds softly.
    Replica,
    /// Nowhere: the proxy answers.
    Proxy(ProxyAnswer),
}

/// What the proxy answers itself. (`CONNECTION_ID()` is put into the text instead, where it may
/// be a part of a larger statement.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyAnswer {
    /// KILL of one of the proxy's own ids.
    Kill,
}

/// What to do with a read-only transaction on a replica before the statement runs elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Leave {
    /// There is none to leave.
    #[default]
    Nothing,
    /// End it: the statement would have ended it.
    End,
    /// End it, and open the like on the primary in front of the statement, which a read-only
    /// transaction allows or refuses there as it would on one server.
    Reopen,
}

/// Why a statement is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    /// A write, and no primary.
    #[error(
        "Lanewire has no primary in service, so it cannot execute this statement; \
         reads outside transactions go on"
    )]
    NoPrimary,
    /// A read, and no backend at all.
    #[error("Lanewire has no backend in service")]
    NoBackend,
    /// KILL beside other statements: the ids in it are the proxy's.
    #[error("Lanewire does not support KILL together with other statements")]
    KillAmongOthers,
}

impl Refusal {
    /// The error code for the ERR packet, from the MySQL error reference.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            // ER_OPTION_PREVENTS_STATEMENT, as a server under --read-only answers.
            Self::NoPrimary => 1290,
            // ER_UNKNOWN_ERROR
            Self::NoBackend => 1105,
            // ER_NOT_SUPPORTED_YET
            Self::KillAmongOthers => 1235,
        }
    }

    /// The SQLSTATE for the ERR packet.
    #[must_use]
    pub const fn sqlstate(self) -> [u8; 5] {
        match self {
            Self::NoPrimary | Self::NoBackend => *b"HY000",
            Self::KillAmongOthers => *b"42000",
        }
    }
}

/// What becomes of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Where it goes; meaningless if it is refused.
    pub target: Target,
    /// What it will leave on its connection.
    pub pins: Pins,
    /// What happens first to the transaction on the connection held.
    pub leave: Leave,
    /// Why it is answered with an error instead.
    pub refuse: Option<Refusal>,
}

impl Decision {
    const fn to(target: Target, pins: Pins) -> Self {
        Self { target, pins, leave: Leave::Nothing, refuse: None }
    }

    const fn refused(refusal: Refusal) -> Self {
        let refuse = Some(refusal);
        Self { target: Target::Primary, pins: Pins::empty(), leave: Leave::Nothing, refuse }
    }
}

/// Decides where `statement` goes.
#[must_use]
pub fn decide(statement: &Statement, input: &RouteInput) -> Decision {
    if statement.traits.contains(Traits::KILL) {
        return if statement.statements > 1 {
            Decision::refused(Refusal::KillAmongOthers)
        } else {
            Decision::to(Target::Proxy(ProxyAnswer::Kill), Pins::empty())
        };
    }
    let pins = Pins::of(statement, input.pin_on_call) | input.brought;
    let anywhere = runs_anywhere(statement, pins) && !input.may_pin;
    if let Some(held) = input.held {
        if input.pinned || (input.in_transaction && held == Role::Primary) {
            return Decision::to(Target::Held, pins);
        }
        if input.reads_on_replica() {
            return on_replica(statement, pins, anywhere, input);
        }
        let harmless = anywhere && (input.autocommit || opens_no_transaction(statement));
        if input.needs_held && (held == Role::Primary || harmless) {
            return Decision::to(Target::Held, pins);
        }
    }
    let read = statement.access == Access::Read && pins.is_empty() && input.autocommit
        || begins_read_only(statement, pins);
    // After an error with autocommit off a transaction may be open on a replica.
    let leave = if input.in_transaction { Leave::End } else { Leave::Nothing };
    if read && statement.hint != Some(Hint::Primary) && input.replica_available {
        return Decision { leave, ..Decision::to(Target::Replica, pins) };
    }
    if input.primary_up {
        return Decision { leave, ..Decision::to(Target::Primary, pins) };
    }
    match (read || anywhere, input.replica_available) {
        (true, true) => Decision { leave, ..Decision::to(Target::Replica, pins) },
        (true, false) => Decision::refused(Refusal::NoBackend),
        (false, _) => Decision::refused(Refusal::NoPrimary),
    }
}

/// Decides for a command that is forwarded without being understood and leaves `pins`: the
/// connection held firmly, else the primary.
#[must_use]
pub fn decide_opaque(pins: Pins, input: &RouteInput) -> Decision {
    let on_replica = input.held == Some(Role::Replica);
    let firm = input.pinned || (input.in_transaction && (!on_replica || input.reads_on_replica()));
    let leave = if input.in_transaction { Leave::End } else { Leave::Nothing };
    match input.held {
        Some(Role::Replica) if firm && !input.pinned && !pins.is_empty() => {
            reopen_on_primary(pins, input)
        }
        Some(_) if firm => Decision::to(Target::Held, pins),
        Some(Role::Primary) if input.needs_held => Decision::to(Target::Held, pins),
        Some(_) | None if input.primary_up => {
            Decision { leave, ..Decision::to(Target::Primary, pins) }
        }
        Some(_) | None => Decision::refused(Refusal::NoPrimary),
    }
}

/// In a read-only transaction on a replica.
fn on_replica(statement: &Statement, pins: Pins, anywhere: bool, input: &RouteInput) -> Decision {
    if anywhere || begins_read_only(statement, pins) {
        return Decision::to(Target::Held, pins);
    }
    if statement.statements == 1 && statement.verb == Verb::Begin {
        if !input.primary_up {
            return Decision::refused(Refusal::NoPrimary);
        }
        return Decision { leave: Leave::End, ..Decision::to(Target::Primary, pins) };
    }
    reopen_on_primary(pins, input)
}

fn reopen_on_primary(pins: Pins, input: &RouteInput) -> Decision {
    if !input.primary_up {
        return Decision::refused(Refusal::NoPrimary);
    }
    Decision { leave: Leave::Reopen, ..Decision::to(Target::Primary, pins) }
}

fn begins_read_only(statement: &Statement, pins: Pins) -> bool {
    statement.statements == 1
        && statement.verb == Verb::Begin
        && pins.is_empty()
        && statement.traits.contains(Traits::BEGIN_READ_ONLY)
        && statement.hint != Some(Hint::Primary)
}

/// Whether a statement opens no transaction even with autocommit off.
fn opens_no_transaction(statement: &Statement) -> bool {
    use Verb::{Commit, Diagnostics, Empty, Rollback, Set, Show, Use};
    statement.traits.contains(Traits::READS_DIAGNOSTICS)
        || matches!(statement.verb, Set | Use | Empty | Diagnostics | Show | Commit | Rollback)
}

/// Whether a replica's connection can run the statement as well as the primary's: it reads, or
/// it changes nothing but what the session's memory carries to the next connection.
fn runs_anywhere(statement: &Statement, pins: Pins) -> bool {
    /// What a SELECT may do to be no read and yet harm nothing.
    const HARMLESS: Traits =
        Traits::READS_SESSION.union(Traits::READS_VARIABLE).union(Traits::VERSION_COMMENT);
    if statement.access == Access::Read {
        return pins.is_empty();
    }
    if !pins.is_empty() || statement.traits.intersects(Traits::SET_GLOBAL) {
        return false;
    }
    let traits = statement.traits;
    match statement.verb {
        Verb::Select | Verb::Values | Verb::Table | Verb::Show | Verb::Diagnostics => {
            // Without a trait it is not known why it is no read.
            let why = traits.difference(Traits::UNION);
            statement.statements == 1 && !why.is_empty() && HARMLESS.contains(why)
        }
        Verb::Set => traits.contains(Traits::PLAIN_SET) && statement.statements == 1,
        Verb::Use => statement.statements == 1,
        Verb::Commit | Verb::Rollback | Verb::Savepoint => {
            statement.statements == 1 && !traits.contains(Traits::CHAIN)
        }
        Verb::Empty => true,
        Verb::With
        | Verb::Explain
        | Verb::Analyze
        | Verb::Insert
        | Verb::Replace
        | Verb::Update
        | Verb::Delete
        | Verb::Load
        | Verb::Call
        | Verb::Do
        | Verb::Begin
        | Verb::Xa
        | Verb::Lock
        | Verb::Unlock
        | Verb::Flush
        | Verb::Backup
        | Verb::Prepare
        | Verb::Execute
        | Verb::Deallocate
        | Verb::Handler
        | Verb::Create
        | Verb::Alter
        | Verb::Drop
        | Verb::Truncate
        | Verb::Rename
        | Verb::Grant
        | Verb::Revoke
        | Verb::Kill
        | Verb::Help
        | Verb::Admin
        | Verb::Compound
        | Verb::Other => false,
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
