//! Photos as this mount shows them: links, or files.

use std::path::PathBuf;

use semfs_engine::catalog::{RootId, Stamp};
use semfs_engine::index::Original;

use super::{Namespace, NamespaceError, failed};
use crate::directory::{Entries, Node};

impl Namespace {
    /// The photo at a path; nothing if it is to be shown as a file, and the file was forgotten
    /// meanwhile.
    pub(super) fn photo(&self, path: PathBuf) -> Result<Option<Node>, NamespaceError> {
        match self.settings.entries {
            Entries::Symlink => Ok(Some(Node::Photo(path))),
            Entries::File => {
                let original = self.index.original(path);
                let original = original.map_err(|error| failed(&error))?;
                Ok(original.map(Node::Original))
            }
        }
    }

    /// The same of a file of which all is known.
    pub(super) fn file_node(&self, path: PathBuf, root: RootId, stamp: Stamp) -> Node {
        match self.settings.entries {
            Entries::Symlink => Node::Photo(path),
            Entries::File => Node::Original(Original { path, root, stamp }),
        }
    }

    /// Whether a root is known to be unreachable.
    #[must_use]
    pub fn is_away(&self, root: RootId) -> bool {
        self.index.generation().away().roots.contains(&root)
    }

    /// Whether the folder of a root is there now. Touches its disk, and may take its time.
    #[must_use]
    pub fn is_root_there(&self, root: RootId) -> bool {
        let path = self.index.root_path(root);
        path.is_some_and(|path| path.symlink_metadata().is_ok())
    }
}
