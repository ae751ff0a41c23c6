//! The segments of a JPEG before its pixels: size, EXIF, XMP, IPTC.

use super::bytes::{Order, slice, u16_at, u32_at};
use super::{Sources, exif, iptc, xmp};

/// The most bytes of XMP beyond the first block that are put together.
const EXTENDED: usize = 8 << 20;

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";

/// Reads all that a JPEG says.
pub(super) fn read(bytes: &[u8], sources: &mut Sources) {
    let mut exif_block = None;
    let mut xmp_block = None;
    let mut extension = Extension::default();
    let mut photoshop = Vec::new();
    for (marker, content) in segments(bytes) {
        match marker {
            0xE1 if content.starts_with(b"Exif\0") => exif_block = exif_block.or(content.get(6..)),
            0xE1 if content.starts_with(XMP) => {
                xmp_block = xmp_block.or(content.get(XMP.len()..));
            }
            0xE1 if content.starts_with(EXTENSION) => {
                extension.add(&content[EXTENSION.len()..]);
            }
            0xED if photoshop.len() < EXTENDED => {
                if let Some(resources) = content.strip_prefix(b"Photoshop 3.0\0") {
                    photoshop.extend_from_slice(resources);
                }
            }
            _ if is_frame(marker) => {
                sources.container.dimensions = sources.container.dimensions.or(size(content));
            }
            _ => {}
        }
    }
    if let Some(block) = exif_block {
        sources.exif = exif::read(block);
    }
    if let Some(block) = xmp_block {
        sources.xmp = xmp::read_with_extension(block, &extension.content);
    }
    if let Some(block) = iptc::in_photoshop(&photoshop) {
        sources.iptc = iptc::read(block);
    }
}

/// The parts of XMP that were too long for one segment.
#[derive(Default)]
struct Extension<'a> {
    identity: &'a [u8],
    content: Vec<u8>,
}

impl<'a> Extension<'a> {
    /// Adds a part: the name of the whole, its size, where the part belongs, the part.
    fn add(&mut self, part: &'a [u8]) {
        let fields = || {
            let identity = slice(part, 0, 32)?;
            let total = u32_at(part, 32, Order::Big)? as usize;
            let at = u32_at(part, 36, Order::Big)? as usize;
            Some((identity, total, at, part.get(40..)?))
        };
        let Some((identity, total, at, content)) = fields() else {
            return;
        };
        if self.content.is_empty() {
            self.identity = identity;
        }
        // Parts come in order; a gap or another whole ends what can be understood.
        let end = at.saturating_add(content.len());
        if identity == self.identity && at == self.content.len() && end <= total.min(EXTENDED) {
            self.content.extend_from_slice(content);
        }
    }
}

/// Width and height of a JPEG that any decoder can decode: 8 bits, baseline or
/// progressive. What RAW files store as lossless JPEG is not one.
pub(super) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let (marker, content) = segments(bytes).find(|(marker, _)| is_frame(*marker))?;
    let decodes = matches!(marker, 0xC0..=0xC2) && content.first() == Some(&8);
    if decodes { size(content) } else { None }
}

/// Where the first picture of `bytes` ends: behind its end mark, or at the last byte
/// where there is none.
pub(super) fn end(bytes: &[u8]) -> usize {
    // The end of the segments, then the first mark that is neither stuffing nor restart.
    let mut walk = segments(bytes);
    while walk.next().is_some() {}
    let mut at = walk.at;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|&byte| byte == 0xFF))
    {
        at += found + 1;
        if bytes.get(at) == Some(&0xD9) {
            return at + 1;
        }
    }
    bytes.len()
}

/// Start of frame: the segment that gives the size.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

fn size(content: &[u8]) -> Option<(u32, u32)> {
    let height = u16_at(content, 1, Order::Big)?;
    let width = u16_at(content, 3, Order::Big)?;
    (width > 0 && height > 0).then_some((width.into(), height.into()))
}

/// The segments up to the pixels, as marker and content.
fn segments(bytes: &[u8]) -> Segments<'_> {
    Segments { bytes, at: 2 }
}

struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if *self.bytes.get(self.at)? != 0xFF {
                // Damage, or padding: the next mark may be near.
                let rest = self
                    .bytes
                    .get(self.at..self.at.saturating_add(4096))
                    .or_else(|| self.bytes.get(self.at..))?;
                self.at += rest.iter().position(|&byte| byte == 0xFF)?;
            }
            let marker = *self.bytes.get(self.at + 1)?;
            match marker {
                // Padding.
                0xFF => self.at += 1,
                0x00 | 0x01 | 0xD0..=0xD8 => self.at += 2,
                // The pixels, or the end.
                0xDA | 0xD9 => return None,
                _ => {
                    let length = usize::from(u16_at(self.bytes, self.at + 2, Order::Big)?);
                    let start = self.at + 4;
                    // A segment that is cut off is given as far as it goes.
                    let end = (self.at + 2 + length.max(2)).min(self.bytes.len());
                    self.at = end;
                    return Some((marker, self.bytes.get(start..end).unwrap_or_default()));
                }
            }
        }
    }
}
