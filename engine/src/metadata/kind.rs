//! What a file is, by its first bytes.
//!
//! Wider than what is decoded: metadata is read of RAW files and videos as well. RAW
//! formats that are TIFF inside are told apart by the camera's maker and by marks.

use super::bytes::{Order, slice, u16_at, u32_at};
use super::tiff::Tiff;

/// A kind of file that has metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// GIF.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF.
    Tiff,
    /// HEIF with HEVC or other pictures.
    Heif,
    /// HEIF with AV1 pictures.
    Avif,
    /// JPEG XL in its container.
    Jxl,
    /// What a camera wrote before developing.
    Raw(Raw),
    /// A video.
    Video(Video),
}

/// A RAW format, by how it is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Raw {
    /// A TIFF: CR2, NEF, ARW, DNG, ORF, RW2, PEF, SRW and others.
    Tiff(&'static str),
    /// Canon CR3: ISO boxes.
    Cr3,
    /// Fujifilm RAF: a header, a JPEG, the sensor's data.
    Raf,
}

/// A video container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Video {
    /// MPEG-4.
    Mp4,
    /// QuickTime.
    Mov,
    /// 3GPP.
    ThreeGp,
    /// AVI.
    Avi,
}

impl Kind {
    /// The kind of a file, from its content.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |mark: &[u8]| bytes.starts_with(mark);
        if starts(&[0xFF, 0xD8, 0xFF]) {
            Some(Self::Jpeg)
        } else if starts(b"\x89PNG\r\n\x1A\n") {
            Some(Self::Png)
        } else if starts(b"RIFF") {
            match slice(bytes, 8, 4)? {
                b"WEBP" => Some(Self::Webp),
                b"AVI " | b"AVIX" => Some(Self::Video(Video::Avi)),
                _ => None,
            }
        } else if starts(b"GIF8") {
            Some(Self::Gif)
        } else if starts(b"FUJIFILMCCD-RAW") {
            Some(Self::Raw(Raw::Raf))
        } else if starts(b"II") || starts(b"MM") {
            of_tiff(bytes)
        } else if starts(b"BM") {
            Some(Self::Bmp)
        } else if slice(bytes, 4, 8) == Some(b"JXL \r\n\x87\n") {
            Some(Self::Jxl)
        } else {
            of_boxes(bytes)
        }
    }

    /// The name by which people know it, in lower case: `jpeg`, `nef`, `mp4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
            Self::Heif => "heic",
            Self::Avif => "avif",
            Self::Jxl => "jxl",
            Self::Raw(Raw::Tiff(name)) => name,
            Self::Raw(Raw::Cr3) => "cr3",
            Self::Raw(Raw::Raf) => "raf",
            Self::Video(Video::Mp4) => "mp4",
            Self::Video(Video::Mov) => "mov",
            Self::Video(Video::ThreeGp) => "3gp",
            Self::Video(Video::Avi) => "avi",
        }
    }
}

fn of_tiff(bytes: &[u8]) -> Option<Kind> {
    let order = if bytes.starts_with(b"II") {
        Order::Little
    } else {
        Order::Big
    };
    let raw = |name| Some(Kind::Raw(Raw::Tiff(name)));
    match u16_at(bytes, 2, order)? {
        42 if slice(bytes, 8, 2) == Some(b"CR") => return raw("cr2"),
        42 => {}
        0x55 => return raw("rw2"),
        0x4F52 | 0x5352 => return raw("orf"),
        43 => return Some(Kind::Tiff),
        _ => return None,
    }
    let tiff = Tiff::open(bytes)?;
    let Some(first) = tiff.directories().into_iter().next() else {
        return Some(Kind::Tiff);
    };
    if first.find(0xC612).is_some() {
        return raw("dng");
    }
    // A plain TIFF has its picture in the first directory, at full size and not as a
    // preview; a RAW of these makers keeps its data in further ones.
    let has_more = first.find(0x014A).is_some() || first.find(0xC634).is_some();
    let make = first
        .find(0x010F)
        .map(|entry| tiff.text(entry).to_ascii_lowercase())
        .unwrap_or_default();
    let samples = first
        .find(0x0106)
        .and_then(|entry| tiff.unsigned(entry, 0))
        .unwrap_or(0);
    let is_reduced = first
        .find(0x00FE)
        .and_then(|entry| tiff.unsigned(entry, 0))
        .is_some_and(|kind| kind & 1 == 1);
    match make {
        // Programs of Nikon's write TIFF with previews as well, below the whole picture.
        make if make.starts_with("nikon") && has_more && is_reduced => raw("nef"),
        make if make.starts_with("sony") && has_more => raw("arw"),
        make if make.starts_with("pentax") && samples == 32_803 => raw("pef"),
        make if make.starts_with("samsung") && has_more => raw("srw"),
        _ => Some(Kind::Tiff),
    }
}

fn of_boxes(bytes: &[u8]) -> Option<Kind> {
    let first = slice(bytes, 4, 4)?;
    if first != b"ftyp" {
        // Old QuickTime begins with any of its boxes.
        return matches!(
            first,
            b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot"
        )
        .then_some(Kind::Video(Video::Mov));
    }
    // The brand of the file, then those that it is compatible with.
    let size = (u32_at(bytes, 0, Order::Big)? as usize).clamp(16, 4096);
    let brands = bytes.get(8..size.min(bytes.len()))?;
    let mut found = None;
    for (index, brand) in brands.chunks_exact(4).enumerate() {
        let kind = match brand {
            b"crx " => Some(Kind::Raw(Raw::Cr3)),
            b"avif" | b"avis" => Some(Kind::Avif),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1"
            | b"jpeg" | b"mif2" => Some(Kind::Heif),
            b"qt  " => Some(Kind::Video(Video::Mov)),
            [b'3', b'g', ..] => Some(Kind::Video(Video::ThreeGp)),
            _ => None,
        };
        match kind {
            // A general brand says less than the brand of a codec behind it.
            Some(Kind::Heif) if brand == b"mif1" || brand == b"msf1" => {
                found = found.or(kind);
            }
            Some(kind @ (Kind::Avif | Kind::Heif)) if found == Some(Kind::Heif) => {
                return Some(kind);
            }
            Some(kind) if index != 1 && found.is_none() => return Some(kind),
            _ => {}
        }
    }
    Some(found.unwrap_or(Kind::Video(Video::Mp4)))
}

/// Width and height of a GIF or a Windows bitmap.
pub(super) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let little16 = |at| u16_at(bytes, at, Order::Little).map(u32::from);
    let little32 = |at| u32_at(bytes, at, Order::Little);
    let (width, height) = if bytes.starts_with(b"GIF8") {
        (little16(6)?, little16(8)?)
    } else if little32(14)? == 12 {
        (little16(18)?, little16(20)?)
    } else {
        // A height below zero says that the rows begin at the top.
        (little32(18)?, (little32(22)? as i32).unsigned_abs())
    };
    (width > 0 && height > 0).then_some((width, height))
}
