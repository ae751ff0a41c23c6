//! What is kept of each picture so that its copies can be found without opening it again.
//!
//! A fingerprint is the lowest cosine waves of a picture's brightness, of the whole and of
//! two smaller windows around its centre, so that a copy with its edges cut off or with a
//! border still has a part in common. Laying the picture on its side or mirroring it only
//! moves waves and changes their signs, so the eight ways are compared without pixels.
//! A near fingerprint is a reason to look at the pixels, never a proof.

use serde::{Deserialize, Serialize};

use super::Turn;

/// Waves in each direction.
pub(super) const WAVES: usize = 8;
/// Coefficients of a window; the first, the mean, is always zero.
pub(super) const COEFFICIENTS: usize = WAVES * WAVES;
/// What is cut off each edge for each window, as parts of the side.
const MARGINS: [f32; WINDOWS] = [0.0, 0.05, 0.1];
/// Windows of a picture, the whole picture first.
pub(super) const WINDOWS: usize = 3;
/// A coefficient of the usual size is stored as this.
const UNIT: f32 = 32.0;
/// Below this distance from grey, in levels, a picture has no colour: recompression leaves less.
const GREY: u8 = 3;
/// Below this contrast, in grey levels, a picture is taken for blank.
const BLANK: f32 = 2.0;

/// The lowest waves of a picture: a fixed [`Fingerprint::LENGTH`] bytes for each content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<u8>", try_from = "Vec<u8>")]
pub struct Fingerprint {
    /// For each window the waves of the brightness, relative to one another.
    windows: [[i8; COEFFICIENTS]; WINDOWS],
    /// Root mean square of the whole picture's waves in grey levels.
    contrast: u8,
    /// Mean distance of the pixels' colours from grey, in levels.
    colour: u8,
}

impl Fingerprint {
    /// Bytes of a stored fingerprint.
    pub const LENGTH: usize = 2 + WINDOWS * COEFFICIENTS;

    /// Takes the fingerprint of an upright picture that was squeezed into a square of
    /// `side * side` RGB pixels, rows from the top; 64 to 512 are sensible sides, and
    /// width and height of the picture do not matter.
    ///
    /// A picture with fewer pixels than promised is blank.
    #[must_use]
    pub fn of_square(pixels: &[u8], side: usize) -> Self {
        let luma: Vec<f32> = pixels.chunks_exact(3).map(brightness).collect();
        let mut fingerprint = Self {
            windows: [[0; COEFFICIENTS]; WINDOWS],
            contrast: 0,
            colour: colour(pixels),
        };
        if side < 2 * WAVES || luma.len() != side * side {
            return fingerprint;
        }
        for (window, margin) in fingerprint.windows.iter_mut().zip(MARGINS) {
            let margin = (margin * side as f32).round() as usize;
            let waves = waves_of(&luma, side, margin);
            let size = (waves.iter().map(|wave| wave * wave).sum::<f32>()
                / (COEFFICIENTS - 1) as f32)
                .sqrt();
            if margin == 0 {
                fingerprint.contrast = size.round().min(255.0) as u8;
            }
            if size > 0.0 {
                *window = waves.map(|wave| (wave / size * UNIT).round().clamp(-127.0, 127.0) as i8);
            }
        }
        fingerprint
    }

    /// Whether there is too little in the picture to tell it from any other blank one:
    /// such pictures have no candidates.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        f32::from(self.contrast) < BLANK
    }

    /// Whether there is no colour in it.
    #[must_use]
    pub fn is_grey(&self) -> bool {
        self.colour < GREY
    }

    /// How alike the pictures are when `self` is laid by `turn`, by the best pair of
    /// windows of which one is the whole: 1 for the same, about 0 for strangers.
    #[must_use]
    pub fn likeness(&self, other: &Self, turn: Turn) -> f32 {
        let mine = self.laid(turn);
        pairs()
            .map(|(a, b)| cosine(&mine[a], &other.windows[b]))
            .fold(-1.0, f32::max)
    }

    /// The waves of all windows when the picture is laid by `turn`.
    pub(super) fn laid(&self, turn: Turn) -> [[i8; COEFFICIENTS]; WINDOWS] {
        self.windows
            .each_ref()
            .map(|window| turn.waves::<WAVES, COEFFICIENTS>(window))
    }

    /// The stored form: one byte of contrast, then the windows, whole picture first, each
    /// 64 signed bytes, row after row, then one byte of colour.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = self.contrast;
        for (byte, wave) in bytes[1..].iter_mut().zip(self.windows.as_flattened()) {
            *byte = wave.cast_unsigned();
        }
        bytes[Self::LENGTH - 1] = self.colour;
        bytes
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let mut windows = [[0; COEFFICIENTS]; WINDOWS];
        for (wave, byte) in windows.as_flattened_mut().iter_mut().zip(&bytes[1..]) {
            // -128 is never written, and has no negative.
            *wave = byte.cast_signed().max(-127);
        }
        Self {
            windows,
            contrast: bytes[0],
            colour: bytes[Self::LENGTH - 1],
        }
    }
}

impl From<Fingerprint> for Vec<u8> {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_bytes().to_vec()
    }
}

impl TryFrom<Vec<u8>> for Fingerprint {
    type Error = String;

