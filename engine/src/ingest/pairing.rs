//! After the pass: which of the new photos are copies of others, or much like them.
//!
//! Every content that comes, or comes back, waits in the catalogue to be compared; what it is
//! compared with is found by its fingerprint (`same`) or its vector and time (`alike`), never by
//! a look at all others. A pair is proved on pixels, for which both originals are opened again.
//! What was found is committed with the note that the content waits no more, so nothing is lost
//! or done twice by an interruption. What becomes of pairs is not known here.

mod alike;
mod pixels;
mod same;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;

use roaring::RoaringBitmap;

use super::root::Root;
use super::{Ingest, IngestError, RootSettings, lock};
use crate::catalog::{FingerprintRecord, Pair, RootId};
use crate::courtesy::Courtesy;
use crate::duplicates::Candidates;
use crate::index::Generation;
use crate::media::Format;
use crate::worker::ContentHash;

use alike::Surroundings;
use pixels::{Pictures, Unseen};

/// Rows that are compared between two commits.
const BATCH: usize = 128;

/// How far a comparison of all that waits is. Read while it goes on.
#[derive(Debug, Default)]
pub struct PairingProgress {
    /// Photos that waited when it began.
    waiting: AtomicU64,
    compared: AtomicU64,
}

impl PairingProgress {
    /// Photos that were compared, and how many waited at the beginning.
    #[must_use]
    pub fn snapshot(&self) -> (u64, u64) {
        let compared = self.compared.load(Ordering::Relaxed);
        (compared, self.waiting.load(Ordering::Relaxed))
    }
}

/// How a comparison of all that waits went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairingReport {
    /// Photos that were compared.
    pub compared: u64,
    /// Pairs that were found.
    pub pairs: u64,
    /// Photos that wait on, because no file of theirs can be reached now.
    pub left: u64,
}

/// What outlives one comparison of all that waits: 80 bytes for each photo.
#[derive(Debug, Default)]
pub(super) struct Known {
    candidates: Candidates,
    /// The rows in `candidates`.
    rows: RoaringBitmap,
    /// What an ordinary likeness is.
    surroundings: Option<Surroundings>,
}

/// What all threads of one comparison share.
struct Pairing<'a> {
    ingest: &'a Ingest,
    generation: &'a Generation,
    known: &'a RwLock<Known>,
    pictures: &'a Pictures<'a>,
    /// The rows of this batch: of two of them, the later one looks at the earlier one.
    batch: &'a RoaringBitmap,
}

/// What came of a row.
#[derive(Default)]
struct Compared {
    /// It is a pair with these.
    pairs: Vec<(ContentHash, Pair)>,
    /// These could not be reached, and are to be compared with it when they can.
    again: Vec<u32>,
}

impl Ingest {
    /// Compares all photos that wait for it, as far as one of the roots has them. Returns when
    /// none is left, or soon after `stop` is set; what was found by then is kept.
    ///
    /// # Errors
    /// When the index fails or no worker can be had. A photo that cannot be compared is no
    /// error.
    pub fn pair(
        &self,
        roots: &[RootSettings],
        courtesy: Courtesy,
        progress: &PairingProgress,
        stop: &AtomicBool,
    ) -> Result<PairingReport, IngestError> {
        let mut report = PairingReport::default();
        if self.index.catalog().uncompared_count() == 0 {
            return Ok(report);
        }
        progress
            .waiting
            .store(self.index.catalog().uncompared_count(), Ordering::Relaxed);
        let mut reached = HashMap::new();
        for settings in roots {
            if let Ok(root) = Root::reach(self, settings, false)? {
                reached.insert(root.id, root);
            }
        }
        let pictures = Pictures::new(self, &reached);
        // Rows that wait on are passed over, not looked at again in the same run.
        let mut passed = RoaringBitmap::new();
        while !stop.load(Ordering::Relaxed) {
            self.learn(stop)?;
            let generation = self.index.generation();
            let batch = self.next_batch(&generation, &reached, &mut passed)?;
            if batch.is_empty() {
                break;
            }
            let found = self.compare_batch(&generation, &batch, &pictures, courtesy, stop)?;
            let compared = found.len() as u64;
            report.pairs += self.commit_pairs(&generation, found)?;
            report.compared += compared;
            progress.compared.fetch_add(compared, Ordering::Relaxed);
        }
        report.left = passed.len();
        self.pairing.put_away();
        Ok(report)
    }

