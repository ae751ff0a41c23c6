//! Which other photos are the same shot: candidates by fingerprint, proof on pixels.

use std::collections::{BTreeSet, HashMap};

use super::{Compared, Pairing, Unseen, read};
use crate::catalog::{FingerprintRecord, Pair};
use crate::duplicates::{Turn, Verdict, compare};
use crate::ingest::IngestError;
use crate::worker::ContentHash;

/// Candidates that are looked up.
const CANDIDATES: usize = 64;

/// Fingerprints that are less alike are those of other pictures: of 1,000 proven pairs, none
/// was below 0.72 (`cargo bench --bench duplicates`).
const LEAST_LIKENESS: f32 = 0.65;

/// Candidates whose pixels are compared: a copy is among the nearest, also where thousands of
/// pictures look alike, as scans of forms do.
const COMPARED: usize = 8;

/// Icons and thumbnails of fewer pixels prove nothing: too many look the same.
const LEAST_PIXELS: u64 = 64 * 64;

/// Members of one group that are compared before the group is given up: a copy of a copy may
/// be too far from the first.
const TRIED_OF_A_GROUP: usize = 3;

/// Members of a group that are followed.
const FOLLOWED: usize = 256;

/// A photo to be compared with.
struct Near {
    content: ContentHash,
    row: u32,
    turn: Turn,
    likeness: f32,
}

impl Pairing<'_> {
    /// Compares a row with the photos whose fingerprints are near, the nearest first, and adds
    /// the pairs. Of a group of which one member is the same shot, the others are not compared.
    /// Returns all that are now in one group with it.
    pub(super) fn same_photos(
        &self,
        row: u32,
        content: &ContentHash,
        record: &FingerprintRecord,
        compared: &mut Compared,
    ) -> Result<BTreeSet<ContentHash>, IngestError> {
        let mut same = self.group_of(content)?;
        if !self.is_large_enough(content)? {
            return Ok(same);
        }
        // How often a group was compared in vain, by its first member.
        let mut vain: HashMap<ContentHash, usize> = HashMap::new();
        let mut looked_at = 0;
        for near in self.near(row, content, record)? {
            if same.contains(&near.content) {
                continue;
            }
            let group = self.group_of(&near.content)?;
            let first = group.first().copied().unwrap_or(near.content);
            let tried = vain.entry(first).or_default();
            if *tried >= TRIED_OF_A_GROUP || looked_at >= COMPARED {
                continue;
            }
            looked_at += 1;
            // Laid from the lesser to the greater, so that a pair is the same from both sides.
            let is_first = *content < near.content;
            let (a, b, turn) = if is_first {
                (content, &near.content, near.turn)
            } else {
                (&near.content, content, near.turn.inverse())
            };
            let mut pictures = Vec::with_capacity(2);
            for each in [a, b] {
                match self.pictures.picture(each)? {
                    Ok(picture) => pictures.push(picture),
                    Err(Unseen::Away) if *each == near.content => {
                        compared.again.push(near.row);
                        break;
                    }
                    // It changed, or its disk went: it will be back.
                    Err(_) if each == content => return Ok(same),
                    Err(_) => break,
                }
            }
            let [a, b] = pictures.as_slice() else {
                continue;
            };
            match compare(a, b, turn) {
                Verdict::Same(evidence) => {
                    compared
                        .pairs
                        .push((near.content, Pair::SamePhoto(evidence)));
                    same.extend(group);
                    same.insert(near.content);
                }
                Verdict::Different(refusal) => {
                    tracing::trace!(row, other = near.row, %refusal, "not the same photo");
                    *tried += 1;
                }
            }
        }
        Ok(same)
    }

    /// The photos whose fingerprints are near, the nearest first.
    fn near(
        &self,
        row: u32,
        content: &ContentHash,
        record: &FingerprintRecord,
    ) -> Result<Vec<Near>, IngestError> {
        let found = read(self.known)
            .candidates
            .find(&record.fingerprint, CANDIDATES);
        let catalog = self.ingest.index.catalog();
        let mut near = Vec::new();
        for candidate in found {
            if !self.looks_at(row, candidate.content) {
                continue;
            }
            let Some(other) = self.generation.vectors().content(candidate.content) else {
                continue;
            };
            // A content that was given another row is there twice.
            if other == *content {
                continue;
            }
            let Some(theirs) = catalog.fingerprint(&other)? else {
                continue;
            };
            let turn = candidate.turn;
            let likeness = record.fingerprint.likeness(&theirs.fingerprint, turn);
            if likeness >= LEAST_LIKENESS && self.is_large_enough(&other)? {
                near.push(Near {
                    content: other,
                    row: candidate.content,
                    turn,
                    likeness,
                });
            }
        }
        near.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
        Ok(near)
    }

    fn is_large_enough(&self, content: &ContentHash) -> Result<bool, IngestError> {
        let known = self.ingest.index.catalog().content(content)?;
        Ok(known.is_some_and(|known| {
            u64::from(known.facts.width) * u64::from(known.facts.height) >= LEAST_PIXELS
        }))
    }

    /// The contents that are known to be the same shot as this one, through others that are
    /// still there.
    fn group_of(&self, content: &ContentHash) -> Result<BTreeSet<ContentHash>, IngestError> {
        let catalog = self.ingest.index.catalog();
        let mut group = BTreeSet::from([*content]);
        let mut waiting = vec![*content];
        while let Some(next) = waiting.pop() {
            if group.len() >= FOLLOWED {
                break;
            }
            for (other, pair) in catalog.pairs_of(&next)? {
                let is_seen = catalog
                    .content(&other)?
                    .is_some_and(|record| !self.generation.unseen().contains(record.row));
                if is_seen && matches!(pair, Pair::SamePhoto(_)) && group.insert(other) {
                    waiting.push(other);
                }
            }
        }
        Ok(group)
    }
}
