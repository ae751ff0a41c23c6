//! From a raster of any shape to the square that a model sees.
//!
//! The geometry is that of the programs that models were trained with: a side that is not
//! given is cut to a whole number, a crop that cannot be centred lies one pixel nearer to
//! the top left of the upright picture, and every filter widens with the reduction, as
//! Pillow's do. Only what is kept is computed, so a picture of any shape costs the same.

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

/// The filter of a resize. All but `Nearest` are antialiased.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// The triangle of Pillow's `BILINEAR`.
    #[default]
    Bilinear,
    /// Catmull and Rom's cubic, Pillow's `BICUBIC`.
    Bicubic,
    /// Three lobes, Pillow's `LANCZOS`.
    Lanczos,
    /// The nearest pixel.
    Nearest,
}

impl Filter {
    fn algorithm(self) -> ResizeAlg {
        match self {
            Self::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Self::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
            Self::Nearest => ResizeAlg::Nearest,
        }
    }

    /// How far it reaches to each side, in pixels of the larger of both pictures.
    fn reach(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
            Self::Nearest => 0.0,
        }
    }
}

/// What is done to a picture before a model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preparation {
    /// Width and height of the result in pixels.
    pub size: u32,
    /// What both sides ([`Fit::Squash`]) or the shorter one ([`Fit::Crop`]) is resized to
    /// in pixels, before the square of `size` is cut out of the middle. Not less than that.
    pub resize: u32,
    /// How a picture that is not square becomes one.
    pub fit: Fit,
    /// By which filter.
    pub filter: Filter,
}

impl Preparation {
    /// All of the picture, or all of its middle, by the bilinear filter.
    #[must_use]
    pub const fn plain(size: u32, fit: Fit) -> Self {
        Self {
            size,
            resize: size,
            fit,
            filter: Filter::Bilinear,
        }
    }
}

/// 8-bit pixels, rows from the top, without padding.
#[derive(Debug)]
pub struct Raster {
    width: u32,
    height: u32,
    alpha: bool,
    pixels: Vec<u8>,
    /// Width and height of the picture that this is a reduction of.
    whole: (u32, u32),
    /// How many of this raster's columns and rows that picture covers: the last one of a
    /// reduction may be covered in part.
    covered: (f64, f64),
}

impl Raster {
    /// `width * height * 3` bytes.
    pub(super) fn rgb(width: u32, height: u32, pixels: Vec<u8>) -> Self {
        Self {
            width,
            height,
            alpha: false,
            pixels,
            whole: (width, height),
            covered: (f64::from(width), f64::from(height)),
        }
    }

    /// `width * height * 4` bytes, alpha not premultiplied.
    pub(super) fn rgba(width: u32, height: u32, pixels: Vec<u8>) -> Self {
        Self {
            alpha: true,
            ..Self::rgb(width, height, pixels)
        }
    }

    /// Says that it is a picture of `width` x `height` pixels, reduced by a whole number.
    /// Its own sides are those, divided and rounded up.
    pub(super) fn reduced_from(mut self, (width, height): (u32, u32), factor: u32) -> Self {
        let part = |whole: u32, own: u32| {
            let covered = f64::from(whole) / f64::from(factor.max(1));
            covered.clamp(1.0, f64::from(own.max(1)))
        };
        self.covered = (part(width, self.width), part(height, self.height));
        self.whole = (width, height);
        self
    }
}

/// Resizes to `size * size` RGB pixels. What is transparent is shown on white, as viewers
/// do. `mirrored` says whether columns and rows run backwards in the upright picture.
pub(super) fn to_square(
    raster: &Raster,
    preparation: &Preparation,
    mirrored: (bool, bool),
) -> Result<Vec<u8>, String> {
    let kind = if raster.alpha {
        PixelType::U8x4
    } else {
        PixelType::U8x3
    };
    let source = ImageRef::new(raster.width, raster.height, &raster.pixels, kind)
        .map_err(|error| error.to_string())?;
    let (width, height) = resized(raster.whole, preparation);
    let across = Span::new(raster.covered.0, width, preparation, mirrored.0);
    let down = Span::new(raster.covered.1, height, preparation, mirrored.1);
    let mut image = Image::new(across.length, down.length, kind);
    let options = ResizeOptions::new()
        .resize_alg(preparation.filter.algorithm())
        .crop(across.from, down.from, across.extent, down.extent);
    Resizer::new()
        .resize(&source, &mut image, &options)
        .map_err(|error| error.to_string())?;
    let pixels = cut(image, &across, &down, preparation.size);
    if !raster.alpha {
        return Ok(pixels);
    }
    Ok(pixels.chunks_exact(4).flat_map(on_white).collect())
}

/// Width and height of the whole picture after the resize, before the crop.
fn resized((width, height): (u32, u32), preparation: &Preparation) -> (u32, u32) {
    let to = preparation.resize;
    let longer = |long: u32, short: u32| {
        let length = u64::from(to) * u64::from(long) / u64::from(short.max(1));
        u32::try_from(length).unwrap_or(u32::MAX).max(to)
    };
    match preparation.fit {
        Fit::Squash => (to, to),
        Fit::Crop if width <= height => (to, longer(height, width)),
        Fit::Crop => (longer(width, height), to),
    }
}

