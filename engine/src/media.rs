//! From the bytes of a picture to what the model wants to see.
//!
//! [`decode`] turns one image file, already in memory, into a small RGB raster of the
//! size a model asks for, and says what the file is: format, dimensions, orientation.
//! It knows nothing of files, folders, models or the index, and it trusts nothing: the
//! bytes come from strangers. It is called inside a worker process (see
//! [`crate::worker`]), which bounds its memory and its time. A video is recognised; its
//! picture is made by [`still`], outside the worker.

mod error;
mod format;
mod heif;
mod jpeg;
mod libheif;
mod orientation;
mod quality;
mod raw;
mod resize;
pub mod still;

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use serde::{Deserialize, Serialize};

pub use crate::metadata::{Kind as Format, Raw as RawFormat, Video as VideoFormat};
pub use error::{Lacking, MediaError, Undecoded};
pub use orientation::Orientation;
pub use quality::quality;
pub use resize::{Filter, Fit, Preparation, Raster};

use crate::duplicates::Fingerprint;
use crate::metadata;

/// The largest width or height that is decoded, in pixels.
///
/// Real cameras and panoramas stay far below; headers that declare more are bombs.
pub const MAX_SIDE: u32 = 100_000;

/// The side of the square of which a fingerprint is taken, in pixels.
const FINGERPRINT_SIDE: u32 = 128;

/// Counts what this module can decode: raised when files that were problems may become
/// photos, so that they are looked at again.
pub const VERSION: u32 = 2;

/// What a picture is decoded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What is done to its pixels.
    pub preparation: Preparation,
    /// Bytes that a decoder may allocate for one picture.
    pub memory: u64,
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoded {
    /// The facts that the file states of itself.
    pub facts: Facts,
    /// `size * size * 3` bytes: rows from the top, RGB, upright.
    pub pixels: Vec<u8>,
    /// By what its copies are found.
    pub fingerprint: Fingerprint,
}

/// What is known of a picture without understanding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The format of the content, whatever the file's name says.
    pub format: Format,
    /// Width in pixels as it is shown, that is, after the orientation is applied.
    pub width: u32,
    /// Height in pixels as it is shown.
    pub height: u32,
}

/// Loads what decodes HEIC and AVIF. A worker calls it before it enters its sandbox, where
/// nothing can be loaded. Where it is not installed, nothing happens.
pub fn prepare() {
    libheif::library();
}

/// What of the decoders that may be missing is installed now, as bits: 1 HEIC, 2 AVIF,
/// 4 videos. Where it is another number than before, contents that were
/// [`MediaError::Unsupported`] deserve another look. It takes some milliseconds.
#[must_use]
pub fn capabilities() -> u64 {
    libheif::decoders() | u64::from(still::is_installed()) << 2
}

/// What a content says it is, without decoding a pixel. Nothing for what is no picture or
/// video, or does not tell its size.
#[must_use]
pub fn facts(bytes: &[u8]) -> Option<Facts> {
    let format = Format::of(bytes)?;
    let (width, height) = metadata::read(bytes).dimensions?;
    Some(Facts {
        format,
        width,
        height,
    })
}

/// Decodes a picture to `target`, upright.
///
/// The format is found from the content, not from a name. JPEG is decoded at the
/// smallest scale that is still twice the target, which costs a fraction of a full
/// decode and changes the result by 0.3 grey levels (`docs/decisions.md`).
///
/// # Errors
/// [`MediaError`] says why there is no picture. Nothing is printed and nothing panics
/// on purpose; a decoder of another's that panics is caught by the worker.
pub fn decode(bytes: &[u8], target: &Target) -> Result<Decoded, MediaError> {
    let format = Format::of_content(bytes)?;
    let (raster, width, height) = match format {
        Format::Jpeg => decode_jpeg(bytes, format, target)?,
        Format::Png | Format::Webp | Format::Gif | Format::Bmp | Format::Tiff => {
            decode_whole(bytes, format, target)?
        }
        Format::Heif | Format::Avif => return heif::decode(bytes, format, target),
        Format::Raw(_) => return raw::decode(bytes, format, target),
        Format::Video(_) => return Err(MediaError::lacking(format, Lacking::Still)),
        Format::Jxl | Format::Jp2 => return Err(MediaError::lacking(format, Lacking::Decoder)),
    };
    let orientation = Orientation::of_exif(bytes);
    let (width, height) = orientation.dimensions(width, height);
    let facts = Facts {
        format,
        width,
        height,
    };
    finish(&raster, orientation, facts, target)
}

/// The square that the model sees, upright, with its facts.
fn finish(
    raster: &Raster,
    orientation: Orientation,
    facts: Facts,
    target: &Target,
) -> Result<Decoded, MediaError> {
    let damaged = |reason| MediaError::Damaged {
        format: facts.format,
        reason,
    };
    let size = target.preparation.size;
    let mirrored = orientation.mirrors();
    let square = resize::to_square(raster, &target.preparation, mirrored).map_err(damaged)?;
    // Of the same raster, so it costs no decoding. The waves that it is made of are so long
    // that half the pixels of what is compared later show them as well.
    let all = Preparation::plain(FINGERPRINT_SIDE, Fit::Squash);
    let whole = resize::to_square(raster, &all, mirrored).map_err(damaged)?;
    let whole = orientation.upright(&whole, FINGERPRINT_SIDE);
    Ok(Decoded {
        facts,
        pixels: orientation.upright(&square, size),
        fingerprint: Fingerprint::of_square(&whole, FINGERPRINT_SIDE as usize),
    })
}

/// Decodes a JPEG, which may lie inside a file of another `format`. Returns the raster,
/// which may be smaller, and the full dimensions.
fn decode_jpeg(
    bytes: &[u8],
    format: Format,
    target: &Target,
) -> Result<(Raster, u32, u32), MediaError> {
    jpeg::decode_scaled(bytes, target).or_else(|reason| {
        // CMYK, arithmetic coding, small damage: the other decoder may still do it.
        decode_whole(bytes, Format::Jpeg, target)
            .map_err(|_| MediaError::Damaged { format, reason })
    })
}

/// Decodes all pixels with the `image` crate: everything but ordinary JPEG.
fn decode_whole(
    bytes: &[u8],
    format: Format,
    target: &Target,
) -> Result<(Raster, u32, u32), MediaError> {
    let damaged = |error: image::ImageError| MediaError::Damaged {
        format,
        reason: error.to_string(),
    };
    let decoder = format
        .decoder()
        .ok_or_else(|| MediaError::lacking(format, Lacking::Decoder))?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), decoder);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(target.memory);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(MediaError::Damaged {
            format,
            reason: format!("it declares {width} x {height} pixels"),
        });
    }
    // The output buffer is ours, so the decoder's own accounting does not include it.
    limits.reserve(decoder.total_bytes()).map_err(damaged)?;
    decoder.set_limits(limits).map_err(damaged)?;
    let image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    let raster = if image.color().has_alpha() {
        Raster::rgba(width, height, image.into_rgba8().into_raw())
    } else {
        Raster::rgb(width, height, image.into_rgb8().into_raw())
    };
    Ok((raster, width, height))
}

#[cfg(test)]
mod tests;
