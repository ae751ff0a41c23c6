//! The eight ways to lay a picture: four turns by 90°, each of them mirrored or not.
//!
//! A turn works on any square grid, of pixels or of cosine coefficients; it knows nothing
//! of EXIF, whose orientation was applied when the picture was decoded.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the eight ways to lay a picture: first the diagonal, then the two mirrors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Turn {
    /// Rows become columns.
    transposed: bool,
    /// Left becomes right.
    mirrored: bool,
    /// Top becomes bottom.
    upended: bool,
}

impl Turn {
    /// As it is.
    pub const NONE: Self = Self::new(false, false, false);

    /// All eight, the plain one first, then the turns, then the mirrored ones.
    pub const ALL: [Self; 8] = [
        Self::NONE,
        Self::new(true, true, false),
        Self::new(false, true, true),
        Self::new(true, false, true),
        Self::new(false, true, false),
        Self::new(false, false, true),
        Self::new(true, false, false),
        Self::new(true, true, true),
    ];

    const fn new(transposed: bool, mirrored: bool, upended: bool) -> Self {
        Self {
            transposed,
            mirrored,
            upended,
        }
    }

    /// Whether width and height change places.
    #[must_use]
    pub fn transposes(self) -> bool {
        self.transposed
    }

    /// The turn that takes this one back.
    #[must_use]
    pub fn inverse(self) -> Self {
        // Turned by 90° and by 270°; each of the others is its own inverse.
        if self.transposed && self.mirrored != self.upended {
            Self::new(true, self.upended, self.mirrored)
        } else {
            self
        }
    }

    /// Lays a square grid of `side * side` values, rows from the top.
    ///
    /// # Panics
    /// Never, if `grid` has `side * side` values; what is missing is left out otherwise.
    #[must_use]
    pub fn grid<T: Copy>(self, grid: &[T], side: usize) -> Vec<T> {
        let last = side.saturating_sub(1);
        let mut laid = Vec::with_capacity(grid.len());
        for y in 0..side {
            for x in 0..side {
                let column = if self.mirrored { last - x } else { x };
                let row = if self.upended { last - y } else { y };
                let at = if self.transposed {
                    column * side + row
                } else {
                    row * side + column
                };
                laid.extend(grid.get(at));
            }
        }
        laid
    }

    /// Lays a picture by its cosine coefficients, `N` to a row, lowest frequency first:
    /// mirroring a picture changes the sign of its odd waves and nothing else.
    #[must_use]
    pub fn waves<const N: usize, const NN: usize>(self, waves: &[i8; NN]) -> [i8; NN] {
        let mut laid = [0; NN];
        for row in 0..N {
            for column in 0..N {
                let at = if self.transposed {
                    column * N + row
                } else {
                    row * N + column
                };
                let negative = (self.mirrored && column % 2 == 1) != (self.upended && row % 2 == 1);
                // Coefficients are kept within -127..=127, so that none lacks a negative.
                laid[row * N + column] = if negative { -waves[at] } else { waves[at] };
            }
        }
        laid
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match (self.transposed, self.mirrored, self.upended) {
            (false, false, false) => "not turned",
            (false, true, false) => "mirrored left to right",
            (false, false, true) => "mirrored top to bottom",
            (false, true, true) => "turned by 180°",
            (true, false, false) => "mirrored and turned by 270°",
            (true, true, false) => "turned by 90°",
            (true, false, true) => "turned by 270°",
            (true, true, true) => "mirrored and turned by 90°",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_turns_of_a_square_without_symmetry_are_all_different() {
        let grid = [1, 2, 3, 4];
        let mut laid: Vec<_> = Turn::ALL.iter().map(|turn| turn.grid(&grid, 2)).collect();
        laid.sort();
        laid.dedup();
        assert_eq!(laid.len(), 8);
    }

    #[test]
    fn the_inverse_takes_each_turn_back() {
        let grid = [1, 2, 3, 4];
        for turn in Turn::ALL {
            let there = turn.grid(&grid, 2);
            assert_eq!(turn.inverse().grid(&there, 2), grid, "{turn}");
        }
    }

    #[test]
    fn a_turn_by_90_degrees_brings_the_left_column_to_the_top() {
        // 1 2      3 1
        // 3 4  ->  4 2
        assert_eq!(Turn::ALL[1].grid(&[1, 2, 3, 4], 2), [3, 1, 4, 2]);
        assert_eq!(Turn::ALL[1].to_string(), "turned by 90°");
    }
}
