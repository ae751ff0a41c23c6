//! What the two ends say to each other, over a Unix stream socket.
//!
//! Host to worker: one [`Setup`] frame, answered when the worker is ready; then, for each file, the byte [`READ`] with the
//! open file attached (`SCM_RIGHTS`), and after the answer either [`DECODE`] or the next
//! file. Worker to host: one [`Answer`] frame for each `READ` and each `DECODE`.

use serde::{Deserialize, Serialize};

use crate::media::{Decoded, Target};
use crate::problem::Problem;

/// BLAKE3 of a file's bytes: the name of a content.
pub type ContentHash = [u8; 32];

/// "Here is a file: read it and say its content's name."
pub(super) const READ: u8 = b'R';
/// "Decode what you have just read."
pub(super) const DECODE: u8 = b'D';

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
    Decoded(Decoded),
    Problem(Problem),
}
