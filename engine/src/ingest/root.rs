//! A root of a pass: can it be looked at, is it still the one that the pass began with, and
//! what is in it.
//!
//! Disks are unmounted and shares go away in the middle of a pass. What is then missing is
//! offline, not deleted. A root on a network is touched only through scouts, so that a server
//! that hangs costs processes that can be ended, and no thread.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::fstat;
use nix::sys::statfs;
use nix::sys::statvfs::fstatvfs;

use super::folder::{self, Kind, Seen};
use super::tools::Pool;
use super::{Ingest, IngestError, OfflineRoot, RootSettings};
use crate::catalog::{RootId, Stamp};
use crate::media::Format;
use crate::original;
use crate::scout::{self, Identity, Scout, ScoutError};

/// A root that could be looked at when the pass began.
#[derive(Debug)]
pub(super) struct Root {
    pub id: RootId,
    pub path: PathBuf,
    /// Folders below it (and it itself, as the empty path) at which other filesystems are
    /// mounted now.
    pub mounts: Vec<PathBuf>,
    /// The devices of the folders among them, where they could be learned.
    devices: Vec<Option<u64>>,
    /// Folders, relative to it, that are never entered.
    pub never_enter: BTreeSet<PathBuf>,
    /// Whether its filesystem keeps inode numbers from mount to mount.
    pub stable_inodes: bool,
    /// The scouts that touch it; none if it is on a local disk.
    scouts: Option<Arc<Pool<Scout>>>,
    /// Device and inode of its folder.
    pub identity: (u64, u64),
    folders: AtomicU64,
    /// Why it is no longer there; once it is lost, it is for this pass.
    lost: OnceLock<String>,
}

impl Root {
    /// The root, or why it is offline.
    pub(super) fn reach(
        ingest: &Ingest,
        settings: &RootSettings,
        believe: bool,
    ) -> Result<Result<Self, OfflineRoot>, IngestError> {
        let path = &settings.path;
        let id = ingest.index.root(path)?;
        let offline = |reason: String| {
            Ok(Err(OfflineRoot {
                path: path.to_owned(),
                reason,
            }))
        };
        let scouts = settings.remote.then(|| ingest.scouts(path));
        let looked = match &scouts {
            None => identify(path).map_err(|error| match error.raw_os_error() {
                Some(nix::libc::ELOOP) => "there is a link in its path that could not be followed \
                                           when semfs started; start semfs again"
                    .to_owned(),
                _ => format!("it cannot be opened ({error}); is its disk there and mounted?"),
            }),
            Some(scouts) => {
                ask(ingest, scouts, |scout| scout.identity(path)).map_err(|error| error.to_string())
            }
        };
        match looked {
            Err(reason) => offline(reason),
            Ok(_) if !believe && was_mounted(ingest, id, settings)? => offline(format!(
                "nothing is mounted at it, and a disk was when it was last compared; if its \
                 photos are in the folder itself now, run `semfs forget --missing {}`",
                path.display()
            )),
            // An empty mount point looks like this, and so does a disk that lost all.
            Ok(found) if !found.holds_anything && ingest.index.catalog().has_files(id)? => {
                offline(format!(
                    "it is empty, and held photos before; if they were really deleted, run \
                 `semfs forget {}`",
                    path.display()
                ))
            }
            Ok(found) => {
                ingest.index.note_filesystem(id, found.filesystem)?;
                Ok(Ok(Self {
                    devices: devices(ingest, settings, scouts.as_deref()),
                    id,
                    path: path.to_owned(),
                    mounts: settings.mounts.clone(),
                    never_enter: settings.never_enter.clone(),
                    stable_inodes: keeps_inodes(&found),
                    scouts,
                    identity: (found.device, found.inode),
                    folders: AtomicU64::new(0),
                    lost: OnceLock::new(),
                }))
            }
        }
    }

    /// The files and folders in a folder of the root that are `wanted`, by name.
    ///
    /// # Errors
    /// When it cannot be listed whole.
    pub(super) fn list(
        &self,
        ingest: &Ingest,
        folder: &Path,
        wanted: &dyn Fn(&OsStr, Kind) -> bool,
    ) -> io::Result<Vec<Seen>> {
        let folder = self.path.join(folder);
        let Some(scouts) = &self.scouts else {
            return folder::list(&folder, self.stable_inodes, wanted);
        };
        let extensions = Format::extensions().chain(["xmp"]);
        let extensions: Vec<String> = extensions.map(str::to_owned).collect();
        let listed = self.ask(ingest, scouts, |scout| scout.list(&folder, &extensions))?;
        let mut seen: Vec<Seen> = listed.into_iter().map(|seen| self.seen(seen)).collect();
        seen.retain(|seen| seen.kind != Kind::Other && wanted(&seen.name, seen.kind));
        seen.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(seen)
    }

