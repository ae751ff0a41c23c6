//! What is in a folder: names, kinds, stamps, in as few system calls as there are.
//!
//! Everything is asked relative to the open folder, so no path is resolved twice. It
//! follows no link, and knows nothing of the catalogue.

use std::ffi::{CStr, OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};

use crate::catalog::Stamp;
use crate::original::open_as;

/// What a name in a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a pipe, a socket, a device: never looked at.
    Other,
}

/// A name in a folder.
#[derive(Debug)]
pub(super) struct Seen {
    pub name: OsString,
    pub kind: Kind,
    /// Of a file; of anything else nothing is asked.
    pub stamp: io::Result<Stamp>,
}

/// The files and folders in `folder` that are `wanted`, in the order of the bytes of
/// their names. `stable_inodes`: whether the filesystem keeps inode numbers.
///
/// # Errors
/// When the folder cannot be opened or not be read to its end.
pub(super) fn list(
    folder: &Path,
    stable_inodes: bool,
    wanted: &dyn Fn(&OsStr, Kind) -> bool,
) -> io::Result<Vec<Seen>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    let mut dir = Dir::from_fd(open_as(folder, flags)?)?;
    let mut found = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        found.push((name.to_owned(), entry.file_type()));
    }
    found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut seen = Vec::with_capacity(found.len());
    for (name, kind) in found {
        let os_name = OsStr::from_bytes(name.to_bytes());
        let (kind, looked) = match kind {
            Some(Type::File) => (Kind::File, None),
            Some(Type::Directory) => (Kind::Folder, None),
            Some(_) => (Kind::Other, None),
            // Some filesystems do not tell.
            None => {
                let looked = look(&dir, &name);
                (looked.as_ref().map_or(Kind::Other, kind_of), Some(looked))
            }
        };
        if kind == Kind::Other || !wanted(os_name, kind) {
            continue;
        }
        let stamp = match (kind, looked) {
            (Kind::File, None) => look(&dir, &name),
            (_, Some(looked)) => looked,
            (_, None) => {
                seen.push(Seen {
                    name: os_name.to_owned(),
                    kind,
                    stamp: Ok(Stamp::UNKNOWN),
                });
                continue;
            }
        };
        // A name that became something else meanwhile will be seen as that next time.
        seen.push(Seen {
            name: os_name.to_owned(),
            kind,
            stamp: stamp.map(|stat| stamp_of(&stat, stable_inodes)),
        });
    }
    Ok(seen)
}

/// What one path is, itself and not what it links to.
///
/// # Errors
/// When it is not there, or the disk does not answer.
pub(super) fn look_at(path: &Path, stable_inodes: bool) -> io::Result<(Kind, Stamp)> {
    let file = open_as(path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
    let stat = fstat(&file)?;
    Ok((kind_of(&stat), stamp_of(&stat, stable_inodes)))
}

fn look(dir: &Dir, name: &CStr) -> io::Result<FileStat> {
    Ok(fstatat(dir.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW)?)
}

fn kind_of(stat: &FileStat) -> Kind {
    match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFDIR => Kind::Folder,
        _ => Kind::Other,
    }
}

fn stamp_of(stat: &FileStat, stable_inodes: bool) -> Stamp {
    Stamp {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat
            .st_mtime
            .saturating_mul(1_000_000_000)
            .saturating_add(stat.st_mtime_nsec),
        inode: if stable_inodes { stat.st_ino } else { 0 },
    }
}
