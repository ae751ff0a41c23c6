//! What the words of a question say by themselves: which photos are filed under them.
//!
//! A photo whose folders, names, tags, camera, place or caption have the words of a text is
//! a match whatever it looks like; one that has some of them is more of a match than by its
//! looks alone. Rare words say more than frequent ones (inverse document frequency, Spärck
//! Jones 1972), and a word that most photos have says nothing.

use std::collections::BTreeMap;

use roaring::{MultiOps, RoaringBitmap};

use crate::facets::{Facets, words};
use crate::query::{Sign, Term};

/// The relevance of a photo that is filed under all words of a text.
const FILED: f32 = 0.9;

/// A word that more photos than this share have says nothing about any of them.
const TELLING: f32 = 0.5;

/// Words that say nothing about a photo.
const SILENT: &[&str] = &[
    "a",
    "an",
    "and",
    "are",
    "as",
    "at",
    "be",
    "by",
    "for",
    "from",
    "has",
    "have",
    "her",
    "hi",
    "his",
    "image",
    "in",
    "into",
    "is",
    "it",
    "its",
    "me",
    "my",
    "near",
    "next",
    "of",
    "on",
    "one",
    "or",
    "our",
    "out",
    "over",
    "photo",
    "photograph",
    "picture",
    "some",
    "that",
    "the",
    "their",
    "there",
    "this",
    "to",
    "two",
    "under",
    "up",
    "while",
    "who",
    "with",
];

/// The words of a text that photos are filed under.
#[derive(Debug)]
pub(super) struct Words {
    found: Vec<Word>,
    /// What all words of the text together would say, those that no photo has included.
    total: f32,
    /// Photos filed under words that count against.
    against: RoaringBitmap,
}

#[derive(Debug)]
struct Word {
    text: String,
    rows: RoaringBitmap,
    says: f32,
}

impl Words {
    /// The words of `terms` in a library of `photos` photos.
    pub(super) fn of(terms: &[Term], facets: &Facets, photos: u64) -> Self {
        let texts = |sign| {
            let terms = terms.iter().filter(move |term| term.sign == sign);
            let mut all: BTreeMap<String, f32> = BTreeMap::new();
            for term in terms {
                for word in words(&term.text).filter(|word| !SILENT.contains(&word.as_str())) {
                    let weight = all.entry(word).or_default();
                    *weight = weight.max(term.weight.factor());
                }
            }
            all.into_iter()
        };
        let photos = photos.max(1) as f32;
        let (mut found, mut total) = (Vec::new(), 0.0);
        for (text, weight) in texts(Sign::Plus) {
            let rows = facets.with_word(&text).cloned().unwrap_or_default();
            let share = rows.len() as f32 / photos;
            let says = weight * (1.0 / share.max(1.0 / photos)).ln_1p();
            total += says;
            if !rows.is_empty() && share <= TELLING {
                found.push(Word { text, rows, says });
            }
        }
        let against = texts(Sign::Minus);
        // What counts against a little does not take a word away.
        let against = against.filter(|(_, weight)| *weight >= 1.0);
        let against = against.filter_map(|(word, _)| facets.with_word(&word).cloned());
        Self {
            found,
            total,
            against: against.union(),
        }
    }

    /// For each word the photos that have it.
    pub(super) fn each(&self) -> impl Iterator<Item = RoaringBitmap> {
        self.found.iter().map(|word| &word.rows - &self.against)
    }

    /// Photos that have all of those words that any photo has.
    pub(super) fn all(&self) -> RoaringBitmap {
        self.found.iter().map(|word| &word.rows).intersection() - &self.against
    }

    /// How relevant a photo is by its words alone, from 0 to [`FILED`].
    pub(super) fn relevance(&self, row: u32) -> f32 {
        if self.found.is_empty() || self.against.contains(row) {
            return 0.0;
        }
        let said: f32 = self.matched(row).map(|word| word.says).sum();
        // Squared: half of what was asked is much less than half an answer.
        FILED * (said / self.total).powi(2)
    }

    /// The words that a photo has.
    pub(super) fn names(&self, row: u32) -> impl Iterator<Item = &str> {
        self.matched(row).map(|word| word.text.as_str())
    }

    fn matched(&self, row: u32) -> impl Iterator<Item = &Word> {
        self.found
            .iter()
            .filter(move |word| word.rows.contains(row))
    }
}

/// Two reasons for a photo, each from 0 to 1, together: it is no match only if neither is
/// right ("noisy or").
pub(super) fn either(looks: f32, words: f32) -> f32 {
    1.0 - (1.0 - looks) * (1.0 - words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facets::RowFacts;
    use crate::query::Query;

    fn library() -> Facets {
        let mut facets = Facets::default();
        let folders = [
            "Wedding 2019",
            "Wedding 2019",
            "holiday",
            "holiday",
            "dogs",
            "x",
            "y",
            "z",
        ];
        for (row, folder) in (0..).zip(folders) {
            let facts = RowFacts {
                folders: vec![(0, format!("photos/{folder}"))],
                ..RowFacts::default()
            };
            facets.replace(row, None, Some(&facts));
        }
        facets
    }

    fn relevances(query: &str) -> Vec<f32> {
        let words = Words::of(Query::parse(query).unwrap().terms(), &library(), 8);
        (0..8).map(|row| words.relevance(row)).collect()
    }

    #[test]
    fn a_photo_that_is_filed_under_the_words_is_a_match() {
        let found = relevances("the wedding");
        assert!(found[0] > 0.85 && found[1] > 0.85, "{found:?}");
        assert!(
            found[2..].iter().all(|relevance| *relevance == 0.0),
            "{found:?}"
        );
    }

    #[test]
    fn some_of_the_words_say_less_than_all() {
        let found = relevances("wedding dog");
        assert!(found[0] > 0.0 && found[0] < 0.4, "{found:?}");
    }

    #[test]
    fn a_word_that_all_photos_have_says_nothing() {
        assert!(
            relevances("photos")
                .iter()
                .all(|relevance| *relevance == 0.0)
        );
    }

    #[test]
    fn a_word_weighs_as_much_as_its_term() {
        let (much, little) = (relevances("wedding +2 dog"), relevances("wedding +0.1 dog"));
        assert!(much[4] > much[0], "{much:?}");
        assert!(little[4] < little[0], "{little:?}");
    }

    #[test]
    fn what_counts_against_takes_the_word_back() {
        assert!(
            relevances("wedding - 2019")
                .iter()
                .all(|relevance| *relevance == 0.0)
        );
    }
}
