//! The requests of the kernel, one by one.
//!
//! Whatever would change something is answered with EROFS here and not by a read-only mount:
//! the kernel would not even ask then, and `mkdir` and `rmdir` are to be asked: of pins, and of
//! groups of duplicates.

use std::ffi::OsStr;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, FopenFlags,
    INodeNo, InitFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::originals;
use super::shared::{GENERATION, Opened, Shared, kind, lock};
use semfs_engine::decisions::DecisionError;

use crate::caller;
use crate::directory::{Directory, Node};
use crate::jobs::{Crew, DEADLINE, Jobs, Timing};
use crate::namespace::{Found, NamespaceError};
use crate::pins::PinError;

/// Threads that run queries, at least and at most; in between, one a core.
const ANSWERING: (usize, usize) = (2, 8);

/// What the kernel talks to.
pub(super) struct Fuse {
    shared: Arc<Shared>,
    jobs: Jobs,
}

impl Fuse {
    pub(super) fn new(shared: Arc<Shared>) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self {
            shared,
            jobs: Jobs::start(Crew {
                name: "answer",
                threads: cores.clamp(ANSWERING.0, ANSWERING.1),
                queue: 65_536,
                deadline: DEADLINE,
            })?,
        })
    }

    /// The name of a pin that is to be made; nothing else can be.
    fn pin_named(&self, parent: INodeNo, name: &OsStr) -> Result<String, Errno> {
        match (self.shared.directory(parent)?, name.to_str()) {
            (directory, Some(name)) if directory.is_search() => Ok(name.to_owned()),
            _ => Err(Errno::EROFS),
        }
    }

    /// The name of a pin that is to be removed, or of a group that is to be dismissed, and where.
    fn decision_named(&self, parent: INodeNo, name: &OsStr) -> Result<(Directory, String), Errno> {
        match (self.shared.directory(parent)?, name.to_str()) {
            (directory, Some(name)) if directory.takes_decisions() => {
                Ok((directory, name.to_owned()))
            }
            _ => Err(Errno::EROFS),
        }
    }
}

/// Operations that would change something, and say that nothing can be changed.
macro_rules! refuse {
    ($($operation:ident($($argument:ty),*) -> $reply:ty;)*) => {
        $(
            #[allow(clippy::too_many_arguments)]
            fn $operation(&self, _: &Request, $(_: $argument,)* reply: $reply) {
                reply.error(Errno::EROFS);
            }
        )*
    };
}

