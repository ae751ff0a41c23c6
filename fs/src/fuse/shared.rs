//! What the handlers share: what the kernel knows, what programs have open, and how both are
//! told.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use crossbeam_channel::Sender;
use fuser::{
    Errno, FileAttr, FileHandle, FileType, FopenFlags, Generation, INodeNo, ReplyAttr, ReplyEntry,
    ReplyOpen,
};
use lru::LruCache;
use semfs_engine::catalog::Stamp;

use crate::directory::{Directory, File, Node, Place};
use crate::disks::{Disks, OpenOriginal};
use crate::freshness::Freshness;
use crate::listing::Listing;
use crate::namespace::{Found, Namespace};
use crate::nodes::{Nodes, ROOT, Surplus};
use crate::pins::FixedNames;

/// How long the kernel may keep what does not change.
const LASTING: Duration = Duration::from_secs(60);

/// How long it may keep a folder's attributes: its time tells programs of changes.
const BRIEF: Duration = Duration::from_secs(1);

/// Names that the kernel may know. Each costs some hundred bytes on both sides.
const MOST_NODES: usize = 50_000;

/// Folders whose last read generation is remembered.
const REMEMBERED_FOLDERS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Inodes are hashes of what they stand for, so a number never gets a second life.
pub(super) const GENERATION: Generation = Generation(0);

/// How long the kernel may keep a name that an earlier generation says.
const PASSING: Duration = Duration::from_millis(500);

/// What the handlers share.
pub(super) struct Shared {
    pub namespace: Arc<Namespace>,
    pub nodes: Mutex<Nodes>,
    pub folders: Mutex<HashMap<u64, Arc<OpenFolder>>>,
    pub files: Mutex<HashMap<u64, Opened>>,
    pub disks: Disks,
    pub freshness: Mutex<Freshness>,
    /// The generation of each folder, by its inode, that the kernel has read and may still
    /// keep.
    read_by_kernel: Mutex<LruCache<u64, u64>>,
    next_handle: AtomicU64,
    surplus: Sender<Surplus>,
    mounted: SystemTime,
    owner: (u32, u32),
}

/// A file that a program has open.
#[derive(Clone)]
pub(super) enum Opened {
    /// One of ours, with all that is in it.
    Text(Arc<[u8]>),
    /// An original.
    Original(Arc<OpenOriginal>),
}

/// A folder that a program has open: one generation from its first entry to its last.
pub(super) struct OpenFolder {
    number: u64,
    directory: Directory,
    /// Names that do not depend on the index.
    fixed: FixedNames,
    /// Those that do.
    listing: Option<Arc<Listing>>,
}

impl Shared {
    pub(super) fn new(namespace: Arc<Namespace>, surplus: Sender<Surplus>) -> Self {
        Self {
            namespace,
            nodes: Mutex::new(Nodes::new(MOST_NODES)),
            folders: Mutex::default(),
            files: Mutex::default(),
            disks: Disks::new(),
            freshness: Mutex::default(),
            read_by_kernel: Mutex::new(LruCache::new(REMEMBERED_FOLDERS)),
            next_handle: AtomicU64::new(1),
            surplus,
            mounted: SystemTime::now(),
            owner: (
                nix::unistd::geteuid().as_raw(),
                nix::unistd::getegid().as_raw(),
            ),
        }
    }

    pub(super) fn node(&self, number: INodeNo) -> Result<Node, Errno> {
        lock(&self.nodes).get(number.0).ok_or(Errno::ESTALE)
    }

