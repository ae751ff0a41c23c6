//! Pixels of originals, decoded again for a comparison; the last ones are kept, since what is
//! compared once is often compared again.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use crate::catalog::{FingerprintRecord, RootId};
use crate::duplicates::Picture;
use crate::ingest::root::Root;
use crate::ingest::{Ingest, IngestError, lock};
use crate::problem::{Problem, ProblemKind};
use crate::worker::{ContentHash, Worker, WorkerError};

/// Pictures that are kept, of about 450 kB each.
const KEPT: NonZeroUsize = NonZeroUsize::new(48).unwrap();

/// Files of one content that are tried.
const TRIED: usize = 4;

/// Why there are no pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    /// The files are on roots that cannot be reached now.
    Away,
    /// What was found there is not the content any more, or cannot be decoded.
    Unusable,
}

/// From contents to pixels.
pub(super) struct Pictures<'a> {
    ingest: &'a Ingest,
    roots: &'a HashMap<RootId, Root>,
    kept: Mutex<LruCache<ContentHash, Arc<Picture>>>,
}

impl<'a> Pictures<'a> {
    pub(super) fn new(ingest: &'a Ingest, roots: &'a HashMap<RootId, Root>) -> Self {
        Self {
            ingest,
            roots,
            kept: Mutex::new(LruCache::new(KEPT)),
        }
    }

    /// A content, ready to be compared.
    pub(super) fn picture(
        &self,
        content: &ContentHash,
    ) -> Result<Result<Arc<Picture>, Unseen>, IngestError> {
        if let Some(kept) = lock(&self.kept).get(content) {
            return Ok(Ok(Arc::clone(kept)));
        }
        let square = match self.with(content, Worker::square)? {
            Ok(square) => square,
            Err(unseen) => return Ok(Err(unseen)),
        };
        let facts = square.facts;
        let picture = Picture::of_square(&square.pixels, facts.width, facts.height);
        Ok(picture.map_err(|_| Unseen::Unusable).map(|picture| {
            let picture = Arc::new(picture);
            lock(&self.kept).put(*content, Arc::clone(&picture));
            picture
        }))
    }

    /// The fingerprint of a content that has none yet; nothing if it cannot be taken.
    pub(super) fn fingerprint(
        &self,
        content: &ContentHash,
    ) -> Result<Option<FingerprintRecord>, IngestError> {
        let examined = self.with(content, Worker::examine)?;
        Ok(examined.ok().and_then(|examined| {
            Some(FingerprintRecord {
                fingerprint: examined.fingerprint?,
                quality: examined.quality,
            })
        }))
    }

    /// Has a worker read one of the files of a content and do something with it.
    fn with<T>(
        &self,
        content: &ContentHash,
        work: impl Fn(&mut Worker) -> Result<T, WorkerError>,
    ) -> Result<Result<T, Unseen>, IngestError> {
        let ingest = self.ingest;
        let mut unseen = Unseen::Away;
        for file in ingest.index.catalog().files_of(content).take(TRIED) {
            let file = file?;
            let Some(root) = self.roots.get(&file.root) else {
                continue;
            };
            let path = ingest.index.absolute(&file);
            let Ok((opened, _)) = root.open(ingest, &path) else {
                if root.is_there(ingest) {
                    unseen = Unseen::Unusable;
                }
                continue;
            };
            let done = ingest.pairing.with_worker(
                || Ok(ingest.equipment().worker(&ingest.settings)),
                |worker| {
                    let done = worker.read(&opened).and_then(|found| {
                        if found == *content {
                            return work(worker);
                        }
                        let changed = "it is not what it was; it will be read again";
                        Err(Problem::new(ProblemKind::Changing, changed).into())
                    });
                    match done {
                        Ok(done) => Ok(Ok(done)),
                        Err(WorkerError::Problem(problem)) => Ok(Err(problem)),
                        Err(error) => Err(IngestError::from(error)),
                    }
                },
            )?;
            match done {
                Ok(done) => return Ok(Ok(done)),
                Err(problem) => {
                    tracing::debug!(file = %path.display(), %problem, "not compared");
                    unseen = Unseen::Unusable;
                }
            }
        }
        Ok(Err(unseen))
    }
}
