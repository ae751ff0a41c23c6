//! What the catalogue knows of a content beyond its row: metadata, and the facts of rows that
//! are derived from it.

use super::keys::{self, FileKey};
use super::records::{FileRecord, Finding, MetadataHead, MetadataRecord};
use super::sidecars::{self, Belongs};
use super::{Catalog, CatalogError, damaged, reading};
use crate::facets::RowFacts;
use crate::metadata::Metadata;
use crate::worker::ContentHash;

/// Counts how facts of rows are derived and kept: raised when [`RowFacts`], or what they are
/// derived by, becomes another. They are derived again then when the index is opened.
const ROW_FACTS_VERSION: u32 = 3;

/// How far the catalogue knows a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Not at all.
    None,
    /// There is no picture of it, and under these conditions there may be one.
    Unseen,
    /// Its metadata was not read, or by a version that understood less.
    Outdated,
    /// Reading it again would say nothing new.
    Current,
}

impl Catalog {
    /// What a content says of itself; nothing if that was not read yet.
    ///
    /// # Errors
    /// When the store fails.
    pub fn metadata(&self, hash: &ContentHash) -> Result<Option<MetadataRecord>, CatalogError> {
        self.get(&keys::metadata(hash))
    }

    /// How far a content is known, under these conditions
    /// ([`crate::worker::WorkerSettings::conditions`]).
    ///
    /// # Errors
    /// When the store fails.
    pub fn knowledge(
        &self,
        hash: &ContentHash,
        conditions: u64,
    ) -> Result<Knowledge, CatalogError> {
        Ok(match self.metadata_head(hash)? {
            Some(head) if head.is_current(conditions) => Knowledge::Current,
            Some(head) if head.unseen.is_some() => Knowledge::Unseen,
            Some(_) => Knowledge::Outdated,
            None if self.content(hash)?.is_some() => Knowledge::Outdated,
            None => Knowledge::None,
        })
    }

    /// Whether reading a content that the catalogue has would say nothing new.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_current(&self, hash: &ContentHash, conditions: u64) -> Result<bool, CatalogError> {
        let head = self.metadata_head(hash)?;
        Ok(head.is_some_and(|head| head.is_current(conditions)))
    }

    /// Whether no picture could be had of a content.
    pub(super) fn is_unseen(&self, hash: &ContentHash) -> Result<bool, CatalogError> {
        let head = self.metadata_head(hash)?;
        Ok(head.is_some_and(|head| head.unseen.is_some()))
    }

    /// The facts of a row; nothing for a row that belongs to no photo.
    ///
    /// # Errors
    /// When the store fails.
    pub fn row_facts(&self, row: u32) -> Result<Option<RowFacts>, CatalogError> {
        self.get(&keys::row_facts(row))
    }

    /// Removes all facts of rows, if they were kept by a version that derived others.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_old_row_facts(&self) -> Result<(), CatalogError> {
        if self.get(keys::ROW_FACTS_VERSION)? == Some(ROW_FACTS_VERSION) {
            return Ok(());
        }
        for key in self.tree.scan_prefix([keys::ROW_FACTS]).keys() {
            let key = key.map_err(|error| reading(&self.path, error))?;
            self.tree
                .remove(key)
                .map_err(|source| self.writing(source))?;
        }
        // In this order: sled keeps the order of writes, also in a crash.
        self.put(keys::ROW_FACTS_VERSION, &ROW_FACTS_VERSION)?;
        self.sync()
    }

    /// The facts of all rows, by row.
    ///
    /// # Errors
    /// When the store fails.
    pub fn all_row_facts(
        &self,
    ) -> impl Iterator<Item = Result<(u32, RowFacts), CatalogError>> + use<> {
        let path = self.path.clone();
        let entries = self.tree.scan_prefix([keys::ROW_FACTS]);
        entries.map(move |entry| {
            let (key, value) = entry.map_err(|error| reading(&path, error))?;
            let row = keys::row_of(&key).ok_or_else(|| damaged(&path, "the facts of a row"))?;
            let facts = postcard::from_bytes(&value).map_err(|error| damaged(&path, error))?;
            Ok((row, facts))
        })
    }

    /// The recorded sidecars that belong to a photo.
    pub(super) fn sidecars_of(
        &self,
        photo: &FileKey,
    ) -> Result<Vec<(FileKey, Belongs, Metadata)>, CatalogError> {
        let mut found = Vec::new();
        let Some(beginning) = sidecars::beginning(photo) else {
            return Ok(found);
        };
        let prefix = keys::files_beginning(photo.root, &photo.folder, &beginning);
        for entry in self.tree.scan_prefix(prefix) {
            let (key, value) = entry.map_err(|error| reading(&self.path, error))?;
            let file = FileKey::of_record(&key).ok_or_else(|| damaged(&self.path, "a file"))?;
            if let Some(belongs) = sidecars::belongs(&file, photo)
                && let Finding::Sidecar(metadata, _) = self.decode::<FileRecord>(&value)?.finding
            {
                found.push((file, belongs, *metadata));
            }
        }
        Ok(found)
    }

    /// The contents of the recorded photos that a sidecar belongs to.
    pub(super) fn contents_beside(
        &self,
        sidecar: &FileKey,
    ) -> Result<Vec<ContentHash>, CatalogError> {
        let mut found = Vec::new();
        let Some(base) = sidecars::base(&sidecar.name) else {
            return Ok(found);
        };
        let named = FileKey {
            name: base.to_owned(),
            ..sidecar.clone()
        };
        if let Some(Finding::Photo(hash)) = self.file(&named)?.map(|record| record.finding) {
            found.push(hash);
        }
        let beginning = sidecars::with_dot(base);
        let prefix = keys::files_beginning(sidecar.root, &sidecar.folder, &beginning);
        for entry in self.records(&prefix) {
            let (file, record) = entry?;
            if let Finding::Photo(hash) = record.finding
                && sidecars::belongs(sidecar, &file).is_some()
            {
                found.push(hash);
            }
        }
        Ok(found)
    }

    /// Leaves the catalogue as a version does that keeps no facts of rows.
    #[cfg(test)]
    pub(crate) fn forget_row_facts(&self) {
        let facts = self.tree.scan_prefix([keys::ROW_FACTS]).keys();
        for key in facts.chain([Ok(keys::ROW_FACTS_VERSION.into())]) {
            self.tree.remove(key.unwrap()).unwrap();
        }
        self.sync().unwrap();
    }

    fn metadata_head(&self, hash: &ContentHash) -> Result<Option<MetadataHead>, CatalogError> {
        let value = self
            .tree
            .get(keys::metadata(hash))
            .map_err(|error| reading(&self.path, error))?;
        value
            .map(|value| match postcard::take_from_bytes(&value) {
                Ok((head, _)) => Ok(head),
                Err(error) => Err(damaged(&self.path, error)),
            })
            .transpose()
    }
}
