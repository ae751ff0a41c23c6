//! Where each thing lies in the files of the store, and the header that every
//! file begins with (`docs/format-vectors.md` is the same in prose). Pure
//! arithmetic on bytes: it opens no file.

use std::path::{Path, PathBuf};

use super::VectorError;
use super::codes;

/// Bytes of the header at the start of each file.
pub(super) const HEADER: usize = 4096;
/// The format that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;
/// Bytes of a content hash.
pub(super) const HASH: usize = 32;

const MAGIC: &[u8; 8] = b"semfsvec";
/// Bytes of the header in use, before its checksum.
const FIELDS: usize = 60;

/// The two kinds of file that each segment consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Content hash and f16 vector of each row: the truth.
    Full,
    /// int8 codes and scale of each row: derived, can be rebuilt.
    Codes,
}

impl Family {
    fn tag(self) -> [u8; 4] {
        match self {
            Self::Full => *b"f16 ",
            Self::Codes => *b"i8  ",
        }
    }

    /// The path of this family's file of a segment.
    pub(super) fn path(self, dir: &Path, number: u32) -> PathBuf {
        dir.join(match self {
            Self::Full => format!("full-{number:06}.f16"),
            Self::Codes => format!("codes-{number:06}.i8"),
        })
    }
}

/// What all segments of one store have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Components of a vector.
    pub dim: usize,
    /// Rows of a segment.
    pub capacity: u32,
    /// Fingerprint of the model that makes the vectors.
    pub model: [u8; 32],
}

impl Layout {
    /// Bytes of a row in a file of full vectors.
    pub(super) fn full_stride(&self) -> usize {
        HASH + 2 * self.dim
    }

    /// Bytes of a row's codes.
    pub(super) fn code_stride(&self) -> usize {
        codes::stride(self.dim)
    }

    /// Length in bytes of a file.
    pub(super) fn file_len(&self, family: Family) -> usize {
        match family {
            Family::Full => self.full_at(self.capacity),
            Family::Codes => self.scale_at(self.capacity),
        }
    }

    /// Where a row's content hash starts; its vector follows at once.
    /// Here and below, `row` counts from the start of the segment.
    pub(super) fn full_at(&self, row: u32) -> usize {
        HEADER + row as usize * self.full_stride()
    }

    /// Where a row's codes start.
    pub(super) fn codes_at(&self, row: u32) -> usize {
        HEADER + row as usize * self.code_stride()
    }

    /// Where a row's scale is.
    pub(super) fn scale_at(&self, row: u32) -> usize {
        self.codes_at(self.capacity) + row as usize * size_of::<f32>()
    }

    /// The header page of a file.
    pub(super) fn header(&self, family: Family, number: u32) -> [u8; HEADER] {
        let mut page = [0; HEADER];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            page[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(MAGIC);
        put(&VERSION.to_le_bytes());
        put(&family.tag());
        // At most MAX_DIM: checked when the store is opened.
        put(&(self.dim as u32).to_le_bytes());
        put(&self.capacity.to_le_bytes());
        put(&number.to_le_bytes());
        put(&self.model);
        let checksum = crc32fast::hash(&page[..FIELDS]);
        page[FIELDS..FIELDS + 4].copy_from_slice(&checksum.to_le_bytes());
        page
    }

    /// Whether `page`, read from `path`, is the header of the file it should
    /// be. The version is looked at before the checksum: a later format keeps
    /// the first 12 bytes and may move everything else.
    pub(super) fn check(
        &self,
        page: &[u8; HEADER],
        family: Family,
        number: u32,
        path: &Path,
    ) -> Result<(), VectorError> {
        let damaged = |reason| {
            Err(VectorError::Damaged {
                path: path.to_path_buf(),
                reason,
            })
        };
        let (model, dim) = identify(page, path)?;
        let capacity = word(page, 20);
        if model != self.model {
            return Err(VectorError::OtherModel {
                path: path.to_path_buf(),
                found: model,
                expected: self.model,
            });
        }
        if dim != self.dim {
            return Err(VectorError::OtherDim {
                path: path.to_path_buf(),
                found: dim,
                expected: self.dim,
            });
        }
        if page[12..16] != family.tag() || word(page, 24) != number {
            return damaged("it is another file of the store under this name");
        }
        if capacity != self.capacity {
            return damaged("its segments have another capacity");
        }
        Ok(())
    }
}

/// Whose vectors the file holds that begins with `page`: fingerprint and number of components.
pub(super) fn identify(page: &[u8; HEADER], path: &Path) -> Result<([u8; 32], usize), VectorError> {
    let damaged = |reason| {
        Err(VectorError::Damaged {
            path: path.to_path_buf(),
            reason,
        })
    };
    if !page.starts_with(MAGIC) {
        return damaged("it does not start as a file of vectors does");
    }
    let version = word(page, 8);
    if version > VERSION {
        return Err(VectorError::Newer {
            path: path.to_path_buf(),
            found: version,
            supported: VERSION,
        });
    }
    if word(page, FIELDS) != crc32fast::hash(&page[..FIELDS]) || version != VERSION {
        return damaged("the checksum of its header is wrong");
    }
    let mut model = [0; 32];
    model.copy_from_slice(&page[28..FIELDS]);
    Ok((model, word(page, 16) as usize))
}

/// The little-endian number at `at`, which is a constant inside the header.
fn word(page: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]])
}
