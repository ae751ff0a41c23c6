//! How a host and its child processes write to each other: frames over a socket.
//!
//! A frame is its length (`u32`, little endian) and that many bytes of
//! [postcard](https://postcard.jamesmunns.com/wire-format). What they say is not known here.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No honest frame is larger: a square of 2048 pixels has 12 MiB.
const LARGEST: u32 = 64 << 20;

/// Writes a value as one frame.
///
/// # Errors
/// When the socket fails.
pub(crate) fn write_frame<T: Serialize>(to: &mut impl Write, value: &T) -> io::Result<()> {
    // Length and content leave in one write.
    let mut frame = postcard::to_extend(value, vec![0; 4]).map_err(io::Error::other)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(&frame)
}

/// Reads a frame.
///
/// # Errors
/// When the socket fails, or what comes is no frame of this type.
pub(crate) fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LARGEST {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    let mut frame = vec![0; length as usize];
    from.read_exact(&mut frame)?;
    postcard::from_bytes(&frame).map_err(io::Error::other)
}
