//! Words to vectors.

use std::path::PathBuf;
use std::sync::Arc;

use ort::session::Session;
use ort::value::TensorRef;

use super::manifest::{Model, TextSection};
use super::tokenizer::WordPieces;
use super::{EmbedError, Runtime, unit};

/// The text tower of a model with its tokenizer, loaded, for use by one thread.
#[derive(Debug)]
pub struct TextTower {
    session: Session,
    tokenizer: Arc<WordPieces>,
    section: TextSection,
    dimension: usize,
    path: PathBuf,
}

/// The words that a model knows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vocabulary(Arc<WordPieces>);

impl Vocabulary {
    /// Whether a text has any word that the model knows.
    #[must_use]
    pub fn knows(&self, text: &str) -> bool {
        !self.0.ids(text).is_empty()
    }
}

impl TextTower {
    /// Loads the tower and its vocabulary and checks their files.
    ///
    /// # Errors
    /// When a file is missing, is another than the manifest says, or does not load.
    pub fn load(runtime: &Runtime, model: &Model) -> Result<Self, EmbedError> {
        let section = model.text().clone();
        let bytes = model.read_file(&section.file, &section.sha256)?;
        let path = model.path(&section.file);
        let vocabulary = model.tokenizer();
        let pieces = model.read_file(&vocabulary.file, &vocabulary.sha256)?;
        let tokenizer = WordPieces::parse(&pieces).map_err(|reason| EmbedError::Manifest {
            path: model.path(&vocabulary.file),
            reason,
        })?;
        Ok(Self {
            session: runtime.session(&path, &bytes)?,
            tokenizer: Arc::new(tokenizer),
            dimension: model.dimension(),
            section,
            path,
        })
    }

    /// Its vocabulary, to be asked without waiting for the tower.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary(Arc::clone(&self.tokenizer))
    }

    /// The vector of a text, of unit length; `None` when the model knows none of its
    /// words.
    ///
    /// # Errors
    /// When the model fails or its output is not what the manifest says.
    pub fn embed(&mut self, text: &str) -> Result<Option<Vec<f32>>, EmbedError> {
        let mut ids = self.tokenizer.ids(text);
        if ids.is_empty() {
            return Ok(None);
        }
        ids.resize(self.section.length, 0);
        let failed = |error: ort::Error| EmbedError::model(&self.path, error);
        let shape = [1, self.section.length];
        let input = TensorRef::from_array_view((shape, ids.as_slice())).map_err(failed)?;
        let outputs = self
            .session
            .run(ort::inputs![self.section.input.as_str() => input])
            .map_err(failed)?;
        let output = outputs
            .get(self.section.output.as_str())
            .ok_or_else(|| EmbedError::model(&self.path, "it has no such output tensor"))?;
        let (_, values) = output.try_extract_tensor::<f32>().map_err(failed)?;
        if values.len() != self.dimension {
            let reason = format!("{} numbers came out for one text", values.len());
            return Err(EmbedError::model(&self.path, reason));
        }
        Ok(unit(values.to_vec()))
    }
}
