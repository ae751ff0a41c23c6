//! The groups that semfs has found in an index, by file; and files that are to be found.

#![allow(dead_code)] // each benchmark is a program of its own and uses a part of this

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use semfs_engine::duplicates::Tier;
use semfs_engine::index::Index;

use crate::support::{self, State};

/// Groups of copies; one that shares a file with another is one with it.
pub struct Groups {
    group_of: HashMap<PathBuf, usize>,
    reasons: HashMap<usize, Vec<String>>,
}

impl Groups {
    /// Those of some kinds, as an index has them.
    pub fn read(state: &State, tiers: &[Tier]) -> Self {
        let (_, model) = support::model().expect("the model");
        let index = Index::open(&state.path(), &model).expect("opening the index");
        let generation = index.generation();
        let mut sets = Sets::default();
        let mut reasons = Vec::new();
        for &tier in tiers {
            let groups = index.duplicates(&generation, tier, &[]).expect("groups");
            for group in groups.iter() {
                let mut first = None;
                for (place, copy) in group.copies.iter().enumerate() {
                    let reason = group.reason(place).unwrap_or_default();
                    for file in &copy.files {
                        let number = sets.number(&file.path);
                        let first = *first.get_or_insert(number);
                        sets.join(first, number);
                        reasons.push((number, format!("{}: {reason}", file.path.display())));
                    }
                }
            }
        }
        let mut by_group: HashMap<usize, Vec<String>> = HashMap::new();
        for (number, reason) in reasons {
            by_group.entry(sets.top(number)).or_default().push(reason);
        }
        Self {
            group_of: sets.into_groups(),
            reasons: by_group,
        }
    }

    /// Groups as another program lists them.
    pub fn of_lists(lists: &[Vec<PathBuf>]) -> Self {
        let mut sets = Sets::default();
        for list in lists {
            let numbers: Vec<usize> = list.iter().map(|path| sets.number(path)).collect();
            for number in &numbers {
                sets.join(numbers[0], *number);
            }
        }
        Self {
            group_of: sets.into_groups(),
            reasons: HashMap::new(),
        }
    }

    /// The group of a file, if it has one.
    pub fn of(&self, path: &Path) -> Option<usize> {
        self.group_of.get(path).copied()
    }

    /// Why its files are in a group.
    pub fn reasons(&self, group: usize) -> impl Iterator<Item = &String> {
        self.reasons.get(&group).into_iter().flatten()
    }
}

/// Numbers of files, joined to sets.
#[derive(Default)]
struct Sets {
    numbers: HashMap<PathBuf, usize>,
    above: Vec<usize>,
}

impl Sets {
    fn number(&mut self, path: &Path) -> usize {
        let next = self.above.len();
        let number = *self.numbers.entry(path.to_owned()).or_insert(next);
        if number == next {
            self.above.push(next);
        }
        number
    }

    fn top(&self, mut number: usize) -> usize {
        while self.above[number] != number {
            number = self.above[number];
        }
        number
    }

    fn join(&mut self, first: usize, second: usize) {
        let (first, second) = (self.top(first), self.top(second));
        self.above[second] = first;
    }

    fn into_groups(mut self) -> HashMap<PathBuf, usize> {
        let numbers = std::mem::take(&mut self.numbers);
        let tops = numbers.into_iter();
        tops.map(|(path, number)| (path, self.top(number)))
            .collect()
    }
}