impl Filesystem for Fuse {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Each is an improvement only; an old kernel does without. Not READDIRPLUS_AUTO:
        // a folder that is read again must refresh every name that the kernel keeps.
        for capability in [
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_CACHE_SYMLINKS,
            // Several pages of an original are asked for at once.
            InitFlags::FUSE_ASYNC_READ,
            InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
        ] {
            let _ = config.add_capabilities(capability);
        }
        Ok(())
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let directory = match self.shared.directory(parent) {
            Ok(directory) => directory,
            Err(error) => return reply.error(error),
        };
        // All our names are UTF-8, and so is every query.
        let Some(name) = name.to_str() else {
            return reply.error(Errno::ENOENT);
        };
        match self.shared.namespace.lookup(&directory, name) {
            Ok(Some(found)) => {
                // Every query exists when it is looked up, and the kernel lets nobody make
                // what exists.
                if directory.is_search()
                    && !self.shared.namespace.is_pinned(name)
                    && caller::makes_folder(request.pid(), name)
                {
                    return reply.error(Errno::ENOENT);
                }
                self.shared.reply_found(parent.0, name, &found, reply);
            }
            Ok(None) => {
                let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
                self.jobs.submit(move |timing| match timing {
                    Timing::TooLate => reply.error(Errno::EAGAIN),
                    Timing::InTime => match shared.namespace.resolve(&directory, &name) {
                        Ok(found) => shared.reply_found(parent.0, &name, &found, reply),
                        Err(error) => reply.error(errno(&error)),
                    },
                });
            }
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn forget(&self, _: &Request, number: INodeNo, lookups: u64) {
        lock(&self.shared.nodes).forget(number.0, lookups);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.shared.node(number) {
            Ok(Node::File(file)) if self.shared.namespace.size(&file).is_none() => {
                let shared = Arc::clone(&self.shared);
                self.jobs.submit(move |timing| match timing {
                    Timing::TooLate => reply.error(Errno::EAGAIN),
                    Timing::InTime => match shared.namespace.content(&file) {
                        Ok(_) => shared.reply_attributes(number.0, &Node::File(file), reply),
                        Err(error) => reply.error(errno(&error)),
                    },
                });
            }
            Ok(node) => self.shared.reply_attributes(number.0, &node, reply),
            Err(error) => reply.error(error),
        }
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        match self.shared.node(number) {
            Ok(Node::Photo(target)) => reply.data(target.as_os_str().as_bytes()),
            Ok(_) => reply.error(Errno::EINVAL),
            Err(error) => reply.error(error),
        }
    }

    fn opendir(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let directory = match self.shared.directory(number) {
            Ok(directory) => directory,
            Err(error) => return reply.error(error),
        };
        if !directory.is_listed() {
            return self.shared.reply_folder(number.0, directory, None, reply);
        }
        // Here and not when it is read: many programs report that a folder cannot be
        // opened, and take an error while reading it for its end.
        let shared = Arc::clone(&self.shared);
        self.jobs.submit(move |timing| match timing {
            Timing::TooLate => reply.error(Errno::EAGAIN),
            Timing::InTime => match shared.namespace.listing(&directory) {
                Ok(listing) => shared.reply_folder(number.0, directory, Some(listing), reply),
                Err(error) => reply.error(errno(&error)),
            },
        });
    }

    fn readdir(
        &self,
        _: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let shared = &self.shared;
        let folder = match shared.open_folder(handle) {
            Ok(folder) => folder,
            Err(error) => return reply.error(error),
        };
        shared.entries(&folder, offset, |name, node, next| {
            let child = match name {
                "." => number.0,
                ".." => lock(&shared.nodes).parent(number.0),
                _ => lock(&shared.nodes).number(number.0, &shared.current(node)),
            };
            reply.add(INodeNo(child), next, kind(node), name)
        });
        reply.ok();
    }

    fn readdirplus(
        &self,
        _: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let shared = &self.shared;
        let folder = match shared.open_folder(handle) {
            Ok(folder) => folder,
            Err(error) => return reply.error(error),
        };
        shared.entries(&folder, offset, |name, node, next| {
            // The kernel counts a lookup for every entry but these two.
            let dot = name == "." || name == "..";
            let (child, attributes, ttl) = shared.entry(&folder, number.0, name, node);
            let full = reply.add(INodeNo(child), next, name, &ttl, &attributes, GENERATION);
            if full && !dot {
                // It did not fit, so the kernel has not seen it.
                lock(&shared.nodes).forget(child, 1);
            }
            full
        });
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        lock(&self.shared.folders).remove(&handle.0);
        reply.ok();
    }

    fn open(&self, _: &Request, number: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let node = match self.shared.node(number) {
            Ok(node) => node,
            Err(error) => return reply.error(error),
        };
        if flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(Errno::EROFS);
        }
        let file = match node {
            Node::File(file) => file,
            Node::Original(original) => {
                return originals::open(&self.shared, number, original, reply);
            }
            Node::Directory(_) => return reply.error(Errno::EISDIR),
            Node::Photo(_) => return reply.error(Errno::ELOOP),
        };
        let shared = Arc::clone(&self.shared);
        self.jobs.submit(move |timing| {
            if timing == Timing::TooLate {
                return reply.error(Errno::EAGAIN);
            }
            let content = match shared.namespace.content(&file) {
                Ok(content) => content,
                Err(error) => return reply.error(errno(&error)),
            };
            let handle = shared.handle();
            lock(&shared.files).insert(handle.0, Opened::Text(content));
            // It may have changed since its size was asked for.
            reply.opened(handle, FopenFlags::FOPEN_DIRECT_IO);
        });
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let opened = lock(&self.shared.files).get(&handle.0).cloned();
        let content = match opened {
            Some(Opened::Text(content)) => content,
            Some(Opened::Original(opened)) => {
                return originals::read(&self.shared, opened, offset, size, reply);
            }
            None => return reply.error(Errno::EBADF),
        };
        let from = usize::try_from(offset).map_or(content.len(), |from| from.min(content.len()));
        let to = from.saturating_add(size as usize).min(content.len());
        reply.data(&content[from..to]);
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        originals::release(&self.shared, handle);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        // Nothing can be stored here: no free blocks, no free inodes.
        reply.statfs(0, 0, 0, 0, 0, 4096, crate::names::LONGEST_NAME as u32, 4096);
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let name = match self.pin_named(parent, name) {
            Ok(name) => name,
            Err(error) => return reply.error(error),
        };
        let shared = Arc::clone(&self.shared);
        self.jobs.submit(move |timing| match timing {
            Timing::TooLate => reply.error(Errno::EAGAIN),
            Timing::InTime => match shared.namespace.pin(&name) {
                Ok(node) => {
                    let found = Found {
                        node,
                        generation: 0,
                    };
                    shared.reply_found(parent.0, &name, &found, reply);
                }
                Err(error) => reply.error(errno(&error)),
            },
        });
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let (directory, name) = match self.decision_named(parent, name) {
            Ok(named) => named,
            Err(error) => return reply.error(error),
        };
        let shared = Arc::clone(&self.shared);
        self.jobs.submit(move |timing| match timing {
            Timing::TooLate => reply.error(Errno::EAGAIN),
            Timing::InTime => match shared.namespace.remove(&directory, &name) {
                Ok(removed) => {
                    if let Some(node) = removed {
                        lock(&shared.nodes).remove(parent.0, &node);
                    }
                    reply.ok();
                }
                Err(error) => reply.error(errno(&error)),
            },
        });
    }

