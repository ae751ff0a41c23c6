//! The ranking: what each photo is worth for a question, and where matches end.
//!
//! A photo is worth as much as the criterion says that it fits least. Candidates are those
//! that look best, and those that are filed under a word; the reach grows until no photo
//! beyond it can be a match.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use super::words::{Words, either};
use super::{Match, SearchError, Searcher};
use crate::calibration::{Background, CUT, Library, Likeness};
use crate::index::{Generation, Index};
use crate::query::{Filter, Sign, Term};
use crate::question::Question;
use crate::vectors::{Selection, Vectors};

/// Rows of each criterion that are looked at first.
const REACH: usize = 256;

/// Beyond this many times what is wanted, nothing more is looked for by a single criterion,
/// whose order is that of the answer. Of several the best may be in the middle of each.
const MOST_REACH: usize = 8;

/// Something that a photo is to fit.
#[derive(Debug)]
pub(super) struct Criterion {
    looks: Looks,
    words: Option<Words>,
    /// What it is not to fit, and how much that counts, from 0 to 1.
    against: Vec<(Criterion, f32)>,
}

/// How a photo is to look.
#[derive(Debug)]
enum Looks {
    /// Like what a text says.
    Text(Background),
    /// Like another photo.
    Photo(Likeness),
    /// The model knows no word of the text.
    Nothing,
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
        let language = self.language(generation);
        let library = language.library(generation);
        let photos = generation.totals().photos;
        let (mut criteria, mut examples) = (Vec::new(), Vec::new());
        for terms in question.texts() {
            // Nothing may be left of it, as of `dog - dog`.
            language.embed(terms)?;
            let (plus, minus): (Vec<Term>, Vec<Term>) = terms
                .iter()
                .cloned()
                .partition(|term| term.sign == Sign::Plus);
            let criterion = |terms: &[Term], words: &[Term]| {
                let looks = match language.embed(terms)? {
                    Some(vector) => Looks::Text(language.background(&library, &vector)),
                    None => Looks::Nothing,
                };
                Ok::<_, SearchError>(Criterion {
                    looks,
                    words: Some(Words::of(words, generation.facets(), photos)),
                    against: Vec::new(),
                })
            };
            let mut wanted = criterion(&plus, terms)?;
            for term in minus {
                let weight = term.weight.factor().min(1.0);
                let term = Term {
                    sign: Sign::Plus,
                    ..term
                };
                let terms = [term];
                wanted.against.push((criterion(&terms, &terms)?, weight));
            }
            criteria.push(wanted);
        }
        for hash in question.examples() {
            let content = index.catalog().content(hash)?;
            let row = content.ok_or(SearchError::NoExample)?.row;
            // It arrived after this generation was published.
            if row >= generation.vectors().len() {
                return Err(SearchError::NoExample);
            }
            let vector = generation.vectors().vector(row);
            examples.push(row);
            criteria.push(match vector.filter(|vector| is_seen(vector)) {
                Some(vector) => Criterion::like(vector, &library),
                // There is no picture of it, so nothing is known to be like it.
                None => Criterion::nothing(),
            });
        }
        let floor = question.min().map_or(CUT, |min| min.value());
        let ranking = Ranking::new(generation, criteria, rows, floor);
        ranking.best(index, top, &examples, question.filters())
    }
}

impl Criterion {
    /// Likeness to a picture, by its vector of unit length.
    pub(super) fn like(vector: Vec<f32>, library: &Library) -> Self {
        Self {
            looks: Looks::Photo(Likeness::new(vector, library)),
            words: None,
            against: Vec::new(),
        }
    }

    fn nothing() -> Self {
        Self {
            looks: Looks::Nothing,
            words: None,
            against: Vec::new(),
        }
    }

    /// The direction to look in.
    fn direction(&self) -> Option<&[f32]> {
        match &self.looks {
            Looks::Text(background) => Some(background.direction()),
            Looks::Photo(likeness) => Some(likeness.direction()),
            Looks::Nothing => None,
        }
    }

    /// Below this score no photo looks like a match.
    fn least_score(&self, relevance: f32) -> Option<f32> {
        match &self.looks {
            Looks::Text(background) => background.least_score(relevance),
            Looks::Photo(likeness) => Some(likeness.least_score(relevance)),
            Looks::Nothing => None,
        }
    }

    /// Score of a row by its looks, and what it is worth by looks and words. What it is not to
    /// fit takes that away as the square of how well it does: what is nearly as much a
    /// cat as a dog is still a dog.
    fn worth(&self, vectors: &Vectors, row: u32) -> (f32, f32) {
        let (score, looks) = self.looks(vectors, row).unwrap_or((0.0, 0.0));
        let words = self.words.as_ref();
        let words = words.map_or(0.0, |words| words.relevance(row));
        let mut relevance = either(looks, words);
        for (unwanted, weight) in &self.against {
            relevance *= 1.0 - weight * unwanted.worth(vectors, row).1.powi(2);
        }
        (score, relevance)
    }

    /// Whether what is worth more also scores more.
    fn is_in_order(&self) -> bool {
        self.against.is_empty()
    }

    /// Score and relevance of a row by its looks.
    fn looks(&self, vectors: &Vectors, row: u32) -> Option<(f32, f32)> {
        let direction = self.direction()?;
        let photo = vectors.vector(row).filter(|photo| is_seen(photo))?;
        let dot: f32 = direction.iter().zip(&photo).map(|(a, b)| a * b).sum();
        let length: f32 = photo.iter().map(|x| x * x).sum::<f32>().sqrt();
        let score = (dot / length).clamp(-1.0, 1.0);
        let relevance = match &self.looks {
            Looks::Text(background) => background.relevance(score),
            Looks::Photo(likeness) => likeness.relevance(score),
            Looks::Nothing => 0.0,
        };
        Some((score, relevance))
    }
}

