//! Originals are opened for reading only: no link is followed, nothing waits for a pipe, and
//! where it is allowed, no time of reading is left behind.
//!
//! It knows nothing of roots: whether a disk may be touched is for its callers to know.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;

/// Opens the regular file at an absolute path, and says what it is.
///
/// # Errors
/// What the disk says; `ELOOP` if it or something above is a link; without a number if it is
/// no regular file.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = match open_as(path, flags | OFlag::O_NOATIME) {
        // Only the owner of a file may ask for this.
        Err(error) if error.raw_os_error() == Some(nix::libc::EPERM) => open_as(path, flags)?,
        other => other?,
    };
    let file = File::from(file);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no longer a regular file"));
    }
    Ok((file, metadata))
}

/// Opens an absolute path in which nothing is a link: a folder above may have become one that
/// leads out of the root.
///
/// # Errors
/// What the disk says; `ELOOP` if something above is a link.
pub(crate) fn open_as(path: &Path, flags: OFlag) -> io::Result<OwnedFd> {
    let flags = flags | OFlag::O_CLOEXEC;
    let how = OpenHow::new()
        .flags(flags)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    match openat2(AT_FDCWD, path, how) {
        // A kernel before 5.6, or a sandbox that does not know the call.
        Err(Errno::ENOSYS) => Ok(nix::fcntl::open(path, flags, Mode::empty())?),
        other => Ok(other?),
    }
}
