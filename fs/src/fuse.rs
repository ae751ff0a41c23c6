//! The one file that speaks FUSE: requests of the kernel become questions to the
//! namespace, and answers become replies.
//!
//! No handler here waits: what may take time (a query) is handed to [`Jobs`], which reply from their own threads. What the kernel may keep, it keeps:
//! names and attributes of links for a minute, a listing until the next generation.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded};
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, InitFlags, KernelConfig, LockOwner, MountOption, OpenAccMode, OpenFlags,
    ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, Request,
};
use lru::LruCache;

use crate::jobs::{Jobs, Timing};
use crate::listing::Listing;
use crate::mount::SOURCE;
use crate::mountpoint;
use crate::namespace::{Directory, File, Namespace, NamespaceError, Node};
use crate::nodes::{Nodes, ROOT, Surplus};

/// Threads that read requests. One would be fastest for one caller, but a slow request
/// would stall all others.
const THREADS: usize = 2;

/// Threads that run queries, at least and at most; in between, one a core.
const ANSWERING: (usize, usize) = (2, 8);

/// How long the kernel may keep what does not change.
const LASTING: Duration = Duration::from_secs(60);

/// How long it may keep a folder's attributes: its time tells programs of changes.
const BRIEF: Duration = Duration::from_secs(1);

/// Names that the kernel may know. Each costs some hundred bytes on both sides.
const MOST_NODES: usize = 50_000;

/// Folders whose last read generation is remembered.
const REMEMBERED_FOLDERS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Inodes are hashes of what they stand for, so a number never gets a second life.
const GENERATION: Generation = Generation(0);

/// A mounted filesystem and its threads.
#[derive(Debug)]
pub(crate) struct Session {
    session: BackgroundSession,
}

impl Session {
    /// Mounts at `path` and serves from threads of its own.
    pub(crate) fn mount(namespace: Arc<Namespace>, path: &Path) -> io::Result<Self> {
        let (surplus, to_forget) = bounded(1024);
        let filesystem = Fuse::new(namespace, surplus)?;
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName(SOURCE.to_owned()),
            // `Subtype` is lost when root mounts without the helper; this is not.
            MountOption::CUSTOM(format!("subtype={SOURCE}")),
            MountOption::RO,
            MountOption::NoDev,
            MountOption::NoSuid,
            MountOption::NoAtime,
            MountOption::DefaultPermissions,
        ];
        config.n_threads = Some(THREADS);
        config.clone_fd = true;
        let session = fuser::Session::new(filesystem, path, &config)?.spawn()?;
        let notifier = session.notifier();
        thread::Builder::new()
            .name("forget".to_owned())
            .spawn(move || {
                forget_surplus(&notifier, &to_forget);
            })?;
        Ok(Self { session })
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.session.guard.is_finished()
    }

    /// Unmounts `path`; where programs still use it, detaches it, and they keep what
    /// they have open until they close it or this process ends.
    pub(crate) fn unmount(self, path: &Path) -> io::Result<()> {
        if !self.is_running() {
            // Somebody else has unmounted it already.
            return Ok(());
        }
        match self.session.umount_and_join() {
            Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => {
                mountpoint::detach(path)
            }
            other => other,
        }
    }
}

/// Asks the kernel to forget names. Not from a handler: the kernel may hold a lock then
/// that it needs for this.
fn forget_surplus(notifier: &fuser::Notifier, to_forget: &Receiver<Surplus>) {
    for Surplus { parent, name } in to_forget {
        // In use, or forgotten already: both are fine.
        let _ = notifier.inval_entry(INodeNo(parent), OsStr::new(&name));
    }
}

/// What the handlers share.
struct Shared {
    namespace: Arc<Namespace>,
    nodes: Mutex<Nodes>,
    folders: Mutex<HashMap<u64, Arc<OpenFolder>>>,
    files: Mutex<HashMap<u64, Arc<[u8]>>>,
    /// The generation of each folder that the kernel has read and may still keep.
    read_by_kernel: Mutex<LruCache<Directory, u64>>,
    next_handle: AtomicU64,
    surplus: Sender<Surplus>,
    mounted: SystemTime,
    owner: (u32, u32),
}

/// A folder that a program has open: one generation from its first entry to its last.
struct OpenFolder {
    directory: Directory,
    /// Of a result folder.
    listing: Option<Arc<Listing>>,
}

struct Fuse {
    shared: Arc<Shared>,
    jobs: Jobs,
}

impl Fuse {
    fn new(namespace: Arc<Namespace>, surplus: Sender<Surplus>) -> io::Result<Self> {
        let shared = Shared {
            namespace,
            nodes: Mutex::new(Nodes::new(MOST_NODES)),
            folders: Mutex::default(),
            files: Mutex::default(),
            read_by_kernel: Mutex::new(LruCache::new(REMEMBERED_FOLDERS)),
            next_handle: AtomicU64::new(1),
            surplus,
            mounted: SystemTime::now(),
            owner: (
                nix::unistd::geteuid().as_raw(),
                nix::unistd::getegid().as_raw(),
            ),
        };
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self {
            shared: Arc::new(shared),
            jobs: Jobs::start(cores.clamp(ANSWERING.0, ANSWERING.1))?,
        })
    }
}

