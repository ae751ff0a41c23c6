//! What originals were found to be that the index does not know yet.
//!
//! As a file, an original has the size and time that the catalogue knows. One that was
//! overwritten since is found out when it is opened; from then on it is shown as it is, also
//! where the index still says otherwise.

use std::borrow::Cow;
use std::fs::Metadata;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use lru::LruCache;
use semfs_engine::catalog::Stamp;
use semfs_engine::index::Original;

use crate::directory::Node;

/// Originals of which it is remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// States of one original that are remembered to be over.
const PAST: usize = 4;

/// A file that changes again so soon after it was looked at is being written.
const JUST_NOW: Duration = Duration::from_secs(1);

/// What the kernel keeps of a file is right as long as its change time is; this long after it,
/// in seconds, also what programs write through memory has reached that time.
const SETTLED: i64 = 60;

/// Whether an original that was opened is what it was said to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is.
    Same,
    /// It is not: its name must be looked up again.
    Other,
    /// It was when its name was looked up just now, and is not any more.
    Changing,
}

/// What is known beyond the index.
#[derive(Debug)]
pub(crate) struct Freshness {
    changed: LruCache<PathBuf, Changed>,
    /// The change time that each file had, by its inode here, when the kernel began to keep
    /// what it reads of it.
    kept: LruCache<u64, (i64, i64)>,
}

#[derive(Debug)]
struct Changed {
    /// What it was, and is not.
    past: Vec<Stamp>,
    now: Stamp,
    since: Instant,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            changed: LruCache::new(REMEMBERED),
            kept: LruCache::new(REMEMBERED),
        }
    }
}

impl Freshness {
    /// A node as it is, as far as that is known.
    pub(crate) fn current<'a>(&mut self, node: &'a Node) -> Cow<'a, Node> {
        if let Node::Original(original) = node
            && !self.changed.is_empty()
            && let Some(changed) = self.changed.get_mut(&original.path)
            && let Some(at) = changed.past.iter().position(|past| *past == original.stamp)
        {
            // What is asked for is what the index says: the others are forgotten first.
            let asked = changed.past.remove(at);
            changed.past.push(asked);
            return Cow::Owned(Node::Original(Original {
                stamp: changed.now,
                ..original.clone()
            }));
        }
        Cow::Borrowed(node)
    }

    /// Holds an original against what was opened.
    pub(crate) fn compare(&mut self, said: &Original, opened: &Metadata) -> Verdict {
        let is = Stamp::of(opened, said.stamp.inode != 0);
        if is == said.stamp {
            return Verdict::Same;
        }
        let changed = self
            .changed
            .get_or_insert_mut(said.path.clone(), || Changed {
                past: Vec::new(),
                now: is,
                since: Instant::now(),
            });
        let is_recent = changed.now == said.stamp && changed.since.elapsed() < JUST_NOW;
        changed
            .past
            .retain(|past| *past != is && *past != said.stamp);
        if changed.past.len() == PAST {
            changed.past.remove(0);
        }
        changed.past.push(said.stamp);
        changed.now = is;
        changed.since = Instant::now();
        if is_recent {
            Verdict::Changing
        } else {
            Verdict::Other
        }
    }

    /// Whether what the kernel keeps of a file is still right; it is asked whenever one is
    /// opened.
    pub(crate) fn may_keep(&mut self, number: u64, opened: &Metadata, now: SystemTime) -> bool {
        let time = (opened.ctime(), opened.ctime_nsec());
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
        if self.kept.get(&number) == Some(&time) {
            return true;
        }
        if time.0.saturating_add(SETTLED) < now {
            self.kept.put(number, time);
        } else {
            self.kept.pop(&number);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semfs_engine::catalog::RootId;
    use std::fs;
    use std::path::Path;

    fn original(path: &Path) -> Original {
        Original {
            path: path.to_owned(),
            root: RootId(1),
            stamp: Stamp::of(&fs::metadata(path).unwrap(), true),
        }
    }

    #[test]
    fn an_original_that_changed_is_shown_as_it_is_by_whatever_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let mut freshness = Freshness::default();
        let mut states = Vec::new();
        for text in ["1", "22", "333"] {
            fs::write(&path, text).unwrap();
            states.push(original(&path));
        }
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(freshness.compare(&states[2], &metadata), Verdict::Same);
        assert_eq!(freshness.compare(&states[0], &metadata), Verdict::Other);
        assert_eq!(freshness.compare(&states[1], &metadata), Verdict::Other);
        let now = Node::Original(states[2].clone());
        for state in &states {
            let state = Node::Original(state.clone());
            assert_eq!(*freshness.current(&state), now);
        }
    }

    #[test]
    fn an_original_that_changes_again_at_once_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let mut freshness = Freshness::default();
        fs::write(&path, "1").unwrap();
        let first = original(&path);
        fs::write(&path, "22").unwrap();
        let second = original(&path);
        let found = freshness.compare(&first, &fs::metadata(&path).unwrap());
        assert_eq!(found, Verdict::Other);
        fs::write(&path, "333").unwrap();
        let found = freshness.compare(&second, &fs::metadata(&path).unwrap());
        assert_eq!(found, Verdict::Changing);
    }

    #[test]
    fn what_the_index_says_is_known_to_be_over_however_often_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let mut freshness = Freshness::default();
        fs::write(&path, "").unwrap();
        let recorded = original(&path);
        for length in 1..30 {
            fs::write(&path, "x".repeat(length)).unwrap();
            let found = Node::Original(recorded.clone());
            let Node::Original(said) = freshness.current(&found).into_owned() else {
                panic!("it is an original");
            };
            freshness.compare(&said, &fs::metadata(&path).unwrap());
            let now = Node::Original(original(&path));
            assert_eq!(*freshness.current(&found), now);
        }
    }

    #[test]
    fn what_the_kernel_keeps_is_right_while_the_change_time_is_and_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        fs::write(&path, "1").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let (mut freshness, now) = (Freshness::default(), SystemTime::now());
        let later = now + Duration::from_secs(100);
        assert!(!freshness.may_keep(7, &metadata, now));
        assert!(
            !freshness.may_keep(7, &metadata, now),
            "it was just written"
        );
        assert!(!freshness.may_keep(7, &metadata, later));
        assert!(freshness.may_keep(7, &metadata, later));
        fs::write(&path, "2").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert!(!freshness.may_keep(7, &metadata, later));
    }
}
