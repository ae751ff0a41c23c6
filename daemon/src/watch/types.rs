//! What the watcher takes and what it gives: settings, changes, states, errors.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

pub use semfs_engine::catalog::RootId;

/// What is watched and reported, and how much of the machine it may take.
pub struct Settings {
    /// Whether a path, relative to its root, is left out: never watched, never reported. What is
    /// below an excluded folder is not asked about again.
    pub excludes: Arc<dyn Fn(&Path) -> bool + Send + Sync>,
    /// Absolute folders, without symbolic links, that are never watched or entered: our own
    /// mount, our state.
    pub never_enter: HashSet<PathBuf>,
    /// Whether a file's name is that of a picture; other files are not reported.
    pub is_picture: fn(&Path) -> bool,
    /// Share of `fs.inotify.max_user_watches` that is used at most, over all roots: 0 to 1. The
    /// rest stays for other programs.
    pub share: f64,
}

impl Default for Settings {
    /// Everything is a picture, nothing is left out, half of the watches.
    fn default() -> Self {
        Self {
            excludes: Arc::new(|_| false),
            never_enter: HashSet::new(),
            is_picture: |_| true,
            share: 0.5,
        }
    }
}

/// Which backend is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Inotify while all folders fit into the budget, else fanotify where it is permitted.
    Auto,
    /// Inotify, whatever the filesystem.
    Inotify,
    /// Fanotify; inotify where it is not permitted or not supported.
    Fanotify,
}

/// Which backend watches a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A watch for each folder.
    Inotify,
    /// A mark for each filesystem; needs `CAP_SYS_ADMIN` and `CAP_DAC_READ_SEARCH`.
    Fanotify,
}

/// Something changed. Folders are relative to the root; the root itself is the empty path.
/// A change says where to look, not what is there: it may be told twice, and things may have
/// changed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A file was closed after writing, moved in, or its attributes changed: it is complete.
    Written {
        /// The root.
        root: RootId,
        /// Its folder.
        folder: PathBuf,
        /// Its name.
        name: OsString,
    },
    /// A file appeared and may be incomplete; `Written` follows unless it is a hard link.
    Created {
        /// The root.
        root: RootId,
        /// Its folder.
        folder: PathBuf,
        /// Its name.
        name: OsString,
    },
    /// A picture or a folder was deleted or moved away.
    Gone {
        /// The root.
        root: RootId,
        /// The folder that it was in.
        folder: PathBuf,
        /// Its name.
        name: OsString,
    },
    /// A folder appeared. It and all below is watched already: look at it recursively.
    Folder {
        /// The root.
        root: RootId,
        /// The folder.
        folder: PathBuf,
    },
    /// Changes of this root were lost; the watch goes on. Everything must be compared.
    Lost {
        /// The root.
        root: RootId,
    },
    /// The root's folder was unmounted, deleted or moved away: it is not watched any more.
    RootGone {
        /// The root.
        root: RootId,
    },
    /// The mount table or the root's parent folder changed near this root: look whether the
    /// root is still there, there again, or another one. A filesystem that was mounted below
    /// the root is watched after the next [`add`](super::Watch::add).
    Surroundings {
        /// The root.
        root: RootId,
    },
}

/// How a root is watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RootWatch {
    /// What watches it; nothing if it is not watched, or not any more.
    pub backend: Option<Backend>,
    /// Inotify: folders that have their watch. Fanotify: filesystems that have their mark.
    pub watches: u64,
    /// Folders (fanotify: filesystems) that found no watch: they must be polled.
    pub unwatched: u64,
    /// Why, and what to do, in a sentence.
    pub shortage: Option<String>,
    /// How often changes were lost since the watch began.
    pub lost: u64,
    /// When the kernel last told of something in this root.
    pub last_event: Option<SystemTime>,
}

/// Why something cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The folder cannot be opened or listed.
    #[error("cannot watch {}: {cause}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Not even the root's own folder found a watch.
    #[error("no watch is left for {}: {shortage}", path.display())]
    NoWatches {
        /// The folder.
        path: PathBuf,
        /// Which limit, and how to raise it.
        shortage: String,
    },
    /// The limit of inotify or fanotify instances, or of open files, is reached.
    #[error(
        "the kernel gives this user no further watch instance ({0}): end a program that watches files, \
         or raise fs.inotify.max_user_instances with `sysctl -w fs.inotify.max_user_instances=512`"
    )]
    NoInstances(io::Error),
    /// The mount table cannot be read.
    #[error("cannot read the mount table, /proc/self/mountinfo: {0}")]
    Mounts(io::Error),
    /// The thread that reads events cannot be started or woken.
    #[error("cannot start a thread that waits for changes: {0}")]
    Thread(io::Error),
}

impl WatchError {
    pub(super) fn folder(path: &Path, cause: io::Error) -> Self {
        Self::Folder {
            path: path.to_owned(),
            cause,
        }
    }
}
