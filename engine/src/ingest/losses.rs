//! What to believe when files are missing: deleted, or a disk that is not all there?
//!
//! Few missing files were deleted. When a large share of a root's files goes at once, more
//! likely something is wrong with the root, and nothing is forgotten until it is back, until
//! its owner says so, or until it has been so for long enough.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::lock;
use crate::catalog::RootId;

/// Fewer files than this are never too many: in a small root a large share means little.
const FEW: u64 = 20;

/// Losses that lie so close together count as one.
const AT_ONCE: Duration = Duration::from_secs(60);

/// What is believed of files that are missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossSettings {
    /// The share of a root's files, from 0 to 1, that may go missing at once.
    pub share: f64,
    /// After so long they are believed to be deleted all the same.
    pub grace: Duration,
}

/// What went missing lately.
#[derive(Debug, Default)]
pub(super) struct Losses {
    recent: Mutex<HashMap<RootId, Vec<(Instant, u64)>>>,
}

/// How many files of a root went missing together, and how many it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Loss {
    pub lost: u64,
    pub had: u64,
}

impl Losses {
    /// The loss, if `missing` files of a root that has `files` are too many to be believed,
    /// together with what went shortly before.
    pub(super) fn too_many(
        &self,
        settings: &LossSettings,
        root: RootId,
        missing: u64,
        files: u64,
    ) -> Option<Loss> {
        let mut recent = lock(&self.recent);
        let recent = recent.entry(root).or_default();
        recent.retain(|(when, _)| when.elapsed() < AT_ONCE);
        let before: u64 = recent.iter().map(|(_, number)| number).sum();
        let loss = Loss {
            lost: before + missing,
            had: before + files,
        };
        let too_many =
            missing > 0 && loss.lost >= FEW && loss.lost as f64 > settings.share * loss.had as f64;
        too_many.then_some(loss)
    }

    /// Notes files that were forgotten.
    pub(super) fn note(&self, root: RootId, forgotten: u64) {
        if forgotten > 0 {
            let mut recent = lock(&self.recent);
            let recent = recent.entry(root).or_default();
            recent.push((Instant::now(), forgotten));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: LossSettings = LossSettings {
        share: 0.5,
        grace: Duration::from_secs(1),
    };

    #[test]
    fn a_large_share_at_once_is_too_much_and_a_few_files_never_are() {
        let losses = Losses::default();
        let root = RootId(0);
        assert!(losses.too_many(&SETTINGS, root, 51, 100).is_some());
        assert!(losses.too_many(&SETTINGS, root, 50, 100).is_none());
        assert!(losses.too_many(&SETTINGS, root, 19, 19).is_none());
        assert!(losses.too_many(&SETTINGS, root, 0, 0).is_none());
    }

    #[test]
    fn a_loss_in_several_steps_is_one() {
        let losses = Losses::default();
        let root = RootId(0);
        assert!(losses.too_many(&SETTINGS, root, 40, 100).is_none());
        losses.note(root, 40);
        let loss = losses.too_many(&SETTINGS, root, 20, 60).unwrap();
        assert_eq!((loss.lost, loss.had), (60, 100));
        assert!(losses.too_many(&SETTINGS, RootId(1), 20, 60).is_none());
    }
}
