//! HEIF, AVIF and JPEG XL: the items of a picture's file.
//!
//! ISO 23008-12: a `meta` box lists items; EXIF and XMP are items, and so is the picture,
//! whose properties give its size and how it is turned. JPEG XL keeps both in boxes.

use std::borrow::Cow;

use super::bytes::{Order, slice, u16_at, u32_at, u64_at};
use super::{Sources, boxes, exif, text, xmp};

/// The most items that are looked at. A picture of tiles has hundreds.
const ITEMS: usize = 20_000;

/// The most bytes of one item that are put together.
const ITEM: usize = 16 << 20;

/// Reads all that a HEIF, AVIF or JPEG XL says.
pub(super) fn read(bytes: &[u8], sources: &mut Sources) {
    for part in boxes::parts(bytes) {
        match &part.name {
            b"Exif" => sources.exif = read_exif(part.content),
            b"xml " => sources.xmp = xmp::read(part.content),
            b"meta" => read_meta(boxes::in_meta(part.content), bytes, sources),
            _ => {}
        }
    }
}

fn read_meta(meta: &[u8], file: &[u8], sources: &mut Sources) {
    let data = boxes::find(meta, b"idat").unwrap_or_default();
    let locations = boxes::find(meta, b"iloc").unwrap_or_default();
    let content = |item| locate(locations, item, file, data);
    for (item, kind) in items(meta) {
        match kind {
            Item::Exif => {
                if let Some(block) = content(item) {
                    sources.exif = read_exif(&block);
                }
            }
            Item::Xmp => {
                if let Some(block) = content(item) {
                    sources.xmp = xmp::read(&block);
                }
            }
        }
    }
    if let Some(shape) = shape(meta) {
        sources.container.dimensions = shape.dimensions;
        // The standard: what turns the picture is here, and EXIF's word does not count.
        sources.container.orientation = Some(shape.orientation());
    }
}

/// An EXIF item begins with how far it is to the TIFF header.
fn read_exif(block: &[u8]) -> super::Metadata {
    let skip = u32_at(block, 0, Order::Big).unwrap_or(0) as usize;
    let after = block.get(4..).unwrap_or_default();
    let plain = after.get(skip..).unwrap_or_default();
    // Some writers count wrongly, or not at all.
    for candidate in [plain, after, block] {
        let candidate = candidate.strip_prefix(b"Exif\0\0").unwrap_or(candidate);
        if candidate.starts_with(b"II") || candidate.starts_with(b"MM") {
            return exif::read(candidate);
        }
    }
    super::Metadata::default()
}

enum Item {
    Exif,
    Xmp,
}

/// The items that hold metadata, by their numbers.
fn items(meta: &[u8]) -> Vec<(u32, Item)> {
    let Some(info) = boxes::find(meta, b"iinf") else {
        return Vec::new();
    };
    // A version, and a count that is as wide as the version wants.
    let skip = if info.first() == Some(&0) { 6 } else { 8 };
    boxes::parts(info.get(skip..).unwrap_or_default())
        .filter(|part| &part.name == b"infe")
        .take(ITEMS)
        .filter_map(|part| {
            let entry = part.content;
            let (item, at) = match entry.first()? {
                2 => (u32::from(u16_at(entry, 4, Order::Big)?), 8),
                3 => (u32_at(entry, 4, Order::Big)?, 10),
                _ => return None,
            };
            match slice(entry, at, 4)? {
                b"Exif" => Some((item, Item::Exif)),
                b"mime" => {
                    // The item's name, then its type, each ended by a zero byte.
                    let rest = entry.get(at + 4..)?;
                    let name = rest.iter().position(|&byte| byte == 0)?;
                    let kind = text::decode(&rest[name + 1..]);
                    (kind == "application/rdf+xml").then_some((item, Item::Xmp))
                }
                _ => None,
            }
        })
        .take(8)
        .collect()
}

/// The bytes of an item, out of the file or the data beside the list.
fn locate<'a>(
    locations: &'a [u8],
    item: u32,
    file: &'a [u8],
    data: &'a [u8],
) -> Option<Cow<'a, [u8]>> {
    let version = *locations.first()?;
    let sizes = u16_at(locations, 4, Order::Big)?;
    let width = |shift: u16| usize::from(sizes >> shift & 0xF);
    let (offsets, lengths, bases) = (width(12), width(8), width(4));
    let indices = if version == 0 { 0 } else { width(0) };
    let mut at = 6;
    let mut number = |width: usize| {
        let value = match width {
            0 => 0,
            2 => u64::from(u16_at(locations, at, Order::Big)?),
            4 => u64::from(u32_at(locations, at, Order::Big)?),
            8 => u64_at(locations, at, Order::Big)?,
            _ => return None,
        };
        at += width;
        Some(value)
    };
    let wide = if version < 2 { 2 } else { 4 };
    let count = number(wide)?;
    // Extents may take no bytes at all, so the list's own end does not bound them.
    let mut budget = ITEMS * 4;
    for _ in 0..count.min(ITEMS as u64) {
        let found = number(wide)?;
        let method = if version == 0 { 0 } else { number(2)? & 0xF };
        let _reference = number(2)?;
        let base = number(bases)?;
        let extents = number(2)?;
        let mut parts: Vec<&[u8]> = Vec::new();
        for _ in 0..extents {
            budget = budget.checked_sub(1)?;
            let _index = number(indices)?;
            let offset = number(offsets)?;
            let length = number(lengths)?;
            if found != u64::from(item) || parts.len() > 64 {
                continue;
            }
            let from = match method {
                0 => file,
                1 => data,
                _ => return None,
            };
            let start = usize::try_from(base.checked_add(offset)?).ok()?;
            let length = usize::try_from(length).ok()?.min(ITEM);
            let end = start.checked_add(length)?.min(from.len());
            parts.push(from.get(start..end)?);
        }
        if found == u64::from(item) {
            return match parts[..] {
                [part] => Some(Cow::Borrowed(part)),
                _ if parts.iter().map(|part| part.len()).sum::<usize>() > ITEM => None,
                _ => Some(Cow::Owned(parts.concat())),
            };
        }
    }
    None
}

