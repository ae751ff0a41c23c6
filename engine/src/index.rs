//! The index: catalogue and vectors, committed together, read as generations.
//!
//! One process has an index open at a time (a lock says which). In it there is one
//! writer, a [`Transaction`], and any number of readers, each of which holds a
//! [`Generation`]: one published state that does not change under it.
//!
//! The order of a commit is what makes it atomic: vectors are written and synced first,
//! into rows that nobody counts yet; then the catalogue commits the records together
//! with the new number of rows; then the generation is published. A crash in between
//! leaves rows that the next writer overwrites.
//!
//! Where another model is wanted than the one whose vectors are there, a second store of vectors
//! is filled beside the first, and takes its place when it has all rows (`switching`).

mod duplicates;
mod facts;
mod generation;
mod originals;
mod roots;
mod stores;
mod switching;
mod transaction;

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::statvfs::statvfs;

use crate::catalog::{Catalog, CatalogError, FileKey, RootId, unix_seconds};
use crate::embed::Model;
use crate::facets::folded_path;
use crate::query::Filter;
use crate::vectors::{VectorError, VectorStore};

pub use duplicates::{Because, DuplicateCopy, DuplicateFile, DuplicateGroup, Keep};
pub use generation::Generation;
pub use originals::Original;
pub(crate) use switching::NextRow;
pub use transaction::Transaction;

use stores::Stores;

/// Why the index cannot be opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The state folder cannot be used.
    #[error("the state folder {} cannot be used: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "the index in {} is in use by process {holder}; stop that one first, or name another \
         `state` folder",
        path.display()
    )]
    Locked {
        /// The state folder.
        path: PathBuf,
        /// The other process, as far as it is known.
        holder: String,
    },
    /// The disk is nearly full.
    #[error(
        "the disk of {} has {} MiB free; nothing more is indexed until it has {} MiB. \
         Free some space, or name a `state` folder on another disk",
        path.display(), free >> 20, ENOUGH_SPACE >> 20
    )]
    DiskFull {
        /// The state folder.
        path: PathBuf,
        /// Bytes that are free.
        free: u64,
    },
    /// An earlier commit failed half-way.
    #[error(
        "a commit of the index in {} failed, and it is not written to any more: start semfs \
         again when the cause is mended; what was committed before is kept",
        path.display()
    )]
    Closed {
        /// The state folder.
        path: PathBuf,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The vector store failed.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// The vectors do not go with the catalogue.
    #[error("{0}; `semfs index --rebuild` makes the index anew from the photos")]
    Damaged(VectorError),
}

/// Files that are forgotten in one commit.
const FORGOTTEN: usize = 1000;

/// Less free space than this, in bytes, and nothing is written any more: stores fail in
/// unpleasant ways when a disk is full to the brim.
const ENOUGH_SPACE: u64 = 64 << 20;

/// The index of one state folder, open.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    catalog: Catalog,
    stores: Mutex<Stores>,
    current: RwLock<Arc<Generation>>,
    /// The number of the published generation, for those who wait for the next one.
    published: Mutex<u64>,
    publication: Condvar,
    roots: RwLock<HashMap<RootId, PathBuf>>,
    /// On which filesystem each root was when it was last seen, where that is known.
    filesystems: RwLock<HashMap<RootId, u64>>,
    /// A commit failed, and nobody knows how far it came.
    closed: AtomicBool,
    // Last: the lock is given up when everything above is closed.
    _lock: File,
}

/// Roots that cannot be reached now, and what becomes of their photos meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Away {
    /// The roots.
    pub roots: HashSet<RootId>,
    /// Whether photos of which no file can be reached are left out of every answer.
    pub hidden: bool,
}

/// A photo as a reader of the index sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Its row.
    pub row: u32,
    /// A file that holds it, absolute; if there are several, the first by path of those
    /// whose root can be reached.
    pub path: PathBuf,
}

impl Index {
    /// Opens the index in the folder `state`, whatever model its vectors are of, or makes an
    /// empty one for `model`.
    ///
    /// What an interrupted commit left behind is mended here; and facts of rows that an older
    /// version did not keep, or kept in another way, are derived.
    ///
    /// # Errors
    /// When another process has it, a newer version made it, or the disk fails.
    pub fn open(state: &Path, model: &Model) -> Result<Self, IndexError> {
        let lock = lock_folder(state)?;
        let catalog = Catalog::open(&state.join("catalog"))?;
        let totals = catalog.totals()?;
        let stores = Stores::open(state, &catalog, totals.rows, model)?;
        let vectors = stores.current.snapshot();
        let dead = catalog.dead_rows()?;
        let generation = Generation {
            facets: facts::load(&catalog, &vectors, &dead)?,
            vectors,
            model: Arc::new(stores.record.current.model.clone()),
            dead,
            totals,
            published: SystemTime::now(),
            away: Arc::default(),
            unseen: OnceLock::new(),
            counts: OnceLock::new(),
        };
        let roots: HashMap<RootId, PathBuf> = catalog.roots()?.into_iter().collect();
        let mut filesystems = HashMap::new();
        for root in roots.keys() {
            filesystems.extend(catalog.filesystem(*root)?.map(|told| (*root, told)));
        }
        Ok(Self {
            path: state.to_owned(),
            catalog,
            stores: Mutex::new(stores),
            current: RwLock::new(Arc::new(generation)),
            published: Mutex::new(totals.generation),
            publication: Condvar::new(),
            roots: RwLock::new(roots),
            filesystems: RwLock::new(filesystems),
            closed: AtomicBool::new(false),
            _lock: lock,
        })
    }

