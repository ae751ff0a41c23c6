//! Beside passes: every content gets a vector of the model that is wanted now, while the vectors
//! of the one before are searched.
//!
//! The next store of vectors is filled in the order of rows, a few dozen rows a commit, so an
//! interruption costs no more than those. Photos that arrive meanwhile are taken in by passes as
//! ever, and followed here. What cannot be read now is left and tried again; the store takes the
//! place of the other when everything that can be reached is in it, and not while a disk is away
//! only for a moment, or much is missing. Nothing is found out here of files that changed: their
//! contents are left, and a pass meets them.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use roaring::RoaringBitmap;

use super::pairing::each;
use super::root::Root;
use super::tools::Tools;
use super::video::{Stills, with_still};
use super::{Ingest, IngestError, RootSettings, equipment, lock};
use crate::catalog::{RootId, unix_seconds};
use crate::courtesy::Courtesy;
use crate::embed::{EmbedError, Fingerprint, ImageTower, Model, TextTower};
use crate::index::{Generation, NextRow};
use crate::problem::{Problem, ProblemKind};
use crate::worker::{ContentHash, Worker, WorkerError};

/// Rows of the first commit, and of any.
const FIRST_BATCH: u32 = 16;
const LARGEST_BATCH: u32 = 512;

/// A commit takes a few disk flushes; with so much work between two they do not count.
const BETWEEN_COMMITS: Duration = Duration::from_secs(2);

/// Files of one content that are tried.
const TRIED: usize = 4;

/// So long is waited for a root that is away.
const MOMENT: Duration = Duration::from_secs(20);

/// And so long if more than one in so many photos would be found by their looks no more.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);
const MANY: u64 = 10;

/// How far it is. Read while it goes on, and kept from one run to the next.
#[derive(Debug, Default)]
pub struct ReembedProgress {
    /// Rows that were looked at since `begun`.
    looked_at: AtomicU64,
    /// Rows that were to be looked at then.
    rows: AtomicU64,
    begun: Mutex<Option<Instant>>,
    /// Rows that could be reached and gave no vector, and for which model that was.
    unusable: Mutex<Option<(Fingerprint, RoaringBitmap)>>,
}

impl ReembedProgress {
    /// Photos that were looked at, and how many were to be at the beginning.
    #[must_use]
    pub fn snapshot(&self) -> (u64, u64) {
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        (looked_at, self.rows.load(Ordering::Relaxed))
    }

