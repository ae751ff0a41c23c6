//! What scores of general texts look like on the photos of one library.

use super::SAMPLE;
use super::statistics::{dot, middle_and_spread};

/// Photos on which the bank is measured: enough for a spread, and 10 ms of work.
const MEASURED: usize = 512;

/// A sample of a library, and how widely the scores of general texts spread on it.
#[derive(Debug, Clone)]
pub struct Library {
    /// The vectors, one after the other.
    sample: Vec<f32>,
    dimension: usize,
    photos: u64,
    /// The middle of the texts' middles.
    pub(super) centre: f32,
    /// How far those lie apart, as a standard deviation.
    pub(super) wander: f32,
    /// The scores of a general text spread so far over photos that do not show it.
    pub(super) spread: f32,
}

impl Library {
    pub(super) fn new<'a>(
        sample: impl IntoIterator<Item = &'a [f32]>,
        photos: u64,
        texts: &[Vec<f32>],
    ) -> Self {
        let mut photo = sample.into_iter().peekable();
        let dimension = photo.peek().map_or(0, |photo| photo.len());
        let sample: Vec<f32> = photo
            .filter(|photo| photo.len() == dimension && photo.iter().all(|x| x.is_finite()))
            .take(SAMPLE)
            .flatten()
            .copied()
            .collect();
        let mut library = Self {
            sample,
            dimension,
            photos,
            centre: 0.0,
            wander: 0.0,
            // Of directions that have nothing to do with each other.
            spread: 1.0 / (dimension.max(1) as f32).sqrt(),
        };
        library.measure(texts);
        library.photos = photos.max(library.len() as u64);
        library
    }

    fn measure(&mut self, texts: &[Vec<f32>]) {
        // Every so many: a sample comes in the order of the library.
        let step = self.len().div_ceil(MEASURED).max(1);
        let texts = texts.iter().filter(|text| text.len() == self.dimension);
        let (mut middles, mut spreads): (Vec<f32>, Vec<f32>) = texts
            .map(|text| {
                let scores = self.photos_of_sample().step_by(step);
                let mut scores: Vec<f32> = scores.map(|photo| dot(text, photo)).collect();
                middle_and_spread(&mut scores)
            })
            .unzip();
        if middles.is_empty() || self.len() == 0 {
            return;
        }
        (self.centre, _) = middle_and_spread(&mut middles);
        let mut distances: Vec<f32> = middles.iter().map(|x| (x - self.centre).abs()).collect();
        // The median distance from the middle is 0.6745 standard deviations.
        self.wander = middle_and_spread(&mut distances).0 * 1.4826;
        let (spread, _) = middle_and_spread(&mut spreads);
        // Photos that are all the same have no spread.
        self.spread = spread.max(self.spread / 10.0);
    }

    /// Photos in the library.
    #[must_use]
    pub fn photos(&self) -> u64 {
        self.photos
    }

    /// Photos in the sample.
    pub(super) fn len(&self) -> usize {
        self.sample.len() / self.dimension.max(1)
    }

    /// Scores of the sample, in its order.
    pub(super) fn scores(&self, direction: &[f32]) -> Vec<f32> {
        if direction.len() != self.dimension {
            return Vec::new();
        }
        self.photos_of_sample()
            .map(|photo| dot(direction, photo))
            .collect()
    }

    fn photos_of_sample(&self) -> impl Iterator<Item = &[f32]> {
        self.sample.chunks_exact(self.dimension.max(1))
    }
}
