//! Worker processes and model sessions, kept between passes.
//!
//! A pass that finds one new photo would spend most of its time starting what it needs. So
//! these outlive it; there are as many of each as threads, and who finds none free waits.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::embed::ImageTower;
use crate::worker::Worker;

/// A fixed number of things that are made when they are first needed.
#[derive(Debug)]
pub(super) struct Pool<T> {
    give: Sender<Option<T>>,
    take: Receiver<Option<T>>,
}

impl<T> Pool<T> {
    pub(super) fn new(most: usize) -> Self {
        let (give, take) = bounded(most);
        for _ in 0..most {
            // The channel has room for exactly these.
            let _ = give.send(None);
        }
        Self { give, take }
    }

    /// Works with one of the things, made by `make` if it is not there yet.
    pub(super) fn with<R, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
        work: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut slot = Slot {
            pool: self,
            // Cannot fail: this pool holds both ends.
            thing: self.take.recv().unwrap_or_default(),
        };
        let thing = match &mut slot.thing {
            Some(thing) => thing,
            none => none.insert(make()?),
        };
        work(thing)
    }

    /// Lets go of what is not in use.
    pub(super) fn clear(&self) {
        for _ in 0..self.take.len() {
            if let Ok(thing) = self.take.try_recv() {
                drop(thing);
                let _ = self.give.send(None);
            }
        }
    }
}

/// Gives its thing back, also when the work panicked.
struct Slot<'a, T> {
    pool: &'a Pool<T>,
    thing: Option<T>,
}

impl<T> Drop for Slot<'_, T> {
    fn drop(&mut self) {
        let _ = self.pool.give.send(self.thing.take());
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
