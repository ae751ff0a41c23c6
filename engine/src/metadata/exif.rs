//! EXIF: what the camera wrote.
//!
//! Tags and their meaning: CIPA DC-008 (EXIF 2.32), and those that Windows adds. It
//! reads a TIFF, wherever that lay.

use super::camera::Camera;
use super::taken::{Taken, TakenSource};
use super::tiff::{Directory, Entry, Tiff};
use super::time::{self, CivilTime};
use super::{Metadata, Position, maker, text};

/// What cameras write as a description when nobody wrote one.
const NO_DESCRIPTION: &[&str] = &[
    "olympus digital camera",
    "sony dsc",
    "minolta dsc",
    "minolta digital camera",
    "kodak digital still camera",
    "konica minolta digital camera",
    "digital camera",
    "digital still camera",
    "exif_jpeg_picture",
    "exif_jpeg_t422",
    "default",
    "samsung",
    "untitled",
    "<digimax",
    "dcim\\",
    "screenshot",
    "charset=",
];

/// The parts of an EXIF block; a CR3 keeps them in blocks of their own.
pub(super) struct Parts<'a> {
    /// The whole picture: maker, orientation, words.
    pub picture: Option<(Tiff<'a>, Directory)>,
    /// The shot: times, lens.
    pub shot: Option<(Tiff<'a>, Directory)>,
    /// The position.
    pub position: Option<(Tiff<'a>, Directory)>,
}

/// Reads an EXIF block: a TIFF header and what follows.
pub(super) fn read(bytes: &[u8]) -> Metadata {
    let bytes = bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes);
    Tiff::open(bytes).map_or_else(Metadata::default, |tiff| read_tiff(&tiff))
}

/// Reads EXIF from the first directory of a TIFF and those it points to.
pub(super) fn read_tiff(tiff: &Tiff<'_>) -> Metadata {
    let Some(picture) = tiff.directories().into_iter().next() else {
        return Metadata::default();
    };
    let below = |tag| {
        let directory = tiff.directory_of(picture.find(tag)?)?;
        Some((*tiff, directory))
    };
    let (shot, position) = (below(0x8769), below(0x8825));
    read_parts(&Parts {
        shot,
        position,
        picture: Some((*tiff, picture)),
    })
}

/// Reads EXIF whose parts were found.
pub(super) fn read_parts(parts: &Parts<'_>) -> Metadata {
    let picture = Part(parts.picture.as_ref());
    let shot = Part(parts.shot.as_ref());
    let position = Part(parts.position.as_ref());
    let (make, model) = (picture.text(0x010F), picture.text(0x0110));
    let camera = Camera::new(
        make.as_deref().unwrap_or_default(),
        model
            .or_else(|| picture.text(0xC614))
            .as_deref()
            .unwrap_or_default(),
    );
    let mut keywords = Vec::new();
    for keyword in picture.wide_text(0x9C9E).unwrap_or_default().split(';') {
        text::add_name(&mut keywords, keyword);
    }
    Metadata {
        dates: dates(&picture, &shot, &position),
        lens: lens(&picture, &shot, make.as_deref().unwrap_or_default()),
        camera,
        position: place(&position),
        orientation: picture
            .unsigned(0x0112)
            .and_then(|value| u8::try_from(value).ok())
            .filter(|value| (1..=8).contains(value)),
        keywords,
        rating: rating(&picture),
        title: picture
            .wide_text(0x9C9B)
            .and_then(|title| text::clean(&title, text::NAME)),
        description: description(&picture, &shot),
        ..Metadata::default()
    }
}

/// A directory that may be missing.
struct Part<'p, 'a>(Option<&'p (Tiff<'a>, Directory)>);

impl<'a> Part<'_, 'a> {
    fn find(&self, tag: u16) -> Option<(Tiff<'a>, Entry)> {
        let (tiff, directory) = self.0?;
        Some((*tiff, directory.find(tag)?))
    }

    fn unsigned(&self, tag: u16) -> Option<u32> {
        let (tiff, entry) = self.find(tag)?;
        tiff.unsigned(entry, 0)
    }

    fn number(&self, tag: u16, index: usize) -> Option<f64> {
        let (tiff, entry) = self.find(tag)?;
        tiff.number(entry, index)
    }

    fn text(&self, tag: u16) -> Option<String> {
        let (tiff, entry) = self.find(tag)?;
        text::clean(&tiff.text(entry), text::DESCRIPTION)
    }

    /// Words that Windows wrote, in UTF-16.
    fn wide_text(&self, tag: u16) -> Option<String> {
        let (tiff, entry) = self.find(tag)?;
        let value = tiff.value(entry);
        let cut = value.len().min(64 << 10);
        Some(text::utf16_little(&value[..cut]))
    }
}

