//! The chunks of a PNG: size, EXIF, XMP, words.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::bytes::{Order, slice, u32_at};
use super::taken::{Taken, TakenSource};
use super::{Metadata, Sources, exif, iptc, text, time, xmp};

/// The most bytes that compressed words may grow to.
const INFLATED: usize = 8 << 20;

/// The most chunks that are looked at; a picture may be cut into many.
const CHUNKS: usize = 100_000;

/// The most compressed chunks of words that are opened.
const COMPRESSED: usize = 16;

/// Reads all that a PNG says.
pub(super) fn read(bytes: &[u8], sources: &mut Sources) {
    let mut at = 8;
    let mut compressed = 0;
    for _ in 0..CHUNKS {
        let Some(length) = u32_at(bytes, at, Order::Big) else {
            break;
        };
        let Some(kind) = slice(bytes, at + 4, 4) else {
            break;
        };
        let Some(content) = slice(bytes, at + 8, length as usize) else {
            break;
        };
        at += 12 + content.len();
        match kind {
            b"IHDR" => {
                sources.container.dimensions = u32_at(content, 0, Order::Big)
                    .zip(u32_at(content, 4, Order::Big))
                    .filter(|(width, height)| *width > 0 && *height > 0);
            }
            b"eXIf" => sources.exif = exif::read(content),
            b"tEXt" | b"zTXt" | b"iTXt" => {
                if let Some(words) = Words::read(kind, content, &mut compressed) {
                    words.tell(sources);
                }
            }
            b"IEND" => break,
            _ => {}
        }
    }
}

/// Words under a keyword.
struct Words<'a> {
    keyword: &'a [u8],
    words: Vec<u8>,
}

impl<'a> Words<'a> {
    fn read(kind: &[u8], content: &'a [u8], compressed: &mut usize) -> Option<Self> {
        let end = content.iter().take(80).position(|&byte| byte == 0)?;
        let (keyword, rest) = (&content[..end], &content[end + 1..]);
        let mut inflate = |words: &[u8]| {
            *compressed += 1;
            if *compressed > COMPRESSED {
                return None;
            }
            decompress_to_vec_zlib_with_limit(words, INFLATED).ok()
        };
        let words = match kind {
            b"zTXt" => inflate(rest.get(1..)?)?,
            b"iTXt" => {
                let is_compressed = *rest.first()? == 1;
                // A language and a translated keyword, each ended by a zero byte.
                let mut rest = rest.get(2..)?;
                for _ in 0..2 {
                    let end = rest.iter().position(|&byte| byte == 0)?;
                    rest = &rest[end + 1..];
                }
                if is_compressed {
                    inflate(rest)?
                } else {
                    rest.to_vec()
                }
            }
            _ => rest.to_vec(),
        };
        Some(Self { keyword, words })
    }

    fn tell(&self, sources: &mut Sources) {
        let words = &self.words;
        let container = &mut sources.container;
        match self.keyword {
            b"XML:com.adobe.xmp" | b"Raw profile type xmp" => {
                sources.xmp = match raw_profile(words) {
                    Some(profile) => xmp::read(&profile),
                    None => xmp::read(words),
                };
            }
            b"Raw profile type exif" | b"Raw profile type APP1" => {
                if let Some(profile) = raw_profile(words) {
                    if profile.starts_with(b"http://ns.adobe.com/xap/1.0/\0") {
                        sources.xmp = xmp::read(&profile[29..]);
                    } else if sources.exif == Metadata::default() {
                        sources.exif = exif::read(&profile);
                    }
                }
            }
            b"Raw profile type iptc" => {
                if let Some(profile) = raw_profile(words) {
                    let block = iptc::in_photoshop(&profile).unwrap_or(&profile);
                    sources.iptc = iptc::read(block);
                }
            }
            b"Title" => container.title = text::clean(&text::decode(words), text::NAME),
            b"Description" => {
                container.description = text::clean(&text::decode(words), text::DESCRIPTION);
            }
            b"Creation Time" | b"Create Date" => {
                if let Some((local, offset_minutes)) = time::parse(&text::decode(words)) {
                    container.dates.push(Taken {
                        local,
                        offset_minutes,
                        source: TakenSource::Container,
                    });
                }
            }
            _ => {}
        }
    }
}

/// What ImageMagick keeps of other formats: a name, a length, digits in base 16.
fn raw_profile(words: &[u8]) -> Option<Vec<u8>> {
    let mut lines = words.strip_prefix(b"\n")?.splitn(3, |&byte| byte == b'\n');
    let (_name, _length) = (lines.next()?, lines.next()?);
    let digits: Vec<u8> = lines
        .next()?
        .iter()
        .filter_map(|&byte| char::from(byte).to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    Some(
        digits
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}
