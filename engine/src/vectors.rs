//! The store of photo embeddings: append-only files of vectors of length 1, and
//! the search over all of them. Knows rows, content hashes and one model's
//! fingerprint; neither photos, nor words, nor which rows are committed: that
//! the catalogue says, and what the files hold beyond is written over.
//!
//! The order that survives any crash: [`append`](VectorStore::append) rows,
//! [`sync`](VectorStore::sync), let the catalogue commit the row count, then
//! publish a [`snapshot`](VectorStore::snapshot). The files are described in
//! `docs/format-vectors.md`.

mod best;
mod codes;
mod error;
mod files;
mod kernel;
mod layout;
mod mapped;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod view;

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use best::Hit;
pub use error::VectorError;
pub use view::{Selection, Vectors};

use layout::Layout;
use segment::{Lock, Opened, Segment};

/// The largest number of components that a vector can have.
pub const MAX_DIM: usize = 4096;

/// Rows of a segment.
const CAPACITY: u32 = 65_536;
/// How far from 1 the length of a vector may be: rounding, not another scale.
const UNIT_TOLERANCE: f32 = 0.01;

/// The fingerprint of the model whose vectors lie in the folder `dir`, from the header of its
/// first file; nothing where there is no store that this version understands. Takes no lock.
#[must_use]
pub fn model_of(dir: &Path) -> Option<[u8; 32]> {
    let mut page = [0; layout::HEADER];
    let path = layout::Family::Full.path(dir, 0);
    let mut file = fs::File::open(&path).ok()?;
    io::Read::read_exact(&mut file, &mut page).ok()?;
    layout::identify(&page, &path).ok().map(|(model, _)| model)
}

/// The single writer of a store.
#[derive(Debug)]
pub struct VectorStore {
    dir: PathBuf,
    layout: Layout,
    lock: Lock,
    /// All but the last are full up to `rows`; after a truncation there may be
    /// more than `rows` need.
    segments: Vec<Segment>,
    rows: u32,
    /// Rows that are surely on the disk.
    synced: u32,
    /// The last sync failed, and the rows since `synced` are still here.
    sync_failed: bool,
    /// Files were made since the folder was last synced.
    new_files: bool,
    rebuilt: u32,
}

impl VectorStore {
    /// Opens the store in the folder `dir`, or makes an empty one.
    ///
    /// `rows` is what the catalogue committed: the store starts with as many,
    /// and rows in the files beyond are written over by the next append. `model`
    /// is a fingerprint of whatever makes the vectors, `dim` (1 to [`MAX_DIM`])
    /// their number of components. Scan codes that are missing or damaged are
    /// computed again from the vectors, see
    /// [`rebuilt_segments`](Self::rebuilt_segments).
    ///
    /// # Errors
    /// [`OtherModel`](VectorError::OtherModel),
    /// [`OtherDim`](VectorError::OtherDim), [`Newer`](VectorError::Newer),
    /// [`Damaged`](VectorError::Damaged), [`Incomplete`](VectorError::Incomplete)
    /// about what is on disk, where the way out is to remove the folder and fill
    /// a new store; [`Locked`](VectorError::Locked) while another store, or a
    /// view of one, uses the folder; [`BadDim`](VectorError::BadDim);
    /// [`Io`](VectorError::Io).
    pub fn open(dir: &Path, model: &[u8; 32], dim: usize, rows: u32) -> Result<Self, VectorError> {
        Self::open_with(
            dir,
            Layout {
                dim,
                capacity: CAPACITY,
                model: *model,
            },
            rows,
        )
    }

