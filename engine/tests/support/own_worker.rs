//! A worker process that is the test program itself.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use semfs_engine::media::Preparation;
use semfs_engine::worker::{Worker, WorkerSettings, serve};

/// What [`own_worker`] starts this program with: this test alone. It passes where it is run like
/// any other, without a socket to serve.
#[test]
fn serve_as_a_worker() {
    let stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    if stdin.metadata().unwrap().file_type().is_socket() {
        let _ = serve(UnixStream::from(OwnedFd::from(stdin)));
    }
}

/// A worker that prepares pictures so, and has so long for each answer.
pub fn own_worker(preparation: Preparation, deadline: Duration) -> Worker {
    let settings = WorkerSettings {
        program: std::env::current_exe().unwrap(),
        arguments: [
            "--exact",
            "own_worker::serve_as_a_worker",
            "--test-threads=1",
        ]
        .map(str::to_owned)
        .to_vec(),
        memory: 1 << 30,
        file_size: 256 << 20,
        deadline,
    };
    Worker::new(settings, preparation)
}
