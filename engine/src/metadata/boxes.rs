//! The boxes of ISO base media files: QuickTime, MP4, HEIF, CR3, JPEG XL.
//!
//! Names and lengths only (ISO 14496-12); what is inside is the readers' matter.

use super::bytes::{Order, slice, u32_at, u64_at};

/// The most boxes that are looked at side by side.
const BOXES: usize = 10_000;

/// One box: its name and what is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// Four characters.
    pub name: [u8; 4],
    /// What is in it; cut off where the file is.
    pub content: &'a [u8],
}

impl<'a> Part<'a> {
    /// The content of a box that names itself by sixteen bytes, if they are `id`.
    pub(super) fn of_user(&self, id: &[u8; 16]) -> Option<&'a [u8]> {
        (&self.name == b"uuid")
            .then(|| self.content.strip_prefix(id))
            .flatten()
    }
}

/// The boxes that lie side by side in `bytes`.
pub(super) fn parts(bytes: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let name = slice(bytes, at + 4, 4)?.try_into().ok()?;
        let (header, length) = match u32_at(bytes, at, Order::Big)? {
            0 => (8, bytes.len() - at),
            1 => (
                16,
                usize::try_from(u64_at(bytes, at + 8, Order::Big)?).ok()?,
            ),
            length => (8, length as usize),
        };
        if length < header {
            return None;
        }
        let end = at.checked_add(length)?;
        let content = bytes.get(at + header..end.min(bytes.len()))?;
        at = end;
        Some(Part { name, content })
    })
    .take(BOXES)
}

/// The content of the first box of a name.
pub(super) fn find<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    parts(bytes)
        .find(|part| &part.name == name)
        .map(|part| part.content)
}

/// The content of the box at the end of a path of names.
pub(super) fn find_path<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, name| find(bytes, name))
}

/// The boxes in a `meta` box, which has a version before them, except in QuickTime.
pub(super) fn in_meta(content: &[u8]) -> &[u8] {
    match slice(content, 4, 4) {
        Some(b"hdlr" | b"keys" | b"ilst" | b"mhdr") => content,
        _ => content.get(4..).unwrap_or_default(),
    }
}
