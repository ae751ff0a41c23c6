//! Pins of the tree: what may take its time, and leaves its sentence in `.semfs/last-error`.

use std::time::SystemTime;

use semfs_engine::decisions::DecisionError;
use semfs_engine::query::Query;

use super::{Namespace, NamespaceError, lock};
use crate::directory::{Directory, Node};
use crate::pins::{self, PinError};

impl Namespace {
    /// Pins a query: it is listed in `search` from now on, and kept. May take its time.
    ///
    /// # Errors
    /// When it is pinned already, makes no sense, or cannot be kept.
    pub fn pin(&self, name: &str) -> Result<Node, NamespaceError> {
        let generation = self.index.generation();
        match pins::pin(&self.decisions, &self.searcher, &generation, name) {
            Ok(Some(query)) => Ok(Node::Directory(Directory::query(name, &query))),
            Ok(None) => Err(NamespaceError::Pinned),
            Err(error) => Err(self.bad_pin(name, error)),
        }
    }

    /// Removes a folder, which takes a pin back or dismisses a group of duplicates for good.
    /// Returns what the folder was, as far as that is known. May take its time.
    ///
    /// # Errors
    /// When it is none of these, or what was decided cannot be kept.
    pub fn remove(&self, from: &Directory, name: &str) -> Result<Option<Node>, NamespaceError> {
        match from {
            Directory::View(view) if from.has_groups() => self.dismiss(view, name).map(Some),
            _ if from.is_search() => {
                let removed = pins::unpin(&self.decisions, name);
                removed.map_err(|error| self.bad_pin(name, error))?;
                let query = Query::parse(name).ok();
                Ok(query.map(|query| Node::Directory(Directory::query(name, &query))))
            }
            _ => Err(NamespaceError::Fixed),
        }
    }

    /// Whether a query is pinned under exactly this name.
    #[must_use]
    pub fn is_pinned(&self, name: &str) -> bool {
        self.decisions.is_pinned(name)
    }

    /// When the pins were changed last.
    #[must_use]
    pub fn pins_changed(&self) -> SystemTime {
        self.decisions.changed()
    }

    fn bad_pin(&self, name: &str, error: PinError) -> NamespaceError {
        if let PinError::Decision(DecisionError::Disk { .. } | DecisionError::Damaged { .. }) =
            &error
        {
            tracing::error!(%error, "a pin cannot be changed");
        }
        *lock(&self.last_error) = format!("{name}: {error}\n");
        NamespaceError::Pin(error)
    }
}
