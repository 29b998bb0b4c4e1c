//! Makes a differing script small by leaving steps out while it still differs.

use crate::grammar::Script;
use crate::play::{Difference, play};
use crate::world::{Side, World};
use std::time::{Duration, Instant};

const TIME_MAX: Duration = Duration::from_secs(45);

/// The smallest script found, and its difference; `None` where the script, alone, does not
/// differ: then other sessions have a part in it.
pub(crate) fn shrink(
    world: &World,
    side: &mut Side,
    script: &Script,
    at: usize,
) -> Option<(Script, Difference)> {
    let deadline = Instant::now() + TIME_MAX;
    let mut best = script.clone();
    best.steps.truncate(at + 1);
    let mut difference = differs(world, side, &best)?;
    let mut chunk = best.steps.len() / 2;
    while chunk > 0 && Instant::now() < deadline {
        // The first step is what makes FOUND_ROWS() known; the last is the one that differs.
        let mut start = 1;
        while start + chunk < best.steps.len() && Instant::now() < deadline {
            let mut candidate = best.clone();
            candidate.steps.drain(start..start + chunk);
            if let Some(found) = differs(world, side, &candidate) {
                (best, difference) = (candidate, found);
            } else {
                start += chunk;
            }
        }
        chunk /= 2;
    }
    Some((best, difference))
}

/// The difference, if it is one in the last step: another one is another story.
fn differs(world: &World, side: &mut Side, script: &Script) -> Option<Difference> {
    let found = play(world, side, script, || true).ok()??;
    (found.at + 1 == script.steps.len()).then_some(found)
}
