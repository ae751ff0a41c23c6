//! The values of the catalogue, in postcard encoding.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::media::Facts;
use crate::metadata::{self, Metadata};
use crate::problem::Problem;
use crate::worker::ContentHash;

/// A file as it was when it was last read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// By this it is told whether the file has changed since.
    pub stamp: Stamp,
    /// What reading it gave.
    pub finding: Finding,
}

/// What reading a file gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Finding {
    /// A photo, with this content. Perhaps no picture could be had of it; its
    /// [`MetadataRecord`] says so.
    Photo(ContentHash),
    /// No photo, and why; and under which conditions
    /// ([`crate::worker::WorkerSettings::conditions`]). Under others it may be one.
    Problem(Problem, u64),
    /// No photo, but what somebody says of the photos beside it; and the
    /// [`metadata::VERSION`] that read it.
    Sidecar(Box<Metadata>, u32),
}

/// A file's size and times, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// What a content says of itself, and whether a picture could be had of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetadataRecord {
    /// The [`metadata::VERSION`] that read it.
    pub version: u32,
    /// Why no picture could be had of the content, and under which conditions
    /// ([`crate::worker::WorkerSettings::conditions`]); its row has no vector then. Nothing
    /// if there was one.
    ///
    /// Two conditions are none of those: [`RETRY`](Self::RETRY) and
    /// [`AWAITS_MODEL`](Self::AWAITS_MODEL).
    pub unseen: Option<(Problem, u64)>,
    /// What it says.
    pub metadata: Metadata,
}

/// How a [`MetadataRecord`] begins: all that is asked of most of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MetadataHead {
    pub version: u32,
    pub unseen: Option<(Problem, u64)>,
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

/// What was found when a root was last compared as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFacts {
    /// Folders in it.
    pub folders: u64,
    /// When, in seconds since 1970.
    pub compared: u64,
    /// Since when so many of its files are missing that they are not believed to be deleted,
    /// in seconds since 1970.
    pub missing_since: Option<u64>,
    /// Folders below it at which other filesystems were mounted.
    pub mounts: Vec<PathBuf>,
}

/// The state of a folder's pictures, or of the catalogue's records of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FolderMark {
    /// A record of the folder was changed by the commit of this generation.
    Changed(u64),
    /// The records agreed with a folder of this digest: names, sizes, times, inodes.
    Digest([u8; 16]),
}

/// When the last file of a row was forgotten, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeadRecord {
    pub since: u64,
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

impl MetadataRecord {
    /// Under these conditions a pass reads a content again, whatever its own are.
    pub const RETRY: u64 = 0;

    /// Under these it does not: the picture can be had, and the model is missing that would make
    /// a vector of it.
    pub const AWAITS_MODEL: u64 = u64::MAX;

    /// What this version read of a content; and why there is no picture of it, if so.
    #[must_use]
    pub fn new(metadata: Metadata, unseen: Option<(Problem, u64)>) -> Self {
        Self {
            version: metadata::VERSION,
            unseen,
            metadata,
        }
    }
}

impl MetadataHead {
    /// Whether reading the content again would say no more than this.
    pub(super) fn is_current(&self, conditions: u64) -> bool {
        let is_seen = |unseen: &Option<(Problem, u64)>| match unseen {
            None => true,
            Some((_, under)) => {
                *under == MetadataRecord::AWAITS_MODEL
                    || (*under == conditions && *under != MetadataRecord::RETRY)
            }
        };
        self.version == metadata::VERSION && is_seen(&self.unseen)
    }
}

impl DeadRecord {
    /// Nothing is known of the row's content any more.
    pub(super) const PURGED: Self = Self { since: u64::MAX };

    pub(super) fn now() -> Self {
        Self {
            since: unix_seconds(SystemTime::now()),
        }
    }
}

/// Seconds since 1970; 0 before.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
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
    pub fn of(metadata: &fs::Metadata, stable_inodes: bool) -> Self {
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
