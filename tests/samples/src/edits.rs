//! What happens to photos on their way through programs and websites: each edit makes a copy
//! that is still the same shot.
//!
//! The first are those that semfs promises to recognise; the others are there so that the
//! promise is not made for a list. Every edit is a pure function of picture and seed. What
//! only looks alike is in [`crate::twins`].

use image::{ImageResult, RgbImage, imageops};

use crate::lettering::{Ink, write};
use crate::noise::Rng;
use crate::pixels::{
    cropped, jpeg, levelled, luma, mapped, noisy, png, resized, scaled, turned, webp,
};

/// A kind of edit.
#[derive(Clone, Copy)]
pub struct Edit {
    /// In words, such as `turn by 90°`.
    pub name: &'static str,
    /// Of the files that it makes, such as `jpg`.
    pub extension: &'static str,
    /// It is one of those that are promised.
    pub is_listed: bool,
    make: fn(&RgbImage, &mut Rng) -> ImageResult<Vec<u8>>,
}

/// JPEGs of ordinary quality.
const QUALITY: u8 = 92;

/// The edits, those that are promised first.
pub const EDITS: &[Edit] = &[
    Edit::listed("scale 0.25 to 1", |image, rng| {
        ordinary(&scaled(image, rng.range(0.25, 1.0)))
    }),
    Edit::listed("JPEG 30 to 95", |image, rng| {
        jpeg(image, rng.pick([30, 30, 40, 50, 60, 75, 95]))
    }),
    Edit::listed("WebP (lossy)", |image, rng| {
        Ok(webp(image, rng.pick([30.0, 50.0, 75.0, 90.0])))
    })
    .into("webp"),
    Edit::listed("PNG", |image, _| png(image)).into("png"),
    Edit::listed("grey", |image, _| ordinary(&grey(image))),
    Edit::listed("brightness", |image, rng| {
        let levels = rng.pick([-60.0, -40.0, -20.0, 20.0, 40.0, 60.0]);
        ordinary(&levelled(image, 1.0, levels))
    }),
    Edit::listed("contrast", |image, rng| {
        let factor = rng.pick([0.5, 0.7, 0.85, 1.2, 1.4, 1.7]);
        ordinary(&levelled(image, factor, 0.0))
    }),
    Edit::listed("crop 5 %", |image, rng| crop(image, 0.05, rng)),
    Edit::listed("crop 10 %", |image, rng| crop(image, 0.1, rng)),
    Edit::listed("turn by 90°", |image, rng| {
        ordinary(&match rng.pick([1, 2, 3]) {
            1 => imageops::rotate90(image),
            2 => imageops::rotate180(image),
            _ => imageops::rotate270(image),
        })
    }),
    Edit::listed("mirror", |image, rng| {
        ordinary(&if rng.chance(0.5) {
            imageops::flip_horizontal(image)
        } else {
            imageops::flip_vertical(image)
        })
    }),
    Edit::listed("border", border),
    Edit::listed("watermark", watermark),
    Edit::other("scale 0.15", |image, _| ordinary(&scaled(image, 0.15))),
    Edit::other("crop 10 % at each edge", |image, _| {
        ordinary(&cropped(image, 0.1, 0.1, 0.8, 0.8))
    }),
    Edit::other("crop to 16:9", |image, _| crop_to_16_9(image)),
    Edit::other("gamma", |image, rng| {
        let gamma = rng.pick([0.6, 0.75, 1.35, 1.7]);
        ordinary(&mapped(image, |pixel| {
            pixel.map(|value| 255.0 * (value / 255.0_f32).powf(gamma))
        }))
    }),
    Edit::other("saturation", |image, rng| {
        let factor = rng.pick([0.4, 0.7, 1.4, 1.8]);
        ordinary(&mapped(image, |pixel| {
            let grey = luma(pixel);
            pixel.map(|value| grey + factor * (value - grey))
        }))
    }),
    Edit::other("sepia", |image, _| {
        ordinary(&mapped(image, |pixel| {
            let grey = luma(pixel);
            [grey * 1.07, grey * 0.9, grey * 0.7]
        }))
    }),
    Edit::other("warm tint", |image, _| {
        ordinary(&mapped(image, |[red, green, blue]| {
            [red * 1.08, green, blue * 0.88]
        }))
    }),
    Edit::other("blur", |image, _| ordinary(&imageops::blur(image, 1.5))),
    Edit::other("sharpen", |image, _| {
        ordinary(&imageops::unsharpen(image, 2.0, 2))
    }),
    Edit::other("squeezed to a square", |image, _| {
        ordinary(&resized(image, 300, 300))
    }),
    Edit::other("noise", |image, rng| ordinary(&noisy(image, 30.0, rng))),
    Edit::other("straightened by 1°", |image, _| {
        ordinary(&turned(image, 1.0, 0.97))
    }),
    Edit::other("half, JPEG 40, grey", |image, _| {
        jpeg(&grey(&scaled(image, 0.5)), 40)
    }),
    Edit::other("quarter, WebP 40, turned", |image, _| {
        Ok(webp(&imageops::rotate90(&scaled(image, 0.25)), 40.0))
    })
    .into("webp"),
    Edit::other("brighter, JPEG 50, mirrored", |image, _| {
        jpeg(&imageops::flip_horizontal(&levelled(image, 1.1, 25.0)), 50)
    }),
    Edit::other("signature in the corner", |image, _| {
        let mut signed = image.clone();
        let (width, height) = (image.width() as i32, image.height() as i32);
        let ink = Ink::new(short_side(image) / 28.0, [255; 3]);
        write(
            &mut signed,
            "SEMFS",
            width - width / 6,
            height - height / 16,
            ink,
        );
        ordinary(&signed)
    }),
    Edit::other("equalised", equalised),
    Edit::other("vignette", vignette),
];

