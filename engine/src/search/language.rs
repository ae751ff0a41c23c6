//! What a model understands: from texts to vectors, and what its scores mean.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::SearchError;
use crate::calibration::{self, Background, Calibration, Library};
use crate::embed::{EmbedError, Fingerprint, Model, Runtime, TextTower, Vocabulary};
use crate::index::Generation;
use crate::query::{QueryError, Sign, Term};

/// Texts whose vectors are kept.
const KEPT_TEXTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// A sample of the library is good for as long as the number of photos changes by less than
/// this share of it; of small libraries a new one costs nothing.
const SAMPLE_LASTS: f64 = 0.05;
const SMALL: u64 = 500;

/// The words of a model, if it is there, and the scores of its vectors.
#[derive(Debug)]
pub(super) struct Language {
    /// Whose it is.
    pub of: Fingerprint,
    tower: Option<(Vocabulary, Mutex<TextTower>)>,
    vectors: Mutex<LruCache<String, Option<Arc<[f32]>>>>,
    calibration: Calibration,
    library: Mutex<Option<(u64, Arc<Library>)>>,
}

impl Language {
    /// Loads the model's text tower, and learns what its scores mean.
    pub(super) fn load(runtime: &Runtime, model: &Model) -> Result<Self, EmbedError> {
        let mut text = TextTower::load(runtime, model)?;
        let mut bank = Vec::new();
        for general in Calibration::bank() {
            bank.extend(text.embed(general)?);
        }
        let tower = Some((text.vocabulary(), Mutex::new(text)));
        Ok(Self::new(model.fingerprint(), tower, bank))
    }

    /// Of a model that is not there: no text says anything, and photos can be compared.
    pub(super) fn mute(of: Fingerprint) -> Self {
        Self::new(of, None, Vec::new())
    }

    fn new(
        of: Fingerprint,
        tower: Option<(Vocabulary, Mutex<TextTower>)>,
        bank: Vec<Vec<f32>>,
    ) -> Self {
        Self {
            of,
            tower,
            vectors: Mutex::new(LruCache::new(KEPT_TEXTS)),
            calibration: Calibration::new(bank),
            library: Mutex::default(),
        }
    }

    /// Whether no text says anything.
    pub(super) fn is_mute(&self) -> bool {
        self.tower.is_none()
    }

    /// Whether a text has a word that the model knows.
    pub(super) fn knows(&self, text: &str) -> bool {
        let tower = self.tower.as_ref();
        tower.is_some_and(|(vocabulary, _)| vocabulary.knows(text))
    }

    /// What scores of a query mean in a library.
    pub(super) fn background(&self, library: &Library, query: &[f32]) -> Background {
        self.calibration.background(library, query)
    }

    /// The vector of a text of several terms, of unit length: their sum by signs and weights.
    /// Nothing if the model knows no word of those that count for.
    pub(super) fn embed(&self, terms: &[Term]) -> Result<Option<Vec<f32>>, SearchError> {
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
        let Some((_, tower)) = &self.tower else {
            return Ok(None);
        };
        let locked = || self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vector) = locked().get(text) {
            return Ok(vector.clone());
        }
        let mut tower = tower.lock().unwrap_or_else(PoisonError::into_inner);
        let vector: Option<Arc<[f32]>> = tower.embed(text)?.map(Arc::from);
        drop(tower);
        locked().put(text.to_owned(), vector.clone());
        Ok(vector)
    }

    /// What scores look like in the library of a generation with vectors of this model.
    pub(super) fn library(&self, generation: &Generation) -> Arc<Library> {
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
