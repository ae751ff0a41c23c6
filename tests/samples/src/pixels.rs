//! What edits and twins are made of: pixels mapped, cut, scaled, bent, and files of them.
//! Which of that makes a copy is not known here.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ImageFormat, ImageResult, Rgb, RgbImage};

use crate::noise::Rng;

/// A JPEG of a quality from 1 to 100.
pub fn jpeg(image: &RgbImage, quality: u8) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image)?;
    Ok(bytes)
}

/// A PNG.
pub fn png(image: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// A lossy WebP of a quality from 0 to 100.
pub fn webp(image: &RgbImage, quality: f32) -> Vec<u8> {
    let (width, height) = image.dimensions();
    let encoder = webp::Encoder::from_rgb(image.as_raw(), width, height);
    encoder.encode(quality).to_vec()
}

/// Scaled to a part of its width and height.
pub fn scaled(image: &RgbImage, part: f32) -> RgbImage {
    let side = |side: u32| ((side as f32 * part).round() as u32).max(1);
    resized(image, side(image.width()), side(image.height()))
}

/// Resized, squeezed if need be.
pub fn resized(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    imageops::resize(image, width, height, FilterType::Triangle)
}

/// Each pixel, its channels from 0 to 255, made another.
pub fn mapped(image: &RgbImage, change: impl Fn([f32; 3]) -> [f32; 3]) -> RgbImage {
    let mut changed = image.clone();
    for pixel in changed.pixels_mut() {
        // A cast from a float ends at 0 and 255.
        pixel.0 = change(pixel.0.map(f32::from)).map(|value| value.round() as u8);
    }
    changed
}

/// Contrast by a factor around the middle grey, then brightness, in levels.
pub fn levelled(image: &RgbImage, contrast: f32, brightness: f32) -> RgbImage {
    mapped(image, |pixel| {
        pixel.map(|value| (value - 128.0) * contrast + 128.0 + brightness)
    })
}

/// Brightness as JPEG has it.
pub fn luma(pixel: [f32; 3]) -> f32 {
    0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
}

/// A part of a picture; all four are parts of width and height.
pub fn cropped(image: &RgbImage, left: f32, top: f32, width: f32, height: f32) -> RgbImage {
    let (whole_width, whole_height) = (image.width() as f32, image.height() as f32);
    let across = |part: f32| (part * whole_width) as u32;
    let down = |part: f32| (part * whole_height) as u32;
    imageops::crop_imm(image, across(left), down(top), across(width), down(height)).to_image()
}

/// With noise of so many levels at most, most of it less.
pub fn noisy(image: &RgbImage, levels: f32, rng: &mut Rng) -> RgbImage {
    let mut noisy = image.clone();
    for value in noisy.iter_mut() {
        let noise = (rng.unit() + rng.unit() - 1.0) * levels;
        *value = (f32::from(*value) + noise) as u8;
    }
    noisy
}

/// Each pixel taken from elsewhere: `from` gives the place for a place, in pixels.
pub fn bent(image: &RgbImage, from: impl Fn(f32, f32) -> (f32, f32)) -> RgbImage {
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = from(x as f32, y as f32);
        let x = x.clamp(0.0, width as f32 - 1.01);
        let y = y.clamp(0.0, height as f32 - 1.01);
        let found = imageops::interpolate_bilinear(image, x, y);
        found.unwrap_or_else(|| *image.get_pixel(x as u32, y as u32))
    })
}

/// Turned about its centre, by degrees, and enlarged so that no corner is empty.
pub fn turned(image: &RgbImage, degrees: f32, zoom: f32) -> RgbImage {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = (image.width() as f32 / 2.0, image.height() as f32 / 2.0);
    bent(image, |x, y| {
        let (x, y) = ((x - middle_x) * zoom, (y - middle_y) * zoom);
        (
            middle_x + cosine * x - sine * y,
            middle_y + sine * x + cosine * y,
        )
    })
}

/// Fills a rectangle, as far as it is within the picture.
pub fn panel(image: &mut RgbImage, [x, y, width, height]: [i32; 4], colour: [u8; 3]) {
    for row in y.max(0)..(y + height).min(image.height() as i32) {
        for column in x.max(0)..(x + width).min(image.width() as i32) {
            image.put_pixel(column as u32, row as u32, Rgb(colour));
        }
    }
}