    /// Learns the fingerprints of the photos that were compared before, once in the life of the
    /// process; and what is ordinary among vectors, as often as the collection has doubled.
    fn learn(&self, stop: &AtomicBool) -> Result<(), IngestError> {
        let generation = self.index.generation();
        let catalog = self.index.catalog();
        let mut known = write(&self.known);
        let stale = known.surroundings.as_ref();
        if stale.is_none_or(|surroundings| surroundings.is_stale(&generation)) {
            known.surroundings = Some(Surroundings::of(&generation));
        }
        if !known.rows.is_empty() {
            return Ok(());
        }
        for row in generation.rows() {
            if stop.load(Ordering::Relaxed) {
                // What is half known is learned anew.
                *known = Known::default();
                return Ok(());
            }
            if catalog.is_uncompared(row)? {
                continue;
            }
            if let Some(content) = generation.vectors().content(row)
                && let Some(record) = catalog.fingerprint(&content)?
            {
                known.add(row, &record);
            }
        }
        Ok(())
    }

    /// The rows that are compared next. Those of which no file can be reached are added to
    /// `passed` instead.
    fn next_batch(
        &self,
        generation: &Generation,
        reached: &HashMap<RootId, Root>,
        passed: &mut RoaringBitmap,
    ) -> Result<RoaringBitmap, IngestError> {
        let catalog = self.index.catalog();
        let mut batch = RoaringBitmap::new();
        for row in catalog.uncompared() {
            let row = row?;
            // A later generation has it.
            if passed.contains(row) || row >= generation.vectors().len() {
                continue;
            }
            if self.is_reached(generation, reached, row)? {
                batch.insert(row);
            } else {
                passed.insert(row);
            }
            if batch.len() >= BATCH as u64 {
                break;
            }
        }
        Ok(batch)
    }

    /// Whether a row can be compared now, or has not to be: no file holds it any more.
    fn is_reached(
        &self,
        generation: &Generation,
        reached: &HashMap<RootId, Root>,
        row: u32,
    ) -> Result<bool, IngestError> {
        let Some(content) = generation.vectors().content(row) else {
            return Ok(true);
        };
        let mut is_held = false;
        for file in self.index.catalog().files_of(&content) {
            let root = file?.root;
            if reached.contains_key(&root) && !generation.away().roots.contains(&root) {
                return Ok(true);
            }
            is_held = true;
        }
        Ok(!is_held)
    }

    /// Compares some rows, on as many threads as passes have.
    fn compare_batch(
        &self,
        generation: &Generation,
        batch: &RoaringBitmap,
        pictures: &Pictures<'_>,
        courtesy: Courtesy,
        stop: &AtomicBool,
    ) -> Result<Vec<(u32, Compared)>, IngestError> {
        let rows: Vec<u32> = batch.iter().collect();
        let pairing = Pairing {
            ingest: self,
            generation,
            known: &self.known,
            pictures,
            batch,
        };
        // All fingerprints first: two rows of a batch are candidates of each other.
        let taken = each(self, &rows, courtesy, stop, |row| {
            let (fingerprint, is_new) = pairing.fingerprint(row)?;
            Ok((row, fingerprint, is_new))
        })?;
        // Committed before they are looked for: what is compared reads those of the others.
        let mut transaction = self.index.begin()?;
        let mut known = write(&self.known);
        for (row, record, is_new) in &taken {
            if let Some(record) = record {
                known.add(*row, record);
                if let Some(content) = generation.vectors().content(*row).filter(|_| *is_new) {
                    transaction.catalog()?.put_fingerprint(&content, record)?;
                }
            }
        }
        drop(known);
        transaction.commit()?;
        each(self, &taken, courtesy, stop, |(row, record, _)| {
            Ok((row, pairing.compare(row, record.as_ref())?))
        })
    }

