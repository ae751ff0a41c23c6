//! Why a file did not become a picture.

use std::fmt;

use super::Format;

/// Why a file did not become a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The content is no format that semfs knows.
    #[error("the content is not a picture that semfs knows")]
    Unknown,
    /// The content is a picture or a video, but there is nothing here that decodes it.
    #[error("{0}")]
    Unsupported(Undecoded),
    /// The decoder gave up: damaged, cut off, or beyond its limits.
    #[error("{format} cannot be decoded: {reason}")]
    Damaged {
        /// The format that the content claims to be.
        format: Format,
        /// The decoder's own words.
        reason: String,
    },
}

impl MediaError {
    pub(super) fn lacking(format: Format, lacking: Lacking) -> Self {
        Self::Unsupported(Undecoded { format, lacking })
    }
}

/// A content that is known and cannot be decoded here. It says what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecoded {
    /// What it is.
    pub format: Format,
    /// What is missing.
    pub lacking: Lacking,
}

/// What a content lacks to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// Nothing that can be installed: this version does not decode the format.
    Decoder,
    /// libheif.
    Libheif,
    /// The part of libheif that decodes what is in this file.
    Codec,
    /// A picture made of the video, by [`super::still`].
    Still,
    /// A preview: the camera left none in the RAW, and semfs does not develop it.
    Preview,
}

impl fmt::Display for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = self.format;
        match self.lacking {
            Lacking::Decoder => write!(f, "{format} is not decoded by this version of semfs"),
            Lacking::Libheif => write!(
                f,
                "{format} is decoded by libheif, which is not installed (apt install libheif1)"
            ),
            Lacking::Codec => write!(
                f,
                "{format} is decoded by libheif, which lacks the part for it (on Debian 13: \
                 apt install libheif-plugin-libde265 libheif-plugin-dav1d)"
            ),
            Lacking::Still => write!(
                f,
                "{format} videos are shown by a picture that ffmpeg makes (apt install ffmpeg)"
            ),
            Lacking::Preview => write!(f, "this {format} holds no preview that could be shown"),
        }
    }
}
