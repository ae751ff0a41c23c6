//! Contents that are being decoded right now, so that none is decoded twice.
//!
//! Two files with the same new content may be read at the same moment. The first one
//! claims the content; the others wait here, as entries and not as threads, and are
//! recorded when the first one's fate is known.

use std::collections::HashMap;
use std::sync::Mutex;

use super::lock;
use crate::catalog::{Catalog, CatalogError, FileKey, Stamp};
use crate::worker::ContentHash;

/// A file that waits for another file's content.
pub(super) type Waiting = (FileKey, Stamp);

#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashMap<ContentHash, Vec<Waiting>>>);

/// What is to be done with a file of this content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Decode it; [`InFlight::finish`] must follow.
    Decode,
    /// Another file is being decoded: this one waits for it.
    Waits,
    /// The index has it.
    Known,
}

impl InFlight {
    /// Claims a content for a file.
    pub(super) fn claim(
        &self,
        catalog: &Catalog,
        hash: &ContentHash,
        file: &FileKey,
        stamp: Stamp,
    ) -> Result<Claim, CatalogError> {
        let mut contents = lock(&self.0);
        if let Some(waiting) = contents.get_mut(hash) {
            waiting.push((file.clone(), stamp));
            return Ok(Claim::Waits);
        }
        // Under the lock: a content leaves this map only after it is in the catalogue.
        if catalog.content(hash)?.is_some() {
            return Ok(Claim::Known);
        }
        contents.insert(*hash, Vec::new());
        Ok(Claim::Decode)
    }

    /// Ends a claim and gives out the files that waited for it.
    pub(super) fn finish(&self, hash: &ContentHash) -> Vec<Waiting> {
        lock(&self.0).remove(hash).unwrap_or_default()
    }
}
