//! The last stage: gathers changes, commits them together, publishes a generation.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::walk::is_gone;
use super::{Change, Embedding, IngestError, NewContent, Pass, folder};
use crate::catalog::{FileKey, FileRecord, Finding, MetadataRecord, Stamp};
use crate::index::{Index, Transaction};
use crate::metadata;
use crate::problem::{Problem, ProblemKind};

/// Changes of one commit. Each commit costs a few disk flushes, however large it is.
const BATCH: usize = 1024;

/// How long a change waits for others.
const PATIENCE: Duration = Duration::from_millis(400);

/// One thread, until all others are done.
pub(super) fn commit(pass: &Pass<'_>, changes: &Receiver<Change>) -> Result<(), IngestError> {
    let mut open = true;
    while open {
        let Ok(first) = changes.recv() else { break };
        let deadline = Instant::now() + PATIENCE;
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match changes.recv_deadline(deadline) {
                Ok(change) => batch.push(change),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    open = false;
                    break;
                }
            }
        }
        // Files that waited for a content of this batch follow in a batch of their own.
        while !batch.is_empty() {
            batch = commit_batch(pass, batch)?;
        }
    }
    Ok(())
}

/// Commits a batch and returns the changes that waited for it.
fn commit_batch(pass: &Pass<'_>, batch: Vec<Change>) -> Result<Vec<Change>, IngestError> {
    let index: &Index = pass.index;
    // Before the transaction, for which searches may wait.
    let batch: Vec<_> = batch
        .into_iter()
        .map(|change| (is_stale(pass, &change), change))
        .collect();
    let mut transaction = index.begin()?;
    let mut claimed = Vec::new();
    for (stale, change) in batch {
        claimed.extend(change.claimed());
        if !stale {
            apply(pass, &mut transaction, change)?;
        } else if let Some((file, _)) = change.file() {
            pass.unsettled(file.clone());
        }
    }
    transaction.commit()?;
    let waited = claimed.into_iter().flat_map(|hash| {
        let waiting = pass.in_flight().finish(&hash);
        waiting
            .into_iter()
            .map(move |(file, stamp)| Change::Known(file, stamp, hash))
    });
    Ok(waited.collect())
}

/// Whether a file is not any more what a long pass found it to be: a prompt one may have met
/// it since, and what that said is newer.
fn is_stale(pass: &Pass<'_>, change: &Change) -> bool {
    let Some((file, stamp)) = change.file() else {
        return false;
    };
    // Networks are polled: nothing prompt happens there.
    if !pass.task.bulk || pass.task.roots.iter().any(|root| root.remote) || stamp == Stamp::UNKNOWN
    {
        return false;
    }
    let now = folder::look_at(&pass.index.absolute(file), stamp.inode != 0);
    now.map_or_else(|error| is_gone(&error), |(_, now)| now != stamp)
}

fn apply(
    pass: &Pass<'_>,
    transaction: &mut Transaction<'_>,
    change: Change,
) -> Result<(), IngestError> {
    let progress = pass.progress;
    match change {
        Change::Known(file, stamp, hash) => {
            // Known when it was asked for, and forgotten for good since.
            if transaction.catalog()?.content(&hash)?.is_none() {
                pass.unsettled(file);
                return Ok(());
            }
            if put_if_changed(pass, transaction, file, stamp, Finding::Photo(hash))? {
                progress.known();
            } else {
                // It waited for another file of its content to be described.
                progress.described();
            }
        }
        Change::New(file, stamp, content) => {
            let NewContent {
                hash,
                facts,
                metadata,
                vector,
                fingerprint,
            } = *content;
            let model = transaction.model();
            // The index has the vectors of another model since it was decoded.
            if matches!(&vector, Embedding::Vector(of, _) | Embedding::Awaits(of) if *of != model) {
                pass.unsettled(file);
                return Ok(());
            }
            let is_new = transaction.catalog()?.content(&hash)?.is_none();
            let is_seen = matches!(vector, Embedding::Vector(..));
            let unseen = match vector {
                Embedding::Vector(_, vector) => {
                    transaction.add_content(hash, facts, &vector)?;
                    None
                }
                Embedding::Awaits(_) => {
                    let reason = "the model that the index was made with is not installed; it \
                                  is looked at again with the one that is";
                    let problem = Problem::new(ProblemKind::Unsupported, reason);
                    let is_blank = transaction.add_unseen(hash, facts)?;
                    is_blank.then_some((problem, MetadataRecord::AWAITS_MODEL))
                }
                Embedding::None(problem) => {
                    let is_blank = transaction.add_unseen(hash, facts)?;
                    is_blank.then_some((problem, pass.conditions))
                }
            };
            transaction.put_metadata(hash, MetadataRecord::new(metadata, unseen))?;
            if let Some(record) = fingerprint {
                transaction.catalog()?.put_fingerprint(&hash, &record)?;
            }
            put_if_changed(pass, transaction, file, stamp, Finding::Photo(hash))?;
            if is_new || is_seen {
                progress.embedded();
            } else {
                progress.described();
            }
        }
        Change::Described(file, stamp, hash, metadata) => {
            if transaction.catalog()?.content(&hash)?.is_none() {
                pass.unsettled(file);
                return Ok(());
            }
            transaction.put_metadata(hash, MetadataRecord::new(*metadata, None))?;
            put_if_changed(pass, transaction, file, stamp, Finding::Photo(hash))?;
            progress.described();
        }
        Change::Sidecar(file, stamp, metadata) => {
            let finding = Finding::Sidecar(metadata, metadata::VERSION);
            put_if_changed(pass, transaction, file, stamp, finding)?;
        }
        Change::Problem(file, stamp, problem) => {
            progress.problem();
            let finding = Finding::Problem(problem, pass.conditions);
            put_if_changed(pass, transaction, file, stamp, finding)?;
        }
        Change::Agrees(root, folder, mark, digest) => {
            transaction
                .catalog()?
                .mark_folder(root, &folder, mark, digest)?;
        }
    }
    Ok(())
}

/// Records what a file is, and returns true; unless it is the same as before, which is no
/// reason for another generation.
fn put_if_changed(
    pass: &Pass<'_>,
    transaction: &mut Transaction<'_>,
    file: FileKey,
    stamp: Stamp,
    finding: Finding,
) -> Result<bool, IngestError> {
    let record = FileRecord { stamp, finding };
    let is_changed = pass.index.catalog().file(&file)?.as_ref() != Some(&record);
    if is_changed {
        transaction.put_file(file, record)?;
    }
    Ok(is_changed)
}
