//! RAW files, shown by the largest JPEG that the camera left in them.
//!
//! Where that JPEG lies is known by [`crate::metadata::preview`]. What is left is to turn
//! it upright once. Most cameras (Canon, Nikon, Sony, Pentax, Olympus, DNG converters)
//! store it as the sensor lies and without EXIF, so the orientation of the RAW counts.
//! Panasonic and Fujifilm store a whole JPEG with EXIF of its own, which says the same.
//! Some phones and programs store it already turned.

use super::orientation::Orientation;
use super::{Decoded, Facts, Format, Lacking, MediaError, Target, decode_jpeg, finish};
use crate::metadata;

pub(super) fn decode(bytes: &[u8], format: Format, target: &Target) -> Result<Decoded, MediaError> {
    let lacking = MediaError::lacking(format, Lacking::Preview);
    let preview = metadata::preview(bytes).ok_or(lacking)?;
    let preview = &bytes[preview];
    let (raster, width, height) = decode_jpeg(preview, format, target)?;
    let whole = metadata::read(bytes);
    let own = metadata::read(preview).orientation;
    let orientation = upright(own, whole.orientation, (width, height));
    let (width, height) = whole
        .dimensions
        .unwrap_or_else(|| orientation.dimensions(width, height));
    let facts = Facts {
        format,
        width,
        height,
    };
    finish(&raster, orientation, facts, target)
}

/// How a preview of `width` x `height` pixels is turned, given what it says of itself and
/// what the RAW says. A sensor is never higher than wide, so its shape is a witness.
fn upright(own: Option<u8>, raw: Option<u8>, (width, height): (u32, u32)) -> Orientation {
    let swaps = |orientation: Option<u8>| orientation.is_some_and(|number| number >= 5);
    let said = match (own, raw) {
        // A portrait shot that lies on its side is not upright, whatever it says.
        (Some(1), raw) if swaps(raw) && width > height => raw,
        (own, raw) => own.or(raw),
    };
    if swaps(said) && height > width {
        return Orientation::UPRIGHT;
    }
    said.and_then(Orientation::new)
        .unwrap_or(Orientation::UPRIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_turned_once() {
        let (lying, standing) = ((1620, 1080), (1080, 1620));
        let number = |number| Orientation::new(number).unwrap();
        // Canon, Nikon, Sony: it says nothing, and lies as the sensor does.
        assert_eq!(upright(None, Some(6), lying), number(6));
        assert_eq!(upright(None, Some(3), lying), number(3));
        // Panasonic, Fujifilm: it says the same as the RAW.
        assert_eq!(upright(Some(8), Some(8), lying), number(8));
        // It was turned when it was made.
        assert_eq!(upright(None, Some(6), standing), number(1));
        assert_eq!(upright(Some(1), Some(6), standing), number(1));
        // It says that it was, and was not.
        assert_eq!(upright(Some(1), Some(6), lying), number(6));
        assert_eq!(upright(None, None, lying), number(1));
    }
}
