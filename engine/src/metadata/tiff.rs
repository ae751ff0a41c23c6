//! The skeleton of TIFF: directories of entries, found by offsets.
//!
//! EXIF is a TIFF, and so are most RAW files and some makers' notes. This module walks
//! them within limits and knows no tag but those that lead to further directories.

use super::bytes::{Order, range, slice, u16_at, u32_at};
use super::text;

/// The most entries that are read of one directory. Real ones have below 200.
const ENTRIES: usize = 1024;

/// The most directories that are followed in one file.
const DIRECTORIES: usize = 48;

/// The most bytes of one value of text that are looked at.
const TEXT: usize = 64 << 10;

/// A TIFF, opened but not read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    order: Order,
    first: usize,
}

/// One directory: what is said of one picture, or of one matter.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    entries: Vec<Entry>,
    /// Where the next directory of the chain begins; 0 for none.
    next: usize,
}

/// One entry: a tag and where its values lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// What the value means.
    pub tag: u16,
    kind: u16,
    count: usize,
    /// Where the values begin, in the bytes of the TIFF.
    pub at: usize,
}

impl Entry {
    /// How many bytes its values take, as the entry says; they may not be there.
    pub(super) fn length(&self) -> usize {
        self.count.saturating_mul(size(self.kind))
    }

    /// How many values it has, as the entry says.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

impl Directory {
    /// The first entry of a tag.
    pub(super) fn find(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }
}

impl<'a> Tiff<'a> {
    /// Opens a TIFF, or one of the RAW formats that differ in their mark only.
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        let order = match bytes.get(..2)? {
            b"II" => Order::Little,
            b"MM" => Order::Big,
            _ => return None,
        };
        match u16_at(bytes, 2, order)? {
            // TIFF; Panasonic; Olympus, twice.
            42 | 0x55 | 0x4F52 | 0x5352 => {}
            _ => return None,
        }
        let first = u32_at(bytes, 4, order)? as usize;
        Some(Self {
            bytes,
            order,
            first,
        })
    }

    /// A TIFF without a header, whose first directory is at `first`.
    pub(super) fn headless(bytes: &'a [u8], order: Order, first: usize) -> Self {
        Self {
            bytes,
            order,
            first,
        }
    }

    /// The bytes that offsets count in.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The order of bytes.
    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// The directories of the main chain.
    pub(super) fn directories(&self) -> Vec<Directory> {
        let mut found = Vec::new();
        let mut visited = Vec::new();
        let mut at = self.first;
        while at != 0 && found.len() < DIRECTORIES && !visited.contains(&at) {
            visited.push(at);
            let Some(directory) = self.directory(at) else {
                break;
            };
            at = directory.next;
            found.push(directory);
        }
        found
    }

    /// The directories of the main chain and those that hang below them (`SubIFDs`),
    /// each chain followed to its end.
    pub(super) fn all_directories(&self) -> Vec<Directory> {
        let mut found = Vec::new();
        let mut visited = Vec::new();
        let mut waiting = vec![self.first];
        while let Some(at) = waiting.pop() {
            if at == 0 || found.len() >= DIRECTORIES || visited.contains(&at) {
                continue;
            }
            visited.push(at);
            let Some(directory) = self.directory(at) else {
                continue;
            };
            if let Some(below) = directory.find(0x014A) {
                for index in (0..below.count.min(DIRECTORIES)).rev() {
                    waiting.extend(self.unsigned(below, index).map(|at| at as usize));
                }
            }
            waiting.insert(0, directory.next);
            found.push(directory);
        }
        found
    }

    /// The directory that begins at `at`, as far as its bytes are there.
    pub(super) fn directory(&self, at: usize) -> Option<Directory> {
        let count = usize::from(u16_at(self.bytes, at, self.order)?);
        let mut directory = Directory::default();
        for index in 0..count.min(ENTRIES) {
            let start = at.checked_add(2 + index * 12)?;
            let Some(entry) = self.entry(start) else {
                return Some(directory);
            };
            directory.entries.extend(entry);
        }
        directory.next = at
            .checked_add(2 + count * 12)
            .and_then(|end| u32_at(self.bytes, end, self.order))
            .map_or(0, |next| next as usize);
        Some(directory)
    }

    /// The directory that an entry points to.
    pub(super) fn directory_of(&self, entry: Entry) -> Option<Directory> {
        self.directory(self.unsigned(entry, 0)? as usize)
    }

