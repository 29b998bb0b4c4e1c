//! Which cores the shards run on.

use thiserror::Error;

/// Why no placement fits.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum PlacementError {
    /// The scheduler tells nothing of the cores.
    #[error("the allowed cores cannot be read; give --cores and --shards")]
    Unknown,
    /// A core in `--cores` is not there, or not in the process's affinity mask or cpuset.
    #[error("--cores: core {core} is not among the allowed cores {allowed:?}")]
    NotAllowed {
        /// The core asked for.
        core: usize,
        /// What the affinity mask and the cpuset leave.
        allowed: Vec<usize>,
    },
    /// More shards than session ids or cores can hold.
    #[error("--shards: {shards} shards on {cores} cores; give each shard a core of its own")]
    TooMany {
        /// Asked for.
        shards: usize,
        /// Allowed.
        cores: usize,
    },
}

/// One core a shard: all allowed ones, or those of `cores`, of them the first `shards`.
///
/// # Errors
/// [`PlacementError`], each with its mend.
pub fn place(
    allowed: &[usize],
    cores: Option<&[usize]>,
    shards: Option<usize>,
) -> Result<Vec<usize>, PlacementError> {
    if allowed.is_empty() {
        return Err(PlacementError::Unknown);
    }
    let mut chosen = allowed.to_vec();
    if let Some(cores) = cores {
        if let Some(core) = cores.iter().find(|core| !allowed.contains(core)) {
            return Err(PlacementError::NotAllowed { core: *core, allowed: allowed.to_vec() });
        }
        chosen = cores.to_vec();
        chosen.dedup();
    }
    let shards = shards.unwrap_or(chosen.len().min(256));
    if shards == 0 || shards > chosen.len() || shards > 256 {
        return Err(PlacementError::TooMany { shards, cores: chosen.len() });
    }
    chosen.truncate(shards);
    Ok(chosen)
}

/// The cores that the affinity mask and the cpuset allow; glommio's own placement looks at
/// neither.
#[must_use]
pub fn allowed_cores() -> Vec<usize> {
    core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_shard_a_core_by_default() {
        assert_eq!(place(&[0, 2, 5], None, None), Ok(vec![0, 2, 5]));
        assert_eq!(place(&[0, 2, 5], None, Some(2)), Ok(vec![0, 2]));
        assert_eq!(place(&[0, 2, 5], Some(&[5, 2]), None), Ok(vec![5, 2]));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let not = PlacementError::NotAllowed { core: 7, allowed: vec![0, 1] };
        assert_eq!(place(&[0, 1], Some(&[7]), None), Err(not));
        let many = PlacementError::TooMany { shards: 3, cores: 2 };
        assert_eq!(place(&[0, 1], None, Some(3)), Err(many));
        assert_eq!(place(&[], None, None), Err(PlacementError::Unknown));
    }

    #[test]
    fn this_process_has_a_core() {
        assert!(!allowed_cores().is_empty());
    }
}
