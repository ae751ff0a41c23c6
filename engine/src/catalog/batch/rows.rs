//! The facts of rows, kept true by each commit.
//!
//! What a row can be asked for depends on its content's metadata, on the files that hold it,
//! and on the sidecars beside them. Whatever of these a batch changes, it derives the facts
//! again, and says what they were and what they are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::SystemTime;

use super::{Batch, RowChange};
use crate::catalog::keys::{self, FileKey};
use crate::catalog::records::{ContentRecord, Stamp, unix_seconds};
use crate::catalog::row_facts::row_facts;
use crate::catalog::sidecars::{self, Belongs};
use crate::catalog::{CatalogError, FileRecord};
use crate::facets::RowFacts;
use crate::metadata::Metadata;
use crate::worker::ContentHash;

/// Of a content in more files than this, the times, names and sidecars of the first ones by path
/// count; the folders of all.
const MOST_FILES: usize = 256;

impl Batch<'_> {
    /// The contents of whose rows something changes.
    pub(super) fn changed_contents(&self) -> Result<BTreeSet<ContentHash>, CatalogError> {
        let mut changed: BTreeSet<ContentHash> = self.links.keys().copied().collect();
        changed.extend(self.contents.keys());
        changed.extend(self.metadata.keys());
        changed.extend(&self.derived);
        for sidecar in self.sidecars.keys() {
            // Photos that this batch puts beside it have links of their own.
            changed.extend(self.catalog.contents_beside(sidecar)?);
        }
        Ok(changed)
    }

    /// The files that hold a content after this batch, by path. If they are very many, only the
    /// first ones have their stamps.
    pub(super) fn files_of(
        &self,
        hash: &ContentHash,
    ) -> Result<Vec<(FileKey, Stamp)>, CatalogError> {
        let links = self.links.get(hash);
        let mut files = BTreeMap::new();
        for file in self.catalog.files_of(hash) {
            let file = file?;
            let is_changed = links
                .is_some_and(|links| links.removed.contains(&file) || links.added.contains(&file));
            if !is_changed {
                files.insert(file.record(), file);
            }
        }
        let added = links.into_iter().flat_map(|links| &links.added);
        files.extend(added.map(|file| (file.record(), file.clone())));
        let mut found = Vec::new();
        for (number, file) in files.into_values().enumerate() {
            let record = match self.files.get(&file) {
                Some(record) => record.clone(),
                None if number >= MOST_FILES => None,
                None => self.catalog.file(&file)?,
            };
            let stamp = record.map_or(Stamp::UNKNOWN, |record: FileRecord| record.stamp);
            found.push((file, stamp));
        }
        Ok(found)
    }

    /// Derives the facts of a row that belongs to a photo.
    pub(super) fn describe_row(
        &mut self,
        hash: &ContentHash,
        content: &ContentRecord,
        files: Vec<(FileKey, Stamp)>,
    ) -> Result<Option<RowChange>, CatalogError> {
        let record = match self.metadata.get(hash) {
            Some(record) => Some(record.clone()),
            None => self.catalog.metadata(hash)?,
        };
        let is_blank = record
            .as_ref()
            .is_some_and(|record| record.unseen.is_some());
        let mut metadata = record.map(|record| record.metadata).unwrap_or_default();
        for (file, _) in files.iter().take(MOST_FILES) {
            for sidecar in self.sidecars_of(file)? {
                metadata = metadata.with_sidecar(sidecar);
            }
        }
        let now = unix_seconds(SystemTime::now());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let facts = row_facts(content, metadata, files, is_blank, now);
        self.change_row(content.row, Some(facts))
    }

    /// Takes the facts of a row away.
    pub(super) fn forget_row(&mut self, row: u32) -> Result<Option<RowChange>, CatalogError> {
        self.change_row(row, None)
    }

    fn change_row(
        &mut self,
        row: u32,
        after: Option<RowFacts>,
    ) -> Result<Option<RowChange>, CatalogError> {
        let before = self.catalog.row_facts(row)?;
        if before == after {
            return Ok(None);
        }
        match &after {
            Some(facts) => self.write(keys::row_facts(row), facts)?,
            None => self.writes.remove(keys::row_facts(row)),
        }
        Ok(Some(RowChange { row, before, after }))
    }

    /// What the sidecars of a photo say after this batch, the least first.
    fn sidecars_of(&self, photo: &FileKey) -> Result<Vec<Metadata>, CatalogError> {
        let mut found: BTreeMap<(Belongs, FileKey), Metadata> = BTreeMap::new();
        for (file, belongs, metadata) in self.catalog.sidecars_of(photo)? {
            if !self.sidecars.contains_key(&file) {
                found.insert((belongs, file), metadata);
            }
        }
        for (file, metadata) in self.changed_sidecars(photo) {
            if let Some(belongs) = sidecars::belongs(file, photo)
                && let Some(metadata) = metadata
            {
                found.insert((belongs, file.clone()), (**metadata).clone());
            }
        }
        Ok(found.into_values().collect())
    }

    /// The sidecars of this batch whose names begin as those of a photo do.
    fn changed_sidecars(
        &self,
        photo: &FileKey,
    ) -> impl Iterator<Item = (&FileKey, &Option<Box<Metadata>>)> {
        let beginning = sidecars::beginning(photo).unwrap_or_default();
        let from = FileKey {
            name: std::ffi::OsString::from_vec(beginning.clone()),
            ..photo.clone()
        };
        let (root, folder) = (photo.root, photo.folder.clone());
        self.sidecars
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(file, _)| {
                file.root == root
                    && file.folder == folder
                    && file.name.as_bytes().starts_with(&beginning)
            })
    }
}

#[cfg(test)]
mod tests;
