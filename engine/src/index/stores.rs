//! The stores of vectors of an index: the one that is searched, and one that is being filled with
//! what another model makes of the same contents.
//!
//! The folder of store 0 is `vectors`, that of store n `vectors-n`. The catalogue says which of
//! them there are; others are left by a crash, and go when the index is opened. How a store is
//! filled is not known here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{IndexError, folder_error};
use crate::catalog::{Catalog, ModelRecord, NextStoreRecord, StoreRecord, StoresRecord};
use crate::embed::{Fingerprint, Model};
use crate::vectors::{VectorError, VectorStore};

/// How the folders of stores are named.
const FOLDER: &str = "vectors";

/// The stores, open.
#[derive(Debug)]
pub(super) struct Stores {
    /// What is committed of them.
    pub record: StoresRecord,
    pub current: VectorStore,
    /// The number of `current`.
    number: u32,
    /// There is one whenever the record has one.
    pub next: Option<VectorStore>,
}

impl Stores {
    /// Opens the stores of the index in `state`, of which `rows` rows are committed. One that is
    /// empty becomes that of `wanted`.
    pub(super) fn open(
        state: &Path,
        catalog: &Catalog,
        rows: u32,
        wanted: &Model,
    ) -> Result<Self, IndexError> {
        let known = catalog.stores()?;
        let mut record = match known.clone() {
            Some(record) => record,
            None => StoresRecord {
                current: StoreRecord {
                    number: 0,
                    model: identify(&folder(state, 0), wanted)?,
                },
                next: None,
            },
        };
        if rows == 0 {
            record = StoresRecord {
                current: StoreRecord {
                    number: record.current.number,
                    model: ModelRecord::of(wanted),
                },
                next: None,
            };
            // Of whatever model: nobody counts on anything in it.
            remove(&folder(state, record.current.number))?;
        } else if record.current.model.fingerprint == wanted.fingerprint() {
            // It may have another name now, or lie elsewhere.
            record.current.model = ModelRecord::of(wanted);
        }
        let current = open_store(state, &record.current, rows).map_err(|error| match error {
            VectorError::Io { .. } => IndexError::Vectors(error),
            error => IndexError::Damaged(error),
        })?;
        let mut next = None;
        if let Some(filled) = &record.next {
            match open_store(state, &filled.store, filled.rows) {
                Ok(store) => next = Some(store),
                Err(error) => {
                    tracing::warn!(%error, "the vectors of the next model are made anew");
                    record.next = None;
                }
            }
        }
        if known.as_ref() != Some(&record) {
            catalog.put_stores(&record)?;
        }
        let stores = Self {
            number: record.current.number,
            record,
            current,
            next,
        };
        stores.remove_others(state)?;
        Ok(stores)
    }

    /// If the store that was filled has taken the place of the other: the number of the other,
    /// which is not open any more.
    pub(super) fn take_turns(&mut self, swapped: bool) -> Option<u32> {
        let next = self.next.take_if(|_| swapped)?;
        let replaced = std::mem::replace(&mut self.number, self.record.current.number);
        self.current = next;
        Some(replaced)
    }

    /// Removes the folders of all stores that are not there.
    fn remove_others(&self, state: &Path) -> Result<(), IndexError> {
        let next = self.record.next.as_ref().map(|next| next.store.number);
        let is_there = |number| number == self.record.current.number || Some(number) == next;
        for (number, folder) in folders(state)? {
            if !is_there(number) {
                remove(&folder)?;
            }
        }
        Ok(())
    }

    /// An empty store for the vectors of a model, with a number that none had.
    pub(super) fn make_next(
        &self,
        state: &Path,
        model: &Model,
    ) -> Result<(NextStoreRecord, VectorStore), IndexError> {
        let dropped = self.record.next.as_ref().map(|next| next.store.number);
        let last = self.record.current.number.max(dropped.unwrap_or(0));
        let store = StoreRecord {
            number: last + 1,
            model: ModelRecord::of(model),
        };
        // Left by one that was made and never recorded.
        remove(&folder(state, store.number))?;
        let opened = open_store(state, &store, 0)?;
        Ok((NextStoreRecord::empty(store), opened))
    }
}

/// Removes all stores of an index.
pub(super) fn erase(state: &Path) -> Result<(), IndexError> {
    for (_, folder) in folders(state)? {
        remove(&folder)?;
    }
    Ok(())
}

/// The folder of a store.
pub(super) fn folder(state: &Path, number: u32) -> PathBuf {
    match number {
        0 => state.join(FOLDER),
        number => state.join(format!("{FOLDER}-{number}")),
    }
}

/// Removes the folder of a store, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), IndexError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(folder_error(folder, error)),
        _ => Ok(()),
    }
}

fn open_store(state: &Path, store: &StoreRecord, rows: u32) -> Result<VectorStore, VectorError> {
    let StoreRecord { number, model } = store;
    let dimension = model.dimension as usize;
    VectorStore::open(
        &folder(state, *number),
        &model.fingerprint.0,
        dimension,
        rows,
    )
}

/// The model of a store that was made by a version that kept no record of it.
fn identify(folder: &Path, wanted: &Model) -> Result<ModelRecord, IndexError> {
    match VectorStore::identify(folder) {
        Ok(Some((fingerprint, dimension))) if fingerprint != wanted.fingerprint().0 => {
            let dimension = u32::try_from(dimension).unwrap_or(u32::MAX);
            Ok(ModelRecord::unknown(Fingerprint(fingerprint), dimension))
        }
        // One that is missing or damaged is told of when it is opened.
        Ok(_) | Err(VectorError::Damaged { .. }) => Ok(ModelRecord::of(wanted)),
        Err(error) => Err(error.into()),
    }
}

/// The folders of stores that are there, with their numbers.
fn folders(state: &Path) -> Result<Vec<(u32, PathBuf)>, IndexError> {
    let mut found = Vec::new();
    let entries = fs::read_dir(state).map_err(|error| folder_error(state, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| folder_error(state, error))?;
        let name = entry.file_name();
        let number = match name.to_str().and_then(|name| name.strip_prefix(FOLDER)) {
            Some("") => Some(0),
            Some(rest) => rest.strip_prefix('-').and_then(|rest| rest.parse().ok()),
            None => None,
        };
        // `vectors-01` is none of ours.
        if let Some(number) = number.filter(|number| folder(state, *number) == entry.path()) {
            found.push((number, entry.path()));
        }
    }
    Ok(found)
}
