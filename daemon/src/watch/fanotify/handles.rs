//! File handles: from what fanotify calls a folder to its path.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Handles have at most 128 bytes (`MAX_HANDLE_SZ`), after their length and type.
const MOST: usize = 8 + 128;

/// A handle where the kernel can read it.
#[repr(C, align(8))]
struct Raw([u8; MOST]);

/// Opens a folder. Not with `O_PATH`: handles cannot be opened beside such a descriptor.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
}

/// The number by which fanotify calls the filesystem of a folder.
pub(super) fn filesystem(folder: &File) -> io::Result<[u8; 8]> {
    let mut stat = std::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the descriptor is open, and `stat` has room for what is written.
    let stat = unsafe {
        if libc::fstatfs(folder.as_raw_fd(), stat.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        stat.assume_init()
    };
    // SAFETY: `fsid_t` is two integers of 32 bits whose names libc keeps private.
    Ok(unsafe { std::mem::transmute::<libc::fsid_t, [u8; 8]>(stat.f_fsid) })
}

/// The present path of a folder; nothing if it was deleted, or has no path through this mount.
/// `handle`: its length, its type, its bytes. `mount`: any folder of the mount through which the
/// path is wanted.
///
/// # Errors
/// `EPERM` without `CAP_DAC_READ_SEARCH`, and what befalls whoever opens a file.
pub(super) fn path(mount: &File, handle: &[u8]) -> io::Result<Option<PathBuf>> {
    let mut raw = Raw([0; MOST]);
    raw.0
        .get_mut(..handle.len())
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?
        .copy_from_slice(handle);
    // SAFETY: `raw` is aligned and begins like a `file_handle`, whose length the caller took
    // from bytes that are no longer than `raw`.
    let opened = unsafe {
        libc::open_by_handle_at(
            mount.as_raw_fd(),
            raw.0.as_mut_ptr().cast::<libc::file_handle>(),
            libc::O_PATH | libc::O_CLOEXEC,
        )
    };
    if opened < 0 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ESTALE | libc::ENOENT) => Ok(None),
            _ => Err(error),
        };
    }
    // SAFETY: the kernel has just given it, to nobody else.
    let folder = File::from(unsafe { OwnedFd::from_raw_fd(opened) });
    let path = fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd()))?;
    // A folder that was deleted while somebody has it open has ` (deleted)` behind its path. It
    // has no links by then, so they are counted after the path was read.
    if folder.metadata()?.nlink() == 0 {
        return Ok(None);
    }
    // What is not reachable through this mount begins with a word in brackets.
    let is_reachable = path.as_os_str().as_bytes().first() == Some(&b'/');
    Ok(is_reachable.then_some(path))
}

/// Whether handles can be opened here: asks for the one of a folder and opens it.
pub(super) fn probe(folder: &File) -> io::Result<()> {
    path(folder, &handle(folder)?.0).map(|_| ())
}

/// The handle of a folder.
fn handle(folder: &File) -> io::Result<Raw> {
    let mut raw = Raw([0; MOST]);
    let room: u32 = 128;
    raw.0[..4].copy_from_slice(&room.to_ne_bytes());
    let mut mount_id = 0;
    // SAFETY: `raw` says how many bytes it has room for; the empty path with `AT_EMPTY_PATH`
    // means the descriptor itself.
    let named = unsafe {
        libc::name_to_handle_at(
            folder.as_raw_fd(),
            c"".as_ptr(),
            raw.0.as_mut_ptr().cast::<libc::file_handle>(),
            &raw mut mount_id,
            libc::AT_EMPTY_PATH,
        )
    };
    if named != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_deleted_while_its_path_was_read_was_told_with_deleted_in_its_name() {
        let above = tempfile::tempdir().unwrap();
        let mount = open(above.path()).unwrap();
        let folder = above.path().join("folder");
        for _ in 0..3000 {
            fs::create_dir(&folder).unwrap();
            let open = open(&folder).unwrap();
            let handle = handle(&open).unwrap();
            match path(&mount, &handle.0) {
                Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                    eprintln!("skipped: opening a handle needs root");
                    return;
                }
                first => assert_eq!(first.unwrap().as_deref(), Some(folder.as_path())),
            }
            std::thread::scope(|scope| {
                let removal = scope.spawn(|| fs::remove_dir(&folder).unwrap());
                while !removal.is_finished() {
                    let found = path(&mount, &handle.0).unwrap();
                    assert!(found.is_none_or(|found| found == folder));
                }
            });
        }
    }
}
