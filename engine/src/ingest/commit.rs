//! The last stage: gathers changes, commits them together, publishes a generation.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::walk::is_gone;
use super::{Change, IngestError, Pass, folder};
use crate::catalog::{FileRecord, Finding, Stamp};
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
    // Before the transaction, for which searches may wait.
    let batch: Vec<_> = batch
        .into_iter()
        .map(|change| (is_stale(pass, &change), change))
        .collect();
    let mut transaction = index.begin()?;
    let mut new = Vec::new();
    for (stale, change) in batch {
        match change {
            change if !stale => apply(pass, &mut transaction, change, &mut new)?,
            Change::New(file, _, hash, ..) => {
                pass.unsettled(file);
                new.push(hash);
            }
            Change::Known(file, ..) | Change::Problem(file, ..) => pass.unsettled(file),
            Change::Agrees(..) => {}
        }
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

/// Whether a file is not any more what a long pass found it to be: a prompt one may have met
/// it since, and what that said is newer.
fn is_stale(pass: &Pass<'_>, change: &Change) -> bool {
    let (Change::Known(file, stamp, _)
    | Change::New(file, stamp, ..)
    | Change::Problem(file, stamp, _)) = change
    else {
        return false;
    };
    // Networks are polled: nothing prompt happens there.
    if !pass.task.bulk || pass.task.roots.iter().any(|root| root.remote) || *stamp == Stamp::UNKNOWN
    {
        return false;
    }
    let now = folder::look_at(&pass.index.absolute(file), stamp.inode != 0);
    now.map_or_else(|error| is_gone(&error), |(_, now)| now != *stamp)
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