    /// Removes the index in the folder `state`, so that it is made anew. Photos, and
    /// anything else in the folder, are not touched.
    ///
    /// # Errors
    /// When another process has it, or the disk fails.
    pub fn erase(state: &Path) -> Result<(), IndexError> {
        let _lock = lock_folder(state)?;
        match fs::remove_dir_all(state.join("catalog")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(folder_error(state, error));
            }
            _ => {}
        }
        stores::erase(state)
    }

    /// Keeps every other process from having this index open, as long as what is returned
    /// lives: for changing what lies beside an index that is not opened itself.
    ///
    /// # Errors
    /// When another process has it open, or the folder cannot be made.
    pub fn hold(state: &Path) -> Result<Held, IndexError> {
        lock_folder(state).map(Held)
    }

    /// The state folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The catalogue, for reading.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The state that is published now.
    #[must_use]
    pub fn generation(&self) -> Arc<Generation> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(|poison| poison.into_inner()))
    }

    /// Waits until a generation with another number than `known` is published, or for
    /// `at_most`, and returns the one that is published then.
    #[must_use]
    pub fn wait_for_generation(&self, known: u64, at_most: Duration) -> Arc<Generation> {
        self.wait_unless(known, at_most, || false)
    }

    /// The same, but returns as soon as [`Self::wake`] is called and `is_over` holds.
    #[must_use]
    pub fn wait_unless(
        &self,
        known: u64,
        at_most: Duration,
        is_over: impl Fn() -> bool,
    ) -> Arc<Generation> {
        let deadline = Instant::now() + at_most;
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        while *published == known && !is_over() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (published, _) = self
                .publication
                .wait_timeout(published, left)
                .unwrap_or_else(|poison| poison.into_inner());
        }
        drop(published);
        self.generation()
    }

    /// Has all who wait for a generation look whether they should.
    pub fn wake(&self) {
        let published = self.published.lock();
        drop(published.unwrap_or_else(|poison| poison.into_inner()));
        self.publication.notify_all();
    }

    fn publish(&self, next: Generation) {
        let number = next.number();
        let mut current = self
            .current
            .write()
            .unwrap_or_else(|poison| poison.into_inner());
        *current = Arc::new(next);
        drop(current);
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        *published = number;
        self.publication.notify_all();
    }

    /// Says which roots cannot be reached. If that is another set than before, a new
    /// generation says so to readers.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn set_away(&self, away: Away) -> Result<(), IndexError> {
        let is_news = |away: &Away| {
            let generation = self.generation();
            let known = &generation.away;
            known.roots != away.roots || (known.hidden != away.hidden && !away.roots.is_empty())
        };
        if !is_news(&away) {
            return Ok(());
        }
        let mut transaction = self.begin()?;
        transaction.set_away(away)?;
        transaction.commit()
    }

    /// Publishes a generation although nothing is new: something beside the index that readers
    /// are shown has changed.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn announce(&self) -> Result<(), IndexError> {
        let mut transaction = self.begin()?;
        transaction.catalog()?.announce();
        transaction.commit()
    }

    /// The absolute path of a file.
    #[must_use]
    pub fn absolute(&self, file: &FileKey) -> PathBuf {
        let roots = self
            .roots
            .read()
            .unwrap_or_else(|poison| poison.into_inner());
        match roots.get(&file.root) {
            Some(root) => root.join(file.path()),
            // Every recorded file's root is in the catalogue, and so in this map.
            None => file.path(),
        }
    }

    /// The photo of a row; nothing if no file holds it any more.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn photo(&self, generation: &Generation, row: u32) -> Result<Option<Photo>, CatalogError> {
        let Some(hash) = generation.vectors.content(row) else {
            return Ok(None);
        };
        let away = &generation.away;
        let mut found = None;
        for file in self.catalog.files_of(&hash) {
            let file = file?;
            if !away.roots.contains(&file.root) {
                found = Some(file);
                break;
            }
            if !away.hidden {
                found.get_or_insert(file);
            }
        }
        Ok(found.map(|file| Photo {
            row,
            path: self.absolute(&file),
        }))
    }

    /// The photo of a row by a file in the folders that `filters` ask for, if they ask for any;
    /// else as [`Self::photo`] gives it.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn photo_in(
        &self,
        generation: &Generation,
        row: u32,
        filters: &[Filter],
    ) -> Result<Option<Photo>, CatalogError> {
        let folders: Vec<String> = filters
            .iter()
            .filter_map(|filter| match filter {
                Filter::In(folder) => Some(folded_path(folder)),
                _ => None,
            })
            .collect();
        let first = self.photo(generation, row)?;
        let (Some(_), Some(hash), false) =
            (&first, generation.vectors.content(row), folders.is_empty())
        else {
            return Ok(first);
        };
        let roots = self.root_names();
        for file in self.catalog.files_of(&hash) {
            let file = file?;
            let below = folded_path(&file.folder.to_string_lossy());
            let name = roots.iter().find(|(root, _)| *root == file.root);
            let whole = name.map(|(_, name)| format!("{}/{below}", folded_path(name)));
            let is_in = |folder: &String| {
                let is_below = |path: &str| {
                    let rest = path.strip_prefix(folder.as_str());
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                is_below(&below) || whole.as_deref().is_some_and(is_below)
            };
            if !generation.away.roots.contains(&file.root) && folders.iter().all(is_in) {
                let path = self.absolute(&file);
                return Ok(Some(Photo { row, path }));
            }
        }
        Ok(first)
    }

    /// Forgets all files of a root; the photos are not touched. Returns how many there were.
    ///
    /// # Errors
    /// When a store fails.
    pub fn forget_root(&self, root: RootId) -> Result<u64, IndexError> {
        let mut forgotten = 0;
        loop {
            let files: Result<Vec<_>, _> = self.catalog.files(root).take(FORGOTTEN).collect();
            let files = files?;
            if files.is_empty() {
                break;
            }
            let mut transaction = self.begin()?;
            for (file, _) in files {
                transaction.remove_file(file)?;
                forgotten += 1;
            }
            transaction.commit()?;
        }
        // Listed while nobody else commits; what came back since is kept.
        let mut transaction = self.begin()?;
        for folder in self.catalog.folders(root) {
            let folder = folder?;
            let mut files = self.catalog.folder(root, &folder);
            if files.next().transpose()?.is_none() {
                transaction.remove_folder(root, &folder);
            }
        }
        transaction.commit()?;
        Ok(forgotten)
    }

    /// Forgets for good what is known of photos whose last file was forgotten before `time`.
    /// Until then a photo that comes back is recognised. Returns how many there were.
    ///
    /// # Errors
    /// When a store fails.
    pub fn purge(&self, time: SystemTime) -> Result<u64, IndexError> {
        let rows = self.catalog.dead_before(unix_seconds(time))?;
        let generation = self.generation();
        for rows in rows.chunks(FORGOTTEN) {
            let mut transaction = self.begin()?;
            for row in rows {
                if let Some(hash) = generation.vectors.content(*row) {
                    transaction.catalog()?.purge(*row, &hash)?;
                }
            }
            transaction.commit()?;
        }
        Ok(rows.len() as u64)
    }

    /// Begins a transaction; waits while another one is open.
    ///
    /// # Errors
    /// When the disk is nearly full, an earlier commit failed, or the catalogue fails.
    pub fn begin(&self) -> Result<Transaction<'_>, IndexError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(IndexError::Closed {
                path: self.path.clone(),
            });
        }
        // A filesystem that cannot tell how much is free gets the benefit of the doubt.
        let free = statvfs(&self.path).map_or(u64::MAX, |disk| {
            disk.blocks_available() * disk.fragment_size()
        });
        if free < ENOUGH_SPACE {
            return Err(IndexError::DiskFull {
                path: self.path.clone(),
                free,
            });
        }
        let stores = self
            .stores
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        Ok(Transaction {
            index: self,
            batch: Some(self.catalog.batch()?),
            away: None,
            committed_rows: stores.current.rows(),
            committed_next: stores.next.as_ref().map_or(0, VectorStore::rows),
            record: None,
            mended: false,
            swapped: false,
            stores,
        })
    }
}

/// Makes the state folder if need be, for its owner only, and takes its lock.
fn lock_folder(state: &Path) -> Result<File, IndexError> {
    let error = |source| folder_error(state, source);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .map_err(error)?;
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(state.join("lock"))
        .map_err(error)?;
    match lock.try_lock() {
        Ok(()) => {
            // For the sentence that another process will print.
            lock.set_len(0).map_err(error)?;
            write!(lock, "{}", std::process::id()).map_err(error)?;
            Ok(lock)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = lock.take(32).read_to_string(&mut holder);
            Err(IndexError::Locked {
                path: state.to_owned(),
                holder,
            })
        }
        Err(TryLockError::Error(source)) => Err(error(source)),
    }
}

/// The lock of a state folder; given up when this is dropped.
#[derive(Debug)]
pub struct Held(#[allow(dead_code)] File);

fn folder_error(state: &Path, source: io::Error) -> IndexError {
    IndexError::Folder {
        path: state.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
