//! The server's end: requests of the kernel, answered from the folder that is shown.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, Request,
};

use super::{Shared, lock};

/// The kernel must ask each time.
const NEVER: Duration = Duration::ZERO;

const ROOT: u64 = 1;

/// Inode numbers are made up: none comes twice, not even at another mount.
static NEXT: AtomicU64 = AtomicU64::new(1000);

/// What one mount knows of the folder that it shows.
struct Tree {
    paths: Mutex<HashMap<u64, PathBuf>>,
    numbers: Mutex<HashMap<PathBuf, u64>>,
    files: Mutex<HashMap<u64, Arc<File>>>,
    folders: Mutex<HashMap<u64, Arc<Vec<Entry>>>>,
}

/// Inode number, kind and name.
type Entry = (u64, FileType, OsString);

impl Tree {
    fn new(source: PathBuf) -> Self {
        Self {
            paths: Mutex::new(HashMap::from([(ROOT, source.clone())])),
            numbers: Mutex::new(HashMap::from([(source, ROOT)])),
            files: Mutex::default(),
            folders: Mutex::default(),
        }
    }

    fn path(&self, number: INodeNo) -> Result<PathBuf, Errno> {
        lock(&self.paths)
            .get(&number.0)
            .cloned()
            .ok_or(Errno::ESTALE)
    }

    fn number(&self, path: &Path) -> u64 {
        *lock(&self.numbers)
            .entry(path.to_owned())
            .or_insert_with(|| {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                lock(&self.paths).insert(number, path.to_owned());
                number
            })
    }

    fn attributes(&self, path: &Path) -> Result<FileAttr, Errno> {
        let found = fs::symlink_metadata(path)?;
        Ok(attributes(self.number(path), &found))
    }

    fn read_folder(&self, folder: &Path) -> Result<Vec<Entry>, Errno> {
        let mut entries = vec![
            (self.number(folder), FileType::Directory, ".".into()),
            (ROOT, FileType::Directory, "..".into()),
        ];
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = FileType::from_std(entry.file_type()?).ok_or(Errno::EIO)?;
            entries.push((self.number(&entry.path()), kind, entry.file_name()));
        }
        Ok(entries)
    }

    fn read(&self, handle: FileHandle, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        let file = lock(&self.files).get(&handle.0).cloned();
        let file = file.ok_or(Errno::EBADF)?;
        let mut bytes = vec![0; size as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

pub(super) struct Server {
    shared: Arc<Shared>,
    tree: Arc<Tree>,
}

impl Server {
    pub(super) fn new(shared: Arc<Shared>, source: PathBuf) -> Self {
        let tree = Arc::new(Tree::new(source));
        Self { shared, tree }
    }
}

/// Has `$answer`, a `Result`, worked out when the server answers, and `$send` reply with it.
macro_rules! when_answering {
    ($self:ident, $offset:expr, $reply:ident, |$tree:ident| $answer:expr, |$found:pat_param| $send:expr) => {{
        let $tree = Arc::clone(&$self.tree);
        $self.shared.take($offset, move |failure| {
            let answer = || -> Result<_, Errno> { $answer };
            match failure.map_or_else(answer, Err) {
                Ok($found) => $send,
                Err(error) => $reply.error(error),
            }
        });
    }};
}

impl Filesystem for Server {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let name = name.to_owned();
        when_answering!(
            self,
            None,
            reply,
            |tree| tree.attributes(&tree.path(parent)?.join(name)),
            |found| reply.entry(&NEVER, &found, Generation(0))
        );
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        when_answering!(
            self,
            None,
            reply,
            |tree| tree.attributes(&tree.path(number)?),
            |found| reply.attr(&NEVER, &found)
        );
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        when_answering!(
            self,
            None,
            reply,
            |tree| Ok(fs::read_link(tree.path(number)?)?),
            |target| reply.data(target.as_os_str().as_bytes())
        );
    }

    fn opendir(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        when_answering!(
            self,
            None,
            reply,
            |tree| {
                let entries = tree.read_folder(&tree.path(number)?)?;
                let handle = NEXT.fetch_add(1, Ordering::Relaxed);
                lock(&tree.folders).insert(handle, Arc::new(entries));
                Ok(handle)
            },
            |handle| reply.opened(FileHandle(handle), FopenFlags::empty())
        );
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        when_answering!(
            self,
            None,
            reply,
            |tree| lock(&tree.folders)
                .get(&handle.0)
                .cloned()
                .ok_or(Errno::EBADF),
            |entries| {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                for (at, (number, kind, name)) in entries.iter().enumerate().skip(from) {
                    if reply.add(INodeNo(*number), at as u64 + 1, *kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
        );
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        lock(&self.tree.folders).remove(&handle.0);
        when_answering!(self, None, reply, |_tree| Ok(()), |()| reply.ok());
    }

    fn open(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        when_answering!(
            self,
            None,
            reply,
            |tree| {
                let file = File::open(tree.path(number)?)?;
                let handle = NEXT.fetch_add(1, Ordering::Relaxed);
                lock(&tree.files).insert(handle, Arc::new(file));
                Ok(handle)
            },
            // Else the kernel would read ahead, and keep what it has read.
            |handle| reply.opened(FileHandle(handle), FopenFlags::FOPEN_DIRECT_IO)
        );
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
        when_answering!(
            self,
            Some(offset),
            reply,
            |tree| tree.read(handle, offset, size),
            |bytes| reply.data(&bytes)
        );
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        when_answering!(self, None, reply, |_tree| Ok(()), |()| reply.ok());
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
        lock(&self.tree.files).remove(&handle.0);
        when_answering!(self, None, reply, |_tree| Ok(()), |()| reply.ok());
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        when_answering!(self, None, reply, |_tree| Ok(()), |()| reply
            .statfs(0, 0, 0, 0, 0, 4096, 255, 4096));
    }
}

fn attributes(number: u64, found: &Metadata) -> FileAttr {
    let modified = found.modified().unwrap_or(UNIX_EPOCH);
    FileAttr {
        ino: INodeNo(number),
        size: found.len(),
        blocks: found.blocks(),
        atime: modified,
        mtime: modified,
        ctime: changed(found),
        crtime: modified,
        kind: FileType::from_std(found.file_type()).unwrap_or(FileType::RegularFile),
        // The bits of a mode are 12.
        perm: (found.mode() & 0o7777) as u16,
        nlink: 1,
        uid: found.uid(),
        gid: found.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn changed(found: &Metadata) -> SystemTime {
    let seconds = u64::try_from(found.ctime()).unwrap_or(0);
    UNIX_EPOCH + Duration::from_secs(seconds)
}
