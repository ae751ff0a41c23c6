//! `semfs worker` and `semfs scout`: processes that decode, or look at files, started by
//! another semfs.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Decodes.
pub(crate) fn run() -> ExitCode {
    serve(semfs_daemon::serve_worker)
}

/// Looks at files.
pub(crate) fn run_scout() -> ExitCode {
    serve(semfs_daemon::serve_scout)
}

/// Serves the socket that is the standard input. Ends silently: the other end says what
/// happened.
fn serve(serve: impl FnOnce(UnixStream) -> io::Result<()>) -> ExitCode {
    let socket = io::stdin().as_fd().try_clone_to_owned();
    match socket.map(UnixStream::from).and_then(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
