//! What a pass is asked to look at.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A folder of photos, as its owner named it, and what is known of it before it is touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootSettings {
    /// Its folder, absolute.
    pub path: PathBuf,
    /// Its filesystem may stop answering: it is touched only through scouts.
    pub remote: bool,
    /// Folders below it, relative to it, at which other filesystems are mounted now; the empty
    /// path if one is mounted at it.
    pub mounts: Vec<PathBuf>,
    /// Folders, relative to it, that are never entered: the mount of semfs, the index.
    pub never_enter: BTreeSet<PathBuf>,
}

impl RootSettings {
    /// A folder on a local disk, with nothing special below it.
    #[must_use]
    pub fn local(path: PathBuf) -> Self {
        Self {
            path,
            remote: false,
            mounts: Vec::new(),
            never_enter: BTreeSet::new(),
        }
    }
}

/// What to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Look {
    /// Everything: the index is compared with the whole of each root.
    #[default]
    Everything,
    /// What changed, by root (its place among the roots of the pass) and folder below it.
    Changes(BTreeMap<(usize, PathBuf), Changed>),
}

/// What changed in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// These names, each with whether it is known to be written to its end.
    Names(BTreeMap<OsString, bool>),
    /// Anything in the folder or below.
    Tree,
}

/// More changed names of one folder than this, and the folder is looked at with all below it.
const MOST_NAMES: usize = 2_000;

/// So many names are still a few.
const FEW_NAMES: usize = 64;

impl Look {
    /// Nothing yet, to be added to.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Changes(BTreeMap::new())
    }

    /// Whether it is but a few names: somebody may be waiting for just these.
    #[must_use]
    pub fn is_small(&self) -> bool {
        let Self::Changes(changes) = self else {
            return false;
        };
        let names = changes.values().map(|changed| match changed {
            Changed::Names(names) => names.len(),
            Changed::Tree => FEW_NAMES + 1,
        });
        names.sum::<usize>() <= FEW_NAMES
    }

    /// Folders with changes; none if everything is to be looked at.
    #[must_use]
    pub fn folders(&self) -> usize {
        match self {
            Self::Everything => 0,
            Self::Changes(changes) => changes.len(),
        }
    }

    /// Adds a name in a folder. `written`: it is known to be written to its end.
    pub fn add_name(&mut self, root: usize, folder: &Path, name: OsString, written: bool) {
        let Self::Changes(changes) = self else { return };
        let changed = changes
            .entry((root, folder.to_owned()))
            .or_insert_with(|| Changed::Names(BTreeMap::new()));
        if let Changed::Names(names) = changed {
            *names.entry(name).or_default() |= written;
            if names.len() > MOST_NAMES {
                *changed = Changed::Tree;
            }
        }
    }

    /// Adds another look to this one.
    pub fn add(&mut self, other: Self) {
        let Self::Changes(others) = other else {
            *self = Self::Everything;
            return;
        };
        for ((root, folder), changed) in others {
            match changed {
                Changed::Tree => self.add_tree(root, folder),
                Changed::Names(names) => {
                    for (name, written) in names {
                        self.add_name(root, &folder, name, written);
                    }
                }
            }
        }
    }

    /// Adds a folder and everything below it.
    pub fn add_tree(&mut self, root: usize, folder: PathBuf) {
        if let Self::Changes(changes) = self {
            changes.insert((root, folder), Changed::Tree);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_of_a_folder_become_its_tree_and_a_tree_stays_one() {
        let mut look = Look::nothing();
        for number in 0..=MOST_NAMES {
            look.add_name(0, Path::new("a"), number.to_string().into(), true);
        }
        look.add_tree(0, "b".into());
        look.add_name(0, Path::new("b"), "1".into(), true);
        let Look::Changes(changes) = &look else {
            panic!("{look:?}")
        };
        assert_eq!(changes[&(0, "a".into())], Changed::Tree);
        assert_eq!(changes[&(0, "b".into())], Changed::Tree);
    }

    #[test]
    fn a_name_that_was_once_written_to_its_end_stays_so() {
        let mut look = Look::nothing();
        look.add_name(0, Path::new(""), "1".into(), true);
        look.add_name(0, Path::new(""), "1".into(), false);
        let Look::Changes(changes) = &look else {
            panic!("{look:?}")
        };
        let names = BTreeMap::from([("1".into(), true)]);
        assert_eq!(changes[&(0, PathBuf::new())], Changed::Names(names));
    }
}
