//! `similar`: the folders of the roots once more, in which each photo is a folder of its own,
//! with those photos that look like it. These are there when they are asked for, and are not
//! listed: there are as many as photos, and each is a search.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use semfs_engine::catalog::{FileKey, Finding, RootId};

use super::{Namespace, NamespaceError, failed};
use crate::directory::{Node, Place, View};
use crate::listing::{Entry, Reason};
use crate::names::Names;

impl Namespace {
    /// A folder for each root.
    pub(super) fn similar_roots(&self, view: &View) -> Vec<Entry> {
        let roots = self.index.root_names().into_iter();
        let mut names = Names::default();
        let entries = roots.map(|(root, name)| Entry {
            name: names.give(name.as_bytes()),
            node: folder(view, root, PathBuf::new()),
            reason: Reason::default(),
        });
        entries.collect()
    }

    /// The folders directly in a folder of a root that have photos in or below them.
    pub(super) fn similar_folders(
        &self,
        view: &View,
        root: RootId,
        above: &Path,
    ) -> Result<Vec<Entry>, NamespaceError> {
        let mut names = BTreeSet::new();
        for below in self.index.catalog().folders_below(root, above) {
            let below = below.map_err(|error| failed(&error))?;
            let rest = below.strip_prefix(above).ok();
            let first = rest.and_then(|rest| rest.components().next());
            // A folder of which the name is no text cannot be asked for.
            if let Some(name) = first.and_then(|first| first.as_os_str().to_str()) {
                names.insert(name.to_owned());
            }
        }
        let mut given = Names::default();
        let entries = names.into_iter().map(|name| Entry {
            node: folder(view, root, above.join(&name)),
            name: given.give(name.as_bytes()),
            reason: Reason::default(),
        });
        Ok(entries.collect())
    }

    /// What a name in a folder of a root stands for: a folder in it, or the photos like that
    /// photo.
    pub(super) fn similar_to(
        &self,
        view: &View,
        root: RootId,
        above: &Path,
        name: &str,
    ) -> Result<Node, NamespaceError> {
        let catalog = self.index.catalog();
        let file = FileKey {
            root,
            folder: above.to_owned(),
            name: OsStr::new(name).to_owned(),
        };
        let record = catalog.file(&file).map_err(|error| failed(&error))?;
        if let Some(Finding::Photo(content)) = record.map(|record| record.finding) {
            let question = view.question.and_like(content);
            return Ok(Node::view(view.answer(question, Some(name))));
        }
        let path = above.join(name);
        let mut below = catalog.folders_below(root, &path);
        match below.next().transpose().map_err(|error| failed(&error))? {
            Some(_) => Ok(folder(view, root, path)),
            // It may be shown by a name that every system carries.
            None => {
                let shown = self.list(view)?.current;
                let entry = shown.find(name).ok_or(NamespaceError::NotFound)?;
                Ok(entry.node.clone())
            }
        }
    }
}

fn folder(view: &View, root: RootId, folder: PathBuf) -> Node {
    Node::view(view.at(Place::SimilarFolder { root, folder }))
}
