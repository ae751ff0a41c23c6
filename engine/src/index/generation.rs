//! One published state of the index, for readers.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use roaring::RoaringBitmap;

use super::Away;
use crate::catalog::{ModelRecord, Totals};
use crate::facets::{FacetCounts, Facets};
use crate::vectors::{Selection, Vectors};

/// One published state of the index. Readers hold one from start to end.
#[derive(Debug)]
pub struct Generation {
    pub(super) vectors: Vectors,
    /// That of the vectors.
    pub(super) model: Arc<ModelRecord>,
    pub(super) dead: RoaringBitmap,
    pub(super) totals: Totals,
    pub(super) facets: Facets,
    pub(super) published: SystemTime,
    pub(super) away: Arc<Away>,
    /// Rows that readers do not see; made when it is first asked for.
    pub(super) unseen: OnceLock<RoaringBitmap>,
    pub(super) counts: OnceLock<FacetCounts>,
}

impl Generation {
    /// Its number: it grows with each commit.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.totals.generation
    }

    /// When this process published it.
    #[must_use]
    pub fn published(&self) -> SystemTime {
        self.published
    }

    /// How many files, photos, problems and rows it has.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Its vectors.
    #[must_use]
    pub fn vectors(&self) -> &Vectors {
        &self.vectors
    }

    /// The model that its vectors are of: the same value in all generations until it is another.
    #[must_use]
    pub fn model(&self) -> &Arc<ModelRecord> {
        &self.model
    }

    /// Whether no file holds the content of a row any more.
    #[must_use]
    pub fn is_dead(&self, row: u32) -> bool {
        self.dead.contains(row)
    }

    /// The roots that cannot be reached.
    #[must_use]
    pub fn away(&self) -> &Away {
        &self.away
    }

    /// The rows that belong to photos.
    #[must_use]
    pub fn alive(&self) -> Selection<'_> {
        Selection {
            only: None,
            except: Some(self.unseen()),
        }
    }

    /// Which of them have which attribute.
    #[must_use]
    pub fn facets(&self) -> &Facets {
        &self.facets
    }

    /// How many photos have which attribute.
    #[must_use]
    pub fn counts(&self) -> &FacetCounts {
        self.counts.get_or_init(|| self.facets.counts())
    }

    /// The rows that belong to no photo any more, and those of photos that are left out while
    /// no file of theirs can be reached.
    #[must_use]
    pub fn unseen(&self) -> &RoaringBitmap {
        self.unseen.get_or_init(|| {
            if !self.away.hidden || self.away.roots.is_empty() {
                return self.dead.clone();
            }
            &self.dead | self.facets.only_in(&self.away.roots)
        })
    }

    /// Whether photos are left out because no file of theirs can be reached.
    #[must_use]
    pub fn hides_any(&self) -> bool {
        self.unseen().len() != self.dead.len()
    }

    /// The rows of photos that readers see, as a set of their own.
    #[must_use]
    pub fn rows(&self) -> RoaringBitmap {
        let mut rows = RoaringBitmap::new();
        rows.insert_range(0..self.vectors.len());
        rows - self.unseen()
    }

    /// The rows that belong to photos, newest first.
    pub fn newest(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.vectors.len())
            .rev()
            .filter(|row| !self.unseen().contains(*row))
    }
}
