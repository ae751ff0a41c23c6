//! A root of a pass: can it be looked at, and is it still the one that the pass began with?
//!
//! Disks are unmounted and shares go away in the middle of a pass. What is then missing is
//! offline, not deleted.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::sys::statfs::{self, FsType};

use super::{IngestError, OfflineRoot, Pass};
use crate::catalog::RootId;

/// A root that could be looked at when the pass began.
#[derive(Debug)]
pub(super) struct Root {
    pub id: RootId,
    pub path: PathBuf,
    /// Whether its filesystem keeps inode numbers from mount to mount.
    pub stable_inodes: bool,
    /// Device and inode of its folder.
    identity: (u64, u64),
    /// Why it is no longer there; once it is lost, it is for this pass.
    lost: OnceLock<String>,
}

impl Root {
    /// The root, or why it is offline.
    pub(super) fn reach(
        pass: &Pass<'_>,
        path: &Path,
    ) -> Result<Result<Self, OfflineRoot>, IngestError> {
        let id = pass.index.root(path)?;
        let offline = |reason: String| {
            Ok(Err(OfflineRoot {
                path: path.to_owned(),
                reason,
            }))
        };
        let looked = identity(path).and_then(|identity| Ok((identity, holds_anything(path)?)));
        match looked {
            Err(error) => offline(error.to_string()),
            // An empty mount point looks like this, and so does a disk that lost all.
            Ok((_, false)) if pass.index.catalog().has_files(id)? => offline(format!(
                "it is empty, and held photos before; if they were really deleted, run \
                 `semfs forget {}`",
                path.display()
            )),
            Ok((identity, _)) => Ok(Ok(Self {
                id,
                path: path.to_owned(),
                stable_inodes: keeps_inodes(path),
                identity,
                lost: OnceLock::new(),
            })),
        }
    }

    /// Whether it is still the folder that the pass began with. To be asked before
    /// anything of it is taken for gone.
    pub(super) fn is_there(&self) -> bool {
        if self.lost.get().is_some() {
            return false;
        }
        let reason = match identity(&self.path) {
            Ok(identity) if identity == self.identity => return true,
            Ok(_) => "another folder took its place while it was looked at".to_owned(),
            Err(error) => format!("it went away while it was looked at: {error}"),
        };
        // Another thread may have found out first.
        let _ = self.lost.set(reason);
        false
    }

    /// Why it is offline now, if it went away during the pass.
    pub(super) fn offline(&self) -> Option<OfflineRoot> {
        let reason = self.lost.get()?;
        Some(OfflineRoot {
            path: self.path.clone(),
            reason: reason.clone(),
        })
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn holds_anything(path: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(path)?.next().transpose()?.is_some())
}

/// Network filesystems through FUSE number their files anew at each mount.
fn keeps_inodes(path: &Path) -> bool {
    const FUSE: FsType = FsType(nix::libc::FUSE_SUPER_MAGIC);
    statfs::statfs(path).is_ok_and(|found| found.filesystem_type() != FUSE)
}