    /// What a path below the root is.
    ///
    /// # Errors
    /// When it is not there, or the disk does not answer.
    pub(super) fn look_at(&self, ingest: &Ingest, path: &Path) -> io::Result<(Kind, Stamp)> {
        let path = self.path.join(path);
        match &self.scouts {
            None => folder::look_at(&path, self.stable_inodes),
            Some(scouts) => {
                let (kind, stamp) = self.ask(ingest, scouts, |scout| scout.stamp(&path))?;
                Ok((kind_of(kind), self.stable(stamp)))
            }
        }
    }

    /// Opens a picture for reading, and takes its stamp. Never waits for a pipe, never
    /// follows a link, and leaves the time of last access alone where it may. From a network
    /// it is copied: what is returned then is a file in memory.
    ///
    /// # Errors
    /// What the disk says; [`Unopened::Changing`] and [`Unopened::TooLarge`] only of copies.
    pub(super) fn open(&self, ingest: &Ingest, path: &Path) -> Result<(File, Stamp), Unopened> {
        let Some(scouts) = &self.scouts else {
            let (file, metadata) = original::open(path)?;
            return Ok((file, Stamp::of(&metadata, self.stable_inodes)));
        };
        if self.lost.get().is_some() {
            return Err(silent().into());
        }
        let most = ingest.settings.worker.file_size;
        match ask(ingest, scouts, |scout| scout.read(path, most)) {
            Ok((file, stamp)) => Ok((File::from(file), self.stable(stamp))),
            Err(ScoutError::Changed { .. }) => Err(Unopened::Changing),
            Err(ScoutError::TooLarge { .. }) => Err(Unopened::TooLarge),
            // One file that is silent says nothing of the others; asking for the root will tell.
            Err(error @ ScoutError::Silent { .. }) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, reason(&error)).into())
            }
            Err(error) => Err(self.failed(error).into()),
        }
    }

    /// Whether the kernel of this machine knows who writes its files.
    pub(super) fn is_local(&self) -> bool {
        self.scouts.is_none()
    }

    fn ask<T>(
        &self,
        ingest: &Ingest,
        scouts: &Pool<Scout>,
        question: impl FnOnce(&mut Scout) -> Result<T, ScoutError>,
    ) -> io::Result<T> {
        if self.lost.get().is_some() {
            return Err(silent());
        }
        ask(ingest, scouts, question).map_err(|error| self.failed(error))
    }

    /// A server that is silent is gone for this pass: waiting for it once is enough.
    fn failed(&self, error: ScoutError) -> io::Error {
        match error {
            ScoutError::Io { error, .. } => error,
            error @ (ScoutError::NotAFile { .. } | ScoutError::Ended { .. }) => {
                io::Error::other(error.to_string())
            }
            error => {
                let reason = reason(&error);
                let _ = self.lost.set(reason.clone());
                io::Error::new(io::ErrorKind::TimedOut, reason)
            }
        }
    }

    fn seen(&self, seen: scout::Seen) -> Seen {
        Seen {
            kind: kind_of(seen.kind),
            stamp: match seen.stamp {
                Some(Ok(stamp)) => Ok(self.stable(stamp)),
                Some(Err(errno)) => Err(io::Error::from_raw_os_error(errno)),
                None => Ok(Stamp::UNKNOWN),
            },
            name: seen.name,
        }
    }

    fn stable(&self, stamp: Stamp) -> Stamp {
        Stamp {
            inode: if self.stable_inodes { stamp.inode } else { 0 },
            ..stamp
        }
    }

    /// Counts a folder that was looked at.
    pub(super) fn count_folder(&self) {
        self.folders.fetch_add(1, Ordering::Relaxed);
    }

    /// Folders that were looked at in this pass.
    pub(super) fn folders(&self) -> u64 {
        self.folders.load(Ordering::Relaxed)
    }

    /// Mounts below it that were there when the pass began, and are not any more.
    pub(super) fn lost_mounts(&self, ingest: &Ingest) -> Vec<PathBuf> {
        let mounts = self.mounts.iter().zip(&self.devices);
        let lost = mounts.filter(|(mount, device)| {
            !mount.as_os_str().is_empty()
                && device_of(ingest, &self.path.join(mount), self.scouts.as_deref()) != **device
        });
        lost.map(|(mount, _)| mount.clone()).collect()
    }

    /// Whether it is still the folder that the pass began with. To be asked before
    /// anything of it is taken for gone.
    pub(super) fn is_there(&self, ingest: &Ingest) -> bool {
        if self.lost.get().is_some() {
            return false;
        }
        let found = match &self.scouts {
            None => identify(&self.path),
            Some(scouts) => self.ask(ingest, scouts, |scout| scout.identity(&self.path)),
        };
        let reason = match found {
            Ok(found) if (found.device, found.inode) == self.identity => return true,
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

/// Why a picture was not opened.
#[derive(Debug)]
pub(super) enum Unopened {
    /// The disk said so.
    Io(io::Error),
    /// It changed while it was copied.
    Changing,
    /// It has more bytes than are copied.
    TooLarge,
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn ask<T>(
    ingest: &Ingest,
    scouts: &Pool<Scout>,
    question: impl FnOnce(&mut Scout) -> Result<T, ScoutError>,
) -> Result<T, ScoutError> {
    scouts.with(|| Ok(Scout::new(ingest.settings.scout.clone())), question)
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "its server does not answer")
}

fn kind_of(kind: scout::Kind) -> Kind {
    match kind {
        scout::Kind::File => Kind::File,
        scout::Kind::Folder => Kind::Folder,
        scout::Kind::Other => Kind::Other,
    }
}

/// The folder of a root on a local disk. Its path has no links in it, so this never leads to
/// a network.
fn identify(path: &Path) -> io::Result<Identity> {
    let folder = original::open_as(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
    let found = fstat(&folder)?;
    let filesystem_type = statfs::fstatfs(&folder)?.filesystem_type();
    let filesystem = fstatvfs(&folder)?.filesystem_id();
    let mut holds_anything = false;
    for entry in Dir::from_fd(folder)?.iter() {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            holds_anything = true;
            break;
        }
    }
    Ok(Identity {
        device: found.st_dev,
        inode: found.st_ino,
        filesystem_type: filesystem_type.0,
        filesystem,
        holds_anything,
    })
}

/// Whether a root was a mount point when it was last compared, and is not now.
fn was_mounted(ingest: &Ingest, id: RootId, settings: &RootSettings) -> Result<bool, IngestError> {
    let itself = Path::new("");
    let is_in = |mounts: &[PathBuf]| mounts.iter().any(|mount| mount == itself);
    let facts = ingest.index.catalog().facts(id)?;
    Ok(is_in(&facts.mounts) && !is_in(&settings.mounts) && ingest.index.catalog().has_files(id)?)
}

fn devices(
    ingest: &Ingest,
    settings: &RootSettings,
    scouts: Option<&Pool<Scout>>,
) -> Vec<Option<u64>> {
    let mounts = settings.mounts.iter();
    mounts
        .map(|mount| device_of(ingest, &settings.path.join(mount), scouts))
        .collect()
}

fn device_of(ingest: &Ingest, folder: &Path, scouts: Option<&Pool<Scout>>) -> Option<u64> {
    match scouts {
        None => fs::symlink_metadata(folder).ok().map(|found| found.dev()),
        Some(scouts) => {
            let found = ask(ingest, scouts, |scout| scout.identity(folder));
            found.ok().map(|found| found.device)
        }
    }
}

/// Why a root cannot be reached, in words that are the same each time.
fn reason(error: &ScoutError) -> String {
    match error {
        ScoutError::Silent { .. } => "its server gives no answer within limits.answer_seconds; is \
                                      it switched on and reachable?"
            .to_owned(),
        error => error.to_string(),
    }
}

/// FUSE, FAT and SMB number their files anew at each mount, or even more often.
fn keeps_inodes(found: &Identity) -> bool {
    const EXFAT: i64 = 0x2011_BAB0;
    const CIFS: i64 = 0xFF53_4D42;
    const SMB2: i64 = 0xFE53_4D42;
    let forgetful = [
        nix::libc::FUSE_SUPER_MAGIC,
        nix::libc::MSDOS_SUPER_MAGIC,
        EXFAT,
        CIFS,
        SMB2,
    ];
    // Some kernels give the number with its sign.
    !forgetful.contains(&(found.filesystem_type & 0xFFFF_FFFF))
}
