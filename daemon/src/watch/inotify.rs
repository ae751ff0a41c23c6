//! The backend inotify: one instance and one thread for each root, one watch for each folder.
//!
//! Every folder is watched before it is listed, so what appears in it is either listed or told.
//! Events name a watch, and `tree.rs` says which folder that is by now; what a walk found
//! through a path that had just become another folder's is corrected by the event that follows.

mod events;
mod walk;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::inotify::{Inotify as Instance, WatchDescriptor, Watches};

use super::budget::Budget;
use super::mounts;
use super::outlet::Outlet;
use super::reader::{Patience, Reader, Waiting};
use super::tree::Tree;
use super::types::{Backend, RootId, Settings, WatchError};
use events::Heard;

/// About a thousand events.
const BUFFER: usize = 64 * 1024;
/// Watches removed between two reads: each removal is an event in the queue itself.
const RETIRE: usize = 512;
/// How long an overflown queue may go on telling before all is looked at.
const FLOOD: Duration = Duration::from_secs(1);

/// The watch of one root. Its thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Inotify {
    _reader: Reader,
}

/// What the thread has.
struct Watcher {
    instance: Instance,
    watches: Watches,
    tree: Tree<WatchDescriptor>,
    /// Watches of folders that are no longer ours, to be removed bit by bit.
    retired: HashMap<i32, WatchDescriptor>,
    /// Folders moved away by the event with this cookie, which may be moved in by the next; and
    /// the batch of events that said so.
    parked: Vec<(u32, i32, u64)>,
    /// Counts what was read.
    batch: u64,
    /// The queue overflowed at this time.
    overflow: Option<Instant>,
    /// Mount points of filesystems below the root that must not be touched.
    closed: HashSet<PathBuf>,
    settings: Arc<Settings>,
    budget: Arc<Budget>,
    /// What the budget knows of us.
    accounted: u64,
    /// The kernel refused a watch although the budget had room.
    refused: bool,
    root: PathBuf,
    identity: (u64, u64),
    outlet: Outlet,
    /// A filesystem below the root was unmounted, or the root's own: the rest of the batch tells.
    unmounted: bool,
    gone: bool,
}

impl Inotify {
    /// Watches a tree; returns when every folder found has its watch or is counted.
    pub(super) fn watch(
        root: RootId,
        path: &Path,
        settings: &Arc<Settings>,
        budget: &Arc<Budget>,
        outlet: Outlet,
    ) -> Result<Self, WatchError> {
        budget.refresh();
        let mut watcher = Watcher::new(path, settings, budget, outlet)?;
        watcher.watch_below(watcher.tree.root());
        watcher.publish();
        let reader = Reader::start(&format!("semfs-watch-{}", root.0), move |waiting| {
            watcher.run(&waiting);
        })?;
        Ok(Self { _reader: reader })
    }
}

