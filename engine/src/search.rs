//! The way of a question out: filters first, then what is left is ranked.
//!
//! Filters become rows by bitmaps, exactly; texts and examples are then scanned for among
//! just these rows, so no filter ever loses a hit. Scores become relevances against the
//! question's own background ([`crate::calibration`]), words of paths and tags count as
//! well ([`words`]), and the answer stops where matches end.

mod language;
mod rank;
mod select;
mod words;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use roaring::RoaringBitmap;

use crate::calibration::CUT;
use crate::catalog::CatalogError;
use crate::embed::{EmbedError, Fingerprint, Model, Runtime};
use crate::index::{Generation, Index};
use crate::query::{Query, QueryError, Sign, Term};
use crate::question::Question;
use crate::vectors::VectorError;

pub use select::{newest_first, selected};

use language::Language;
use rank::{Criterion, Ranking};

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The question makes no sense to the model.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The model failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The catalogue failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The vector store failed.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// A photo that others are to be like is not in the index any more.
    #[error("the photo that others are to be like is not in the index any more")]
    NoExample,
}

/// A photo that answers a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Its row.
    pub row: u32,
    /// How well it fits, from 0 to 1; means the same for every question.
    pub relevance: f32,
    /// Cosine of photo and query, from -1 to 1; the lowest, if there are several. Comparable
    /// within one question only. 0 for a photo of which there is no picture.
    pub score: f32,
    /// The words of the question that its path, tags, camera, place or caption have.
    pub words: String,
    /// A file that holds the photo, absolute.
    pub path: PathBuf,
}

impl Match {
    /// A photo that satisfies filters, where nothing else is asked.
    fn by_filters(row: u32, path: PathBuf) -> Self {
        Self {
            row,
            relevance: 1.0,
            score: 0.0,
            words: String::new(),
            path,
        }
    }
}

/// Embeds questions and ranks photos. For use by many threads.
///
/// The words of a question are those of the model whose vectors a generation has. While another
/// model takes its place, both are known.
#[derive(Debug, Default)]
pub struct Searcher {
    /// What was learned last is the last one.
    languages: RwLock<Vec<Arc<Language>>>,
    /// Why the words of the model are not known, if they are not.
    silence: RwLock<Silence>,
}

/// Says why nothing is understood, when it is asked.
struct Silence(Box<dyn Fn() -> String + Send + Sync>);

impl Default for Silence {
    fn default() -> Self {
        Self(Box::new(|| "no model is loaded".to_owned()))
    }
}

impl fmt::Debug for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Silence")
    }
}