/// One side of a resize: the part that is kept, and around it what the filter would else
/// find cut off.
struct Span {
    /// Where the part begins in the raster, and how long it is there.
    from: f64,
    extent: f64,
    /// Its length in the result.
    length: u32,
    /// Where in that the square begins.
    skip: u32,
}

impl Span {
    /// `covered` pixels become `length`, of which the middle is kept.
    fn new(covered: f64, length: u32, preparation: &Preparation, mirrored: bool) -> Self {
        let spare = length.saturating_sub(preparation.size);
        let left = if mirrored {
            spare.div_ceil(2)
        } else {
            spare / 2
        };
        let scale = covered / f64::from(length.max(1));
        // Some times the size at most, even where a line of pixels is enlarged.
        let margin = (preparation.filter.reach() * (1.0 / scale).max(1.0)).ceil() as u32 + 1;
        let begin = left.saturating_sub(margin);
        let end = (left + preparation.size).saturating_add(margin).min(length);
        let from = f64::from(begin) * scale;
        let extent = (f64::from(end - begin) * scale).min(covered - from);
        Self {
            from,
            extent,
            length: end - begin,
            skip: left - begin,
        }
    }
}

/// The square that begins where the spans say.
fn cut(image: Image<'_>, across: &Span, down: &Span, size: u32) -> Vec<u8> {
    let (width, height) = (image.width(), image.height());
    let channels = image.pixel_type().size();
    let pixels = image.into_vec();
    if (width, height) == (size, size) {
        return pixels;
    }
    let (size, left) = (size as usize * channels, across.skip as usize * channels);
    let rows = pixels.chunks_exact(width as usize * channels);
    let kept = rows.skip(down.skip as usize).take(size / channels);
    kept.flat_map(|row| &row[left..left + size])
        .copied()
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Raster {
        let pixels = (0..height).flat_map(|y| {
            (0..width).flat_map(move |x| {
                let value = |at: u32, length: u32| (at * 255 / length.max(1)) as u8;
                [value(x, width), value(y, height), ((x ^ y) % 251) as u8]
            })
        });
        Raster::rgb(width, height, pixels.collect())
    }

    fn crop(size: u32, resize: u32, filter: Filter) -> Preparation {
        Preparation {
            size,
            resize,
            fit: Fit::Crop,
            filter,
        }
    }

    #[test]
    fn a_side_that_is_not_given_is_cut_to_a_whole_number() {
        let preparation = crop(224, 224, Filter::Bicubic);
        assert_eq!(resized((500, 375), &preparation), (298, 224));
        assert_eq!(resized((333, 500), &preparation), (224, 336));
        assert_eq!(resized((1, 1), &preparation), (224, 224));
    }

    /// A part of a picture is resized as it is when the whole is resized and then cut.
    #[test]
    fn what_is_computed_is_what_cutting_the_whole_gives() {
        for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
            for (width, height) in [(700, 91), (91, 700), (40, 300), (500, 375), (64, 63)] {
                let raster = gradient(width, height);
                let preparation = crop(64, 80, filter);
                let square = to_square(&raster, &preparation, (false, false)).unwrap();
                let (across, down) = resized((width, height), &preparation);
                let source = ImageRef::new(width, height, &raster.pixels, PixelType::U8x3).unwrap();
                let mut whole = Image::new(across, down, PixelType::U8x3);
                let options = ResizeOptions::new().resize_alg(filter.algorithm());
                Resizer::new()
                    .resize(&source, &mut whole, &options)
                    .unwrap();
                let whole = whole.into_vec();
                let (left, top) = ((across - 64) / 2, (down - 64) / 2);
                for y in 0..64 {
                    for x in 0..64 * 3 {
                        let expected = whole[((top + y) * across * 3 + left * 3 + x) as usize];
                        let found = square[(y * 64 * 3 + x) as usize];
                        // A weight may be rounded otherwise.
                        assert!(expected.abs_diff(found) <= 1, "{filter:?} {width} {x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_crop_that_cannot_be_centred_lies_to_the_left_of_the_upright_picture() {
        let preparation = crop(4, 4, Filter::Nearest);
        let columns = |mirrored| {
            let square = to_square(&gradient(7, 4), &preparation, (mirrored, false)).unwrap();
            [square[0], square[9]]
        };
        let value = |x: u32| (x * 255 / 7) as u8;
        assert_eq!(columns(false), [value(1), value(4)]);
        assert_eq!(columns(true), [value(2), value(5)]);
    }

    #[test]
    fn a_line_of_pixels_is_no_trouble() {
        for (width, height) in [(100_000, 1), (1, 100_000), (3, 2)] {
            for filter in [Filter::Bilinear, Filter::Lanczos, Filter::Nearest] {
                let raster = gradient(width, height);
                let square = to_square(&raster, &crop(224, 256, filter), (true, false)).unwrap();
                assert_eq!(square.len(), 224 * 224 * 3);
            }
        }
    }
}
