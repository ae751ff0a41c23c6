//! The one writer: changes of catalogue and vectors that are committed together.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, OnceLock};
use std::time::SystemTime;

use super::stores::{self, Stores};
use super::{Away, Generation, Index, IndexError};
use crate::catalog::{
    Batch, ContentRecord, FileKey, FileRecord, MetadataRecord, RootId, StoresRecord,
};
use crate::media::Facts;
use crate::worker::ContentHash;

/// Changes of the index that are committed together, or dropped together.
#[derive(Debug)]
pub struct Transaction<'a> {
    pub(super) index: &'a Index,
    /// Taken by the commit; a transaction that is dropped with it is rolled back.
    pub(super) batch: Option<Batch<'a>>,
    pub(super) stores: MutexGuard<'a, Stores>,
    pub(super) committed_rows: u32,
    /// Rows of the store that is being filled.
    pub(super) committed_next: u32,
    /// What the catalogue is to keep of the stores from this commit on.
    pub(super) record: Option<StoresRecord>,
    /// Rows of the store that is being filled were written again.
    pub(super) mended: bool,
    /// That store takes the place of the other by this commit.
    pub(super) swapped: bool,
    /// What readers are told of roots from this commit on.
    pub(super) away: Option<Away>,
}

impl<'a> Transaction<'a> {
    /// Adds a content with its vector, unless the index has it already: with a vector, and
    /// not taken for another format. What it had before dies.
    ///
    /// # Errors
    /// When the store or the catalogue fails.
    pub fn add_content(
        &mut self,
        hash: ContentHash,
        facts: Facts,
        vector: &[f32],
    ) -> Result<(), IndexError> {
        if let Some(known) = self.batch()?.content(&hash)?
            && known.facts.format == facts.format
            && !self.batch()?.is_unseen(&hash)?
        {
            return Ok(());
        }
        let row = self.stores.current.append(&hash, vector)?;
        Ok(self
            .batch()?
            .add_content(hash, ContentRecord { row, facts })?)
    }

    /// Adds a content of which no picture could be had, with a row that no search by looks
    /// finds; unless the index has a vector of it. Whether it has none: then metadata must
    /// follow that say why.
    ///
    /// # Errors
    /// When the store or the catalogue fails.
    pub fn add_unseen(&mut self, hash: ContentHash, facts: Facts) -> Result<bool, IndexError> {
        let known = self.batch()?.content(&hash)?;
        let row = match known {
            Some(known) if self.batch()?.is_unseen(&hash)? => known.row,
            Some(known) if known.facts.format == facts.format => return Ok(false),
            _ => self.stores.current.append_blank(&hash)?,
        };
        let record = ContentRecord { row, facts };
        self.batch()?.add_content(hash, record)?;
        Ok(true)
    }

    /// Records what a content says of itself.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn put_metadata(
        &mut self,
        hash: ContentHash,
        record: MetadataRecord,
    ) -> Result<(), IndexError> {
        Ok(self.batch()?.put_metadata(hash, record)?)
    }

    /// Records what reading a file gave.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn put_file(&mut self, file: FileKey, record: FileRecord) -> Result<(), IndexError> {
        Ok(self.batch()?.put_file(file, record)?)
    }

    /// Forgets a file.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn remove_file(&mut self, file: FileKey) -> Result<(), IndexError> {
        Ok(self.batch()?.remove_file(file)?)
    }

    /// Forgets a folder, not its files.
    pub fn remove_folder(&mut self, root: RootId, folder: &Path) {
        if let Some(batch) = &mut self.batch {
            batch.remove_folder(root, folder);
        }
    }

    /// Tells readers, from this commit on, which roots cannot be reached.
    ///
    /// # Errors
    /// Never while the transaction is open.
    pub(super) fn set_away(&mut self, away: Away) -> Result<(), IndexError> {
        self.batch()?.announce();
        self.away = Some(away);
        Ok(())
    }

    /// The batch of the catalogue's part, for what needs no vectors.
    ///
    /// # Errors
    /// Never while the transaction is open.
    pub(crate) fn catalog(&mut self) -> Result<&mut Batch<'a>, IndexError> {
        self.batch()
    }

    /// Commits everything and publishes the next generation.
    ///
    /// # Errors
    /// When a store fails. What was committed before stays; if the catalogue failed, the
    /// index is not written to any more until it is opened again.
    pub fn commit(mut self) -> Result<(), IndexError> {
        if self.stores.current.rows() != self.committed_rows {
            self.stores.current.sync()?;
        }
        let (mended, committed_next) = (self.mended, self.committed_next);
        if let Some(next) = &mut self.stores.next
            && (mended || next.rows() != committed_next)
        {
            next.sync()?;
        }
        let Some(batch) = self.batch.take().filter(|batch| !batch.is_empty()) else {
            return Ok(());
        };
        // If this fails, the batch may be in the catalogue or not; its rows must not be
        // given out again.
        let committed = batch.commit().inspect_err(|_| {
            self.index.closed.store(true, Ordering::Relaxed);
        })?;
        if let Some(record) = self.record.take() {
            self.stores.record = record;
        }
        let replaced = self.stores.take_turns(self.swapped);
        let previous = self.index.generation();
        if committed.totals.generation == previous.number() {
            return Ok(());
        }
        let mut dead = previous.dead.clone();
        dead.extend(&committed.died);
        for row in &committed.revived {
            dead.remove(*row);
        }
        let mut facets = previous.facets.clone();
        for change in &committed.facts {
            facets.replace(change.row, change.before.as_ref(), change.after.as_ref());
        }
        let next = Generation {
            vectors: self.stores.current.snapshot(),
            model: if replaced.is_some() {
                Arc::new(self.stores.record.current.model.clone())
            } else {
                Arc::clone(&previous.model)
            },
            dead,
            totals: committed.totals,
            facets,
            published: SystemTime::now(),
            away: match self.away.take() {
                Some(away) => Arc::new(away),
                None => Arc::clone(&previous.away),
            },
            unseen: OnceLock::new(),
            counts: OnceLock::new(),
        };
        self.index.publish(next);
        // Readers of earlier generations have its files open.
        if let Some(number) = replaced
            && let Err(error) = stores::remove(&stores::folder(&self.index.path, number))
        {
            tracing::warn!(%error, "vectors that are not needed any more are left");
        }
        Ok(())
    }

    fn batch(&mut self) -> Result<&mut Batch<'a>, IndexError> {
        // Only `commit` takes the batch, and it takes the transaction with it.
        match &mut self.batch {
            Some(batch) => Ok(batch),
            None => unreachable!("a transaction has a batch until it is committed"),
        }
    }

    fn roll_back(&mut self) {
        let (rows, next_rows) = (self.committed_rows, self.committed_next);
        let stores = &mut *self.stores;
        let mut taken_back = vec![stores.current.truncate(rows)];
        taken_back.extend(stores.next.as_mut().map(|next| next.truncate(next_rows)));
        for error in taken_back.into_iter().filter_map(Result::err) {
            tracing::error!(%error, "uncommitted vectors could not be taken back");
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.batch.is_some() {
            self.roll_back();
        }
    }
}
