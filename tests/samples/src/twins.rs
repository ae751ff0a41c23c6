//! Pictures that look alike and are not the same photo: what a shop shows beside each other,
//! shots of one moment, forms that were filled in, rooms in which something came or went.
//!
//! None of these pairs is a copy, however small the difference is: whoever deletes one of the
//! two loses something. Every pair is a pure function of picture and seed.

mod product;

use image::{ImageResult, Rgb, RgbImage, imageops};

use crate::lettering::{Ink, write};
use crate::noise::Rng;
use crate::pixels::{bent, jpeg, noisy, panel, resized};

use product::Product;

/// A kind of twins.
#[derive(Clone, Copy)]
pub struct Twins {
    /// In words, such as `product: badge added`.
    pub name: &'static str,
    make: fn(&RgbImage, &mut Rng) -> Pair,
}

/// Two pictures.
type Pair = (RgbImage, RgbImage);

/// The kinds.
pub const TWINS: &[Twins] = &[
    Twins::new("product: other label text", |_, rng| {
        Product::pair(rng, None, |other, _| other.label += 1)
    }),
    Twins::new("product: other colour", |_, rng| {
        Product::pair(rng, None, |other, rng| {
            let places = rng.pick([1, 2]);
            other.body.rotate_left(places);
        })
    }),
    Twins::new("product: other shade of grey", |_, rng| {
        let mut first = Product::random(rng);
        first.body = [60; 3];
        let mut other = first.clone();
        other.body = [130; 3];
        (first.drawn(None), other.drawn(None))
    }),
    Twins::new("product: badge added", |_, rng| {
        Product::pair(rng, None, |other, _| other.has_badge = true)
    }),
    Twins::new("product: other shape", |_, rng| {
        Product::pair(rng, None, |other, _| other.width *= 1.25)
    }),
    Twins::new("product: lid added", |_, rng| {
        Product::pair(rng, None, |other, _| other.has_lid = !other.has_lid)
    }),
    Twins::new("product: size digits", |_, rng| {
        Product::pair(rng, None, |other, _| {
            other.digits = (other.digits + 137) % 900 + 100;
        })
    }),
    Twins::new("product on texture: other label text", |image, rng| {
        Product::pair(rng, Some(image), |other, _| other.label += 1)
    }),
    Twins::new("burst: something moved", |image, rng| {
        let moved = with_a_part_moved(image, rng);
        grainy(image, &moved, 8.0, rng)
    }),
    Twins::new("burst: hand-held", |image, rng| {
        let moved = from_another_place(image, rng);
        grainy(image, &moved, 8.0, rng)
    }),
    Twins::new("burst: someone appeared", |image, rng| {
        let size = [0.05, 0.18];
        let place = [rng.range(0.2, 0.7), 0.5];
        let shades = [rng.range(60.0, 210.0), rng.range(60.0, 160.0)];
        let colour = [
            shades[0] as u8,
            shades[1] as u8,
            rng.range(60.0, 160.0) as u8,
        ];
        let joined = with_a_blot(image, place, size, colour);
        grainy(image, &joined, 8.0, rng)
    }),
    Twins::new("same scene, half a second later", |image, rng| {
        let swayed = with_a_part_swayed(image, rng);
        grainy(image, &swayed, 8.0, rng)
    }),
    Twins::new("document: other text", |_, rng| (page(rng), page(rng))),
    Twins::new("scene: other label text", |image, rng| {
        signs(image, true, rng)
    }),
    Twins::new("scene: sign written on", |image, rng| {
        signs(image, false, rng)
    }),
    Twins::new("scene: other caption", |image, rng| {
        let size = image.height() as f32 * rng.range(0.05, 0.1);
        let (x, y) = (image.width() / 8, image.height() - 2 * size as u32);
        let captioned = |word: &str| {
            let mut captioned = image.clone();
            let ink = Ink::new(size, [255; 3]);
            write(&mut captioned, word, x as i32, y as i32, ink);
            captioned
        };
        let (first, second) = two_words(rng);
        (captioned(first), captioned(second))
    }),
    Twins::new("scene: small bird appeared", |image, rng| {
        something_small(image, [35, 32, 30], rng)
    }),
    Twins::new("scene: small lamp lit", |image, rng| {
        something_small(image, [255, 250, 220], rng)
    }),
    Twins::new("screen: other text", |image, rng| screens(image, true, rng)),
    Twins::new("screen: line added", |image, rng| {
        screens(image, false, rng)
    }),
    Twins::new("form: other text", |image, rng| forms(image, true, rng)),
    Twins::new("form: filled in", |image, rng| forms(image, false, rng)),
];

