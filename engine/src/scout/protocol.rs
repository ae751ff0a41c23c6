//! What the two ends say to each other, over a Unix stream socket.
//!
//! Host to scout: one [`Setup`] frame, answered by [`Answer::Ready`]; then one [`Request`]
//! frame at a time. Scout to host: any number of [`Answer::Part`] and [`Answer::Busy`],
//! then one frame that ends the answer. Behind [`Answer::Copied`] follows the byte
//! [`BYTES`] with the copied bytes attached (`SCM_RIGHTS`). Paths and names are bytes.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use crate::catalog::Stamp;

/// "Here are the bytes."
pub(super) const BYTES: u8 = b'B';

/// The most entries in one part of a listing.
pub(super) const PART: usize = 2048;

/// What tells one folder from another that was put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Number of the device (`st_dev`).
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Kind of filesystem: `f_type` of `statfs(2)`.
    pub filesystem_type: i64,
    /// Which one of its type (`f_fsid` of `statvfs(3)`); 0 if it does not tell.
    pub filesystem: u64,
    /// Whether there is any entry in it. An empty folder may be a mount point that waits.
    pub holds_anything: bool,
}

/// What an entry of a folder is. Links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a pipe, a device, a socket.
    Other,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its name, which need not be UTF-8.
    pub name: OsString,
    /// What it is.
    pub kind: Kind,
    /// Its state, or the error number (`errno`) of asking for it. Nothing where it was not
    /// asked for: folders, and files whose extension was not among those wanted.
    pub stamp: Option<Result<Stamp, i32>>,
}

/// How a scout works, said once.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Setup {
    /// How often something is to be heard of it while it works, in milliseconds.
    pub beat: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Resolve(OsString),
    Identify(OsString),
    List {
        folder: OsString,
        /// Lower-case extensions of files whose stamp is wanted.
        wanted: Vec<String>,
    },
    Stamp(OsString),
    Read {
        file: OsString,
        /// Files with more bytes are not read.
        most: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The first one: the scout waits for requests.
    Ready,
    /// More will follow, and the filesystem answers.
    Busy,
    Part(Vec<Seen>),
    /// Ends the parts.
    Listed,
    Resolved(OsString),
    Identified(Identity),
    Stamped(Kind, Stamp),
    Copied(Stamp),
    Changed,
    TooLarge {
        size: u64,
        most: u64,
    },
    NotAFile,
    /// The error number of the system call that failed.
    Failed(i32),
}
