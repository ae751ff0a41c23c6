//! The second stage: opens files, has them read, named and decoded by a worker.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crossbeam_channel::{Receiver, SendError, Sender};
use nix::fcntl::OFlag;

use super::in_flight::Claim;
use super::{Candidate, Change, IngestError, Pass, Picture, worker};
use crate::catalog::{FileKey, Stamp};
use crate::problem::{Problem, ProblemKind};
use crate::worker::Worker;

/// One thread with one worker process, until the walk is done.
pub(super) fn read(
    pass: &Pass<'_>,
    candidates: &Receiver<Candidate>,
    pictures: &Sender<Picture>,
    changes: &Sender<Change>,
) {
    let mut worker = worker(pass);
    for candidate in candidates {
        if pass.is_over() {
            return;
        }
        match take_in(pass, &mut worker, candidate, pictures, changes) {
            Ok(Ok(())) => {}
            // The next stage has ended; this one has nobody to work for.
            Ok(Err(HungUp)) => return,
            Err(error) => return pass.fail(error),
        }
    }
}

struct HungUp;

impl<T> From<SendError<T>> for HungUp {
    fn from(_: SendError<T>) -> Self {
        Self
    }
}

/// Takes one file as far as this stage does, and sends what came of it.
fn take_in(
    pass: &Pass<'_>,
    worker: &mut Worker,
    candidate: Candidate,
    pictures: &Sender<Picture>,
    changes: &Sender<Change>,
) -> Result<Result<(), HungUp>, IngestError> {
    let Candidate {
        file,
        path,
        stamp,
        stable_inodes,
    } = candidate;
    let (opened, stamp) = match open(&path, stable_inodes) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(send(changes, Change::Gone(file)));
        }
        Err(error) => {
            let problem = Problem::new(ProblemKind::Unreadable, error.to_string());
            return Ok(send(changes, Change::Problem(file, stamp, problem)));
        }
    };
    let content = match worker.read(&opened) {
        Ok(content) => content,
        Err(problem) => return Ok(send(changes, Change::Problem(file, stamp, problem))),
    };
    if let Some(problem) = changed_meanwhile(&opened, stamp, stable_inodes) {
        return Ok(send(changes, Change::Problem(file, stamp, problem)));
    }
    let hash = content.hash();
    match pass
        .in_flight
        .claim(pass.index.catalog(), &hash, &file, stamp)?
    {
        Claim::Waits => Ok(Ok(())),
        Claim::Known => Ok(send(changes, Change::Known(file, stamp, hash))),
        Claim::Decode => match content.decode() {
            Ok(decoded) => {
                let picture = Picture {
                    file,
                    stamp,
                    hash,
                    decoded,
                };
                Ok(pictures.send(picture).map_err(HungUp::from))
            }
            Err(problem) => Ok(send_problem(pass, changes, (file, stamp), &hash, &problem)),
        },
    }
}

/// A content failed: so has every file that holds it.
pub(super) fn send_all_problem(
    pass: &Pass<'_>,
    changes: &Sender<Change>,
    first: (FileKey, Stamp),
    hash: &crate::worker::ContentHash,
    problem: &Problem,
) -> bool {
    send_problem(pass, changes, first, hash, problem).is_ok()
}

fn send_problem(
    pass: &Pass<'_>,
    changes: &Sender<Change>,
    first: (FileKey, Stamp),
    hash: &crate::worker::ContentHash,
    problem: &Problem,
) -> Result<(), HungUp> {
    let waiting = pass.in_flight.finish(hash);
    for (file, stamp) in std::iter::once(first).chain(waiting) {
        send(changes, Change::Problem(file, stamp, problem.clone()))?;
    }
    Ok(())
}

fn send(changes: &Sender<Change>, change: Change) -> Result<(), HungUp> {
    changes.send(change).map_err(HungUp::from)
}

/// Opens a picture for reading, and takes its stamp. Never waits for a pipe, never
/// follows a link, and leaves the time of last access alone where it may.
fn open(path: &Path, stable_inodes: bool) -> io::Result<(File, Stamp)> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let open = |flags: OFlag| {
        OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(path)
    };
    let file = match open(flags | OFlag::O_NOATIME) {
        // Only the owner of a file may ask for this.
        Err(error) if error.raw_os_error() == Some(nix::libc::EPERM) => open(flags)?,
        other => other?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no longer a regular file"));
    }
    Ok((file, Stamp::of(&metadata, stable_inodes)))
}

/// A file that somebody writes to while we read has no content yet.
fn changed_meanwhile(file: &File, before: Stamp, stable_inodes: bool) -> Option<Problem> {
    let after = file
        .metadata()
        .map(|metadata| Stamp::of(&metadata, stable_inodes));
    match after {
        Ok(after) if after == before => None,
        Ok(_) => Some(Problem::new(
            ProblemKind::Changing,
            "it changed while it was read; it will be read again",
        )),
        Err(error) => Some(Problem::new(ProblemKind::Unreadable, error.to_string())),
    }
}
