//! Turns what the kernel tells about folder trees into changes.
//!
//! Knows nothing of the catalogue, of passes, or of what a photo is: it is told which names are
//! pictures and which folders to leave alone. Two backends say the same with the same words
//! (`inotify.rs`: a watch for each folder; `fanotify.rs`: a mark for each filesystem), and
//! `surroundings.rs` tells when a root may have gone or come back.

mod budget;
mod fanotify;
mod inotify;
pub mod mounts;
mod news;
mod outlet;
mod reader;
mod surroundings;
mod tree;
mod types;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;

use budget::Budget;
use fanotify::Fanotify;
use inotify::Inotify;
use mounts::{delivers_events, holding};
use outlet::Report;
use surroundings::Surroundings;

pub use types::{Backend, Change, How, RootId, RootWatch, Settings, WatchError};

/// The watch of all roots. Dropping it ends its threads and closes everything.
pub struct Watch {
    settings: Arc<Settings>,
    changes: Sender<Change>,
    budget: Arc<Budget>,
    surroundings: Surroundings,
    fanotify: Fanotify,
    roots: Mutex<HashMap<RootId, Root>>,
}

/// What is kept of one root.
struct Root {
    report: Arc<Report>,
    /// Ends its thread when dropped; nothing where fanotify or nobody watches.
    _inotify: Option<Inotify>,
}

impl Watch {
    /// Starts to watch for the mount table; roots come with [`add`](Self::add). `changes` should
    /// be bounded: while it is full, at most 250 ms are waited before a root counts as [`Change::Lost`].
    ///
    /// # Errors
    /// If the kernel gives no more watch instances or threads, or no mount table.
    pub fn start(settings: Settings, changes: Sender<Change>) -> Result<Self, WatchError> {
        let settings = Arc::new(settings);
        Ok(Self {
            budget: Arc::new(Budget::new(settings.share)),
            surroundings: Surroundings::start(changes.clone())?,
            fanotify: Fanotify::new(Arc::clone(&settings)),
            roots: Mutex::default(),
            settings,
            changes,
        })
    }

    /// Watches the tree below `path`, an absolute path, and returns when every folder found has
    /// its watch: a scan begun after it misses nothing. An older watch of this root ends first.
    ///
    /// A root on a filesystem that tells nothing (NFS, SMB, FUSE) is not watched with
    /// [`How::Auto`]: `backend` is `None` and `shortage` says so. Its surroundings are watched,
    /// also where this returns an error.
    ///
    /// # Errors
    /// If the folder cannot be watched at all: it is not there, may not be read, or a limit of
    /// the kernel is reached before its first watch.
    pub fn add(&self, root: RootId, path: &Path, how: How) -> Result<RootWatch, WatchError> {
        self.remove(root);
        self.surroundings.add(root, path);
        let table = mounts::table().map_err(WatchError::Mounts)?;
        let report = Arc::new(Report::default());
        let fstype = holding(&table, path).map_or("", |entry| entry.fstype.as_str());
        if how == How::Auto && !delivers_events(fstype) {
            report.write(|state| {
                state.shortage = Some(format!(
                    "{} is on a filesystem of the type `{fstype}`, which does not tell of changes: it is polled",
                    path.display()
                ));
            });
            return Ok(self.keep(root, report, None));
        }
        // A path that a readable name in /proc leads to must begin like the root's own.
        let path = &path
            .canonicalize()
            .map_err(|error| WatchError::folder(path, error))?;
        if how == How::Fanotify && self.by_fanotify(root, path, &report) {
            return Ok(self.keep(root, report, None));
        }
        let begun = Inotify::watch(
            root,
            path,
            &self.settings,
            &self.budget,
            outlet::Outlet::new(root, self.changes.clone(), Arc::clone(&report)),
        );
        // Inotify costs a writer less while nothing changes elsewhere, and fanotify needs root:
        // only a tree that does not fit is worth a mark on its whole filesystem.
        let short = match &begun {
            Ok(_) => report.read().unwatched > 0,
            Err(WatchError::NoWatches { .. } | WatchError::NoInstances(_)) => true,
            Err(_) => false,
        };
        if how == How::Auto && short {
            let instead = Arc::new(Report::default());
            if self.by_fanotify(root, path, &instead) {
                drop(begun);
                return Ok(self.keep(root, instead, None));
            }
        }
        Ok(self.keep(root, report, Some(begun?)))
    }

    /// Ends the watch of a root, and watches only its surroundings: it is polled, or away.
    pub fn only_surroundings(&self, root: RootId, path: &Path) {
        self.remove(root);
        self.surroundings.add(root, path);
    }

    /// Ends the watch of a root, and that of its surroundings. Does nothing for one that is not watched.
    pub fn remove(&self, root: RootId) {
        self.surroundings.remove(root);
        self.fanotify.remove(root);
        let old = self.roots().remove(&root);
        if let Some(old) = &old {
            old.report.stop();
        }
        // Outside of the lock: the thread may have to come back from a slow disk.
        drop(old);
    }

    /// How a root is watched now; for one that is not, `backend` is `None`.
    #[must_use]
    pub fn state(&self, root: RootId) -> RootWatch {
        let report = self
            .roots()
            .get(&root)
            .map(|watched| Arc::clone(&watched.report));
        report.map_or_else(RootWatch::default, |report| report.read())
    }

    fn by_fanotify(&self, root: RootId, path: &Path, report: &Arc<Report>) -> bool {
        let outlet = outlet::Outlet::new(root, self.changes.clone(), Arc::clone(report));
        match self.fanotify.add(path, outlet) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(path = %path.display(), "inotify instead of fanotify: {error}");
                false
            }
        }
    }

    fn keep(&self, root: RootId, report: Arc<Report>, inotify: Option<Inotify>) -> RootWatch {
        let state = report.read();
        let kept = Root {
            report,
            _inotify: inotify,
        };
        let old = self.roots().insert(root, kept);
        drop(old);
        state
    }

    fn roots(&self) -> MutexGuard<'_, HashMap<RootId, Root>> {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
