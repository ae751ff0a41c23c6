//! AVI: size, length and date of a video, and what cameras add.

use super::bytes::{Order, u32_at};
use super::camera::Camera;
use super::riff::chunks;
use super::taken::{Taken, TakenSource};
use super::{Sources, text, time, xmp};

/// The deepest nesting of lists.
const DEPTH: usize = 4;

/// Reads all that an AVI says.
pub(super) fn read(bytes: &[u8], sources: &mut Sources) {
    let mut found = Found::default();
    list(bytes.get(12..).unwrap_or_default(), 0, &mut found, sources);
    sources.container.camera = Camera::new(&found.make, &found.model);
}

#[derive(Default)]
struct Found {
    make: String,
    model: String,
}

fn list(bytes: &[u8], depth: usize, found: &mut Found, sources: &mut Sources) {
    let container = &mut sources.container;
    let mut lists = Vec::new();
    for (name, content) in chunks(bytes) {
        match name {
            b"LIST" if depth < DEPTH && !content.starts_with(b"movi") => lists.push(content),
            b"avih" => {
                let field = |index: usize| u32_at(content, index * 4, Order::Little);
                let (frame, frames) = (field(0), field(4));
                container.duration = frame
                    .zip(frames)
                    .map(|(frame, frames)| u64::from(frame) * u64::from(frames) / 1000);
                container.dimensions = field(8)
                    .zip(field(9))
                    .filter(|(width, height)| *width > 0 && *height > 0);
            }
            b"IDIT" | b"ICRD" => {
                if let Some((local, offset_minutes)) = time::parse(&text::decode(content)) {
                    container.dates.push(Taken {
                        local,
                        offset_minutes,
                        source: TakenSource::Container,
                    });
                }
            }
            b"INAM" => container.title = text::clean(&text::decode(content), text::NAME),
            b"ecor" | b"IMAK" => found.make = text::decode(content),
            b"emdl" | b"IMOD" => found.model = text::decode(content),
            b"_PMX" => sources.xmp = xmp::read(content),
            _ => {}
        }
    }
    for content in lists.into_iter().take(64) {
        list(
            content.get(4..).unwrap_or_default(),
            depth + 1,
            found,
            sources,
        );
    }
}