/// Words that stand on signs, screens and forms.
const WORDS: [&str; 7] = [
    "SAMPLE", "MOTHS", "TEMPO", "CHASE", "PHOTO", "CAFE", "HOTEL",
];

impl Twins {
    const fn new(name: &'static str, make: fn(&RgbImage, &mut Rng) -> Pair) -> Self {
        Self { name, make }
    }

    /// Two JPEGs that are not the same photo; of most kinds with the picture in them.
    ///
    /// # Errors
    /// When a picture cannot be encoded: it has no pixels.
    pub fn of(&self, image: &RgbImage, seed: u64) -> ImageResult<(Vec<u8>, Vec<u8>)> {
        let mut rng = Rng::of(self.name, seed);
        let qualities = [rng.pick([70, 85, 92]), rng.pick([70, 85, 92])];
        let (first, second) = (self.make)(image, &mut rng);
        Ok((jpeg(&first, qualities[0])?, jpeg(&second, qualities[1])?))
    }
}

/// Both with the noise of a sensor, each its own.
fn grainy(first: &RgbImage, second: &RgbImage, levels: f32, rng: &mut Rng) -> Pair {
    (noisy(first, levels, rng), noisy(second, levels, rng))
}

/// A seventh of the width, near the middle, moves aside.
fn with_a_part_moved(image: &RgbImage, rng: &mut Rng) -> RgbImage {
    let (width, height) = image.dimensions();
    let x = width / 4 + (rng.range(0.0, 0.3) * width as f32) as u32;
    let y = height / 3 + (rng.range(0.0, 0.2) * height as f32) as u32;
    let part = imageops::crop_imm(image, x, y, width / 7, height / 5).to_image();
    let mut moved = image.clone();
    let (x, y) = (x + width / 20, y + height / 30);
    imageops::replace(&mut moved, &part, i64::from(x), i64::from(y));
    moved
}

/// From a step beside: what is near moves more than what is far.
fn from_another_place(image: &RgbImage, rng: &mut Rng) -> RgbImage {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let step = width * rng.range(0.008, 0.02);
    bent(image, |x, y| {
        let relief = 0.5 * (7.0 * x / width).sin() * (5.0 * y / height).cos();
        (x + step * (0.3 + y / height + relief), y + step * 0.3)
    })
}

/// Most of it still, a part sways.
fn with_a_part_swayed(image: &RgbImage, rng: &mut Rng) -> RgbImage {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let (middle_x, middle_y) = (width * rng.range(0.3, 0.7), height * rng.range(0.3, 0.7));
    let most = width * 0.03;
    bent(image, |x, y| {
        let (across, down) = (
            (x - middle_x) / (width * 0.12),
            (y - middle_y) / (height * 0.12),
        );
        let sway = most * (-across * across - down * down).exp();
        (x + sway, y - 0.5 * sway)
    })
}

/// With an ellipse; its middle and half its width and height are parts of the picture's.
fn with_a_blot(image: &RgbImage, place: [f32; 2], size: [f32; 2], colour: [u8; 3]) -> RgbImage {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let mut changed = image.clone();
    for (x, y, pixel) in changed.enumerate_pixels_mut() {
        let across = (x as f32 / width - place[0]) / size[0];
        let down = (y as f32 / height - place[1]) / size[1];
        if across * across + down * down < 1.0 {
            let light = 0.8 + 0.3 * across;
            pixel.0 = colour.map(|value| (f32::from(value) * light) as u8);
        }
    }
    changed
}

fn something_small(image: &RgbImage, colour: [u8; 3], rng: &mut Rng) -> Pair {
    let place = [rng.range(0.1, 0.6), rng.range(0.1, 0.7)];
    let size = [rng.range(0.01, 0.03), rng.range(0.01, 0.03)];
    let joined = with_a_blot(image, place, size, colour);
    grainy(image, &joined, 6.0, rng)
}

/// A page of letters.
fn page(rng: &mut Rng) -> RgbImage {
    let mut page = RgbImage::from_pixel(600, 850, Rgb([250; 3]));
    for line in 0..34 {
        let letter = |_| rng.pick(['A', 'C', 'E', 'F', 'H', 'M', 'O', 'P', 'S', 'T', ' ']);
        let text: String = (0..40).map(letter).collect();
        write(
            &mut page,
            &text,
            50,
            50 + line * 22,
            Ink::new(11.0, [30; 3]),
        );
    }
    page
}

