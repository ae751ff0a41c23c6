//! Pictures to vectors.

use std::path::PathBuf;

use ort::session::Session;

use super::manifest::{ImageSection, Model};
use super::tensors::{self, Slot};
use super::{EmbedError, Runtime, unit};

/// The image tower of a model, loaded, for use by one thread.
#[derive(Debug)]
pub struct ImageTower {
    session: Session,
    section: ImageSection,
    dimension: usize,
    path: PathBuf,
    slot: Slot,
    /// `[N, 3, size, size]`, kept from batch to batch.
    input: Vec<f32>,
}

impl ImageTower {
    /// Loads the tower and checks its file.
    ///
    /// # Errors
    /// When a file is missing, is another than the manifest says, or does not load.
    pub fn load(runtime: &Runtime, model: &Model) -> Result<Self, EmbedError> {
        let section = model.image().clone();
        let path = model.tower((&section.file, &section.sha256), &section.data)?;
        let session = runtime.session(&path)?;
        Self::new(session, section, model.dimension(), path)
    }

    /// The tower that a session is.
    pub(super) fn new(
        session: Session,
        section: ImageSection,
        dimension: usize,
        path: PathBuf,
    ) -> Result<Self, EmbedError> {
        let slot = tensors::input(&session, &section.input)
            .map_err(|reason| EmbedError::model(&path, reason))?;
        Ok(Self {
            session,
            slot,
            dimension,
            section,
            path,
            input: Vec::new(),
        })
    }

    /// Embeds a batch. Each picture is `size * size * 3` bytes of upright RGB. The
    /// result has one unit vector for each, in order; `None` where the model gave no
    /// direction.
    ///
    /// # Errors
    /// When the model fails or its output is not what the manifest says.
    pub fn embed(&mut self, pictures: &[&[u8]]) -> Result<Vec<Option<Vec<f32>>>, EmbedError> {
        let (dimension, path) = (self.dimension, self.path.clone());
        let vectors = self.numbers(pictures)?;
        let checked = vectors.into_iter().map(|vector| {
            if vector.len() == dimension {
                return Ok(unit(vector));
            }
            let reason = format!("{} numbers came out for a picture", vector.len());
            Err(EmbedError::model(&path, reason))
        });
        checked.collect()
    }

    /// What comes out for each picture, of any length.
    pub(super) fn numbers(&mut self, pictures: &[&[u8]]) -> Result<Vec<Vec<f32>>, EmbedError> {
        // Some towers were exported for so many pictures at a time, often one.
        let at_once = self.slot.fixed(0);
        let mut vectors = Vec::with_capacity(pictures.len());
        for batch in pictures.chunks(at_once.unwrap_or(pictures.len()).max(1)) {
            vectors.extend(self.run(batch, at_once.unwrap_or(batch.len()))?);
        }
        Ok(vectors)
    }

    /// `count` pictures go in, of which those after `pictures` are black.
    fn run(&mut self, pictures: &[&[u8]], count: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let size = self.section.size as usize;
        let plane = size * size;
        self.input.clear();
        self.input.resize(count * 3 * plane, 0.0);
        let scale = self.section.scale;
        for (pixels, tensor) in pictures.iter().zip(self.input.chunks_exact_mut(3 * plane)) {
            if pixels.len() != 3 * plane {
                let found = pixels.len();
                let reason = format!("a picture of {found} bytes, not {size} x {size} x 3");
                return Err(EmbedError::model(&self.path, reason));
            }
            for (channel, values) in tensor.chunks_exact_mut(plane).enumerate() {
                let (mean, std) = (self.section.mean[channel], self.section.std[channel]);
                for (value, pixel) in values.iter_mut().zip(pixels.chunks_exact(3)) {
                    *value = (f32::from(pixel[channel]) * scale - mean) / std;
                }
            }
        }
        let failed = |reason: String| EmbedError::model(&self.path, reason);
        let shape = [count, 3, size, size];
        let input = tensors::floats(&self.input, &shape, self.slot.element).map_err(failed)?;
        let outputs = self
            .session
            .run(ort::inputs![self.section.input.as_str() => input])
            .map_err(|error| failed(error.to_string()))?;
        let output = outputs
            .get(self.section.output.as_str())
            .ok_or_else(|| failed("it has no such output tensor".to_owned()))?;
        let values = tensors::numbers(output).map_err(failed)?;
        let length = values.len() / count.max(1);
        if length == 0 || values.len() != count * length {
            let found = values.len();
            return Err(failed(format!(
                "{found} numbers came out for {count} pictures"
            )));
        }
        let vectors = values.chunks_exact(length).take(pictures.len());
        Ok(vectors.map(<[f32]>::to_vec).collect())
    }
}