    fn access(&self, _: &Request, number: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        match self.shared.node(number) {
            Ok(Node::Directory(directory)) if directory.takes_decisions() => reply.ok(),
            Ok(_) if mask.contains(AccessFlags::W_OK) => reply.error(Errno::EROFS),
            Ok(Node::File(_) | Node::Original(_)) if mask.contains(AccessFlags::X_OK) => {
                reply.error(Errno::EACCES)
            }
            Ok(_) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    refuse! {
        setattr(
            INodeNo, Option<u32>, Option<u32>, Option<u32>, Option<u64>, Option<TimeOrNow>,
            Option<TimeOrNow>, Option<SystemTime>, Option<FileHandle>, Option<SystemTime>,
            Option<SystemTime>, Option<SystemTime>, Option<BsdFileFlags>
        ) -> ReplyAttr;
        mknod(INodeNo, &OsStr, u32, u32, u32) -> ReplyEntry;
        unlink(INodeNo, &OsStr) -> ReplyEmpty;
        symlink(INodeNo, &OsStr, &Path) -> ReplyEntry;
        rename(INodeNo, &OsStr, INodeNo, &OsStr, RenameFlags) -> ReplyEmpty;
        link(INodeNo, INodeNo, &OsStr) -> ReplyEntry;
        create(INodeNo, &OsStr, u32, u32, i32) -> ReplyCreate;
        write(
            INodeNo, FileHandle, u64, &[u8], WriteFlags, OpenFlags, Option<LockOwner>
        ) -> ReplyWrite;
        fallocate(INodeNo, FileHandle, u64, u64, i32) -> ReplyEmpty;
        copy_file_range(
            INodeNo, FileHandle, u64, INodeNo, FileHandle, u64, u64, CopyFileRangeFlags
        ) -> ReplyWrite;
        setxattr(INodeNo, &OsStr, &[u8], i32, u32) -> ReplyEmpty;
        removexattr(INodeNo, &OsStr) -> ReplyEmpty;
    }
}

fn errno(error: &NamespaceError) -> Errno {
    match error {
        NamespaceError::NotFound | NamespaceError::BadQuery(_) => Errno::ENOENT,
        NamespaceError::Pinned => Errno::EEXIST,
        NamespaceError::Pin(error) => pin_errno(error),
        NamespaceError::Dismissal(error) => decision_errno(error),
        NamespaceError::Fixed => Errno::EROFS,
        NamespaceError::Busy => Errno::EAGAIN,
        NamespaceError::Failed(_) => Errno::EIO,
    }
}

fn pin_errno(error: &PinError) -> Errno {
    match error {
        PinError::Query(_) => Errno::EINVAL,
        PinError::Probe(_) => Errno::EROFS,
        PinError::NotPinned(_) => Errno::ENOENT,
        PinError::Decision(error) => decision_errno(error),
    }
}

fn decision_errno(error: &DecisionError) -> Errno {
    match error {
        DecisionError::TooMany | DecisionError::TooManyDismissals => Errno::EDQUOT,
        DecisionError::Name(_) | DecisionError::Model(_) => Errno::EINVAL,
        DecisionError::Disk { .. }
        | DecisionError::Damaged { .. }
        | DecisionError::Newer { .. } => Errno::EIO,
    }
}
