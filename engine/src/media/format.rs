//! Which formats there are, by content and by file name.

use std::fmt;
use std::path::Path;

use image::ImageFormat;
use serde::{Deserialize, Serialize};

use super::MediaError;

/// A picture format that semfs decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG, JFIF, EXIF.
    Jpeg,
    /// PNG and APNG (its first frame).
    Png,
    /// WebP, lossy and lossless, animated (its first frame).
    Webp,
    /// GIF (its first frame).
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF (its first page).
    Tiff,
}

/// File name extensions of the formats that are decoded.
const DECODED: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "dib", "tif", "tiff",
];

/// Extensions of pictures that are recognised and reported, but not decoded yet.
const RECOGNISED: &[&str] = &[
    "heic", "heif", "avif", "jxl", "jp2", "j2k", "cr2", "cr3", "nef", "arw", "dng", "raf", "orf",
    "rw2",
];

impl Format {
    /// Finds the format by the first bytes of the content.
    pub(super) fn of_content(bytes: &[u8]) -> Result<Self, MediaError> {
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => Ok(Self::Jpeg),
            Ok(ImageFormat::Png) => Ok(Self::Png),
            Ok(ImageFormat::WebP) => Ok(Self::Webp),
            Ok(ImageFormat::Gif) => Ok(Self::Gif),
            Ok(ImageFormat::Bmp) => Ok(Self::Bmp),
            Ok(ImageFormat::Tiff) => Ok(Self::Tiff),
            Ok(ImageFormat::Avif) => Err(MediaError::Unsupported("AVIF")),
            Ok(_) => Err(MediaError::Unknown),
            Err(_) => Err(Self::unsupported(bytes)),
        }
    }

    /// Names the formats that people have and that are not decoded yet.
    fn unsupported(bytes: &[u8]) -> MediaError {
        let brand = bytes.get(4..12).unwrap_or_default();
        match brand {
            [b'f', b't', b'y', b'p', b'a', b'v', b'i', _] => MediaError::Unsupported("AVIF"),
            [b'f', b't', b'y', b'p', b'c', b'r', b'x', _] => MediaError::Unsupported("Canon CR3"),
            [b'f', b't', b'y', b'p', ..] => MediaError::Unsupported("HEIF"),
            _ if bytes.starts_with(&[0xFF, 0x0A]) || brand.starts_with(b"JXL ") => {
                MediaError::Unsupported("JPEG XL")
            }
            _ if brand.starts_with(b"jP  ") || bytes.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) => {
                MediaError::Unsupported("JPEG 2000")
            }
            _ if bytes.starts_with(b"FUJIFILMCCD-RAW") => MediaError::Unsupported("Fujifilm RAF"),
            _ => MediaError::Unknown,
        }
    }

    /// Whether a file of this name is taken for a picture: one that is decoded, or one
    /// that the owner will want to see named among the problems.
    #[must_use]
    pub fn is_picture_name(name: &Path) -> bool {
        let Some(extension) = name.extension().and_then(|extension| extension.to_str()) else {
            return false;
        };
        DECODED
            .iter()
            .chain(RECOGNISED)
            .any(|known| extension.eq_ignore_ascii_case(known))
    }

    /// The extensions of such names, in lower case.
    pub fn extensions() -> impl Iterator<Item = &'static str> {
        DECODED.iter().chain(RECOGNISED).copied()
    }

    pub(super) fn decoder(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::Webp => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
            Self::Bmp => ImageFormat::Bmp,
            Self::Tiff => ImageFormat::Tiff,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
        })
    }
}