    /// Photos a second since it began, if that is known yet.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let seconds = (*lock(&self.begun))?.elapsed().as_secs_f64();
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        (looked_at > 0 && seconds > 0.0).then(|| looked_at as f64 / seconds)
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reembedding {
    /// The vectors of the wanted model were searched already. So many photos are to be read again
    /// because it was missing when they came.
    Settled(u64),
    /// They are from now on; of so many photos there are none.
    Swapped(u64),
    /// So many photos cannot be read now, and it is waited for them.
    Waits(u64),
    /// It was told to end.
    Stopped,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReembedReport {
    /// How it ended.
    pub ending: Reembedding,
    /// Photos that were looked at.
    pub looked_at: u64,
}

/// What the threads of one run share.
struct Run<'a> {
    ingest: &'a Ingest,
    model: &'a Model,
    roots: HashMap<RootId, Root>,
    tools: Tools,
    stills: Stills,
    courtesy: Courtesy,
    progress: &'a ReembedProgress,
    stop: &'a AtomicBool,
}

/// What came of a row.
struct Found {
    row: u32,
    content: ContentHash,
    next: NextRow,
    /// A file of it was reached, and gave nothing.
    unusable: bool,
}

/// What is known of a row before a vector is made.
enum Prepared {
    Picture(Vec<u8>),
    None(NextRow, bool),
}

impl Ingest {
    /// Makes `model` the one whose vectors are searched: has its vectors made of everything that
    /// one of the roots has, if that was not done before. `ready` is called before they are
    /// searched, and so before a question needs the model's words.
    ///
    /// Returns when that is done, when it has to wait for photos that cannot be read now (and is
    /// to be called again a little later), or soon after `stop` is set; nothing is lost then.
    ///
    /// # Errors
    /// When the index or the model fails, or no worker can be had. A photo of which no vector
    /// can be made is no error.
    pub fn reembed(
        &self,
        model: &Model,
        roots: &[RootSettings],
        courtesy: Courtesy,
        progress: &ReembedProgress,
        ready: &dyn Fn(&Model) -> Result<(), EmbedError>,
        stop: &AtomicBool,
    ) -> Result<ReembedReport, IngestError> {
        let report = |ending, looked_at| Ok(ReembedReport { ending, looked_at });
        let wanted = model.fingerprint();
        if self.index.generation().model().fingerprint == wanted {
            self.index.want(model)?;
            // It may have been missing or damaged, and be there again.
            ready(model)?;
            if !self.equipment().embeds() {
                self.equip(model);
            }
            return report(Reembedding::Settled(self.index.retry_awaiting()?), 0);
        }
        let tools = Tools::new(self.settings.threads.max(1));
        // A model that does not work is to be told now, and not when all is done.
        drop(TextTower::load(&self.runtime, model)?);
        tools.with_tower(|| ImageTower::load(&self.runtime, model), |_| Ok(()))?;
        self.index.want(model)?;
        let filled = self.index.next_store()?.map_or(0, |next| next.rows);
        let rows = self.index.generation().vectors().len();
        progress.begin(model, u64::from(rows.saturating_sub(filled)));
        let mut run = Run {
            ingest: self,
            model,
            roots: self.reached(roots)?,
            tools,
            stills: Stills::default(),
            courtesy,
            progress,
            stop,
        };
        let mut looked_at = run.fill()?;
        loop {
            if stop.load(Ordering::Relaxed) {
                return report(Reembedding::Stopped, looked_at);
            }
            // Disks may have come back meanwhile.
            run.roots = self.reached(roots)?;
            looked_at += run.mend()?;
            if let Some(waits) = run.waits()? {
                return report(Reembedding::Waits(waits), looked_at);
            }
            ready(model)?;
            let mut transaction = self.index.begin()?;
            if transaction.swap(wanted)? {
                transaction.commit()?;
                self.equip(model);
                let left = self.index.generation().facets().blank().len();
                return report(Reembedding::Swapped(left), looked_at);
            }
            drop(transaction);
            // Others arrived.
            self.index.want(model)?;
            looked_at += run.fill()?;
        }
    }

    /// The roots that can be reached now.
    fn reached(&self, roots: &[RootSettings]) -> Result<HashMap<RootId, Root>, IngestError> {
        let mut reached = HashMap::new();
        for settings in roots {
            if let Ok(root) = Root::reach(self, settings, false)? {
                reached.insert(root.id, root);
            }
        }
        Ok(reached)
    }
}

impl ReembedProgress {
    /// Begins to measure; and to try anew what was unusable for another model.
    fn begin(&self, model: &Model, rows: u64) {
        let mut unusable = lock(&self.unusable);
        if unusable.as_ref().map(|(of, _)| *of) != Some(model.fingerprint()) {
            *unusable = Some((model.fingerprint(), RoaringBitmap::new()));
        }
        drop(unusable);
        *lock(&self.begun) = Some(Instant::now());
        self.looked_at.store(0, Ordering::Relaxed);
        self.rows.store(rows, Ordering::Relaxed);
    }

    fn unusable(&self) -> RoaringBitmap {
        let unusable = lock(&self.unusable);
        unusable
            .as_ref()
            .map(|(_, rows)| rows.clone())
            .unwrap_or_default()
    }