    fn open_with(dir: &Path, layout: Layout, rows: u32) -> Result<Self, VectorError> {
        if !(1..=MAX_DIM).contains(&layout.dim) {
            return Err(VectorError::BadDim { dim: layout.dim });
        }
        if !dir.exists() {
            fs::create_dir_all(dir).map_err(VectorError::io("create", dir))?;
            // As good as it gets: should a power cut take the folder, the next
            // opening says that its rows are missing.
            let _ = dir.parent().map(files::sync_dir);
        }
        let mut store = Self {
            dir: dir.to_path_buf(),
            layout,
            lock: lock(dir)?,
            segments: Vec::new(),
            rows,
            synced: rows,
            sync_failed: false,
            new_files: true,
            rebuilt: 0,
        };
        if rows == 0 {
            files::check_leftover(dir, &layout)?;
        }
        for number in 0..rows.div_ceil(layout.capacity) {
            let base = number * layout.capacity;
            let here = layout.capacity.min(rows - base);
            match Segment::open(dir, layout, number, here, &store.lock)? {
                Opened::Whole { segment, rebuilt } => {
                    store.segments.push(segment);
                    store.rebuilt += u32::from(rebuilt);
                }
                Opened::Short(present) => {
                    return Err(VectorError::Incomplete {
                        dir: dir.to_path_buf(),
                        present: base + present,
                        committed: rows,
                    });
                }
            }
        }
        Ok(store)
    }

    /// Whose vectors the store in the folder `dir` holds: fingerprint and number of components.
    /// Nothing if there are none.
    ///
    /// # Errors
    /// [`Newer`](VectorError::Newer), [`Damaged`](VectorError::Damaged) and
    /// [`Io`](VectorError::Io), about its first file.
    pub fn identify(dir: &Path) -> Result<Option<([u8; 32], usize)>, VectorError> {
        files::identify(dir)
    }

    /// Adds a row and returns its number. It is not on the disk before
    /// [`sync`](Self::sync), and gone after a crash unless the catalogue then
    /// commits it.
    ///
    /// `content` is the hash of the photo's bytes, `vector` has the store's
    /// dimension and the length 1 (within 1%; stored as f16).
    ///
    /// # Errors
    /// Nothing was added, and the store can go on, after
    /// [`WrongLength`](VectorError::WrongLength),
    /// [`NotUnit`](VectorError::NotUnit), [`Full`](VectorError::Full), and
    /// [`Io`](VectorError::Io), the full disk among them.
    pub fn append(&mut self, content: &[u8; 32], vector: &[f32]) -> Result<u32, VectorError> {
        self.check(vector)?;
        self.add(content, vector)
    }

    /// Adds a row without a vector, which no search finds, and returns its number; else
    /// as [`append`](Self::append).
    ///
    /// # Errors
    /// [`Full`](VectorError::Full) and [`Io`](VectorError::Io), as there.
    pub fn append_blank(&mut self, content: &[u8; 32]) -> Result<u32, VectorError> {
        self.add(content, &vec![f32::NAN; self.layout.dim])
    }

    /// Writes a row again that nobody was shown yet. Until the next [`sync`](Self::sync) it may
    /// be lost or half there.
    ///
    /// # Errors
    /// As [`append`](Self::append); and [`Shown`](VectorError::Shown), and nothing is written,
    /// if there is no such row or it is in a [`snapshot`](Self::snapshot).
    pub fn replace(
        &mut self,
        row: u32,
        content: &[u8; 32],
        vector: &[f32],
    ) -> Result<(), VectorError> {
        self.check(vector)?;
        let (number, local) = (row / self.layout.capacity, row % self.layout.capacity);
        let segment = self.segments.get_mut(number as usize);
        let written = match segment.filter(|_| row < self.rows) {
            Some(segment) => segment.write(local, content, vector)?,
            None => false,
        };
        if written {
            return Ok(());
        }
        Err(VectorError::Shown {
            dir: self.dir.clone(),
            row,
        })
    }

    /// Whether a vector is one for this store.
    fn check(&self, vector: &[f32]) -> Result<(), VectorError> {
        if vector.len() != self.layout.dim {
            return Err(VectorError::WrongLength {
                found: vector.len(),
                expected: self.layout.dim,
            });
        }
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        // Not `>`: a NaN is to be refused as well.
        let is_unit = (norm - 1.0).abs() <= UNIT_TOLERANCE;
        if is_unit {
            Ok(())
        } else {
            Err(VectorError::NotUnit { norm })
        }
    }

