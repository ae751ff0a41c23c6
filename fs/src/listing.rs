//! A listing: what a folder shows, from one generation of the index.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::directory::Node;

/// A name in a listing, and what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// A photo, or a folder.
    pub node: Node,
    /// Why it is here.
    pub reason: Reason,
}

/// Why an entry is in its folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reason {
    /// The photo's row, which stays the same where the photo moves.
    pub row: Option<u32>,
    /// Relevance from 0 to 1 and raw score, of photos that were searched for.
    pub worth: Option<(f32, f32)>,
    /// Words that matched, or what is wrong with the file; of a copy in a group of duplicates,
    /// its lines of `.why`.
    pub words: Box<str>,
}

/// In which order a folder shows its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// In that of their names.
    Name,
    /// In the one in which they were given.
    Given,
}

/// The entries of a folder, all from one generation.
#[derive(Debug)]
pub struct Listing {
    generation: u64,
    published: SystemTime,
    entries: Vec<Entry>,
    /// The places of the entries by name, where they lie in another order.
    by_name: Option<Box<[u32]>>,
    /// The text of `.why`, once it was asked for.
    pub(crate) reasons: OnceLock<Arc<[u8]>>,
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
    /// A listing of entries, given in whatever order. They come back if the budget is used up.
    ///
    /// # Errors
    /// When the budget is used up.
    pub fn new(
        generation: u64,
        published: SystemTime,
        mut entries: Vec<Entry>,
        order: Order,
        budget: &Budget,
    ) -> Result<Self, Vec<Entry>> {
        // Each text costs what the allocator adds as well.
        let bytes = entries.iter().map(|entry| {
            let target = entry.node.photo().map_or(0, |path| path.as_os_str().len());
            target + entry.name.len() + entry.reason.words.len() + size_of::<Entry>() + 48
        });
        let Some(share) = budget.share(bytes.sum()) else {
            return Err(entries);
        };
        let by_name = match order {
            Order::Name => {
                entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
                None
            }
            Order::Given => {
                let mut places: Vec<u32> = (0..).take(entries.len()).collect();
                places.sort_unstable_by_key(|place| entries[*place as usize].name.as_str());
                Some(places.into())
            }
        };
        Ok(Self {
            generation,
            published,
            entries,
            by_name,
            reasons: OnceLock::new(),
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

    /// The entries in the order in which they are shown. That of their names is that of their
    /// ranks.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        let entries = &self.entries;
        let at = match &self.by_name {
            None => entries.binary_search_by(|entry| entry.name.as_str().cmp(name)),
            Some(places) => places
                .binary_search_by(|place| entries[*place as usize].name.as_str().cmp(name))
                .map(|at| places[at] as usize),
        };
        at.ok().map(|at| &entries[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names;

    fn listing(photos: usize, budget: &Budget) -> Option<Listing> {
        let entries = (0..photos).map(|number| Entry {
            name: names::ranked(number + 1, photos, format!("{}.jpg", number % 7).as_bytes()),
            node: Node::Photo(format!("/p/{}.jpg", number % 7).into()),
            reason: Reason::default(),
        });
        of(entries.collect(), Order::Name, budget)
    }

    fn of(entries: Vec<Entry>, order: Order, budget: &Budget) -> Option<Listing> {
        Listing::new(1, SystemTime::UNIX_EPOCH, entries, order, budget).ok()
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
    fn entries_are_shown_as_they_were_given_and_found_by_name() {
        let names = ["2x 9.0MB b", "3x 12MB c", "2x 1.0MB a", "2x 1.0MB a (2)"];
        let entries = names.map(|name| Entry {
            name: name.to_owned(),
            node: Node::Photo(name.into()),
            reason: Reason::default(),
        });
        let listing = of(entries.into(), Order::Given, &Budget::new(1 << 20)).unwrap();
        let shown: Vec<&str> = (listing.entries().iter())
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(shown, names);
        for entry in listing.entries() {
            assert_eq!(listing.find(&entry.name), Some(entry));
        }
        assert_eq!(listing.find("2x 1.0MB"), None);
    }

    #[test]
    fn the_budget_is_given_back_with_the_listing() {
        // Room for one of them, and not for two.
        let budget = Budget::new(700 * (size_of::<Entry>() + 150));
        let first = listing(700, &budget).unwrap();
        assert!(listing(700, &budget).is_none());
        drop(first);
        assert!(listing(700, &budget).is_some());
    }
}
