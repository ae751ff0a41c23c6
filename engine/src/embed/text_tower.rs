//! Words to vectors.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use ort::session::{Session, SessionInputValue};

use super::manifest::{Attends, Fill, Model, TextSection};
use super::tensors::{self, Slot};
use super::tokenizer::Tokenizer;
use super::{EmbedError, Runtime, unit};

/// The text tower of a model with its tokenizer, loaded, for use by one thread.
#[derive(Debug)]
pub struct TextTower {
    session: Session,
    tokenizer: Arc<Tokenizer>,
    section: TextSection,
    dimension: usize,
    path: PathBuf,
    slot: Slot,
    /// Says which ids are the text's, if the tower wants to be told.
    attention: Option<Slot>,
    /// What it takes besides, and everybody knows.
    others: Vec<(Slot, Other)>,
}

/// An input that says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Other {
    /// 0, 1, 2, ….
    Positions,
    /// Zeros: there is one text and no second.
    Types,
}

impl Other {
    /// What an input of that name is, as exporters call them.
    pub(super) fn of(slot: &Slot) -> Option<Self> {
        match slot.name.as_str() {
            "position_ids" => Some(Self::Positions),
            "token_type_ids" => Some(Self::Types),
            _ => None,
        }
    }
}

/// The words that a model knows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vocabulary(Arc<Tokenizer>);

impl Vocabulary {
    /// Whether a text has any word that the model knows. A model that knows letters, and
    /// not only words, knows every text that has one, or any other sign than punctuation.
    #[must_use]
    pub fn knows(&self, text: &str) -> bool {
        self.0.knows(text)
    }
}

impl TextTower {
    /// Loads the tower and its vocabulary and checks their files.
    ///
    /// # Errors
    /// When a file is missing, is another than the manifest says, or does not load.
    pub fn load(runtime: &Runtime, model: &Model) -> Result<Self, EmbedError> {
        let section = model.text().clone();
        let tokenizer = Tokenizer::load(model)?;
        let path = model.tower((&section.file, &section.sha256), &section.data)?;
        let session = runtime.session(&path)?;
        Self::new(session, tokenizer, section, model.dimension(), path)
    }

    /// The tower that a session is.
    pub(super) fn new(
        session: Session,
        tokenizer: Tokenizer,
        section: TextSection,
        dimension: usize,
        path: PathBuf,
    ) -> Result<Self, EmbedError> {
        let input = |name| {
            tensors::input(&session, name).map_err(|reason| EmbedError::model(&path, reason))
        };
        let slot = input(&section.input)?;
        let attention = section.attention.as_deref().map(input).transpose()?;
        let others = tensors::inputs(&session).into_iter();
        let others = others.filter_map(|slot| Other::of(&slot).map(|other| (slot, other)));
        Ok(Self {
            others: others.collect(),
            tokenizer: Arc::new(tokenizer),
            slot,
            attention,
            session,
            dimension,
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
        let failed = |reason: String| EmbedError::model(&self.path, reason);
        let ids = self.tokenizer.ids(text).map_err(failed)?;
        if ids.is_empty() {
            return Ok(None);
        }
        let vector = self.run(ids)?;
        if vector.len() != self.dimension {
            let reason = format!("{} numbers came out for one text", vector.len());
            return Err(EmbedError::model(&self.path, reason));
        }
        Ok(unit(vector))
    }

    /// What comes out for a text, of any length.
    pub(super) fn numbers(&mut self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let ids = self.tokenizer.ids(text);
        self.run(ids.map_err(|reason| EmbedError::model(&self.path, reason))?)
    }

    /// Has it take shorter texts otherwise.
    pub(super) fn set_fill(&mut self, fill: Fill) {
        self.section.fill = fill;
    }

    fn run(&mut self, text: Vec<i64>) -> Result<Vec<f32>, EmbedError> {
        let failed = |reason: String| EmbedError::model(&self.path, reason);
        let (ids, mask) = filled(text, &self.section);
        // Some towers were exported for so many texts at a time.
        let count = self.slot.fixed(0).unwrap_or(1);
        let length = ids.len();
        let shape = [count, length];
        let (ids, mask) = (ids.repeat(count), mask.repeat(count));
        let tensor = tensors::ids(&ids, &shape, self.slot.element).map_err(failed)?;
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> =
            vec![(self.section.input.as_str().into(), tensor)];
        if let Some(slot) = &self.attention {
            let tensor = tensors::mask(&mask, &shape, slot.element).map_err(failed)?;
            inputs.push((slot.name.as_str().into(), tensor));
        }
        let (zeros, positions) = (vec![0; length], (0..length as i64).collect::<Vec<_>>());
        let others = self.others.iter().map(|(slot, other)| {
            let count = slot.fixed(0).unwrap_or(count);
            let row = match other {
                Other::Positions => &positions,
                Other::Types => &zeros,
            };
            (slot, [count, length], row.repeat(count))
        });
        let others: Vec<(&Slot, [usize; 2], Vec<i64>)> = others.collect();
        for (slot, shape, values) in &others {
            let tensor = tensors::ids(values, shape, slot.element).map_err(failed)?;
            inputs.push((slot.name.as_str().into(), tensor));
        }
        let outputs = self
            .session
            .run(inputs)
            .map_err(|error| failed(error.to_string()))?;
        let output = outputs
            .get(self.section.output.as_str())
            .ok_or_else(|| failed("it has no such output tensor".to_owned()))?;
        let mut values = tensors::numbers(output).map_err(failed)?;
        values.truncate(values.len() / count);
        Ok(values)
    }
}

/// The ids that the tower sees, and for each whether it is to be looked at.
fn filled(text: Vec<i64>, section: &TextSection) -> (Vec<i64>, Vec<i64>) {
    let missing = section.length.saturating_sub(text.len());
    let (before, after) = match section.fill {
        Fill::Right => (0, missing),
        Fill::Left => (missing, 0),
        Fill::None => (0, 0),
    };
    let around = |padding: i64, text: Vec<i64>| {
        let mut ids = vec![padding; before];
        ids.extend(text);
        ids.resize(ids.len() + after, padding);
        ids
    };
    let mask = vec![1; text.len()];
    let others = match section.attends {
        Attends::Text => 0,
        Attends::All => 1,
    };
    (around(section.padding, text), around(others, mask))
}
