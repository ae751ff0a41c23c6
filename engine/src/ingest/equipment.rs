//! What photos are taken in with: a model, and the processes and sessions that work for it.
//!
//! While passes go on the index may come to have the vectors of another model; passes take what
//! is there for each photo anew, and a vector knows whose it is.

use std::sync::Arc;

use super::tools::Tools;
use super::{Ingest, IngestSettings, read_lock, write_lock};
use crate::embed::{EmbedError, Fingerprint, ImageTower, Model, Runtime};
use crate::worker::Worker;

/// A model, and what works for it.
#[derive(Debug)]
pub(super) struct Equipment {
    pub model: Model,
    /// Whose vectors the index has.
    pub wanted: Fingerprint,
    /// For passes in bulk.
    bulk: Tools,
    /// For those that somebody waits for.
    prompt: Tools,
}

impl Equipment {
    /// For an index with the vectors of `wanted`. Photos are prepared for `model`, and embedded
    /// if it is that one.
    pub(super) fn new(model: Model, wanted: Fingerprint, threads: usize) -> Self {
        Self {
            model,
            wanted,
            bulk: Tools::new(threads),
            prompt: Tools::new(threads),
        }
    }

    /// Whether vectors can be made for the index.
    pub(super) fn embeds(&self) -> bool {
        self.model.fingerprint() == self.wanted
    }

    pub(super) fn tools(&self, bulk: bool) -> &Tools {
        if bulk { &self.bulk } else { &self.prompt }
    }

    /// A worker that decodes for the model.
    pub(super) fn worker(&self, settings: &IngestSettings) -> Worker {
        worker(&self.model, settings)
    }

    pub(super) fn tower(&self, runtime: &Runtime) -> Result<ImageTower, EmbedError> {
        ImageTower::load(runtime, &self.model)
    }

    pub(super) fn put_away(&self) {
        self.bulk.put_away();
        self.prompt.put_away();
    }
}

/// A worker that decodes for a model.
pub(super) fn worker(model: &Model, settings: &IngestSettings) -> Worker {
    Worker::new(settings.worker.clone(), model.preparation())
}

impl Ingest {
    /// What photos are taken in with now.
    pub(super) fn equipment(&self) -> Arc<Equipment> {
        Arc::clone(&read_lock(&self.equipment))
    }

    /// Has photos taken in with another model from now on: the index has its vectors.
    pub(super) fn equip(&self, model: &Model) {
        let wanted = self.index.generation().model().fingerprint;
        let threads = self.settings.threads.max(1);
        let equipment = Arc::new(Equipment::new(model.clone(), wanted, threads));
        let before = std::mem::replace(&mut *write_lock(&self.equipment), equipment);
        before.put_away();
    }
}
