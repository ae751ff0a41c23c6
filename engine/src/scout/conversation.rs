//! One request and what is heard of it, as the host sees it: frames, deadlines, refusals.
//!
//! Knows the socket only; who is at its other end, and what becomes of one that says
//! nothing, is the business of `host.rs`.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

use super::error::{Action, ScoutError};
use super::protocol::{Answer, BYTES, Request, Setup};
use crate::frame::{read_frame, write_frame};

/// How long a scout may take to be ready. It touches nothing until then.
const START: Duration = Duration::from_secs(30);

/// Beats in a deadline: how many signs of life may be late before a scout is given up.
const BEATS: u32 = 4;

/// What is said of one request; outside of it, that the conversation broke off.
pub(super) type Said<T> = io::Result<Result<T, Refusal>>;

/// An answer that is not the wanted one.
#[derive(Debug)]
pub(super) enum Refusal {
    Failed(i32),
    Changed,
    TooLarge { size: u64, most: u64 },
    NotAFile,
}

impl Refusal {
    pub(super) fn into_error(self, action: Action, path: &Path) -> ScoutError {
        let path = path.to_owned();
        match self {
            Self::Failed(errno) => ScoutError::Io {
                action,
                path,
                error: io::Error::from_raw_os_error(errno),
            },
            Self::Changed => ScoutError::Changed { path },
            Self::TooLarge { size, most } => ScoutError::TooLarge { path, size, most },
            Self::NotAFile => ScoutError::NotAFile { path },
        }
    }
}

/// Says to a new scout how it works, and waits until it is ready.
pub(super) fn greet(socket: &mut UnixStream, deadline: Duration) -> io::Result<Answer> {
    socket.set_read_timeout(Some(START))?;
    socket.set_write_timeout(Some(START))?;
    let beat = deadline / BEATS;
    write_frame(
        socket,
        &Setup {
            beat: u64::try_from(beat.as_millis()).unwrap_or(u64::MAX),
        },
    )?;
    let answer = read_frame(socket)?;
    let deadline = deadline.max(Duration::from_millis(1));
    socket.set_read_timeout(Some(deadline))?;
    socket.set_write_timeout(Some(deadline))?;
    Ok(answer)
}

/// Asks, and hears answers until `wanted` takes one for the last, or it is a refusal.
pub(super) fn hear<T>(
    socket: &mut UnixStream,
    request: &Request,
    mut wanted: impl FnMut(Answer) -> Option<T>,
) -> Said<T> {
    write_frame(socket, request)?;
    loop {
        let more = match read_frame(socket)? {
            Answer::Busy => continue,
            Answer::Failed(errno) => return Ok(Err(Refusal::Failed(errno))),
            Answer::Changed => return Ok(Err(Refusal::Changed)),
            Answer::TooLarge { size, most } => {
                return Ok(Err(Refusal::TooLarge { size, most }));
            }
            Answer::NotAFile => return Ok(Err(Refusal::NotAFile)),
            answer => {
                let is_part = matches!(answer, Answer::Part(_));
                match wanted(answer) {
                    Some(last) => return Ok(Ok(last)),
                    None => is_part,
                }
            }
        };
        if !more {
            return Err(io::Error::other("it answered another question"));
        }
    }
}

/// Takes the descriptor that follows an answer.
pub(super) fn receive_descriptor(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut byte = [0];
    let mut space = nix::cmsg_space!(RawFd);
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = loop {
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    let mut received = None;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            for descriptor in descriptors {
                // SAFETY: the kernel has just made this descriptor for us, and this is the
                // only place that takes it.
                received = Some(unsafe { OwnedFd::from_raw_fd(descriptor) });
            }
        }
    }
    match received {
        Some(descriptor) if byte == [BYTES] => Ok(descriptor),
        _ => Err(io::Error::other("it sent no bytes of the file")),
    }
}

/// A socket whose deadline has passed reports one of these two.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
