//! A listing: what a folder shows, from one generation of the index.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::names;

/// A name in a listing, and the photo it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// The photo, absolute.
    pub target: PathBuf,
}

/// The entries of a result folder, ordered by name, all from one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    generation: u64,
    published: SystemTime,
    entries: Vec<Entry>,
}

impl Listing {
    /// Names the photos by their rank.
    #[must_use]
    pub fn ranked(generation: u64, published: SystemTime, photos: Vec<PathBuf>) -> Self {
        let of = photos.len();
        let entries = photos.into_iter().zip(1..).map(|(target, rank)| Entry {
            name: names::ranked(rank, of, file_name(&target)),
            target,
        });
        Self {
            generation,
            published,
            entries: entries.collect(),
        }
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

    #[test]
    fn every_entry_is_found_by_its_name() {
        let photos = (0..250).map(|number| PathBuf::from(format!("/p/{}.jpg", number % 7)));
        let listing = Listing::ranked(1, SystemTime::UNIX_EPOCH, photos.collect());
        for entry in listing.entries() {
            assert_eq!(listing.find(&entry.name), Some(entry));
        }
        assert_eq!(listing.find("001 1.jpg"), None);
        assert_eq!(listing.entries()[0].name, "001 0.jpg");
    }
}