impl Edit {
    const fn listed(
        name: &'static str,
        make: fn(&RgbImage, &mut Rng) -> ImageResult<Vec<u8>>,
    ) -> Self {
        Self {
            name,
            extension: "jpg",
            is_listed: true,
            make,
        }
    }

    const fn other(
        name: &'static str,
        make: fn(&RgbImage, &mut Rng) -> ImageResult<Vec<u8>>,
    ) -> Self {
        let mut edit = Self::listed(name, make);
        edit.is_listed = false;
        edit
    }

    const fn into(mut self, extension: &'static str) -> Self {
        self.extension = extension;
        self
    }

    /// The file of a copy. What the kind leaves open (how much, which corner) follows the seed.
    ///
    /// # Errors
    /// When the picture cannot be encoded: it has no pixels, or too many for the format.
    pub fn of(&self, image: &RgbImage, seed: u64) -> ImageResult<Vec<u8>> {
        (self.make)(image, &mut Rng::of(self.name, seed))
    }
}

fn ordinary(image: &RgbImage) -> ImageResult<Vec<u8>> {
    jpeg(image, QUALITY)
}

fn grey(image: &RgbImage) -> RgbImage {
    mapped(image, |pixel| [luma(pixel); 3])
}

fn short_side(image: &RgbImage) -> f32 {
    image.width().min(image.height()) as f32
}

/// So much of width and height taken away, at edges by chance.
fn crop(image: &RgbImage, part: f32, rng: &mut Rng) -> ImageResult<Vec<u8>> {
    let (left, top) = (rng.range(0.0, part), rng.range(0.0, part));
    ordinary(&cropped(image, left, top, 1.0 - part, 1.0 - part))
}

/// To the shape of a screen, or to that of one on its side.
fn crop_to_16_9(image: &RgbImage) -> ImageResult<Vec<u8>> {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let long = width.max(height);
    let kept = (long * 9.0 / 16.0 / width.min(height)).min(1.0);
    let margin = 0.5 * (1.0 - kept);
    ordinary(&if width > height {
        cropped(image, 0.0, margin, 1.0, kept)
    } else {
        cropped(image, margin, 0.0, kept, 1.0)
    })
}

