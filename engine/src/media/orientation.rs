//! EXIF orientation: how the camera was held.
//!
//! Values and meaning: EXIF 2.32, tag 0x0112. The orientation is applied to the final
//! square, where it costs nothing: squashing or centre-cropping a turned picture is the
//! same as turning the squashed or cropped one.

use std::io::Cursor;

/// One of the eight EXIF orientations, 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    /// As stored: nothing to do.
    pub const UPRIGHT: Self = Self(1);

    /// The orientation of an EXIF number; nothing if it is not 1 to 8.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (1..=8).contains(&number).then_some(Self(number))
    }

    /// Reads the orientation from the metadata of a JPEG, TIFF, PNG or WebP file.
    /// Missing, damaged and out of range all mean upright.
    #[must_use]
    pub fn of_exif(bytes: &[u8]) -> Self {
        let mut reader = exif::Reader::new();
        reader.continue_on_error(true);
        let parsed = reader
            .read_from_container(&mut Cursor::new(bytes))
            .or_else(|error| error.distill_partial_result(|_| ()));
        parsed
            .ok()
            .and_then(|exif| {
                exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?
                    .value
                    .get_uint(0)
            })
            .and_then(|value| u8::try_from(value).ok())
            .and_then(Self::new)
            .unwrap_or(Self::UPRIGHT)
    }

    /// Width and height as the picture is shown.
    pub(super) fn dimensions(self, width: u32, height: u32) -> (u32, u32) {
        if self.0 >= 5 {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// Whether the stored columns, and the stored rows, run backwards in what is shown.
    pub(super) fn mirrors(self) -> (bool, bool) {
        (
            matches!(self.0, 2 | 3 | 7 | 8),
            matches!(self.0, 3 | 4 | 6 | 7),
        )
    }

    /// Turns a stored square of `size * size` RGB pixels upright.
    pub(super) fn upright(self, square: &[u8], size: u32) -> Vec<u8> {
        if self == Self::UPRIGHT {
            return square.to_vec();
        }
        let size = size as usize;
        let last = size.saturating_sub(1);
        let mut upright = Vec::with_capacity(square.len());
        for y in 0..size {
            for x in 0..size {
                // Where the shown pixel (x, y) lies in the stored square.
                let (column, row) = match self.0 {
                    2 => (last - x, y),
                    3 => (last - x, last - y),
                    4 => (x, last - y),
                    5 => (y, x),
                    6 => (y, last - x),
                    7 => (last - y, last - x),
                    8 => (last - y, x),
                    _ => (x, y),
                };
                let at = (row * size + column) * 3;
                upright.extend_from_slice(&square[at..at + 3]);
            }
        }
        upright
    }
}
