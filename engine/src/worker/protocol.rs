//! What the two ends say to each other, over a Unix stream socket.
//!
//! Host to worker: one [`Setup`] frame, answered when the worker is ready; then, for each file, the byte [`READ`] with the
//! open file attached (`SCM_RIGHTS`), and after the answer either [`DECODE`] or the next
//! file. Worker to host: one [`Answer`] frame for each `READ` and each `DECODE`.
//! A frame is its length (`u32`, little endian) and that many bytes of postcard.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::media::{Decoded, Target};
use crate::problem::Problem;

/// BLAKE3 of a file's bytes: the name of a content.
pub type ContentHash = [u8; 32];

/// "Here is a file: read it and say its content's name."
pub(super) const READ: u8 = b'R';
/// "Decode what you have just read."
pub(super) const DECODE: u8 = b'D';

/// No honest frame is larger: a square of 2048 pixels has 12 MiB.
const LARGEST_FRAME: u32 = 64 << 20;

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

pub(super) fn write_frame<T: Serialize>(to: &mut impl Write, value: &T) -> io::Result<()> {
    // Length and content leave in one write.
    let frame = postcard::to_extend(value, vec![0; 4]).map_err(io::Error::other)?;
    let mut frame = frame;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(&frame)
}

pub(super) fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LARGEST_FRAME {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    let mut frame = vec![0; length as usize];
    from.read_exact(&mut frame)?;
    postcard::from_bytes(&frame).map_err(io::Error::other)
}
