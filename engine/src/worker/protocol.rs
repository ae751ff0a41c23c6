//! What the two ends say to each other, over a Unix stream socket.
//!
//! Host to worker: one [`Setup`] frame, answered when the worker is ready; then, for each
//! file, the byte [`READ`] with the open file attached (`SCM_RIGHTS`), and after the answer
//! either [`EXAMINE`], [`DESCRIBE`], [`SIDECAR`] or [`SQUARE`], as often as wanted, or the next
//! file.
//! Worker to host: one [`Answer`] frame for each of them.

use serde::{Deserialize, Serialize};

use crate::duplicates::Fingerprint;
use crate::media::{Decoded, Facts, Format, Target};
use crate::metadata::Metadata;
use crate::problem::Problem;

/// BLAKE3 of a file's bytes: the name of a content.
pub type ContentHash = [u8; 32];

/// "Here is a file: read it and say its content's name."
pub(super) const READ: u8 = b'R';
/// "Decode what you have just read, and say what it says of itself."
pub(super) const EXAMINE: u8 = b'D';
/// "Say what it says of itself; I have seen it."
pub(super) const DESCRIBE: u8 = b'M';
/// "It is a sidecar; what does it say?"
pub(super) const SIDECAR: u8 = b'X';

/// "Decode it for a comparison of pixels."
pub(super) const SQUARE: u8 = b'Q';

/// What a content is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Examined {
    /// Its format and dimensions; the latter 0 where only a decoder could have told.
    pub facts: Facts,
    /// What it says of itself.
    pub metadata: Metadata,
    /// `size * size * 3` bytes: rows from the top, RGB, upright. Or why there are none,
    /// although the format is known.
    pub picture: Result<Vec<u8>, Problem>,
    /// By what its copies are found, if there is a picture.
    pub fingerprint: Option<Fingerprint>,
    /// As how good it was written ([`crate::media::quality`]).
    pub quality: u8,
}

/// How the worker works, said once.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Setup {
    pub target: Target,
    /// Files with more bytes than this are not read.
    pub file_size: u64,
    /// Address space of the process in bytes.
    pub address_space: u64,
    /// A request may take so long, in seconds, before the worker ends by itself.
    pub seconds: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The first one: the worker is in its sandbox and waits for files.
    Ready,
    Read(ContentHash),
    Examined(Box<Examined>),
    /// A square for [`crate::duplicates::Picture`].
    Square(Box<Decoded>),
    /// Its format, if it is known, and what it says of itself.
    Described(Option<Format>, Box<Metadata>),
    Problem(Problem),
}
