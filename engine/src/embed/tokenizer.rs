//! Text to ids, by whichever tokenizer the model has.

use std::path::Path;

use super::EmbedError;
use super::files;
use super::hugging_face::HuggingFace;
use super::manifest::{Model, TokenizerKind, TokenizerSection};
use super::word_pieces::WordPieces;

#[derive(Debug)]
pub(super) enum Tokenizer {
    /// With the ids that the tower sees at most.
    WordPieces(WordPieces, usize),
    HuggingFace(Box<HuggingFace>),
}

impl Tokenizer {
    pub(super) fn load(model: &Model) -> Result<Self, EmbedError> {
        Self::read(model.folder(), model.tokenizer(), model.text().length)
    }

    /// Reads the one in a folder. No text becomes more than `length` ids.
    pub(super) fn read(
        folder: &Path,
        section: &TokenizerSection,
        length: usize,
    ) -> Result<Self, EmbedError> {
        let path = folder.join(&section.file);
        let bytes = files::read(&path, &section.sha256)?;
        let tokenizer = match section.kind {
            TokenizerKind::WordPieces => {
                WordPieces::parse(&bytes).map(|pieces| Self::WordPieces(pieces, length))
            }
            TokenizerKind::HuggingFace => HuggingFace::parse(&bytes, length, section.clean)
                .map(|tokenizer| Self::HuggingFace(Box::new(tokenizer))),
        };
        tokenizer.map_err(|reason| EmbedError::Manifest { path, reason })
    }

    /// The ids of a text, without padding, at most as many as the tower sees.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<i64>, String> {
        match self {
            Self::WordPieces(pieces, length) => {
                let mut ids = pieces.ids(text);
                ids.truncate(*length);
                Ok(ids)
            }
            Self::HuggingFace(tokenizer) => tokenizer.ids(text),
        }
    }

    /// Whether a text says anything to the model.
    pub(super) fn knows(&self, text: &str) -> bool {
        match self {
            Self::WordPieces(pieces, _) => !pieces.ids(text).is_empty(),
            Self::HuggingFace(tokenizer) => tokenizer.knows(text),
        }
    }
}
