//! Which other photos are much alike: neighbours of the vector, within moments of each other or
//! nearly the same.
//!
//! What a cosine means depends on model and collection, so the limits are parts of the way from
//! an ordinary photo of the collection to the same picture.

use std::collections::BTreeSet;

use super::{Compared, Pairing, read};
use crate::calibration::{Calibration, Library, Likeness};
use crate::catalog::Pair;
use crate::date::Day;
use crate::duplicates::{Fingerprint, Turn};
use crate::embed;
use crate::index::Generation;
use crate::ingest::IngestError;
use crate::metadata::TakenSource;
use crate::vectors::Selection;
use crate::worker::ContentHash;

/// Photos taken so many seconds apart may be of one burst.
const BURST: i64 = 20;

/// The least likeness within a burst ([`Likeness::relevance`]).
const LEAST_IN_BURST: f32 = 0.8;

/// The least likeness at any other time: the same scene, all but unchanged. Of 320 unrelated
/// photos the two nearest have 0.993 with semfs-mini 3, of 2,000 0.9973.
const LEAST_ALWAYS: f32 = 0.9975;

/// The least likeness of their fingerprints then. A model that has learned a subject by its name
/// may have nearly one vector for all photos of it: those of 87 cars are 0.99 and more alike, their
/// fingerprints 0.79 at most.
const LEAST_LAID_OUT: f32 = 0.8;

/// Neighbours that are looked at.
const NEIGHBOURS: usize = 12;

/// Photos of the same moments that are looked at, the nearest in time first.
const MOMENTS: usize = 48;

/// Photos of a collection that stand for all of it.
const SAMPLE: u32 = 512;

/// What is ordinary in the collection.
#[derive(Debug)]
pub(super) struct Surroundings {
    library: Library,
    photos: u64,
    /// Whose vectors these are.
    model: embed::Fingerprint,
}

impl Surroundings {
    /// Of a sample of the photos.
    pub(super) fn of(generation: &Generation) -> Self {
        let rows = generation.rows() - generation.facets().blank();
        let step = (rows.len() / u64::from(SAMPLE)).max(1) as usize;
        let sample: Vec<Vec<f32>> = rows
            .iter()
            .step_by(step)
            .filter_map(|row| generation.vectors().vector(row))
            .collect();
        let sample = sample.iter().map(Vec::as_slice);
        Self {
            library: Calibration::new(Vec::new()).library(sample, rows.len()),
            photos: rows.len(),
            model: generation.model().fingerprint,
        }
    }

    /// Whether another look is due: the collection has grown much, or its vectors are others.
    pub(super) fn is_stale(&self, generation: &Generation) -> bool {
        generation.totals().photos >= (2 * self.photos).max(16)
            || generation.model().fingerprint != self.model
    }
}

impl Pairing<'_> {
    /// Adds the photos that are much alike and not the same shot.
    pub(super) fn lookalikes(
        &self,
        row: u32,
        content: &ContentHash,
        fingerprint: &Fingerprint,
        same: &BTreeSet<ContentHash>,
        compared: &mut Compared,
    ) -> Result<(), IngestError> {
        let vectors = self.generation.vectors();
        let Some(vector) = vectors.vector(row) else {
            return Ok(());
        };
        let known = read(self.known);
        let Some(surroundings) = &known.surroundings else {
            return Ok(());
        };
        let likeness = Likeness::new(vector.clone(), &surroundings.library);
        drop(known);
        let pairs = self.ingest.index.catalog().pairs_of(content)?;
        let is_known = |other: &ContentHash| pairs.iter().any(|(known, _)| known == other);
        let mut near: Vec<(u32, Option<u32>)> = self
            .moments(row)?
            .into_iter()
            .map(|(other, seconds)| (other, Some(seconds)))
            .collect();
        let rows = Selection {
            only: None,
            except: Some(self.generation.unseen()),
        };
        let hits = vectors.search(&vector, NEIGHBOURS, &rows);
        let hits = hits.map_err(crate::index::IndexError::from)?;
        for hit in hits {
            if near.iter().all(|(other, _)| *other != hit.row) {
                near.push((hit.row, None));
            }
        }
        for (other, seconds) in near {
            if !self.looks_at(row, other) {
                continue;
            }
            let (Some(theirs), Some(their_vector)) =
                (vectors.content(other), vectors.vector(other))
            else {
                continue;
            };
            let found = likeness.relevance_of(&their_vector);
            let least = if seconds.is_some() {
                LEAST_IN_BURST
            } else {
                LEAST_ALWAYS
            };
            if found < least || same.contains(&theirs) || is_known(&theirs) {
                continue;
            }
            // Videos have no fingerprint.
            let Some(record) = self.ingest.index.catalog().fingerprint(&theirs)? else {
                continue;
            };
            let alike = fingerprint.likeness(&record.fingerprint, Turn::NONE);
            if seconds.is_some() || alike >= LEAST_LAID_OUT {
                let cosine = vector.iter().zip(&their_vector).map(|(a, b)| a * b).sum();
                let pair = Pair::Lookalike { cosine, seconds };
                debug_assert!(theirs != *content, "it is among the same");
                compared.pairs.push((theirs, pair));
            }
        }
        Ok(())
    }

    /// The rows of photos taken within moments of one, as their cameras say, with how many
    /// seconds apart.
    fn moments(&self, row: u32) -> Result<Vec<(u32, u32)>, IngestError> {
        let facets = self.generation.facets();
        let (true, Some(taken)) = (self.is_dated(row)?, facets.taken(row)) else {
            return Ok(Vec::new());
        };
        let days = Day::of_unix(taken - BURST).zip(Day::of_unix(taken + BURST));
        let Some((from, to)) = days else {
            return Ok(Vec::new());
        };
        let mut near = Vec::new();
        for other in facets.taken_in(from..=to) {
            let apart = facets.taken(other).map(|time| time.abs_diff(taken));
            if let Some(apart) = apart.filter(|apart| *apart <= BURST.unsigned_abs())
                && other != row
            {
                // At most BURST.
                near.push((other, apart as u32));
            }
        }
        near.sort_by_key(|(other, apart)| (*apart, *other));
        near.truncate(MOMENTS);
        let mut dated = Vec::with_capacity(near.len());
        for (other, apart) in near {
            if self.is_dated(other)? {
                dated.push((other, apart));
            }
        }
        Ok(dated)
    }

    /// Whether a camera or a program says when a photo was taken; times of files are those of
    /// their copying, and thousands have the same.
    fn is_dated(&self, row: u32) -> Result<bool, IngestError> {
        let facts = self.ingest.index.catalog().row_facts(row)?;
        let dated_by = facts.and_then(|facts| facts.dated_by);
        Ok(matches!(
            dated_by,
            Some(TakenSource::Exif | TakenSource::Xmp)
        ))
    }
}
