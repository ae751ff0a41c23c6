//! The ranking: what each photo is worth for a question, and where matches end.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use super::words::{Words, either};
use super::{Match, SearchError, Searcher};
use crate::calibration::{Background, CUT};
use crate::index::{Generation, Index};
use crate::question::Question;
use crate::vectors::{Selection, Vectors};

/// Rows that are looked at first, and at least.
const REACH: usize = 512;

/// The most rows that are looked at, for each row that is wanted.
const MOST_REACH: usize = 8;

/// Something that a photo is to fit.
struct Criterion {
    /// Where it looks for; nothing if the model knows no word of it.
    vector: Option<Vec<f32>>,
    background: Background,
    words: Option<Words>,
}

/// A row that may be a match.
#[derive(Debug, Clone)]
struct Candidate {
    row: u32,
    relevance: f32,
    score: f32,
}

impl Searcher {
    /// The best photos among `rows`, or among all; at most `top`.
    pub(super) fn rank(
        &self,
        index: &Index,
        generation: &Generation,
        question: &Question,
        rows: Option<&RoaringBitmap>,
        top: usize,
    ) -> Result<Vec<Match>, SearchError> {
        let criteria = self.criteria(index, generation, question)?;
        let floor = question.min().map_or(CUT, |min| min.value());
        let ranking = Ranking {
            generation,
            criteria: &criteria,
            selection: Selection {
                only: rows,
                except: Some(generation.dead()),
            },
            floor,
        };
        let mut examples = Vec::new();
        for hash in question.examples() {
            if let Some(content) = index.catalog().content(hash)? {
                examples.push(content.row);
            }
        }
        let mut reach = (2 * top).max(REACH);
        let most = reach.saturating_mul(MOST_REACH);
        loop {
            let (candidates, is_all) = ranking.candidates(reach)?;
            let mut matches = Vec::new();
            for candidate in &candidates {
                if matches.len() == top {
                    break;
                }
                // Each photo is most like itself, and nobody asks for that.
                if examples.contains(&candidate.row) {
                    continue;
                }
                // A photo that was deleted after this generation has no file any more, and
                // one that cannot be reached may be left out.
                if let Some(photo) = index.photo(generation, candidate.row)? {
                    matches.push(Match {
                        row: candidate.row,
                        relevance: candidate.relevance,
                        score: candidate.score,
                        words: ranking.words(candidate.row),
                        path: photo.path,
                    });
                }
            }
            if matches.len() == top || is_all || reach >= most {
                return Ok(matches);
            }
            reach = reach.saturating_mul(4);
        }
    }

    fn criteria(
        &self,
        index: &Index,
        generation: &Generation,
        question: &Question,
    ) -> Result<Vec<Criterion>, SearchError> {
        let sample = self.sample(generation);
        let photos = generation.totals().photos;
        let mut criteria = Vec::new();
        for terms in question.texts() {
            let vector = self.embed(terms)?;
            let direction = vector.as_deref().unwrap_or_default();
            criteria.push(Criterion {
                background: self.calibration.background(direction, &sample),
                words: Some(Words::of(terms, generation.facets(), photos)),
                vector,
            });
        }
        for hash in question.examples() {
            let content = index.catalog().content(hash)?;
            let row = content.map(|content| content.row);
            let vector = row.and_then(|row| generation.vectors().vector(row));
            let vector = vector.ok_or(SearchError::NoExample)?;
            criteria.push(Criterion {
                background: self.calibration.likeness(&vector, &sample),
                words: None,
                vector: Some(vector),
            });
        }
        Ok(criteria)
    }
}

struct Ranking<'a> {
    generation: &'a Generation,
    criteria: &'a [Criterion],
    selection: Selection<'a>,
    floor: f32,
}