    /// Commits what was found; how many pairs there are more.
    fn commit_pairs(
        &self,
        generation: &Generation,
        found: Vec<(u32, Compared)>,
    ) -> Result<u64, IngestError> {
        let mut pairs = 0;
        let mut transaction = self.index.begin()?;
        // What is alike is otherwise with the vectors that are there since: all wait again.
        if transaction.model() != generation.model().fingerprint {
            return Ok(0);
        }
        let batch = transaction.catalog()?;
        let mut again = RoaringBitmap::new();
        for (row, compared) in found {
            batch.set_uncompared(row, false);
            again.extend(compared.again);
            let Some(content) = generation.vectors().content(row) else {
                continue;
            };
            // It may have been forgotten for good meanwhile.
            if batch.content(&content)?.is_none() {
                continue;
            }
            for (other, pair) in &compared.pairs {
                if batch.content(other)?.is_some() {
                    batch.put_pair(&content, other, pair)?;
                    pairs += 1;
                }
            }
        }
        for row in again {
            batch.set_uncompared(row, true);
        }
        transaction.commit()?;
        Ok(pairs)
    }
}

impl Pairing<'_> {
    /// The fingerprint of a row, and whether it was taken only now: an index of an older version
    /// has none. Nothing where there is no picture.
    fn fingerprint(&self, row: u32) -> Result<(Option<FingerprintRecord>, bool), IngestError> {
        let catalog = self.ingest.index.catalog();
        let Some(content) = self.generation.vectors().content(row) else {
            return Ok((None, false));
        };
        if let Some(record) = catalog.fingerprint(&content)? {
            return Ok((Some(record), false));
        }
        let is_picture = catalog.content(&content)?.is_some_and(|record| {
            record.row == row && !matches!(record.facts.format, Format::Video(_))
        });
        if !is_picture || self.generation.facets().blank().contains(row) {
            return Ok((None, false));
        }
        let taken = self.pictures.fingerprint(&content)?;
        Ok((taken, true))
    }

    fn compare(
        &self,
        row: u32,
        record: Option<&FingerprintRecord>,
    ) -> Result<Compared, IngestError> {
        let mut compared = Compared::default();
        let Some(content) = self.generation.vectors().content(row) else {
            return Ok(compared);
        };
        // Without a fingerprint it is no picture, or could not be read.
        let Some(record) = record else {
            return Ok(compared);
        };
        if self.generation.unseen().contains(row) {
            return Ok(compared);
        }
        let mut same = self.same_photos(row, &content, record, &mut compared)?;
        same.insert(content);
        self.lookalikes(row, &content, &record.fingerprint, &same, &mut compared)?;
        Ok(compared)
    }

    /// Whether it is this row that has to look at the other one, and not the other way round.
    fn looks_at(&self, row: u32, other: u32) -> bool {
        let is_later = !self.batch.contains(other) || other < row;
        other != row && is_later && !self.generation.unseen().contains(other)
    }
}

impl Known {
    fn add(&mut self, row: u32, record: &FingerprintRecord) {
        if self.rows.insert(row) {
            self.candidates.add(row, &record.fingerprint);
        }
    }
}

/// Does something with each item, on as many threads as passes have; fewer of them, if it is
/// told to stop.
pub(super) fn each<T: Clone + Send + Sync, R: Send>(
    ingest: &Ingest,
    items: &[T],
    courtesy: Courtesy,
    stop: &AtomicBool,
    work: impl Fn(T) -> Result<R, IngestError> + Sync,
) -> Result<Vec<R>, IngestError> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let failed = Mutex::new(None);
    let one_thread = || {
        courtesy.apply();
        while !stop.load(Ordering::Relaxed) && lock(&failed).is_none() {
            let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            match work(item.clone()) {
                Ok(result) => lock(&done).push(result),
                Err(error) => {
                    lock(&failed).get_or_insert(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..ingest.settings.threads.max(1) {
            let thread = thread::Builder::new().name("pair".to_owned());
            if let Err(error) = thread.spawn_scoped(scope, one_thread) {
                lock(&failed).get_or_insert(IngestError::Thread(error.to_string()));
            }
        }
    });
    match failed
        .into_inner()
        .unwrap_or_else(|poison| poison.into_inner())
    {
        Some(error) => Err(error),
        None => Ok(done
            .into_inner()
            .unwrap_or_else(|poison| poison.into_inner())),
    }
}

/// Locks what has no state that a panic could leave half-changed.
fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(|poison| poison.into_inner())
}

/// Locks what has no state that a panic could leave half-changed.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(|poison| poison.into_inner())
}
