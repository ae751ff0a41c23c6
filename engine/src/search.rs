//! The way of a question out: a query, embedded once, against one generation.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use crate::catalog::CatalogError;
use crate::embed::{EmbedError, Model, Runtime, TextTower, Vocabulary};
use crate::index::{Generation, Index};
use crate::query::{Query, QueryError, Sign};
use crate::vectors::VectorError;

/// Texts whose vectors are kept.
const KEPT_TEXTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

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
}

/// A photo that answers a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Its row.
    pub row: u32,
    /// Cosine of photo and query, from -1 to 1. Comparable within one query only.
    pub score: f32,
    /// A file that holds the photo, absolute.
    pub path: PathBuf,
}

/// Embeds queries and ranks photos. For use by many threads.
#[derive(Debug)]
pub struct Searcher {
    vocabulary: Vocabulary,
    text: Mutex<TextTower>,
    vectors: Mutex<LruCache<String, Option<Arc<[f32]>>>>,
}

impl Searcher {
    /// Loads the model's text tower.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub fn load(runtime: &Runtime, model: &Model) -> Result<Self, EmbedError> {
        let text = TextTower::load(runtime, model)?;
        Ok(Self {
            vocabulary: text.vocabulary(),
            text: Mutex::new(text),
            vectors: Mutex::new(LruCache::new(KEPT_TEXTS)),
        })
    }

    /// Whether the model understands a query; answers at once and embeds nothing.
    ///
    /// # Errors
    /// Names the term of which the model knows no word.
    pub fn check(&self, query: &Query) -> Result<(), QueryError> {
        let wanted = query.terms().iter().filter(|term| term.sign == Sign::Plus);
        match wanted
            .into_iter()
            .find(|term| !self.vocabulary.knows(&term.text))
        {
            Some(term) => Err(QueryError::UnknownWords(term.text.clone())),
            None => Ok(()),
        }
    }

    /// The photos that fit a query best, best first: at most as many as the query says,
    /// or else `default_top`.
    ///
    /// # Errors
    /// When the model knows no word of the query, or something fails.
    pub fn search(
        &self,
        index: &Index,
        generation: &Generation,
        query: &Query,
        default_top: usize,
    ) -> Result<Vec<Match>, SearchError> {
        let vector = self.embed(query)?;
        let top = query.top().unwrap_or(default_top);
        let mut wanted = top;
        loop {
            let hits = generation
                .vectors()
                .search(&vector, wanted, &generation.alive())?;
            let mut matches = Vec::with_capacity(top.min(hits.len()));
            for hit in &hits {
                // A photo that was deleted after this generation has no file any more, and
                // one that cannot be reached may be left out.
                if let Some(photo) = index.photo(generation, hit.row)? {
                    matches.push(Match {
                        row: hit.row,
                        score: hit.score,
                        path: photo.path,
                    });
                }
                if matches.len() == top {
                    break;
                }
            }
            if matches.len() == top || hits.len() < wanted {
                return Ok(matches);
            }
            wanted = wanted.saturating_mul(4);
        }
    }

    /// The vector of a query, of unit length: the sum of its terms by their signs. An
    /// unknown term that counts for is an error; one that counts against is left out.
    ///
    /// # Errors
    /// When the model knows no word of a term, or fails.
    pub fn embed(&self, query: &Query) -> Result<Vec<f32>, SearchError> {
        let mut sum: Vec<f32> = Vec::new();
        for term in query.terms() {
            let (vector, sign) = match (self.embed_text(&term.text)?, term.sign) {
                (Some(vector), Sign::Plus) => (vector, 1.0),
                (Some(vector), Sign::Minus) => (vector, -1.0),
                (None, Sign::Minus) => continue,
                (None, Sign::Plus) => {
                    return Err(QueryError::UnknownWords(term.text.clone()).into());
                }
            };
            sum.resize(vector.len(), 0.0);
            for (total, value) in sum.iter_mut().zip(vector.iter()) {
                *total += sign * value;
            }
        }
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        // `dog - dog`: nothing is left of it.
        if length < 1e-6 {
            return Err(QueryError::Empty.into());
        }
        sum.iter_mut().for_each(|x| *x /= length);
        Ok(sum)
    }

    fn embed_text(&self, text: &str) -> Result<Option<Arc<[f32]>>, EmbedError> {
        let mut kept = self
            .vectors
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        if let Some(vector) = kept.get(text) {
            return Ok(vector.clone());
        }
        drop(kept);
        let mut tower = self
            .text
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        let vector: Option<Arc<[f32]>> = tower.embed(text)?.map(Arc::from);
        drop(tower);
        kept = self
            .vectors
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        kept.put(text.to_owned(), vector.clone());
        Ok(vector)
    }
}