    fn note(&self, found: &[Found]) {
        self.looked_at
            .fetch_add(found.len() as u64, Ordering::Relaxed);
        if let Some((_, rows)) = &mut *lock(&self.unusable) {
            rows.extend(found.iter().filter(|it| it.unusable).map(|it| it.row));
        }
    }
}

impl Run<'_> {
    /// Fills the next store until it has as many rows as the index, or it is told to stop. How
    /// many there were.
    fn fill(&self) -> Result<u64, IngestError> {
        let (index, wanted) = (&self.ingest.index, self.model.fingerprint());
        let (mut looked_at, mut size) = (0, FIRST_BATCH);
        while !self.stop.load(Ordering::Relaxed) {
            let generation = index.generation();
            let Some(next) = index.next_store()? else {
                break;
            };
            let (first, end) = (next.rows, generation.vectors().len());
            if first >= end {
                break;
            }
            let begun = Instant::now();
            let rows: Vec<u32> = (first..end.min(first.saturating_add(size))).collect();
            let found = self.look_at(&generation, &rows)?;
            if found.len() < rows.len() {
                // It was told to stop in the middle.
                break;
            }
            let rows: Vec<(ContentHash, NextRow)> = found
                .into_iter()
                .map(|found| (found.content, found.next))
                .collect();
            let mut transaction = index.begin()?;
            if !transaction.append_next(wanted, first, &rows)? {
                break;
            }
            transaction.commit()?;
            looked_at += rows.len() as u64;
            if begun.elapsed() < BETWEEN_COMMITS {
                size = LARGEST_BATCH.min(size * 2);
            } else {
                size = FIRST_BATCH.max(size / 2);
            }
        }
        Ok(looked_at)
    }

    /// Tries those rows again that were left and can be reached now. How many there were.
    fn mend(&self) -> Result<u64, IngestError> {
        let (index, wanted) = (&self.ingest.index, self.model.fingerprint());
        let generation = index.generation();
        let Some(next) = index.next_store()? else {
            return Ok(0);
        };
        let mut rows = Vec::new();
        for row in next.left() - self.progress.unusable() {
            if !generation.is_dead(row) && self.is_reached(&generation, row)? {
                rows.push(row);
            }
        }
        let mut looked_at = 0;
        for rows in rows.chunks(FIRST_BATCH as usize * 4) {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let found = self.look_at(&generation, rows)?;
            looked_at += found.len() as u64;
            let found: Vec<(u32, ContentHash, NextRow)> = found
                .into_iter()
                .map(|found| (found.row, found.content, found.next))
                .collect();
            let mut transaction = index.begin()?;
            if !transaction.mend_next(wanted, &found)? {
                break;
            }
            transaction.commit()?;
        }
        Ok(looked_at)
    }

    /// How many photos are waited for, if it is time to wait for them.
    fn waits(&self) -> Result<Option<u64>, IngestError> {
        let index = &self.ingest.index;
        let Some(next) = index.next_store()? else {
            return Ok(None);
        };
        let generation = index.generation();
        let (mut lost, mut away) = (0, 0);
        for row in next.left() {
            if !generation.is_dead(row) && generation.vectors().vector(row).is_some() {
                lost += 1;
                away += u64::from(!self.is_reached(&generation, row)?);
            }
        }
        // Without its model a vector is worth little.
        let is_much = lost * MANY > generation.totals().photos && self.ingest.equipment().embeds();
        if away == 0 && !is_much {
            return Ok(None);
        }
        let now = unix_seconds(SystemTime::now());
        let since = next.waits_since.unwrap_or(now);
        if next.waits_since.is_none() {
            let mut transaction = index.begin()?;
            transaction.set_waiting(self.model.fingerprint(), now)?;
            transaction.commit()?;
        }
        let patience = if is_much { LONG } else { MOMENT };
        Ok((now.saturating_sub(since) < patience.as_secs()).then_some(lost))
    }

