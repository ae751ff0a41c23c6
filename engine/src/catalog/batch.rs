//! Changes of the catalogue that are committed together.
//!
//! A batch keeps the secondary records true: links from contents to files, the list of
//! problems, dead rows, totals, the facts of rows. It reads what is committed and remembers what it has
//! changed itself, so the order of changes within a batch does not matter to a caller.

mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::keys::{self, FileKey, RootId};
use super::records::{
    ContentRecord, DeadRecord, FileRecord, Finding, FolderMark, Meta, MetadataRecord, RootFacts,
    Totals,
};
use super::{Catalog, CatalogError, VERSION};
use crate::facets::RowFacts;
use crate::metadata::Metadata;
use crate::worker::ContentHash;

/// Changes that are not committed yet.
#[derive(Debug)]
pub struct Batch<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) writes: sled::Batch,
    totals: Totals,
    /// Files as this batch leaves them.
    files: HashMap<FileKey, Option<FileRecord>>,
    /// Contents that this batch adds.
    contents: HashMap<ContentHash, ContentRecord>,
    /// What this batch says of contents.
    metadata: HashMap<ContentHash, MetadataRecord>,
    /// Sidecars as this batch leaves them; of one that it removes, nothing.
    sidecars: BTreeMap<FileKey, Option<Box<Metadata>>>,
    /// Contents whose facts are to be derived again.
    derived: Vec<ContentHash>,
    /// Rows whose content has another row by this batch.
    replaced: Vec<u32>,
    /// Links that this batch adds and removes, by content.
    links: HashMap<ContentHash, Links>,
    /// Files that each root gains or loses by this batch.
    gained: HashMap<RootId, i64>,
    /// Folders of which this batch changes a record.
    touched: HashSet<(RootId, PathBuf)>,
    /// Folders that this batch forgets.
    forgotten: HashSet<(RootId, PathBuf)>,
    /// Rows that are to be compared with others from now on, or are not any more.
    pub(super) waiting: BTreeMap<u32, bool>,
    /// It writes something, though nothing that readers see.
    pub(super) bookkeeping: bool,
    /// Readers are to see a new generation whatever it changes.
    pub(super) announced: bool,
}

#[derive(Debug, Default)]
struct Links {
    added: HashSet<FileKey>,
    removed: HashSet<FileKey>,
}

/// What a commit changed for readers of rows.
#[derive(Debug, Default, PartialEq)]
pub struct Committed {
    /// The totals after it.
    pub totals: Totals,
    /// Rows that no file holds any more.
    pub died: Vec<u32>,
    /// Rows that a file holds again.
    pub revived: Vec<u32>,
    /// Rows whose facts changed.
    pub facts: Vec<RowChange>,
}

/// What a row stands for, before and after a commit; nothing while it belongs to no photo.
#[derive(Debug, PartialEq)]
pub struct RowChange {
    /// The row.
    pub row: u32,
    /// Before the commit.
    pub before: Option<RowFacts>,
    /// After it.
    pub after: Option<RowFacts>,
}

impl Catalog {
    /// Begins a batch. There must be one at a time.
    ///
    /// # Errors
    /// When the store fails.
    pub fn batch(&self) -> Result<Batch<'_>, CatalogError> {
        Ok(Batch {
            catalog: self,
            writes: sled::Batch::default(),
            totals: self.totals()?,
            files: HashMap::new(),
            contents: HashMap::new(),
            metadata: HashMap::new(),
            sidecars: BTreeMap::new(),
            derived: Vec::new(),
            replaced: Vec::new(),
            links: HashMap::new(),
            gained: HashMap::new(),
            touched: HashSet::new(),
            forgotten: HashSet::new(),
            waiting: BTreeMap::new(),
            bookkeeping: false,
            announced: false,
        })
    }
}

