//! The host's end: starts a scout, asks it, sets deadlines, leaves it behind.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::conversation::{Said, greet, hear, is_timeout, receive_descriptor};
use super::dying;
use super::error::{Action, ScoutError};
use super::protocol::{Answer, Identity, Kind, Request, Seen};
use crate::catalog::Stamp;

/// Scouts that may be stuck at one place. Past this no other is sent there: a dead server
/// would fill the process table.
const MOST_STUCK: usize = 8;

/// How scouts are started and bounded.
#[derive(Debug, Clone)]
pub struct ScoutSettings {
    /// The program to start; it must call [`super::serve`] on its standard input.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Deadline of an answer, or of the next part of a longer one. At least a millisecond.
    pub deadline: Duration,
}

/// One scout process, started on first use and replaced when it ends or is left behind.
#[derive(Debug)]
pub struct Scout {
    settings: ScoutSettings,
    number: u64,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    socket: UnixStream,
    /// What it was asked last.
    path: PathBuf,
}

impl Scout {
    /// Describes a scout; nothing is started yet.
    #[must_use]
    pub fn new(settings: ScoutSettings) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Self {
            settings,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            running: None,
        }
    }

    /// The path without links, `.` and `..`, from the root of the machine on.
    ///
    /// # Errors
    /// [`ScoutError::Io`] where it does not exist, and those of every request: `Silent`,
    /// `Unusable`, `Ended`.
    pub fn resolve(&mut self, path: &Path) -> Result<PathBuf, ScoutError> {
        let request = Request::Resolve(path.into());
        self.ask(Action::Resolve, path, |socket| {
            let path = hear(socket, &request, |answer| match answer {
                Answer::Resolved(path) => Some(path),
                _ => None,
            })?;
            Ok(path.map(PathBuf::from))
        })
    }

    /// Which folder it is, and whether there is anything in it. Follows links.
    ///
    /// # Errors
    /// [`ScoutError::Io`] where it cannot be listed, and those of every request.
    pub fn identity(&mut self, folder: &Path) -> Result<Identity, ScoutError> {
        let request = Request::Identify(folder.into());
        self.ask(Action::Identify, folder, |socket| {
            hear(socket, &request, |answer| match answer {
                Answer::Identified(identity) => Some(identity),
                _ => None,
            })
        })
    }

    /// All entries of a folder but `.` and `..`, in the order of the filesystem. The stamps
    /// of regular files are asked for where the name ends in one of the `wanted`
    /// extensions, which are in lower case and without their dot.
    ///
    /// # Errors
    /// [`ScoutError::Io`] where the folder could not be listed whole, and those of every
    /// request.
    pub fn list(&mut self, folder: &Path, wanted: &[String]) -> Result<Vec<Seen>, ScoutError> {
        let request = Request::List {
            folder: folder.into(),
            wanted: wanted.to_vec(),
        };
        self.ask(Action::List, folder, |socket| {
            let mut entries = Vec::new();
            let listed = hear(socket, &request, |answer| match answer {
                Answer::Part(part) => {
                    entries.extend(part);
                    None
                }
                Answer::Listed => Some(()),
                _ => None,
            })?;
            Ok(listed.map(|()| entries))
        })
    }

    /// What a name stands for, and its state. Follows no link.
    ///
    /// # Errors
    /// [`ScoutError::Io`] where it does not exist, and those of every request.
    pub fn stamp(&mut self, path: &Path) -> Result<(Kind, Stamp), ScoutError> {
        let request = Request::Stamp(path.into());
        self.ask(Action::Stamp, path, |socket| {
            hear(socket, &request, |answer| match answer {
                Answer::Stamped(kind, stamp) => Some((kind, stamp)),
                _ => None,
            })
        })
    }

    /// A copy of the bytes of a regular file of at most `most` bytes, and its stamp at the
    /// time. The descriptor is a sealed `memfd` with its offset at 0, as long as the stamp
    /// says; nothing of the filesystem is open in this process. Follows no link.
    ///
    /// # Errors
    /// [`ScoutError::Io`] where it cannot be opened or read, `NotAFile`, `TooLarge`,
    /// `Changed` where it was written to meanwhile, and those of every request.
    pub fn read(&mut self, path: &Path, most: u64) -> Result<(OwnedFd, Stamp), ScoutError> {
        let file = path.into();
        let request = Request::Read { file, most };
        self.ask(Action::Read, path, |socket| {
            let stamp = hear(socket, &request, |answer| match answer {
                Answer::Copied(stamp) => Some(stamp),
                _ => None,
            })?;
            match stamp {
                Ok(stamp) => Ok(Ok((receive_descriptor(socket)?, stamp))),
                Err(refusal) => Ok(Err(refusal)),
            }
        })
    }

    /// The scout's process number, while one is running.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.process.id())
    }

    /// Has one conversation with the scout. One that fails in it is gone afterwards, and
    /// the next request starts another.
    fn ask<T>(
        &mut self,
        action: Action,
        path: &Path,
        conversation: impl Fn(&mut UnixStream) -> Said<T>,
    ) -> Result<T, ScoutError> {
        loop {
            let (mut running, fresh) = match self.running.take() {
                Some(running) => (running, false),
                None => (self.start(action, path)?, true),
            };
            path.clone_into(&mut running.path);
            let error = match conversation(&mut running.socket) {
                Ok(said) => {
                    self.running = Some(running);
                    return said.map_err(|refusal| refusal.into_error(action, path));
                }
                Err(error) => error,
            };
            let status = running.end(self.number);
            if is_timeout(&error) {
                return Err(ScoutError::Silent {
                    action,
                    path: path.to_owned(),
                    seconds: self.settings.deadline.as_secs(),
                    stuck: dying::stuck_at(self.number, path),
                });
            }
            // One that has waited for long may have been ended from outside: by the
            // kernel, for its memory, or because the thread that started it has ended.
            if fresh {
                return Err(ScoutError::Ended {
                    action,
                    path: path.to_owned(),
                    reason: status.map_or_else(|| error.to_string(), |status| status.to_string()),
                });
            }
        }
    }

    fn start(&self, action: Action, path: &Path) -> Result<Running, ScoutError> {
        let stuck = dying::stuck_at(self.number, path);
        if stuck >= MOST_STUCK {
            return Err(ScoutError::Silent {
                action,
                path: path.to_owned(),
                seconds: 0,
                stuck,
            });
        }
        let unusable = |reason: String| ScoutError::Unusable {
            program: self.settings.program.clone(),
            reason,
        };
        let deadline = self.settings.deadline;
        let mut running = spawn(&self.settings).map_err(|error| unusable(error.to_string()))?;
        match greet(&mut running.socket, deadline) {
            Ok(Answer::Ready) => Ok(running),
            Ok(_) => {
                running.end(self.number);
                Err(unusable("it is another version of semfs".to_owned()))
            }
            Err(error) => {
                let status = running.end(self.number);
                let status = status.map_or_else(String::new, |status| format!(" ({status})"));
                Err(unusable(format!(
                    "it ended before it was ready{status}: {error}"
                )))
            }
        }
    }
}

impl Drop for Scout {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end(self.number);
        }
    }
}

impl Running {
    /// Kills the process. Its status, if it ended at once.
    fn end(self, scout: u64) -> Option<ExitStatus> {
        dying::end(self.process, scout, &self.path)
    }
}

fn spawn(settings: &ScoutSettings) -> io::Result<Running> {
    let (socket, theirs) = UnixStream::pair()?;
    let process = Command::new(&settings.program)
        .args(&settings.arguments)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Running {
        process,
        socket,
        path: PathBuf::from("/"),
    })
}
