//! What readers hold: an immutable view of the first rows of the store. Knows
//! where a row is; the search over the rows is `scan`'s.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::best::Hit;
use super::codes::is_blank;
use super::scan;
use super::segment::{SegmentView, floats};
use super::{VectorError, layout::HASH};

/// An immutable view of rows 0 to [`len`](Self::len) of a store. Cheap to
/// clone, and may be used from several threads at once, also while the store
/// takes more rows. It keeps the files mapped, and the store's folder locked,
/// until it is dropped.
#[derive(Clone, Debug)]
pub struct Vectors {
    pub(super) dim: usize,
    pub(super) rows: u32,
    /// Rows of each segment but the last.
    pub(super) capacity: u32,
    pub(super) segments: Arc<[SegmentView]>,
}

/// Which rows a search may find: all by default. The filters are exact: what
/// they exclude takes no place among the results.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    /// Only these rows; rows that do not exist are ignored.
    pub only: Option<&'a RoaringBitmap>,
    /// None of these rows, even where `only` has them.
    pub except: Option<&'a RoaringBitmap>,
}

impl Selection<'_> {
    /// Whether the row may be found.
    pub(super) fn allows(&self, row: u32) -> bool {
        self.only.is_none_or(|only| only.contains(row))
            && self.except.is_none_or(|except| !except.contains(row))
    }
}

impl Vectors {
    /// How many rows there are.
    pub fn len(&self) -> u32 {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Components of each vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The hash of the content that a row belongs to; nothing for a row that
    /// does not exist.
    pub fn content(&self, row: u32) -> Option<[u8; 32]> {
        self.full(row).map(|(content, _)| *content)
    }

    /// The vector of a row, as exact as it is stored (f16); nothing for a row
    /// that does not exist or has none.
    pub fn vector(&self, row: u32) -> Option<Vec<f32>> {
        let (_, stored) = self.full(row)?;
        let mut vector = vec![0.0; self.dim];
        floats(stored, &mut vector);
        (!is_blank(&vector)).then_some(vector)
    }

    /// The `top` rows of `rows` most similar to `query`, best first; of rows
    /// with equal scores, the lower first. Fewer where there are not that many.
    ///
    /// `query` has [`dim`](Self::dim) components and any length but zero. Where
    /// the rows to choose from are few, all are scored exactly; else an
    /// approximate scan picks several times `top`, and these are scored exactly.
    /// Scores are therefore always exact (for vectors stored as f16). A row
    /// without a vector, or with a damaged one (not finite), is never found.
    ///
    /// Uses several threads on large stores, and the same rows come out however
    /// many. Reads files, so it may wait for a disk.
    ///
    /// # Errors
    /// [`VectorError::WrongLength`] and [`VectorError::NoDirection`], both about
    /// the query.
    pub fn search(
        &self,
        query: &[f32],
        top: usize,
        rows: &Selection<'_>,
    ) -> Result<Vec<Hit>, VectorError> {
        scan::search(self, query, top, rows, None)
    }

    /// The content hash and stored vector of a row.
    pub(super) fn full(&self, row: u32) -> Option<(&[u8; HASH], &[u8])> {
        let (segment, row) = self.locate(row)?;
        segment.full(row)
    }

    /// The segment that holds a row, and the row's number in it.
    pub(super) fn locate(&self, row: u32) -> Option<(&SegmentView, u32)> {
        let segment = self.segments.get((row / self.capacity) as usize)?;
        Some((segment, row % self.capacity))
    }
}
