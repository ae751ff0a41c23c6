//! The values of the catalogue, in postcard encoding.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

use crate::media::Facts;
use crate::problem::Problem;
use crate::worker::ContentHash;

/// A file as it was when it was last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// By this it is told whether the file has changed since.
    pub stamp: Stamp,
    /// What reading it gave.
    pub finding: Finding,
}

/// What reading a file gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// A photo, with this content.
    Photo(ContentHash),
    /// No photo, and why; and under which conditions
    /// ([`crate::worker::WorkerSettings::conditions`]). Under others it may be one.
    Problem(Problem, u64),
}

/// A file's size and times, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Modification time in nanoseconds since 1970; before 1970 negative.
    pub modified: i64,
    /// Inode number, or 0 where the filesystem makes them up anew at each mount.
    pub inode: u64,
}

/// What is known of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRecord {
    /// The number of its vector.
    pub row: u32,
    /// Format and dimensions.
    pub facts: Facts,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Files that are photos.
    pub files: u64,
    /// Different contents among them.
    pub photos: u64,
    /// Files with problems.
    pub problems: u64,
    /// Rows of the vector store that are committed.
    pub rows: u32,
    /// Counts commits.
    pub generation: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    pub version: u32,
    pub totals: Totals,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RootRecord {
    pub id: u32,
}

impl Meta {
    pub(super) fn empty(version: u32) -> Self {
        Self {
            version,
            totals: Totals::default(),
        }
    }
}

impl Stamp {
    /// Of a file of which nothing could be learned. No file has it.
    pub const UNKNOWN: Self = Self {
        size: 0,
        modified: i64::MIN,
        inode: 0,
    };

    /// The stamp of a file. `stable_inodes`: whether its filesystem keeps inode numbers.
    #[must_use]
    pub fn of(metadata: &Metadata, stable_inodes: bool) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(metadata.mtime_nsec()),
            inode: if stable_inodes { metadata.ino() } else { 0 },
        }
    }
}
