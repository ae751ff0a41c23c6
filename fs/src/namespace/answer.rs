//! Folders of photos: the answer of a question, in order or by name, whole or in parts.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use lru::LruCache;
use roaring::RoaringBitmap;
use semfs_engine::index::Generation;
use semfs_engine::query::Filter;
use semfs_engine::question::Question;
use semfs_engine::search::{Match, newest_first, selected};

use super::{Namespace, NamespaceError, failed, lock};
use crate::directory::{Node, Place, View};
use crate::listing::{Entry, Reason};
use crate::names::{self, Names};

/// Orders of rows that are kept: the parts of a folder that are read one after another share
/// one.
const KEPT_ORDERS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Digits of the numbers in the names of parts.
const PART_DIGITS: usize = 7;

/// The rows of answers in their order.
#[derive(Debug)]
pub(super) struct Orders {
    kept: Mutex<LruCache<Arc<Question>, (u64, Rows)>>,
}

/// Row numbers, those of photos taken last first.
type Rows = Arc<[u32]>;

impl Default for Orders {
    fn default() -> Self {
        Self {
            kept: Mutex::new(LruCache::new(KEPT_ORDERS)),
        }
    }
}

impl Namespace {
    /// The photos that answer a question, or the parts of a long answer.
    pub(super) fn answer(
        &self,
        generation: &Generation,
        view: &View,
        typed: Option<&str>,
        part: Option<u32>,
    ) -> Result<Vec<Entry>, NamespaceError> {
        if view.question.is_ranked() {
            let matches = self.matches(generation, view)?;
            let of = matches.len();
            let entries = (1..)
                .zip(matches)
                .map(|(rank, found)| self.ranked(rank, of, found));
            return entries.filter_map(Result::transpose).collect();
        }
        let filters = view.question.filters();
        let rows = self.order(generation, &view.question);
        let rows = &rows[..rows.len().min(view.question.top().unwrap_or(usize::MAX))];
        let folder = self.settings.folder;
        let Some(part) = part else {
            return if rows.len() > folder {
                Ok(parts(view, rows.len(), folder))
            } else {
                self.photos(generation, filters, rows, 0..rows.len(), typed.is_some())
            };
        };
        let from = (part as usize).saturating_mul(folder);
        if from >= rows.len() {
            return Err(NamespaceError::NotFound);
        }
        let to = rows.len().min(from + folder);
        self.photos(generation, filters, rows, from..to, typed.is_some())
    }

    /// The newest photos of the index.
    pub(super) fn recent(&self, generation: &Generation) -> Result<Vec<Entry>, NamespaceError> {
        let mut photos = Vec::new();
        for row in generation.newest() {
            let photo = self.index.photo(generation, row);
            photos.extend(photo.map_err(|error| failed(&error))?);
            if photos.len() == self.settings.results {
                break;
            }
        }
        let of = photos.len();
        let mut entries = Vec::with_capacity(of);
        for (rank, photo) in (1..).zip(photos) {
            let name = names::ranked(rank, of, file_name(&photo.path));
            let Some(node) = self.photo(photo.path)? else {
                continue;
            };
            entries.push(Entry {
                name,
                node,
                reason: Reason {
                    row: Some(photo.row),
                    ..Reason::default()
                },
            });
        }
        Ok(entries)
    }

    /// The rows that answer a question; nothing if that is all of them.
    pub(super) fn rows(
        &self,
        generation: &Generation,
        view: &View,
    ) -> Result<Option<RoaringBitmap>, NamespaceError> {
        if view.question.is_ranked() {
            let matches = self.matches(generation, view)?;
            return Ok(Some(matches.into_iter().map(|found| found.row).collect()));
        }
        Ok(selected(&self.index, generation, view.question.filters()))
    }

    fn matches(&self, generation: &Generation, view: &View) -> Result<Vec<Match>, NamespaceError> {
        let top = self.settings.results;
        self.searcher
            .search(&self.index, generation, &view.question, top)
            .map_err(|error| self.search_failed(view, error))
    }

    /// The rows of an answer that has no order of relevance, newest first.
    fn order(&self, generation: &Generation, question: &Arc<Question>) -> Rows {
        if let Some((of, rows)) = lock(&self.orders.kept).get(question)
            && *of == generation.number()
        {
            return Arc::clone(rows);
        }
        let rows = selected(&self.index, generation, question.filters());
        let rows = rows.unwrap_or_else(|| generation.rows());
        let rows: Rows = newest_first(generation, &rows).into();
        let kept = (generation.number(), Arc::clone(&rows));
        lock(&self.orders.kept).put(Arc::clone(question), kept);
        rows
    }

    /// The photos of some of these rows: with numbers as they lie, or else by name. Without
    /// numbers, names that collide are told apart in the order in which photos arrived.
    fn photos(
        &self,
        generation: &Generation,
        filters: &[Filter],
        rows: &[u32],
        range: Range<usize>,
        numbered: bool,
    ) -> Result<Vec<Entry>, NamespaceError> {
        let mut wanted: Vec<(usize, u32)> = (range.start + 1..)
            .zip(rows[range].iter().copied())
            .collect();
        if !numbered {
            wanted.sort_unstable_by_key(|(_, row)| *row);
        }
        let mut given = Names::default();
        let mut entries = Vec::with_capacity(wanted.len());
        for (rank, row) in wanted {
            let photo = self.index.photo_in(generation, row, filters);
            let Some(photo) = photo.map_err(|error| failed(&error))? else {
                continue;
            };
            let name = file_name(&photo.path);
            let name = if numbered {
                names::ranked(rank, rows.len(), name)
            } else {
                given.give(name)
            };
            let Some(node) = self.photo(photo.path)? else {
                continue;
            };
            entries.push(Entry {
                name,
                node,
                reason: Reason {
                    row: Some(row),
                    ..Reason::default()
                },
            });
        }
        Ok(entries)
    }

    /// The entry of a match; nothing if its file was forgotten meanwhile.
    fn ranked(
        &self,
        rank: usize,
        of: usize,
        found: Match,
    ) -> Result<Option<Entry>, NamespaceError> {
        let name = names::ranked(rank, of, file_name(&found.path));
        let node = self.photo(found.path)?;
        Ok(node.map(|node| Entry {
            name,
            node,
            reason: Reason {
                row: Some(found.row),
                worth: Some((found.relevance, found.score)),
                words: found.words.into(),
            },
        }))
    }
}

/// The folders of an answer of `count` photos that is shown in parts of `folder` photos.
fn parts(view: &View, count: usize, folder: usize) -> Vec<Entry> {
    part_folders(count, folder, |part| {
        let place = match &view.place {
            Place::Answer { typed, .. } => Place::Answer {
                typed: typed.clone(),
                part: Some(part),
            },
            other => other.clone(),
        };
        view.at(place)
    })
}

/// Folders for the parts of `count` things, named by the numbers of their first and last.
pub(super) fn part_folders(count: usize, folder: usize, view: impl Fn(u32) -> View) -> Vec<Entry> {
    let parts = (0..).zip((0..count).step_by(folder.max(1)));
    let entries = parts.map(|(part, from)| Entry {
        // The last one's name is that of a full one: it stays the same as it fills.
        name: format!("{:0PART_DIGITS$}-{:0PART_DIGITS$}", from + 1, from + folder),
        node: Node::view(view(part)),
        reason: Reason::default(),
    });
    entries.collect()
}

/// The name of a file without its folders.
pub(super) fn file_name(path: &std::path::Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_encoded_bytes()
}