    pub(super) fn directory(&self, number: INodeNo) -> Result<Directory, Errno> {
        match self.node(number)? {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) | Node::Photo(_) | Node::Original(_) => Err(Errno::ENOTDIR),
        }
    }

    pub(super) fn handle(&self) -> FileHandle {
        FileHandle(self.next_handle.fetch_add(1, Ordering::Relaxed))
    }

    /// Counts a lookup and tells the kernel to forget an old name where there are many.
    pub(super) fn remember(&self, parent: u64, name: &str, node: &Node, generation: u64) -> u64 {
        let mut nodes = lock(&self.nodes);
        let number = nodes.remember(parent, name, node.clone(), generation);
        if let Some(surplus) = nodes.surplus() {
            // A full queue means that it is being worked on.
            let _ = self.surplus.try_send(surplus);
        }
        number
    }

    /// Answers with what a name stands for. A name that comes from a generation may be kept
    /// for as long as that is what is published.
    pub(super) fn reply_found(&self, parent: u64, name: &str, found: &Found, reply: ReplyEntry) {
        let Found { node, generation } = found;
        let node = &*self.current(node);
        let number = self.remember(parent, name, node, *generation);
        let attributes = self.attributes(number, node);
        let name_lasts = self.name_lasts(node, *generation);
        reply.entry_with_ttls(&lasting(node), &name_lasts, &attributes, GENERATION);
    }

    pub(super) fn reply_attributes(&self, number: u64, node: &Node, reply: ReplyAttr) {
        let attributes = self.attributes(number, node);
        reply.attr(&lasting(node), &attributes);
    }

    /// How long the kernel may keep a name.
    fn name_lasts(&self, node: &Node, generation: u64) -> Duration {
        match node {
            Node::Photo(_) | Node::Original(_) => self.photo_lasts(generation),
            // A folder of a facet is gone when its last photo is.
            Node::Directory(Directory::View(view)) if is_passing(&view.place) => BRIEF,
            Node::Directory(_) | Node::File(_) => LASTING,
        }
    }

    /// How long the kernel may keep the name of a photo that a generation says.
    fn photo_lasts(&self, generation: u64) -> Duration {
        if generation == self.namespace.generation().0 {
            LASTING
        } else {
            PASSING
        }
    }

    /// Answers with what the kernel may keep of an entry of an open folder: its number, its
    /// attributes, and for how long.
    pub(super) fn entry(
        &self,
        folder: &OpenFolder,
        parent: u64,
        name: &str,
        node: &Node,
    ) -> (u64, FileAttr, Duration) {
        let generation = folder.listing.as_ref().map_or(0, |of| of.generation());
        let node = &*self.current(node);
        let (child, ttl) = match name {
            "." => (parent, lasting(node)),
            ".." => (lock(&self.nodes).parent(parent), lasting(node)),
            _ => {
                let child = self.remember(parent, name, node, generation);
                (child, lasting(node).min(self.name_lasts(node, generation)))
            }
        };
        (child, self.attributes(child, node), ttl)
    }

    /// A node as it is, where more is known of an original than the index says.
    pub(super) fn current<'a>(&self, node: &'a Node) -> Cow<'a, Node> {
        match node {
            Node::Original(_) => lock(&self.freshness).current(node),
            _ => Cow::Borrowed(node),
        }
    }

    /// The inodes of the folders that the kernel has read in generations before this one; told
    /// once for each reading.
    pub(super) fn folders_read_before(&self, generation: u64) -> Vec<u64> {
        let mut read = lock(&self.read_by_kernel);
        let old = read.iter().filter(|(_, read)| **read < generation);
        let old: Vec<u64> = old.map(|(number, _)| *number).collect();
        for number in &old {
            read.pop(number);
        }
        old
    }

    pub(super) fn attributes(&self, number: u64, node: &Node) -> FileAttr {
        let (kind, perm, size, nlink) = match node {
            // What can be changed in it is pins and dismissals; everything else says no itself.
            Node::Directory(directory) if directory.takes_decisions() => {
                (FileType::Directory, 0o755, 0, 2)
            }
            Node::Directory(_) => (FileType::Directory, 0o555, 0, 2),
            Node::Photo(target) => (FileType::Symlink, 0o777, target.as_os_str().len() as u64, 1),
            Node::Original(original) => (FileType::RegularFile, 0o444, original.stamp.size, 1),
            // Programs that copy, and Samba, read as much as the attributes say.
            Node::File(file) => {
                let size = self.namespace.size(file).unwrap_or(0);
                (FileType::RegularFile, 0o444, size, 1)
            }
        };
        let time = match node {
            Node::Directory(directory) if directory.is_search() => {
                self.namespace.pins_changed().max(self.mounted)
            }
            Node::Directory(directory) if directory.is_listed() => self.namespace.generation().1,
            Node::Photo(_) | Node::File(File::Why(_)) => self.namespace.generation().1,
            Node::Original(original) => modified(&original.stamp),
            Node::Directory(_) | Node::File(_) => self.mounted,
        };
        let (uid, gid) = self.owner;
        FileAttr {
            ino: INodeNo(number),
            size,
            // Programs take a file for sparse that has fewer than its size.
            blocks: match kind {
                FileType::RegularFile => size.div_ceil(512),
                _ => 0,
            },
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
    pub(super) fn entries(
        &self,
        folder: &OpenFolder,
        offset: u64,
        mut add: impl FnMut(&str, &Node, u64) -> bool,
    ) {
        let fixed = &folder.fixed;
        let listing = folder.listing.as_ref();
        let generation = listing.map_or(0, |listing| listing.generation());
        // An offset carries its generation, so that the kernel cannot mistake a place in
        // one listing for a place in another. 30 bits of generation, 32 of place.
        let place = |number: usize| (generation & 0x3FFF_FFFF) << 32 | (number as u64 + 1);
        let from = (offset & 0xFFFF_FFFF) as usize;
        let dots = [
            (
                Cow::Borrowed("."),
                Node::Directory(folder.directory.clone()),
            ),
            (Cow::Borrowed(".."), Node::Directory(Directory::Root)),
        ];
        for (number, (name, node)) in dots.iter().chain(&**fixed).enumerate().skip(from) {
            if add(name, node, place(number)) {
                return;
            }
        }
        let before = dots.len() + fixed.len();
        let listed = listing.map(|listing| listing.entries()).unwrap_or_default();
        let from = from.saturating_sub(before);
        for (number, entry) in listed.iter().enumerate().skip(from) {
            if add(&entry.name, &entry.node, place(before + number)) {
                return;
            }
        }
        if let Some(listing) = listing {
            let mut read = lock(&self.read_by_kernel);
            read.put(folder.number, listing.generation());
        }
    }

    pub(super) fn reply_folder(
        &self,
        number: u64,
        directory: Directory,
        listing: Option<Arc<Listing>>,
        reply: ReplyOpen,
    ) {
        let handle = self.handle();
        let flags = self.folder_flags(number, listing.as_deref());
        let fixed = self.namespace.fixed(&directory);
        let folder = OpenFolder {
            number,
            directory,
            fixed,
            listing,
        };
        lock(&self.folders).insert(handle.0, Arc::new(folder));
        reply.opened(handle, flags);
    }

    pub(super) fn open_folder(&self, handle: FileHandle) -> Result<Arc<OpenFolder>, Errno> {
        lock(&self.folders)
            .get(&handle.0)
            .cloned()
            .ok_or(Errno::EBADF)
    }

    /// Flags of a folder that is opened: the kernel keeps what it has read of it exactly
    /// if that was the same generation.
    fn folder_flags(&self, number: u64, listing: Option<&Listing>) -> FopenFlags {
        let read = lock(&self.read_by_kernel).get(&number).copied();
        if read.is_some() && read == listing.map(Listing::generation) {
            FopenFlags::FOPEN_CACHE_DIR | FopenFlags::FOPEN_KEEP_CACHE
        } else {
            FopenFlags::FOPEN_CACHE_DIR
        }
    }
}

/// How long the kernel may keep the attributes of a node.
pub(super) fn lasting(node: &Node) -> Duration {
    match node {
        Node::Directory(Directory::View(_)) => BRIEF,
        // Their size is that of their content, which is another each time.
        Node::File(
            File::Status | File::StatusJson | File::Metrics | File::Roots | File::LastError,
        )
        | Node::File(File::Why(_)) => Duration::ZERO,
        Node::Directory(_) | Node::File(_) | Node::Photo(_) | Node::Original(_) => LASTING,
    }
}

/// When an original was changed last, as far as that is known.
fn modified(stamp: &Stamp) -> SystemTime {
    let after = Duration::from_nanos(stamp.modified.unsigned_abs());
    if *stamp == Stamp::UNKNOWN {
        SystemTime::UNIX_EPOCH
    } else if stamp.modified < 0 {
        SystemTime::UNIX_EPOCH - after
    } else {
        SystemTime::UNIX_EPOCH + after
    }
}

/// Whether a folder is there only while the index has something for it.
fn is_passing(place: &Place) -> bool {
    match place {
        Place::Answer { typed, part } => typed.is_none() || part.is_some(),
        Place::Year(_)
        | Place::Month(_)
        | Place::Towns(_)
        | Place::SimilarFolder { .. }
        | Place::ProblemsOf { .. }
        | Place::DuplicatesOf { part: Some(_), .. }
        | Place::DuplicateGroup { .. } => true,
        _ => false,
    }
}

pub(super) fn kind(node: &Node) -> FileType {
    match node {
        Node::Directory(_) => FileType::Directory,
        Node::File(_) | Node::Original(_) => FileType::RegularFile,
        Node::Photo(_) => FileType::Symlink,
    }
}

/// Locks what has no state that a panic could leave half-changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

const _: () = assert!(ROOT == 1, "FUSE says that the root's inode is 1");
