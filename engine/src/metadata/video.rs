//! QuickTime, MP4 and 3GPP: what a video says of itself.
//!
//! ISO 14496-12 and Apple's QuickTime File Format. Times of the movie header are UTC by
//! the standard, whatever some cameras do.

use super::bytes::{Order, slice, u16_at, u32_at, u64_at};
use super::camera::Camera;
use super::taken::{Taken, TakenSource};
use super::time::{self, CivilTime, EPOCH_1904};
use super::{Position, Sources, boxes, text, xmp};

/// The name of a box with XMP.
pub(super) const XMP: &[u8; 16] =
    b"\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";

/// The most tracks, keys or entries that are looked at.
const MANY: usize = 256;

/// Reads all that a video says.
pub(super) fn read(bytes: &[u8], sources: &mut Sources) {
    let mut told = Told::default();
    for part in boxes::parts(bytes) {
        if let Some(block) = part.of_user(XMP) {
            sources.xmp = xmp::read(block);
        }
        match &part.name {
            b"moov" => movie(part.content, &mut told, sources),
            b"meta" => keyed(boxes::in_meta(part.content), &mut told),
            b"udta" => user_data(part.content, &mut told, sources),
            _ => {}
        }
    }
    told.tell(sources);
}

/// What the boxes told, before it is ordered.
#[derive(Default)]
struct Told {
    /// The date with an offset that Apple's devices write.
    creation: Option<String>,
    day: Option<String>,
    header: Option<CivilTime>,
    location: Option<String>,
    position: Option<Position>,
    make: String,
    model: String,
    title: Option<String>,
    description: Option<String>,
    rating: Option<u8>,
}

impl Told {
    fn tell(self, sources: &mut Sources) {
        let container = &mut sources.container;
        for written in [self.creation, self.day].into_iter().flatten() {
            if let Some((local, offset_minutes)) = time::parse(&written) {
                container.dates.push(Taken {
                    local,
                    offset_minutes,
                    source: TakenSource::Container,
                });
            }
        }
        container.dates.extend(self.header.map(|local| Taken {
            local,
            offset_minutes: Some(0),
            source: TakenSource::Container,
        }));
        container.camera = Camera::new(&self.make, &self.model);
        container.position = self
            .location
            .and_then(|location| of_iso6709(&location))
            .or(self.position);
        container.title = self.title.and_then(|words| text::clean(&words, text::NAME));
        container.description = self
            .description
            .and_then(|words| text::clean(&words, text::DESCRIPTION));
        container.rating = self.rating;
    }
}

fn movie(bytes: &[u8], told: &mut Told, sources: &mut Sources) {
    for part in boxes::parts(bytes) {
        if let Some(block) = part.of_user(XMP) {
            sources.xmp = xmp::read(block);
        }
        match &part.name {
            b"mvhd" => {
                let _: Option<()> = header(part.content, told, sources);
            }
            b"trak" => {
                let dimensions = &mut sources.container.dimensions;
                *dimensions = dimensions.or_else(|| track(part.content));
            }
            b"meta" => keyed(boxes::in_meta(part.content), told),
            b"udta" => user_data(part.content, told, sources),
            _ => {}
        }
    }
}

/// The movie header: when it was made, and how long it is.
fn header(bytes: &[u8], told: &mut Told, sources: &mut Sources) -> Option<()> {
    let wide = *bytes.first()? == 1;
    let (created, scale, length) = if wide {
        let length = u64_at(bytes, 24, Order::Big)?;
        (
            u64_at(bytes, 4, Order::Big)?,
            u32_at(bytes, 20, Order::Big)?,
            length,
        )
    } else {
        let length = u64::from(u32_at(bytes, 16, Order::Big)?);
        let created = u64::from(u32_at(bytes, 4, Order::Big)?);
        (created, u32_at(bytes, 12, Order::Big)?, length)
    };
    let unknown = length == u64::MAX || (!wide && length == u64::from(u32::MAX));
    if scale > 0 && !unknown {
        sources.container.duration = length
            .checked_mul(1000)
            .map(|length| length / u64::from(scale));
    }
    let created = i64::try_from(created).ok().filter(|created| *created > 0)?;
    // Some count from 1970, which would lie before any video.
    let since_1970 = if created > EPOCH_1904 {
        created - EPOCH_1904
    } else {
        created
    };
    told.header = CivilTime::from_unix(since_1970);
    Some(())
}

/// The size at which a track with pictures is shown.
fn track(bytes: &[u8]) -> Option<(u32, u32)> {
    let handler = boxes::find_path(bytes, &[b"mdia", b"hdlr"])?;
    if slice(handler, 8, 4)? != b"vide" {
        return None;
    }
    let header = boxes::find(bytes, b"tkhd")?;
    let matrix = if *header.first()? == 1 { 52 } else { 40 };
    // Fixed-point numbers: the whole part is in the upper half.
    let side = |at| u32_at(header, at, Order::Big).map(|side| side >> 16);
    let (width, height) = (side(matrix + 36)?, side(matrix + 40)?);
    let turned =
        u32_at(header, matrix, Order::Big)? == 0 && u32_at(header, matrix + 4, Order::Big)? != 0;
    let shown = if turned {
        (height, width)
    } else {
        (width, height)
    };
    (width > 0 && height > 0).then_some(shown)
}

