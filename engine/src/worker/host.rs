//! The host's end: starts a worker, hands it files, sets deadlines, replaces it.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use super::protocol::{
    Answer, ContentHash, DESCRIBE, EXAMINE, Examined, READ, SIDECAR, SQUARE, Setup,
};
use crate::frame::{read_frame, write_frame};
use crate::media::{self, Decoded, Format, Preparation, Target};
use crate::metadata::Metadata;
use crate::problem::{Problem, ProblemKind};

/// Workers that may end before they are ready until none can be had.
const STARTS: usize = 3;

/// Seconds beyond its deadline after which a worker ends by itself: its host is no more.
const PATIENCE: u32 = 10;

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

/// Why a worker gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It is the file's fault.
    #[error("{0}")]
    Problem(Problem),
    /// No worker can be had, whatever the file.
    #[error("no worker process can be started from {}: {reason}", program.display())]
    Unusable {
        /// The program that was started.
        program: PathBuf,
        /// What happened.
        reason: String,
    },
}

impl From<Problem> for WorkerError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl WorkerSettings {
    /// A number for everything beside the bytes that decides whether they become a photo:
    /// limits, what this version can decode, and which decoders are installed. Where it is
    /// another, a problem deserves another look. It takes some milliseconds.
    #[must_use]
    pub fn conditions(&self) -> u64 {
        let Self {
            memory,
            file_size,
            deadline,
            ..
        } = self;
        let mut hasher = blake3::Hasher::new();
        for number in [
            *memory,
            *file_size,
            deadline.as_secs(),
            u64::from(media::VERSION),
            media::capabilities(),
        ] {
            hasher.update(&number.to_le_bytes());
        }
        let mut bytes = [0; 8];
        hasher.finalize_xof().fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
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

/// What a worker is doing.
#[derive(Debug, Clone, Copy)]
enum Step {
    Reading,
    Decoding,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reading => "reading",
            Self::Decoding => "decoding",
        })
    }
}

impl Worker {
    /// Describes a worker that prepares pictures so; nothing is started yet.
    #[must_use]
    pub fn new(settings: WorkerSettings, preparation: Preparation) -> Self {
        let setup = Setup {
            target: Target {
                preparation,
                // The file itself and the decoder's own tables need room as well.
                memory: settings.memory / 2,
            },
            file_size: settings.file_size.min(settings.memory / 3),
            address_space: settings.memory,
            seconds: u32::try_from(settings.deadline.as_secs())
                .unwrap_or(u32::MAX / 2)
                .saturating_add(PATIENCE),
        };
        Self {
            settings,
            setup,
            running: None,
        }
    }

    /// Has the worker read all of `file` and name its content.
    ///
    /// # Errors
    /// The [`Problem`] that this file is: unreadable, too large, or the end of a worker.
    /// Or no worker can be had.
    pub fn read(&mut self, mut file: &File) -> Result<ContentHash, WorkerError> {
        file.rewind()
            .map_err(|error| Problem::new(ProblemKind::Unreadable, error.to_string()))?;
        match self.ask(Step::Reading, |socket| send_file(socket, file))? {
            Answer::Read(hash) => Ok(hash),
            Answer::Problem(problem) => Err(problem.into()),
            _ => Err(self.out_of_step().into()),
        }
    }

    /// Decodes exactly the bytes that were read last, and reads their metadata.
    ///
    /// # Errors
    /// The [`Problem`] that this content is, or no worker can be had.
    pub fn examine(&mut self) -> Result<Examined, WorkerError> {
        match self.command(EXAMINE)? {
            Answer::Examined(examined) => Ok(*examined),
            Answer::Problem(problem) => Err(problem.into()),
            _ => Err(self.out_of_step().into()),
        }
    }

    /// Decodes exactly the bytes that were read last to a square that
    /// [`crate::duplicates::Picture`] takes.
    ///
    /// # Errors
    /// The [`Problem`] that this content is, or no worker can be had.
    pub fn square(&mut self) -> Result<Decoded, WorkerError> {
        match self.command(SQUARE)? {
            Answer::Square(decoded) => Ok(*decoded),
            Answer::Problem(problem) => Err(problem.into()),
            _ => Err(self.out_of_step().into()),
        }
    }

