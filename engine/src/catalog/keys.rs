//! The keys of the catalogue: one ordered space, told apart by their first byte.
//!
//! A file's key puts its folder before its name, with a zero byte between, so that the
//! files directly in a folder lie side by side and are read with one scan.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::worker::ContentHash;

pub(super) const META: &[u8] = b"m";
pub(super) const ROW_FACTS_VERSION: &[u8] = b"v";
pub(super) const ROOT: u8 = b'r';
pub(super) const PROBLEM: u8 = b'p';
pub(super) const DEAD: u8 = b'd';
const FILE: u8 = b'f';
pub(super) const CONTENT: u8 = b'c';
const LINK: u8 = b'l';
const FOLDER: u8 = b'o';
const INODE: u8 = b'i';
const FACTS: u8 = b's';
const NUMBER: u8 = b'n';
const METADATA: u8 = b'e';
pub(super) const ROW_FACTS: u8 = b'a';
const FILESYSTEM: u8 = b'u';
pub(super) const STORES: &[u8] = b"k";
pub(super) const PAIRS_VERSION: &[u8] = b"t";
pub(super) const FINGERPRINT: u8 = b'h';
pub(super) const PAIR: u8 = b'j';
pub(super) const UNCOMPARED: u8 = b'q';

/// The number of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(pub u32);

/// A file: a root, and a path below it in two parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey {
    /// The root.
    pub root: RootId,
    /// The folder, relative to the root; empty for the root itself.
    pub folder: PathBuf,
    /// The name in it; empty for the folder itself.
    pub name: OsString,
}

impl FileKey {
    /// The path relative to the root.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        if self.name.is_empty() {
            self.folder.clone()
        } else {
            self.folder.join(&self.name)
        }
    }

    /// `f` root folder 0 name.
    pub(super) fn record(&self) -> Vec<u8> {
        let mut key = files_in(self.root, &self.folder);
        key.extend_from_slice(self.name.as_bytes());
        key
    }

    /// The inverse of [`Self::record`].
    pub(super) fn of_record(key: &[u8]) -> Option<Self> {
        let (&FILE, rest) = key.split_first()? else {
            return None;
        };
        let (root, path) = rest.split_first_chunk()?;
        let zero = path.iter().position(|byte| *byte == 0)?;
        Some(Self {
            root: RootId(u32::from_be_bytes(*root)),
            folder: path_of(&path[..zero]),
            name: OsString::from_vec(path[zero + 1..].to_vec()),
        })
    }
}

/// `c` hash.
pub(super) fn content(hash: &ContentHash) -> Vec<u8> {
    tagged(CONTENT, hash)
}

/// `e` hash.
pub(super) fn metadata(hash: &ContentHash) -> Vec<u8> {
    tagged(METADATA, hash)
}

/// `l` hash, followed by the key of a file's record.
pub(super) fn links(hash: &ContentHash) -> Vec<u8> {
    tagged(LINK, hash)
}

/// `l` hash, and the key of this file's record.
pub(super) fn link(hash: &ContentHash, file: &FileKey) -> Vec<u8> {
    let mut key = links(hash);
    key.extend_from_slice(&file.record());
    key
}

/// `p`, and the key of this file's record.
pub(super) fn problem(file: &FileKey) -> Vec<u8> {
    tagged(PROBLEM, &file.record())
}

/// `i` inode, followed by the key of a file's record.
pub(super) fn inodes(inode: u64) -> Vec<u8> {
    tagged(INODE, &inode.to_be_bytes())
}

/// `i` inode, and the key of this file's record.
pub(super) fn inode(inode: u64, file: &FileKey) -> Vec<u8> {
    let mut key = inodes(inode);
    key.extend_from_slice(&file.record());
    key
}

/// `s` root.
pub(super) fn facts(root: RootId) -> Vec<u8> {
    tagged(FACTS, &root.0.to_be_bytes())
}

/// `n` root.
pub(super) fn number(root: RootId) -> Vec<u8> {
    tagged(NUMBER, &root.0.to_be_bytes())
}

/// `u` root.
pub(super) fn filesystem(root: RootId) -> Vec<u8> {
    tagged(FILESYSTEM, &root.0.to_be_bytes())
}

/// `d` row.
pub(super) fn dead(row: u32) -> Vec<u8> {
    tagged(DEAD, &row.to_be_bytes())
}

/// `a` row.
pub(super) fn row_facts(row: u32) -> Vec<u8> {
    tagged(ROW_FACTS, &row.to_be_bytes())
}

/// `h` hash.
pub(super) fn fingerprint(hash: &ContentHash) -> Vec<u8> {
    tagged(FINGERPRINT, hash)
}

/// `j` hash, followed by the hash of another content.
pub(super) fn pairs(hash: &ContentHash) -> Vec<u8> {
    tagged(PAIR, hash)
}

/// `j` hash hash.
pub(super) fn pair(a: &ContentHash, b: &ContentHash) -> Vec<u8> {
    let mut key = pairs(a);
    key.extend_from_slice(b);
    key
}

/// The inverse of [`pair`].
pub(super) fn pair_of(key: &[u8]) -> Option<(ContentHash, ContentHash)> {
    let (a, rest) = key.get(1..)?.split_first_chunk()?;
    Some((*a, rest.try_into().ok()?))
}

/// `q` row.
pub(super) fn uncompared(row: u32) -> Vec<u8> {
    tagged(UNCOMPARED, &row.to_be_bytes())
}

/// The row of a key that consists of a tag and a row.
pub(super) fn row_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

/// `r` path.
pub(super) fn root(path: &Path) -> Vec<u8> {
    tagged(ROOT, path.as_os_str().as_bytes())
}

/// `f` root.
pub(super) fn files_of_root(root: RootId) -> Vec<u8> {
    tagged(FILE, &root.0.to_be_bytes())
}

/// `f` root folder 0, and how a name begins.
pub(super) fn files_beginning(root: RootId, folder: &Path, name: &[u8]) -> Vec<u8> {
    let mut key = files_in(root, folder);
    key.extend_from_slice(name);
    key
}

/// `f` root folder 0.
pub(super) fn files_in(root: RootId, folder: &Path) -> Vec<u8> {
    let mut key = files_of_root(root);
    key.extend_from_slice(folder.as_os_str().as_bytes());
    key.push(0);
    key
}

/// `o` root.
pub(super) fn folders_of(root: RootId) -> Vec<u8> {
    tagged(FOLDER, &root.0.to_be_bytes())
}

/// `o` root folder.
pub(super) fn folder(root: RootId, folder: &Path) -> Vec<u8> {
    let mut key = folders_of(root);
    key.extend_from_slice(folder.as_os_str().as_bytes());
    key
}

pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn tagged(tag: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(tag);
    key.extend_from_slice(rest);
    key
}
