//! The third stage: pictures to vectors, in batches.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::read::content_failed;
use super::{Change, Embedding, IngestError, NewContent, Pass, Picture};
use crate::problem::{Problem, ProblemKind};

/// How long an incomplete batch waits for more.
const PATIENCE: Duration = Duration::from_millis(5);

/// One thread, until the readers are done.
pub(super) fn embed(
    pass: &Pass<'_>,
    pictures: &Receiver<Picture>,
    changes: &Sender<Change>,
) -> Result<(), IngestError> {
    // One for another model than those before it.
    let mut other = None;
    while let Some(first) = other.take().or_else(|| pictures.recv().ok()) {
        let equipment = Arc::clone(&first.equipment);
        let at_once = equipment.model.batch();
        let mut batch = vec![first];
        while batch.len() < at_once
            && let Ok(picture) = pictures.recv_timeout(PATIENCE)
        {
            if !Arc::ptr_eq(&picture.equipment, &equipment) {
                other = Some(picture);
                break;
            }
            batch.push(picture);
        }
        let pixels: Vec<&[u8]> = batch.iter().map(|picture| &*picture.pixels).collect();
        let fingerprint = equipment.model.fingerprint();
        let vectors: Vec<Option<Embedding>> = if equipment.embeds() {
            let made = equipment.tools(pass.task.bulk).with_tower(
                || equipment.tower(&pass.ingest.runtime),
                |tower| tower.embed(&pixels),
            )?;
            let of = |vector| Embedding::Vector(fingerprint, vector);
            made.into_iter().map(|vector| vector.map(of)).collect()
        } else {
            let awaits = || Some(Embedding::Awaits(equipment.wanted));
            batch.iter().map(|_| awaits()).collect()
        };
        for (picture, vector) in batch.into_iter().zip(vectors) {
            let Picture {
                file,
                stamp,
                hash,
                facts,
                metadata,
                pixels: _,
                equipment: _,
                fingerprint,
            } = picture;
            let sent = match vector {
                Some(vector) => {
                    let content = NewContent {
                        hash,
                        facts,
                        metadata,
                        vector,
                        fingerprint,
                    };
                    let change = Change::New(file, stamp, Box::new(content));
                    changes.send(change).is_ok()
                }
                None => {
                    let problem =
                        Problem::new(ProblemKind::Damaged, "the model made nothing of it");
                    let problems = content_failed(pass, (file, stamp), &hash, &problem);
                    problems
                        .into_iter()
                        .all(|change| changes.send(change).is_ok())
                }
            };
            if !sent {
                return Ok(());
            }
        }
    }
    Ok(())
}
