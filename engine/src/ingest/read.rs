//! The second stage: opens files, has them read, named and examined by a worker.

use std::fs::File;
use std::io;

use crossbeam_channel::{Receiver, Sender};

use super::in_flight::Claim;
use super::root::{Root, Unopened};
use super::video::with_still;
use super::writing::{Writers, rests, writers};
use super::{Candidate, Change, Embedding, Equipment, IngestError, NewContent, Pass, Picture};
use std::path::Path;
use std::sync::Arc;

use crate::catalog::{
    FileKey, FileRecord, Finding, FingerprintRecord, Knowledge, Stamp, is_sidecar_name,
};
use crate::media::Format;
use crate::metadata::Metadata;
use crate::problem::{Problem, ProblemKind};
use crate::worker::{ContentHash, Examined, Worker, WorkerError};

/// One thread, until the walk is done.
pub(super) fn read(
    pass: &Pass<'_>,
    candidates: &Receiver<Candidate>,
    pictures: &Sender<Picture>,
    changes: &Sender<Change>,
) {
    for candidate in candidates {
        if pass.is_over() {
            return;
        }
        let sent = match take_in(pass, candidate) {
            Ok(Outcome::Picture(picture)) => pictures.send(*picture).is_ok(),
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
    Picture(Box<Picture>),
    /// Anything else; nothing, if it waits for another file of the same content.
    Changes(Vec<Change>),
}

/// Takes one file as far as this stage does.
fn take_in(pass: &Pass<'_>, candidate: Candidate) -> Result<Outcome, IngestError> {
    // A file that was moved is known by its inode, size and time, and is not even opened.
    let Candidate { file, stamp, .. } = &candidate;
    let catalog = pass.index.catalog();
    if !is_sidecar(file)
        && let Some(hash) = catalog.content_of_stamp(file.root, *stamp)?
        && catalog.is_current(&hash, pass.conditions)?
    {
        let Candidate { file, stamp, .. } = candidate;
        return Ok(Outcome::Changes(vec![Change::Known(file, stamp, hash)]));
    }
    let Candidate {
        file,
        path,
        stamp,
        written,
        root,
    } = candidate;
    // A copy over a network is not begun while somebody may be writing.
    let seems_complete = |stamp| written || rests(stamp, pass.settings.rest);
    let is_remote = !root.is_local();
    if is_remote && !seems_complete(stamp) {
        pass.unsettled(file);
        return Ok(Outcome::Changes(Vec::new()));
    }
    let (opened, stamp) = match root.open(pass.ingest, &path) {
        Ok(opened) => opened,
        Err(Unopened::Changing) => {
            pass.unsettled(file);
            return Ok(Outcome::Changes(Vec::new()));
        }
        Err(Unopened::TooLarge) => {
            let problem = Problem::too_large(pass.settings.worker.file_size);
            return failed(pass, file, stamp, problem);
        }
        // Gone since; or somebody holds a lease on it, and is about to write.
        Err(Unopened::Io(error))
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::WouldBlock
            ) =>
        {
            pass.unsettled(file);
            return Ok(Outcome::Changes(Vec::new()));
        }
        // The disk is gone, not the photo.
        Err(Unopened::Io(_)) if !root.is_there(pass.ingest) => {
            return Ok(Outcome::Changes(Vec::new()));
        }
        Err(Unopened::Io(error)) => {
            let problem = Problem::new(ProblemKind::Unreadable, error.to_string());
            return failed(pass, file, stamp, problem);
        }
    };
    // A copy is complete, or the copying would have failed.
    let is_complete = is_remote
        || match writers(&opened) {
            Writers::None => true,
            Writers::Some => false,
            Writers::Unknown => seems_complete(stamp),
        };
    if !is_complete {
        pass.unsettled(file);
        return Ok(Outcome::Changes(Vec::new()));
    }
    let equipment = pass.ingest.equipment();
    equipment.tools(pass.task.bulk).with_worker(
        || Ok(equipment.worker(pass.settings)),
        |worker| read_and_examine(pass, &equipment, worker, &root, (file, stamp), &opened),
    )
}

/// Has an open file read, named, and examined as far as its content is not known.
fn read_and_examine(
    pass: &Pass<'_>,
    equipment: &Arc<Equipment>,
    worker: &mut Worker,
    root: &Root,
    (file, stamp): (FileKey, Stamp),
    opened: &File,
) -> Result<Outcome, IngestError> {
    let hash = match read_content(worker, opened) {
        Ok(hash) => hash,
        Err(WorkerError::Problem(problem)) => return failed(pass, file, stamp, problem),
        Err(error) => return Err(error.into()),
    };
    if root.is_local()
        && let Some(problem) = changed_meanwhile(opened, stamp, root.stable_inodes)
    {
        pass.unsettled(file.clone());
        return failed(pass, file, stamp, problem);
    }
    if is_sidecar(&file) {
        return Ok(
            match again_if_it_ends(worker, opened, hash, Worker::read_sidecar) {
                Ok(metadata) => {
                    Outcome::Changes(vec![Change::Sidecar(file, stamp, Box::new(metadata))])
                }
                Err(WorkerError::Problem(problem)) => failed(pass, file, stamp, problem)?,
                Err(error) => return Err(error.into()),
            },
        );
    }
    let (catalog, conditions) = (pass.index.catalog(), pass.conditions);
    let claim = pass
        .in_flight()
        .claim(pass.number, catalog, conditions, &hash, &file, stamp)?;
    match claim {
        Claim::Waits => Ok(Outcome::Changes(Vec::new())),
        Claim::Known => Ok(Outcome::Changes(vec![Change::Known(file, stamp, hash)])),
        Claim::Decode => examine(pass, equipment, worker, (file, stamp), opened, hash),
        Claim::Describe => match again_if_it_ends(worker, opened, hash, Worker::describe) {
            // An older version took a RAW for the small picture that is in it.
            Ok((Some(format), _)) if is_other(pass, &hash, format)? => {
                examine(pass, equipment, worker, (file, stamp), opened, hash)
            }
            Ok((_, metadata)) => Ok(described(file, stamp, hash, metadata)),
            Err(WorkerError::Problem(problem)) if problem.is_transient() => {
                let waiting = pass.in_flight().finish(&hash);
                let files = waiting.into_iter().map(|(file, _)| file);
                files.chain([file]).for_each(|file| pass.unsettled(file));
                Ok(Outcome::Changes(Vec::new()))
            }
            // It was a photo before anybody asked what it says, and stays one.
            Err(WorkerError::Problem(_)) => Ok(described(file, stamp, hash, Metadata::default())),
            Err(error) => Err(error.into()),
        },
    }
}

/// Whether a content is of another format than the index takes it for.
fn is_other(pass: &Pass<'_>, hash: &ContentHash, format: Format) -> Result<bool, IngestError> {
    let known = pass.index.catalog().content(hash)?;
    Ok(known.is_some_and(|known| known.facts.format != format))
}

/// Has the content that `worker` has just read examined. It is embedded, if there is a picture
/// of it.
fn examine(
    pass: &Pass<'_>,
    equipment: &Arc<Equipment>,
    worker: &mut Worker,
    (file, stamp): (FileKey, Stamp),
    opened: &File,
    hash: ContentHash,
) -> Result<Outcome, IngestError> {
    let examined = again_if_it_ends(worker, opened, hash, Worker::examine);
    let Examined {
        facts,
        metadata,
        picture,
        fingerprint,
        quality,
    } = match examined.and_then(|examined| {
        let (limits, size) = (&pass.settings.worker, equipment.model.preparation().resize);
        with_still(&pass.stills, limits, size, worker, opened, examined)
    }) {
        Ok(examined) => examined,
        Err(WorkerError::Problem(problem)) => {
            let problems = content_failed(pass, (file, stamp), &hash, &problem);
            return Ok(Outcome::Changes(problems));
        }
        Err(error) => return Err(error.into()),
    };
    let fingerprint = fingerprint.map(|fingerprint| FingerprintRecord {
        fingerprint,
        quality,
    });
    Ok(match picture {
        Ok(pixels) => Outcome::Picture(Box::new(Picture {
            file,
            stamp,
            hash,
            facts,
            metadata,
            pixels,
            equipment: Arc::clone(equipment),
            fingerprint,
        })),
        Err(problem) => {
            let content = NewContent {
                hash,
                facts,
                metadata,
                vector: Embedding::None(problem),
                fingerprint,
            };
            Outcome::Changes(vec![Change::New(file, stamp, Box::new(content))])
        }
    })
}

fn described(file: FileKey, stamp: Stamp, hash: ContentHash, metadata: Metadata) -> Outcome {
    let change = Change::Described(file, stamp, hash, Box::new(metadata));
    Outcome::Changes(vec![change])
}

fn is_sidecar(file: &FileKey) -> bool {
    is_sidecar_name(Path::new(&file.name))
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

/// Has `worker` do something with the content that it has just read; another worker, if this
/// one ends.
fn again_if_it_ends<T>(
    worker: &mut Worker,
    file: &File,
    hash: ContentHash,
    work: impl Fn(&mut Worker) -> Result<T, WorkerError>,
) -> Result<T, WorkerError> {
    match work(worker) {
        Err(WorkerError::Problem(problem)) if problem.kind == ProblemKind::Crashed => {
            if worker.read(file)? != hash {
                return Err(Problem::new(ProblemKind::Changing, CHANGED).into());
            }
            work(worker)
        }
        done => done,
    }
}

/// A file failed. Where it is a photo whose disk does not answer, it stays one; and a sidecar
/// is no photo, whatever is wrong with it.
fn failed(
    pass: &Pass<'_>,
    file: FileKey,
    stamp: Stamp,
    problem: Problem,
) -> Result<Outcome, IngestError> {
    let catalog = pass.index.catalog();
    let path = || pass.index.absolute(&file);
    if is_sidecar(&file) {
        tracing::warn!(file = %path().display(), %problem, "a sidecar cannot be read");
        // It may be readable next time; else it says nothing, as long as it is what it is.
        let nothing = (!problem.is_transient()).then(Box::default);
        let change = nothing.map(|nothing| Change::Sidecar(file, stamp, nothing));
        return Ok(Outcome::Changes(change.into_iter().collect()));
    }
    if let Some(FileRecord {
        stamp: known,
        finding: Finding::Photo(hash),
    }) = catalog.file(&file)?
    {
        if problem.is_transient() {
            tracing::warn!(file = %path().display(), %problem, "a photo cannot be read; it is kept");
            return Ok(Outcome::Changes(Vec::new()));
        }
        // It is as it was when it became a photo; only what it says of itself is not known.
        if known == stamp && catalog.knowledge(&hash, pass.conditions)? == Knowledge::Outdated {
            return Ok(described(file, stamp, hash, Metadata::default()));
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
    let waiting = pass.in_flight().finish(hash);
    let files = std::iter::once(first).chain(waiting);
    files
        .map(|(file, stamp)| Change::Problem(file, stamp, problem.clone()))
        .collect()
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
