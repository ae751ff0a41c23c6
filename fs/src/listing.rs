//! A listing: what a folder shows, from one generation of the index.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use semfs_engine::index::Photo;

use crate::names;

/// A name in a listing, and the photo it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// The photo, absolute.
    pub target: PathBuf,
    /// The photo's row: it stays the same where the photo moves.
    pub row: u32,
}

/// The entries of a result folder, ordered by name, all from one generation.
#[derive(Debug)]
pub struct Listing {
    generation: u64,
    published: SystemTime,
    entries: Vec<Entry>,
    _share: Share,
}

/// How much memory all listings that are alive may take together. Programs decide how
/// many folders they have open, so this must end somewhere. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget {
    used: Arc<AtomicUsize>,
    limit: usize,
}

/// What one listing takes of the budget, until it is dropped.
#[derive(Debug)]
struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            used: Arc::default(),
            limit,
        }
    }

    fn share(&self, bytes: usize) -> Option<Share> {
        let add = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let added = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        added.ok().map(|_| Share {
            budget: self.clone(),
            bytes,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Listing {
    /// Names the photos by their rank. `None`: the budget is used up.
    #[must_use]
    pub fn ranked(
        generation: u64,
        published: SystemTime,
        photos: &[Photo],
        budget: &Budget,
    ) -> Option<Self> {
        // Two texts an entry, each with what the allocator adds.
        let bytes = photos
            .iter()
            .map(|photo| 2 * photo.path.as_os_str().len() + size_of::<Entry>() + 32);
        let share = budget.share(bytes.sum())?;
        let of = photos.len();
        let entries = photos.iter().zip(1..).map(|(photo, rank)| Entry {
            name: names::ranked(rank, of, file_name(&photo.path)),
            target: photo.path.clone(),
            row: photo.row,
        });
        Some(Self {
            generation,
            published,
            entries: entries.collect(),
            _share: share,
        })
    }

    /// The number of the generation that it shows.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When that generation was published.
    #[must_use]
    pub fn published(&self) -> SystemTime {
        self.published
    }

    /// The entries in the order of their names, which is that of their ranks.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        // Ranks are zero-padded, so the order of ranks is the order of names.
        let at = self
            .entries
            .binary_search_by(|entry| entry.name.as_str().cmp(name));
        at.ok().map(|at| &self.entries[at])
    }
}

fn file_name(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_encoded_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(photos: usize, budget: &Budget) -> Option<Listing> {
        let photos = (0..photos).map(|number| Photo {
            row: number as u32,
            path: format!("/p/{}.jpg", number % 7).into(),
        });
        let photos: Vec<_> = photos.collect();
        Listing::ranked(1, SystemTime::UNIX_EPOCH, &photos, budget)
    }

    #[test]
    fn every_entry_is_found_by_its_name() {
        let listing = listing(250, &Budget::new(1 << 20)).unwrap();
        for entry in listing.entries() {
            assert_eq!(listing.find(&entry.name), Some(entry));
        }
        assert_eq!(listing.find("001 1.jpg"), None);
        assert_eq!(listing.entries()[0].name, "001 0.jpg");
    }

    #[test]
    fn the_budget_is_given_back_with_the_listing() {
        let budget = Budget::new(80_000);
        let first = listing(500, &budget).unwrap();
        assert!(listing(500, &budget).is_none());
        drop(first);
        assert!(listing(500, &budget).is_some());
    }
}
