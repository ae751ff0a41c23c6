//! The values of a facet that are texts, each with its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::{MultiOps, RoaringBitmap};

use super::words::words;

/// The values of a facet. Those that differ in upper and lower case only are one, spelled as
/// it was first: systems that do not tell them apart shall see each once.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    by_key: Arc<BTreeMap<Box<str>, Labelled>>,
}

#[derive(Debug, Clone)]
struct Labelled {
    name: Arc<str>,
    rows: Arc<RoaringBitmap>,
}

/// A value with its rows.
#[derive(Debug, Clone, Copy)]
pub struct Label<'a> {
    /// As it is shown.
    pub name: &'a str,
    /// The rows that have it.
    pub rows: &'a RoaringBitmap,
}

/// A text as it is compared: without case, with single spaces.
#[must_use]
pub fn folded(text: &str) -> String {
    let lower = text.to_lowercase();
    let mut words = lower.split_whitespace();
    let mut folded = words.next().unwrap_or_default().to_owned();
    for word in words {
        folded.push(' ');
        folded.push_str(word);
    }
    folded
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
                change(Arc::make_mut(&mut labelled.rows));
                if labelled.rows.is_empty() {
                    labels.remove(key.as_str());
                }
            }
            None => {
                let mut rows = RoaringBitmap::new();
                change(&mut rows);
                if !rows.is_empty() {
                    let labelled = Labelled {
                        name: name.into(),
                        rows: Arc::new(rows),
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
            name: &self.name,
            rows: &self.rows,
        }
    }
}