/// Whether a stored vector is one: rows without a picture have none.
fn is_seen(vector: &[f32]) -> bool {
    vector.iter().all(|value| value.is_finite())
}

/// Criteria, and the rows among which the best are wanted.
pub(super) struct Ranking<'a> {
    generation: &'a Generation,
    criteria: Vec<Criterion>,
    selection: Selection<'a>,
    floor: f32,
}

impl<'a> Ranking<'a> {
    /// Ranks `rows`, or all, by all of the criteria; what is worth less than `floor` is no
    /// match.
    pub(super) fn new(
        generation: &'a Generation,
        criteria: Vec<Criterion>,
        rows: Option<&'a RoaringBitmap>,
        floor: f32,
    ) -> Self {
        Self {
            generation,
            criteria,
            selection: Selection {
                only: rows,
                except: Some(generation.unseen()),
            },
            floor,
        }
    }

    /// The best photos, best first; at most `top`, and none of the rows `examples`: each photo
    /// is most like itself, and nobody asks for that. They are shown by the files that satisfy
    /// `filters`.
    pub(super) fn best(
        &self,
        index: &Index,
        top: usize,
        examples: &[u32],
        filters: &[Filter],
    ) -> Result<Vec<Match>, SearchError> {
        let is_in_order = match self.criteria.as_slice() {
            [criterion] => criterion.is_in_order(),
            _ => false,
        };
        let most = if is_in_order {
            top.saturating_mul(MOST_REACH).max(REACH)
        } else {
            usize::MAX
        };
        let mut reach = REACH;
        loop {
            let (candidates, is_all) = self.candidates(reach)?;
            // What counts for several criteria is not in the order of any of them.
            let enough = is_in_order && candidates.len() >= top + examples.len();
            if !is_all && !enough && reach < most {
                reach = reach.saturating_mul(4);
                continue;
            }
            let mut matches = Vec::new();
            for candidate in candidates {
                if matches.len() == top {
                    break;
                }
                if examples.contains(&candidate.row) {
                    continue;
                }
                // A photo that was deleted after this generation has no file any more, and
                // one that cannot be reached may be left out.
                if let Some(photo) = index.photo_in(self.generation, candidate.row, filters)? {
                    matches.push(Match {
                        row: candidate.row,
                        relevance: candidate.relevance,
                        score: candidate.score,
                        words: self.words(candidate.row),
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

    /// The matches among the rows that look best or are filed under a word, best first; and
    /// whether there can be no others.
    fn candidates(&self, reach: usize) -> Result<(Vec<Candidate>, bool), SearchError> {
        let vectors = self.generation.vectors();
        let mut found = BTreeSet::new();
        let mut is_all = true;
        for criterion in &self.criteria {
            if let Some(direction) = criterion.direction() {
                let hits = vectors.search(direction, reach, &self.selection)?;
                let least = criterion.least_score(self.floor);
                let ends = hits.len() < reach
                    || least.is_none_or(|least| hits.last().is_some_and(|hit| hit.score < least));
                is_all &= ends;
                found.extend(hits.into_iter().map(|hit| hit.row));
            }
            if let Some(words) = &criterion.words {
                is_all &= self.add_filed(criterion, words.all(), reach, &mut found)?;
                for filed in words.each() {
                    is_all &= self.add_filed(criterion, filed, reach, &mut found)?;
                }
            }
        }
        // Everything is wanted, also what can be neither seen nor read about.
        if self.floor == 0.0 {
            is_all &= self.add_blank(reach, &mut found);
        }
        let mut candidates: Vec<Candidate> = found
            .into_iter()
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
        found: &mut BTreeSet<u32>,
    ) -> Result<bool, SearchError> {
        self.select(&mut filed);
        if filed.len() <= reach as u64 {
            found.extend(filed);
            return Ok(true);
        }
        let blank = &filed & self.generation.facets().blank();
        found.extend(blank.iter().take(reach));
        match criterion.direction() {
            Some(direction) => {
                let selection = Selection {
                    only: Some(&filed),
                    except: None,
                };
                let vectors = self.generation.vectors();
                let hits = vectors.search(direction, reach, &selection)?;
                found.extend(hits.into_iter().map(|hit| hit.row));
            }
            None => found.extend(filed.iter().take(reach)),
        }
        Ok(false)
    }

    /// Adds rows without a picture. Whether these were all.
    fn add_blank(&self, reach: usize, found: &mut BTreeSet<u32>) -> bool {
        let mut blank = self.generation.facets().blank().clone();
        self.select(&mut blank);
        let is_all = blank.len() <= reach as u64;
        found.extend(blank.into_iter().take(reach));
        is_all
    }

    fn select(&self, rows: &mut RoaringBitmap) {
        if let Some(only) = self.selection.only {
            *rows &= only;
        }
        if let Some(except) = self.selection.except {
            *rows -= except;
        }
    }

    /// What a row is worth for all criteria; nothing below the floor.
    fn judge(&self, vectors: &Vectors, row: u32) -> Option<Candidate> {
        let mut judged = Candidate {
            row,
            relevance: 1.0,
            score: f32::INFINITY,
        };
        for criterion in &self.criteria {
            let (score, relevance) = criterion.worth(vectors, row);
            judged.relevance = judged.relevance.min(relevance);
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