/// A sign somewhere in the picture, with one word and with another, or with none and with one.
fn signs(image: &RgbImage, both_written: bool, rng: &mut Rng) -> Pair {
    let x = (image.width() as f32 * rng.range(0.1, 0.6)) as i32;
    let y = (image.height() as f32 * rng.range(0.1, 0.7)) as i32;
    let size = image.width().min(image.height()) as f32 * rng.range(0.03, 0.09);
    let paint = rng.pick([[240, 235, 220], [30, 60, 120], [200, 180, 40]]);
    let colour = if paint[0] < 100 { [250; 3] } else { [20; 3] };
    let (first, second) = two_words(rng);
    let sign = |word: Option<&str>| {
        let mut picture = image.clone();
        let plate = [x, y, (size * 6.0) as i32, (size * 2.0) as i32];
        panel(&mut picture, plate, paint);
        if let Some(word) = word {
            let (x, y) = (x + size as i32 / 3, y + size as i32 / 2);
            write(&mut picture, word, x, y, Ink::new(size, colour));
        }
        picture
    };
    (sign(both_written.then_some(first)), sign(Some(second)))
}

/// A program that shows a photo, with a bar of buttons and a few lines of text.
fn screens(image: &RgbImage, both_written: bool, rng: &mut Rng) -> Pair {
    let mut screen = RgbImage::from_pixel(800, 600, Rgb([236, 236, 240]));
    for button in 0..12 {
        let shade = (button * 53 % 160) as u8;
        let place = [12 + button * 60, 10, 40, 30];
        panel(&mut screen, place, [shade, 90, 200 - shade]);
    }
    imageops::replace(&mut screen, &resized(image, 560, 420), 20, 60);
    for (line, word) in (0..).zip(WORDS) {
        write(
            &mut screen,
            word,
            600,
            80 + line * 40,
            Ink::new(16.0, [40; 3]),
        );
    }
    let (first, second) = two_words(rng);
    let written = |word| {
        let mut screen = screen.clone();
        write(&mut screen, word, 40, 520, Ink::new(22.0, [20; 3]));
        screen
    };
    let shown = if both_written {
        written(first)
    } else {
        screen.clone()
    };
    (shown, written(second))
}

/// A form with a small picture at its head, filled in twice, or before and after.
fn forms(image: &RgbImage, both_written: bool, rng: &mut Rng) -> Pair {
    let mut form = RgbImage::from_pixel(600, 850, Rgb([248; 3]));
    imageops::replace(&mut form, &resized(image, 180, 120), 40, 30);
    for line in 0..16 {
        let top = 180 + line * 40;
        let word = WORDS[line as usize % WORDS.len()];
        write(&mut form, word, 40, top, Ink::new(12.0, [30; 3]));
        panel(&mut form, [200, top + 18, 340, 2], [60; 3]);
    }
    let from = rng.pick([0, 1, 2, 3, 4, 5, 6]);
    let filled_in = |from: usize, step: usize| {
        let mut form = form.clone();
        for line in 0..5 {
            let word = WORDS[(from + step * line) % WORDS.len()];
            let top = 180 + line as i32 * 80;
            write(&mut form, word, 210, top, Ink::new(14.0, [20, 20, 90]));
        }
        form
    };
    let first = if both_written {
        filled_in(from, 1)
    } else {
        form.clone()
    };
    (first, filled_in(from + 2, 3))
}

/// Two different ones.
fn two_words(rng: &mut Rng) -> (&'static str, &'static str) {
    let first = rng.pick([0, 1, 2, 3, 4, 5, 6]);
    let second = first + rng.pick([1, 2, 3, 4, 5, 6]);
    (WORDS[first], WORDS[second % WORDS.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_are_two_pictures_and_the_same_two_for_the_same_seed() {
        let image = crate::draw("beach", 1, 320, 240).expect("a known subject");
        for twins in TWINS {
            for seed in 0..4 {
                let (first, second) = (twins.make)(&image, &mut Rng::of(twins.name, seed));
                let different = first.pixels().zip(second.pixels());
                let different = different.filter(|(a, b)| a != b).count();
                assert!(different > 20, "{}: {different} pixels", twins.name);
            }
            let pair = twins.of(&image, 3).expect("two pictures");
            assert_eq!(pair, twins.of(&image, 3).expect("two pictures"));
        }
    }
}
