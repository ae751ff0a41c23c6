//! From a raster of any shape to the square that a model sees.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

/// How a picture that is not square becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The whole picture, squeezed into the square.
    Squash,
    /// The largest centred square of the picture.
    Crop,
}

/// 8-bit pixels, rows from the top, without padding.
#[derive(Debug)]
pub struct Raster {
    width: u32,
    height: u32,
    alpha: bool,
    pixels: Vec<u8>,
}

impl Raster {
    /// `width * height * 3` bytes.
    pub(super) fn rgb(width: u32, height: u32, pixels: Vec<u8>) -> Self {
        Self {
            width,
            height,
            alpha: false,
            pixels,
        }
    }

    /// `width * height * 4` bytes, alpha not premultiplied.
    pub(super) fn rgba(width: u32, height: u32, pixels: Vec<u8>) -> Self {
        Self {
            width,
            height,
            alpha: true,
            pixels,
        }
    }
}

/// Resizes to `size * size` RGB pixels with an antialiased bilinear filter (the triangle
/// filter of Pillow's `BILINEAR`). What is transparent is shown on white, as viewers do.
pub(super) fn to_square(raster: &Raster, size: u32, fit: Fit) -> Result<Vec<u8>, String> {
    let kind = if raster.alpha {
        PixelType::U8x4
    } else {
        PixelType::U8x3
    };
    let source = ImageRef::new(raster.width, raster.height, &raster.pixels, kind)
        .map_err(|error| error.to_string())?;
    let mut square = Image::new(size, size, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let options = match fit {
        Fit::Squash => options,
        Fit::Crop => options.fit_into_destination(Some((0.5, 0.5))),
    };
    Resizer::new()
        .resize(&source, &mut square, &options)
        .map_err(|error| error.to_string())?;
    let pixels = square.into_vec();
    if !raster.alpha {
        return Ok(pixels);
    }
    Ok(pixels.chunks_exact(4).flat_map(on_white).collect())
}

fn on_white(rgba: &[u8]) -> [u8; 3] {
    let alpha = u32::from(rgba[3]);
    let over = |value: u8| {
        let mixed = u32::from(value) * alpha + 255 * (255 - alpha);
        // At most 255 * 255 / 255.
        (mixed / 255) as u8
    };
    [over(rgba[0]), over(rgba[1]), over(rgba[2])]
}
