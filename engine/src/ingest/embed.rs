//! The third stage: pictures to vectors, in batches.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::read::content_failed;
use super::{Change, IngestError, NewContent, Pass, Picture, image_tower};
use crate::problem::{Problem, ProblemKind};

/// How long an incomplete batch waits for more.
const PATIENCE: Duration = Duration::from_millis(5);

/// One thread, until the readers are done.
pub(super) fn embed(
    pass: &Pass<'_>,
    pictures: &Receiver<Picture>,
    changes: &Sender<Change>,
) -> Result<(), IngestError> {
    let at_once = pass.ingest.model.batch();
    while let Ok(first) = pictures.recv() {
        let mut batch = vec![first];
        while batch.len() < at_once
            && let Ok(picture) = pictures.recv_timeout(PATIENCE)
        {
            batch.push(picture);
        }
        let pixels: Vec<&[u8]> = batch.iter().map(|picture| &*picture.pixels).collect();
        let vectors = pass
            .tools
            .with_tower(|| image_tower(pass), |tower| tower.embed(&pixels))?;
        for (picture, vector) in batch.into_iter().zip(vectors) {
            let Picture {
                file,
                stamp,
                hash,
                facts,
                metadata,
                pixels: _,
                fingerprint,
            } = picture;
            let sent = match vector {
                Some(vector) => {
                    let content = NewContent {
                        hash,
                        facts,
                        metadata,
                        vector: Ok(vector),
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
