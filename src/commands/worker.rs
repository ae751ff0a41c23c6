//! `semfs worker`, `semfs scout` and `semfs measure`: processes that decode, look at files, or
//! measure a model, started by another semfs.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

/// Decodes.
pub(crate) fn run() -> ExitCode {
    serve(semfs_daemon::serve_worker)
}

/// Looks at files.
pub(crate) fn run_scout() -> ExitCode {
    serve(semfs_daemon::serve_scout)
}

/// Measures a model, whose process this is.
pub(crate) fn measure(runtime: &Path, model: &Path) -> ExitCode {
    match semfs_daemon::models::measure(runtime, model) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done about a standard error that is closed.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("semfs: {error}\n"));
            ExitCode::FAILURE
        }
    }
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
