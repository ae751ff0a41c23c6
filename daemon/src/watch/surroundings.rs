//! Whether a root may have gone, come back, or become another one: the mount table and the
//! folders that roots are in.
//!
//! Never touches a root, nor anything on a network filesystem: a server that does not answer
//! must not block it. It tells where to look, and does not look itself.

use std::collections::{HashMap, HashSet};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Sender, TrySendError};
use nix::sys::eventfd::{EfdFlags, EventFd};
use notify::event::{ModifyKind, RenameMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::mounts::{self, MountEntry};
use super::reader::{Patience, Reader, Waiting};
use super::types::{Change, RootId, WatchError};

/// Where a root is.
struct Site {
    path: PathBuf,
    /// Its parent folder, while that is watched.
    parent: Option<PathBuf>,
    /// The mounts on the way to it and below it, when last seen.
    mounts: Vec<MountEntry>,
}

/// What the threads share.
struct Shared {
    sites: Mutex<HashMap<RootId, Site>>,
    /// Roots that are to be told.
    owed: Mutex<HashSet<RootId>>,
    /// Wakes the thread that tells them.
    bell: EventFd,
    /// Watches parent folders. Taken before `sites`, never after: `notify` is waited for with this lock
    /// held, while its handler may wait for `sites`.
    folders: Mutex<Option<RecommendedWatcher>>,
    changes: Sender<Change>,
}

/// The watch of the surroundings of all roots. Its threads end when this is dropped.
pub(super) struct Surroundings {
    shared: Arc<Shared>,
    _reader: Reader,
}

impl Surroundings {
    pub(super) fn start(changes: Sender<Change>) -> Result<Self, WatchError> {
        let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|errno| WatchError::Thread(errno.into()))?;
        let shared = Arc::new(Shared {
            sites: Mutex::default(),
            owed: Mutex::default(),
            bell,
            folders: Mutex::new(None),
            changes,
        });
        // Weak: the watcher is owned by what its handler would own.
        let weak = Arc::downgrade(&shared);
        let handler = move |event: notify::Result<Event>| {
            if let (Some(shared), Ok(event)) = (weak.upgrade(), event) {
                shared.folder_event(&event);
            }
        };
        let watcher = RecommendedWatcher::new(handler, Config::default()).map_err(|error| {
            let cause = match error.kind {
                notify::ErrorKind::Io(cause) => cause,
                _ => std::io::Error::other(error.to_string()),
            };
            match cause.raw_os_error() {
                Some(libc::EMFILE | libc::ENFILE) => WatchError::NoInstances(cause),
                _ => WatchError::Thread(cause),
            }
        })?;
        *lock(&shared.folders) = Some(watcher);
        let own = Arc::clone(&shared);
        let reader = Reader::start("semfs-surround", move |waiting| own.run(&waiting))?;
        Ok(Self {
            shared,
            _reader: reader,
        })
    }

    /// Watches the surroundings of a root, which need not be there.
    pub(super) fn add(&self, root: RootId, path: &Path) {
        let table = mounts::table().unwrap_or_default();
        let mut folders = lock(&self.shared.folders);
        let site = Site {
            path: path.to_owned(),
            parent: None,
            mounts: near(&table, path),
        };
        lock(&self.shared.sites).insert(root, site);
        self.shared.watch_parent(&mut folders, root, &table);
    }

    pub(super) fn remove(&self, root: RootId) {
        let mut folders = lock(&self.shared.folders);
        self.shared.leave_parent(&mut folders, root);
        lock(&self.shared.sites).remove(&root);
        lock(&self.shared.owed).remove(&root);
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        // Ends its thread. The lock is not held meanwhile: that thread may be in its handler.
        let watcher = lock(&self.shared.folders).take();
        drop(watcher);
    }
}

impl Shared {
    fn run(&self, waiting: &Waiting) {
        loop {
            let owes = !lock(&self.owed).is_empty();
            let patience = if owes {
                Patience::Short
            } else {
                Patience::Endless
            };
            let woken = waiting.wait(Some(self.bell.as_fd()), patience);
            if woken.end {
                return;
            }
            if woken.readable {
                let _ = self.bell.read();
            }
            if woken.mounts {
                self.mounts_changed();
            }
            self.tell();
        }
    }

    fn mounts_changed(&self) {
        let table = match mounts::table() {
            Ok(table) => table,
            Err(error) => {
                tracing::warn!("the mount table cannot be read: {error}");
                return;
            }
        };
        let mut folders = lock(&self.folders);
        let mut changed = Vec::new();
        for (root, site) in &mut *lock(&self.sites) {
            let now = near(&table, &site.path);
            if now != site.mounts {
                site.mounts = now;
                changed.push(*root);
            }
        }
        for root in changed {
            // The parent may be another folder now, on another filesystem.
            self.leave_parent(&mut folders, root);
            self.watch_parent(&mut folders, root, &table);
            lock(&self.owed).insert(root);
        }
    }

    fn folder_event(&self, event: &Event) {
        let is_name = match event.kind {
            EventKind::Create(_) | EventKind::Remove(_) => true,
            // `Both` repeats what `From` and `To` have said.
            EventKind::Modify(ModifyKind::Name(mode)) => mode != RenameMode::Both,
            _ => false,
        };
        if !is_name {
            return;
        }
        let sites = lock(&self.sites);
        let hit = sites.iter().filter(|(_, site)| {
            let parent = site.parent.as_ref();
            event
                .paths
                .iter()
                .any(|path| *path == site.path || Some(path) == parent)
        });
        let mut owed = lock(&self.owed);
        let before = owed.len();
        owed.extend(hit.map(|(root, _)| *root));
        if owed.len() > before {
            let _ = self.bell.write(1);
        }
    }

    /// Tells what there is room for.
    fn tell(&self) {
        lock(&self.owed).retain(|root| {
            let sent = self.changes.try_send(Change::Surroundings { root: *root });
            matches!(sent, Err(TrySendError::Full(_)))
        });
    }

    fn watch_parent(
        &self,
        folders: &mut Option<RecommendedWatcher>,
        root: RootId,
        table: &[MountEntry],
    ) {
        let parent = lock(&self.sites)
            .get(&root)
            .and_then(|site| site.path.parent().map(Path::to_owned));
        let Some(parent) = parent else {
            return;
        };
        if !mounts::local_way(table, &parent) {
            tracing::debug!(parent = %parent.display(), "is on a network filesystem, and is not watched");
            return;
        }
        if !self.is_watched(&parent) {
            let watched = folders
                .as_mut()
                .map(|watcher| watcher.watch(&parent, RecursiveMode::NonRecursive));
            if let Some(Err(error)) = watched {
                tracing::debug!(parent = %parent.display(), "cannot be watched: {error}");
                return;
            }
        }
        if let Some(site) = lock(&self.sites).get_mut(&root) {
            site.parent = Some(parent);
        }
    }

    fn leave_parent(&self, folders: &mut Option<RecommendedWatcher>, root: RootId) {
        let parent = lock(&self.sites)
            .get_mut(&root)
            .and_then(|site| site.parent.take());
        if let (Some(parent), Some(watcher)) = (parent, folders.as_mut())
            && !self.is_watched(&parent)
        {
            // It fails where the folder is gone, and its watch with it.
            let _ = watcher.unwatch(&parent);
        }
    }

    fn is_watched(&self, parent: &Path) -> bool {
        lock(&self.sites)
            .values()
            .any(|site| site.parent.as_deref() == Some(parent))
    }
}

fn near(table: &[MountEntry], path: &Path) -> Vec<MountEntry> {
    mounts::near(table, path).into_iter().cloned().collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
