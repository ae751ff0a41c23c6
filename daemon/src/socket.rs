//! The daemon's Unix socket, in the state folder.
//!
//! Its address is spelled through `/proc/self/fd`, because a socket's path may have only
//! 107 bytes and a state folder may be deeper than that.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

const NAME: &str = "socket";

/// The socket of a state folder, for people.
pub(crate) fn path(state: &Path) -> PathBuf {
    state.join(NAME)
}

/// Listens on the socket of a state folder. The caller has the index's lock, so a socket
/// that is there is a dead one. For the owner only.
pub(crate) fn listen(state: &Path) -> io::Result<UnixListener> {
    let folder = open(state)?;
    let address = address(&folder);
    match fs::remove_file(&address) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&address)?;
    fs::set_permissions(path(state), Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects to the daemon of a state folder; nothing if there is none.
pub(crate) fn connect(state: &Path) -> io::Result<Option<UnixStream>> {
    let folder = match open(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    match UnixStream::connect(address(&folder)) {
        Ok(stream) => Ok(Some(stream)),
        // Never there, or left behind by a daemon that was killed.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn open(state: &Path) -> io::Result<File> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_PATH;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(state)
}

fn address(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_state_folder_has_a_socket() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(100)).join("e".repeat(100));
        fs::create_dir_all(&deep).unwrap();
        assert!(connect(&deep).unwrap().is_none());
        let listener = listen(&deep).unwrap();
        assert!(connect(&deep).unwrap().is_some());
        drop(listener);
        assert!(
            connect(&deep).unwrap().is_none(),
            "a dead socket is nobody's"
        );
        listen(&deep).unwrap();
    }
}
