//! RAW files and TIFF: where their metadata lies.
//!
//! Most are TIFFs with the camera's EXIF in the usual places. CR3 keeps it in boxes,
//! RAF in a JPEG behind its header.

use super::bytes::{Order, range, slice, u32_at};
use super::exif::{self, Parts};
use super::kind::Kind;
use super::tiff::{Directory, Tiff};
use super::{Sources, boxes, iptc, jpeg, video, xmp};

/// The name of the box in which Canon keeps EXIF.
const CANON: &[u8; 16] = b"\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48";

/// Reads all that a TIFF says, or a RAW that is one inside.
pub(super) fn read_tiff(bytes: &[u8], sources: &mut Sources) {
    let Some(tiff) = Tiff::open(bytes) else {
        return;
    };
    sources.exif = exif::read_tiff(&tiff);
    let directories = tiff.all_directories();
    let Some(first) = directories.first() else {
        return;
    };
    if let Some(entry) = first.find(0x02BC) {
        sources.xmp = xmp::read(tiff.value(entry));
    }
    let block = first
        .find(0x83BB)
        .map(|entry| tiff.value(entry))
        .or_else(|| iptc::in_photoshop(tiff.value(first.find(0x8649)?)));
    if let Some(block) = block {
        sources.iptc = iptc::read(block);
    }
    sources.container.dimensions = match Kind::of(bytes) {
        Some(Kind::Tiff) => pair(&tiff, first, 0x0100, 0x0101),
        _ => dimensions(&tiff, &directories),
    };
    // Panasonic keeps the camera's own EXIF in the preview.
    if let Some(entry) = first.find(0x002E)
        && let Some(range) = tiff.value_range(entry)
    {
        read_inner_jpeg(&bytes[range], sources);
    }
}

/// Reads a Fujifilm RAF.
pub(super) fn read_raf(bytes: &[u8], sources: &mut Sources) {
    if let Some(preview) = raf_preview(bytes) {
        read_inner_jpeg(&bytes[preview], sources);
    }
}

/// The JPEG in a RAF, which comes first.
pub(super) fn raf_preview(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = u32_at(bytes, 84, Order::Big)? as usize;
    let length = u32_at(bytes, 88, Order::Big)? as usize;
    range(bytes, start, length.min(bytes.len().saturating_sub(start)))
}

/// Adds what a JPEG inside a RAW says and the RAW does not.
fn read_inner_jpeg(bytes: &[u8], sources: &mut Sources) {
    let mut inner = Sources::default();
    jpeg::read(bytes, &mut inner);
    let outer = std::mem::take(&mut sources.exif);
    sources.exif = super::Metadata {
        dates: if outer.dates.is_empty() || inner.exif.dates.len() > outer.dates.len() {
            inner.exif.dates
        } else {
            outer.dates
        },
        camera: outer.camera.or(inner.exif.camera),
        lens: outer.lens.or(inner.exif.lens),
        position: outer.position.or(inner.exif.position),
        orientation: outer.orientation.or(inner.exif.orientation),
        rating: outer.rating.or(inner.exif.rating),
        title: outer.title.or(inner.exif.title),
        description: outer.description.or(inner.exif.description),
        ..outer
    };
    if sources.xmp == super::Metadata::default() {
        sources.xmp = inner.xmp;
    }
    let container = &mut sources.container;
    container.dimensions = container.dimensions.or(inner.container.dimensions);
}

/// Reads a Canon CR3.
pub(super) fn read_cr3(bytes: &[u8], sources: &mut Sources) {
    let Some(movie) = boxes::find(bytes, b"moov") else {
        return;
    };
    if let Some(block) = boxes::parts(bytes).find_map(|part| part.of_user(video::XMP)) {
        sources.xmp = xmp::read(block);
    }
    let Some(canon) = boxes::parts(movie).find_map(|part| part.of_user(CANON)) else {
        return;
    };
    let part = |name| {
        let tiff = Tiff::open(boxes::find(canon, name)?)?;
        let directory = tiff.directories().into_iter().next()?;
        Some((tiff, directory))
    };
    let parts = Parts {
        picture: part(b"CMT1"),
        shot: part(b"CMT2"),
        position: part(b"CMT4"),
    };
    if let Some((tiff, directory)) = &parts.picture {
        sources.container.dimensions = pair(tiff, directory, 0x0100, 0x0101);
    }
    if let Some((tiff, directory)) = &parts.shot
        && let Some(dimensions) = pair(tiff, directory, 0xA002, 0xA003)
    {
        sources.container.dimensions = Some(dimensions);
    }
    sources.exif = exif::read_parts(&parts);
}

/// The JPEGs of a CR3: in its own box, and as the sample of each track.
pub(super) fn cr3_previews(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let Some(movie) = boxes::find(bytes, b"moov") else {
        return found;
    };
    for part in boxes::parts(movie)
        .filter(|part| &part.name == b"trak")
        .take(16)
    {
        let sample = || {
            let table = boxes::find_path(part.content, &[b"mdia", b"minf", b"stbl"])?;
            let sizes = boxes::find(table, b"stsz")?;
            let length = match u32_at(sizes, 4, Order::Big)? {
                0 => u32_at(sizes, 12, Order::Big)?,
                length => length,
            };
            let start = match boxes::find(table, b"co64") {
                Some(offsets) => u32_at(offsets, 12, Order::Big)
                    .filter(|_| slice(offsets, 8, 4) == Some(&[0; 4]))?,
                None => u32_at(boxes::find(table, b"stco")?, 8, Order::Big)?,
            };
            range(bytes, start as usize, length as usize)
        };
        found.extend(sample());
    }
    found
}

/// The size of the photo in a RAW: what the camera says that it developed, what the
/// maker says is to be cropped, or the largest picture of the file.
fn dimensions(tiff: &Tiff<'_>, directories: &[Directory]) -> Option<(u32, u32)> {
    let first = directories.first()?;
    let shot = first
        .find(0x8769)
        .and_then(|entry| tiff.directory_of(entry))
        .unwrap_or_default();
    // DNG says how much of the sensor is the photo.
    let cropped = directories.iter().find_map(|directory| {
        let entry = directory.find(0xC620)?;
        let side = |index| tiff.number(entry, index).map(|side| side as u32);
        Some((side(0)?, side(1)?)).filter(|(width, height)| *width > 0 && *height > 0)
    });
    let largest = directories
        .iter()
        .filter_map(|directory| pair(tiff, directory, 0x0100, 0x0101))
        .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height));
    // Panasonic: borders of the photo on the sensor.
    let bordered = || {
        let side = |tag| first.find(tag).and_then(|entry| tiff.unsigned(entry, 0));
        let width = side(7)?.checked_sub(side(5)?)?;
        let height = side(6)?.checked_sub(side(4)?)?;
        (first.find(0x002E).is_some() && width > 0 && height > 0).then_some((width, height))
    };
    let developed = pair(tiff, &shot, 0xA002, 0xA003);
    let is_dng = first.find(0xC612).is_some();
    if is_dng {
        cropped.or(largest).or(developed)
    } else {
        developed.or_else(bordered).or(largest)
    }
}

fn pair(tiff: &Tiff<'_>, directory: &Directory, width: u16, height: u16) -> Option<(u32, u32)> {
    let side = |tag| {
        tiff.unsigned(directory.find(tag)?, 0)
            .filter(|side| *side > 0)
    };
    Some((side(width)?, side(height)?))
}
