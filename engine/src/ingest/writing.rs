//! Whether somebody is still writing a file.
//!
//! The kernel gives a read lease on a file only while nobody has it open for writing, so
//! asking for one answers the question on local filesystems. Elsewhere a file is taken
//! for complete when its time has rested.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime};

use nix::libc;

use crate::catalog::Stamp;

/// What can be said of a file's writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writers {
    /// Nobody has it open for writing.
    None,
    /// Somebody has.
    Some,
    /// This filesystem, or this user's rights, do not tell.
    Unknown,
}

/// Asks the kernel for the writers of an open file.
pub(super) fn writers(file: &File) -> Writers {
    let lease = |kind: libc::c_int| {
        // SAFETY: the descriptor is open, and the call touches no memory of ours.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) }
    };
    // Who opens the file for writing in this moment waits for us, and we would get a signal;
    // not SIGIO, which ends a process, but one that is ignored unless somebody cares.
    const F_SETSIG: libc::c_int = 10;
    // SAFETY: as above.
    let signal = unsafe { libc::fcntl(file.as_raw_fd(), F_SETSIG, libc::SIGURG) };
    if signal != 0 {
        return Writers::Unknown;
    }
    if lease(libc::F_RDLCK) == 0 {
        lease(libc::F_UNLCK);
        return Writers::None;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN) => Writers::Some,
        _ => Writers::Unknown,
    }
}

/// Whether a file was not changed for at least `rest`. A time in the future is a clock that
/// is wrong, and says nothing.
pub(super) fn rests(stamp: Stamp, rest: Duration) -> bool {
    let modified = u64::try_from(stamp.modified).unwrap_or(0);
    let modified = SystemTime::UNIX_EPOCH + Duration::from_nanos(modified);
    modified.elapsed().map_or(true, |since| since >= rest)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn a_file_that_is_open_for_writing_has_a_writer_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let writer = File::create(&path).unwrap();
        let reader = File::open(&path).unwrap();
        if writers(&reader) == Writers::Unknown {
            return;
        }
        assert_eq!(writers(&reader), Writers::Some);
        drop(writer);
        assert_eq!(writers(&reader), Writers::None);
        // And we are in nobody's way.
        OpenOptions::new().write(true).open(&path).unwrap();
    }

    #[test]
    fn a_file_rests_when_its_time_is_old_enough() {
        let at = |ago: Duration| Stamp {
            size: 1,
            modified: (SystemTime::now() - ago)
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_nanos() as i64,
            inode: 1,
        };
        let rest = Duration::from_secs(2);
        assert!(!rests(at(Duration::from_millis(100)), rest));
        assert!(rests(at(Duration::from_secs(3)), rest));
    }
}
