//! Threads that touch originals: some for each root, so that a disk that hangs holds up only
//! those who read from it.
//!
//! They are started when the first file of a root is opened. What was opened is closed by
//! them as well: closing a file of a server that does not answer hangs like reading it.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use nix::sys::resource::{Resource, getrlimit};
use semfs_engine::catalog::RootId;

use crate::jobs::{Crew, DEADLINE, Jobs, Timing};

/// How the files of one root are read.
const CREW: Crew = Crew {
    name: "read",
    threads: 4,
    queue: 4096,
    deadline: DEADLINE,
};

/// Files that programs may have open through the mount, if this process may open many.
const MOST_OPEN: usize = 16_384;

/// The threads of all roots.
#[derive(Debug)]
pub(crate) struct Disks {
    disks: Mutex<HashMap<RootId, Arc<Disk>>>,
    open: Arc<AtomicUsize>,
    most_open: usize,
}

/// Those of one root.
#[derive(Debug)]
struct Disk {
    jobs: Jobs,
    /// What nobody has open any more.
    closing: Mutex<Vec<OpenOriginal>>,
}

/// An original that a program has open.
#[derive(Debug)]
pub(crate) struct OpenOriginal {
    pub file: File,
    pub root: RootId,
    open: Arc<AtomicUsize>,
}

impl Drop for OpenOriginal {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Disks {
    pub(crate) fn new() -> Self {
        // Half of what this process may have open: the index needs some as well.
        let may = getrlimit(Resource::RLIMIT_NOFILE).map_or(256, |(soft, _)| soft / 2);
        Self {
            disks: Mutex::default(),
            open: Arc::default(),
            most_open: usize::try_from(may).map_or(MOST_OPEN, |may| may.min(MOST_OPEN)),
        }
    }

    /// Has a thread of a root do something, or has it answer that there is none. Returns at
    /// once.
    pub(crate) fn submit(&self, root: RootId, work: impl FnOnce(Timing) + Send + 'static) {
        match self.disk(root) {
            Some(disk) => disk.jobs.submit(work),
            None => work(Timing::TooLate),
        }
    }

    /// Counts an original that was opened; nothing if there are too many.
    pub(crate) fn opened(&self, root: RootId, file: File) -> Option<OpenOriginal> {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        let open = Arc::clone(&self.open);
        // Dropped, it is not counted any more.
        let opened = OpenOriginal { file, root, open };
        (before < self.most_open).then_some(opened)
    }

    /// Closes what nobody has open any more, in a while.
    pub(crate) fn close(&self, original: OpenOriginal) {
        let Some(disk) = self.disk(original.root) else {
            return;
        };
        lock(&disk.closing).push(original);
        let closing = Arc::clone(&disk);
        disk.jobs.submit(move |timing| {
            // Where there is no room or no time, the next one closes all.
            if timing == Timing::InTime {
                let files = std::mem::take(&mut *lock(&closing.closing));
                drop(files);
            }
        });
    }

    fn disk(&self, root: RootId) -> Option<Arc<Disk>> {
        let mut disks = lock(&self.disks);
        if let Some(disk) = disks.get(&root) {
            return Some(Arc::clone(disk));
        }
        match Jobs::start(CREW) {
            Ok(jobs) => {
                let disk = Arc::new(Disk {
                    jobs,
                    closing: Mutex::default(),
                });
                disks.insert(root, Arc::clone(&disk));
                Some(disk)
            }
            Err(error) => {
                tracing::error!(%error, "the threads that read originals cannot be started");
                None
            }
        }
    }
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_files_are_open_than_may_be_and_those_that_are_closed_make_room() {
        let disks = Disks {
            most_open: 2,
            ..Disks::new()
        };
        let open = || disks.opened(RootId(1), File::open("/dev/null").unwrap());
        let (first, second) = (open().unwrap(), open().unwrap());
        assert!(open().is_none() && open().is_none());
        disks.close(first);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while open().is_none() {
            assert!(std::time::Instant::now() < deadline, "it is not closed");
        }
        drop(second);
    }
}