impl Ranking<'_> {
    /// The rows at or above the floor among those that are best by looks or by words, best
    /// first; and whether no other row can be.
    fn candidates(&self, reach: usize) -> Result<(Vec<Candidate>, bool), SearchError> {
        let vectors = self.generation.vectors();
        let mut found: HashMap<u32, ()> = HashMap::new();
        let mut is_all = true;
        for criterion in self.criteria {
            if let Some(vector) = &criterion.vector {
                let hits = vectors.search(vector, reach, &self.selection)?;
                // The last quarter has no match: nor will what comes behind it.
                let tail = &hits[hits.len() - hits.len() / 4..];
                let ends = hits.len() < reach
                    || !tail.iter().any(|hit| {
                        let looks = criterion.looks(vectors, hit.row);
                        looks.is_some_and(|(_, relevance)| relevance >= self.floor)
                    });
                is_all &= ends;
                found.extend(hits.into_iter().map(|hit| (hit.row, ())));
            }
            if let Some(words) = &criterion.words {
                for filed in [words.all(), words.any()] {
                    is_all &= self.add_filed(criterion, filed, reach, &mut found)?;
                }
            }
        }
        let mut candidates: Vec<Candidate> = found
            .into_keys()
            .filter_map(|row| self.judge(vectors, row))
            .collect();
        candidates.sort_unstable_by(|a, b| {
            let by_relevance = b.relevance.total_cmp(&a.relevance);
            let by_score = b.score.total_cmp(&a.score);
            by_relevance.then(by_score).then(a.row.cmp(&b.row))
        });
        Ok((candidates, is_all))
    }

    /// Adds those rows of `filed` that look best, and some without a picture. Whether these
    /// were all.
    fn add_filed(
        &self,
        criterion: &Criterion,
        mut filed: RoaringBitmap,
        reach: usize,
        found: &mut HashMap<u32, ()>,
    ) -> Result<bool, SearchError> {
        if let Some(only) = self.selection.only {
            filed &= only;
        }
        if let Some(except) = self.selection.except {
            filed -= except;
        }
        if filed.len() <= reach as u64 {
            found.extend(filed.iter().map(|row| (row, ())));
            return Ok(true);
        }
        let blank = &filed & self.generation.facets().blank();
        found.extend(blank.iter().take(reach).map(|row| (row, ())));
        match &criterion.vector {
            Some(vector) => {
                let selection = Selection {
                    only: Some(&filed),
                    except: None,
                };
                let hits = self
                    .generation
                    .vectors()
                    .search(vector, reach, &selection)?;
                found.extend(hits.into_iter().map(|hit| (hit.row, ())));
            }
            None => found.extend(filed.iter().take(reach).map(|row| (row, ()))),
        }
        Ok(false)
    }

    /// What a row is worth for all criteria: as much as for the one that it fits least.
    /// Nothing below the floor.
    fn judge(&self, vectors: &Vectors, row: u32) -> Option<Candidate> {
        let mut judged = Candidate {
            row,
            relevance: 1.0,
            score: f32::INFINITY,
        };
        for criterion in self.criteria {
            let (score, looks) = criterion.looks(vectors, row).unwrap_or((0.0, 0.0));
            let words = criterion.words.as_ref();
            let words = words.map_or(0.0, |words| words.relevance(row));
            judged.relevance = judged.relevance.min(either(looks, words));
            judged.score = judged.score.min(score);
        }
        (judged.relevance >= self.floor).then_some(judged)
    }

    fn words(&self, row: u32) -> String {
        let words = self.criteria.iter().filter_map(|of| of.words.as_ref());
        let names: Vec<&str> = words.flat_map(|words| words.names(row)).collect();
        names.join(" ")
    }
}

impl Criterion {
    /// Score and relevance of a row by its looks; nothing if there is no picture of it, or
    /// nothing to look for.
    fn looks(&self, vectors: &Vectors, row: u32) -> Option<(f32, f32)> {
        let wanted = self.vector.as_ref()?;
        let photo = vectors.vector(row).filter(|photo| photo[0].is_finite())?;
        let dot: f32 = wanted.iter().zip(&photo).map(|(a, b)| a * b).sum();
        let length: f32 = photo.iter().map(|x| x * x).sum::<f32>().sqrt();
        let score = (dot / length).clamp(-1.0, 1.0);
        Some((score, self.background.relevance(score, &photo)))
    }
}
