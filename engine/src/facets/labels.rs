//! The values of a facet that are texts, each with its rows.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::{MultiOps, RoaringBitmap};
use unicode_normalization::UnicodeNormalization;

use super::words::words;

/// The values of a facet. Those that differ in upper and lower case only are one, as systems that
/// do not tell them apart shall see each once; it is spelled as most rows spell it, and of
/// several such spellings the first by its bytes.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    by_key: Arc<BTreeMap<Box<str>, Labelled>>,
}

#[derive(Debug, Clone)]
struct Labelled {
    rows: Arc<RoaringBitmap>,
    /// How it is spelled and by how many rows; the one that is shown is the first.
    spellings: Vec<(Arc<str>, u32)>,
}

/// A value with its rows.
#[derive(Debug, Clone, Copy)]
pub struct Label<'a> {
    /// As it is shown.
    pub name: &'a str,
    /// The rows that have it.
    pub rows: &'a RoaringBitmap,
}

/// A path as it is compared: what stands for `/` in a query is `/`, and spaces around names do
/// not count.
#[must_use]
pub fn folded_path(path: &str) -> String {
    let names = path.split(['/', ':', '\u{2044}', '\u{2215}']).map(folded);
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    names.join("/")
}

/// A text as it is compared: without case, with single spaces, and however its accents are
/// written (Unicode's NFKC).
#[must_use]
pub fn folded(text: &str) -> String {
    let lower = comparable(text);
    let mut words = lower.split_whitespace();
    let mut folded = words.next().unwrap_or_default().to_owned();
    for word in words {
        folded.push(' ');
        folded.push_str(word);
    }
    folded
}

/// A name as it is compared where one side may have lost its accents.
pub(super) fn without_accents(text: &str) -> String {
    let plain = folded(text);
    if plain.is_ascii() {
        return plain;
    }
    let is_mark = |character: &char| ('\u{300}'..='\u{36f}').contains(character);
    plain
        .nfd()
        .filter(|character| !is_mark(character))
        .collect()
}

/// In lower case, with composed letters.
pub(super) fn comparable(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.nfkc().flat_map(char::to_lowercase).nfkc();
    // The dot that is left of a Turkish capital, and the letter that capitals write as two.
    let lower = lower.filter(|character| *character != '\u{307}');
    lower.collect::<String>().replace('ß', "ss")
}

impl Labels {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// All of them, in the order of their folded names.
    pub fn iter(&self) -> impl Iterator<Item = Label<'_>> {
        self.by_key.values().map(Labelled::label)
    }

    /// The one of this name, whatever its case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Label<'_>> {
        let found = self.by_key.get(folded(name).as_str());
        found.map(Labelled::label)
    }

    /// Those whose folded names begin so.
    pub(super) fn below(&self, beginning: &str) -> impl Iterator<Item = Label<'_>> + use<'_> {
        let beginning: Box<str> = folded(beginning).into();
        self.by_key
            .range(beginning.clone()..)
            .take_while(move |(key, _)| key.starts_with(&*beginning))
            .map(|(_, labelled)| labelled.label())
    }

    /// The rows of `name`; or else those of all that contain each of its words.
    pub(super) fn matching(&self, name: &str) -> RoaringBitmap {
        match self.get(name) {
            Some(label) => label.rows.clone(),
            None => self.containing(name),
        }
    }

    /// The rows of all labels that contain each word of `text`.
    pub(super) fn containing(&self, text: &str) -> RoaringBitmap {
        let wanted: Vec<String> = words(text).collect();
        if wanted.is_empty() {
            return RoaringBitmap::new();
        }
        let fitting = self.iter().filter(|label| {
            let has: Vec<String> = words(label.name).collect();
            wanted.iter().all(|word| has.contains(word))
        });
        fitting.map(|label| label.rows).union()
    }

    pub(super) fn change(&mut self, name: &str, change: &mut dyn FnMut(&mut RoaringBitmap)) {
        let key = folded(name);
        if key.is_empty() {
            return;
        }
        let labels = Arc::make_mut(&mut self.by_key);
        match labels.get_mut(key.as_str()) {
            Some(labelled) => {
                let before = labelled.rows.len();
                change(Arc::make_mut(&mut labelled.rows));
                if labelled.rows.is_empty() {
                    labels.remove(key.as_str());
                } else if labelled.rows.len() > before {
                    labelled.count(name, 1);
                } else if labelled.rows.len() < before {
                    labelled.count(name, -1);
                }
            }
            None => {
                let mut rows = RoaringBitmap::new();
                change(&mut rows);
                if !rows.is_empty() {
                    let labelled = Labelled {
                        rows: Arc::new(rows),
                        spellings: vec![(name.into(), 1)],
                    };
                    labels.insert(key.into(), labelled);
                }
            }
        }
    }
}

impl Labelled {
    fn label(&self) -> Label<'_> {
        Label {
            name: self.spellings.first().map_or("", |(name, _)| name),
            rows: &self.rows,
        }
    }

    /// Counts a row more or less that spells it so.
    fn count(&mut self, name: &str, change: i32) {
        let known = self
            .spellings
            .iter()
            .position(|(known, _)| &**known == name);
        match known {
            Some(at) => {
                let count = &mut self.spellings[at].1;
                *count = count.saturating_add_signed(change);
            }
            None if change > 0 => self.spellings.push((name.into(), 1)),
            None => {}
        }
        if self.spellings.len() > 1 {
            self.spellings.retain(|(_, count)| *count > 0);
            let order = |(name, count): &(Arc<str>, u32)| (Reverse(*count), Arc::clone(name));
            self.spellings.sort_by_key(order);
        }
    }
}
