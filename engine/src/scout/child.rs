//! The scout's end: looks, answers, until the host hangs up. It may be killed at any time.

use std::ffi::OsString;
use std::fs::{self, DirEntry, File, FileType, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, Write};
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::sys::statfs;
use nix::sys::statvfs::statvfs;

use super::protocol::{Answer, BYTES, Identity, Kind, PART, Request, Seen, Setup};
use super::sandbox;
use crate::catalog::Stamp;
use crate::frame::{read_frame, write_frame};

/// Bytes that are read at once. The deadline is that of so many bytes: less would cost
/// system calls, more would ask a higher speed of the network.
const CHUNK: usize = 128 << 10;

/// Serves one host over `socket` until it hangs up.
///
/// Gives up before the first request what it does not need: memory, most system calls,
/// and every way to write to a file.
///
/// # Errors
/// When the socket fails or the limits cannot be set. The host sees the closed socket.
pub fn serve(mut socket: UnixStream) -> io::Result<()> {
    let setup: Setup = read_frame(&mut socket)?;
    sandbox::enter(socket.as_raw_fd())?;
    write_frame(&mut socket, &Answer::Ready)?;
    let mut server = Server {
        socket,
        beat: Duration::from_millis(setup.beat),
        said: Instant::now(),
        buffer: vec![0; CHUNK],
    };
    loop {
        let request = match read_frame(&mut server.socket) {
            Ok(request) => request,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        server.said = Instant::now();
        server.answer(request)?;
    }
}

/// What a scout needs to answer. Its errors are those of the socket; what the filesystem
/// says is an answer.
struct Server {
    socket: UnixStream,
    /// How often the host wants to hear something.
    beat: Duration,
    /// When it last did.
    said: Instant,
    buffer: Vec<u8>,
}

impl Server {
    fn answer(&mut self, request: Request) -> io::Result<()> {
        match request {
            Request::Resolve(path) => {
                let resolved = fs::canonicalize(path).map(OsString::from);
                self.say(&resolved.map_or_else(failed, Answer::Resolved))
            }
            Request::Identify(folder) => {
                let identity = identify(Path::new(&folder));
                self.say(&identity.map_or_else(failed, Answer::Identified))
            }
            Request::Stamp(path) => {
                let found = fs::symlink_metadata(path);
                self.say(&found.map_or_else(failed, |found| {
                    Answer::Stamped(kind(found.file_type()), Stamp::of(&found, true))
                }))
            }
            Request::List { folder, wanted } => self.list(Path::new(&folder), &wanted),
            Request::Read { file, most } => self.read(Path::new(&file), most),
        }
    }

    fn say(&mut self, answer: &Answer) -> io::Result<()> {
        write_frame(&mut self.socket, answer)?;
        self.said = Instant::now();
        Ok(())
    }

    /// Whether the host will wonder soon.
    fn is_late(&self) -> bool {
        self.said.elapsed() >= self.beat
    }

    fn list(&mut self, folder: &Path, wanted: &[String]) -> io::Result<()> {
        // A folder that became a link is none: what it leads to is not asked for.
        let is_link = fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink());
        let opened = if is_link {
            Err(io::Error::from_raw_os_error(libc::ELOOP))
        } else {
            fs::read_dir(folder)
        };
        let mut entries = match opened {
            Ok(entries) => entries,
            Err(error) => return self.say(&failed(error)),
        };
        let mut part = Vec::new();
        for entry in entries.by_ref() {
            match entry {
                Ok(entry) => part.push(look_at(&entry, wanted)),
                Err(error) => return self.say(&failed(error)),
            }
            if part.len() == PART || self.is_late() {
                self.say(&Answer::Part(mem::take(&mut part)))?;
            }
        }
        self.say(&Answer::Part(part))?;
        // Before the folder is closed, which may hang as well.
        self.say(&Answer::Listed)
    }

    fn read(&mut self, path: &Path, most: u64) -> io::Result<()> {
        // Neither a pipe without a writer nor a terminal may hold us up.
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path);
        let opened = opened.and_then(|file| Ok((file.metadata()?, file)));
        let (before, file) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.say(&failed(error)),
        };
        let size = before.len();
        if !before.is_file() {
            return self.say(&Answer::NotAFile);
        }
        if size > most {
            return self.say(&Answer::TooLarge { size, most });
        }
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let mut copy = File::from(memfd_create(c"semfs", flags)?);
        let copied = match self.copy(&file, size, &mut copy)? {
            Ok(copied) => copied,
            Err(error) => return self.say(&failed(error)),
        };
        let after = match file.metadata() {
            Ok(after) => Stamp::of(&after, true),
            Err(error) => return self.say(&failed(error)),
        };
        if copied != size || after != Stamp::of(&before, true) {
            return self.say(&Answer::Changed);
        }
        seal(&mut copy)?;
        self.say(&Answer::Copied(after))?;
        // Before the file is closed, which may hang as well.
        self.send(&copy)
    }

    /// Copies `size` bytes, and one more where there is one: the file has grown then. How
    /// many there were, or what reading them failed with.
    fn copy(&mut self, mut file: &File, size: u64, copy: &mut File) -> io::Result<io::Result<u64>> {
        let mut copied = 0;
        while copied <= size {
            let read = match file.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Err(error)),
            };
            copy.write_all(&self.buffer[..read])?;
            copied += read as u64;
            if self.is_late() {
                self.say(&Answer::Busy)?;
            }
        }
        Ok(Ok(copied))
    }

    fn send(&self, copy: &File) -> io::Result<()> {
        sendmsg::<()>(
            self.socket.as_raw_fd(),
            &[IoSlice::new(&[BYTES])],
            &[ControlMessage::ScmRights(&[copy.as_raw_fd()])],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        Ok(())
    }
}

