//! RIFF: chunks with a name and a length. WebP is one, and AVI.

use super::bytes::{Order, slice, u16_at, u32_at};
use super::{Sources, exif, xmp};

/// The most chunks of one list that are looked at.
const CHUNKS: usize = 100_000;

/// The chunks of `bytes`, as name and content; one that is cut off is the last.
pub(super) fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let name = slice(bytes, at, 4)?;
        let length = u32_at(bytes, at + 4, Order::Little)? as usize;
        let start = at + 8;
        let end = start.saturating_add(length).min(bytes.len());
        // Contents are padded to an even length.
        at = start.saturating_add(length).saturating_add(length & 1);
        Some((name, bytes.get(start..end)?))
    })
    .take(CHUNKS)
}

/// Reads all that a WebP says.
pub(super) fn read_webp(bytes: &[u8], sources: &mut Sources) {
    for (name, content) in chunks(bytes.get(12..).unwrap_or_default()) {
        match name {
            b"VP8X" | b"VP8 " | b"VP8L" => {
                let dimensions = &mut sources.container.dimensions;
                *dimensions = dimensions.or_else(|| webp_dimensions(name, content));
            }
            b"EXIF" => sources.exif = exif::read(content),
            b"XMP " => sources.xmp = xmp::read(content),
            _ => {}
        }
    }
}

fn webp_dimensions(name: &[u8], content: &[u8]) -> Option<(u32, u32)> {
    match name {
        b"VP8X" => {
            let side = |at| Some((u32_at(content, at, Order::Little)? & 0xFF_FFFF) + 1);
            // The second side ends where the content may end: three bytes.
            let height = slice(content, 7, 3)?;
            let height = u32::from_le_bytes([height[0], height[1], height[2], 0]) + 1;
            Some((side(4)?, height))
        }
        b"VP8 " => {
            let side = |at| u16_at(content, at, Order::Little).map(|side| u32::from(side & 0x3FFF));
            slice(content, 3, 3).filter(|mark| *mark == [0x9D, 0x01, 0x2A])?;
            Some((side(6)?, side(8)?))
        }
        _ => {
            let bits = u32_at(content, 1, Order::Little)?;
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
    }
}
