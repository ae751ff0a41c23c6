//! The second stage: opens files, has them read, named and decoded by a worker.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crossbeam_channel::{Receiver, Sender};
use nix::fcntl::OFlag;

use super::in_flight::Claim;
use super::{Candidate, Change, IngestError, Pass, Picture, worker};
use crate::catalog::{FileKey, Finding, Stamp};
use crate::media::Decoded;
use crate::problem::{Problem, ProblemKind};
use crate::worker::{ContentHash, Worker, WorkerError};

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
        let sent = match take_in(pass, &mut worker, candidate) {
            Ok(Outcome::Picture(picture)) => pictures.send(picture).is_ok(),
            Ok(Outcome::Changes(outcome)) => outcome
                .into_iter()
                .all(|change| changes.send(change).is_ok()),
            Err(error) => return pass.fail(error),
        };
        if !sent {
            // The next stage has ended; this one has nobody to work for.
            return;
        }
    }
}

/// What came of a file.
enum Outcome {
    /// A new content, to be embedded.
    Picture(Picture),
    /// Anything else; nothing, if it waits for another file of the same content.
    Changes(Vec<Change>),
}

/// Takes one file as far as this stage does.
fn take_in(
    pass: &Pass<'_>,
    worker: &mut Worker,
    candidate: Candidate,
) -> Result<Outcome, IngestError> {
    let Candidate {
        file,
        path,
        stamp,
        root,
    } = candidate;
    let (opened, stamp) = match open(&path, root.stable_inodes) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            pass.progress.unsettled();
            let gone = root.is_there().then_some(Change::Gone(file));
            return Ok(Outcome::Changes(gone.into_iter().collect()));
        }
        Err(error) => {
            let problem = Problem::new(ProblemKind::Unreadable, error.to_string());
            return failed(pass, file, stamp, problem);
        }
    };
    let hash = match read_content(worker, &opened) {
        Ok(hash) => hash,
        Err(WorkerError::Problem(problem)) => return failed(pass, file, stamp, problem),
        Err(error) => return Err(error.into()),
    };
    if let Some(problem) = changed_meanwhile(&opened, stamp, root.stable_inodes) {
        pass.progress.unsettled();
        return failed(pass, file, stamp, problem);
    }
    match pass
        .in_flight
        .claim(pass.index.catalog(), &hash, &file, stamp)?
    {
        Claim::Waits => Ok(Outcome::Changes(Vec::new())),
        Claim::Known => Ok(Outcome::Changes(vec![Change::Known(file, stamp, hash)])),
        Claim::Decode => match decode_content(worker, &opened, hash) {
            Ok(decoded) => Ok(Outcome::Picture(Picture {
                file,
                stamp,
                hash,
                decoded,
            })),
            Err(WorkerError::Problem(problem)) => {
                let problems = content_failed(pass, (file, stamp), &hash, &problem);
                Ok(Outcome::Changes(problems))
            }
            Err(error) => Err(error.into()),
        },
    }
}

/// Reads and names a content. A worker that ended on the way may have been ended by
/// somebody else, for want of memory perhaps, so another one gets to try.
fn read_content(worker: &mut Worker, file: &File) -> Result<ContentHash, WorkerError> {
    match worker.read(file) {
        Err(WorkerError::Problem(problem)) if problem.kind == ProblemKind::Crashed => {
            worker.read(file)
        }
        content => content,
    }
}

/// Decodes the content that `worker` has just read; in another worker if this one ends.
fn decode_content(
    worker: &mut Worker,
    file: &File,
    hash: ContentHash,
) -> Result<Decoded, WorkerError> {
    match worker.decode() {
        Err(WorkerError::Problem(problem)) if problem.kind == ProblemKind::Crashed => {
            if worker.read(file)? != hash {
                return Err(Problem::new(ProblemKind::Changing, CHANGED).into());
            }
            worker.decode()
        }
        decoded => decoded,
    }
}

/// A file failed. Where it is a photo whose disk does not answer, it stays one.
fn failed(
    pass: &Pass<'_>,
    file: FileKey,
    stamp: Stamp,
    problem: Problem,
) -> Result<Outcome, IngestError> {
    if problem.is_transient() {
        let record = pass.index.catalog().file(&file)?;
        if record.is_some_and(|record| matches!(record.finding, Finding::Photo(_))) {
            let path = pass.index.absolute(&file);
            tracing::warn!(file = %path.display(), %problem, "a photo cannot be read; it is kept");
            return Ok(Outcome::Changes(Vec::new()));
        }
    }
    Ok(Outcome::Changes(vec![Change::Problem(
        file, stamp, problem,
    )]))
}

/// A content failed: so has every file that holds it.
pub(super) fn content_failed(
    pass: &Pass<'_>,
    first: (FileKey, Stamp),
    hash: &ContentHash,
    problem: &Problem,
) -> Vec<Change> {
    let waiting = pass.in_flight.finish(hash);
    let files = std::iter::once(first).chain(waiting);
    files
        .map(|(file, stamp)| Change::Problem(file, stamp, problem.clone()))
        .collect()
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

const CHANGED: &str = "it changed while it was read; it will be read again";

/// A file that somebody writes to while we read has no content yet.
fn changed_meanwhile(file: &File, before: Stamp, stable_inodes: bool) -> Option<Problem> {
    let after = file
        .metadata()
        .map(|metadata| Stamp::of(&metadata, stable_inodes));
    match after {
        Ok(after) if after == before => None,
        Ok(_) => Some(Problem::new(ProblemKind::Changing, CHANGED)),
        Err(error) => Some(Problem::new(ProblemKind::Unreadable, error.to_string())),
    }
}
