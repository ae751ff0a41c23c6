//! What a score means: from a cosine to a relevance from 0 to 1.

/// The relevance from which a photo counts as a match.
pub const CUT: f32 = 0.5;

/// What is known of a model's scores.
#[derive(Debug, Default)]
pub struct Calibration;

/// What scores mean for one query.
#[derive(Debug)]
pub struct Background {
    mean: f32,
    spread: f32,
}

impl Calibration {
    /// General texts.
    #[must_use]
    pub fn bank() -> &'static [&'static str] {
        &[]
    }

    /// Made of the vectors of [`Self::bank`].
    #[must_use]
    pub fn new(_bank: Vec<Vec<f32>>) -> Self {
        Self
    }

    /// What scores of `query` mean in a library of which these photos are a sample.
    #[must_use]
    pub fn background(&self, query: &[f32], sample: &[Vec<f32>]) -> Background {
        let mut scores: Vec<f32> = sample
            .iter()
            .map(|photo| photo.iter().zip(query).map(|(a, b)| a * b).sum())
            .collect();
        scores.sort_unstable_by(f32::total_cmp);
        let at = |share: f32| scores.get((scores.len() as f32 * share) as usize).copied();
        let (middle, low) = (at(0.5).unwrap_or(0.0), at(0.16).unwrap_or(-0.1));
        Background {
            mean: middle,
            spread: (middle - low).max(1e-3),
        }
    }

    /// What scores mean when others are compared with a photo.
    #[must_use]
    pub fn likeness(&self, photo: &[f32], sample: &[Vec<f32>]) -> Background {
        self.background(photo, sample)
    }
}

impl Background {
    /// From 0 to 1.
    #[must_use]
    pub fn relevance(&self, score: f32, _photo: &[f32]) -> f32 {
        let z = (score - self.mean) / self.spread;
        1.0 / (1.0 + (-1.7 * (z - 2.5)).exp())
    }
}
