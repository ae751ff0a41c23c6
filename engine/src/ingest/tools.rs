//! Worker processes and model sessions, kept between passes.
//!
//! A pass that finds one new photo would spend most of its time starting what it needs. So
//! these outlive it; there are as many of each as threads, and who finds none free waits.

use std::sync::{Condvar, Mutex};

use super::lock;
use crate::embed::ImageTower;
use crate::worker::Worker;

/// At most so many things, made when they are first needed. What was used last is used next,
/// so no more are made than work side by side.
#[derive(Debug)]
pub(super) struct Pool<T> {
    kept: Mutex<Kept<T>>,
    given_back: Condvar,
}

#[derive(Debug)]
struct Kept<T> {
    things: Vec<T>,
    /// How many more may be taken or made.
    free: usize,
}

impl<T> Pool<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            kept: Mutex::new(Kept {
                things: Vec::new(),
                free: most.max(1),
            }),
            given_back: Condvar::new(),
        }
    }

    /// Works with one of the things, made by `make` if none is there. Waits while all are in
    /// use.
    pub(super) fn with<R, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
        work: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut slot = self.slot();
        let thing = match &mut slot.thing {
            Some(thing) => thing,
            none => none.insert(make()?),
        };
        work(thing)
    }

    fn slot(&self) -> Slot<'_, T> {
        let mut kept = lock(&self.kept);
        while kept.free == 0 {
            let waited = self.given_back.wait(kept);
            kept = waited.unwrap_or_else(|poison| poison.into_inner());
        }
        kept.free -= 1;
        Slot {
            pool: self,
            thing: kept.things.pop(),
        }
    }

    /// Lets go of what is not in use.
    pub(super) fn clear(&self) {
        // Not dropped under the lock: ending a process takes its time.
        let things = std::mem::take(&mut lock(&self.kept).things);
        drop(things);
    }
}

/// Gives its thing back, also when the work panicked.
struct Slot<'a, T> {
    pool: &'a Pool<T>,
    thing: Option<T>,
}

impl<T> Drop for Slot<'_, T> {
    fn drop(&mut self) {
        let mut kept = lock(&self.pool.kept);
        kept.things.extend(self.thing.take());
        kept.free += 1;
        drop(kept);
        self.pool.given_back.notify_one();
    }
}

/// What passes of one priority work with.
#[derive(Debug)]
pub(super) struct Tools {
    workers: Pool<Worker>,
    towers: Pool<ImageTower>,
}

impl Tools {
    /// At most `threads` of each.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            workers: Pool::new(threads),
            towers: Pool::new(threads),
        }
    }

    pub(super) fn with_worker<R, E>(
        &self,
        make: impl FnOnce() -> Result<Worker, E>,
        work: impl FnOnce(&mut Worker) -> Result<R, E>,
    ) -> Result<R, E> {
        self.workers.with(make, work)
    }

    pub(super) fn with_tower<R, E>(
        &self,
        make: impl FnOnce() -> Result<ImageTower, E>,
        work: impl FnOnce(&mut ImageTower) -> Result<R, E>,
    ) -> Result<R, E> {
        self.towers.with(make, work)
    }

    /// Ends the processes and sessions that are not in use.
    pub(super) fn put_away(&self) {
        self.workers.clear();
        self.towers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_used_again_and_given_back_after_a_failure() {
        let pool = Pool::new(1);
        let made = || Ok::<_, ()>(7);
        assert_eq!(
            pool.with(made, |thing| Ok(std::mem::replace(thing, 8))),
            Ok(7)
        );
        assert_eq!(pool.with(|| Err(()), |_| Err::<(), _>(())), Err(()));
        assert_eq!(pool.with(|| Err(()), |thing| Ok(*thing)), Ok(8));
        pool.clear();
        assert_eq!(pool.with(|| Ok::<_, ()>(9), |thing| Ok(*thing)), Ok(9));
    }
}
