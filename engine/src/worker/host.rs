//! The host's end: starts a worker, hands it files, sets deadlines, replaces it.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use super::protocol::{Answer, ContentHash, DECODE, READ, Setup, read_frame, write_frame};
use crate::media::{Decoded, Target};
use crate::problem::{Problem, ProblemKind};

/// How workers are started and bounded.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The program to start; it must call [`super::serve`] on its standard input.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Address space of one worker, in bytes.
    pub memory: u64,
    /// Files with more bytes than this become a problem.
    pub file_size: u64,
    /// Deadline of reading a file, and again of decoding it.
    pub deadline: Duration,
}

/// One worker process, started on first use and replaced when it dies.
#[derive(Debug)]
pub struct Worker {
    settings: WorkerSettings,
    setup: Setup,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    socket: UnixStream,
}

/// A file that the worker has read and named, and may now decode.
#[derive(Debug)]
pub struct Content<'a> {
    worker: &'a mut Worker,
    hash: ContentHash,
}

impl Worker {
    /// Describes a worker that decodes to `size` and `fit`; nothing is started yet.
    #[must_use]
    pub fn new(settings: WorkerSettings, size: u32, fit: crate::media::Fit) -> Self {
        let setup = Setup {
            target: Target {
                size,
                fit,
                // The file itself and the decoder's own tables need room as well.
                memory: settings.memory / 2,
            },
            file_size: settings.file_size.min(settings.memory / 3),
            address_space: settings.memory,
        };
        Self {
            settings,
            setup,
            running: None,
        }
    }

    /// Has the worker read `file` from its current position and name its content.
    ///
    /// # Errors
    /// The [`Problem`] that this file is: unreadable, too large, or the end of a worker.
    pub fn read(&mut self, file: &File) -> Result<Content<'_>, Problem> {
        match self.ask("reading", |socket| send_file(socket, file))? {
            Answer::Read(hash) => Ok(Content { worker: self, hash }),
            Answer::Problem(problem) => Err(problem),
            Answer::Decoded(_) => Err(self.out_of_step()),
        }
    }

    fn decode(&mut self) -> Result<Decoded, Problem> {
        match self.ask("decoding", |mut socket| socket.write_all(&[DECODE]))? {
            Answer::Decoded(decoded) => Ok(decoded),
            Answer::Problem(problem) => Err(problem),
            Answer::Read(_) => Err(self.out_of_step()),
        }
    }

    /// Sends one request and waits for its answer until the deadline. A worker that
    /// fails here is gone afterwards, and the next request starts another.
    fn ask(
        &mut self,
        step: &str,
        send: impl FnOnce(&UnixStream) -> io::Result<()>,
    ) -> Result<Answer, Problem> {
        let running = match &mut self.running {
            Some(running) => running,
            none => none.insert(start(&self.settings, &self.setup).map_err(|error| {
                let program = self.settings.program.display();
                let reason = format!("no worker could be started from {program}: {error}");
                // Not the file's fault: look again on the next pass.
                Problem::new(ProblemKind::Unreadable, reason)
            })?),
        };
        let answer = send(&running.socket).and_then(|()| read_frame(&mut running.socket));
        answer.map_err(|error| self.post_mortem(step, &error))
    }

    /// Ends the worker that failed and says what that means for the file.
    fn post_mortem(&mut self, step: &str, error: &io::Error) -> Problem {
        let status = self.running.take().and_then(|mut running| {
            if is_timeout(error) {
                let _ = running.process.kill();
            }
            // Closing our end first: a worker that is alive then sees the end as well.
            drop(running.socket);
            running.process.wait().ok()
        });
        if is_timeout(error) {
            let seconds = self.settings.deadline.as_secs();
            let reason = format!("{step} it took longer than {seconds} s (limits.file_seconds)");
            return Problem::new(ProblemKind::TimedOut, reason);
        }
        let end = status.map_or_else(|| error.to_string(), |status| status.to_string());
        let memory = self.settings.memory >> 20;
        let reason = format!(
            "{step} it ended the worker ({end}); it may need more than {memory} MiB \
             (limits.worker_mib)"
        );
        Problem::new(ProblemKind::Crashed, reason)
    }

    fn out_of_step(&mut self) -> Problem {
        self.stop();
        Problem::new(ProblemKind::Crashed, "the worker answered another question")
    }

    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.process.kill();
            let _ = running.process.wait();
        }
    }

    /// The worker's process number, while one is running.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.process.id())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Content<'_> {
    /// The content's name.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Decodes exactly the bytes that were named.
    ///
    /// # Errors
    /// The [`Problem`] that this content is.
    pub fn decode(self) -> Result<Decoded, Problem> {
        self.worker.decode()
    }
}

fn start(settings: &WorkerSettings, setup: &Setup) -> io::Result<Running> {
    let (mut socket, theirs) = UnixStream::pair()?;
    let mut process = Command::new(&settings.program)
        .args(&settings.arguments)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    socket.set_read_timeout(Some(settings.deadline))?;
    socket.set_write_timeout(Some(settings.deadline))?;
    if let Err(error) = write_frame(&mut socket, setup) {
        let _ = process.kill();
        let _ = process.wait();
        return Err(error);
    }
    Ok(Running { process, socket })
}

fn send_file(socket: &UnixStream, file: &File) -> io::Result<()> {
    sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(&[READ])],
        &[ControlMessage::ScmRights(&[file.as_raw_fd()])],
        MsgFlags::MSG_NOSIGNAL,
        None,
    )?;
    Ok(())
}

/// A socket whose deadline has passed reports one of these two.
fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
