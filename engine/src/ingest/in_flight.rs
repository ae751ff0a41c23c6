//! Contents that are being decoded right now, so that none is decoded twice.
//!
//! Two files with the same new content may be read at the same moment, in one pass or in
//! two. The first one claims the content; the others wait here, as entries and not as
//! threads, and are recorded when the first one's fate is known.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock;
use crate::catalog::{Catalog, CatalogError, FileKey, Stamp};
use crate::worker::ContentHash;

/// A file that waits for another file's content.
pub(super) type Waiting = (FileKey, Stamp);

/// A pass, among those that run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PassNumber(u64);

#[derive(Debug, Default)]
pub(super) struct InFlight {
    contents: Mutex<HashMap<ContentHash, Claimed>>,
    passes: AtomicU64,
}

/// A content that is being decoded.
#[derive(Debug)]
struct Claimed {
    by: PassNumber,
    waiting: Vec<Waiting>,
}

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
    /// A number for a pass that begins; [`Self::release`] must follow at its end.
    pub(super) fn begin(&self) -> PassNumber {
        PassNumber(self.passes.fetch_add(1, Ordering::Relaxed))
    }

    /// Claims a content for a file.
    pub(super) fn claim(
        &self,
        pass: PassNumber,
        catalog: &Catalog,
        hash: &ContentHash,
        file: &FileKey,
        stamp: Stamp,
    ) -> Result<Claim, CatalogError> {
        let mut contents = lock(&self.contents);
        if let Some(claimed) = contents.get_mut(hash) {
            claimed.waiting.push((file.clone(), stamp));
            return Ok(Claim::Waits);
        }
        // Under the lock: a content leaves this map only after it is in the catalogue.
        if catalog.content(hash)?.is_some() {
            return Ok(Claim::Known);
        }
        let claimed = Claimed {
            by: pass,
            waiting: Vec::new(),
        };
        contents.insert(*hash, claimed);
        Ok(Claim::Decode)
    }

    /// Ends a claim and gives out the files that waited for it.
    pub(super) fn finish(&self, hash: &ContentHash) -> Vec<Waiting> {
        let claimed = lock(&self.contents).remove(hash);
        claimed.map(|claimed| claimed.waiting).unwrap_or_default()
    }

    /// Gives up the claims of a pass that ended early, and gives out the files that waited.
    pub(super) fn release(&self, pass: PassNumber) -> Vec<FileKey> {
        let mut left = Vec::new();
        lock(&self.contents).retain(|_, claimed| {
            let is_other = claimed.by != pass;
            if !is_other {
                left.extend(claimed.waiting.drain(..).map(|(file, _)| file));
            }
            is_other
        });
        left
    }
}
