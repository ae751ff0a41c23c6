//! How good a file was written, so that copies of one photo can be told by their worth.
//!
//! How strongly a JPEG was compressed is read from its header: the quantisation table tells it
//! without decoding; which program's scale was meant is not known, so the answer is on
//! libjpeg's, 1 to 100.

use super::Format;

/// What a sensor saw.
const SENSOR: u8 = 102;
/// Nothing was lost when it was written.
const LOSSLESS: u8 = 101;
/// How much was lost cannot be told.
const UNKNOWN: u8 = 0;

/// As how good a file was written: 102 for what a sensor saw, 101 where nothing was lost, 1 to
/// 100 for a JPEG, 0 if that cannot be told.
#[must_use]
pub fn quality(bytes: &[u8], format: Format) -> u8 {
    match format {
        Format::Jpeg => jpeg_quality(bytes).unwrap_or(UNKNOWN),
        Format::Png | Format::Bmp | Format::Tiff => LOSSLESS,
        // https://www.rfc-editor.org/rfc/rfc9649: a lossless picture is in a chunk of its own.
        Format::Webp if bytes.get(12..16) == Some(b"VP8L") => LOSSLESS,
        Format::Raw(_) => SENSOR,
        // GIF keeps 256 colours at most.
        _ => UNKNOWN,
    }
}

/// The standard's example table for brightness in zigzag order, which libjpeg scales.
const STANDARD: [u16; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81,
    87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

/// The quality of a JPEG on libjpeg's scale, 1 to 100, or `None` if the bytes are no JPEG
/// or end before its table. Only the header is read.
fn jpeg_quality(bytes: &[u8]) -> Option<u8> {
    let mut rest = bytes.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        // A marker may be preceded by any number of fill bytes.
        let start = rest.iter().position(|byte| *byte != 0xFF)?;
        let marker = *rest.get(start)?;
        if start == 0 || marker == 0xDA || marker == 0xD9 {
            return None;
        }
        rest = rest.get(start + 1..)?;
        if (0xD0..=0xD7).contains(&marker) || marker == 0x01 {
            continue;
        }
        let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
        let segment = rest.get(2..length)?;
        if marker == 0xDB
            && let Some(quality) = first_table(segment)
        {
            return Some(quality);
        }
        rest = rest.get(length..)?;
    }
}

/// The quality by table 0 of a segment, the one for brightness.
fn first_table(mut segment: &[u8]) -> Option<u8> {
    while let Some((head, rest)) = segment.split_first() {
        let size = if head >> 4 == 0 { 64 } else { 128 };
        let table = rest.get(..size)?;
        if head & 15 == 0 {
            let values = table.chunks_exact(size / 64).map(|value| match value {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => u16::from(value[0]),
            });
            return Some(quality_of(values));
        }
        segment = rest.get(size..)?;
    }
    None
}

fn quality_of(table: impl Iterator<Item = u16>) -> u8 {
    let sum: f32 = table
        .zip(STANDARD)
        .map(|(value, standard)| 100.0 * f32::from(value) / f32::from(standard))
        .sum();
    let scale = sum / 64.0;
    let quality = if scale <= 100.0 {
        (200.0 - scale) / 2.0
    } else {
        5000.0 / scale
    };
    quality.round().clamp(1.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;

    #[test]
    fn the_quality_that_was_written_is_read() {
        for quality in [10, 30, 50, 75, 90, 95] {
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, quality)
                .encode(&[90; 300], 10, 10, image::ExtendedColorType::Rgb8)
                .unwrap();
            let read = jpeg_quality(&bytes).unwrap();
            assert!(read.abs_diff(quality) <= 2, "{quality} was read as {read}");
        }
    }

    #[test]
    fn what_is_no_whole_header_has_no_quality() {
        assert_eq!(jpeg_quality(b""), None);
        assert_eq!(jpeg_quality(b"\x89PNG"), None);
        assert_eq!(
            jpeg_quality(&[0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0, 1, 2]),
            None
        );
        assert_eq!(jpeg_quality(&[0xFF, 0xD8, 0xFF, 0xDB, 0, 1]), None);
    }
}
