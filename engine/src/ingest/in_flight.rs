//! Contents that are being decoded or described right now, so that none is twice.
//!
//! Two files with the same new content may be read at the same moment, in one pass or in
//! two. The first one claims the content; the others wait here, as entries and not as
//! threads, and are recorded when the first one's fate is known.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock;
use crate::catalog::{Catalog, CatalogError, FileKey, Knowledge, Stamp};
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

/// A content that is being decoded or described.
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
    /// The index has it: only read what it says of itself; [`InFlight::finish`] must follow.
    Describe,
    /// Another file of it is being worked on: this one waits for it.
    Waits,
    /// The index has it, and knows all.
    Known,
}

impl InFlight {
    /// A number for a pass that begins; [`Self::release`] must follow at its end.
    pub(super) fn begin(&self) -> PassNumber {
        PassNumber(self.passes.fetch_add(1, Ordering::Relaxed))
    }

    /// Claims a content for a file. `conditions`: under which a picture cannot be had.
    pub(super) fn claim(
        &self,
        pass: PassNumber,
        catalog: &Catalog,
        conditions: u64,
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
        let claim = match catalog.knowledge(hash, conditions)? {
            Knowledge::None | Knowledge::Unseen => Claim::Decode,
            Knowledge::Outdated => Claim::Describe,
            Knowledge::Current => return Ok(Claim::Known),
        };
        let claimed = Claimed {
            by: pass,
            waiting: Vec::new(),
        };
        contents.insert(*hash, claimed);
        Ok(claim)
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
