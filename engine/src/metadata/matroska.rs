//! Matroska and WebM: size, length and date of a video.
//!
//! RFC 9559: elements with a number and a length, both of a width that their first byte
//! tells. Only the heads are read; they lie before the pictures.

use super::bytes::{Order, u32_at, u64_at};
use super::taken::{Taken, TakenSource};
use super::time::CivilTime;
use super::{Sources, text};

/// Elements that are looked at side by side.
const MANY: usize = 4096;

/// Matroska counts time from 2001-01-01; in seconds after 1970.
const EPOCH_2001: i64 = 978_307_200;

/// Nanoseconds of one tick where the file does not say.
const TICK: u64 = 1_000_000;

/// Reads all that a Matroska file says.
pub(super) fn read(bytes: &[u8], sources: &mut Sources) {
    let Some(segment) = elements(bytes).find(|(id, _)| *id == 0x1853_8067) else {
        return;
    };
    // The clusters hold the pictures; what we read lies before them.
    let heads = elements(segment.1).take_while(|(id, _)| *id != 0x1F43_B675);
    for (id, content) in heads {
        match id {
            0x1549_A966 => about(content, sources),
            0x1654_AE6B => tracks(content, sources),
            _ => {}
        }
    }
}

fn about(bytes: &[u8], sources: &mut Sources) {
    let container = &mut sources.container;
    let mut tick = TICK;
    let mut length = None;
    for (id, content) in elements(bytes) {
        match id {
            0x2A_D7B1 => tick = unsigned(content).unwrap_or(TICK),
            0x4489 => length = float(content),
            0x7BA9 => container.title = text::clean(&text::decode(content), text::NAME),
            0x4461 => {
                // Nanoseconds, before the epoch if negative.
                let since = u64_at(content, 0, Order::Big).map(|raw| raw as i64);
                let local = since
                    .filter(|since| *since != 0)
                    .and_then(|since| CivilTime::from_unix(EPOCH_2001 + since / 1_000_000_000));
                container.dates.extend(local.map(|local| Taken {
                    local,
                    offset_minutes: Some(0),
                    source: TakenSource::Container,
                }));
            }
            _ => {}
        }
    }
    container.duration = length
        .map(|ticks| ticks * tick as f64 / 1e6)
        .filter(|milliseconds| (0.0..1e12).contains(milliseconds))
        .map(|milliseconds| milliseconds as u64);
}

fn tracks(bytes: &[u8], sources: &mut Sources) {
    for (_, track) in elements(bytes).filter(|(id, _)| *id == 0xAE) {
        let Some((_, video)) = elements(track).find(|(id, _)| *id == 0xE0) else {
            continue;
        };
        let side = |wanted| {
            let (_, content) = elements(video).find(|(id, _)| *id == wanted)?;
            u32::try_from(unsigned(content)?)
                .ok()
                .filter(|side| *side > 0)
        };
        let dimensions = &mut sources.container.dimensions;
        *dimensions = dimensions.or_else(|| side(0xB0).zip(side(0xBA)));
    }
}

/// The elements that lie side by side in `bytes`; one that is cut off is the last.
fn elements(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let width = first.leading_zeros() as usize + 1;
        let id = rest.get(..width).filter(|_| width <= 4)?;
        let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        rest = &rest[width..];
        let first = *rest.first()?;
        let width = first.leading_zeros() as usize + 1;
        let raw = rest.get(..width).filter(|_| width <= 8)?;
        let number = raw
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        let mask = (1_u64 << (7 * width)) - 1;
        rest = &rest[width..];
        // All ones: a stream whose writer did not know its length.
        let length = match number & mask {
            unknown if unknown == mask => rest.len(),
            length => usize::try_from(length).map_or(rest.len(), |length| length.min(rest.len())),
        };
        let (content, after) = rest.split_at(length);
        rest = after;
        Some((id, content))
    })
    .take(MANY)
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8)
        .then(|| (bytes.iter()).fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => u32_at(bytes, 0, Order::Big).map(|bits| f32::from_bits(bits).into()),
        8 => u64_at(bytes, 0, Order::Big).map(f64::from_bits),
        _ => None,
    }
}
