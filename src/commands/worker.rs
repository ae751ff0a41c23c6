//! `semfs worker`, `semfs scout` and `semfs measure`: processes that decode, look at files, or
//! measure a model, started by another semfs.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Decodes.
pub(crate) fn run() -> ExitCode {
    serve(semfs_daemon::serve_worker)
}

/// Looks at files.
pub(crate) fn run_scout() -> ExitCode {
    serve(semfs_daemon::serve_scout)
}

/// Measures a model with the photos whose paths stand in the standard input, each followed by a
/// zero byte, and prints what was found as JSON.
pub(crate) fn measure(runtime: &Path, model: &Path) -> ExitCode {
    match try_to_measure(runtime, model) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done about a standard error that is closed.
            let _ = writeln!(io::stderr(), "semfs: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_to_measure(runtime: &Path, model: &Path) -> anyhow::Result<()> {
    let mut list = Vec::new();
    io::stdin().lock().read_to_end(&mut list)?;
    let paths = list
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty());
    let paths: Vec<_> = paths
        .map(|path| PathBuf::from(OsStr::from_bytes(path)))
        .collect();
    let measured = semfs_daemon::models::measure(runtime, model, &paths)?;
    Ok(serde_json::to_writer(io::stdout().lock(), &measured)?)
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