    fn add(&mut self, content: &[u8; 32], vector: &[f32]) -> Result<u32, VectorError> {
        let row = self.rows;
        let Some(rows) = row.checked_add(1) else {
            return Err(VectorError::Full {
                dir: self.dir.clone(),
            });
        };
        let (number, local) = (row / self.layout.capacity, row % self.layout.capacity);
        if number as usize == self.segments.len() {
            self.new_files = true;
            self.segments
                .push(Segment::create(&self.dir, self.layout, number, &self.lock)?);
        }
        let written = match self.segments.get_mut(number as usize) {
            Some(segment) => segment.write(local, content, vector)?,
            None => false,
        };
        if !written {
            // `truncate` does not let this happen.
            return Err(VectorError::Shown {
                dir: self.dir.clone(),
                row,
            });
        }
        self.rows = rows;
        Ok(row)
    }

    /// Returns when all rows are on the disk and would survive a power cut.
    ///
    /// # Errors
    /// [`Io`](VectorError::Io). The rows since the last good sync may then be
    /// lost, and the kernel would not say so a second time: until
    /// [`truncate`](Self::truncate) has forgotten them, every sync fails with
    /// [`SyncFailed`](VectorError::SyncFailed).
    pub fn sync(&mut self) -> Result<(), VectorError> {
        if self.sync_failed {
            return Err(VectorError::SyncFailed {
                dir: self.dir.clone(),
                synced: self.synced,
            });
        }
        let done = self.sync_files();
        match done {
            Ok(()) => self.synced = self.rows,
            Err(_) => self.sync_failed = true,
        }
        done
    }

    fn sync_files(&mut self) -> Result<(), VectorError> {
        for segment in &mut self.segments {
            segment.sync()?;
        }
        if self.new_files {
            files::sync_dir(&self.dir)?;
            self.new_files = false;
        }
        Ok(())
    }

    /// How many rows there are, those not yet synced included.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Of how many segments the scan codes were computed again when the store
    /// was opened: worth a line in a log if not 0.
    pub fn rebuilt_segments(&self) -> u32 {
        self.rebuilt
    }

    /// Forgets the rows from number `rows` on, which could not be synced or
    /// committed; the next append takes their place. No effect where there are
    /// not that many.
    ///
    /// # Errors
    /// [`Shown`](VectorError::Shown), and nothing is forgotten, if one of the
    /// rows is in a [`snapshot`](Self::snapshot) that was taken already.
    pub fn truncate(&mut self, rows: u32) -> Result<(), VectorError> {
        if rows >= self.rows {
            return Ok(());
        }
        let capacity = u64::from(self.layout.capacity);
        let is_shown = (0..).zip(&self.segments).any(|(number, segment)| {
            let shown = segment.shown();
            shown > 0 && u64::from(rows) < number * capacity + u64::from(shown)
        });
        if is_shown {
            return Err(VectorError::Shown {
                dir: self.dir.clone(),
                row: rows,
            });
        }
        self.rows = rows;
        if rows <= self.synced {
            self.synced = rows;
            self.sync_failed = false;
        }
        Ok(())
    }

    /// A view of all rows there are now, which never changes. Costs a few
    /// pointers. To be taken once the catalogue has committed the rows: they
    /// cannot be [truncated](Self::truncate) any more.
    pub fn snapshot(&self) -> Vectors {
        let capacity = self.layout.capacity;
        let segments = (0..self.rows.div_ceil(capacity))
            .zip(&self.segments)
            .map(|(number, segment)| segment.view(capacity.min(self.rows - number * capacity)))
            .collect();
        Vectors {
            dim: self.layout.dim,
            rows: self.rows,
            capacity,
            segments,
        }
    }
}

/// How often the lock is asked for, and how long between.
const LOCKINGS: u32 = 20;
const LOCK_STEP: Duration = Duration::from_millis(10);

/// Locks the folder of a store for as long as the result lives. (The kernel lets
/// go of it when the process ends, however it ends.)
fn lock(dir: &Path) -> Result<Lock, VectorError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = file.map_err(VectorError::io("open", &path))?;
    let mut locked = file.try_lock();
    for _ in 1..LOCKINGS {
        if !matches!(locked, Err(TryLockError::WouldBlock)) {
            break;
        }
        // A process that is just being started, a worker, has what we had open until it is
        // another program.
        thread::sleep(LOCK_STEP);
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => Err(VectorError::Locked {
            dir: dir.to_path_buf(),
        }),
        Err(TryLockError::Error(error)) => Err(VectorError::io("lock", &path)(error)),
    }
}
