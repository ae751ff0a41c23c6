//! Threads for what a handler must not do itself.
//!
//! A handler answers from memory or hands its work over and returns. Work that finds no
//! room, or waited too long, is told so and answers "try again": a slow index makes slow
//! folders, never a hanging kernel. That holds also where no thread ever comes back from
//! what it does, as with a disk that hangs: a thread that does nothing else looks for work
//! that waits too long.

use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How long work waits until it is turned away.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The time between two looks for work that waits too long.
const LOOK: Duration = Duration::from_millis(500);

/// A piece of work, told whether it is still in time.
type Work = Box<dyn FnOnce(Timing) + Send>;

/// Whether work may still be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    InTime,
    TooLate,
}

/// How many threads do what work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crew {
    /// The name of each thread.
    pub name: &'static str,
    pub threads: usize,
    /// Work that waits; more is turned away. Each is a caller that waits, and takes some
    /// hundred bytes.
    pub queue: usize,
    /// Work that waited longer is turned away.
    pub deadline: Duration,
}

/// A pool of threads that ends when it is dropped and its work is done.
#[derive(Debug)]
pub(crate) struct Jobs {
    waiting: Arc<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    crew: Crew,
    queue: Mutex<Queue>,
    /// There is work, or the end has come.
    work: Condvar,
    /// Work waits that no thread is free for, or the end has come.
    late: Condvar,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<(Instant, Work)>,
    /// Threads that have nothing to do.
    idle: usize,
    ended: bool,
}

impl Jobs {
    pub(crate) fn start(crew: Crew) -> io::Result<Self> {
        let waiting = Arc::new(Waiting {
            crew,
            queue: Mutex::default(),
            work: Condvar::new(),
            late: Condvar::new(),
        });
        // Dropped if a thread cannot be started: the others end then.
        let jobs = Self {
            waiting: Arc::clone(&waiting),
        };
        for _ in 0..crew.threads.max(1) {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new()
                .name(crew.name.to_owned())
                .spawn(move || waiting.do_work())?;
        }
        thread::Builder::new()
            .name(format!("{}-late", crew.name))
            .spawn(move || waiting.turn_away())?;
        Ok(jobs)
    }

    /// Hands work over, or has it answer that there is no room. Returns at once.
    pub(crate) fn submit(&self, work: impl FnOnce(Timing) + Send + 'static) {
        let waiting = &self.waiting;
        let mut queue = waiting.lock();
        if queue.work.len() >= waiting.crew.queue {
            drop(queue);
            return work(Timing::TooLate);
        }
        queue.work.push_back((Instant::now(), Box::new(work)));
        if queue.idle == 0 {
            waiting.late.notify_one();
        }
        drop(queue);
        waiting.work.notify_one();
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.waiting.lock().ended = true;
        self.waiting.work.notify_all();
        self.waiting.late.notify_all();
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code that can panic runs while it is held.
        self.queue
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
    }

    /// What each thread of the crew does.
    fn do_work(&self) {
        loop {
            let mut queue = self.lock();
            let (since, work) = loop {
                if let Some(next) = queue.work.pop_front() {
                    break next;
                }
                if queue.ended {
                    return;
                }
                queue.idle += 1;
                queue = self
                    .work
                    .wait(queue)
                    .unwrap_or_else(|poison| poison.into_inner());
                queue.idle -= 1;
            };
            drop(queue);
            run(
                work,
                if since.elapsed() < self.crew.deadline {
                    Timing::InTime
                } else {
                    Timing::TooLate
                },
            );
        }
    }

    /// Turns away what has waited too long, while all threads of the crew do other things.
    fn turn_away(&self) {
        let mut queue = self.lock();
        while !(queue.ended && queue.work.is_empty()) {
            let oldest = queue.work.front().map(|(since, _)| since.elapsed());
            match oldest {
                Some(age) if age >= self.crew.deadline => {
                    let late = queue.work.pop_front();
                    drop(queue);
                    if let Some((_, work)) = late {
                        run(work, Timing::TooLate);
                    }
                    queue = self.lock();
                }
                Some(_) => {
                    let woken = self.late.wait_timeout(queue, LOOK);
                    (queue, _) = woken.unwrap_or_else(|poison| poison.into_inner());
                }
                None => {
                    let woken = self.late.wait(queue);
                    queue = woken.unwrap_or_else(|poison| poison.into_inner());
                }
            }
        }
    }
}

/// A fault in one answer must not cost the thread: its reply is dropped, and the caller gets
/// an error.
fn run(work: Work, timing: Timing) {
    let work = AssertUnwindSafe(|| work(timing));
    if panic::catch_unwind(work).is_err() {
        tracing::error!("an answer to the kernel panicked; this is a bug");
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("work", &self.work.len())
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    fn crew(queue: usize) -> Jobs {
        Jobs::start(Crew {
            name: "test",
            threads: 2,
            queue,
            deadline: Duration::from_millis(300),
        })
        .unwrap()
    }

    /// Has both threads hang until what is returned is dropped.
    fn hang(jobs: &Jobs) -> std::sync::mpsc::Sender<()> {
        let (release, hold) = channel::<()>();
        let hold = Arc::new(Mutex::new(hold));
        let (begun, both) = channel();
        for _ in 0..2 {
            let (hold, begun) = (Arc::clone(&hold), begun.clone());
            jobs.submit(move |_| {
                begun.send(()).unwrap();
                let _ = hold.lock().unwrap().recv();
            });
            // Where there is room for one, the next one would be turned away.
            both.recv().unwrap();
        }
        release
    }

    fn submit(jobs: &Jobs) -> Receiver<Timing> {
        let (told, timing) = channel();
        jobs.submit(move |timing| told.send(timing).unwrap());
        timing
    }

    #[test]
    fn work_is_done_in_time_by_idle_threads() {
        let jobs = crew(100);
        for _ in 0..1000 {
            assert_eq!(submit(&jobs).recv().unwrap(), Timing::InTime);
        }
    }

    #[test]
    fn work_behind_threads_that_hang_is_turned_away_after_its_deadline() {
        let jobs = crew(100);
        let release = hang(&jobs);
        let begun = Instant::now();
        let first = submit(&jobs);
        let second = submit(&jobs);
        assert_eq!(first.recv().unwrap(), Timing::TooLate);
        assert_eq!(second.recv().unwrap(), Timing::TooLate);
        assert!(begun.elapsed() >= Duration::from_millis(300));
        drop(release);
        assert_eq!(submit(&jobs).recv().unwrap(), Timing::InTime);
    }

    #[test]
    fn work_that_finds_no_room_is_turned_away_at_once() {
        let jobs = crew(1);
        let _release = hang(&jobs);
        let first = submit(&jobs);
        assert_eq!(submit(&jobs).try_recv(), Ok(Timing::TooLate));
        assert!(first.try_recv().is_err(), "that one waits");
    }
}
