//! Which copies of a group are kept, and so which are surplus.
//!
//! A plan and nothing more: semfs deletes nothing. A copy whose disk cannot be reached is never
//! the reason to call another one surplus, and is never called so itself.

use std::cmp::Reverse;
use std::path::PathBuf;

use super::{DuplicateCopy, DuplicateGroup};

/// Which copies are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// The best one.
    Best,
    /// The one whose file was modified first.
    Oldest,
    /// The one whose file was modified last.
    Newest,
    /// All that have a name in this folder or below, absolute. Where a group has none there, all
    /// are kept.
    In(PathBuf),
}

impl Keep {
    /// For each copy of a group whether it is kept. Never none of them.
    #[must_use]
    pub fn choose(&self, group: &DuplicateGroup) -> Vec<bool> {
        let copies = || group.copies.iter().enumerate();
        let here = || copies().filter(|(_, copy)| is_here(copy));
        let time = |copy: &DuplicateCopy| copy.stamp.modified;
        let chosen: Vec<usize> = match self {
            Self::Best => here().map(|(place, _)| place).take(1).collect(),
            Self::Oldest => {
                let oldest = here().min_by_key(|(place, copy)| (time(copy), *place));
                oldest.map(|(place, _)| place).into_iter().collect()
            }
            Self::Newest => {
                let newest = here().min_by_key(|(place, copy)| (Reverse(time(copy)), *place));
                newest.map(|(place, _)| place).into_iter().collect()
            }
            Self::In(folder) => {
                let inside = here().filter(|(_, copy)| {
                    let mut names = copy.files.iter();
                    names.any(|file| !file.away && file.path.starts_with(folder))
                });
                inside.map(|(place, _)| place).collect()
            }
        };
        let kept = copies()
            .map(|(place, copy)| chosen.is_empty() || chosen.contains(&place) || !is_here(copy));
        kept.collect()
    }
}

/// Whether all names of a copy can be reached.
fn is_here(copy: &DuplicateCopy) -> bool {
    copy.files.iter().all(|file| !file.away)
}
