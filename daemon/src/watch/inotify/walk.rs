//! Watching what is below a folder, upper folders first, within the budget.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ::inotify::WatchMask;

use super::super::news::may_enter;
use super::super::tree::Child;
use super::{RETIRE, Watcher};

/// What a folder is watched for. Not for `MODIFY`, which floods while a file is copied.
const MASK: WatchMask = WatchMask::CREATE
    .union(WatchMask::CLOSE_WRITE)
    .union(WatchMask::ATTRIB)
    .union(WatchMask::MOVED_FROM)
    .union(WatchMask::MOVED_TO)
    .union(WatchMask::DELETE)
    .union(WatchMask::ONLYDIR)
    .union(WatchMask::DONT_FOLLOW)
    .union(WatchMask::EXCL_UNLINK);
/// The root's own end is not told by a folder above it.
pub(super) const ROOT_MASK: WatchMask = MASK
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::MOVE_SELF);

/// What became of a folder that was to be watched.
pub(super) enum Found {
    /// It had this watch already, in this place.
    Known(i32),
    /// It has this watch now; what is below it must be walked.
    New(i32),
    /// There is no watch for it.
    Unwatched,
    /// There is no folder of ours.
    Absent,
}

/// A folder to be listed: with a watch, or below one that has none.
enum Visit {
    Watched(i32),
    Unwatched {
        /// The lowest watched folder above, and the name in it.
        parent: i32,
        name: OsString,
        folder: PathBuf,
    },
}

impl Watcher {
    /// Gives a folder its watch, whatever had it before.
    pub(super) fn find(&mut self, parent: i32, name: &OsStr, folder: &Path) -> Found {
        let absolute = self.root.join(folder);
        if self.closed.contains(&absolute) {
            return Found::Absent;
        }
        let before = self.tree.child(parent, name);
        if !matches!(before, Some(Child::Watched(_))) && !self.has_room() {
            return Found::Unwatched;
        }
        let handle = match self.watches.add(&absolute, MASK) {
            Ok(handle) => handle,
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => {
                self.refused = true;
                return Found::Unwatched;
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    tracing::debug!(folder = %absolute.display(), "may not be read, and is not watched");
                }
                return Found::Absent;
            }
        };
        let watch = handle.get_watch_descriptor_id();
        if before == Some(Child::Watched(watch)) {
            return Found::Known(watch);
        }
        if watch == self.tree.root() {
            // A bind mount of the root below itself.
            return Found::Absent;
        }
        if let Some(Child::Watched(other)) = self.tree.detach(parent, name) {
            let cut = self.tree.cut(other);
            self.retire(cut, None);
        }
        // The folder may be known in the place that it was moved from; the event that says so is still to come.
        if self.tree.contains(watch) {
            let cut = self.tree.cut(watch);
            self.retire(cut, Some(watch));
        }
        self.retired.remove(&watch);
        if !self.tree.contains(parent) {
            // It was cut off with the folder that was moved: what is found there goes with it.
            self.retired.insert(watch, handle);
            return Found::Absent;
        }
        self.tree.put(parent, name, watch, handle);
        self.account();
        Found::New(watch)
    }

    /// Watches everything below a folder that has its watch.
    pub(super) fn watch_below(&mut self, start: i32) {
        self.visit(VecDeque::from([Visit::Watched(start)]));
    }

    /// Counts a folder that found no watch, and what is below it.
    pub(super) fn count_below(&mut self, parent: i32, name: &OsStr, folder: &Path) {
        self.tree.detach(parent, name);
        self.tree.count_unwatched(parent, name);
        self.visit(VecDeque::from([Visit::Unwatched {
            parent,
            name: name.to_owned(),
            folder: folder.to_owned(),
        }]));
    }

    fn visit(&mut self, mut left: VecDeque<Visit>) {
        while let Some(visit) = left.pop_front() {
            match visit {
                Visit::Watched(parent) => {
                    let Some(folder) = self.tree.path(parent) else {
                        continue;
                    };
                    for name in self.folders_in(&folder) {
                        let below = folder.join(&name);
                        match self.find(parent, &name, &below) {
                            Found::Known(watch) | Found::New(watch) => {
                                left.push_back(Visit::Watched(watch));
                            }
                            Found::Unwatched => {
                                // It may have been counted with what was below it then.
                                self.tree.detach(parent, &name);
                                self.tree.count_unwatched(parent, &name);
                                left.push_back(Visit::Unwatched {
                                    parent,
                                    name,
                                    folder: below,
                                });
                            }
                            Found::Absent => {}
                        }
                    }
                }
                Visit::Unwatched {
                    parent,
                    name,
                    folder,
                } => {
                    for below in self.folders_in(&folder) {
                        self.tree.count_unwatched(parent, &name);
                        left.push_back(Visit::Unwatched {
                            parent,
                            name: name.clone(),
                            folder: folder.join(below),
                        });
                    }
                }
            }
        }
    }

    /// The names of the folders in a folder that may be entered.
    fn folders_in(&self, folder: &Path) -> Vec<OsString> {
        let absolute = self.root.join(folder);
        let entries = match fs::read_dir(&absolute) {
            Ok(entries) => entries,
            Err(error) => {
                // Deleted or moved meanwhile: an event says so.
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::debug!(folder = %absolute.display(), "cannot be listed: {error}");
                }
                return Vec::new();
            }
        };
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.file_name())
            .filter(|name| {
                let below = absolute.join(name);
                !self.closed.contains(&below)
                    && may_enter(&self.settings, &folder.join(name), &below)
            })
            .collect()
    }

    /// Whether the budget has room, if need be that of watches no longer needed.
    fn has_room(&mut self) -> bool {
        if !self.budget.has_room() && !self.retired.is_empty() {
            self.release(RETIRE);
            self.account();
        }
        self.budget.has_room()
    }
}
