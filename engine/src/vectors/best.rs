//! Keeps the best of many scored rows, where nearly all of them are not among
//! the best: for those it costs one comparison. Knows scores and numbers only.

use std::cmp::Ordering;

/// A row and how well it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The row.
    pub row: u32,
    /// The cosine of the angle between query and row, -1 to 1.
    pub score: f32,
}

impl Hit {
    /// Best first; of equal ones, the lower row first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.row.cmp(&other.row))
    }
}

/// The best `limit` of the rows pushed.
pub(super) struct Best {
    limit: usize,
    /// At most twice the limit: thrown out half at a time, which costs each row
    /// a constant on average.
    kept: Vec<Hit>,
    threshold: f32,
}

impl Best {
    /// Keeps up to `limit` rows, at least 1.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            kept: Vec::new(),
            threshold: f32::NEG_INFINITY,
        }
    }

    /// A row that does not score above this need not be pushed, if its number is
    /// larger than all those pushed before.
    #[inline]
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Adds a row.
    pub(super) fn push(&mut self, hit: Hit) {
        self.kept.push(hit);
        if self.kept.len() >= self.limit.saturating_mul(2) {
            self.shrink();
            // `shrink` put the worst of those kept last.
            self.threshold = self.kept.last().map_or(f32::NEG_INFINITY, |hit| hit.score);
        }
    }

    /// The best rows, in no order.
    pub(super) fn into_hits(mut self) -> Vec<Hit> {
        if self.kept.len() > self.limit {
            self.shrink();
        }
        self.kept
    }

    fn shrink(&mut self) {
        self.kept.select_nth_unstable_by(self.limit - 1, Hit::order);
        self.kept.truncate(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keeps_what_sorting_would(
            scores in prop::collection::vec(-5i8..5, 0..200),
            limit in 1usize..20,
        ) {
            let hits: Vec<Hit> = (0..).zip(&scores)
                .map(|(row, &score)| Hit { row, score: f32::from(score) })
                .collect();
            let mut best = Best::new(limit);
            for hit in &hits {
                if hit.score > best.threshold() {
                    best.push(*hit);
                }
            }
            let mut kept = best.into_hits();
            kept.sort_by(Hit::order);
            let mut sorted = hits;
            sorted.sort_by(Hit::order);
            sorted.truncate(limit);
            prop_assert_eq!(kept, sorted);
        }
    }
}
