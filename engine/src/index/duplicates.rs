//! Groups of duplicates as readers see them: pairs and files of the catalogue, made into groups.
//!
//! Which pairs there are was found out before ([`crate::ingest`]); nothing here opens a photo or
//! compares anything. What the owner dismissed is left out.

mod copies;
mod keep;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Generation, Index};
use crate::catalog::{CatalogError, Pair, RootId, Stamp};
use crate::decisions::{Dismissal, group_id};
use crate::duplicates::{Tier, groups};
use crate::media::Facts;
use crate::worker::ContentHash;

use copies::Holder;
pub use keep::Keep;

/// Photos that are the same in one of three ways.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateGroup {
    /// In which way.
    pub tier: Tier,
    /// Its name for commands ([`group_id`]).
    pub id: String,
    /// Its contents.
    pub contents: BTreeSet<ContentHash>,
    /// The best first: in colour before grey, then by pixels, then quality, then how much is
    /// known of it, then age.
    pub copies: Vec<DuplicateCopy>,
    /// Bytes that are free if only the best is kept.
    pub reclaimable: u64,
}

/// A copy that takes room of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateCopy {
    /// What is in it.
    pub content: ContentHash,
    /// The row of that.
    pub row: u32,
    /// Its names: several where these are hard links, or ways to it through several roots. Those
    /// that can be reached come first, then by path.
    pub files: Vec<DuplicateFile>,
    /// Size and time of modification.
    pub stamp: Stamp,
    /// Format and dimensions.
    pub facts: Facts,
    /// As how good it was written ([`crate::media::quality`]).
    pub quality: u8,
    /// Why it is in the group.
    pub because: Because,
}

/// A name of a copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuplicateFile {
    /// Its root cannot be reached.
    pub away: bool,
    /// Absolute.
    pub path: PathBuf,
    /// Its root.
    pub root: RootId,
}

/// Why a copy is in its group. Others are named by their places in the group.
#[derive(Debug, Clone, PartialEq)]
pub enum Because {
    /// It is the best.
    Best,
    /// It has the same bytes as this other one.
    SameBytes(usize),
    /// It was compared with this other one, and this was found.
    Compared(usize, Pair),
}

impl DuplicateGroup {
    /// The name of its best copy without the extension.
    #[must_use]
    pub fn name(&self) -> String {
        let best = self.copies.first().and_then(|copy| copy.files.first());
        let stem = best.and_then(|file| file.path.file_stem());
        stem.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The decision that it is to be shown no more.
    #[must_use]
    pub fn dismissal(&self) -> Dismissal {
        Dismissal::now(self.tier, self.contents.clone(), self.name())
    }

    /// Why a copy is in the group, in words; nothing if there is no such copy.
    #[must_use]
    pub fn reason(&self, place: usize) -> Option<String> {
        let copy = self.copies.get(place)?;
        let of = |other: usize| {
            let other = self.copies.get(other).and_then(|copy| copy.files.first());
            other.map_or_else(String::new, |file| file.path.display().to_string())
        };
        Some(match &copy.because {
            Because::Best => "the best copy".to_owned(),
            Because::SameBytes(other) => format!("the same bytes as {}", of(*other)),
            Because::Compared(other, Pair::SamePhoto(evidence)) => {
                format!("{evidence}: compared with {}", of(*other))
            }
            Because::Compared(other, Pair::Lookalike { cosine, seconds }) => {
                let when = match seconds {
                    Some(0) => ", taken in the same second".to_owned(),
                    Some(1) => ", taken 1 second apart".to_owned(),
                    Some(seconds) => format!(", taken {seconds} seconds apart"),
                    None => String::new(),
                };
                format!("looks like {} (cosine {cosine:.3}){when}", of(*other))
            }
        })
    }
}

impl Index {
    /// The groups of a kind that are not dismissed, the largest saving first; groups that save
    /// the same, by the path of the best.
    ///
    /// Groups of [`Tier::SamePhoto`] have two different contents at least, and all copies of
    /// each. Those of [`Tier::Lookalike`] have the best of each photo alone.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn duplicates(
        &self,
        generation: &Generation,
        tier: Tier,
        dismissals: &[Dismissal],
    ) -> Result<Arc<[DuplicateGroup]>, CatalogError> {
        let all = match tier {
            Tier::Exact => self.exact(generation)?,
            Tier::SamePhoto => self.same_photos(generation)?,
            Tier::Lookalike => self.lookalikes(generation)?,
        };
        let dismissals = Dismissed::new(tier, dismissals);
        let mut shown: Vec<DuplicateGroup> = all
            .into_iter()
            .filter(|group| !dismissals.covers(&group.contents))
            .collect();
        shown.sort_by(|a, b| {
            let first = |group: &DuplicateGroup| {
                let first = group.copies.first()?.files.first()?;
                Some(first.path.clone())
            };
            (b.reclaimable.cmp(&a.reclaimable)).then_with(|| first(a).cmp(&first(b)))
        });
        Ok(shown.into())
    }

