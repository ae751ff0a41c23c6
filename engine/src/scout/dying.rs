//! Processes that were killed and have not ended yet.
//!
//! The kernel ends a process only when its system call does, which on a dead server may be
//! never. Nobody waits for them: the list is looked through whenever a scout is started
//! or ended, and those that have ended since are taken from it.

use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How long a killed process is given to end before it joins the list. One that does not
/// wait for a server needs a millisecond.
const MOMENT: Duration = Duration::from_millis(200);

static DYING: Mutex<Vec<Dying>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Dying {
    process: Child,
    /// The number of the scout that it served.
    scout: u64,
    /// What it was asked last.
    path: PathBuf,
}

/// How many scouts of this process were killed and cannot end, because the filesystem that
/// they look at does not answer.
#[must_use]
pub fn stuck() -> usize {
    looked_through().len()
}

/// How many of them stand in the way of asking for `path`: those that served the same
/// scout, and those of others that are stuck at that path or above it.
pub(super) fn stuck_at(scout: u64, path: &Path) -> usize {
    looked_through()
        .iter()
        .filter(|dying| dying.scout == scout || path.starts_with(&dying.path))
        .count()
}

/// Kills `process`, which was asked for `path` last. Its status, if it ended at once.
pub(super) fn end(mut process: Child, scout: u64, path: &Path) -> Option<ExitStatus> {
    drop(looked_through());
    // Ended by itself, perhaps: then there is nobody to kill.
    let _ = process.kill();
    let killed = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        match process.try_wait() {
            Ok(Some(status)) => return Some(status),
            // Somebody else has waited for it: it has ended.
            Err(_) => return None,
            Ok(None) if killed.elapsed() >= MOMENT => break,
            Ok(None) => thread::sleep(pause),
        }
        pause *= 2;
    }
    let path = path.to_owned();
    lock().push(Dying {
        process,
        scout,
        path,
    });
    None
}

/// The list without those that have ended.
fn looked_through() -> MutexGuard<'static, Vec<Dying>> {
    let mut list = lock();
    list.retain_mut(|dying| matches!(dying.process.try_wait(), Ok(None)));
    list
}

/// Locks what has no state that a panic could leave half-changed.
fn lock() -> MutexGuard<'static, Vec<Dying>> {
    DYING.lock().unwrap_or_else(|poison| poison.into_inner())
}
