//! A thread that waits for a file descriptor, for the mount table, and for its end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::mounts::TableBell;
use super::types::WatchError;

/// How long the end of a thread is waited for. One that hangs in a dying disk is left behind.
const END: Duration = Duration::from_secs(2);
/// How often an outlet that owes something looks for room.
const RETRY: u16 = 100;

/// A thread that ends when this is dropped.
#[derive(Debug)]
pub(super) struct Reader {
    wake: Arc<EventFd>,
    ended: Receiver<()>,
}

/// What woke a thread.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Woken {
    /// Its own file descriptor has something to read.
    pub(super) readable: bool,
    /// The mount table changed.
    pub(super) mounts: bool,
    /// It is to end.
    pub(super) end: bool,
}

/// What a thread waits with.
#[derive(Debug)]
pub(super) struct Waiting {
    wake: Arc<EventFd>,
    mounts: TableBell,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Until something happens.
    Endless,
    /// A tenth of a second: something could not be told yet.
    Short,
    /// Not at all: there is work left.
    None,
}

impl Reader {
    /// Starts a thread. It must end soon after `Woken::end`.
    pub(super) fn start(
        name: &str,
        work: impl FnOnce(Waiting) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|errno| WatchError::Thread(errno.into()))?;
        let wake = Arc::new(wake);
        let waiting = Waiting {
            wake: Arc::clone(&wake),
            mounts: TableBell::open().map_err(WatchError::Mounts)?,
        };
        let (alive, ended) = bounded::<()>(0);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                work(waiting);
                drop(alive);
            })
            .map_err(WatchError::Thread)?;
        Ok(Self { wake, ended })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It cannot be full: nobody else writes to it.
        let _ = self.wake.write(1);
        // Nothing is ever sent: it is disconnected when the thread has ended.
        if self.ended.recv_timeout(END) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
            tracing::warn!(
                "a thread that watches folders hangs, as if in a disk that does not answer; it is left behind"
            );
        }
    }
}

impl Waiting {
    /// Waits for `source`, if there is one, the mount table or the end.
    pub(super) fn wait(&self, source: Option<BorrowedFd<'_>>, patience: Patience) -> Woken {
        let has_source = source.is_some();
        let mut polled = [
            PollFd::new(source.unwrap_or(self.wake.as_fd()), PollFlags::POLLIN),
            PollFd::new(self.mounts.as_fd(), PollFlags::POLLPRI),
            PollFd::new(self.wake.as_fd(), PollFlags::POLLIN),
        ];
        let timeout = match patience {
            Patience::Endless => PollTimeout::NONE,
            Patience::Short => PollTimeout::from(RETRY),
            Patience::None => PollTimeout::ZERO,
        };
        match poll(&mut polled, timeout) {
            Ok(_) => {
                let [events, mounts, wake] =
                    polled.map(|one| one.revents().unwrap_or(PollFlags::empty()));
                Woken {
                    readable: has_source && events.intersects(PollFlags::POLLIN),
                    mounts: mounts.intersects(PollFlags::POLLPRI | PollFlags::POLLERR),
                    end: wake.intersects(PollFlags::POLLIN),
                }
            }
            Err(Errno::EINTR) => Woken::default(),
            Err(errno) => {
                let error = io::Error::from(errno);
                tracing::error!(
                    "waiting for changes failed, folders are no longer watched: {error}"
                );
                Woken {
                    end: true,
                    ..Woken::default()
                }
            }
        }
    }
}
