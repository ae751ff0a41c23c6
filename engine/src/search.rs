//! The way of a question out: filters first, then what is left is ranked.
//!
//! Filters become rows by bitmaps, exactly; texts and examples are then scanned for among
//! just these rows, so no filter ever loses a hit. Scores become relevances against the
//! question's own background ([`crate::calibration`]), words of paths and tags count as
//! well ([`words`]), and the answer stops where matches end.

mod rank;
mod select;
mod words;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::calibration::Calibration;
use crate::catalog::CatalogError;
use crate::embed::{EmbedError, Model, Runtime, TextTower, Vocabulary};
use crate::index::{Generation, Index};
use crate::query::{Query, QueryError, Sign, Term};
use crate::question::Question;
use crate::vectors::VectorError;

pub use select::{newest_first, selected};

/// Texts whose vectors are kept.
const KEPT_TEXTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Photos against which scores are calibrated: enough to tell one in a thousand.
const SAMPLE: u32 = 1024;

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

/// Embeds questions and ranks photos. For use by many threads.
#[derive(Debug)]
pub struct Searcher {
    vocabulary: Vocabulary,
    text: Mutex<TextTower>,
    vectors: Mutex<LruCache<String, Option<Arc<[f32]>>>>,
    calibration: Calibration,
    sample: Mutex<Option<(u64, Sample)>>,
}

/// Vectors of photos from all over a generation.
type Sample = Arc<[Vec<f32>]>;

impl Searcher {
    /// Loads the model's text tower, and learns what its scores mean.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub fn load(runtime: &Runtime, model: &Model) -> Result<Self, EmbedError> {
        let mut text = TextTower::load(runtime, model)?;
        let mut bank = Vec::new();
        for general in Calibration::bank() {
            bank.extend(text.embed(general)?);
        }
        Ok(Self {
            vocabulary: text.vocabulary(),
            text: Mutex::new(text),
            vectors: Mutex::new(LruCache::new(KEPT_TEXTS)),
            calibration: Calibration::new(bank),
            sample: Mutex::default(),
        })
    }

    /// Whether a query can be answered: each text that counts for has a word that the model
    /// knows, or that some photo is filed under. Answers at once and embeds nothing.
    ///
    /// # Errors
    /// Names the first text that says nothing to anybody.
    pub fn check(&self, generation: &Generation, query: &Query) -> Result<(), QueryError> {
        let mut wanted = query.terms().iter().filter(|term| term.sign == Sign::Plus);
        match wanted.find(|term| !self.understands(generation, &term.text)) {
            Some(term) => Err(QueryError::UnknownWords(term.text.clone())),
            None => Ok(()),
        }
    }

    fn understands(&self, generation: &Generation, text: &str) -> bool {
        let facets = generation.facets();
        self.vocabulary.knows(text)
            || crate::facets::words(text).any(|word| facets.with_word(&word).is_some())
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
            if let Some(photo) = index.photo(generation, row)? {
                matches.push(Match {
                    row,
                    relevance: 1.0,
                    score: 0.0,
                    words: String::new(),
                    path: photo.path,
                });
            }
        }
        Ok(matches)
    }

    /// The vector of a text of several terms, of unit length: their sum by signs and weights.
    /// Nothing if the model knows no word of those that count for.
    ///
    /// # Errors
    /// When nothing is left of it, as of `dog - dog`, or the model fails.
    pub fn embed(&self, terms: &[Term]) -> Result<Option<Vec<f32>>, SearchError> {
        let mut sum: Vec<f32> = Vec::new();
        let mut known = false;
        for term in terms {
            let Some(vector) = self.embed_text(&term.text)? else {
                continue;
            };
            let factor = match term.sign {
                Sign::Plus => term.weight.factor(),
                Sign::Minus => -term.weight.factor(),
            };
            known |= term.sign == Sign::Plus;
            sum.resize(vector.len(), 0.0);
            for (total, value) in sum.iter_mut().zip(vector.iter()) {
                *total += factor * value;
            }
        }
        if !known {
            return Ok(None);
        }
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length < 1e-6 {
            return Err(QueryError::Empty.into());
        }
        sum.iter_mut().for_each(|x| *x /= length);
        Ok(Some(sum))
    }

    fn embed_text(&self, text: &str) -> Result<Option<Arc<[f32]>>, EmbedError> {
        let locked = || self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vector) = locked().get(text) {
            return Ok(vector.clone());
        }
        let mut tower = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let vector: Option<Arc<[f32]>> = tower.embed(text)?.map(Arc::from);
        drop(tower);
        locked().put(text.to_owned(), vector.clone());
        Ok(vector)
    }

    /// Photos from all over a generation, the same each time.
    fn sample(&self, generation: &Generation) -> Sample {
        let mut kept = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, sample)) = &*kept
            && *of == generation.number()
        {
            return Arc::clone(sample);
        }
        let mut rows = generation.rows();
        rows -= generation.facets().blank();
        let count = rows.len();
        let wanted = u64::from(SAMPLE).min(count);
        let chosen = (0..wanted).filter_map(|number| {
            let at = u32::try_from(number * count / wanted).ok()?;
            generation.vectors().vector(rows.select(at)?)
        });
        let sample: Sample = chosen.collect();
        *kept = Some((generation.number(), Arc::clone(&sample)));
        sample
    }
}
