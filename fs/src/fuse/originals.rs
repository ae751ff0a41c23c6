//! Photos as files: opened, read and closed by the threads of their disk, for reading only.
//!
//! An inode stands for an original in one state, so what the kernel keeps of an inode never
//! changes. Where the disk has another state than the inode, ESTALE has the kernel look the
//! name up again and open what that says, all within one `open(2)`.

use std::cell::RefCell;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use fuser::{Errno, FileHandle, FopenFlags, INodeNo, ReplyData, ReplyOpen};
use nix::libc;
use semfs_engine::index::Original;
use semfs_engine::original;

use super::shared::{Opened, Shared, lock};
use crate::disks::OpenOriginal;
use crate::freshness::Verdict;
use crate::jobs::Timing;

/// Bytes that one reply carries at most. Kernels ask for 1 MiB at most.
const LONGEST_READ: usize = 4 << 20;

thread_local! {
    /// What is read before it is sent: allocated once a thread.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Opens an original, and answers when that is done.
pub(super) fn open(shared: &Arc<Shared>, number: INodeNo, original: Original, reply: ReplyOpen) {
    let disks = &shared.disks;
    // Its disk is not touched: it may be a server that does not answer.
    if shared.namespace.is_away(original.root) {
        return reply.error(Errno::EIO);
    }
    let shared = Arc::clone(shared);
    disks.submit(original.root, move |timing| {
        if timing == Timing::TooLate {
            return reply.error(Errno::EAGAIN);
        }
        match try_open(&shared, number, &original) {
            Ok((opened, flags)) => {
                let handle = shared.handle();
                lock(&shared.files).insert(handle.0, Opened::Original(Arc::new(opened)));
                reply.opened(handle, flags);
            }
            Err(error) => reply.error(error),
        }
    });
}

fn try_open(
    shared: &Shared,
    number: INodeNo,
    said: &Original,
) -> Result<(OpenOriginal, FopenFlags), Errno> {
    let (file, metadata) = original::open(&said.path).map_err(|error| why(shared, said, &error))?;
    let opened = shared.disks.opened(said.root, file).ok_or(Errno::ENFILE)?;
    let mut freshness = lock(&shared.freshness);
    let flags = match freshness.compare(said, &metadata) {
        Verdict::Same if freshness.may_keep(number.0, &metadata, SystemTime::now()) => {
            FopenFlags::FOPEN_KEEP_CACHE
        }
        Verdict::Same => FopenFlags::empty(),
        Verdict::Other => return Err(Errno::ESTALE),
        // Whatever size the inode has: what there is to read is what there is.
        Verdict::Changing => FopenFlags::FOPEN_DIRECT_IO,
    };
    Ok((opened, flags))
}

/// What a program is told of an original that cannot be opened.
fn why(shared: &Shared, original: &Original, error: &io::Error) -> Errno {
    match error.raw_os_error() {
        // A link, or a file where a folder was: what the index knows is gone.
        Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP) => {
            if shared.namespace.is_root_there(original.root) {
                Errno::ENOENT
            } else {
                Errno::EIO
            }
        }
        Some(number) => Errno::from_i32(number),
        None => Errno::EIO,
    }
}

/// Reads from an original, and answers when that is done: with fewer bytes only at its end.
pub(super) fn read(
    shared: &Shared,
    opened: Arc<OpenOriginal>,
    offset: u64,
    size: u32,
    reply: ReplyData,
) {
    shared.disks.submit(opened.root, move |timing| {
        if timing == Timing::TooLate {
            // First, so that it is not this thread that closes it.
            drop(opened);
            return reply.error(Errno::EIO);
        }
        BUFFER.with_borrow_mut(|buffer| {
            let size = (size as usize).min(LONGEST_READ);
            if buffer.len() < size {
                buffer.resize(size, 0);
            }
            match read_at(&opened.file, &mut buffer[..size], offset) {
                Ok(length) => reply.data(&buffer[..length]),
                Err(error) => reply.error(error.into()),
            }
        });
    });
}

fn read_at(file: &std::fs::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read_at(&mut buffer[length..], offset + length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Forgets what a program has closed.
pub(super) fn release(shared: &Shared, handle: FileHandle) {
    let opened = lock(&shared.files).remove(&handle.0);
    // The kernel has no reads of it under way.
    if let Some(Opened::Original(opened)) = opened
        && let Some(original) = Arc::into_inner(opened)
    {
        shared.disks.close(original);
    }
}
