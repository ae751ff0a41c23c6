//! The catalogue: which files there are, what content they hold, what is known of it.
//!
//! A *file* is a path below a root, with the size and time at which it was last looked
//! at. A *content* is named by its hash; facts and the row of its vector hang there
//! once, however many files hold it. Changes are gathered in a [`Batch`] and committed
//! whole or not at all; a commit that returned survives a power cut.
//!
//! What a row can be asked for (its date, place, camera, tags, files) is derived from all of
//! that, and kept in a record of its own that each commit keeps true.
//!
//! This is the only part of semfs that knows `sled`. It knows nothing of vectors but
//! row numbers, and never looks at a file system. The records and keys are described in
//! `docs/format-catalog.md`.

mod batch;
mod described;
mod keys;
mod pairs;
mod records;
mod roots;
mod row_facts;
mod sidecars;
mod stores;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use roaring::RoaringBitmap;

pub use batch::{Batch, Committed, RowChange};
pub use described::Knowledge;
pub use keys::{FileKey, RootId};
pub use pairs::{FingerprintRecord, Pair, PairOf};
pub use records::{
    ContentRecord, FileRecord, Finding, FolderMark, MetadataRecord, RootFacts, Stamp, Totals,
    unix_seconds,
};
pub use sidecars::is_sidecar_name;
pub use stores::{ModelRecord, NextStoreRecord, StoreRecord, StoresRecord};

use crate::worker::ContentHash;
use records::{DeadRecord, Meta};

/// What this version writes. An index of a newer version is refused. One of version 1, which has
/// no metadata and no sidecars, is read as it is and gets them at the next pass; of one before
/// version 3, which knows no duplicates, all photos wait to be compared. Before version 4 there was
/// one store of vectors only.
const VERSION: u32 = 4;

/// Memory that sled may use for its cache, in bytes.
const CACHE: u64 = 64 << 20;

/// Why the catalogue cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The store failed: disk full, I/O error, damage.
    #[error("the catalogue {} failed while {action}: {source}", path.display())]
    Store {
        /// The catalogue's folder.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is damaged.
    #[error(
        "the catalogue {} is damaged ({reason}); \
         `semfs index --rebuild` makes it anew from the photos",
        path.display()
    )]
    Record {
        /// The catalogue's folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer semfs wrote it.
    #[error(
        "the catalogue {} has format {found} and this semfs knows format {VERSION}: \
         use the newer semfs, or name another `state` folder",
        path.display()
    )]
    Newer {
        /// The catalogue's folder.
        path: PathBuf,
        /// The format that was found.
        found: u32,
    },
}

/// The open catalogue. Readers and the one writer share it.
#[derive(Debug)]
pub struct Catalog {
    path: PathBuf,
    /// How many rows wait to be compared with others.
    waiting: AtomicU64,
    // Dropped after `tree`, which belongs to it.
    tree: sled::Tree,
    db: sled::Db,
}