    /// Reads only the format and the metadata of the bytes that were read last.
    ///
    /// # Errors
    /// The [`Problem`] that this content is, or no worker can be had.
    pub fn describe(&mut self) -> Result<(Option<Format>, Metadata), WorkerError> {
        self.description(DESCRIBE)
    }

    /// Reads what the bytes that were read last say as a sidecar.
    ///
    /// # Errors
    /// The [`Problem`] that this content is, or no worker can be had.
    pub fn read_sidecar(&mut self) -> Result<Metadata, WorkerError> {
        self.description(SIDECAR).map(|(_, metadata)| metadata)
    }

    fn description(&mut self, command: u8) -> Result<(Option<Format>, Metadata), WorkerError> {
        match self.command(command)? {
            Answer::Described(format, metadata) => Ok((format, *metadata)),
            Answer::Problem(problem) => Err(problem.into()),
            _ => Err(self.out_of_step().into()),
        }
    }

    fn command(&mut self, command: u8) -> Result<Answer, WorkerError> {
        self.ask(Step::Decoding, |mut socket| socket.write_all(&[command]))
    }

    /// Sends one request and waits for its answer until the deadline. A worker that
    /// fails here is gone afterwards, and the next request starts another.
    fn ask(
        &mut self,
        step: Step,
        send: impl FnOnce(&UnixStream) -> io::Result<()>,
    ) -> Result<Answer, WorkerError> {
        let running = match &mut self.running {
            Some(running) => running,
            none => none.insert(start_patiently(&self.settings, &self.setup)?),
        };
        let answer = send(&running.socket).and_then(|()| read_frame(&mut running.socket));
        answer.map_err(|error| self.post_mortem(step, &error).into())
    }

    /// Ends the worker that failed and says what that means for the file.
    fn post_mortem(&mut self, step: Step, error: &io::Error) -> Problem {
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
            // A disk that hangs is not the fault of the file.
            let kind = match step {
                Step::Reading => ProblemKind::Unreadable,
                Step::Decoding => ProblemKind::TimedOut,
            };
            return Problem::new(kind, reason);
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
            running.end();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a worker; one that is killed before it is ready has successors.
fn start_patiently(settings: &WorkerSettings, setup: &Setup) -> Result<Running, WorkerError> {
    let mut started = start(settings, setup);
    for _ in 1..STARTS {
        if started.is_ok() {
            break;
        }
        started = start(settings, setup);
    }
    started
}

/// Starts a worker and waits until it is ready. One that cannot be started, or ends before
/// it has seen a file, is no file's fault.
fn start(settings: &WorkerSettings, setup: &Setup) -> Result<Running, WorkerError> {
    let unusable = |reason: String| WorkerError::Unusable {
        program: settings.program.clone(),
        reason,
    };
    let (process, mut socket) = spawn(settings).map_err(|error| unusable(error.to_string()))?;
    let ready = write_frame(&mut socket, setup).and_then(|()| read_frame(&mut socket));
    let mut running = Running { process, socket };
    match ready {
        Ok(Answer::Ready) => Ok(running),
        Ok(_) => {
            running.end();
            Err(unusable("it is another version of semfs".to_owned()))
        }
        Err(error) => {
            let status = running.end();
            let status = status.map_or_else(String::new, |status| format!(" ({status})"));
            Err(unusable(format!(
                "it ended before it was ready{status}: {error}"
            )))
        }
    }
}

fn spawn(settings: &WorkerSettings) -> io::Result<(Child, UnixStream)> {
    let (socket, theirs) = UnixStream::pair()?;
    socket.set_read_timeout(Some(settings.deadline))?;
    socket.set_write_timeout(Some(settings.deadline))?;
    let process = Command::new(&settings.program)
        .args(&settings.arguments)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok((process, socket))
}

impl Running {
    /// Ends the process, and waits for it. Its status, if it could be had.
    fn end(&mut self) -> Option<ExitStatus> {
        // Ended by itself, perhaps: then there is nobody to kill.
        let _ = self.process.kill();
        self.process.wait().ok()
    }
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
