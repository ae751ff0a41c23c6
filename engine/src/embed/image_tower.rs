//! Pictures to vectors.

use std::path::PathBuf;

use ort::session::Session;
use ort::value::TensorRef;

use super::manifest::{ImageSection, Model};
use super::{EmbedError, Runtime, unit};

/// The image tower of a model, loaded, for use by one thread.
#[derive(Debug)]
pub struct ImageTower {
    session: Session,
    section: ImageSection,
    dimension: usize,
    path: PathBuf,
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
        let bytes = model.read_file(&section.file, &section.sha256)?;
        let path = model.path(&section.file);
        Ok(Self {
            session: runtime.session(&path, &bytes)?,
            dimension: model.dimension(),
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
        let size = self.section.size as usize;
        let plane = size * size;
        self.input.clear();
        self.input.resize(pictures.len() * 3 * plane, 0.0);
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
        let failed = |error: ort::Error| EmbedError::model(&self.path, error);
        let shape = [pictures.len(), 3, size, size];
        let input = TensorRef::from_array_view((shape, self.input.as_slice())).map_err(failed)?;
        let outputs = self
            .session
            .run(ort::inputs![self.section.input.as_str() => input])
            .map_err(failed)?;
        let output = outputs
            .get(self.section.output.as_str())
            .ok_or_else(|| EmbedError::model(&self.path, "it has no such output tensor"))?;
        let (_, values) = output.try_extract_tensor::<f32>().map_err(failed)?;
        if values.len() != pictures.len() * self.dimension {
            let (found, pictures) = (values.len(), pictures.len());
            let reason = format!("{found} numbers came out for {pictures} pictures");
            return Err(EmbedError::model(&self.path, reason));
        }
        let vectors = values.chunks_exact(self.dimension);
        Ok(vectors.map(|vector| unit(vector.to_vec())).collect())
    }
}
