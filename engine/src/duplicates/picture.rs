//! A picture small enough to be compared pixel by pixel.
//!
//! Brightness at several sizes and colour at one, all as squares: a picture that is
//! squeezed into a square is laid and cut like the picture itself. It does not know where
//! the pixels came from.

use super::Turn;
use super::fingerprint::brightness;

/// Side of the finest brightness plane in pixels.
pub(super) const SIDE: usize = 256;
/// Sides of all brightness planes, the finest first.
const SIDES: [usize; 4] = [256, 128, 64, 32];
/// Side of the colour planes in pixels.
pub(super) const COLOUR_SIDE: usize = 32;

/// The square was not of the size that pictures are compared at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a picture to be compared has {found} bytes: decode it to {SIDE} x {SIDE} pixels of RGB first"
)]
pub struct ShapeError {
    found: usize,
}

/// A decoded picture, ready to be compared: about 450 kB.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Brightness in grey levels, one plane for each of `SIDES`.
    luma: [Plane; 4],
    /// Blue and red difference in grey levels, 0 for grey.
    colour: [Plane; 2],
    width: u32,
    height: u32,
}

/// A square of values, rows from the top.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plane {
    pub(super) side: usize,
    pub(super) values: Vec<f32>,
}

impl Picture {
    /// Side in pixels of the square that [`Picture::of_square`] wants.
    pub const SIDE: usize = SIDE;

    /// Makes a picture of its upright pixels, squeezed into a square of
    /// [`Picture::SIDE`] pixels of RGB. `width` and `height` are what the file has, as it
    /// is shown: they say how fine the detail can be.
    ///
    /// # Errors
    /// [`ShapeError`] if the square has another size.
    pub fn of_square(pixels: &[u8], width: u32, height: u32) -> Result<Self, ShapeError> {
        if pixels.len() != SIDE * SIDE * 3 {
            return Err(ShapeError {
                found: pixels.len(),
            });
        }
        let plane = |value: fn(&[u8]) -> f32| Plane {
            side: SIDE,
            values: pixels.chunks_exact(3).map(value).collect(),
        };
        let finest = plane(brightness);
        let half = finest.halved();
        let quarter = half.halved();
        let eighth = quarter.halved();
        let small = |plane: Plane| plane.halved().halved().halved().smoothed();
        Ok(Self {
            luma: [finest, half, quarter, eighth],
            colour: [
                small(plane(|rgb| 0.564 * (f32::from(rgb[2]) - brightness(rgb)))),
                small(plane(|rgb| 0.713 * (f32::from(rgb[0]) - brightness(rgb)))),
            ],
            width,
            height,
        })
    }

    /// The picture laid another way.
    #[must_use]
    pub fn turned(&self, turn: Turn) -> Self {
        let (width, height) = if turn.transposes() {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        };
        Self {
            luma: self.luma.each_ref().map(|plane| plane.turned(turn)),
            colour: self.colour.each_ref().map(|plane| plane.turned(turn)),
            width,
            height,
        }
    }

    /// The brightness plane of that side; the coarsest if there is none.
    pub(super) fn luma(&self, side: usize) -> &Plane {
        let at = SIDES.iter().position(|each| *each == side).unwrap_or(3);
        &self.luma[at]
    }

    pub(super) fn colour(&self) -> &[Plane; 2] {
        &self.colour
    }

    /// Square root of the number of the file's pixels.
    pub(super) fn fineness(&self) -> f32 {
        (self.width as f32 * self.height as f32).sqrt()
    }
}

impl Plane {
    /// Each value the mean of four.
    fn halved(&self) -> Self {
        let side = self.side / 2;
        let mut values = Vec::with_capacity(side * side);
        for rows in self.values.chunks_exact(self.side * 2) {
            let (above, below) = rows.split_at(self.side);
            for (a, b) in above.chunks_exact(2).zip(below.chunks_exact(2)) {
                values.push((a[0] + a[1] + b[0] + b[1]) / 4.0);
            }
        }
        Self { side, values }
    }

    fn turned(&self, turn: Turn) -> Self {
        Self {
            side: self.side,
            values: turn.grid(&self.values, self.side),
        }
    }

