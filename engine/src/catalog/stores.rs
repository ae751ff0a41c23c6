//! Which stores of vectors there are: the one that is searched, and one that is being filled with
//! what another model makes of the same contents.
//!
//! The rows of both have the same numbers. What a vector is, and where it lies, is not known here.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use super::keys;
use super::{Batch, Catalog, CatalogError};
use crate::catalog::Pair;
use crate::embed::{Fingerprint, Model};
use crate::worker::ContentHash;

/// The model that the vectors of a store are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// The identity of its vectors.
    pub fingerprint: Fingerprint,
    /// The length of its vectors.
    pub dimension: u32,
    /// Its name and version, for people; empty in an index of a version that did not keep them.
    name: String,
    /// The folder that it was read from, in bytes.
    folder: Vec<u8>,
}

/// A store of vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRecord {
    /// Its number, by which its folder is named. Later stores have greater ones.
    pub number: u32,
    /// The model of its vectors.
    pub model: ModelRecord,
}

/// A store that is being filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStoreRecord {
    /// The store.
    pub store: StoreRecord,
    /// Rows that are surely in it.
    pub rows: u32,
    /// Those of them that are blank there and may get a vector yet, as a serialized bitmap.
    left: Vec<u8>,
    /// Since when, in seconds since 1970, everything that can be reached is in it.
    pub waits_since: Option<u64>,
}

/// The stores of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoresRecord {
    /// The one that is searched.
    pub current: StoreRecord,
    /// The one that is being filled to take its place.
    pub next: Option<NextStoreRecord>,
}

impl ModelRecord {
    /// What is kept of a model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        Self {
            fingerprint: model.fingerprint(),
            // At most 4096, as its manifest was read.
            dimension: model.dimension() as u32,
            name: model.name(),
            folder: model.folder().as_os_str().as_bytes().to_vec(),
        }
    }

    /// A model of which only this is known.
    #[must_use]
    pub fn unknown(fingerprint: Fingerprint, dimension: u32) -> Self {
        Self {
            fingerprint,
            dimension,
            name: String::new(),
            folder: Vec::new(),
        }
    }

    /// Its name and version, for people.
    #[must_use]
    pub fn name(&self) -> String {
        if self.name.is_empty() {
            format!("another model ({})", self.fingerprint)
        } else {
            self.name.clone()
        }
    }

    /// The folder that it was read from, if that is known. Another model may lie there now.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        let folder = OsString::from_vec(self.folder.clone());
        (!folder.is_empty()).then(|| folder.into())
    }
}

impl NextStoreRecord {
    /// An empty store.
    #[must_use]
    pub fn empty(store: StoreRecord) -> Self {
        Self {
            store,
            rows: 0,
            left: Vec::new(),
            waits_since: None,
        }
    }

    /// Its rows that are blank and may get a vector yet.
    #[must_use]
    pub fn left(&self) -> RoaringBitmap {
        // One that cannot be read was never written by us; its rows stay blank then.
        RoaringBitmap::deserialize_from(self.left.as_slice()).unwrap_or_default()
    }

    /// Notes which rows these are.
    pub fn set_left(&mut self, left: &RoaringBitmap) {
        let mut bytes = Vec::with_capacity(left.serialized_size());
        // Writing to memory does not fail.
        if left.serialize_into(&mut bytes).is_ok() {
            self.left = bytes;
        }
    }
}

impl Catalog {
    /// The stores of vectors; nothing in an index of a version that had only one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn stores(&self) -> Result<Option<StoresRecord>, CatalogError> {
        self.get(keys::STORES)
    }

    /// Records the stores of vectors, at once.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_stores(&self, stores: &StoresRecord) -> Result<(), CatalogError> {
        self.put(keys::STORES, stores)?;
        self.sync()
    }

    /// Leaves the catalogue as a version does that has one store only.
    #[cfg(test)]
    pub(crate) fn forget_stores(&self) {
        self.tree.remove(keys::STORES).unwrap();
        self.sync().unwrap();
    }
}

impl Batch<'_> {
    /// Records the stores of vectors.
    ///
    /// # Errors
    /// When the record cannot be encoded.
    pub fn put_stores(&mut self, stores: &StoresRecord) -> Result<(), CatalogError> {
        self.bookkeeping = true;
        self.write(keys::STORES.to_vec(), stores)
    }

    /// Forgets all pairs that are known by their vectors. Readers see it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_lookalikes(&mut self) -> Result<(), CatalogError> {
        self.announced = true;
        for pair in self.catalog.pairs() {
            let (a, b, pair) = pair?;
            if matches!(pair, Pair::Lookalike { .. }) {
                self.writes.remove(keys::pair(&a, &b));
                self.writes.remove(keys::pair(&b, &a));
            }
        }
        Ok(())
    }

    /// Has the next pass look at the files of a content, although their folders agree with the
    /// records.
    ///
    /// # Errors
    /// When the store fails.
    pub fn look_again(&mut self, hash: &ContentHash) -> Result<(), CatalogError> {
        self.bookkeeping = true;
        for file in self.catalog.files_of(hash) {
            self.touch(&file?)?;
        }
        Ok(())
    }
}
