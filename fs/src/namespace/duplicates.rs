//! `dupes`: groups of photos that are the same, by kind of sameness; the largest saving first.
//!
//! The groups of a kind are made once for each generation, and only those of the latest are kept.
//! A group keeps its name while what the name says stays true, also when another one with the
//! same words is dismissed or comes: who removes what he has listed removes that.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use semfs_engine::decisions::{DecisionError, Dismissal};
use semfs_engine::duplicates::Tier;
use semfs_engine::index::{DuplicateCopy, DuplicateGroup, Generation};
use semfs_engine::worker::ContentHash;

use super::answer::{file_name, part_folders};
use super::why::one_line;
use super::{Namespace, NamespaceError, failed, lock};
use crate::directory::{Directory, Node, Place, View};
use crate::listing::{Entry, Reason};
use crate::names::{self, Names};
use crate::pins::FixedNames;
use crate::sizes;

/// The groups of each kind, in the order of [`Tier::ALL`], as they were made last. A lock is
/// held while they are made, so that nobody makes them twice.
#[derive(Debug, Default)]
pub(super) struct Groups {
    kept: [Mutex<Option<Arc<Known>>>; Tier::ALL.len()],
}

/// The groups of one kind in one generation.
#[derive(Debug)]
struct Known {
    generation: u64,
    /// What was dismissed then.
    dismissals: Arc<[Dismissal]>,
    groups: Arc<[DuplicateGroup]>,
    /// The names of their folders.
    names: Vec<Name>,
    /// The place of the group that has a content.
    places: HashMap<ContentHash, usize>,
}

/// The name of a group's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    /// What it is to say.
    wanted: Box<str>,
    /// What it is, where that is something else.
    given: Option<Box<str>>,
}

impl Name {
    fn as_str(&self) -> &str {
        self.given.as_ref().unwrap_or(&self.wanted)
    }
}

impl Known {
    /// The group that has a content, and its name.
    fn of(&self, content: &ContentHash) -> Option<(&DuplicateGroup, &str)> {
        let place = *self.places.get(content)?;
        Some((self.groups.get(place)?, self.names.get(place)?.as_str()))
    }

    /// The name that the group of a content has.
    fn name(&self, content: &ContentHash) -> Option<&Name> {
        self.names.get(*self.places.get(content)?)
    }
}

/// The folders of the kinds.
pub(super) fn tiers() -> FixedNames {
    let folders = Tier::ALL.into_iter().map(|tier| {
        let place = Place::DuplicatesOf { tier, part: None };
        let node = Node::Directory(Directory::top(place));
        (Cow::Borrowed(tier.name()), node)
    });
    folders.collect()
}

impl Namespace {
    /// The folders of the groups of a kind, or folders of parts of them.
    pub(super) fn groups_of(
        &self,
        generation: &Generation,
        view: &View,
        tier: Tier,
        part: Option<u32>,
    ) -> Result<Vec<Entry>, NamespaceError> {
        let known = self.known(generation, tier)?;
        let (count, folder) = (known.groups.len(), self.settings.folder);
        let from = match part {
            None if count > folder => {
                let part = |part| {
                    view.at(Place::DuplicatesOf {
                        tier,
                        part: Some(part),
                    })
                };
                return Ok(part_folders(count, folder, part));
            }
            None => 0,
            Some(part) => (part as usize).saturating_mul(folder),
        };
        if part.is_some() && from >= count {
            return Err(NamespaceError::NotFound);
        }
        let named = known.groups.iter().zip(&known.names);
        let entries = named.skip(from).take(folder).filter_map(|(group, name)| {
            let content = *group.contents.first()?;
            Some(Entry {
                name: name.as_str().to_owned(),
                node: Node::view(view.at(Place::DuplicateGroup { tier, content })),
                reason: Reason::default(),
            })
        });
        Ok(entries.collect())
    }

    /// The copies of the group that has a content, the best first, each by its first name.
    pub(super) fn copies_of(
        &self,
        generation: &Generation,
        tier: Tier,
        content: &ContentHash,
    ) -> Result<Vec<Entry>, NamespaceError> {
        let known = self.known(generation, tier)?;
        let (group, _) = known.of(content).ok_or(NamespaceError::NotFound)?;
        let of = group.copies.len();
        let entries = group.copies.iter().enumerate().filter_map(|(place, copy)| {
            let file = copy.files.first()?;
            Some(Entry {
                name: names::ranked(place + 1, of, file_name(&file.path)),
                node: self.file_node(file.path.clone(), file.root, copy.stamp),
                reason: Reason {
                    // Without its row: a name that is not listed any more must not lead to
                    // another copy, which may be the one that is kept.
                    words: lines(group, place, copy).into(),
                    ..Reason::default()
                },
            })
        });
        Ok(entries.collect())
    }

