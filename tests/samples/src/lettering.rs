//! Letters of 5 by 7 dots, enough for the words that stand on watermarks, labels and forms.

use image::RgbImage;

/// The letters there are; others leave a gap. Each row has five bits, the left one highest.
const LETTERS: [(char, [u8; 7]); 24] = [
    ('A', [14, 17, 17, 31, 17, 17, 17]),
    ('C', [14, 17, 16, 16, 16, 17, 14]),
    ('E', [31, 16, 16, 30, 16, 16, 31]),
    ('F', [31, 16, 16, 30, 16, 16, 16]),
    ('H', [17, 17, 17, 31, 17, 17, 17]),
    ('L', [16, 16, 16, 16, 16, 16, 31]),
    ('M', [17, 27, 21, 21, 17, 17, 17]),
    ('O', [14, 17, 17, 17, 17, 17, 14]),
    ('P', [30, 17, 17, 30, 16, 16, 16]),
    ('S', [15, 16, 16, 14, 1, 1, 30]),
    ('T', [31, 4, 4, 4, 4, 4, 4]),
    ('0', [14, 17, 19, 21, 25, 17, 14]),
    ('1', [4, 12, 4, 4, 4, 4, 14]),
    ('2', [14, 17, 1, 2, 4, 8, 31]),
    ('3', [31, 2, 4, 2, 1, 17, 14]),
    ('4', [2, 6, 10, 18, 31, 2, 2]),
    ('5', [31, 16, 30, 1, 1, 17, 14]),
    ('6', [6, 8, 16, 30, 17, 17, 14]),
    ('7', [31, 1, 2, 4, 8, 8, 8]),
    ('8', [14, 17, 17, 14, 17, 17, 14]),
    ('9', [14, 17, 17, 15, 1, 2, 12]),
    ('N', [17, 25, 21, 19, 17, 17, 17]),
    ('R', [30, 17, 17, 30, 20, 18, 17]),
    ('U', [17, 17, 17, 17, 17, 17, 14]),
];

/// How letters are painted.
#[derive(Clone, Copy)]
pub struct Ink {
    /// Height of a letter in pixels.
    pub size: f32,
    /// Red, green, blue.
    pub colour: [u8; 3],
    /// How much of the colour there is, 0 to 1; the rest is what was there before.
    pub cover: f32,
}

impl Ink {
    /// Ink that covers all.
    pub fn new(size: f32, colour: [u8; 3]) -> Self {
        Self {
            size,
            colour,
            cover: 1.0,
        }
    }

    /// Ink through which the picture is seen.
    pub fn sheer(size: f32, cover: f32) -> Self {
        Self {
            size,
            colour: [255; 3],
            cover,
        }
    }
}

/// Writes a word, its top left corner at a place that may be outside.
pub fn write(image: &mut RgbImage, text: &str, x: i32, y: i32, ink: Ink) {
    let dot = ink.size / 7.0;
    for (place, letter) in text.chars().enumerate() {
        let Some((_, rows)) = LETTERS.iter().find(|(known, _)| *known == letter) else {
            continue;
        };
        let left = x + (place as f32 * dot * 6.0) as i32;
        for down in 0..ink.size as i32 {
            let row = ((down as f32 / dot) as usize).min(6);
            for across in 0..(dot * 5.0) as i32 {
                let column = ((across as f32 / dot) as usize).min(4);
                if rows[row] >> (4 - column) & 1 == 1 {
                    paint(image, left + across, y + down, ink);
                }
            }
        }
    }
}

fn paint(image: &mut RgbImage, x: i32, y: i32, ink: Ink) {
    let inside = u32::try_from(x).ok().zip(u32::try_from(y).ok());
    let Some(pixel) = inside.and_then(|(x, y)| image.get_pixel_mut_checked(x, y)) else {
        return;
    };
    for (value, colour) in pixel.0.iter_mut().zip(ink.colour) {
        let mixed = f32::from(*value) * (1.0 - ink.cover) + f32::from(colour) * ink.cover;
        *value = mixed as u8;
    }
}
