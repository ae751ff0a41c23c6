//! The groups that semfs has found, or another program, by file. What is true is not known here.

#![allow(dead_code)] // each benchmark is a program of its own and uses a part of this

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::State;

/// Kinds of sameness, as `semfs dupes --tier` has them.
pub const EXACT: &str = "exact";
pub const SAME_PHOTO: &str = "same-photo";
pub const LOOKALIKE: &str = "lookalike";

/// Groups of copies; one that shares a file with another is one with it.
pub struct Groups {
    group_of: HashMap<PathBuf, usize>,
    reasons: HashMap<usize, Vec<String>>,
}

impl Groups {
    /// Those of some kinds, as `semfs dupes --json` lists them.
    pub fn read(state: &State, tiers: &[&str]) -> Self {
        let mut sets = Sets::default();
        let mut reasons = Vec::new();
        for tier in tiers {
            let mut dupes = state.semfs();
            dupes.args(["dupes", "--json", "--tier", tier]);
            let output = dupes.output().expect("starting semfs");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "semfs failed: {errors}");
            let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(list["waiting"], 0, "all is compared");
            for group in list["groups"].as_array().expect("groups") {
                let mut first = None;
                for file in group["files"].as_array().expect("files") {
                    let path = file["path"].as_str().expect("a path");
                    let number = sets.number(Path::new(path));
                    sets.join(*first.get_or_insert(number), number);
                    let reason = file["reason"].as_str().expect("a reason");
                    reasons.push((number, format!("{path}: {reason}")));
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
