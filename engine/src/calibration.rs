//! From cosines to relevance: how surely a photo shows what a query says, from 0 to 1, on
//! a scale that means the same for every query.
//!
//! It measures how far a photo stands out of chance. It is no probability: what share of
//! the photos of a relevance do match depends on how good the model is.
//!
//! A cosine means something only beside the other cosines of the same query. Three things
//! are learned, each in units of spread, so that nothing here is tied to one model:
//!
//! 1. A [`Calibration`], once for a model, from a bank of general texts: the direction
//!    that all texts share. It says nothing of a photo, and is taken out of every query.
//! 2. A [`Library`], once for a generation, from a sample of its photos: how widely the
//!    scores of general texts spread on them.
//! 3. A [`Background`], once for a query: where the query's own scores lie on the sample,
//!    held near those of the bank (a small library, or one in which most photos match,
//!    says little of a background), and how many more high scores there are than chance
//!    would give.
//!
//! ```text
//! z = (score - centre) / spread           of this query, on this library
//! x = z + ln(photos above z / those that chance would put there)
//! relevance = 1 / (1 + exp(needed - x))   needed grows slowly with the library
//! ```
//!
//! Knows vectors only: no files, no model, no index.

mod background;
mod bank;
mod library;
mod likeness;
mod statistics;

pub use background::Background;
pub use library::Library;
pub use likeness::Likeness;

/// A listing ends where relevance falls below this, unless its query says otherwise.
pub const CUT: f32 = 0.5;

/// The most photos of a library that are worth giving to [`Calibration::library`].
pub const SAMPLE: usize = 4096;

/// What a model makes of general texts.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// What all texts share, of unit length; `None` when they share nothing.
    common: Option<Vec<f32>>,
    /// The bank's texts without it, of unit length.
    texts: Vec<Vec<f32>>,
}

impl Calibration {
    /// The texts whose vectors [`Calibration::new`] wants.
    #[must_use]
    pub fn bank() -> &'static [&'static str] {
        bank::TEXTS
    }

    /// Learns from the unit vectors of the bank's texts. Texts of which the model knows no
    /// word are left out by the caller; those that are no vector like the first are
    /// ignored. Without any text relevance still works, on the sample alone.
    #[must_use]
    pub fn new(bank: Vec<Vec<f32>>) -> Self {
        let dimension = bank.first().map_or(0, Vec::len);
        let mut mean = vec![0.0; dimension];
        let fits = |text: &Vec<f32>| text.len() == dimension && text.iter().all(|x| x.is_finite());
        let texts: Vec<Vec<f32>> = bank.into_iter().filter(fits).collect();
        for text in &texts {
            for (total, value) in mean.iter_mut().zip(text) {
                *total += value / texts.len() as f32;
            }
        }
        let mut calibration = Self {
            common: None,
            texts: Vec::new(),
        };
        // A single text shares everything with itself.
        if texts.len() > 1 {
            calibration.common = statistics::unit(mean);
        }
        calibration.texts = texts
            .iter()
            .map(|text| calibration.direction(text))
            .collect();
        calibration
    }

    /// Learns from a sample of a library's photos, of unit length: [`SAMPLE`] of them, or
    /// all if there are fewer, evenly from all over the library. `photos` is how many the
    /// library has.
    #[must_use]
    pub fn library<'a>(&self, sample: impl IntoIterator<Item = &'a [f32]>, photos: u64) -> Library {
        Library::new(sample, photos, &self.texts)
    }

    /// What scores of a query mean in a library. The query is the vector of a text, or of
    /// several with signs, of unit length.
    #[must_use]
    pub fn background(&self, library: &Library, query: &[f32]) -> Background {
        Background::new(self.direction(query), library)
    }

    /// A query without what all texts share, of unit length. It is projected out, not
    /// subtracted: a difference of two texts has none of it.
    fn direction(&self, query: &[f32]) -> Vec<f32> {
        let Some(common) = self.common.as_ref().filter(|it| it.len() == query.len()) else {
            return query.to_vec();
        };
        let share = statistics::dot(query, common);
        let rest = query.iter().zip(common).map(|(q, c)| q - share * c);
        statistics::unit(rest.collect()).unwrap_or_else(|| query.to_vec())
    }
}

#[cfg(test)]
mod tests;
