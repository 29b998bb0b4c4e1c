//! One script in both worlds, in step.

use crate::answer::{self, Answer, same_but_for_warnings};
use crate::grammar::Script;
use crate::step::{Statements, Step, perform};
use crate::world::{Side, World};
use lanewire_perf::client::flags;

/// ER_STMT_HAS_NO_OPEN_CURSOR.
const NO_CURSOR: u16 = 1421;

/// A step that was answered differently.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) at: usize,
    pub(crate) direct: Answer,
    pub(crate) through: Answer,
}

impl Difference {
    /// The step that differs, and both answers.
    pub(crate) fn print(&self, script: &Script) {
        let named = |flag, name| if script.capabilities & flag != 0 { name } else { "" };
        println!(
            "   {}\n   flags:{}{}{}\n   direct : {}\n   through: {}",
            script.steps[self.at],
            named(flags::DEPRECATE_EOF, " DEPRECATE_EOF"),
            named(flags::FOUND_ROWS, " FOUND_ROWS"),
            named(flags::SESSION_TRACK, " SESSION_TRACK"),
            answer::describe(&self.direct, script.capabilities),
            answer::describe(&self.through, script.capabilities),
        );
    }
}

/// Plays `script` up to its end, the first difference, or `count` saying after a step that it is
/// enough.
///
/// # Errors
/// What keeps the comparison from being made at all.
pub(crate) fn play(
    world: &World,
    side: &mut Side,
    script: &Script,
    count: impl Fn() -> bool,
) -> Result<Option<Difference>, String> {
    side.lay_out(script).map_err(|error| format!("layout: {error}"))?;
    let (mut direct, mut through) = world.pair(script)?;
    let (mut here, mut there) = (Statements::new(), Statements::new());
    let mut unseen = false;
    let mut listed = false;
    for (at, step) in script.steps.iter().enumerate() {
        if unseen && step.may_read() {
            side.catch_up().map_err(|error| format!("replicas: {error}"))?;
            unseen = false;
        }
        unseen |= step.may_write();
        if *step == Step::Reconnect {
            // The end of a connection takes effect a little later than its last word.
            for client in [direct, through] {
                // The server may have closed it: COMMIT RELEASE.
                _ = client.quit();
            }
            (direct, through) = world.pair(script)?;
        }
        let expected = perform(&mut direct, &mut here, step);
        let got = perform(&mut through, &mut there, step);
        if expected != got && step.is_filtered() && same_but_for_warnings(&expected, &got) {
            // How often a condition warns is the plan's choice, and a replica's may be another
            // (seen on MySQL 9.7). What follows may ask for them.
            return Ok(None);
        }
        if expected != got {
            return Ok(Some(Difference { at, direct: expected, through: got }));
        }
        // MySQL lists each FETCH without a cursor beside what it listed before; the proxy raises the
        // error anew, as no other statement adds to a list.
        if world.mysql && listed && answer::failed_with(&expected, NO_CURSOR) {
            return Ok(None);
        }
        listed = answer::leaves_messages(&expected) || (listed && step.may_keep_messages());
        if matches!(expected, Answer::Broken(_)) || !count() {
            break;
        }
    }
    Ok(None)
}