/// Entries with keys: a table of names, and values by their numbers.
fn keyed(bytes: &[u8], told: &mut Told) {
    let list = boxes::find(bytes, b"ilst").unwrap_or_default();
    let names: Vec<&[u8]> = boxes::find(bytes, b"keys")
        .and_then(|keys| keys.get(8..))
        .map(|keys| {
            boxes::parts(keys)
                .take(MANY)
                .map(|part| part.content)
                .collect()
        })
        .unwrap_or_default();
    for entry in boxes::parts(list).take(MANY) {
        let index = u32::from_be_bytes(entry.name) as usize;
        let name = index
            .checked_sub(1)
            .and_then(|index| names.get(index))
            .map_or(&entry.name[..], |name| *name);
        let Some(value) = boxes::find(entry.content, b"data").and_then(|data| data.get(8..)) else {
            continue;
        };
        tell(name, value, told);
    }
}

fn tell(name: &[u8], value: &[u8], told: &mut Told) {
    let words = || text::decode(&value[..value.len().min(64 << 10)]);
    match name {
        b"com.apple.quicktime.creationdate" => told.creation = Some(words()),
        b"com.apple.quicktime.location.ISO6709" => told.location = Some(words()),
        b"com.apple.quicktime.make" | b"com.android.manufacturer" | b"\xA9mak" => {
            told.make = words();
        }
        b"com.apple.quicktime.model" | b"com.android.model" | b"\xA9mod" => told.model = words(),
        b"com.apple.quicktime.title" | b"\xA9nam" => told.title = Some(words()),
        b"com.apple.quicktime.description" | b"\xA9des" | b"desc" => {
            told.description = Some(words());
        }
        b"com.apple.quicktime.rating.user" => {
            told.rating = words()
                .trim()
                .parse()
                .ok()
                .filter(|stars: &f64| (0.0..=5.0).contains(stars))
                .map(|stars| stars.round() as u8);
        }
        b"\xA9day" => told.day = told.day.take().or_else(|| Some(words())),
        b"\xA9xyz" => told.location = told.location.take().or_else(|| Some(words())),
        _ => {}
    }
}

/// What QuickTime and 3GPP keep beside the tracks.
fn user_data(bytes: &[u8], told: &mut Told, sources: &mut Sources) {
    for part in boxes::parts(bytes).take(MANY) {
        match &part.name {
            b"meta" => keyed(boxes::in_meta(part.content), told),
            b"XMP_" => sources.xmp = xmp::read(part.content),
            b"loci" => told.position = told.position.or_else(|| of_3gpp(part.content)),
            // A length and a language before the words.
            name @ [0xA9, ..] => {
                let length = u16_at(part.content, 0, Order::Big).unwrap_or(0);
                if let Some(value) = slice(part.content, 4, length.into()) {
                    tell(name, value, told);
                }
            }
            _ => {}
        }
    }
}

/// 3GPP's place: a name, a role, then fixed-point longitude, latitude, altitude.
fn of_3gpp(bytes: &[u8]) -> Option<Position> {
    let name = bytes.get(6..)?;
    let wide = name.starts_with(&[0xFE, 0xFF]) || name.starts_with(&[0xFF, 0xFE]);
    let end = if wide {
        name.chunks_exact(2).position(|pair| pair == [0, 0])? * 2 + 2
    } else {
        name.iter().position(|&byte| byte == 0)? + 1
    };
    let fixed = |index: usize| {
        u32_at(name, end + 1 + index * 4, Order::Big).map(|raw| f64::from(raw as i32) / 65_536.0)
    };
    Position::new(fixed(1)?, fixed(0)?, fixed(2))
}

/// `+48.8584+002.2945+035.000/`: degrees, or degrees and minutes, or seconds as well.
fn of_iso6709(text: &str) -> Option<Position> {
    let text = text.trim().trim_end_matches('\0');
    let end = text.find(['/', 'C']).unwrap_or(text.len());
    let mut numbers = Vec::new();
    let mut rest = text.get(..end)?;
    while !rest.is_empty() && numbers.len() < 3 {
        let sign = rest
            .chars()
            .next()
            .filter(|sign| matches!(sign, '+' | '-'))?;
        let digits = &rest[1..];
        let length = digits.find(['+', '-']).unwrap_or(digits.len());
        numbers.push((sign, &digits[..length]));
        rest = &digits[length..];
    }
    let angle = |index: usize, whole: usize| {
        let (sign, digits) = *numbers.get(index)?;
        let number: f64 = digits.parse().ok()?;
        let angle = match digits.split('.').next()?.len() {
            length if length <= whole => number,
            length if length <= whole + 2 => (number / 100.0).trunc() + number % 100.0 / 60.0,
            _ => {
                (number / 10_000.0).trunc()
                    + (number / 100.0).trunc() % 100.0 / 60.0
                    + number % 100.0 / 3600.0
            }
        };
        Some(if sign == '-' { -angle } else { angle })
    };
    let altitude = numbers.get(2).and_then(|(sign, digits)| {
        let metres: f64 = digits.parse().ok()?;
        Some(if *sign == '-' { -metres } else { metres })
    });
    Position::new(angle(0, 2)?, angle(1, 3)?, altitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_in_iso_6709_are_read() {
        let near = |text: &str, latitude: f64, longitude: f64| {
            let position = of_iso6709(text).unwrap();
            assert!((position.latitude - latitude).abs() < 1e-6, "{position:?}");
            assert!(
                (position.longitude - longitude).abs() < 1e-6,
                "{position:?}"
            );
        };
        near("+48.8584+002.2945+035.000/", 48.8584, 2.2945);
        near("-33.8568+151.2153/", -33.8568, 151.2153);
        near("+4851.50-00217.70/", 48.858_333_3, -2.295);
        near("+485130-0021742CRSWGS_84/", 48.858_333_3, -2.295);
        for text in ["", "/", "48.1+2.0", "+48.1", "+99.0+002.0/", "+é+2"] {
            assert_eq!(of_iso6709(text), None, "{text}");
        }
    }
}