    /// Slightly blurred, by 1-2-1 in both directions: what recompression and sharpening
    /// change from pixel to pixel says little about the picture.
    pub(super) fn smoothed(&self) -> Self {
        let side = self.side;
        let last = side - 1;
        let mut across = Vec::with_capacity(self.values.len());
        for row in self.values.chunks_exact(side) {
            for x in 0..side {
                let (left, right) = (row[x.saturating_sub(1)], row[(x + 1).min(last)]);
                across.push((left + 2.0 * row[x] + right) / 4.0);
            }
        }
        let mut values = Vec::with_capacity(across.len());
        for y in 0..side {
            let (above, below) = (y.saturating_sub(1) * side, (y + 1).min(last) * side);
            for x in 0..side {
                values.push(
                    (across[above + x] + 2.0 * across[y * side + x] + across[below + x]) / 4.0,
                );
            }
        }
        Self { side, values }
    }

    /// The value at a place in pixels, between the four around it; `None` outside.
    pub(super) fn at(&self, x: f32, y: f32) -> Option<f32> {
        let last = (self.side - 1) as f32;
        // Half a pixel beyond the centre of the outermost is still the picture.
        if !(-0.5..=last + 0.5).contains(&x) || !(-0.5..=last + 0.5).contains(&y) {
            return None;
        }
        let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
        // Both are in 0..side, and the last column has no neighbour to the right.
        let (column, row) = (
            (x as usize).min(self.side - 2),
            (y as usize).min(self.side - 2),
        );
        let (right, down) = (x - column as f32, y - row as f32);
        let at = row * self.side + column;
        let above = self.values[at] + (self.values[at + 1] - self.values[at]) * right;
        let at = at + self.side;
        let below = self.values[at] + (self.values[at + 1] - self.values[at]) * right;
        Some(above + (below - above) * down)
    }
}

/// A picture that looks like none other, for tests: soft random waves of many sizes, RGB.
#[cfg(test)]
pub(super) fn sample(seed: u64, side: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let waves: Vec<[f32; 6]> = (0..60)
        .map(|_| {
            let size = 1.0 + 30.0 * random() * random();
            let angle = std::f32::consts::TAU * random();
            let phase = std::f32::consts::TAU * random();
            let strength = 40.0 / size.sqrt();
            [
                size * angle.cos(),
                size * angle.sin(),
                phase,
                strength * random(),
                random(),
                random(),
            ]
        })
        .collect();
    let mut pixels = Vec::with_capacity(side * side * 3);
    for y in 0..side {
        for x in 0..side {
            let (u, v) = (x as f32 / side as f32, y as f32 / side as f32);
            let mut rgb = [128.0_f32; 3];
            for [fx, fy, phase, strength, green, blue] in &waves {
                let value = strength * (std::f32::consts::TAU * (fx * u + fy * v) + phase).sin();
                rgb[0] += value;
                rgb[1] += value * (0.5 + green);
                rgb[2] += value * (0.5 + blue);
            }
            pixels.extend(rgb.map(|value| value.round().clamp(0.0, 255.0) as u8));
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_of_another_size_is_refused_with_what_to_do() {
        let error = Picture::of_square(&[0; 12], 2, 2).unwrap_err();
        assert!(error.to_string().contains("decode it to 256 x 256"));
    }

    #[test]
    fn a_grey_picture_has_no_colour() {
        let picture = Picture::of_square(&[90; SIDE * SIDE * 3], 10, 10).unwrap();
        assert!(
            picture.colour[0]
                .values
                .iter()
                .all(|value| value.abs() < 0.01)
        );
        assert!((picture.luma(32).values[5] - 90.0).abs() < 0.01);
    }

    #[test]
    fn values_between_pixels_are_between_them_and_outside_there_are_none() {
        let plane = Plane {
            side: 2,
            values: vec![0.0, 10.0, 20.0, 30.0],
        };
        assert_eq!(plane.at(0.5, 0.5), Some(15.0));
        assert_eq!(plane.at(-0.4, 0.0), Some(0.0));
        assert_eq!(plane.at(1.6, 0.0), None);
    }
}
