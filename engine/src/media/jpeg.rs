//! JPEG at a reduced scale, by libjpeg-turbo.
//!
//! The inverse cosine transform can produce 1/2, 1/4 or 1/8 of the size for a fraction
//! of the work, which is where most of the time of an indexing run would otherwise go.

use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

use super::{Raster, Target};

/// The smallest scaled picture is still this many times the target, so that the final
/// resize, and not the block transform, decides how the small picture looks.
const OVERSAMPLING: usize = 2;

/// A progressive file with more scans than this is made to be slow; cameras write ten.
const MAX_SCANS: u32 = 200;

/// Decodes to the smallest of 1/8, 1/4, 1/2, 1 that is at least twice the target.
/// Returns the raster and the full dimensions. The error is the decoder's sentence.
pub(super) fn decode_scaled(bytes: &[u8], target: &Target) -> Result<(Raster, u32, u32), String> {
    let sentence = |error: turbojpeg::Error| error.to_string();
    let mut decompressor = Decompressor::new().map_err(sentence)?;
    decompressor.set_scan_limit(MAX_SCANS).map_err(sentence)?;
    let header = decompressor.read_header(bytes).map_err(sentence)?;
    let (width, height) = (header.width, header.height);
    if width == 0 || height == 0 {
        return Err(format!("it declares {width} x {height} pixels"));
    }
    let wanted = target.preparation.resize as usize * OVERSAMPLING;
    let part = [8, 4, 2]
        .into_iter()
        .find(|part| width.div_ceil(*part) >= wanted && height.div_ceil(*part) >= wanted)
        .unwrap_or(1);
    let scale = ScalingFactor::new(1, part);
    decompressor.set_scaling_factor(scale).map_err(sentence)?;
    let (scaled_width, scaled_height) = (scale.scale(width), scale.scale(height));
    let bytes_needed = scaled_width
        .checked_mul(scaled_height)
        .and_then(|pixels| pixels.checked_mul(3))
        .filter(|needed| *needed as u64 <= target.memory)
        .ok_or_else(|| format!("{width} x {height} pixels need more memory than the limit"))?;
    let mut pixels = vec![0; bytes_needed];
    let output = Image {
        pixels: pixels.as_mut_slice(),
        width: scaled_width,
        pitch: scaled_width * 3,
        height: scaled_height,
        format: PixelFormat::RGB,
    };
    decompressor.decompress(bytes, output).map_err(sentence)?;
    // libjpeg bounds both sides by 65,500, so the conversions lose nothing.
    let (width, height) = (width as u32, height as u32);
    let raster = Raster::rgb(scaled_width as u32, scaled_height as u32, pixels)
        .reduced_from((width, height), part as u32);
    Ok((raster, width, height))
}
