//! Threads for what a handler must not do itself.
//!
//! A handler answers from memory or hands its work over and returns. Work that finds no
//! room, or waited too long, is told so and answers "try again": a slow index makes slow
//! folders, never a hanging kernel.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError, bounded};

/// Work that waits. More is turned away; each is a caller that waits, and takes some
/// hundred bytes.
const QUEUE: usize = 65_536;

/// Work that waited longer is turned away.
const DEADLINE: Duration = Duration::from_secs(20);

/// A piece of work, told whether it is still in time.
type Work = Box<dyn FnOnce(Timing) + Send>;

/// Whether work may still be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    InTime,
    TooLate,
}

/// A pool of threads that ends when it is dropped and its work is done.
#[derive(Debug)]
pub(crate) struct Jobs {
    queue: Sender<(Instant, Work)>,
}

impl Jobs {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let (queue, waiting) = bounded::<(Instant, Work)>(QUEUE);
        for _ in 0..threads.max(1) {
            let waiting = waiting.clone();
            thread::Builder::new()
                .name("answer".to_owned())
                .spawn(move || {
                    for (since, work) in waiting {
                        let timing = if since.elapsed() < DEADLINE {
                            Timing::InTime
                        } else {
                            Timing::TooLate
                        };
                        // A fault in one answer must not cost the thread: its reply is
                        // dropped, and the caller gets an error.
                        let work = AssertUnwindSafe(|| work(timing));
                        if panic::catch_unwind(work).is_err() {
                            tracing::error!("an answer to the kernel panicked; this is a bug");
                        }
                    }
                })?;
        }
        Ok(Self { queue })
    }

    /// Hands work over, or has it answer that there is no room. Returns at once.
    pub(crate) fn submit(&self, work: impl FnOnce(Timing) + Send + 'static) {
        let work: Work = Box::new(work);
        match self.queue.try_send((Instant::now(), work)) {
            Ok(()) => {}
            Err(TrySendError::Full((_, work)) | TrySendError::Disconnected((_, work))) => {
                work(Timing::TooLate);
            }
        }
    }
}