impl Watcher {
    fn new(
        path: &Path,
        settings: &Arc<Settings>,
        budget: &Arc<Budget>,
        outlet: Outlet,
    ) -> Result<Self, WatchError> {
        let identity = identity(path).map_err(|error| WatchError::folder(path, error))?;
        let instance = Instance::init().map_err(|error| match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => WatchError::NoInstances(error),
            _ => WatchError::folder(path, error),
        })?;
        let mut watches = instance.watches();
        let no_watches = |refused| WatchError::NoWatches {
            path: path.to_owned(),
            shortage: budget.shortage(0, 1, refused),
        };
        if !budget.has_room() {
            return Err(no_watches(false));
        }
        let handle = match watches.add(path, walk::ROOT_MASK) {
            Ok(handle) => handle,
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => {
                return Err(no_watches(true));
            }
            Err(error) => return Err(WatchError::folder(path, error)),
        };
        let mut watcher = Self {
            tree: Tree::new(handle.get_watch_descriptor_id(), handle),
            instance,
            watches,
            retired: HashMap::new(),
            parked: Vec::new(),
            batch: 0,
            overflow: None,
            closed: HashSet::new(),
            settings: Arc::clone(settings),
            budget: Arc::clone(budget),
            accounted: 0,
            refused: false,
            root: path.to_owned(),
            identity,
            outlet,
            unmounted: false,
            gone: false,
        };
        watcher.read_mounts();
        watcher.account();
        Ok(watcher)
    }

    fn run(mut self, waiting: &Waiting) {
        let mut buffer = vec![0; BUFFER];
        while !self.gone {
            let patience =
                if self.retired.is_empty() && self.parked.is_empty() && self.overflow.is_none() {
                    if self.outlet.owes() {
                        Patience::Short
                    } else {
                        Patience::Endless
                    }
                } else {
                    Patience::None
                };
            let woken = waiting.wait(Some(self.instance.as_fd()), patience);
            if woken.end {
                return;
            }
            if woken.mounts {
                self.read_mounts();
            }
            if woken.readable {
                self.read(&mut buffer);
            }
            self.tidy(woken.readable);
            self.outlet.settle();
        }
        self.outlet.root_gone();
        while self.outlet.owes() && !waiting.wait(None, Patience::Short).end {
            self.outlet.settle();
        }
    }

    fn read(&mut self, buffer: &mut [u8]) {
        let heard: Vec<Heard> = match self.instance.read_events(buffer) {
            Ok(events) => events
                .map(|event| Heard {
                    watch: event.wd.get_watch_descriptor_id(),
                    mask: event.mask,
                    cookie: event.cookie,
                    name: event.name.map(OsStr::to_owned),
                })
                .collect(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => {
                tracing::warn!(root = %self.root.display(), "events cannot be read: {error}");
                self.overflow.get_or_insert_with(Instant::now);
                return;
            }
        };
        self.batch += 1;
        self.outlet.heard();
        for event in heard {
            self.handle(&event);
            if self.gone {
                return;
            }
        }
    }

    /// Work for the time after a batch of events.
    fn tidy(&mut self, was_readable: bool) {
        if self.gone {
            return;
        }
        if std::mem::take(&mut self.unmounted) {
            self.outlet.lost();
        }
        // A folder's way out and way in follow each other at once: what waits longer has left the root.
        let batch = self.batch;
        let is_late = |parked: &(u32, i32, u64)| !was_readable || parked.2 < batch;
        for (_, watch, _) in self
            .parked
            .extract_if(.., |parked| is_late(parked))
            .collect::<Vec<_>>()
        {
            // A walk may have found it in another place of this root.
            if self.tree.path(watch).is_none() {
                let cut = self.tree.cut(watch);
                self.retire(cut, None);
            }
        }
        if self
            .overflow
            .is_some_and(|since| !was_readable || since.elapsed() > FLOOD)
        {
            self.overflow = None;
            self.watch_again();
        }
        self.release(RETIRE);
        self.account();
        self.publish();
    }

    /// Events were lost: which folders there are is known only from looking at all of them.
    fn watch_again(&mut self) {
        if identity(&self.root).ok() != Some(self.identity) {
            self.gone = true;
            return;
        }
        let Ok(handle) = self.watches.add(&self.root, walk::ROOT_MASK) else {
            self.gone = true;
            return;
        };
        self.parked.clear();
        let root = handle.get_watch_descriptor_id();
        let old = std::mem::replace(&mut self.tree, Tree::new(root, handle));
        self.retired
            .extend(old.into_watches().filter(|(watch, _)| *watch != root));
        self.watch_below(root);
        self.outlet.lost();
    }

    /// These watches are to be removed, but for one that the kernel has removed.
    fn retire(&mut self, watches: Vec<(i32, WatchDescriptor)>, but: Option<i32>) {
        self.retired
            .extend(watches.into_iter().filter(|(watch, _)| Some(*watch) != but));
    }

    /// Removes up to so many retired watches.
    fn release(&mut self, most: usize) {
        let some: Vec<i32> = self.retired.keys().take(most).copied().collect();
        for watch in some {
            if let Some(handle) = self.retired.remove(&watch) {
                // It fails for a folder that was deleted: the kernel was faster.
                let _ = self.watches.remove(handle);
            }
        }
    }

    fn account(&mut self) {
        let now = (self.tree.len() + self.retired.len()) as u64;
        self.budget.account(self.accounted, now);
        self.accounted = now;
    }

    fn publish(&self) {
        let (watches, unwatched) = (self.tree.len() as u64, self.tree.unwatched());
        self.outlet.report().write(|state| {
            if state.unwatched != unwatched || state.shortage.is_some() != (unwatched > 0) {
                state.shortage =
                    (unwatched > 0).then(|| self.budget.shortage(watches, unwatched, self.refused));
            }
            state.backend = Some(Backend::Inotify);
            state.watches = watches;
            state.unwatched = unwatched;
        });
    }

    fn read_mounts(&mut self) {
        match mounts::table() {
            Ok(table) => {
                self.closed = table
                    .into_iter()
                    .filter(|entry| entry.point != self.root && entry.point.starts_with(&self.root))
                    .filter(|entry| !mounts::delivers_events(&entry.fstype))
                    .map(|entry| entry.point)
                    .collect();
            }
            Err(error) => tracing::warn!("the mount table cannot be read: {error}"),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.budget.account(self.accounted, 0);
    }
}

/// Device and inode of a folder.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|meta| (meta.dev(), meta.ino()))
}
