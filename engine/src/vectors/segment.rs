//! A segment: a fixed number of rows in one file of full vectors and one of
//! scan codes. [`Segment`] is the writer's side, [`SegmentView`] what readers
//! hold. Knows rows by their number inside the segment, and nothing of queries
//! or of which rows are committed beyond what it is told.
//!
//! Readers look at mapped memory that the writer's `pwrite` changes, which is
//! sound because they never look at the same rows: a view covers the rows below
//! its count, the segment remembers the largest count it gave out (`shown`), and
//! refuses to write below it. A second writer on the same files is kept out by
//! the lock, which views hold as well.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::VectorError;
use super::codes::quantise;
use super::files;
use super::layout::{Family, HASH, Layout};
use super::mapped::Mapped;

/// The lock of the store's folder, held as long as anyone maps its files.
pub(super) type Lock = Arc<File>;

/// The only writer of a segment.
#[derive(Debug)]
pub(super) struct Segment {
    files: Arc<Files>,
    /// Rows below this one may be read by a view, so they never change.
    shown: AtomicU32,
    /// Written to since the last sync.
    dirty: bool,
}

#[derive(Debug)]
struct Files {
    layout: Layout,
    full: Mapped,
    codes: Mapped,
    _lock: Lock,
}

/// How opening a segment went.
pub(super) enum Opened {
    /// All committed rows are there.
    Whole {
        segment: Segment,
        /// The codes had to be computed again.
        rebuilt: bool,
    },
    /// Only this many of the segment's committed rows are there.
    Short(u32),
}

impl Segment {
    /// Makes a new segment. Files of its name can only hold rows that were
    /// never committed, and go.
    pub(super) fn create(
        dir: &Path,
        layout: Layout,
        number: u32,
        lock: &Lock,
    ) -> Result<Self, VectorError> {
        let full = files::create(dir, &layout, Family::Full, number)?;
        let codes = files::create(dir, &layout, Family::Codes, number)?;
        Ok(Self::of(layout, full, codes, lock, true))
    }

    /// Opens a segment of which `rows` (at least 1) rows are committed.
    pub(super) fn open(
        dir: &Path,
        layout: Layout,
        number: u32,
        rows: u32,
        lock: &Lock,
    ) -> Result<Opened, VectorError> {
        let full = match files::open_full(dir, &layout, number, rows)? {
            files::Full::Whole(full) => full,
            files::Full::Short(present) => return Ok(Opened::Short(present)),
        };
        let (codes, rebuilt) = match files::open_codes(dir, &layout, number, rows, &full)? {
            Some(codes) => (codes, false),
            None => (
                files::rebuild_codes(dir, &layout, number, rows, &full)?,
                true,
            ),
        };
        let segment = Self::of(layout, full, codes, lock, false);
        Ok(Opened::Whole { segment, rebuilt })
    }

    fn of(layout: Layout, full: Mapped, codes: Mapped, lock: &Lock, dirty: bool) -> Self {
        let files = Files {
            layout,
            full,
            codes,
            _lock: Arc::clone(lock),
        };
        Self {
            files: Arc::new(files),
            shown: AtomicU32::new(0),
            dirty,
        }
    }

    /// The rows below this number have been shown and can no longer change.
    pub(super) fn shown(&self) -> u32 {
        self.shown.load(Ordering::Relaxed)
    }

    /// Writes a row, whatever was there before. The caller keeps `row` below
    /// the capacity and not below [`shown`](Self::shown): else `false` is
    /// returned and nothing is written.
    pub(super) fn write(
        &mut self,
        row: u32,
        content: &[u8; HASH],
        vector: &[f32],
    ) -> Result<bool, VectorError> {
        let Files {
            layout,
            full,
            codes,
            ..
        } = &*self.files;
        if row < self.shown() || row >= layout.capacity || vector.len() != layout.dim {
            return Ok(false);
        }
        self.dirty = true;
        let mut bytes = Vec::with_capacity(layout.full_stride());
        bytes.extend_from_slice(content);
        bytes.extend(
            vector
                .iter()
                .flat_map(|&value| f16::from_f32(value).to_le_bytes()),
        );
        full.write(&bytes, layout.full_at(row))?;

        // From what was stored, not from what was given, so that codes that are
        // rebuilt later are the same.
        let mut code = vec![0; layout.code_stride()];
        let mut kept = vec![0.0; layout.dim];
        floats(&bytes[HASH..], &mut kept);
        let scale = quantise(&kept, &mut code);
        codes.write(&code, layout.codes_at(row))?;
        codes.write(&scale.to_le_bytes(), layout.scale_at(row))?;
        Ok(true)
    }

