//! The formats that semfs knows, and how they are told apart by a file's first bytes.
//!
//! RAW formats that are TIFF inside are told apart by the camera's maker and by marks.
//! Which of them can be shown, and by what, is the matter of [`crate::media`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bytes::{Order, find, slice, u16_at, u32_at};
use super::tiff::Tiff;

/// A format of pictures or videos, by content and not by name. The catalogue stores it:
/// further ones are added at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// JPEG, JFIF, EXIF.
    Jpeg,
    /// PNG and APNG.
    Png,
    /// WebP, lossy and lossless, animated.
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
    /// JPEG XL, in its container or bare.
    Jxl,
    /// JPEG 2000, in its container or bare.
    Jp2,
    /// What a camera wrote before developing.
    Raw(Raw),
    /// A video.
    Video(Video),
}

/// A RAW format. The catalogue stores it: further ones are added at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Raw {
    /// Canon CR2: a TIFF.
    Cr2,
    /// Canon CR3: ISO boxes.
    Cr3,
    /// Nikon NEF and NRW: a TIFF.
    Nef,
    /// Sony ARW: a TIFF.
    Arw,
    /// Adobe's DNG, of many cameras and phones: a TIFF.
    Dng,
    /// Fujifilm RAF: a header, a JPEG, the sensor's data.
    Raf,
    /// Olympus ORF: a TIFF with a mark of its own.
    Orf,
    /// Panasonic RW2: a TIFF with a mark of its own.
    Rw2,
    /// Pentax PEF: a TIFF.
    Pef,
    /// Samsung SRW: a TIFF.
    Srw,
}

/// A video container. The catalogue stores it: further ones are added at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Video {
    /// MPEG-4.
    Mp4,
    /// QuickTime.
    Mov,
    /// 3GPP.
    ThreeGp,
    /// AVI.
    Avi,
    /// Matroska.
    Mkv,
    /// WebM, a Matroska for browsers.
    Webm,
}

/// How far into a Matroska file its kind is said, in bytes.
const MATROSKA_HEAD: usize = 64;

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
        } else if starts(&[0xFF, 0x0A]) || slice(bytes, 4, 8) == Some(b"JXL \r\n\x87\n") {
            Some(Self::Jxl)
        } else if starts(&[0xFF, 0x4F, 0xFF, 0x51]) || slice(bytes, 4, 4) == Some(b"jP  ") {
            Some(Self::Jp2)
        } else if starts(&[0x1A, 0x45, 0xDF, 0xA3]) {
            let head = &bytes[..bytes.len().min(MATROSKA_HEAD)];
            let is_webm = find(head, b"webm", 0).is_some();
            Some(Self::Video(if is_webm { Video::Webm } else { Video::Mkv }))
        } else {
            of_boxes(bytes)
        }
    }

    /// The name by which people know it, in lower case: `jpeg`, `nef`, `mp4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw(raw) => raw.name(),
            Self::Video(video) => video.name(),
            other => other.group(),
        }
    }

    /// The name of those that people ask for together, in lower case: `jpeg`, `png`,
    /// `webp`, `gif`, `bmp`, `tiff`, `heic`, `avif`, `jxl`, `jp2`, `raw`, `video`.
    #[must_use]
    pub fn group(self) -> &'static str {
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
            Self::Jp2 => "jp2",
            Self::Raw(_) => "raw",
            Self::Video(_) => "video",
        }
    }
}

impl Raw {
    /// Its name in lower case, which is also its usual extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cr2 => "cr2",
            Self::Cr3 => "cr3",
            Self::Nef => "nef",
            Self::Arw => "arw",
            Self::Dng => "dng",
            Self::Raf => "raf",
            Self::Orf => "orf",
            Self::Rw2 => "rw2",
            Self::Pef => "pef",
            Self::Srw => "srw",
        }
    }
}

impl Video {
    /// Its name in lower case, which is also its usual extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::ThreeGp => "3gp",
            Self::Avi => "avi",
            Self::Mkv => "mkv",
            Self::Webm => "webm",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webp => f.write_str("WebP"),
            Self::Jxl => f.write_str("JPEG XL"),
            Self::Jp2 => f.write_str("JPEG 2000"),
            other => f.write_str(&other.name().to_ascii_uppercase()),
        }
    }
}

fn of_tiff(bytes: &[u8]) -> Option<Kind> {
    let order = if bytes.starts_with(b"II") {
        Order::Little
    } else {
        Order::Big
    };
    let raw = |raw| Some(Kind::Raw(raw));
    match u16_at(bytes, 2, order)? {
        42 if slice(bytes, 8, 2) == Some(b"CR") => return raw(Raw::Cr2),
        42 => {}
        0x55 => return raw(Raw::Rw2),
        0x4F52 | 0x5352 => return raw(Raw::Orf),
        43 => return Some(Kind::Tiff),
        _ => return None,
    }
    let tiff = Tiff::open(bytes)?;
    let Some(first) = tiff.directories().into_iter().next() else {
        return Some(Kind::Tiff);
    };
    if first.find(0xC612).is_some() {
        return raw(Raw::Dng);
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
        make if make.starts_with("nikon") && has_more && is_reduced => raw(Raw::Nef),
        make if make.starts_with("sony") && has_more => raw(Raw::Arw),
        make if make.starts_with("pentax") && samples == 32_803 => raw(Raw::Pef),
        make if make.starts_with("samsung") && has_more => raw(Raw::Srw),
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
