//! Which formats are taken in, by file name, and which of them `image` decodes.
//!
//! What a content is, is told by [`crate::metadata::Kind`], whatever the file's name.

use std::path::Path;

use image::ImageFormat;

use super::{Format, MediaError};

/// Extensions of pictures.
const PICTURES: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "dib", "tif", "tiff",
    "heic", "heif", "hif", "avif", "jxl", "jp2", "j2k",
];

/// Extensions of what cameras write before developing.
const RAWS: &[&str] = &[
    "cr2", "cr3", "nef", "nrw", "arw", "sr2", "dng", "raf", "orf", "rw2", "rwl", "pef", "srw",
];

/// Extensions of videos.
const VIDEOS: &[&str] = &[
    "mp4", "m4v", "mov", "qt", "3gp", "3g2", "avi", "mkv", "webm",
];

impl Format {
    /// Finds the format by the first bytes of the content.
    pub(super) fn of_content(bytes: &[u8]) -> Result<Self, MediaError> {
        if bytes.is_empty() {
            return Err(MediaError::Empty);
        }
        Self::of(bytes).ok_or(MediaError::Unknown)
    }

    /// Whether a file of this name is taken for a picture or a video: one that is shown,
    /// or one that the owner will want to see named among the problems.
    #[must_use]
    pub fn is_picture_name(name: &Path) -> bool {
        extension_is(name, |extension| {
            Self::extensions().any(|known| extension.eq_ignore_ascii_case(known))
        })
    }

    /// The extensions of such names, in lower case.
    pub fn extensions() -> impl Iterator<Item = &'static str> {
        [PICTURES, RAWS, VIDEOS].into_iter().flatten().copied()
    }

    /// What `image` calls it; nothing if `image` is not to decode it.
    pub(super) fn decoder(self) -> Option<ImageFormat> {
        match self {
            Self::Jpeg => Some(ImageFormat::Jpeg),
            Self::Png => Some(ImageFormat::Png),
            Self::Webp => Some(ImageFormat::WebP),
            Self::Gif => Some(ImageFormat::Gif),
            Self::Bmp => Some(ImageFormat::Bmp),
            Self::Tiff => Some(ImageFormat::Tiff),
            Self::Heif | Self::Avif | Self::Jxl | Self::Jp2 | Self::Raw(_) | Self::Video(_) => None,
        }
    }
}

fn extension_is(name: &Path, is: impl Fn(&str) -> bool) -> bool {
    name.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(is)
}
