//! The last stage: gathers changes, commits them together, publishes a generation.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{Change, IngestError, Pass};
use crate::catalog::{FileRecord, Finding};
use crate::index::{Index, Transaction};
use crate::worker::ContentHash;

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
    let mut transaction = index.begin()?;
    let mut new = Vec::new();
    for change in batch {
        apply(pass, &mut transaction, change, &mut new)?;
    }
    transaction.commit()?;
    let waited = new.into_iter().flat_map(|hash| {
        let waiting = pass.in_flight().finish(&hash);
        waiting
            .into_iter()
            .map(move |(file, stamp)| Change::Known(file, stamp, hash))
    });
    Ok(waited.collect())
}

fn apply(
    pass: &Pass<'_>,
    transaction: &mut Transaction<'_>,
    change: Change,
    new: &mut Vec<ContentHash>,
) -> Result<(), IngestError> {
    let progress = pass.progress;
    match change {
        Change::Known(file, stamp, hash) => {
            // Known when it was asked for, and forgotten for good since.
            if transaction.catalog()?.content(&hash)?.is_none() {
                pass.unsettled(file);
                return Ok(());
            }
            let finding = Finding::Photo(hash);
            transaction.put_file(file, FileRecord { stamp, finding })?;
            progress.known();
        }
        Change::New(file, stamp, hash, facts, vector) => {
            transaction.add_content(hash, facts, &vector)?;
            let finding = Finding::Photo(hash);
            transaction.put_file(file, FileRecord { stamp, finding })?;
            progress.embedded();
            new.push(hash);
        }
        Change::Problem(file, stamp, problem) => {
            progress.problem();
            let finding = Finding::Problem(problem, pass.conditions);
            let record = FileRecord { stamp, finding };
            // The same as before: no reason for another generation.
            if pass.index.catalog().file(&file)?.as_ref() != Some(&record) {
                transaction.put_file(file, record)?;
            }
        }
        Change::Agrees(root, folder, mark, digest) => {
            transaction
                .catalog()?
                .mark_folder(root, &folder, mark, digest)?;
        }
    }
    Ok(())
}