    /// The entry whose twelve bytes begin at `start`: `None` where the file ends,
    /// `Some(None)` where its type is unknown.
    fn entry(&self, start: usize) -> Option<Option<Entry>> {
        let raw = slice(self.bytes, start, 12)?;
        let tag = u16_at(raw, 0, self.order)?;
        let kind = u16_at(raw, 2, self.order)?;
        let count = u32_at(raw, 4, self.order)? as usize;
        let width = size(kind);
        if width == 0 {
            return Some(None);
        }
        let at = match count.checked_mul(width) {
            Some(0..=4) => start + 8,
            _ => u32_at(raw, 8, self.order)? as usize,
        };
        Some(Some(Entry {
            tag,
            kind,
            count,
            at,
        }))
    }

    /// The bytes of an entry's values; what lies beyond the end of the file is missing.
    pub(super) fn value(&self, entry: Entry) -> &'a [u8] {
        let end = entry
            .at
            .saturating_add(entry.length())
            .min(self.bytes.len());
        self.bytes.get(entry.at..end).unwrap_or_default()
    }

    /// The range of an entry's values, if all of them are there.
    pub(super) fn value_range(&self, entry: Entry) -> Option<std::ops::Range<usize>> {
        range(self.bytes, entry.at, entry.length())
    }

    /// One whole number that is not negative.
    pub(super) fn unsigned(&self, entry: Entry, index: usize) -> Option<u32> {
        if index >= entry.count {
            return None;
        }
        let at = entry.at.checked_add(index.checked_mul(size(entry.kind))?)?;
        match entry.kind {
            1 | 7 => self.bytes.get(at).copied().map(u32::from),
            3 => u16_at(self.bytes, at, self.order).map(u32::from),
            4 | 13 => u32_at(self.bytes, at, self.order),
            8 => u16_at(self.bytes, at, self.order)
                .and_then(|value| u32::try_from(value as i16).ok()),
            9 => u32_at(self.bytes, at, self.order)
                .and_then(|value| u32::try_from(value as i32).ok()),
            _ => None,
        }
    }

    /// One number of any kind. A fraction whose denominator is zero is none.
    pub(super) fn number(&self, entry: Entry, index: usize) -> Option<f64> {
        if index >= entry.count {
            return None;
        }
        let at = entry.at.checked_add(index.checked_mul(size(entry.kind))?)?;
        let word = |at| u32_at(self.bytes, at, self.order);
        match entry.kind {
            5 => {
                let (above, below) = (word(at)?, word(at + 4)?);
                (below != 0).then(|| f64::from(above) / f64::from(below))
            }
            10 => {
                let (above, below) = (word(at)? as i32, word(at + 4)? as i32);
                (below != 0).then(|| f64::from(above) / f64::from(below))
            }
            11 => word(at).map(|bits| f64::from(f32::from_bits(bits))),
            _ => self.unsigned(entry, index).map(f64::from),
        }
    }

    /// An entry's words, whatever type the writer gave them.
    pub(super) fn text(&self, entry: Entry) -> String {
        let value = self.value(entry);
        text::decode(&value[..value.len().min(TEXT)])
    }
}

/// Bytes that one value of a type takes; 0 for types that do not exist.
fn size(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 | 129 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_directories_that_bites_its_tail_ends() {
        let mut bytes = b"II\x2A\0\x08\0\0\0".to_vec();
        bytes.extend(0_u16.to_le_bytes());
        bytes.extend(8_u32.to_le_bytes());
        let tiff = Tiff::open(&bytes).unwrap();
        assert_eq!(tiff.directories().len(), 1);
        assert_eq!(tiff.all_directories().len(), 1);
    }

    #[test]
    fn a_directory_that_is_cut_off_keeps_what_is_there() {
        let mut bytes = b"MM\0\x2A\0\0\0\x08".to_vec();
        bytes.extend(2_u16.to_be_bytes());
        bytes.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]);
        bytes.extend([0x01, 0x0F, 0, 2]);
        let tiff = Tiff::open(&bytes).unwrap();
        let directory = &tiff.directories()[0];
        let entry = directory.find(0x0112).unwrap();
        assert_eq!(tiff.unsigned(entry, 0), Some(6));
        assert_eq!(tiff.unsigned(entry, 1), None);
        assert!(directory.find(0x010F).is_none());
    }
}
