//! From the bytes of a picture to what the model wants to see.
//!
//! [`decode`] turns one image file, already in memory, into a small RGB raster of the
//! size a model asks for, and says what the file is: format, dimensions, orientation.
//! It knows nothing of files, folders, models or the index, and it trusts nothing: the
//! bytes come from strangers. It is called inside a worker process (see
//! [`crate::worker`]), which bounds its memory and its time.

mod format;
mod jpeg;
mod orientation;
mod resize;

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use serde::{Deserialize, Serialize};

pub use format::Format;
pub use orientation::Orientation;
pub use resize::{Fit, Raster};

/// The largest width or height that is decoded, in pixels.
///
/// Real cameras and panoramas stay far below; headers that declare more are bombs.
pub const MAX_SIDE: u32 = 100_000;

/// Counts what this module can decode: raised when files that were problems may become
/// photos, so that they are looked at again.
pub const VERSION: u32 = 1;

/// What a picture is decoded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Width and height of the result in pixels.
    pub size: u32,
    /// How a picture that is not square gets there.
    pub fit: Fit,
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

/// Why a file did not become a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The content is no format that semfs knows.
    #[error("the content is not a picture that semfs knows")]
    Unknown,
    /// The content is a picture, in a format that this version cannot decode.
    #[error("{0} is not decoded by this version of semfs")]
    Unsupported(&'static str),
    /// The decoder gave up: damaged, cut off, or beyond its limits.
    #[error("{format} cannot be decoded: {reason}")]
    Damaged {
        /// The format that the content claims to be.
        format: Format,
        /// The decoder's own words.
        reason: String,
    },
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
    if bytes.is_empty() {
        return Err(MediaError::Empty);
    }
    let format = Format::of_content(bytes)?;
    let orientation = Orientation::of_exif(bytes);
    let (raster, width, height) = match format {
        Format::Jpeg => match jpeg::decode_scaled(bytes, target) {
            Ok(decoded) => decoded,
            // CMYK, arithmetic coding, small damage: the other decoder may still do it.
            Err(reason) => decode_whole(bytes, format, target).map_err(|other| match other {
                MediaError::Damaged { format, .. } => MediaError::Damaged { format, reason },
                other => other,
            })?,
        },
        _ => decode_whole(bytes, format, target)?,
    };
    let damaged = |reason| MediaError::Damaged { format, reason };
    let square = resize::to_square(&raster, target.size, target.fit).map_err(damaged)?;
    let (width, height) = orientation.dimensions(width, height);
    Ok(Decoded {
        facts: Facts {
            format,
            width,
            height,
        },
        pixels: orientation.upright(&square, target.size),
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
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.decoder());
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
