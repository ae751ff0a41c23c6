//! `semfs worker`: a process that decodes, started by another semfs.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Serves the socket that is the standard input. Ends silently: the other end says what
/// happened.
pub(crate) fn run() -> ExitCode {
    let serve = || {
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        semfs_daemon::serve_worker(socket)
    };
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