impl Batch<'_> {
    /// What is known of a content, this batch included.
    ///
    /// # Errors
    /// When the store fails.
    pub fn content(&self, hash: &ContentHash) -> Result<Option<ContentRecord>, CatalogError> {
        match self.contents.get(hash) {
            Some(record) => Ok(Some(*record)),
            None => self.catalog.content(hash),
        }
    }

    /// Whether no picture could be had of a content, this batch included.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_unseen(&self, hash: &ContentHash) -> Result<bool, CatalogError> {
        match self.metadata.get(hash) {
            Some(record) => Ok(record.unseen.is_some()),
            None => self.catalog.is_unseen(hash),
        }
    }

    /// Adds a content whose vector is in `record.row`. If the content is known with another
    /// row, that one dies for good.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_content(
        &mut self,
        hash: ContentHash,
        record: ContentRecord,
    ) -> Result<(), CatalogError> {
        if let Some(known) = self.content(&hash)?
            && known.row != record.row
        {
            self.replaced.push(known.row);
        }
        self.write(keys::content(&hash), &record)?;
        self.contents.insert(hash, record);
        self.totals.rows = self.totals.rows.max(record.row + 1);
        Ok(())
    }

    /// Records what a content says of itself.
    ///
    /// # Errors
    /// When the record cannot be encoded.
    pub fn put_metadata(
        &mut self,
        hash: ContentHash,
        record: MetadataRecord,
    ) -> Result<(), CatalogError> {
        self.write(keys::metadata(&hash), &record)?;
        self.metadata.insert(hash, record);
        Ok(())
    }

    /// Records what reading a file gave. A photo's content must be known.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_file(&mut self, file: FileKey, record: FileRecord) -> Result<(), CatalogError> {
        let was_counted = self.unlink(&file)?;
        let is_counted = !matches!(record.finding, Finding::Sidecar(..));
        *self.gained.entry(file.root).or_default() +=
            i64::from(is_counted) - i64::from(was_counted);
        match &record.finding {
            Finding::Photo(hash) => {
                self.totals.files += 1;
                self.writes.insert(keys::link(hash, &file), &[]);
                let links = self.links.entry(*hash).or_default();
                links.removed.remove(&file);
                links.added.insert(file.clone());
                if record.stamp.inode != 0 {
                    let key = keys::inode(record.stamp.inode, &file);
                    self.writes.insert(key, &[]);
                }
            }
            Finding::Problem(..) => {
                self.totals.problems += 1;
                self.writes.insert(keys::problem(&file), &[]);
            }
            Finding::Sidecar(metadata, _) => {
                self.sidecars.insert(file.clone(), Some(metadata.clone()));
            }
        }
        // With its file, so that a folder that is gone is known to have held something.
        self.touch(&file)?;
        self.write(file.record(), &record)?;
        self.files.insert(file, Some(record));
        Ok(())
    }

    /// Forgets a file.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_file(&mut self, file: FileKey) -> Result<(), CatalogError> {
        if self.unlink(&file)? {
            *self.gained.entry(file.root).or_default() -= 1;
        }
        self.touch(&file)?;
        self.writes.remove(file.record());
        self.files.insert(file, None);
        Ok(())
    }

    /// Forgets a folder, not its files.
    pub fn remove_folder(&mut self, root: RootId, folder: &Path) {
        self.writes.remove(keys::folder(root, folder));
        self.touched.remove(&(root, folder.to_owned()));
        self.forgotten.insert((root, folder.to_owned()));
        self.bookkeeping = true;
    }

    /// Records that a folder agrees with its records, unless one of them was changed since
    /// its mark was `before`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn mark_folder(
        &mut self,
        root: RootId,
        folder: &Path,
        before: FolderMark,
        digest: [u8; 16],
    ) -> Result<(), CatalogError> {
        let key = (root, folder.to_owned());
        let touched = self.touched.contains(&key) || self.forgotten.contains(&key);
        if !touched && self.catalog.folder_mark(root, folder)? == Some(before) {
            self.write(keys::folder(root, folder), &FolderMark::Digest(digest))?;
            self.bookkeeping = true;
        }
        Ok(())
    }

    /// Records what was found in a root as a whole.
    ///
    /// # Errors
    /// When the record cannot be encoded.
    pub fn put_facts(&mut self, root: RootId, facts: &RootFacts) -> Result<(), CatalogError> {
        self.bookkeeping = true;
        self.write(keys::facts(root), facts)
    }

    /// Forgets what is known of a content that no file holds. Its row stays masked.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge(&mut self, row: u32, hash: &ContentHash) -> Result<(), CatalogError> {
        let ours = self.content(hash)?.is_some_and(|record| record.row == row);
        if ours {
            // It may have come back since somebody found it dead.
            if self.links_before(hash, &HashSet::new())? {
                return Ok(());
            }
            self.writes.remove(keys::content(hash));
            self.writes.remove(keys::metadata(hash));
            self.forget_pairs(hash)?;
        }
        self.waiting.insert(row, false);
        self.write(keys::dead(row), &DeadRecord::PURGED)?;
        self.bookkeeping = true;
        Ok(())
    }

    /// Has the commit derive the facts of a content's row, although nothing of it changes.
    pub fn derive(&mut self, hash: ContentHash) {
        self.derived.push(hash);
        self.bookkeeping = true;
    }

    /// Has the commit publish a new generation although nothing in it is new.
    pub fn announce(&mut self) {
        self.announced = true;
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_visible() && !self.bookkeeping
    }

    /// Whether readers see what it changes.
    fn is_visible(&self) -> bool {
        self.announced
            || !self.files.is_empty()
            || !self.contents.is_empty()
            || !self.metadata.is_empty()
    }

    /// Marks the folder of a file: its records are about to change.
    pub(super) fn touch(&mut self, file: &FileKey) -> Result<(), CatalogError> {
        let mark = FolderMark::Changed(self.totals.generation + 1);
        if self.touched.insert((file.root, file.folder.clone())) {
            self.write(keys::folder(file.root, &file.folder), &mark)?;
        }
        Ok(())
    }

    /// Commits the batch: all of it is on the disk when this returns, or none of it is
    /// ever seen.
    ///
    /// # Errors
    /// When the store fails.
    pub fn commit(mut self) -> Result<Committed, CatalogError> {
        let mut committed = Committed::default();
        for row in std::mem::take(&mut self.replaced) {
            self.write(keys::dead(row), &DeadRecord::PURGED)?;
            self.waiting.insert(row, false);
            committed.died.push(row);
            committed.facts.extend(self.forget_row(row)?);
        }
        for hash in self.changed_contents()? {
            let Some(content) = self.content(&hash)? else {
                continue;
            };
            let row = content.row;
            let files = self.files_of(&hash)?;
            let before = self.links_before(&hash, &HashSet::new())?;
            let after = !files.is_empty();
            // A new content has no links before; its row was never dead.
            if before && !after {
                self.totals.photos = self.totals.photos.saturating_sub(1);
                self.write(keys::dead(row), &DeadRecord::now())?;
                committed.died.push(row);
                self.compare_partners(&hash)?;
            } else if !before && after {
                self.totals.photos += 1;
                self.writes.remove(keys::dead(row));
                committed.revived.push(row);
                // Others may have come while it was away, or it is new.
                self.waiting.entry(row).or_insert(true);
            } else if after && self.contents.contains_key(&hash) {
                // It has a picture now, or another.
                self.waiting.insert(row, true);
            }
            committed.facts.extend(if after {
                self.describe_row(&hash, &content, files)?
            } else {
                self.forget_row(row)?
            });
        }
        for (root, gained) in std::mem::take(&mut self.gained) {
            let number = self.catalog.recorded(root)?.saturating_add_signed(gained);
            self.write(keys::number(root), &number)?;
        }
        let gained = self.write_waiting()?;
        self.totals.generation += u64::from(self.is_visible());
        let meta = Meta {
            version: VERSION,
            totals: self.totals,
        };
        self.write(keys::META.to_vec(), &meta)?;
        self.catalog
            .tree
            .apply_batch(self.writes)
            .map_err(|source| self.catalog.writing(source))?;
        self.catalog.sync()?;
        let add = |waiting: u64| Some(waiting.saturating_add_signed(gained));
        // Only this batch changes it; it always succeeds.
        let _ = self
            .catalog
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        committed.totals = self.totals;
        Ok(committed)
    }

    /// Takes back what the current record of a file stands for. Whether there was one, and it
    /// counts among the files of its root.
    fn unlink(&mut self, file: &FileKey) -> Result<bool, CatalogError> {
        let current = match self.files.get(file) {
            Some(record) => record.clone(),
            None => self.catalog.file(file)?,
        };
        if let Some(FileRecord { stamp, .. }) = &current
            && stamp.inode != 0
        {
            self.writes.remove(keys::inode(stamp.inode, file));
        }
        let mut was_counted = true;
        match current.map(|record| record.finding) {
            Some(Finding::Photo(hash)) => {
                self.totals.files = self.totals.files.saturating_sub(1);
                self.writes.remove(keys::link(&hash, file));
                let links = self.links.entry(hash).or_default();
                links.added.remove(file);
                links.removed.insert(file.clone());
            }
            Some(Finding::Problem(..)) => {
                self.totals.problems = self.totals.problems.saturating_sub(1);
                self.writes.remove(keys::problem(file));
            }
            Some(Finding::Sidecar(..)) => {
                self.sidecars.insert(file.clone(), None);
                was_counted = false;
            }
            None => was_counted = false,
        }
        Ok(was_counted)
    }

    /// Whether a content had a committed link to a file other than `without`.
    fn links_before(
        &self,
        hash: &ContentHash,
        without: &HashSet<FileKey>,
    ) -> Result<bool, CatalogError> {
        for file in self.catalog.files_of(hash) {
            if !without.contains(&file?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn write<T: serde::Serialize>(
        &mut self,
        key: Vec<u8>,
        value: &T,
    ) -> Result<(), CatalogError> {
        let value = postcard::to_stdvec(value)
            .map_err(|error| super::damaged(&self.catalog.path, error))?;
        self.writes.insert(key, value);
        Ok(())
    }
}