    fn exact(&self, generation: &Generation) -> Result<Vec<DuplicateGroup>, CatalogError> {
        let mut found = Vec::new();
        for row in generation.facets().copied() - generation.unseen() {
            let Some(holder) = self.holder_of_row(generation, row)? else {
                continue;
            };
            let contents = BTreeSet::from([holder.content]);
            let copies = holder.into_copies(Because::Best);
            found.extend(group(Tier::Exact, contents, copies));
        }
        Ok(found)
    }

    fn same_photos(&self, generation: &Generation) -> Result<Vec<DuplicateGroup>, CatalogError> {
        let known = self.paired(generation, Tier::SamePhoto)?;
        let groups = known.groups(Tier::SamePhoto);
        let groups = groups.into_iter().map(|members| {
            let mut copies: Vec<DuplicateCopy> = Vec::new();
            // Where the first copy of each content is.
            let mut first: HashMap<ContentHash, usize> = HashMap::new();
            let mut contents = BTreeSet::new();
            for (holder, _) in &members {
                contents.insert(holder.content);
                first.insert(holder.content, copies.len());
                copies.extend(holder.clone().into_copies(Because::Best));
            }
            for (holder, pair) in members {
                if let (Some(place), Some((other, pair))) = (first.get(&holder.content), pair)
                    && let Some(with) = first.get(&other)
                {
                    copies[*place].because = Because::Compared(*with, pair);
                }
            }
            // Places within one content become places within the group.
            for (content, from) in &first {
                for copy in copies.iter_mut().filter(|copy| copy.content == *content) {
                    if let Because::SameBytes(place) = &mut copy.because {
                        *place += from;
                    }
                }
            }
            group(Tier::SamePhoto, contents, copies)
        });
        Ok(groups.flatten().collect())
    }

    fn lookalikes(&self, generation: &Generation) -> Result<Vec<DuplicateGroup>, CatalogError> {
        // Of copies of one photo, only the best takes part.
        let same = self.paired(generation, Tier::SamePhoto)?;
        let mut stands_for: HashMap<ContentHash, ContentHash> = HashMap::new();
        for members in same.groups(Tier::SamePhoto) {
            if let Some((best, _)) = members.first() {
                let best = best.content;
                stands_for.extend(members.iter().map(|(holder, _)| (holder.content, best)));
            }
        }
        let mut known = self.paired(generation, Tier::Lookalike)?;
        for best in stands_for.values() {
            if !known.places.contains_key(best)
                && let Some(holder) = self.holder(generation, best)?
            {
                known.add(holder);
            }
        }
        for (a, b, _) in &mut known.pairs {
            *a = *stands_for.get(a).unwrap_or(a);
            *b = *stands_for.get(b).unwrap_or(b);
        }
        let groups = known.groups(Tier::Lookalike).into_iter().map(|members| {
            let place = |content: &ContentHash| {
                members
                    .iter()
                    .position(|(holder, _)| holder.content == *content)
            };
            let contents = members.iter().map(|(holder, _)| holder.content).collect();
            let copies = members.iter().filter_map(|(holder, pair)| {
                let because = match pair {
                    Some((other, pair)) => Because::Compared(place(other)?, pair.clone()),
                    None => Because::Best,
                };
                // Copies of one content are the business of the other kinds.
                holder.clone().into_copies(because).into_iter().next()
            });
            group(Tier::Lookalike, contents, copies.collect())
        });
        Ok(groups.flatten().collect())
    }

