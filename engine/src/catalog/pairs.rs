//! What the catalogue keeps of duplicates: fingerprints, pairs, and who waits to be compared.
//!
//! All of it hangs on contents, so it outlives moves and copies. What makes two a pair is not
//! known here.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::keys;
use super::records::ContentRecord;
use super::{Batch, Catalog, CatalogError, damaged, reading};
use crate::duplicates::{Evidence, Fingerprint, Tier};
use crate::worker::ContentHash;

/// Counts how fingerprints are taken and pairs are judged: raised when it is done in another
/// way. All photos are compared again then.
const PAIRS_VERSION: u32 = 1;

/// By what pictures of a content are found and judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerprintRecord {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// As how good its file was written ([`crate::media::quality`]).
    pub quality: u8,
}

/// What makes two contents a pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Pair {
    /// They are the same shot. The first is the content with the lesser hash.
    SamePhoto(Evidence),
    /// They are much alike.
    Lookalike {
        /// Cosine of their vectors.
        cosine: f32,
        /// Seconds between them, if it is a burst.
        seconds: Option<u32>,
    },
}

impl Pair {
    /// The kind of sameness that it shows.
    #[must_use]
    pub fn tier(&self) -> Tier {
        match self {
            Self::SamePhoto(_) => Tier::SamePhoto,
            Self::Lookalike { .. } => Tier::Lookalike,
        }
    }
}

/// Contents that are a pair, the one with the lesser hash first.
pub type PairOf = (ContentHash, ContentHash, Pair);

impl Catalog {
    /// Counts who waits. Where an older version kept other fingerprints, or none, these and the
    /// pairs are dropped, and all photos wait.
    pub(super) fn begin_pairs(&self) -> Result<(), CatalogError> {
        if self.get(keys::PAIRS_VERSION)? != Some(PAIRS_VERSION) {
            for tag in [keys::FINGERPRINT, keys::PAIR] {
                for key in self.tree.scan_prefix([tag]).keys() {
                    let key = key.map_err(|error| reading(&self.path, error))?;
                    self.tree
                        .remove(key)
                        .map_err(|source| self.writing(source))?;
                }
            }
            for entry in self.tree.scan_prefix([keys::CONTENT]) {
                let (_, value) = entry.map_err(|error| reading(&self.path, error))?;
                let ContentRecord { row, .. } = self.decode(&value)?;
                self.tree
                    .insert(keys::uncompared(row), &[])
                    .map_err(|source| self.writing(source))?;
            }
            // In this order: sled keeps the order of writes, also in a crash.
            self.put(keys::PAIRS_VERSION, &PAIRS_VERSION)?;
            self.sync()?;
        }
        let waiting = self.tree.scan_prefix([keys::UNCOMPARED]).keys().count();
        self.waiting.store(waiting as u64, Ordering::Relaxed);
        Ok(())
    }

    /// By what pictures of a content are found; nothing if that was never taken.
    ///
    /// # Errors
    /// When the store fails.
    pub fn fingerprint(
        &self,
        hash: &ContentHash,
    ) -> Result<Option<FingerprintRecord>, CatalogError> {
        self.get(&keys::fingerprint(hash))
    }

    /// All pairs.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pairs(&self) -> impl Iterator<Item = Result<PairOf, CatalogError>> + use<> {
        let path = self.path.clone();
        let entries = self.tree.scan_prefix([keys::PAIR]);
        let pairs = entries.map(move |entry| {
            let (key, value) = entry.map_err(|error| reading(&path, error))?;
            let (a, b) = keys::pair_of(&key).ok_or_else(|| damaged(&path, "a pair"))?;
            // Each is kept under both of its contents.
            if a > b {
                return Ok(None);
            }
            let pair = postcard::from_bytes(&value).map_err(|error| damaged(&path, error))?;
            Ok(Some((a, b, pair)))
        });
        pairs.filter_map(Result::transpose)
    }

    /// The contents that are a pair with this one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pairs_of(&self, hash: &ContentHash) -> Result<Vec<(ContentHash, Pair)>, CatalogError> {
        let mut pairs = Vec::new();
        for entry in self.tree.scan_prefix(keys::pairs(hash)) {
            let (key, value) = entry.map_err(|error| reading(&self.path, error))?;
            let (_, other) = keys::pair_of(&key).ok_or_else(|| damaged(&self.path, "a pair"))?;
            pairs.push((other, self.decode(&value)?));
        }
        Ok(pairs)
    }

    /// The rows that wait to be compared with others, the lowest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn uncompared(&self) -> impl Iterator<Item = Result<u32, CatalogError>> + use<> {
        let path = self.path.clone();
        let keys = self.tree.scan_prefix([keys::UNCOMPARED]).keys();
        keys.map(move |key| {
            let key = key.map_err(|error| reading(&path, error))?;
            keys::row_of(&key).ok_or_else(|| damaged(&path, "a row that waits"))
        })
    }

    /// How many rows wait to be compared with others.
    #[must_use]
    pub fn uncompared_count(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether a row waits to be compared with others.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_uncompared(&self, row: u32) -> Result<bool, CatalogError> {
        let found = self.tree.contains_key(keys::uncompared(row));
        found.map_err(|error| reading(&self.path, error))
    }
}

impl Batch<'_> {
    /// Records by what pictures of a content are found.
    ///
    /// # Errors
    /// When the record cannot be encoded.
    pub fn put_fingerprint(
        &mut self,
        hash: &ContentHash,
        record: &FingerprintRecord,
    ) -> Result<(), CatalogError> {
        self.bookkeeping = true;
        self.write(keys::fingerprint(hash), record)
    }

    /// Records that two contents are a pair. Readers see it.
    ///
    /// # Errors
    /// When the record cannot be encoded.
    pub fn put_pair(
        &mut self,
        a: &ContentHash,
        b: &ContentHash,
        pair: &Pair,
    ) -> Result<(), CatalogError> {
        self.announced = true;
        self.write(keys::pair(a, b), pair)?;
        self.write(keys::pair(b, a), pair)
    }

    /// Has a row wait to be compared with others, or not any more.
    pub fn set_uncompared(&mut self, row: u32, waits: bool) {
        self.bookkeeping = true;
        self.waiting.insert(row, waits);
    }

    /// Has the partners of a content that is gone wait to be compared: they may have been known
    /// to be one photo only through it.
    pub(super) fn compare_partners(&mut self, hash: &ContentHash) -> Result<(), CatalogError> {
        for (other, _) in self.catalog.pairs_of(hash)? {
            if let Some(content) = self.content(&other)? {
                self.waiting.entry(content.row).or_insert(true);
            }
        }
        Ok(())
    }

    /// Forgets fingerprint and pairs of a content.
    pub(super) fn forget_pairs(&mut self, hash: &ContentHash) -> Result<(), CatalogError> {
        for (other, _) in self.catalog.pairs_of(hash)? {
            self.writes.remove(keys::pair(hash, &other));
            self.writes.remove(keys::pair(&other, hash));
        }
        self.writes.remove(keys::fingerprint(hash));
        Ok(())
    }

    /// Writes who waits; by how many there are more afterwards.
    pub(super) fn write_waiting(&mut self) -> Result<i64, CatalogError> {
        let mut gained = 0;
        for (row, waits) in std::mem::take(&mut self.waiting) {
            let waited = self.catalog.is_uncompared(row)?;
            gained += i64::from(waits) - i64::from(waited);
            let key = keys::uncompared(row);
            if waits {
                self.writes.insert(key, &[]);
            } else {
                self.writes.remove(key);
            }
        }
        Ok(gained)
    }
}
