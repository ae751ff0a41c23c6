//! HEIC and AVIF, by libheif.
//!
//! libheif turns the picture itself, as the container says; EXIF's orientation does not
//! count (ISO 23008-12).

use super::libheif::{self, HeifError, Picture, Pixels};
use super::orientation::Orientation;
use super::{Decoded, Facts, Format, Lacking, MAX_SIDE, MediaError, Raster, Target, finish};

/// What is decoded has at least this many times the target's sides, where the file does.
const OVERSAMPLING: u32 = 2;

/// Bytes of memory that a pixel takes while it is decoded: planes of the codec's (up to
/// three, of eight bits and some), and RGBA.
const BYTES_A_PIXEL: u64 = 7;

/// More than this a side is not reduced at once; so the sums of bytes fit in 32 bits.
const REDUCTION: usize = 1024;

pub(super) fn decode(bytes: &[u8], format: Format, target: &Target) -> Result<Decoded, MediaError> {
    let error = |error| match error {
        HeifError::Codec => MediaError::lacking(format, Lacking::Codec),
        HeifError::Words(reason) => MediaError::Damaged { format, reason },
    };
    let damaged = |reason| MediaError::Damaged { format, reason };
    let lacking = || MediaError::lacking(format, Lacking::Libheif);
    let library = libheif::library().ok_or_else(lacking)?;
    let most = target.memory / BYTES_A_PIXEL;
    let container = library.open(bytes, most, target.memory).map_err(error)?;
    let primary = container.primary().map_err(error)?;
    let (width, height) = primary.dimensions;
    let sides = 1..=MAX_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) {
        return Err(damaged(format!("it declares {width} x {height} pixels")));
    }
    let facts = Facts {
        format,
        width,
        height,
    };
    let wanted = target.preparation.resize.saturating_mul(OVERSAMPLING);
    let chosen = thumbnail(&primary, wanted).unwrap_or(primary);
    if area(chosen.dimensions) > most {
        return Err(damaged(format!(
            "{width} x {height} pixels need more memory than the limit"
        )));
    }
    let pixels = chosen.decode(chosen.has_alpha()).map_err(error)?;
    let raster = reduced(&pixels, wanted as usize);
    drop(pixels);
    finish(&raster, Orientation::UPRIGHT, facts, target)
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The smallest picture of the same shape whose sides are at least `wanted`.
fn thumbnail<'c>(primary: &Picture<'c>, wanted: u32) -> Option<Picture<'c>> {
    let thumbnails = primary.thumbnails().into_iter();
    let fitting = thumbnails.filter(|thumbnail| {
        let (width, height) = thumbnail.dimensions;
        width.min(height) >= wanted && are_alike(thumbnail.dimensions, primary.dimensions)
    });
    fitting.min_by_key(|thumbnail| area(thumbnail.dimensions))
}

/// Whether two sizes have the same shape, but for 2 percent. A thumbnail that is turned
/// otherwise than its picture, or has bars above and below, has another.
fn are_alike(one: (u32, u32), other: (u32, u32)) -> bool {
    let across = |a: (u32, u32), b: (u32, u32)| u64::from(a.0) * u64::from(b.1);
    let (first, second) = (across(one, other), across(other, one));
    first.abs_diff(second) * 50 <= first
}

/// Averages squares of pixels, as many as leave both sides at least `wanted`: a second
/// picture of full size would take as much memory as the first.
fn reduced(pixels: &Pixels, wanted: usize) -> Raster {
    let factor = (pixels.width.min(pixels.height) / wanted.max(1)).clamp(1, REDUCTION);
    let (width, height) = (pixels.width / factor, pixels.height / factor);
    let channels = pixels.channels;
    let mut reduced = Vec::with_capacity(width * height * channels);
    let mut sums = vec![0_u32; width * channels];
    // At most REDUCTION squared.
    let count = (factor * factor) as u32;
    for row in 0..height {
        sums.fill(0);
        for line in row * factor..(row + 1) * factor {
            let blocks = pixels.row(line).chunks_exact(factor * channels);
            for (sum, block) in sums.chunks_exact_mut(channels).zip(blocks) {
                for pixel in block.chunks_exact(channels) {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
        }
        // The average of bytes is a byte.
        reduced.extend(sums.iter().map(|sum| (sum / count) as u8));
    }
    // Sides of a picture were checked to be below MAX_SIDE.
    let (width, height) = (width as u32, height as u32);
    if channels == 4 {
        Raster::rgba(width, height, reduced)
    } else {
        Raster::rgb(width, height, reduced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_of_another_shape_is_none() {
        assert!(are_alike((512, 384), (4032, 3024)));
        assert!(are_alike((320, 213), (6000, 4000)));
        assert!(!are_alike((384, 512), (4032, 3024)));
        assert!(!are_alike((160, 120), (6000, 4000)));
    }
}
