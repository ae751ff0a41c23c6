//! Where the changes of one root leave: a bounded channel whose reader may be slow.
//!
//! What finds no room is not waited for without end. That it was lost is remembered, and told
//! as soon as there is room.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crossbeam_channel::Sender;

use super::types::{Change, RootId, RootWatch};

/// How long a full channel is waited for before a root counts as lost. Meanwhile the kernel's own queue holds on.
const PATIENCE: Duration = Duration::from_millis(250);

/// What is told about a root on request, shared by its reader and the facade.
#[derive(Debug, Default)]
pub(super) struct Report {
    stopped: AtomicBool,
    state: Mutex<RootWatch>,
}

impl Report {
    pub(super) fn read(&self) -> RootWatch {
        self.lock().clone()
    }

    pub(super) fn write(&self, change: impl FnOnce(&mut RootWatch)) {
        change(&mut self.lock());
    }

    /// From now on nothing of this root is sent.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, RootWatch> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way out for the changes of one root.
pub(super) struct Outlet {
    root: RootId,
    sender: Sender<Change>,
    report: Arc<Report>,
    owes_lost: bool,
    owes_gone: bool,
}

impl Outlet {
    pub(super) fn new(root: RootId, sender: Sender<Change>, report: Arc<Report>) -> Self {
        Self {
            root,
            sender,
            report,
            owes_lost: false,
            owes_gone: false,
        }
    }

    pub(super) fn root(&self) -> RootId {
        self.root
    }

    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    /// The kernel told something of this root.
    pub(super) fn heard(&self) {
        self.report
            .write(|state| state.last_event = Some(SystemTime::now()));
    }

    pub(super) fn written(&mut self, folder: &Path, name: &std::ffi::OsStr) {
        let (root, folder, name) = (self.root, folder.to_owned(), name.to_owned());
        self.send(Change::Written { root, folder, name });
    }

    pub(super) fn created(&mut self, folder: &Path, name: &std::ffi::OsStr) {
        let (root, folder, name) = (self.root, folder.to_owned(), name.to_owned());
        self.send(Change::Created { root, folder, name });
    }

    pub(super) fn gone(&mut self, folder: &Path, name: &std::ffi::OsStr) {
        let (root, folder, name) = (self.root, folder.to_owned(), name.to_owned());
        self.send(Change::Gone { root, folder, name });
    }

    pub(super) fn folder(&mut self, folder: &Path) {
        let (root, folder) = (self.root, folder.to_owned());
        self.send(Change::Folder { root, folder });
    }

    /// Something was lost: it is told now, or when there is room.
    pub(super) fn lost(&mut self) {
        if !self.owes_lost {
            self.report.write(|state| state.lost += 1);
        }
        self.owes_lost = true;
        self.settle();
    }

    /// The root is gone: it is told now, or when there is room.
    pub(super) fn root_gone(&mut self) {
        self.report.write(|state| {
            *state = RootWatch {
                lost: state.lost,
                last_event: state.last_event,
                ..RootWatch::default()
            };
        });
        self.owes_gone = true;
        self.settle();
    }

    /// Whether something waits for room.
    pub(super) fn owes(&self) -> bool {
        (self.owes_lost || self.owes_gone) && !self.stopped()
    }

    /// Tells what waits for room, if there is some now.
    pub(super) fn settle(&mut self) {
        let root = self.root;
        if self.stopped() {
            return;
        }
        if self.owes_lost {
            self.owes_lost = full(self.sender.try_send(Change::Lost { root }));
        }
        if self.owes_gone && !self.owes_lost {
            self.owes_gone = full(self.sender.try_send(Change::RootGone { root }));
        }
    }

    fn send(&mut self, change: Change) {
        self.settle();
        // What is still owed makes the receiver compare everything: more would only fill the channel.
        if self.stopped() || self.owes_lost || self.owes_gone {
            return;
        }
        match self.sender.send_timeout(change, PATIENCE) {
            Err(crossbeam_channel::SendTimeoutError::Timeout(_)) => {
                self.lost();
            }
            Ok(()) | Err(crossbeam_channel::SendTimeoutError::Disconnected(_)) => {}
        }
    }

    fn stopped(&self) -> bool {
        self.report.stopped.load(Ordering::Acquire)
    }
}

/// A receiver that is no more is owed nothing.
fn full(sent: Result<(), crossbeam_channel::TrySendError<Change>>) -> bool {
    matches!(sent, Err(crossbeam_channel::TrySendError::Full(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_found_no_room_is_told_as_lost_when_there_is_some() {
        let (sender, receiver) = crossbeam_channel::bounded(2);
        let report = Arc::new(Report::default());
        let mut outlet = Outlet::new(RootId(7), sender, Arc::clone(&report));
        for name in ["a", "b", "c", "d"] {
            outlet.written(Path::new(""), name.as_ref());
        }
        assert!(outlet.owes());
        assert_eq!(report.read().lost, 1);
        assert_eq!(receiver.try_iter().count(), 2);
        outlet.settle();
        assert!(!outlet.owes());
        assert_eq!(receiver.try_recv(), Ok(Change::Lost { root: RootId(7) }));
        outlet.written(Path::new(""), "e".as_ref());
        assert_eq!(receiver.try_iter().count(), 1);
    }

    #[test]
    fn nothing_is_sent_after_a_root_was_stopped() {
        let (sender, receiver) = crossbeam_channel::bounded(2);
        let report = Arc::new(Report::default());
        let mut outlet = Outlet::new(RootId(7), sender, Arc::clone(&report));
        report.stop();
        outlet.written(Path::new(""), "a".as_ref());
        outlet.lost();
        assert!(receiver.is_empty());
        assert!(!outlet.owes());
    }
}
