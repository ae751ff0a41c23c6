//! From one model to another: a second store of vectors is filled row by row while the first is
//! searched, and takes its place in one commit.
//!
//! Rows keep their numbers, so everything that hangs on them stays. A row of which no vector can
//! be made is blank in the next store as well; if one may be made later, it is *left*, and is
//! tried again. What is still left when the store takes the place of the other is noted at its
//! content: the next pass that meets a file of it gives it a row with a vector.

use roaring::RoaringBitmap;

use super::{Index, IndexError, Transaction, stores};
use crate::catalog::{ContentRecord, MetadataRecord, NextStoreRecord, StoreRecord, StoresRecord};
use crate::embed::{Fingerprint, Model};
use crate::metadata::Metadata;
use crate::problem::{Problem, ProblemKind};
use crate::worker::ContentHash;

/// What becomes of a row in the next store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NextRow {
    /// It has a vector.
    Vector(Vec<f32>),
    /// There is none of it, and will be none.
    Blank,
    /// There is none now.
    Left,
}

impl Index {
    /// Whether a content is blank only because its vector was never made.
    pub(crate) fn is_owed_a_vector(&self, hash: &ContentHash) -> Result<bool, IndexError> {
        let record = self.catalog.metadata(hash)?;
        Ok(record.is_some_and(|record| is_owed(&record)))
    }

    /// Has a store filled with the vectors of `model`, unless those are searched now; one that is
    /// being filled with those of another is given up. Whether there is one to be filled.
    ///
    /// # Errors
    /// When a store fails.
    pub fn want(&self, model: &Model) -> Result<bool, IndexError> {
        let mut transaction = self.begin()?;
        let record = transaction.stores.record.clone();
        let is_current = record.current.model.fingerprint == model.fingerprint();
        let dropped = match &record.next {
            None if is_current => return Ok(false),
            Some(next) if next.store.model.fingerprint == model.fingerprint() && !is_current => {
                return Ok(true);
            }
            next => next.as_ref().map(|next| next.store.number),
        };
        let (next, store) = if is_current {
            (None, None)
        } else {
            let (next, store) = transaction.stores.make_next(&self.path, model)?;
            (Some(next), Some(store))
        };
        let current = record.current;
        transaction.record = Some(StoresRecord { current, next });
        transaction.put_stores()?;
        // Its files go when it is dropped; nobody was shown any of it.
        transaction.stores.next = store;
        transaction.committed_next = 0;
        transaction.commit()?;
        if let Some(number) = dropped {
            stores::remove(&stores::folder(&self.path, number))?;
        }
        Ok(!is_current)
    }

    /// The store that is being filled, as it is committed.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn next_store(&self) -> Result<Option<NextStoreRecord>, IndexError> {
        Ok(self.catalog.stores()?.and_then(|stores| stores.next))
    }

    /// Has those contents read again that were taken in while the model was missing whose
    /// vectors are searched: it is there now. How many there are.
    ///
    /// # Errors
    /// When a store fails.
    pub fn retry_awaiting(&self) -> Result<u64, IndexError> {
        let generation = self.generation();
        let mut transaction = self.begin()?;
        let mut retried = 0;
        for row in generation.facets().blank() {
            let Some(hash) = generation.vectors().content(row) else {
                continue;
            };
            let Some(mut record) = self.catalog.metadata(&hash)? else {
                continue;
            };
            if let Some((_, conditions)) = &mut record.unseen
                && *conditions == MetadataRecord::AWAITS_MODEL
            {
                *conditions = MetadataRecord::RETRY;
                transaction.put_metadata(hash, record)?;
                transaction.catalog()?.look_again(&hash)?;
                retried += 1;
            }
        }
        transaction.commit()?;
        Ok(retried)
    }
}

