//! Which watch is which folder, and which folders found none.
//!
//! Knows nothing of the kernel: a watch is a number and a handle. Folders know their parent, so
//! that a move of a folder with a million below it changes one entry.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

/// What is known of a folder that has none or one watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    /// It has this watch.
    Watched(i32),
    /// It has none, and so many folders, with itself, have none below it.
    Unwatched(u64),
}

struct Node<H> {
    handle: H,
    /// The folder above, and the name in it; nothing for the root and for what is detached.
    place: Option<(i32, Arc<OsStr>)>,
    children: BTreeMap<Arc<OsStr>, Child>,
}

/// The folders of one root. `H` is what a watch is removed with.
pub(super) struct Tree<H> {
    root: i32,
    nodes: HashMap<i32, Node<H>>,
    unwatched: u64,
}

impl<H> Tree<H> {
    /// A tree of its root alone.
    pub(super) fn new(root: i32, handle: H) -> Self {
        let node = Node {
            handle,
            place: None,
            children: BTreeMap::new(),
        };
        Self {
            root,
            nodes: HashMap::from([(root, node)]),
            unwatched: 0,
        }
    }

    pub(super) fn root(&self) -> i32 {
        self.root
    }

    /// Number of watches.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Number of folders without one.
    pub(super) fn unwatched(&self) -> u64 {
        self.unwatched
    }

    pub(super) fn contains(&self, watch: i32) -> bool {
        self.nodes.contains_key(&watch)
    }

    /// The path below the root; nothing if the watch is unknown or detached.
    pub(super) fn path(&self, watch: i32) -> Option<PathBuf> {
        let mut names: Vec<&OsStr> = Vec::new();
        let mut at = watch;
        while at != self.root {
            let (parent, name) = self.nodes.get(&at)?.place.as_ref()?;
            names.push(name.as_ref());
            at = *parent;
        }
        Some(names.into_iter().rev().collect())
    }

    pub(super) fn child(&self, parent: i32, name: &OsStr) -> Option<Child> {
        self.nodes.get(&parent)?.children.get(name).copied()
    }

    /// Takes in a folder with a new watch, with nothing below it. The name must be free.
    pub(super) fn put(&mut self, parent: i32, name: &OsStr, watch: i32, handle: H) {
        let name: Arc<OsStr> = name.into();
        let Some(above) = self.nodes.get_mut(&parent) else {
            return;
        };
        above
            .children
            .insert(Arc::clone(&name), Child::Watched(watch));
        let node = Node {
            handle,
            place: Some((parent, name)),
            children: BTreeMap::new(),
        };
        self.nodes.insert(watch, node);
    }

    /// Counts one more folder without a watch, at or below the name.
    pub(super) fn count_unwatched(&mut self, parent: i32, name: &OsStr) {
        let Some(above) = self.nodes.get_mut(&parent) else {
            return;
        };
        match above.children.get_mut(name) {
            Some(Child::Unwatched(count)) => *count += 1,
            Some(Child::Watched(_)) => return,
            None => {
                above.children.insert(name.into(), Child::Unwatched(1));
            }
        }
        self.unwatched += 1;
    }

    /// Takes a folder from its place. One with a watch stays known, without a path, until it
    /// is attached again or cut off.
    pub(super) fn detach(&mut self, parent: i32, name: &OsStr) -> Option<Child> {
        let child = self.nodes.get_mut(&parent)?.children.remove(name)?;
        match child {
            Child::Watched(watch) => {
                if let Some(node) = self.nodes.get_mut(&watch) {
                    node.place = None;
                }
            }
            Child::Unwatched(count) => self.unwatched -= count,
        }
        Some(child)
    }

    /// Gives a detached folder a place, which must be free. Returns whether both are known.
    pub(super) fn attach(&mut self, watch: i32, parent: i32, name: &OsStr) -> bool {
        let name: Arc<OsStr> = name.into();
        if !self.nodes.contains_key(&parent) || self.is_at_or_above(watch, parent) {
            return false;
        }
        let Some(node) = self
            .nodes
            .get_mut(&watch)
            .filter(|node| node.place.is_none())
        else {
            return false;
        };
        node.place = Some((parent, Arc::clone(&name)));
        if let Some(above) = self.nodes.get_mut(&parent) {
            above.children.insert(name, Child::Watched(watch));
        }
        true
    }

    /// Forgets a folder and all below, wherever it is, and returns their watches.
    pub(super) fn cut(&mut self, watch: i32) -> Vec<(i32, H)> {
        if let Some((parent, name)) = self.nodes.get(&watch).and_then(|node| node.place.clone()) {
            self.detach(parent, &name);
        }
        let mut cut = Vec::new();
        let mut left = vec![watch];
        while let Some(watch) = left.pop() {
            let Some(node) = self.nodes.remove(&watch) else {
                continue;
            };
            for child in node.children.values() {
                match child {
                    Child::Watched(below) => left.push(*below),
                    Child::Unwatched(count) => self.unwatched -= count,
                }
            }
            cut.push((watch, node.handle));
        }
        cut
    }

    /// All watches; the tree is then no more.
    pub(super) fn into_watches(self) -> impl Iterator<Item = (i32, H)> {
        self.nodes
            .into_iter()
            .map(|(watch, node)| (watch, node.handle))
    }

    fn is_at_or_above(&self, watch: i32, mut at: i32) -> bool {
        loop {
            if at == watch {
                return true;
            }
            match self.nodes.get(&at).and_then(|node| node.place.as_ref()) {
                Some((parent, _)) => at = *parent,
                None => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// `a/b/c` with the watches 1, 2, 3 below the root 0, and `a/x` without one.
    fn sample() -> Tree<()> {
        let mut tree = Tree::new(0, ());
        tree.put(0, "a".as_ref(), 1, ());
        tree.put(1, "b".as_ref(), 2, ());
        tree.put(2, "c".as_ref(), 3, ());
        tree.count_unwatched(1, "x".as_ref());
        tree.count_unwatched(1, "x".as_ref());
        tree
    }

    #[test]
    fn a_folder_moved_takes_the_paths_below_along() {
        let mut tree = sample();
        assert_eq!(tree.path(3).as_deref(), Some(Path::new("a/b/c")));
        assert_eq!(tree.detach(1, "b".as_ref()), Some(Child::Watched(2)));
        assert_eq!(tree.path(3), None);
        assert!(tree.attach(2, 0, "d".as_ref()));
        assert_eq!(tree.path(3).as_deref(), Some(Path::new("d/c")));
        assert_eq!(tree.path(0).as_deref(), Some(Path::new("")));
    }

    #[test]
    fn what_is_cut_off_is_forgotten_with_all_below_and_its_unwatched() {
        let mut tree = sample();
        assert_eq!(tree.unwatched(), 2);
        assert_eq!(tree.cut(1).len(), 3);
        assert_eq!((tree.len(), tree.unwatched()), (1, 0));
        assert_eq!(tree.child(0, "a".as_ref()), None);
    }

    #[test]
    fn a_folder_is_never_attached_below_itself() {
        let mut tree = sample();
        tree.detach(0, "a".as_ref());
        assert!(!tree.attach(1, 3, "loop".as_ref()));
        assert_eq!(tree.path(3), None);
    }
}