    /// Whether a root that can be reached has a file of a row.
    fn is_reached(&self, generation: &Generation, row: u32) -> Result<bool, IngestError> {
        let Some(content) = generation.vectors().content(row) else {
            return Ok(false);
        };
        let catalog = self.ingest.index.catalog();
        let mut asked = HashSet::new();
        for file in catalog.files_of(&content) {
            let root = file?.root;
            if asked.insert(root)
                && self.roots.contains_key(&root)
                && !generation.away().roots.contains(&root)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What comes of some rows, in their order; of fewer, if it is told to stop.
    fn look_at(&self, generation: &Generation, rows: &[u32]) -> Result<Vec<Found>, IngestError> {
        let groups: Vec<&[u32]> = rows.chunks(self.model.batch()).collect();
        let found = each(self.ingest, &groups, self.courtesy, self.stop, |rows| {
            self.look_at_group(generation, rows)
        })?;
        let mut found: Vec<Found> = found.into_iter().flatten().collect();
        found.sort_unstable_by_key(|found| found.row);
        self.progress.note(&found);
        Ok(found)
    }

    /// What comes of as many rows as go through the model together.
    fn look_at_group(
        &self,
        generation: &Generation,
        rows: &[u32],
    ) -> Result<Vec<Found>, IngestError> {
        let mut prepared = Vec::with_capacity(rows.len());
        for row in rows {
            // Each row of a generation has a content.
            let content = generation.vectors().content(*row).unwrap_or_default();
            prepared.push((*row, content, self.prepare(generation, *row, &content)?));
        }
        let pixels: Vec<&[u8]> = prepared
            .iter()
            .filter_map(|(.., prepared)| match prepared {
                Prepared::Picture(pixels) => Some(pixels.as_slice()),
                Prepared::None(..) => None,
            })
            .collect();
        let vectors = if pixels.is_empty() {
            Vec::new()
        } else {
            self.tools.with_tower(
                || ImageTower::load(&self.ingest.runtime, self.model),
                |tower| tower.embed(&pixels),
            )?
        };
        let mut vectors = vectors.into_iter();
        let found = prepared.into_iter().map(|(row, content, prepared)| {
            let (next, unusable) = match prepared {
                Prepared::None(next, unusable) => (next, unusable),
                Prepared::Picture(_) => match vectors.next().flatten() {
                    Some(vector) => (NextRow::Vector(vector), false),
                    // The model made nothing of it.
                    None => (NextRow::Left, true),
                },
            };
            Found {
                row,
                content,
                next,
                unusable,
            }
        });
        Ok(found.collect())
    }

    /// Decodes a content, if it is to have a vector.
    fn prepare(
        &self,
        generation: &Generation,
        row: u32,
        content: &ContentHash,
    ) -> Result<Prepared, IngestError> {
        let index = &self.ingest.index;
        let known = index.catalog().content(content)?;
        let is_its_row = known.is_some_and(|known| known.row == row);
        let has_picture =
            generation.vectors().vector(row).is_some() || index.is_owed_a_vector(content)?;
        if !is_its_row || !has_picture {
            return Ok(Prepared::None(NextRow::Blank, false));
        }
        if generation.is_dead(row) {
            // It may come back.
            return Ok(Prepared::None(NextRow::Left, false));
        }
        let mut unusable = false;
        for file in index.catalog().files_of(content).take(TRIED) {
            let file = file?;
            let Some(root) = self.roots.get(&file.root) else {
                continue;
            };
            let path = index.absolute(&file);
            let Ok((opened, _)) = root.open(self.ingest, &path) else {
                unusable |= root.is_there(self.ingest);
                continue;
            };
            let settings = &self.ingest.settings;
            let decoded = self.tools.with_worker(
                || Ok(equipment::worker(self.model, settings)),
                |worker| match self.decode(worker, &opened, content) {
                    Ok(pixels) => Ok(Ok(pixels)),
                    Err(WorkerError::Problem(problem)) => Ok(Err(problem)),
                    Err(error) => Err(IngestError::from(error)),
                },
            )?;
            match decoded {
                Ok(pixels) => return Ok(Prepared::Picture(pixels)),
                Err(problem) => {
                    tracing::debug!(file = %path.display(), %problem, "no vector is made");
                    unusable = true;
                }
            }
        }
        Ok(Prepared::None(NextRow::Left, unusable))
    }

    /// The pixels of a content, if a file still holds it.
    fn decode(
        &self,
        worker: &mut Worker,
        file: &std::fs::File,
        content: &ContentHash,
    ) -> Result<Vec<u8>, WorkerError> {
        if worker.read(file)? != *content {
            let changed = "it is not what it was; it will be read again";
            return Err(Problem::new(ProblemKind::Changing, changed).into());
        }
        let limits = &self.ingest.settings.worker;
        let size = self.model.preparation().resize;
        let examined = worker.examine()?;
        let examined = with_still(&self.stills, limits, size, worker, file, examined)?;
        Ok(examined.picture?)
    }
}