impl Catalog {
    /// Opens the catalogue in the folder `path`, or makes an empty one.
    ///
    /// # Errors
    /// When the store cannot be opened, or a newer version wrote it.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        let store = |source: sled::Error| match source {
            sled::Error::Io(source) => CatalogError::Store {
                path: path.to_owned(),
                action: "opening it",
                source: Box::new(source),
            },
            other => damaged(path, other),
        };
        remove_unfinished(path);
        let db = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            // We flush at each commit; the timer would only add writes between them.
            .flush_every_ms(None)
            .open()
            .map_err(store)?;
        let tree = db.open_tree("catalogue").map_err(store)?;
        let catalog = Self {
            path: path.to_owned(),
            waiting: AtomicU64::new(0),
            tree,
            db,
        };
        match catalog.meta()? {
            Some(meta) if meta.version > VERSION => Err(CatalogError::Newer {
                path: path.to_owned(),
                found: meta.version,
            }),
            Some(_) => {
                catalog.begin_pairs()?;
                Ok(catalog)
            }
            None => {
                catalog.put(keys::META, &Meta::empty(VERSION))?;
                catalog.begin_pairs()?;
                catalog.sync()?;
                Ok(catalog)
            }
        }
    }

    /// The number of files, photos, problems and committed rows.
    ///
    /// # Errors
    /// When the store fails.
    pub fn totals(&self) -> Result<Totals, CatalogError> {
        Ok(self.meta()?.map(|meta| meta.totals).unwrap_or_default())
    }

    /// What is known of a content.
    ///
    /// # Errors
    /// When the store fails.
    pub fn content(&self, hash: &ContentHash) -> Result<Option<ContentRecord>, CatalogError> {
        self.get(&keys::content(hash))
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// When the store fails.
    pub fn file(&self, key: &FileKey) -> Result<Option<FileRecord>, CatalogError> {
        self.get(&key.record())
    }

    /// The files that hold a content, in the order of their paths.
    ///
    /// # Errors
    /// When the store fails.
    pub fn files_of(
        &self,
        hash: &ContentHash,
    ) -> impl Iterator<Item = Result<FileKey, CatalogError>> + use<> {
        let path = self.path.clone();
        let prefix = keys::links(hash);
        self.tree.scan_prefix(&prefix).keys().map(move |key| {
            let key = key.map_err(|error| reading(&path, error))?;
            FileKey::of_record(&key[prefix.len()..]).ok_or_else(|| damaged(&path, "a link"))
        })
    }

    /// The files recorded directly in a folder, by name. The name that is empty stands
    /// for the folder itself, when it could not be listed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn folder(
        &self,
        root: RootId,
        folder: &Path,
    ) -> impl Iterator<Item = Result<(FileKey, FileRecord), CatalogError>> + use<> {
        self.records(&keys::files_in(root, folder))
    }

    /// All files of a root.
    ///
    /// # Errors
    /// When the store fails.
    pub fn files(
        &self,
        root: RootId,
    ) -> impl Iterator<Item = Result<(FileKey, FileRecord), CatalogError>> + use<> {
        self.records(&keys::files_of_root(root))
    }

    /// The folders of a root that held something at the last pass, relative to it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn folders(
        &self,
        root: RootId,
    ) -> impl Iterator<Item = Result<PathBuf, CatalogError>> + use<> {
        let path = self.path.clone();
        let prefix = keys::folders_of(root);
        self.tree.scan_prefix(&prefix).keys().map(move |key| {
            let key = key.map_err(|error| reading(&path, error))?;
            Ok(keys::path_of(&key[prefix.len()..]))
        })
    }

    /// The recorded folders that are `folder` or lie below it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn folders_below(
        &self,
        root: RootId,
        folder: &Path,
    ) -> impl Iterator<Item = Result<PathBuf, CatalogError>> + use<> {
        let path = self.path.clone();
        let below = folder.to_owned();
        let skip = keys::folders_of(root).len();
        let keys = self.tree.scan_prefix(keys::folder(root, folder)).keys();
        keys.filter_map(move |key| match key {
            // `ab` begins with `a`, and is not below it.
            Ok(key) => Some(keys::path_of(&key[skip..]))
                .filter(|path| path.starts_with(&below))
                .map(Ok),
            Err(error) => Some(Err(reading(&path, error))),
        })
    }

    /// The mark of a folder; nothing if none of its files was ever recorded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn folder_mark(
        &self,
        root: RootId,
        folder: &Path,
    ) -> Result<Option<FolderMark>, CatalogError> {
        let value = self
            .tree
            .get(keys::folder(root, folder))
            .map_err(|error| reading(&self.path, error))?;
        // Before there were marks, the record was empty.
        let old = FolderMark::Changed(0);
        value
            .map(|value| {
                if value.is_empty() {
                    Ok(old)
                } else {
                    self.decode(&value)
                }
            })
            .transpose()
    }

    /// The content of a photo of a root that has this very stamp, wherever in it it was when it
    /// was read: a file that was moved keeps its inode, and its size and time with its bytes.
    /// Not of another root, which may be on another disk with the same numbers.
    ///
    /// # Errors
    /// When the store fails.
    pub fn content_of_stamp(
        &self,
        root: RootId,
        stamp: Stamp,
    ) -> Result<Option<ContentHash>, CatalogError> {
        if stamp.inode == 0 {
            return Ok(None);
        }
        let prefix = keys::inodes(stamp.inode);
        for key in self.tree.scan_prefix(&prefix).keys() {
            let key = key.map_err(|error| reading(&self.path, error))?;
            let file = FileKey::of_record(&key[prefix.len()..]);
            if file.is_none_or(|file| file.root != root) {
                continue;
            }
            let record: Option<FileRecord> = self.get(&key[prefix.len()..])?;
            if let Some(FileRecord {
                stamp: known,
                finding: Finding::Photo(hash),
            }) = record
                && known == stamp
            {
                return Ok(Some(hash));
            }
        }
        Ok(None)
    }

    /// The files with problems, in the order of their paths.
    ///
    /// # Errors
    /// When the store fails.
    pub fn problems(
        &self,
    ) -> impl Iterator<Item = Result<(FileKey, FileRecord), CatalogError>> + '_ {
        self.tree
            .scan_prefix([keys::PROBLEM])
            .keys()
            .filter_map(move |key| {
                let key = match key {
                    Ok(key) => key,
                    Err(error) => return Some(Err(reading(&self.path, error))),
                };
                let Some(key) = FileKey::of_record(&key[1..]) else {
                    return Some(Err(damaged(&self.path, "a problem")));
                };
                match self.file(&key) {
                    Ok(record) => record.map(|record| Ok((key, record))),
                    Err(error) => Some(Err(error)),
                }
            })
    }

    /// The rows whose content is in no file any more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn dead_rows(&self) -> Result<RoaringBitmap, CatalogError> {
        let mut dead = RoaringBitmap::new();
        for key in self.tree.scan_prefix([keys::DEAD]).keys() {
            let key = key.map_err(|error| reading(&self.path, error))?;
            let row = keys::row_of(&key).ok_or_else(|| damaged(&self.path, "a dead row"))?;
            dead.insert(row);
        }
        Ok(dead)
    }

    /// The rows whose last file was forgotten before `time`, in seconds since 1970, and of
    /// whose content something is still known.
    ///
    /// # Errors
    /// When the store fails.
    pub fn dead_before(&self, time: u64) -> Result<Vec<u32>, CatalogError> {
        let mut rows = Vec::new();
        for entry in self.tree.scan_prefix([keys::DEAD]) {
            let (key, value) = entry.map_err(|error| reading(&self.path, error))?;
            let row = keys::row_of(&key).ok_or_else(|| damaged(&self.path, "a dead row"))?;
            // Before it was noted when, the record was empty.
            let since = if value.is_empty() {
                0
            } else {
                self.decode::<DeadRecord>(&value)?.since
            };
            if since < time {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn records(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(FileKey, FileRecord), CatalogError>> + use<> {
        let path = self.path.clone();
        self.tree.scan_prefix(prefix).map(move |entry| {
            let (key, value) = entry.map_err(|error| reading(&path, error))?;
            let key = FileKey::of_record(&key).ok_or_else(|| damaged(&path, "a file"))?;
            let record = postcard::from_bytes(&value).map_err(|error| damaged(&path, error))?;
            Ok((key, record))
        })
    }

    fn meta(&self) -> Result<Option<Meta>, CatalogError> {
        self.get(keys::META)
    }

    fn get<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, CatalogError> {
        let value = self
            .tree
            .get(key)
            .map_err(|error| reading(&self.path, error))?;
        value.map(|value| self.decode(&value)).transpose()
    }

    fn decode<T: serde::de::DeserializeOwned>(&self, value: &[u8]) -> Result<T, CatalogError> {
        postcard::from_bytes(value).map_err(|error| damaged(&self.path, error))
    }

    fn put<T: serde::Serialize>(&self, key: &[u8], value: &T) -> Result<(), CatalogError> {
        let value = postcard::to_stdvec(value).map_err(|error| damaged(&self.path, error))?;
        self.tree
            .insert(key, value)
            .map(drop)
            .map_err(|source| self.writing(source))
    }

    /// Makes everything that was written survive a power cut.
    ///
    /// sled's own flush is `sync_file_range`, which does not reach the disk's cache nor
    /// the file's size, so its log is synced here as well.
    fn sync(&self) -> Result<(), CatalogError> {
        self.db.flush().map_err(|source| self.writing(source))?;
        File::open(self.path.join("db"))
            .and_then(|log| log.sync_data())
            .map_err(|source| self.writing(source))
    }

    fn writing(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CatalogError {
        CatalogError::Store {
            path: self.path.clone(),
            action: "writing to it",
            source: source.into(),
        }
    }
}

/// Removes snapshots that sled had begun to write when the disk was full or the power
/// went. It would take them for finished ones, and refuse to open.
fn remove_unfinished(path: &Path) {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            // If this fails, opening will say why.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn reading(path: &Path, source: sled::Error) -> CatalogError {
    CatalogError::Store {
        path: path.to_owned(),
        action: "reading it",
        source: Box::new(source),
    }
}

fn damaged(path: &Path, reason: impl ToString) -> CatalogError {
    CatalogError::Record {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests;
