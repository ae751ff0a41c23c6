//! The largest JPEG that a camera left in a RAW file.
//!
//! Decoding it costs a fraction of developing the RAW, and shows what the camera showed.

use std::ops::Range;

use super::bytes::{find, range};
use super::kind::{Kind, Raw};
use super::tiff::{Directory, Tiff};
use super::{jpeg, maker, raw};

/// The most places in a file that are tried where nothing points to a preview. Chance
/// makes three of them in 50 MB.
const TRIES: usize = 1024;

/// How far behind its beginning a JPEG must say its size, in bytes.
const HEAD: usize = 128 << 10;

/// The least width and height of a preview that is worth while, in pixels. Below it a
/// file is searched for a better one.
const WORTHWHILE: u32 = 500;

/// Where the largest ordinary JPEG lies in a RAW file; nothing for other files.
///
/// The range is within `bytes`. What is there begins like a JPEG and says that it is one
/// that any decoder decodes; it may still be damaged. It is turned as the RAW is: the
/// orientation that [`super::read`] tells of the whole file is to be applied, not its own.
#[must_use]
pub fn preview(bytes: &[u8]) -> Option<Range<usize>> {
    let candidates = match Kind::of(bytes)? {
        Kind::Raw(Raw::Cr3) => raw::cr3_previews(bytes),
        Kind::Raw(Raw::Raf) => raw::raf_preview(bytes).into_iter().collect(),
        Kind::Raw(_) => in_tiff(bytes),
        _ => return None,
    };
    match largest(bytes, candidates) {
        Some((range, size)) if size.0.max(size.1) >= WORTHWHILE => Some(range),
        small => {
            let searched = largest(bytes, search(bytes));
            [small, searched]
                .into_iter()
                .flatten()
                .max_by_key(|(_, size)| area(*size))
                .map(|(range, _)| range)
        }
    }
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The largest of the candidates that are JPEGs, and its size in pixels.
fn largest(bytes: &[u8], candidates: Vec<Range<usize>>) -> Option<(Range<usize>, (u32, u32))> {
    candidates
        .into_iter()
        .filter_map(|range| {
            let candidate = bytes.get(range.clone())?;
            let size = candidate
                .starts_with(&[0xFF, 0xD8, 0xFF])
                .then(|| jpeg::dimensions(candidate))??;
            Some((range, size))
        })
        .max_by_key(|(range, size)| (area(*size), range.len()))
}

/// All that a TIFF's directories, and the maker's notes, call a JPEG.
fn in_tiff(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let Some(tiff) = Tiff::open(bytes) else {
        return found;
    };
    let directories = tiff.all_directories();
    for directory in &directories {
        let number = |tag| {
            let entry = directory.find(tag)?;
            Some(tiff.unsigned(entry, 0)? as usize)
        };
        let one_strip = directory
            .find(0x0111)
            .is_some_and(|entry| entry.count() == 1);
        for (start, length, counts) in [(0x0201, 0x0202, true), (0x0111, 0x0117, one_strip)] {
            if counts && let Some((start, length)) = number(start).zip(number(length)) {
                found.extend(range(bytes, start, length));
            }
        }
        // Panasonic keeps it as a value.
        found.extend(
            directory
                .find(0x002E)
                .and_then(|entry| tiff.value_range(entry)),
        );
    }
    found.extend(directories.first().and_then(|first| noted(&tiff, first)));
    found
}

fn noted(tiff: &Tiff<'_>, first: &Directory) -> Option<Range<usize>> {
    let make = tiff.text(first.find(0x010F)?);
    let shot = tiff.directory_of(first.find(0x8769)?)?;
    maker::preview(tiff, shot.find(0x927C)?, &make)
}

/// Everything in a file that begins like a JPEG with a size.
fn search(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut starts = Vec::new();
    let mut at = 0;
    for _ in 0..TRIES {
        let Some(start) = find(bytes, &[0xFF, 0xD8, 0xFF], at) else {
            break;
        };
        at = start + 3;
        // A segment follows, and soon the size: noise seldom gets that far.
        let head = &bytes[start..bytes.len().min(start + HEAD)];
        starts.extend(jpeg::dimensions(head).map(|size| (start, size)));
    }
    // Only the largest is followed to its end, which takes a walk through its pixels.
    let best = starts.into_iter().max_by_key(|(_, size)| area(*size));
    best.map(|(start, _)| start..start + jpeg::end(&bytes[start..]))
        .into_iter()
        .collect()
}