/// Size and turn of the picture that the file is for.
#[derive(Default)]
struct Shape {
    dimensions: Option<(u32, u32)>,
    /// Quarter turns against the clock.
    quarters: u8,
    /// Mirrored: 0 top to bottom, 1 left to right, before or after the turn as listed.
    mirrors: Vec<u8>,
    mirrored_first: bool,
}

impl Shape {
    /// The EXIF number of the same turn.
    fn orientation(&self) -> u8 {
        // Where the corners go is followed on a square of four: top left, top right,
        // bottom right, bottom left.
        let mut corners = [0, 1, 2, 3];
        let turn = |corners: &mut [u8; 4]| corners.rotate_left(usize::from(self.quarters % 4));
        let mirror = |corners: &mut [u8; 4]| {
            for axis in &self.mirrors {
                if *axis == 1 {
                    corners.swap(0, 1);
                    corners.swap(2, 3);
                } else {
                    corners.swap(0, 3);
                    corners.swap(1, 2);
                }
            }
        };
        if self.mirrored_first {
            mirror(&mut corners);
            turn(&mut corners);
        } else {
            turn(&mut corners);
            mirror(&mut corners);
        }
        match corners {
            [1, 0, 3, 2] => 2,
            [2, 3, 0, 1] => 3,
            [3, 2, 1, 0] => 4,
            [0, 3, 2, 1] => 5,
            [3, 0, 1, 2] => 6,
            [2, 1, 0, 3] => 7,
            [1, 2, 3, 0] => 8,
            _ => 1,
        }
    }
}

fn shape(meta: &[u8]) -> Option<Shape> {
    let primary = boxes::find(meta, b"pitm")?;
    let primary = match primary.first()? {
        0 => u32::from(u16_at(primary, 4, Order::Big)?),
        _ => u32_at(primary, 4, Order::Big)?,
    };
    let properties = boxes::find(meta, b"iprp")?;
    let all: Vec<_> = boxes::parts(boxes::find(properties, b"ipco")?).collect();
    let mut shape = Shape::default();
    for index in associations(boxes::find(properties, b"ipma")?, primary)? {
        let Some(part) = index.checked_sub(1).and_then(|index| all.get(index)) else {
            continue;
        };
        match &part.name {
            b"ispe" => {
                shape.dimensions = u32_at(part.content, 4, Order::Big)
                    .zip(u32_at(part.content, 8, Order::Big))
                    .filter(|(width, height)| *width > 0 && *height > 0);
            }
            b"irot" => shape.quarters = part.content.first()? & 3,
            b"imir" => {
                shape.mirrored_first = shape.quarters == 0;
                shape.mirrors.push(part.content.first()? & 1);
            }
            _ => {}
        }
    }
    Some(shape)
}

/// The numbers of an item's properties, from 1.
fn associations(list: &[u8], item: u32) -> Option<Vec<usize>> {
    let version = *list.first()?;
    let wide = list.get(3)? & 1 == 1;
    let count = u32_at(list, 4, Order::Big)? as usize;
    let mut at = 8;
    for _ in 0..count.min(ITEMS) {
        let found = if version == 0 {
            u32::from(u16_at(list, at, Order::Big)?)
        } else {
            u32_at(list, at, Order::Big)?
        };
        at += if version == 0 { 2 } else { 4 };
        let number = usize::from(*list.get(at)?);
        at += 1;
        let indices = slice(list, at, if wide { number * 2 } else { number })?;
        at += indices.len();
        if found == item {
            // The first bit says whether the property is essential.
            return Some(if wide {
                indices
                    .chunks_exact(2)
                    .map(|pair| usize::from(pair[0] & 0x7F) << 8 | usize::from(pair[1]))
                    .collect()
            } else {
                indices
                    .iter()
                    .map(|index| usize::from(index & 0x7F))
                    .collect()
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_against_the_clock_have_exif_numbers() {
        let turned = |quarters, mirrors: &[u8]| {
            Shape {
                quarters,
                mirrors: mirrors.to_vec(),
                mirrored_first: false,
                dimensions: None,
            }
            .orientation()
        };
        assert_eq!(turned(0, &[]), 1);
        assert_eq!(turned(1, &[]), 8);
        assert_eq!(turned(2, &[]), 3);
        assert_eq!(turned(3, &[]), 6);
        assert_eq!(turned(0, &[1]), 2);
        assert_eq!(turned(0, &[0]), 4);
    }
}
