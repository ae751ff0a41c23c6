//! IPTC-IIM: what agencies and early programs wrote into photos.
//!
//! Records and datasets: IPTC-NAA Information Interchange Model 4.2. In a JPEG they lie
//! in Photoshop's image resources, number 0x0404.

use super::bytes::{Order, slice, u16_at, u32_at};
use super::taken::{Taken, TakenSource};
use super::time::{self, CivilTime};
use super::{Metadata, text};

/// The most datasets that are read.
const DATASETS: usize = 20_000;

/// Finds the IPTC block in Photoshop's image resources.
pub(super) fn in_photoshop(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        // A mark, a number, a name with its length before it, a size; all padded to even.
        if slice(bytes, 0, 4)? != b"8BIM" {
            return None;
        }
        let number = u16_at(bytes, 4, Order::Big)?;
        let name = usize::from(*bytes.get(6)?);
        let at = 6 + (name + 2) / 2 * 2;
        let size = u32_at(bytes, at, Order::Big)? as usize;
        let content = at + 4;
        if number == 0x0404 {
            let end = content.saturating_add(size).min(bytes.len());
            return bytes.get(content..end);
        }
        let next = content.checked_add(size)?.checked_next_multiple_of(2)?;
        bytes = bytes.get(next..)?;
    }
}

/// Reads an IPTC block.
pub(super) fn read(bytes: &[u8]) -> Metadata {
    let mut metadata = Metadata::default();
    let mut unicode = false;
    // Date and time of creation, and of digitisation.
    let (mut created, mut digitised) = ([None, None], [None, None]);
    let mut rest = bytes;
    for _ in 0..DATASETS {
        let Some((record, dataset, value, after)) = dataset(rest) else {
            break;
        };
        rest = after;
        let words = || {
            if unicode {
                String::from_utf8_lossy(value).into_owned()
            } else {
                text::decode(value)
            }
        };
        match (record, dataset) {
            // The escape sequence that switches to UTF-8.
            (1, 90) => unicode = value.starts_with(b"\x1B%G") || value.starts_with(b"\x1B%/"),
            (2, 5) => metadata.title = text::clean(&words(), text::NAME),
            (2, 25) => text::add_name(&mut metadata.keywords, &words()),
            (2, 120) => metadata.description = text::clean(&words(), text::DESCRIPTION),
            (2, 55) => created[0] = Some(text::latin1(value)),
            (2, 60) => created[1] = Some(text::latin1(value)),
            (2, 62) => digitised[0] = Some(text::latin1(value)),
            (2, 63) => digitised[1] = Some(text::latin1(value)),
            _ => {}
        }
    }
    metadata.dates = [created, digitised].into_iter().filter_map(date).collect();
    metadata
}

/// One dataset: record, number, value, and what follows it.
fn dataset(bytes: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let [0x1C, record, dataset, ..] = *bytes else {
        return None;
    };
    let length = u16_at(bytes, 3, Order::Big)?;
    let (at, length) = if length & 0x8000 == 0 {
        (5, usize::from(length))
    } else {
        // The length has a length of its own.
        let octets = slice(bytes, 5, usize::from(length & 0x7FFF).min(5))?;
        let length = octets
            .iter()
            .fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
        (5 + octets.len(), length)
    };
    let value = slice(bytes, at, length)?;
    Some((record, dataset, value, bytes.get(at + length..)?))
}

/// `20230517` and `183000+0200`.
fn date([date, clock]: [Option<String>; 2]) -> Option<Taken> {
    let (day, _) = time::parse(date?.trim())?;
    let clock = clock.unwrap_or_default().replace(':', "");
    let part = |from: usize| clock.get(from..from + 2)?.parse::<u32>().ok();
    let local = match (part(0), part(2), part(4)) {
        (Some(hour), Some(minute), Some(second)) => CivilTime::new(
            day.year.into(),
            day.month.into(),
            day.day.into(),
            hour,
            minute,
            second,
        ),
        _ => None,
    };
    Some(Taken {
        local: local.unwrap_or(day),
        offset_minutes: local.and(clock.get(6..)).and_then(time::parse_offset),
        source: TakenSource::Iptc,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(datasets: &[(u8, u8, &[u8])]) -> Vec<u8> {
        let mut block = Vec::new();
        for (record, number, value) in datasets {
            block.extend([0x1C, *record, *number]);
            block.extend((value.len() as u16).to_be_bytes());
            block.extend(*value);
        }
        block
    }

    #[test]
    fn keywords_caption_and_date_are_read() {
        let metadata = read(&block(&[
            (2, 25, b"beach"),
            (2, 25, b"caf\xE9"),
            (2, 120, b"A day out"),
            (2, 55, b"20230517"),
            (2, 60, b"183000+0200"),
        ]));
        assert_eq!(metadata.keywords, ["beach", "café"]);
        assert_eq!(metadata.description.as_deref(), Some("A day out"));
        assert_eq!(metadata.dates[0].local.to_string(), "2023-05-17 18:30:00");
        assert_eq!(metadata.dates[0].offset_minutes, Some(120));
    }

    #[test]
    fn the_block_is_found_among_the_resources_of_photoshop() {
        let iptc = block(&[(2, 25, b"x")]);
        let mut resources = b"8BIM\x03\xED\0\0\0\0\0\x03abc\0".to_vec();
        resources.extend(b"8BIM\x04\x04\0\0");
        resources.extend((iptc.len() as u32).to_be_bytes());
        resources.extend(&iptc);
        assert_eq!(in_photoshop(&resources), Some(iptc.as_slice()));
        assert_eq!(in_photoshop(b"8BIM"), None);
    }
}
