//! The worker's end: read, name, examine, answer, until the host hangs up.

use std::fs::File;
use std::io::{self, IoSliceMut, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::unistd::alarm;

use super::protocol::{Answer, DESCRIBE, EXAMINE, Examined, READ, SIDECAR, SQUARE, Setup};
use super::sandbox;
use crate::duplicates::Picture;
use crate::frame::{read_frame, write_frame};
use crate::media::{self, Decoded, Facts, Fit, Format, MediaError, Preparation, Target, Undecoded};
use crate::metadata::{self, Metadata};
use crate::problem::{Problem, ProblemKind};

/// A buffer that grew beyond this for one file is given back before the next.
const KEPT_BUFFER: usize = 32 << 20;

/// A sidecar with more bytes than this says nothing: no program writes such.
const LARGEST_SIDECAR: usize = 4 << 20;

/// Serves one host over `socket` until it hangs up.
///
/// Lowers its own limits before the first file: memory, system calls, core dumps.
///
/// # Errors
/// When the socket fails or the limits cannot be set. The host sees the closed socket.
pub fn serve(mut socket: UnixStream) -> io::Result<()> {
    let setup: Setup = read_frame(&mut socket)?;
    // Behind the door of the sandbox nothing can be loaded any more.
    media::prepare();
    sandbox::enter(setup.address_space)?;
    write_frame(&mut socket, &Answer::Ready)?;
    let mut bytes = Vec::new();
    while let Some(request) = receive(&socket)? {
        // The host's deadline is shorter. If it died, nobody else ends a decoder that does not;
        // and a signal on its death would come on that of its thread already.
        alarm::set(setup.seconds);
        let answer = match request {
            Request::Read(file) => {
                bytes.clear();
                bytes.shrink_to(KEPT_BUFFER);
                read(&file, setup.file_size, &mut bytes)
            }
            Request::Examine => examine(&bytes, &setup.target),
            Request::Describe => {
                let metadata = describe(|| metadata::read(&bytes));
                Answer::Described(Format::of(&bytes), Box::new(metadata))
            }
            Request::Square => square(&bytes, &setup.target),
            Request::Sidecar => Answer::Described(None, Box::new(read_sidecar(&bytes))),
        };
        write_frame(&mut socket, &answer)?;
        alarm::cancel();
    }
    Ok(())
}

enum Request {
    Read(File),
    Examine,
    Describe,
    Sidecar,
    Square,
}

/// The next request, or nothing when the host hung up.
fn receive(socket: &UnixStream) -> io::Result<Option<Request>> {
    let mut command = [0];
    let mut space = nix::cmsg_space!(RawFd);
    let (received, file) = {
        let mut parts = [IoSliceMut::new(&mut command)];
        let message = recvmsg::<()>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        )?;
        let mut file = None;
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(descriptors) = control {
                for descriptor in descriptors {
                    // SAFETY: the kernel has just made this descriptor for us, and this
                    // is the only place that takes it.
                    file = Some(File::from(unsafe { OwnedFd::from_raw_fd(descriptor) }));
                }
            }
        }
        (message.bytes, file)
    };
    match (received, command[0], file) {
        (0, _, _) => Ok(None),
        (_, READ, Some(file)) => Ok(Some(Request::Read(file))),
        (_, EXAMINE, None) => Ok(Some(Request::Examine)),
        (_, DESCRIBE, None) => Ok(Some(Request::Describe)),
        (_, SIDECAR, None) => Ok(Some(Request::Sidecar)),
        (_, SQUARE, None) => Ok(Some(Request::Square)),
        (_, command, _) => Err(io::Error::other(format!("unknown request {command}"))),
    }
}

fn read(file: &File, limit: u64, bytes: &mut Vec<u8>) -> Answer {
    let too_large = || Answer::Problem(Problem::too_large(limit));
    let unreadable = |error: io::Error| {
        Answer::Problem(Problem::new(ProblemKind::Unreadable, error.to_string()))
    };
    let size = match file.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) => return unreadable(error),
    };
    if size > limit {
        return too_large();
    }
    // `size` is at most the limit, which is a number of bytes that fits in memory.
    if bytes.try_reserve(size as usize).is_err() {
        return too_large();
    }
    match file.take(limit + 1).read_to_end(bytes) {
        Err(error) => unreadable(error),
        Ok(read) if read as u64 > limit => too_large(),
        Ok(_) => Answer::Read(*blake3::hash(bytes).as_bytes()),
    }
}

fn examine(bytes: &[u8], target: &Target) -> Answer {
    let (known, picture, fingerprint) = match decode(bytes, target) {
        Ok(decoded) => {
            let Decoded {
                facts,
                pixels,
                fingerprint,
            } = decoded;
            (Ok(facts), Ok(pixels), Some(fingerprint))
        }
        Err(Undone::Unsupported(undecoded)) => {
            let problem = MediaError::Unsupported(undecoded).into();
            (Err(undecoded.format), Err(problem), None)
        }
        Err(Undone::Problem(problem)) => return Answer::Problem(problem),
    };
    let metadata = describe(|| metadata::read(bytes));
    let facts = known.unwrap_or_else(|format| {
        let (width, height) = metadata.dimensions.unwrap_or_default();
        Facts {
            format,
            width,
            height,
        }
    });
    Answer::Examined(Box::new(Examined {
        facts,
        metadata,
        picture,
        fingerprint,
        quality: media::quality(bytes, facts.format),
    }))
}

fn square(bytes: &[u8], target: &Target) -> Answer {
    let target = Target {
        // A constant of a few hundred.
        preparation: Preparation::plain(Picture::SIDE as u32, Fit::Squash),
        memory: target.memory,
    };
    match decode(bytes, &target) {
        Ok(decoded) => Answer::Square(Box::new(decoded)),
        Err(Undone::Unsupported(undecoded)) => {
            Answer::Problem(MediaError::Unsupported(undecoded).into())
        }
        Err(Undone::Problem(problem)) => Answer::Problem(problem),
    }
}

/// Why there is no picture.
enum Undone {
    /// Its format is known, and needs something that is not there.
    Unsupported(Undecoded),
    Problem(Problem),
}

fn decode(bytes: &[u8], target: &Target) -> Result<Decoded, Undone> {
    // A decoder that panics has a fault of its own; its state is dropped with it.
    match panic::catch_unwind(AssertUnwindSafe(|| media::decode(bytes, target))) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(MediaError::Unsupported(undecoded))) => Err(Undone::Unsupported(undecoded)),
        Ok(Err(error)) => Err(Undone::Problem(error.into())),
        Err(_) => Err(Undone::Problem(Problem::new(
            ProblemKind::Damaged,
            "the decoder gave up on it (it panicked)",
        ))),
    }
}

fn read_sidecar(bytes: &[u8]) -> Metadata {
    if bytes.len() > LARGEST_SIDECAR {
        return Metadata::default();
    }
    describe(|| metadata::read_sidecar(bytes))
}

/// What a reader of metadata finds; nothing, if it panics.
fn describe(read: impl FnOnce() -> Metadata) -> Metadata {
    panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
}