fn border(image: &RgbImage, rng: &mut Rng) -> ImageResult<Vec<u8>> {
    let part = rng.pick([0.02, 0.04, 0.06]);
    let colour = rng.pick([[255; 3], [0; 3], [120, 90, 40]]);
    let edge = (image.width().max(image.height()) as f32 * part) as u32;
    let (width, height) = (image.width() + 2 * edge, image.height() + 2 * edge);
    let mut framed = RgbImage::from_pixel(width, height, image::Rgb(colour));
    imageops::replace(&mut framed, image, i64::from(edge), i64::from(edge));
    ordinary(&framed)
}

fn watermark(image: &RgbImage, rng: &mut Rng) -> ImageResult<Vec<u8>> {
    let mut marked = image.clone();
    let size = short_side(image) / 9.0;
    let (width, height) = (image.width() as i32, image.height() as i32);
    match rng.pick([0, 1, 2]) {
        0 => {
            let ink = Ink::sheer(size, 0.4);
            write(&mut marked, "SAMPLE PHOTO", width / 10, height / 2, ink);
        }
        1 => {
            for row in 0..4 {
                let x = width / 12 + row % 2 * width / 3;
                let y = height / 10 + row * height / 4;
                write(&mut marked, "SEMFS", x, y, Ink::sheer(size * 0.7, 0.3));
            }
        }
        _ => {
            let ink = Ink::sheer(size * 0.6, 0.8);
            write(
                &mut marked,
                "PHOTO 2024",
                width / 2,
                height - height / 8,
                ink,
            );
        }
    }
    ordinary(&marked)
}

/// Half the way to a picture that has as much of each brightness.
fn equalised(image: &RgbImage, _: &mut Rng) -> ImageResult<Vec<u8>> {
    let mut counts = [0_u32; 256];
    for pixel in image.pixels() {
        counts[luma(pixel.0.map(f32::from)) as usize] += 1;
    }
    let all = image.width() * image.height();
    let mut sum = 0;
    let curve = counts.map(|count| {
        sum += count;
        255.0 * sum as f32 / all as f32
    });
    ordinary(&mapped(image, |pixel| {
        let grey = luma(pixel).max(1.0);
        let wanted = 0.5 * grey + 0.5 * curve[grey as usize];
        pixel.map(|value| value * wanted / grey)
    }))
}

/// Darker towards the corners.
fn vignette(image: &RgbImage, _: &mut Rng) -> ImageResult<Vec<u8>> {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let mut darkened = image.clone();
    for (x, y, pixel) in darkened.enumerate_pixels_mut() {
        let (x, y) = (x as f32 / width - 0.5, y as f32 / height - 0.5);
        let light = 1.0 - 0.5 * (x * x + y * y);
        pixel.0 = pixel.0.map(|value| (f32::from(value) * light) as u8);
    }
    ordinary(&darkened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_is_another_file_and_the_same_for_the_same_seed() {
        let image = crate::draw("beach", 1, 160, 120).expect("a known subject");
        let original = ordinary(&image).expect("a JPEG");
        for edit in EDITS {
            let copy = edit.of(&image, 5).expect("a copy");
            assert_ne!(copy, original, "{}", edit.name);
            assert_eq!(copy, edit.of(&image, 5).expect("a copy"), "{}", edit.name);
            let read = image::load_from_memory(&copy).expect("a picture");
            assert!(read.width() >= 24, "{}", edit.name);
        }
    }

    #[test]
    fn names_are_different_and_the_promised_kinds_come_first() {
        let names: std::collections::BTreeSet<_> = EDITS.iter().map(|edit| edit.name).collect();
        assert_eq!(names.len(), EDITS.len());
        assert!(EDITS.is_sorted_by_key(|edit| !edit.is_listed));
    }
}
