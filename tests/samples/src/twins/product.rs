//! A product on white ground, or before a picture: a body with a label, perhaps a lid.

use image::{Rgb, RgbImage};

use super::Pair;
use crate::lettering::{Ink, write};
use crate::noise::Rng;
use crate::pixels::resized;

/// Pixels of width and height.
const SIDE: u32 = 600;

/// What stands on labels.
const LABELS: [&str; 4] = ["SAMPLE", "MOTHS", "TEMPO", "CHASE"];

#[derive(Clone)]
pub(super) struct Product {
    /// Colour of the body.
    pub(super) body: [u8; 3],
    /// Parts of the picture's width and height.
    pub(super) width: f32,
    height: f32,
    /// The exponent of its outline: 2 is an ellipse, 8 nearly a rectangle.
    roundness: f32,
    /// Place in [`LABELS`], counted round and round.
    pub(super) label: usize,
    /// The number below the label.
    pub(super) digits: u32,
    pub(super) has_badge: bool,
    pub(super) has_lid: bool,
    /// From where the light comes.
    light: f32,
}

impl Product {
    pub(super) fn random(rng: &mut Rng) -> Self {
        Self {
            body: rng.pick([
                [200, 40, 50],
                [40, 90, 190],
                [40, 140, 70],
                [220, 160, 40],
                [130, 60, 150],
            ]),
            width: rng.range(0.2, 0.45),
            height: rng.range(0.5, 0.8),
            roundness: rng.pick([2.0, 4.0, 8.0]),
            label: rng.pick([0, 1, 2, 3]),
            digits: rng.range(100.0, 900.0) as u32,
            has_badge: false,
            has_lid: rng.chance(0.5),
            light: rng.range(0.3, 0.7),
        }
    }

    /// One, and the same changed.
    pub(super) fn pair(
        rng: &mut Rng,
        ground: Option<&RgbImage>,
        change: fn(&mut Self, &mut Rng),
    ) -> Pair {
        let first = Self::random(rng);
        let mut other = first.clone();
        change(&mut other, rng);
        (first.drawn(ground), other.drawn(ground))
    }

    pub(super) fn drawn(&self, ground: Option<&RgbImage>) -> RgbImage {
        let mut image = match ground {
            Some(ground) => resized(ground, SIDE, SIDE),
            None => RgbImage::from_pixel(SIDE, SIDE, Rgb([255; 3])),
        };
        for (x, y, pixel) in image.enumerate_pixels_mut() {
            let across = x as f32 / SIDE as f32 - 0.5;
            let down = y as f32 / SIDE as f32 - 0.52;
            if let Some(colour) = self.colour_at(across, down, ground.is_none()) {
                pixel.0 = colour;
            }
        }
        let size = SIDE as f32 * self.width * 0.14;
        let left = (SIDE as f32 * (0.5 - self.width * 0.3)) as i32;
        let middle = SIDE as i32 / 2;
        let label = LABELS[self.label % LABELS.len()];
        write(
            &mut image,
            label,
            left,
            middle,
            Ink::new(size, [20, 20, 60]),
        );
        let ink = Ink::new(size * 0.7, [120, 20, 20]);
        let below = middle + (size * 1.6) as i32;
        write(&mut image, &self.digits.to_string(), left, below, ink);
        image
    }

    /// What is at a place, seen from the middle; nothing where the ground is.
    fn colour_at(&self, across: f32, down: f32, has_shadow: bool) -> Option<[u8; 3]> {
        let (half_width, half_height) = (self.width / 2.0, self.height / 2.0);
        let (x, y) = (across / half_width, down / half_height);
        let badge = [across - half_width * 0.5, down + 0.02 + half_height * 0.6];
        if self.has_badge && badge[0] * badge[0] + badge[1] * badge[1] < 0.0012 {
            return Some([230, 40, 40]);
        }
        if x.abs() < 0.7 && (down - 0.05).abs() < half_height * 0.4 {
            return Some([245, 240, 225]);
        }
        if x.abs().powf(self.roundness) + y.abs().powf(self.roundness) < 1.0 {
            let side = x - self.light + 0.5;
            let light = 0.65 + 0.5 * (1.0 - side * side);
            return Some(self.body.map(|value| (f32::from(value) * light) as u8));
        }
        if self.has_lid && x.abs() < 0.5 && y < -0.9 && y > -1.1 {
            return Some([70, 70, 75]);
        }
        let shadow = [x / 1.2, (down - half_height) / 0.03];
        let is_shadow = shadow[0] * shadow[0] + shadow[1] * shadow[1] < 1.0;
        (has_shadow && is_shadow).then_some([225; 3])
    }
}