    /// Returns when all written rows are on the disk (the folder's entry of a
    /// new file is the caller's to sync).
    pub(super) fn sync(&mut self) -> Result<(), VectorError> {
        if self.dirty {
            self.files.full.sync()?;
            self.files.codes.sync()?;
            self.dirty = false;
        }
        Ok(())
    }

    /// A view of the first `rows` rows, which can then no longer change.
    pub(super) fn view(&self, rows: u32) -> SegmentView {
        let rows = rows.min(self.files.layout.capacity);
        self.shown.fetch_max(rows, Ordering::Relaxed);
        SegmentView {
            files: Arc::clone(&self.files),
            rows,
        }
    }

    /// Writes and syncs go to another file until undone, to see them fail.
    #[cfg(test)]
    pub(super) fn swap_file(&mut self, file: File) -> File {
        Arc::get_mut(&mut self.files).unwrap().full.swap_file(file)
    }
}

/// The first rows of a segment, as they are and will stay.
#[derive(Clone, Debug)]
pub(super) struct SegmentView {
    files: Arc<Files>,
    rows: u32,
}

impl SegmentView {
    /// The codes of these rows, one after the other; none where a row is not
    /// in the view.
    pub(super) fn codes(&self, rows: Range<u32>) -> &[u8] {
        let layout = &self.files.layout;
        self.bytes(&self.files.codes, rows, |row| layout.codes_at(row))
    }

    /// The scales of these rows, little-endian; none where a row is not in the
    /// view.
    pub(super) fn scales(&self, rows: Range<u32>) -> &[[u8; 4]] {
        let layout = &self.files.layout;
        self.bytes(&self.files.codes, rows, |row| layout.scale_at(row))
            .as_chunks()
            .0
    }

    /// The content hash and the vector of a row in the view.
    pub(super) fn full(&self, row: u32) -> Option<(&[u8; HASH], &[u8])> {
        let layout = &self.files.layout;
        let end = row.checked_add(1)?;
        self.bytes(&self.files.full, row..end, |row| layout.full_at(row))
            .split_first_chunk()
    }

    /// Says that [`full`](Self::full) will be asked for rows of this range.
    pub(super) fn will_read(&self, rows: Range<u32>) {
        let layout = &self.files.layout;
        let (start, end) = (
            layout.full_at(rows.start),
            layout.full_at(rows.end.min(self.rows)),
        );
        self.files.full.will_need(start, end.saturating_sub(start));
    }

    /// What `file`, one of the two, holds of these rows, with `at` telling where
    /// a row starts.
    fn bytes<'a>(&self, file: &'a Mapped, rows: Range<u32>, at: impl Fn(u32) -> usize) -> &'a [u8] {
        if rows.start >= rows.end || rows.end > self.rows {
            return &[];
        }
        let start = at(rows.start);
        // SAFETY: these rows are below `self.rows`, hence below the segment's
        // `shown`, and `Segment::write` leaves those alone. It cannot run
        // between `view` raising `shown` and its return, as it borrows the
        // segment mutably. No other `Segment` has these files open: the lock is
        // held by `self.files`, and the store opens each segment once.
        unsafe { file.bytes(start, at(rows.end) - start) }
    }
}

/// Writes the numbers of a stored vector to `out`; what the shorter of the two
/// does not reach is left alone.
pub(super) fn floats(stored: &[u8], out: &mut [f32]) {
    const STEP: usize = 64;
    let mut halves = [f16::ZERO; STEP];
    let stored = stored.as_chunks::<2>().0;
    for (stored, out) in stored.chunks(STEP).zip(out.chunks_mut(STEP)) {
        let n = stored.len().min(out.len());
        for (half, bytes) in halves.iter_mut().zip(stored) {
            *half = f16::from_le_bytes(*bytes);
        }
        halves[..n].convert_to_f32_slice(&mut out[..n]);
    }
}
