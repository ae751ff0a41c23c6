//! What of the marked filesystems is ours: from a folder's handle to roots and folders in them.
//!
//! A mark tells of the whole filesystem. Most of it may be nobody's photos, so the answer for
//! every folder is remembered, until a folder is renamed anywhere.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lru::LruCache;

use super::super::mounts::{MountEntry, holding};
use super::super::news::may_enter;
use super::super::outlet::Outlet;
use super::super::types::{RootId, Settings};
use super::handles;

/// Folders remembered: those that many programs write to at a time.
const REMEMBERED: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(number) => number,
    None => NonZeroUsize::MIN,
};

/// A part of a root that is on one filesystem: the root itself, or a mount below it.
#[derive(Debug)]
pub(super) struct Branch {
    /// Absolute, without symbolic links.
    pub(super) path: PathBuf,
    /// The same, relative to the root.
    pub(super) base: PathBuf,
    /// What fanotify calls the filesystem.
    pub(super) filesystem: [u8; 8],
    /// Device and inode.
    identity: (u64, u64),
    /// The mount that it is on.
    mount: Option<MountEntry>,
}

/// A root and its parts.
pub(super) struct Estate {
    pub(super) outlet: Outlet,
    pub(super) branches: Vec<Branch>,
}

/// A folder in the terms of the roots.
#[derive(Debug, Default)]
pub(super) struct Location {
    /// Its path; nothing if it was deleted.
    pub(super) absolute: Option<PathBuf>,
    /// The roots that it is in, and the folder relative to each.
    pub(super) inside: Vec<(RootId, PathBuf)>,
}

/// All roots of fanotify.
pub(super) struct Territory {
    pub(super) estates: Vec<Estate>,
    settings: Arc<Settings>,
    known: LruCache<Box<[u8]>, Arc<Location>>,
}

impl Branch {
    /// Takes a look at a folder that is to be marked.
    pub(super) fn survey(
        path: &Path,
        base: PathBuf,
        table: &[MountEntry],
    ) -> io::Result<(Self, File)> {
        let folder = handles::open(path)?;
        handles::probe(&folder)?;
        let meta = folder.metadata()?;
        let branch = Self {
            path: path.to_owned(),
            base,
            filesystem: handles::filesystem(&folder)?,
            identity: (meta.dev(), meta.ino()),
            mount: holding(table, path).cloned(),
        };
        Ok((branch, folder))
    }

    /// The folder, if it still is the one that was surveyed.
    fn open(&self) -> io::Result<File> {
        let folder = handles::open(&self.path)?;
        let meta = folder.metadata()?;
        if (meta.dev(), meta.ino()) == self.identity {
            Ok(folder)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// Whether another folder, or none, is there now. A folder that cannot be opened for want of
    /// descriptors or for a disk's failure is not gone.
    fn is_gone(&self) -> bool {
        self.open().is_err_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) || error.raw_os_error() == Some(libc::ELOOP)
        })
    }
}

impl Territory {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            estates: Vec::new(),
            settings,
            known: LruCache::new(REMEMBERED),
        }
    }

    /// A folder was renamed, a root came or went: every path may be another one.
    pub(super) fn forget_paths(&mut self) {
        self.known.clear();
    }

    /// Where a folder is. `key` as in [`Place`](super::records::Place).
    pub(super) fn locate(&mut self, key: &[u8]) -> Arc<Location> {
        if let Some(location) = self.known.get(key) {
            return Arc::clone(location);
        }
        let (location, troubled) = self.look(key);
        let location = Arc::new(location);
        if !troubled.is_empty() {
            // A root may have gone, and cannot be used to look for others; or there are no descriptors left.
            for estate in &mut self.estates {
                if troubled.contains(&estate.outlet.root())
                    && !estate.branches.iter().any(Branch::is_gone)
                {
                    estate.outlet.lost();
                }
            }
            self.revisit(None);
        } else if location.absolute.is_some() {
            // What was deleted is not remembered: its number may be given again.
            self.known.put(key.into(), Arc::clone(&location));
        }
        location
    }

    /// Where a folder is, and the roots for which that cannot be said.
    fn look(&self, key: &[u8]) -> (Location, Vec<RootId>) {
        let (mut location, mut troubled) = (Location::default(), Vec::new());
        let Some((filesystem, handle)) = key.split_at_checked(8) else {
            return (location, troubled);
        };
        let mut last: Option<(&MountEntry, PathBuf)> = None;
        for estate in &self.estates {
            for branch in &estate.branches {
                if branch.filesystem != filesystem {
                    continue;
                }
                // One mount gives one path, however many roots are on it.
                let same = last
                    .as_ref()
                    .filter(|(mount, _)| Some(*mount) == branch.mount.as_ref())
                    .map(|(_, path)| path.clone());
                let path = match same {
                    Some(path) => path,
                    None => match branch.open().map(|mount| handles::path(&mount, handle)) {
                        Ok(Ok(Some(path))) => path,
                        Ok(Ok(None)) => continue,
                        Ok(Err(_)) | Err(_) => {
                            troubled.push(estate.outlet.root());
                            continue;
                        }
                    },
                };
                if let Ok(below) = path.strip_prefix(&branch.path) {
                    let folder = branch.base.join(below);
                    if self.is_ours(&folder, &path) {
                        location.inside.push((estate.outlet.root(), folder));
                    }
                }
                location.absolute = Some(path.clone());
                last = branch.mount.as_ref().map(|mount| (mount, path));
            }
        }
        (location, troubled)
    }

    /// Whether neither a folder nor one above it is left out.
    fn is_ours(&self, folder: &Path, absolute: &Path) -> bool {
        folder
            .ancestors()
            .zip(absolute.ancestors())
            .filter(|(folder, _)| !folder.as_os_str().is_empty())
            .all(|(folder, absolute)| may_enter(&self.settings, folder, absolute))
    }

    /// A folder was deleted or moved: roots in it are gone, mounts in it changed their place.
    pub(super) fn folder_left(&mut self, folder: &Path) {
        self.estates.retain_mut(|estate| {
            let mut hit = estate
                .branches
                .iter()
                .filter(|branch| branch.path.starts_with(folder));
            if hit.clone().any(|branch| branch.base.as_os_str().is_empty()) {
                estate.branches.clear();
                estate.outlet.root_gone();
                estate.outlet.owes()
            } else {
                if hit.next().is_some() {
                    estate.outlet.lost();
                }
                true
            }
        });
    }

    /// Looks whether every root is still the folder that was marked; needed when events were
    /// lost, and when the mount table changed.
    pub(super) fn revisit(&mut self, table: Option<&[MountEntry]>) {
        self.forget_paths();
        self.estates.retain_mut(|estate| {
            let stays = |branch: &Branch| match table {
                Some(table) => holding(table, &branch.path) == branch.mount.as_ref(),
                None => !branch.is_gone(),
            };
            let before = estate.branches.len();
            if estate.branches.first().is_some_and(|root| !stays(root)) {
                estate.branches.clear();
                estate.outlet.root_gone();
                return estate.outlet.owes();
            }
            estate.branches.retain(stays);
            if estate.branches.len() < before {
                estate.outlet.lost();
            }
            true
        });
    }
}