    /// Dismisses the group that has this name in a folder of groups. Returns its folder.
    pub(super) fn dismiss(&self, view: &View, name: &str) -> Result<Node, NamespaceError> {
        let current = self.list(view)?.current;
        let entry = current.find(name).ok_or(NamespaceError::NotFound)?;
        let (tier, content) = match &entry.node {
            Node::Directory(Directory::View(View {
                place: Place::DuplicateGroup { tier, content },
                ..
            })) => (*tier, *content),
            _ => return Err(NamespaceError::Fixed),
        };
        let known = self.known(&self.index.generation(), tier)?;
        // It may have grown in this moment: what is dismissed is what the name says.
        let group = known.of(&content).filter(|(_, now)| *now == name);
        let (group, _) = group.ok_or(NamespaceError::NotFound)?;
        let dismissed = self.decisions.dismiss(group.dismissal());
        dismissed.map_err(|error| self.bad_dismissal(name, error))?;
        // It is kept, so this has succeeded, whoever is told of it or is not.
        if let Err(error) = self.index.announce() {
            tracing::warn!(%error, "a dismissed group may be shown for a while");
        }
        self.forget_groups(tier);
        Ok(entry.node.clone())
    }

    /// Forgets the listings of the groups of a kind: names are not to be looked up in them.
    fn forget_groups(&self, tier: Tier) {
        let mut listings = lock(&self.listings);
        let of_tier = listings.iter().map(|(view, _)| view);
        let of_tier = of_tier.filter(|view| match &view.place {
            Place::DuplicatesOf { tier: of, .. } | Place::DuplicateGroup { tier: of, .. } => {
                *of == tier
            }
            _ => false,
        });
        let of_tier: Vec<View> = of_tier.cloned().collect();
        for view in &of_tier {
            listings.pop(view);
        }
    }

    fn bad_dismissal(&self, name: &str, error: DecisionError) -> NamespaceError {
        tracing::error!(%error, "a group of duplicates cannot be dismissed");
        *lock(&self.last_error) = format!("{name}: {error}\n");
        NamespaceError::Dismissal(error)
    }

    /// The groups of a kind, of this generation or a later one.
    fn known(&self, generation: &Generation, tier: Tier) -> Result<Arc<Known>, NamespaceError> {
        let mut kept = lock(&self.groups.kept[tier as usize]);
        let dismissals = self.decisions.dismissals();
        if let Some(known) = &*kept
            && known.generation >= generation.number()
            && Arc::ptr_eq(&known.dismissals, &dismissals)
        {
            return Ok(Arc::clone(known));
        }
        let groups = self.index.duplicates(generation, tier, &dismissals);
        let groups = groups.map_err(|error| failed(&error))?;
        let of_group = groups.iter().enumerate().flat_map(|(place, group)| {
            let contents = group.contents.iter();
            contents.map(move |content| (*content, place))
        });
        let known = Arc::new(Known {
            generation: generation.number(),
            dismissals,
            names: named(&groups, kept.as_deref()),
            places: of_group.collect(),
            groups,
        });
        *kept = Some(Arc::clone(&known));
        Ok(known)
    }
}

/// Names for the folders of groups: those that they had, as long as they are true, and new ones.
fn named(groups: &[DuplicateGroup], before: Option<&Known>) -> Vec<Name> {
    let mut given = Names::default();
    let wanted = |group: &DuplicateGroup| {
        let (copies, freed) = (group.copies.len(), sizes::in_words(group.reclaimable));
        format!("{copies}x {freed} {}", group.name())
    };
    let had = groups.iter().map(|group| {
        let had = before?.name(group.contents.first()?)?;
        let is_true = *had.wanted == *wanted(group) && given.take(had.as_str());
        is_true.then(|| had.clone())
    });
    let had: Vec<Option<Name>> = had.collect();
    let names = groups.iter().zip(had).map(|(group, had)| {
        had.unwrap_or_else(|| {
            let wanted = wanted(group);
            let name = given.give_folder(wanted.as_bytes());
            Name {
                given: (name != wanted).then(|| name.into()),
                wanted: wanted.into(),
            }
        })
    });
    names.collect()
}

/// What `.why` says of a copy, with tabs between: its place from 1, `keep` if it is the best and
/// else its bytes, width and height, why it is in the group, its path. Then a line for each
/// further name of the same file: the place, 0 bytes, `-`, the first name, and this one.
fn lines(group: &DuplicateGroup, place: usize, copy: &DuplicateCopy) -> String {
    let rank = place + 1;
    let size = match place {
        0 => "keep".to_owned(),
        _ => copy.stamp.size.to_string(),
    };
    let dimensions = match (copy.facts.width, copy.facts.height) {
        (0, _) | (_, 0) => "-".to_owned(),
        (width, height) => format!("{width}x{height}"),
    };
    let reason = one_line(&group.reason(place).unwrap_or_default());
    let mut paths = copy.files.iter().map(|file| file.path.to_string_lossy());
    let first = one_line(&paths.next().unwrap_or_default());
    let mut text = format!("{rank}\t{size}\t{dimensions}\t{reason}\t{first}\n");
    for further in paths {
        let further = one_line(&further);
        let line = writeln!(text, "{rank}\t0\t-\tthe same file as {first}\t{further}");
        debug_assert!(line.is_ok(), "a text takes any line");
    }
    text
}

#[cfg(test)]
mod tests;
