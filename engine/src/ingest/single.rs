//! One picture by itself, in the index or not: what others are to be compared with.

use std::fs::File;

use super::{Ingest, IngestError};
use crate::embed::Fingerprint;
use crate::problem::{Problem, ProblemKind};
use crate::worker::{ContentHash, WorkerError};

/// A picture that others are to be compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Example {
    /// The index has it.
    Known(ContentHash),
    /// Its vector, of unit length, and the model that made it.
    New(Fingerprint, Vec<f32>),
}

impl Ingest {
    /// What a file shows to the model whose vectors the index has, wherever it is. It is read from its beginning, decoded by a worker
    /// as the photos of roots are, and not taken into the index.
    ///
    /// # Errors
    /// When the index or the model fails; within, what is wrong with the file.
    pub fn example(&self, file: &File) -> Result<Result<Example, Problem>, IngestError> {
        let equipment = self.equipment();
        let examined = equipment.tools(false).with_worker(
            || Ok(equipment.worker(&self.settings)),
            |worker| {
                let hash = match worker.read(file) {
                    Ok(hash) => hash,
                    Err(WorkerError::Problem(problem)) => return Ok(Err(problem)),
                    Err(error) => return Err(IngestError::from(error)),
                };
                if self.index.catalog().content(&hash)?.is_some() {
                    return Ok(Ok(Err(hash)));
                }
                match worker.examine() {
                    Ok(examined) => Ok(examined.picture.map(Ok)),
                    Err(WorkerError::Problem(problem)) => Ok(Err(problem)),
                    Err(error) => Err(error.into()),
                }
            },
        )?;
        let pixels = match examined {
            Ok(Ok(pixels)) => pixels,
            Ok(Err(hash)) => return Ok(Ok(Example::Known(hash))),
            Err(problem) => return Ok(Err(problem)),
        };
        if !equipment.embeds() {
            let reason = "the model that the index was made with is not installed, so nothing \
                          can be compared with its photos until another one has looked at them";
            return Ok(Err(Problem::new(ProblemKind::Unsupported, reason)));
        }
        let tower = || equipment.tower(&self.runtime);
        let vectors = equipment
            .tools(false)
            .with_tower(tower, |tower| tower.embed(&[pixels.as_slice()]))?;
        let nothing = || Problem::new(ProblemKind::Damaged, "the model made nothing of it");
        let vector = vectors.into_iter().next().flatten().ok_or_else(nothing);
        let fingerprint = equipment.model.fingerprint();
        Ok(vector.map(|vector| Example::New(fingerprint, vector)))
    }
}
