//! What scores of one query mean in one library.
//!
//! The numbers below were chosen on the 1,000 photos of Flickr8k's development split with
//! semfs-mini, so that words for what is in no photo list few while the mean F1 of words and
//! phrases stays within a tenth of its best. They were tried on photos of
//! other kinds, on libraries of 30 to 5,600, and on vectors made better and moved apart,
//! as those of larger models are; `benches/relevance.rs` measures them.

use super::library::Library;
use super::statistics::{dot, middle_and_spread, normal_tail};

/// A sample of so many photos is believed as much as the bank.
const BELIEF: f32 = 50.0;

/// How much of a query's own middle counts; the rest is that of general texts.
const OWN_CENTRE: f32 = 0.75;

/// A query's middle may lie so many standard deviations of the bank's middles from
/// theirs. Beyond that it is no background: most photos match.
const FARTHEST_CENTRE: f32 = 2.5;

/// How much of a query's own spread counts, as an exponent.
const OWN_SPREAD: f32 = 0.5;

/// A query's spread, in spreads of general texts, is held between these.
const SPREADS: (f32, f32) = (0.6, 1.6);

/// Photos that are added to the found and to the expected ones, so that a few more than
/// expected are no evidence.
const DOUBT: f32 = 8.0;

/// What a photo needs for a relevance of one half, in a library of 1,000.
const NEEDED: f32 = 3.2;

/// How much more for each tenfold of photos, of which chance lifts ever more.
const NEEDED_PER_TENFOLD: f32 = 0.4;

/// Smaller libraries need no less.
const SMALLEST: u64 = 30;

/// Steps of the table, in spreads, and how far it goes.
const STEP: f32 = 0.125;
const STEPS: usize = 96;

/// What scores of one query mean in one library.
#[derive(Debug, Clone)]
pub struct Background {
    direction: Vec<f32>,
    centre: f32,
    spread: f32,
    needed: f32,
    /// `x` for every [`STEP`] of `z` from 0; never falls.
    evidence: Vec<f32>,
}

impl Background {
    pub(super) fn new(direction: Vec<f32>, library: &Library) -> Self {
        let mut scores = library.scores(&direction);
        let number = scores.len() as f32;
        let (middle, spread) = middle_and_spread(&mut scores);
        let belief = number / (number + BELIEF);
        let farthest = FARTHEST_CENTRE * library.wander;
        let own = (middle - library.centre).clamp(-farthest, farthest);
        let ratio = (spread / library.spread).clamp(SPREADS.0, SPREADS.1);
        let tenfolds = (library.photos().max(SMALLEST) as f32 / 1000.0).log10();
        let mut background = Self {
            direction,
            centre: library.centre + OWN_CENTRE * belief * own,
            spread: library.spread * ratio.powf(OWN_SPREAD * belief),
            needed: NEEDED + NEEDED_PER_TENFOLD * tenfolds,
            evidence: Vec::with_capacity(STEPS),
        };
        let mut most = f32::MIN;
        for step in 0..STEPS {
            let z = step as f32 * STEP;
            let least = background.centre + z * background.spread;
            // They are sorted.
            let below = scores.partition_point(|score| *score < least);
            let found = (scores.len() - below) as f32;
            let expected = number * normal_tail(z);
            most = most.max(z + ((found + DOUBT) / (expected + DOUBT)).ln());
            background.evidence.push(most);
        }
        background
    }

    /// The direction to search in, of unit length: the query without what all texts have
    /// in common. The order of its cosines is the order of relevance.
    #[must_use]
    pub fn direction(&self) -> &[f32] {
        &self.direction
    }

    /// The relevance, from 0 to 1, of a photo whose cosine with [`Background::direction`]
    /// is `score`. Never falls as the score grows.
    #[must_use]
    pub fn relevance(&self, score: f32) -> f32 {
        let z = (score - self.centre) / self.spread;
        let relevance = 1.0 / (1.0 + (self.needed - self.evidence(z)).exp());
        if relevance.is_nan() { 0.0 } else { relevance }
    }

    /// The relevance of a photo by its vector, of unit length.
    #[must_use]
    pub fn relevance_of(&self, photo: &[f32]) -> f32 {
        if photo.len() != self.direction.len() {
            return 0.0;
        }
        self.relevance(dot(&self.direction, photo))
    }

    /// The least score, from -1 to 1, that has at least this relevance; `None` when no
    /// score has.
    #[must_use]
    pub fn least_score(&self, relevance: f32) -> Option<f32> {
        let (mut low, mut high) = (-1.0, 1.0);
        if self.relevance(low) >= relevance {
            return Some(low);
        }
        if self.relevance(high) < relevance {
            return None;
        }
        // Each half has a bit more of the answer; an `f32` has 24.
        for _ in 0..30 {
            let middle = (low + high) / 2.0;
            if self.relevance(middle) >= relevance {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }

    fn evidence(&self, z: f32) -> f32 {
        let place = z / STEP;
        let last = STEPS - 1;
        if place.is_nan() || place <= 0.0 {
            return z + self.evidence[0];
        }
        if place >= last as f32 {
            return self.evidence[last] + z - last as f32 * STEP;
        }
        let (below, above) = (
            self.evidence[place as usize],
            self.evidence[place as usize + 1],
        );
        below + (above - below) * place.fract()
    }
}
