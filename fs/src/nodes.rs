//! Inodes: what the kernel knows, and for how long.
//!
//! The number of an inode is a hash of what it stands for, so it is the same each time.
//! A node stays here while the kernel remembers it. How many that are is up to the
//! programs that look names up, so the oldest are taken back beyond a limit.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::directory::{Directory, Node};

/// The inode number of the mount itself.
pub(crate) const ROOT: u64 = 1;

/// A node that the kernel knows.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub node: Node,
    pub parent: u64,
    pub name: String,
    lookups: u64,
    /// The generation that was published when the kernel was last told of it.
    told: u64,
    /// Its folder was removed: the kernel never lets an inode live again after that.
    removed: bool,
}

/// A name that the kernel is to be asked to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Surplus {
    pub parent: u64,
    pub name: String,
}

#[derive(Debug)]
pub(crate) struct Nodes {
    known: HashMap<u64, Known>,
    /// Inodes in the order in which they became known; some are forgotten since.
    order: VecDeque<u64>,
    limit: usize,
    /// Names that the kernel may keep of photos which have other names by now.
    replaced: Vec<Surplus>,
    /// No photo was told of an earlier generation than this.
    oldest_told: u64,
}

impl Nodes {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            known: HashMap::new(),
            order: VecDeque::new(),
            limit,
            replaced: Vec::new(),
            oldest_told: u64::MAX,
        }
    }

    /// The inode number of a node below a parent, known or not.
    pub(crate) fn number(&self, parent: u64, node: &Node) -> u64 {
        if *node == Node::Directory(Directory::Root) {
            return ROOT;
        }
        let mut hasher = DefaultHasher::new();
        (parent, node).hash(&mut hasher);
        let mut number = hasher.finish();
        // 0 is no inode, 1 is the root, and two of 2^64 may meet.
        while number <= ROOT
            || self
                .known
                .get(&number)
                .is_some_and(|known| known.removed || (known.parent, &known.node) != (parent, node))
        {
            number = number.wrapping_add(1);
        }
        number
    }

    /// Counts one lookup by the kernel, which is told what the index says in `generation`.
    /// Returns the inode number.
    pub(crate) fn remember(&mut self, parent: u64, name: &str, node: Node, generation: u64) -> u64 {
        let number = self.number(parent, &node);
        if node.photo().is_some() {
            self.oldest_told = self.oldest_told.min(generation);
        }
        let known = self.known.entry(number).or_insert_with(|| {
            self.order.push_back(number);
            Known {
                node,
                parent,
                name: name.to_owned(),
                lookups: 0,
                told: generation,
                removed: false,
            }
        });
        known.lookups += 1;
        known.told = generation;
        if known.name != name {
            let name = std::mem::replace(&mut known.name, name.to_owned());
            if self.replaced.len() < self.limit {
                self.replaced.push(Surplus { parent, name });
            }
        }
        number
    }

    /// The names of photos that the kernel was told of before `generation`, as far as it
    /// may still keep them.
    pub(crate) fn told_before(&mut self, generation: u64) -> Vec<Surplus> {
        let mut names = std::mem::take(&mut self.replaced);
        if self.oldest_told >= generation {
            return names;
        }
        self.oldest_told = u64::MAX;
        for known in self.known.values() {
            if known.node.photo().is_some() {
                self.oldest_told = self.oldest_told.min(known.told);
                if known.told < generation {
                    names.push(Surplus {
                        parent: known.parent,
                        name: known.name.clone(),
                    });
                }
            }
        }
        names
    }

    /// Gives a node that was removed another number from now on.
    pub(crate) fn remove(&mut self, parent: u64, node: &Node) {
        let number = self.number(parent, node);
        if let Some(known) = self.known.get_mut(&number) {
            known.removed = true;
        }
    }

    /// What an inode is; the root is always known.
    pub(crate) fn get(&self, number: u64) -> Option<Node> {
        if number == ROOT {
            return Some(Node::Directory(Directory::Root));
        }
        self.known.get(&number).map(|known| known.node.clone())
    }

    /// The inode of a node's parent; the root's is the root.
    pub(crate) fn parent(&self, number: u64) -> u64 {
        self.known.get(&number).map_or(ROOT, |known| known.parent)
    }

    /// Takes back lookups that the kernel has forgotten.
    pub(crate) fn forget(&mut self, number: u64, lookups: u64) {
        if let Some(known) = self.known.get_mut(&number) {
            known.lookups = known.lookups.saturating_sub(lookups);
            if known.lookups == 0 {
                self.known.remove(&number);
            }
        }
        // Those that were forgotten by themselves must not pile up here.
        if self.order.len() > 2 * self.limit.max(self.known.len()) {
            self.order.retain(|number| self.known.contains_key(number));
        }
    }

    /// The oldest name beyond the limit, if there is one. It stays known until the
    /// kernel forgets it.
    pub(crate) fn surplus(&mut self) -> Option<Surplus> {
        while self.known.len() > self.limit {
            let oldest = self.order.pop_front()?;
            let Some(known) = self.known.get(&oldest) else {
                continue;
            };
            // In use, perhaps: it gets another turn if the kernel keeps it.
            self.order.push_back(oldest);
            return Some(Surplus {
                parent: known.parent,
                name: known.name.clone(),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(number: usize) -> Node {
        Node::Photo(format!("/p/{number}.jpg").into())
    }

    #[test]
    fn a_node_is_known_until_every_lookup_is_forgotten() {
        let mut nodes = Nodes::new(10);
        let number = nodes.remember(ROOT, "1", query(1), 1);
        assert_eq!(nodes.remember(ROOT, "1", query(1), 1), number);
        nodes.forget(number, 1);
        assert_eq!(nodes.get(number), Some(query(1)));
        nodes.forget(number, 1);
        assert_eq!(nodes.get(number), None);
    }

    #[test]
    fn the_number_is_the_same_when_it_comes_back() {
        let mut nodes = Nodes::new(10);
        let number = nodes.remember(ROOT, "1", query(1), 1);
        nodes.forget(number, 1);
        assert_eq!(nodes.remember(ROOT, "1", query(1), 1), number);
        assert_ne!(nodes.remember(7, "1", query(1), 1), number);
    }

    #[test]
    fn beyond_the_limit_the_oldest_are_surplus() {
        let mut nodes = Nodes::new(3);
        let numbers: Vec<_> = (0..4)
            .map(|number| nodes.remember(ROOT, &number.to_string(), query(number), 1))
            .collect();
        assert_eq!(nodes.surplus().unwrap().name, "0");
        nodes.forget(numbers[0], 1);
        assert_eq!(nodes.surplus(), None);
    }

    #[test]
    fn forgotten_nodes_leave_nothing_behind() {
        let mut nodes = Nodes::new(3);
        for number in 0..10_000 {
            let number = nodes.remember(ROOT, "x", query(number), 1);
            nodes.forget(number, 1);
        }
        assert!(nodes.known.is_empty() && nodes.order.len() <= 7);
    }

    #[test]
    fn a_folder_that_was_removed_comes_back_as_another() {
        let mut nodes = Nodes::new(10);
        let first = nodes.remember(ROOT, "1", query(1), 1);
        nodes.remove(ROOT, &query(1));
        let second = nodes.remember(ROOT, "1", query(1), 1);
        assert_ne!(first, second);
        assert_eq!(nodes.remember(ROOT, "1", query(1), 1), second);
        assert_eq!(nodes.get(first), Some(query(1)), "who is in it stays there");
        nodes.forget(first, 1);
        nodes.forget(second, 2);
        assert!(nodes.known.is_empty());
    }

    #[test]
    fn what_was_told_before_a_generation_is_told_once_by_every_name_it_had() {
        let mut nodes = Nodes::new(10);
        let photo = Node::Photo("/p/a.jpg".into());
        nodes.remember(7, "1 a.jpg", photo.clone(), 1);
        assert_eq!(nodes.told_before(1), []);
        nodes.remember(7, "2 a.jpg", photo, 2);
        let surplus = |name: &str| Surplus {
            parent: 7,
            name: name.to_owned(),
        };
        assert_eq!(nodes.told_before(2), [surplus("1 a.jpg")]);
        assert_eq!(nodes.told_before(3), [surplus("2 a.jpg")]);
    }
}
