//! Who holds a content: its files, told apart by whether they take room of their own.
//!
//! Hard links, and one file that is reached through two roots, are one copy with several names.
//! They are known by the inode, size and time that the catalogue has of them, and by the
//! filesystem of their root: two disks that were filled alike have the same numbers. Where a
//! filesystem keeps no inode numbers, only the same path is the same file. In doubt (disks that
//! are mounted below one root) files are taken for one: what is called a copy is one.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Because, DuplicateCopy, DuplicateFile};
use crate::catalog::{CatalogError, Stamp};
use crate::index::{Generation, Index};
use crate::media::Facts;
use crate::metadata::Metadata;
use crate::worker::ContentHash;

/// A content and its copies, the oldest first.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub content: ContentHash,
    row: u32,
    facts: Facts,
    quality: u8,
    /// There is no colour in it.
    is_grey: bool,
    /// How many fields of metadata it carries.
    described: usize,
    /// Never empty.
    copies: Vec<(Stamp, Vec<DuplicateFile>)>,
}

/// What tells files apart that take room of their own.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Filesystem, inode, size and time of modification.
    Inode(Option<u64>, u64, u64, i64),
    Path(PathBuf),
}

impl Holder {
    /// What makes a content better than another: the lesser is the better.
    pub(super) fn merit(&self) -> impl Ord + use<> {
        let pixels = u64::from(self.facts.width) * u64::from(self.facts.height);
        let oldest = self.copies.first();
        (
            // What took colour away did so for good, however large it wrote the rest.
            self.is_grey,
            Reverse(pixels),
            Reverse(self.quality),
            Reverse(self.described),
            oldest.map(|(stamp, _)| stamp.modified),
            // So that the order is always the same.
            oldest.and_then(|(_, files)| files.first().map(|file| file.path.clone())),
        )
    }

    /// Its copies. The first is there for the reason that is given, the others because they
    /// have the same bytes as the first.
    pub(super) fn into_copies(self, because: Because) -> Vec<DuplicateCopy> {
        let mut because = Some(because);
        let copies = self.copies.into_iter().map(|(stamp, files)| DuplicateCopy {
            content: self.content,
            row: self.row,
            files,
            stamp,
            facts: self.facts,
            quality: self.quality,
            because: because.take().unwrap_or(Because::SameBytes(0)),
        });
        copies.collect()
    }
}

impl Index {
    /// Who holds the content of a row; nothing if no reader sees it.
    pub(super) fn holder_of_row(
        &self,
        generation: &Generation,
        row: u32,
    ) -> Result<Option<Holder>, CatalogError> {
        match generation.vectors().content(row) {
            Some(content) => self.holder(generation, &content),
            None => Ok(None),
        }
    }

    /// Who holds a content; nothing if no reader sees it.
    pub(super) fn holder(
        &self,
        generation: &Generation,
        content: &ContentHash,
    ) -> Result<Option<Holder>, CatalogError> {
        let Some(record) = self.catalog.content(content)? else {
            return Ok(None);
        };
        // A later commit may have added it, or given it another row.
        if record.row >= generation.vectors().len() || generation.unseen().contains(record.row) {
            return Ok(None);
        }
        let mut places: BTreeMap<Place, (Stamp, Vec<DuplicateFile>)> = BTreeMap::new();
        for file in self.catalog.files_of(content) {
            let file = file?;
            let away = generation.away().roots.contains(&file.root);
            if away && generation.away().hidden {
                continue;
            }
            let Some(stamp) = self.catalog.file(&file)?.map(|record| record.stamp) else {
                continue;
            };
            let path = self.absolute(&file);
            let place = match stamp.inode {
                0 => Place::Path(path.clone()),
                inode => {
                    let filesystem = self.filesystem(file.root);
                    Place::Inode(filesystem, inode, stamp.size, stamp.modified)
                }
            };
            let (_, names) = places.entry(place).or_insert_with(|| (stamp, Vec::new()));
            let root = file.root;
            if names.iter().all(|known| known.path != path) {
                names.push(DuplicateFile { away, path, root });
            }
        }
        let mut copies: Vec<_> = places.into_values().collect();
        for (_, names) in &mut copies {
            names.sort();
        }
        copies.sort_by(|a, b| (a.0.modified, &a.1).cmp(&(b.0.modified, &b.1)));
        if copies.is_empty() {
            return Ok(None);
        }
        let metadata = self.catalog.metadata(content)?;
        let print = self.catalog.fingerprint(content)?;
        Ok(Some(Holder {
            content: *content,
            row: record.row,
            facts: record.facts,
            quality: print.as_ref().map_or(0, |print| print.quality),
            is_grey: print.is_some_and(|print| print.fingerprint.is_grey()),
            described: metadata.map_or(0, |record| described(&record.metadata)),
            copies,
        }))
    }
}

/// How many fields of metadata say something.
fn described(metadata: &Metadata) -> usize {
    [
        !metadata.dates.is_empty(),
        metadata.camera.is_some(),
        metadata.lens.is_some(),
        metadata.position.is_some(),
        !metadata.keywords.is_empty(),
        !metadata.people.is_empty(),
        metadata.rating.is_some(),
        metadata.title.is_some(),
        metadata.description.is_some(),
    ]
    .into_iter()
    .filter(|says| *says)
    .count()
}
