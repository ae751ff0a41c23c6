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
use roaring::RoaringBitmap;

use crate::calibration::{self, CUT, Calibration, Library};
use crate::catalog::CatalogError;
use crate::embed::{EmbedError, Model, Runtime, TextTower, Vocabulary};
use crate::index::{Generation, Index};
use crate::query::{Query, QueryError, Sign, Term};
use crate::question::Question;
use crate::vectors::VectorError;

pub use select::{newest_first, selected};

use rank::{Criterion, Ranking};

/// Texts whose vectors are kept.
const KEPT_TEXTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// A sample of the library is good for as long as the number of photos changes by less than
/// this share of it; of small libraries a new one costs nothing.
const SAMPLE_LASTS: f64 = 0.05;
const SMALL: u64 = 500;

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
#[derive(Debug)]
pub struct Searcher {
    vocabulary: Vocabulary,
    text: Mutex<TextTower>,
    vectors: Mutex<LruCache<String, Option<Arc<[f32]>>>>,
    calibration: Calibration,
    library: Mutex<Option<(u64, Arc<Library>)>>,
}

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
            library: Mutex::default(),
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
        let criterion = Criterion::like(vector, &self.library(generation));
        Ranking::new(generation, vec![criterion], None, CUT).best(index, top, &[], &[])
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
            return Err(QueryError::Cancelled.into());
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

    /// What scores look like in the library of a generation.
    fn library(&self, generation: &Generation) -> Arc<Library> {
        let mut rows = generation.rows();
        rows -= generation.facets().blank();
        let photos = rows.len();
        let mut kept = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((number, library)) = &*kept {
            let known = library.photos();
            let differs = known.abs_diff(photos) as f64 > SAMPLE_LASTS * known as f64;
            if *number == generation.number() || (known >= SMALL && !differs) {
                return Arc::clone(library);
            }
        }
        let wanted = photos.min(calibration::SAMPLE as u64);
        // Evenly from all over, the same each time.
        let sample: Vec<Vec<f32>> = (0..wanted)
            .filter_map(|number| {
                let at = u32::try_from(number * photos / wanted).ok()?;
                generation.vectors().vector(rows.select(at)?)
            })
            .collect();
        let sample = sample.iter().map(Vec::as_slice);
        let library = Arc::new(self.calibration.library(sample, photos));
        *kept = Some((generation.number(), Arc::clone(&library)));
        library
    }
}