impl Searcher {
    /// Loads the model's text tower, and learns what its scores mean.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub fn load(runtime: &Runtime, model: &Model) -> Result<Self, EmbedError> {
        let searcher = Self::default();
        searcher.learn(runtime, model)?;
        Ok(searcher)
    }

    /// Learns the words of another model as well, unless it knows them.
    ///
    /// # Errors
    /// When its text tower cannot be loaded.
    pub fn learn(&self, runtime: &Runtime, model: &Model) -> Result<(), EmbedError> {
        let fingerprint = model.fingerprint();
        let knows = |language: &Arc<Language>| language.of == fingerprint && !language.is_mute();
        if self.languages().iter().any(knows) {
            return Ok(());
        }
        let language = Arc::new(Language::load(runtime, model)?);
        let mut languages = self
            .languages
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        languages.retain(|known| known.of != fingerprint);
        languages.push(language);
        Ok(())
    }

    /// Forgets the words of all models but one, whose vectors no reader has any more.
    pub fn forget_others(&self, fingerprint: Fingerprint) {
        let mut languages = self
            .languages
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        languages.retain(|known| known.of == fingerprint);
    }

    /// Notes who says why the words of a model are not known, in a sentence for whoever asks with
    /// them.
    pub fn explain(&self, reason: impl Fn() -> String + Send + Sync + 'static) {
        let mut silence = self.silence.write().unwrap_or_else(PoisonError::into_inner);
        *silence = Silence(Box::new(reason));
    }

    fn languages(&self) -> Vec<Arc<Language>> {
        let languages = self.languages.read();
        languages.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The language for the vectors of a generation.
    fn language(&self, generation: &Generation) -> Arc<Language> {
        let fingerprint = generation.model().fingerprint;
        let known = self.languages();
        if let Some(language) = known.iter().find(|known| known.of == fingerprint) {
            return Arc::clone(language);
        }
        let mute = Arc::new(Language::mute(fingerprint));
        let mut languages = self
            .languages
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // In front, so that what was learned last stays the last one.
        languages.insert(0, Arc::clone(&mute));
        mute
    }

    /// Whether a query can be answered: each text that counts for has a word that the model
    /// knows, or that some photo is filed under. Answers at once and embeds nothing.
    ///
    /// # Errors
    /// Names the first text that says nothing to anybody.
    pub fn check(&self, generation: &Generation, query: &Query) -> Result<(), QueryError> {
        let language = self.language(generation);
        let facets = generation.facets();
        let is_filed =
            |text: &str| crate::facets::words(text).any(|word| facets.with_word(&word).is_some());
        let mut wanted = query.terms().iter().filter(|term| term.sign == Sign::Plus);
        match wanted.find(|term| !language.knows(&term.text) && !is_filed(&term.text)) {
            Some(term) if language.is_mute() => {
                let silence = self.silence.read().unwrap_or_else(PoisonError::into_inner);
                Err(QueryError::NoModel(term.text.clone(), (silence.0)()))
            }
            Some(term) => Err(QueryError::UnknownWords(term.text.clone())),
            None => Ok(()),
        }
    }

    /// The photos that answer a question, best first; if it is filters alone, the newest
    /// first, and all of them. At most as many as the question says, or else, if it has an
    /// order of relevance, `default_top`.
    ///
    /// # Errors
    /// When the question says nothing to the model, or something fails.
    pub fn search(
        &self,
        index: &Index,
        generation: &Generation,
        question: &Question,
        default_top: usize,
    ) -> Result<Vec<Match>, SearchError> {
        let rows = selected(index, generation, question.filters());
        if question.is_ranked() {
            let top = question.top().unwrap_or(default_top);
            return self.rank(index, generation, question, rows.as_ref(), top);
        }
        let rows = rows.unwrap_or_else(|| generation.rows());
        let mut matches = Vec::new();
        for row in newest_first(generation, &rows) {
            if matches.len() == question.top().unwrap_or(usize::MAX) {
                break;
            }
            if let Some(photo) = index.photo_in(generation, row, question.filters())? {
                matches.push(Match::by_filters(row, photo.path));
            }
        }
        Ok(matches)
    }

    /// Those of the photos that answer a question which are among `rows`. Costs little if none
    /// of them does.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub fn among(
        &self,
        index: &Index,
        generation: &Generation,
        question: &Question,
        default_top: usize,
        rows: &RoaringBitmap,
    ) -> Result<Vec<Match>, SearchError> {
        let mut wanted = rows - generation.unseen();
        if let Some(selected) = selected(index, generation, question.filters()) {
            wanted &= selected;
        }
        let is_limited = question.is_ranked() || question.top().is_some();
        let any = if question.is_ranked() {
            !self
                .rank(index, generation, question, Some(&wanted), 1)?
                .is_empty()
        } else {
            !wanted.is_empty()
        };
        if !any {
            return Ok(Vec::new());
        }
        // They fit; whether they are among the best of all is another question.
        if is_limited {
            let mut found = self.search(index, generation, question, default_top)?;
            found.retain(|found| wanted.contains(found.row));
            return Ok(found);
        }
        let mut found = Vec::new();
        for row in wanted {
            let photo = index.photo_in(generation, row, question.filters())?;
            found.extend(photo.map(|photo| Match::by_filters(row, photo.path)));
        }
        Ok(found)
    }

    /// The photos that look most like a picture of which this is the vector, of unit length,
    /// best first; at most `top`. For pictures that are not in the index; those that are can
    /// be part of a question.
    ///
    /// # Errors
    /// When something fails.
    pub fn like(
        &self,
        index: &Index,
        generation: &Generation,
        vector: Vec<f32>,
        top: usize,
    ) -> Result<Vec<Match>, SearchError> {
        let library = self.language(generation).library(generation);
        let criterion = Criterion::like(vector, &library);
        Ranking::new(generation, vec![criterion], None, CUT).best(index, top, &[], &[])
    }

    /// The vector of a text of several terms, of unit length: their sum by signs and weights, to
    /// the model that was learned last. Nothing if it knows no word of those that count for.
    ///
    /// # Errors
    /// When nothing is left of it, as of `dog - dog`, or the model fails.
    pub fn embed(&self, terms: &[Term]) -> Result<Option<Vec<f32>>, SearchError> {
        match self.languages().last() {
            Some(language) => language.embed(terms),
            None => Ok(None),
        }
    }
}