/// All times, the shot's before the scan's before the last change's.
fn dates(picture: &Part<'_, '_>, shot: &Part<'_, '_>, position: &Part<'_, '_>) -> Vec<Taken> {
    let one = |part: &Part<'_, '_>, date: u16, fraction: u16, offset: u16| {
        let (mut local, mut offset_minutes) = time::parse(&part.text(date)?)?;
        if let Some(digits) = shot.text(fraction) {
            local = local.with_fraction(&digits);
        }
        if let Some(offset) = shot.text(offset) {
            offset_minutes = time::parse_offset(&offset).or(offset_minutes);
        }
        Some(Taken {
            local,
            offset_minutes,
            source: TakenSource::Exif,
        })
    };
    [
        one(shot, 0x9003, 0x9291, 0x9011),
        // Some programs write it where it does not belong.
        one(picture, 0x9003, 0x9291, 0x9011),
        one(shot, 0x9004, 0x9292, 0x9012),
        one(picture, 0x0132, 0x9290, 0x9010),
        satellite_date(position),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The time of the satellites, which is UTC.
fn satellite_date(position: &Part<'_, '_>) -> Option<Taken> {
    let (date, _) = time::parse(&position.text(0x001D)?)?;
    let part = |index| position.number(0x0007, index).unwrap_or(0.0) as u32;
    let local = CivilTime::new(
        date.year.into(),
        date.month.into(),
        date.day.into(),
        part(0),
        part(1),
        part(2),
    )?;
    Some(Taken {
        local,
        offset_minutes: Some(0),
        source: TakenSource::Exif,
    })
}

fn place(position: &Part<'_, '_>) -> Option<Position> {
    let angle = |tag: u16, reference: u16, positive: char, negative: char| {
        let degrees = position.number(tag, 0)?;
        let minutes = position.number(tag, 1).unwrap_or(0.0);
        let seconds = position.number(tag, 2).unwrap_or(0.0);
        let angle = degrees + minutes / 60.0 + seconds / 3600.0;
        // Without its direction an angle may be half a world away.
        let direction = position
            .text(reference)?
            .chars()
            .next()?
            .to_ascii_uppercase();
        match direction {
            direction if direction == positive => Some(angle),
            direction if direction == negative => Some(-angle),
            _ => None,
        }
    };
    let altitude = position.number(0x0006, 0).map(|metres| {
        if position.unsigned(0x0005) == Some(1) {
            -metres
        } else {
            metres
        }
    });
    Position::new(
        angle(0x0002, 0x0001, 'N', 'S')?,
        angle(0x0004, 0x0003, 'E', 'W')?,
        altitude,
    )
}

fn lens(picture: &Part<'_, '_>, shot: &Part<'_, '_>, make: &str) -> Option<String> {
    let named = shot
        .text(0xA434)
        .or_else(|| shot.text(0xFDEA))
        .and_then(|lens| text::clean(&lens, text::NAME))
        .filter(|lens| lens.chars().any(char::is_alphanumeric) && lens != "0");
    if let Some(lens) = named {
        return Some(lens);
    }
    let noted = shot
        .find(0x927C)
        .and_then(|(tiff, entry)| maker::lens(&tiff, entry, make));
    if noted.is_some() {
        return noted;
    }
    let (tiff, entry) = shot.find(0xA432).or_else(|| picture.find(0xC630))?;
    let part = |index| tiff.number(entry, index).unwrap_or(0.0);
    maker::lens_of_numbers([part(0), part(1), part(2), part(3)])
}

fn rating(picture: &Part<'_, '_>) -> Option<u8> {
    picture
        .unsigned(0x4746)
        .and_then(|stars| u8::try_from(stars).ok())
        .filter(|stars| *stars <= 5)
}

fn description(picture: &Part<'_, '_>, shot: &Part<'_, '_>) -> Option<String> {
    let wide = |tag| {
        picture
            .wide_text(tag)
            .and_then(|words| text::clean(&words, text::DESCRIPTION))
    };
    picture
        .text(0x010E)
        .filter(|words| {
            let words = words.to_lowercase();
            !NO_DESCRIPTION.iter().any(|known| words.starts_with(known))
        })
        .or_else(|| wide(0x9C9F))
        .or_else(|| wide(0x9C9C))
        .or_else(|| user_comment(shot))
}

/// The comment, whose first eight bytes name its characters.
fn user_comment(shot: &Part<'_, '_>) -> Option<String> {
    let (tiff, entry) = shot.find(0x9286)?;
    let value = tiff.value(entry);
    let value = &value[..value.len().min(64 << 10)];
    let (code, words) = value.split_at_checked(8)?;
    let words = match code {
        b"ASCII\0\0\0" => text::decode(words),
        b"UNICODE\0" => match tiff.order() {
            super::bytes::Order::Little => text::utf16_little(words),
            super::bytes::Order::Big => text::utf16_big(words),
        },
        _ => return None,
    };
    // Cameras fill it with marks of their own; people write words with letters.
    let words = text::clean(&words, text::DESCRIPTION)?;
    let spoken = words
        .chars()
        .filter(|c| c.is_alphabetic() || c.is_whitespace())
        .count();
    (spoken >= 3 && spoken * 2 > words.chars().count() && !words.contains('\u{FFFD}'))
        .then_some(words)
}
