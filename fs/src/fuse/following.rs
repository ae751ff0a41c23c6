//! The mount follows the index: when a generation is published, the kernel is asked to forget
//! what it keeps of earlier ones.
//!
//! From a thread of its own and never from a handler: the kernel may hold a lock then that it
//! needs for this. What it has read since the last time is all that there is to forget, for
//! what it forgets it reads again only when a program asks.

use std::ffi::OsStr;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use fuser::{INodeNo, Notifier};

use super::shared::{Shared, lock};
use crate::namespace::Namespace;
use crate::nodes::Surplus;

/// The time between two rounds, and how long the thread outlives its session.
const ROUND: Duration = Duration::from_secs(1);

/// Follows the index until the session is over, which then drops what its handlers share.
/// Everything is looked at once a round: a reply that was on its way when a generation was
/// published is found in the round after.
pub(super) fn follow(shared: &Weak<Shared>, namespace: &Arc<Namespace>, notifier: &Notifier) {
    let mut followed = namespace.generation().0;
    loop {
        let published = namespace.wait_for_generation(followed, ROUND);
        let begun = Instant::now();
        let Some(shared) = shared.upgrade() else {
            return;
        };
        if published > followed {
            for folder in shared.folders_read_before(published) {
                // A length of 0 is everything from there on; -1 as offset would be nothing.
                let _ = notifier.inval_inode(INodeNo(folder), 0, 0);
            }
            followed = published;
        }
        let names = lock(&shared.nodes).told_before(published);
        // Not kept alive by a thread that waits.
        drop(shared);
        for Surplus { parent, name } in names {
            // In use, or forgotten already: both are fine.
            let _ = notifier.inval_entry(INodeNo(parent), OsStr::new(&name));
        }
        thread::sleep(ROUND.saturating_sub(begun.elapsed()));
    }
}