impl Shared {
    fn node(&self, number: INodeNo) -> Result<Node, Errno> {
        lock(&self.nodes).get(number.0).ok_or(Errno::ESTALE)
    }

    fn directory(&self, number: INodeNo) -> Result<Directory, Errno> {
        match self.node(number)? {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) | Node::Photo(_) => Err(Errno::ENOTDIR),
        }
    }

    fn handle(&self) -> FileHandle {
        FileHandle(self.next_handle.fetch_add(1, Ordering::Relaxed))
    }

    /// Counts a lookup and tells the kernel to forget an old name where there are many.
    fn remember(&self, parent: u64, name: &str, node: &Node) -> u64 {
        let mut nodes = lock(&self.nodes);
        let number = nodes.remember(parent, name, node.clone());
        if let Some(surplus) = nodes.surplus() {
            // A full queue means that it is being worked on.
            let _ = self.surplus.try_send(surplus);
        }
        number
    }

    fn reply_entry(&self, parent: u64, name: &str, node: &Node, reply: ReplyEntry) {
        let number = self.remember(parent, name, node);
        let attributes = self.attributes(number, node);
        reply.entry_with_ttls(&lasting(node), &LASTING, &attributes, GENERATION);
    }

    fn attributes(&self, number: u64, node: &Node) -> FileAttr {
        let (kind, perm, size, nlink) = match node {
            Node::Directory(_) => (FileType::Directory, 0o555, 0, 2),
            Node::Photo(target) => (FileType::Symlink, 0o777, target.as_os_str().len() as u64, 1),
            // Programs that copy, and Samba, read as much as the attributes say.
            Node::File(file) => {
                let size = self.namespace.content(*file).len() as u64;
                (FileType::RegularFile, 0o444, size, 1)
            }
        };
        let time = match node {
            Node::Directory(Directory::Query(_) | Directory::Recent) | Node::Photo(_) => {
                self.namespace.generation().1
            }
            Node::Directory(_) | Node::File(_) => self.mounted,
        };
        let (uid, gid) = self.owner;
        FileAttr {
            ino: INodeNo(number),
            size,
            blocks: 0,
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm,
            nlink,
            uid,
            gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    /// The entries of an open folder from `offset` on, given one by one to `add` until
    /// that says it is full: name, node, and the offset after it.
    fn entries(
        &self,
        folder: &OpenFolder,
        offset: u64,
        mut add: impl FnMut(&str, &Node, u64) -> bool,
    ) {
        let fixed = self.namespace.fixed(&folder.directory);
        let listing = folder.listing.as_ref();
        let generation = listing.map_or(0, |listing| listing.generation());
        // An offset carries its generation, so that the kernel cannot mistake a place in
        // one listing for a place in another. 30 bits of generation, 32 of place.
        let place = |number: usize| (generation & 0x3FFF_FFFF) << 32 | (number as u64 + 1);
        let from = (offset & 0xFFFF_FFFF) as usize;
        let dots = [
            (".", Node::Directory(folder.directory.clone())),
            ("..", Node::Directory(Directory::Root)),
        ];
        for (number, (name, node)) in dots.iter().chain(fixed).enumerate().skip(from) {
            if add(name, node, place(number)) {
                return;
            }
        }
        let before = dots.len() + fixed.len();
        let photos = listing.map(|listing| listing.entries()).unwrap_or_default();
        let from = from.saturating_sub(before);
        for (number, entry) in photos.iter().enumerate().skip(from) {
            let node = Node::Photo(entry.target.clone());
            if add(&entry.name, &node, place(before + number)) {
                return;
            }
        }
        if let Some(listing) = listing {
            let mut read = lock(&self.read_by_kernel);
            read.put(folder.directory.clone(), listing.generation());
        }
    }

    fn reply_folder(&self, directory: Directory, listing: Option<Arc<Listing>>, reply: ReplyOpen) {
        let handle = self.handle();
        let flags = self.folder_flags(&directory, listing.as_deref());
        let folder = OpenFolder { directory, listing };
        lock(&self.folders).insert(handle.0, Arc::new(folder));
        reply.opened(handle, flags);
    }

    fn open_folder(&self, handle: FileHandle) -> Result<Arc<OpenFolder>, Errno> {
        lock(&self.folders)
            .get(&handle.0)
            .cloned()
            .ok_or(Errno::EBADF)
    }

    /// Flags of a folder that is opened: the kernel keeps what it has read of it exactly
    /// if that was the same generation.
    fn folder_flags(&self, directory: &Directory, listing: Option<&Listing>) -> FopenFlags {
        let read = lock(&self.read_by_kernel).get(directory).copied();
        if read.is_some() && read == listing.map(Listing::generation) {
            FopenFlags::FOPEN_CACHE_DIR | FopenFlags::FOPEN_KEEP_CACHE
        } else {
            FopenFlags::FOPEN_CACHE_DIR
        }
    }
}

impl Filesystem for Fuse {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Each is an improvement only; an old kernel does without. Not READDIRPLUS_AUTO:
        // a folder that is read again must refresh every name that the kernel keeps.
        for capability in [
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_CACHE_SYMLINKS,
        ] {
            let _ = config.add_capabilities(capability);
        }
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let directory = match self.shared.directory(parent) {
            Ok(directory) => directory,
            Err(error) => return reply.error(error),
        };
        // All our names are UTF-8, and so is every query.
        let Some(name) = name.to_str() else {
            return reply.error(Errno::ENOENT);
        };
        match self.shared.namespace.lookup(&directory, name) {
            Ok(Some(node)) => self.shared.reply_entry(parent.0, name, &node, reply),
            Ok(None) => {
                let namespace = &self.shared.namespace;
                match namespace.photo_in_memory(&directory, name) {
                    Some(Ok(node)) => {
                        return self.shared.reply_entry(parent.0, name, &node, reply);
                    }
                    Some(Err(error)) => return reply.error(errno(&error)),
                    None => {}
                }
                let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
                self.jobs.submit(move |timing| match timing {
                    Timing::TooLate => reply.error(Errno::EAGAIN),
                    Timing::InTime => match shared.namespace.photo(&directory, &name) {
                        Ok(node) => shared.reply_entry(parent.0, &name, &node, reply),
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
            Ok(node) => {
                let attributes = self.shared.attributes(number.0, &node);
                reply.attr(&lasting(&node), &attributes);
            }
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
        if !directory.has_photos() {
            return self.shared.reply_folder(directory, None, reply);
        }
        // Here and not when it is read: many programs report that a folder cannot be
        // opened, and take an error while reading it for its end.
        let shared = Arc::clone(&self.shared);
        self.jobs.submit(move |timing| match timing {
            Timing::TooLate => reply.error(Errno::EAGAIN),
            Timing::InTime => match shared.namespace.listing(&directory) {
                Ok(listing) => shared.reply_folder(directory, Some(listing), reply),
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
                _ => lock(&shared.nodes).number(number.0, node),
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
            let child = match name {
                "." => number.0,
                ".." => lock(&shared.nodes).parent(number.0),
                _ => shared.remember(number.0, name, node),
            };
            let attributes = shared.attributes(child, node);
            let ttl = lasting(node);
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
        let file = match self.shared.node(number) {
            Ok(Node::File(file)) => file,
            Ok(Node::Directory(_)) => return reply.error(Errno::EISDIR),
            Ok(Node::Photo(_)) => return reply.error(Errno::ELOOP),
            Err(error) => return reply.error(error),
        };
        if flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(Errno::EROFS);
        }
        let shared = Arc::clone(&self.shared);
        self.jobs.submit(move |timing| {
            if timing == Timing::TooLate {
                return reply.error(Errno::EAGAIN);
            }
            let handle = shared.handle();
            let content = shared.namespace.content(file);
            lock(&shared.files).insert(handle.0, content);
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
        let content = lock(&self.shared.files).get(&handle.0).cloned();
        let Some(content) = content else {
            return reply.error(Errno::EBADF);
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
        lock(&self.shared.files).remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        // Nothing can be stored here: no free blocks, no free inodes.
        reply.statfs(0, 0, 0, 0, 0, 4096, crate::names::LONGEST_NAME as u32, 4096);
    }
}

/// How long the kernel may keep the attributes of a node.
fn lasting(node: &Node) -> Duration {
    match node {
        Node::Directory(Directory::Query(_) | Directory::Recent) => BRIEF,
        // Their size is that of their content, which is another each time.
        Node::File(File::Status | File::StatusJson | File::LastError) => Duration::ZERO,
        Node::Directory(_) | Node::File(_) | Node::Photo(_) => LASTING,
    }
}

fn kind(node: &Node) -> FileType {
    match node {
        Node::Directory(_) => FileType::Directory,
        Node::File(_) => FileType::RegularFile,
        Node::Photo(_) => FileType::Symlink,
    }
}

fn errno(error: &NamespaceError) -> Errno {
    match error {
        NamespaceError::NotFound | NamespaceError::BadQuery(_) => Errno::ENOENT,
        NamespaceError::Busy => Errno::EAGAIN,
        NamespaceError::Failed(_) => Errno::EIO,
    }
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

const _: () = assert!(ROOT == 1, "FUSE says that the root's inode is 1");
