//! What the cosine of two photos means: how like they are, from 0 to 1.

use super::library::Library;
use super::statistics::{dot, middle_and_spread};

/// What scores mean beside one photo.
#[derive(Debug, Clone)]
pub struct Likeness {
    photo: Vec<f32>,
    /// The score of an ordinary photo of the library.
    ordinary: f32,
}

impl Likeness {
    /// Compares with `photo`, a vector of unit length, in a library.
    #[must_use]
    pub fn new(photo: Vec<f32>, library: &Library) -> Self {
        let (ordinary, _) = middle_and_spread(&mut library.scores(&photo));
        Self {
            photo,
            ordinary: ordinary.clamp(-1.0, 0.9),
        }
    }

    /// The direction to search in.
    #[must_use]
    pub fn direction(&self) -> &[f32] {
        &self.photo
    }

    /// From 0 for an ordinary photo of the library, or one that is less like this one, to 1
    /// for the same picture; one half where three tenths of the way are gone.
    #[must_use]
    pub fn relevance(&self, score: f32) -> f32 {
        let way = ((score - self.ordinary) / (1.0 - self.ordinary)).clamp(0.0, 1.0);
        1.0 - (1.0 - way).powi(2)
    }

    /// The same by the other photo's vector, of unit length.
    #[must_use]
    pub fn relevance_of(&self, photo: &[f32]) -> f32 {
        if photo.len() != self.photo.len() {
            return 0.0;
        }
        self.relevance(dot(&self.photo, photo))
    }

    /// The least score that has this relevance, from 0 to 1.
    #[must_use]
    pub fn least_score(&self, relevance: f32) -> f32 {
        let way = 1.0 - (1.0 - relevance.clamp(0.0, 1.0)).sqrt();
        self.ordinary + way * (1.0 - self.ordinary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Calibration;

    #[test]
    fn the_same_picture_is_wholly_like_it_and_an_ordinary_one_not_at_all() {
        let photos = [[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-1.0, 0.0]];
        let calibration = Calibration::new(Vec::new());
        let library = calibration.library(photos.iter().map(|photo| &photo[..]), 4);
        let likeness = Likeness::new(vec![1.0, 0.0], &library);
        assert!(likeness.relevance_of(&[1.0, 0.0]) > 0.999);
        assert!(likeness.relevance_of(&[0.0, 1.0]) < 0.001);
        let least = likeness.least_score(0.5);
        assert!((likeness.relevance(least) - 0.5).abs() < 1e-3, "{least}");
    }
}