    /// The pairs of a kind of which both are seen, with who holds them.
    fn paired(&self, generation: &Generation, tier: Tier) -> Result<Paired, CatalogError> {
        let mut paired = Paired::default();
        for pair in self.catalog.pairs() {
            let (a, b, pair) = pair?;
            if pair.tier() != tier {
                continue;
            }
            let mut are_seen = true;
            for content in [&a, &b] {
                if !paired.places.contains_key(content) {
                    match self.holder(generation, content)? {
                        Some(holder) => paired.add(holder),
                        None => are_seen = false,
                    }
                }
            }
            if are_seen {
                paired.pairs.push((a, b, pair));
            }
        }
        Ok(paired)
    }
}

/// Contents and pairs of them.
#[derive(Debug, Default)]
struct Paired {
    holders: Vec<Holder>,
    places: HashMap<ContentHash, usize>,
    pairs: Vec<(ContentHash, ContentHash, Pair)>,
}

/// A content, and by which pair with which other one it belongs to its group, seen from it.
type PairedMember = (Holder, Option<(ContentHash, Pair)>);

impl Paired {
    fn add(&mut self, holder: Holder) {
        self.places.insert(holder.content, self.holders.len());
        self.holders.push(holder);
    }

    /// The groups, the best of each first.
    fn groups(&self, tier: Tier) -> Vec<Vec<PairedMember>> {
        let merits: Vec<_> = self.holders.iter().map(Holder::merit).collect();
        let mut pairs = Vec::with_capacity(self.pairs.len());
        for (a, b, _) in &self.pairs {
            // Of what has no place, a place that does not exist.
            let place = |content| self.places.get(content).copied().unwrap_or(usize::MAX);
            pairs.push((place(a), place(b)));
        }
        let groups = groups(&merits, &pairs, tier).into_iter().map(|members| {
            let members = members.into_iter().map(|member| {
                let holder = self.holders[member.place].clone();
                let pair = member.pair.map(|at| {
                    let (a, b, pair) = &self.pairs[at];
                    if holder.content == *a {
                        (*b, pair.clone())
                    } else {
                        (*a, exchanged(pair))
                    }
                });
                (holder, pair)
            });
            members.collect()
        });
        groups.collect()
    }
}

/// A pair seen from its second content.
fn exchanged(pair: &Pair) -> Pair {
    match pair {
        Pair::SamePhoto(evidence) => Pair::SamePhoto(evidence.exchanged()),
        same => same.clone(),
    }
}

/// A group of copies, the best first; nothing if it is only one.
fn group(
    tier: Tier,
    contents: BTreeSet<ContentHash>,
    mut copies: Vec<DuplicateCopy>,
) -> Option<DuplicateGroup> {
    if copies.len() < 2 {
        return None;
    }
    if let Some(best) = copies.first_mut() {
        best.because = Because::Best;
    }
    let freed = copies.iter().skip(1).map(|copy| copy.stamp.size);
    Some(DuplicateGroup {
        tier,
        id: group_id(tier, &contents),
        reclaimable: freed.fold(0, u64::saturating_add),
        contents,
        copies,
    })
}

/// Dismissals of one kind, by the contents that they name.
struct Dismissed<'a> {
    tier: Tier,
    by_content: BTreeMap<ContentHash, Vec<&'a Dismissal>>,
}

impl<'a> Dismissed<'a> {
    fn new(tier: Tier, dismissals: &'a [Dismissal]) -> Self {
        let mut by_content: BTreeMap<ContentHash, Vec<&Dismissal>> = BTreeMap::new();
        for dismissal in dismissals.iter().filter(|dismissal| dismissal.tier == tier) {
            for content in &dismissal.contents {
                by_content.entry(*content).or_default().push(dismissal);
            }
        }
        Self { tier, by_content }
    }

    fn covers(&self, contents: &BTreeSet<ContentHash>) -> bool {
        let first = contents
            .first()
            .and_then(|first| self.by_content.get(first));
        first.is_some_and(|dismissals| {
            let mut dismissals = dismissals.iter();
            dismissals.any(|dismissal| dismissal.covers(self.tier, contents))
        })
    }
}

#[cfg(test)]
mod tests;