    fn try_from(bytes: Vec<u8>) -> Result<Self, String> {
        let length = bytes.len();
        let whole = bytes.as_slice().try_into().map(Self::from_bytes);
        whole.map_err(|_| format!("a fingerprint of {length} bytes, not {}", Self::LENGTH))
    }
}

/// Which windows of two pictures are worth comparing: a cut or framed copy has the size of
/// a window of the other's whole.
pub(super) fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..WINDOWS)
        .flat_map(|a| (0..WINDOWS).map(move |b| (a, b)))
        .filter(|(a, b)| *a == 0 || *b == 0)
}

/// Brightness as JPEG has it.
pub(super) fn brightness(rgb: &[u8]) -> f32 {
    0.299 * f32::from(rgb[0]) + 0.587 * f32::from(rgb[1]) + 0.114 * f32::from(rgb[2])
}

/// The mean distance of pixels from grey, in levels.
fn colour(pixels: &[u8]) -> u8 {
    let (mut sum, mut count) = (0_u64, 0_u64);
    for rgb in pixels.chunks_exact(3) {
        let (least, most) = (
            rgb[0].min(rgb[1]).min(rgb[2]),
            rgb[0].max(rgb[1]).max(rgb[2]),
        );
        sum += u64::from(most - least);
        count += 1;
    }
    // A mean of bytes is one.
    (sum / count.max(1)) as u8
}

fn cosine(a: &[i8; COEFFICIENTS], b: &[i8; COEFFICIENTS]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0_i32, 0_i32, 0_i32);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (i32::from(*a), i32::from(*b));
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    if aa == 0 || bb == 0 {
        return 0.0;
    }
    ab as f32 / (aa as f32 * bb as f32).sqrt()
}

/// The lowest waves of a square, less `margin` pixels at each edge. Natural pictures lose
/// strength in proportion to the frequency; that is undone, so that all waves count.
fn waves_of(luma: &[f32], side: usize, margin: usize) -> [f32; COEFFICIENTS] {
    let size = side - 2 * margin;
    let basis = |wave: usize, at: usize| {
        let angle = std::f32::consts::PI * wave as f32 * (at as f32 + 0.5) / size as f32;
        angle.cos()
            * if wave == 0 {
                1.0
            } else {
                std::f32::consts::SQRT_2
            }
    };
    let table: Vec<[f32; WAVES]> = (0..size)
        .map(|at| std::array::from_fn(|wave| basis(wave, at)))
        .collect();
    // Down the columns first: whole rows are added, which compilers do many at a time.
    let mut columns = vec![0.0_f32; WAVES * size];
    for (y, weights) in table.iter().enumerate() {
        let start = (y + margin) * side + margin;
        let row = &luma[start..start + size];
        for (sums, weight) in columns.chunks_exact_mut(size).zip(weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
    }
    let area = (size * size) as f32;
    let mut waves = [0.0; COEFFICIENTS];
    for (v, sums) in columns.chunks_exact(size).enumerate() {
        for (sum, weights) in sums.iter().zip(&table) {
            for (u, weight) in weights.iter().enumerate() {
                waves[v * WAVES + u] += sum * weight;
            }
        }
        for u in 0..WAVES {
            let frequency = ((u * u + v * v) as f32).sqrt();
            waves[v * WAVES + u] *= frequency / area;
        }
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::picture::sample;

    #[test]
    fn a_turned_picture_has_the_turned_fingerprint() {
        let pixels = sample(7, 128);
        let fingerprint = Fingerprint::of_square(&pixels, 128);
        for turn in Turn::ALL {
            let rgb: Vec<[u8; 3]> = pixels.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
            let turned = turn.grid(&rgb, 128).concat();
            let other = Fingerprint::of_square(&turned, 128);
            let best = Turn::ALL
                .into_iter()
                .max_by(|a, b| {
                    fingerprint
                        .likeness(&other, *a)
                        .total_cmp(&fingerprint.likeness(&other, *b))
                })
                .unwrap();
            assert_eq!(best, turn);
            assert!(fingerprint.likeness(&other, turn) > 0.999);
        }
    }

    #[test]
    fn a_grey_picture_is_told_from_a_coloured_one() {
        let pixels = sample(4, 64);
        let grey: Vec<u8> = pixels.chunks_exact(3).flat_map(|p| [p[1]; 3]).collect();
        assert!(!Fingerprint::of_square(&pixels, 64).is_grey());
        assert!(Fingerprint::of_square(&grey, 64).is_grey());
    }

    #[test]
    fn strangers_are_not_alike() {
        let a = Fingerprint::of_square(&sample(1, 128), 128);
        let b = Fingerprint::of_square(&sample(2, 128), 128);
        assert!(a.likeness(&b, Turn::NONE) < 0.6);
    }

    #[test]
    fn a_fingerprint_survives_its_stored_form() {
        let fingerprint = Fingerprint::of_square(&sample(3, 64), 64);
        assert_eq!(
            Fingerprint::from_bytes(&fingerprint.to_bytes()),
            fingerprint
        );
    }

    #[test]
    fn a_white_page_and_a_short_buffer_are_blank() {
        assert!(Fingerprint::of_square(&[255; 64 * 64 * 3], 64).is_blank());
        assert!(Fingerprint::of_square(&[0, 255, 0], 64).is_blank());
        assert!(!Fingerprint::of_square(&sample(3, 64), 64).is_blank());
    }
}