impl Transaction<'_> {
    /// The identity of the vectors that are searched, and that new rows have.
    pub(crate) fn model(&self) -> Fingerprint {
        self.stores.record.current.model.fingerprint
    }

    /// Adds the next rows of the store that is being filled with the vectors of `model`, from
    /// row `first` on. False, and nothing is added, if it is no more, or these are not its next
    /// rows.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn append_next(
        &mut self,
        model: Fingerprint,
        first: u32,
        rows: &[(ContentHash, NextRow)],
    ) -> Result<bool, IndexError> {
        let Some(mut next) = self.next_of(model) else {
            return Ok(false);
        };
        let mut left = next.left();
        let Some(store) = &mut self.stores.next else {
            return Ok(false);
        };
        if store.rows() != first {
            return Ok(false);
        }
        for (hash, row) in rows {
            match row {
                NextRow::Vector(vector) => store.append(hash, vector)?,
                NextRow::Blank => store.append_blank(hash)?,
                NextRow::Left => {
                    let row = store.append_blank(hash)?;
                    left.insert(row);
                    row
                }
            };
        }
        next.rows = store.rows();
        next.set_left(&left);
        // There is more to come, so whatever waited waits anew.
        next.waits_since = None;
        self.put_next(next)?;
        Ok(true)
    }

    /// Gives rows of the store that is being filled, which were left, their vectors, or none for
    /// good. False as in [`Self::append_next`].
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn mend_next(
        &mut self,
        model: Fingerprint,
        rows: &[(u32, ContentHash, NextRow)],
    ) -> Result<bool, IndexError> {
        let Some(mut next) = self.next_of(model) else {
            return Ok(false);
        };
        let mut left = next.left();
        let Some(store) = &mut self.stores.next else {
            return Ok(false);
        };
        for (row, hash, found) in rows {
            match found {
                NextRow::Vector(vector) => {
                    store.replace(*row, hash, vector)?;
                    left.remove(*row);
                }
                NextRow::Blank => {
                    left.remove(*row);
                }
                NextRow::Left => {}
            }
        }
        self.mended = true;
        next.set_left(&left);
        self.put_next(next)?;
        Ok(true)
    }

    /// Notes since when the store that is being filled waits for what cannot be reached.
    ///
    /// # Errors
    /// Never while the transaction is open.
    pub(crate) fn set_waiting(&mut self, model: Fingerprint, since: u64) -> Result<(), IndexError> {
        if let Some(mut next) = self.next_of(model) {
            next.waits_since.get_or_insert(since);
            self.put_next(next)?;
        }
        Ok(())
    }

    /// Has the store that is being filled with the vectors of `model` take the place of the one
    /// that is searched, by this commit. False if it is no more, or has not all rows.
    ///
    /// # Errors
    /// When a store fails.
    pub(crate) fn swap(&mut self, model: Fingerprint) -> Result<bool, IndexError> {
        let Some(next) = self.next_of(model) else {
            return Ok(false);
        };
        let rows = self.stores.current.rows();
        let Some(vectors) = self.stores.next.as_ref().filter(|next| next.rows() == rows) else {
            return Ok(false);
        };
        let vectors = vectors.snapshot();
        let generation = self.index.generation();
        for row in next.left() {
            if let Some(hash) = vectors.content(row) {
                self.owe(row, &hash)?;
            }
        }
        for row in generation.facets().blank() {
            if vectors.vector(row).is_some()
                && let Some(hash) = vectors.content(row)
                && let Some(mut record) = self.index.catalog.metadata(&hash)?
            {
                record.unseen = None;
                self.put_metadata(hash, record)?;
            }
        }
        let batch = self.catalog()?;
        batch.drop_lookalikes()?;
        let mut alive = RoaringBitmap::new();
        alive.insert_range(0..rows);
        for row in alive - &generation.dead {
            batch.set_uncompared(row, true);
        }
        batch.announce();
        self.record = Some(StoresRecord {
            current: next.store,
            next: None,
        });
        self.put_stores()?;
        self.swapped = true;
        Ok(true)
    }

    /// Notes that a content has no vector, and is to be read again for one.
    fn owe(&mut self, row: u32, hash: &ContentHash) -> Result<(), IndexError> {
        let known = self.catalog()?.content(hash)?;
        // Forgotten for good, or it has another row since.
        if known.is_none_or(|ContentRecord { row: known, .. }| known != row) {
            return Ok(());
        }
        let reason = "it could not be read when the model was changed";
        let unseen = Some((
            Problem::new(ProblemKind::Unreadable, reason),
            MetadataRecord::RETRY,
        ));
        let record = match self.index.catalog.metadata(hash)? {
            Some(record) => MetadataRecord { unseen, ..record },
            None => MetadataRecord {
                version: 0,
                unseen,
                metadata: Metadata::default(),
            },
        };
        self.put_metadata(*hash, record)?;
        Ok(self.catalog()?.look_again(hash)?)
    }

    fn next_of(&self, model: Fingerprint) -> Option<NextStoreRecord> {
        let record = self.record.as_ref().unwrap_or(&self.stores.record);
        let next = record.next.as_ref();
        next.filter(|next| next.store.model.fingerprint == model)
            .cloned()
    }

    fn put_next(&mut self, next: NextStoreRecord) -> Result<(), IndexError> {
        let current: StoreRecord = self.stores.record.current.clone();
        let next = Some(next);
        self.record = Some(StoresRecord { current, next });
        self.put_stores()
    }

    fn put_stores(&mut self) -> Result<(), IndexError> {
        if let Some(record) = self.record.clone() {
            self.catalog()?.put_stores(&record)?;
        }
        Ok(())
    }
}

/// Whether a content has no vector although a picture of it may be had.
fn is_owed(record: &MetadataRecord) -> bool {
    let owed = [MetadataRecord::RETRY, MetadataRecord::AWAITS_MODEL];
    let unseen = record.unseen.as_ref();
    unseen.is_some_and(|(_, conditions)| owed.contains(conditions))
}

#[cfg(test)]
mod tests;