/// Makes the copy one that nobody changes any more.
fn seal(copy: &mut File) -> io::Result<()> {
    copy.rewind()?;
    let seals = SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_SEAL;
    fcntl(&*copy, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(())
}

fn identify(folder: &Path) -> io::Result<Identity> {
    let found = fs::metadata(folder)?;
    let filesystem = statfs::statfs(folder)?;
    let first = fs::read_dir(folder)?.next().transpose()?;
    Ok(Identity {
        device: found.dev(),
        inode: found.ino(),
        // Its type differs from one C library and processor to another.
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
        filesystem_type: filesystem.filesystem_type().0 as i64,
        filesystem: statvfs(folder).map_or(0, |told| told.filesystem_id()),
        holds_anything: first.is_some(),
    })
}

fn look_at(entry: &DirEntry, wanted: &[String]) -> Seen {
    let name = entry.file_name();
    // Free where the filesystem tells it with the name; else the server is asked.
    let (kind, stamp) = match entry.file_type().map(kind) {
        Ok(Kind::File) if is_wanted(&name, wanted) => {
            let found = entry.metadata();
            let stamp = found.map(|found| Stamp::of(&found, true));
            (Kind::File, Some(stamp.map_err(|error| number(&error))))
        }
        Ok(kind) => (kind, None),
        Err(error) => (Kind::Other, Some(Err(number(&error)))),
    };
    Seen { name, kind, stamp }
}

/// Whether the name ends in one of these extensions, whatever the case of its letters.
fn is_wanted(name: &OsString, wanted: &[String]) -> bool {
    let Some(extension) = Path::new(name).extension() else {
        return false;
    };
    let extension = extension.as_bytes();
    wanted
        .iter()
        .any(|wanted| extension.eq_ignore_ascii_case(wanted.as_bytes()))
}

fn kind(found: FileType) -> Kind {
    if found.is_file() {
        Kind::File
    } else if found.is_dir() {
        Kind::Folder
    } else {
        Kind::Other
    }
}

fn failed(error: io::Error) -> Answer {
    Answer::Failed(number(&error))
}

/// The error number; a path that no system call accepts (one with a NUL) has none.
fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}
