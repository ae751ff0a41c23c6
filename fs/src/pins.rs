//! Pinned queries: which can be pinned, and how they are listed.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use semfs_engine::decisions::{DecisionError, Decisions};
use semfs_engine::index::Generation;
use semfs_engine::query::{Query, QueryError};
use semfs_engine::search::Searcher;

use crate::directory::{Directory, Node};
use crate::names;

/// The names in a folder that are no photos, and what they are.
pub type FixedNames = Arc<[(Cow<'static, str>, Node)]>;

/// Why a query cannot be pinned or unpinned.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// It makes no sense.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It is a name that programs look for by themselves.
    #[error("{0:?} cannot be pinned: programs look for this name by themselves, so it is no query")]
    Probe(String),
    /// It is not pinned.
    #[error("{0:?} is not pinned; `semfs pins` lists what is")]
    NotPinned(String),
    /// It cannot be kept.
    #[error(transparent)]
    Decision(#[from] DecisionError),
}

/// Pins a query under its name as it was typed. Nothing: it was pinned already.
///
/// # Errors
/// When it makes no sense as a query or as the name of a folder, or cannot be kept.
pub fn pin(
    decisions: &Decisions,
    searcher: &Searcher,
    generation: &Generation,
    name: &str,
) -> Result<Option<Query>, PinError> {
    let query = parse(name)?;
    searcher.check(generation, &query)?;
    Ok(decisions.pin(name)?.then_some(query))
}

/// Takes a pin back.
///
/// # Errors
/// When there is none of this name, or that cannot be kept.
pub fn unpin(decisions: &Decisions, name: &str) -> Result<(), PinError> {
    if decisions.unpin(name)? {
        Ok(())
    } else {
        Err(PinError::NotPinned(name.to_owned()))
    }
}

fn parse(name: &str) -> Result<Query, PinError> {
    if names::is_probe(name) {
        return Err(PinError::Probe(name.to_owned()));
    }
    Ok(Query::parse(name)?)
}

/// The folders of the pins, made once for each change of them.
#[derive(Debug, Default)]
pub(crate) struct PinnedFolders {
    made: Mutex<Option<(Arc<[String]>, FixedNames)>>,
}

impl PinnedFolders {
    /// The pins that are queries of this version.
    pub(crate) fn of(&self, decisions: &Decisions) -> FixedNames {
        let pins = decisions.pins();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, names)) = &*made
            && Arc::ptr_eq(of, &pins)
        {
            return Arc::clone(names);
        }
        let shown = pins.iter().filter_map(|pin| {
            parse(pin)
                .inspect_err(|error| tracing::warn!(pin, %error, "a pin is not shown"))
                .ok()
                .map(|query| (pin, query))
        });
        let names: FixedNames = shown
            .map(|(pin, query)| {
                let folder = Node::Directory(Directory::query(pin, &query));
                (Cow::Owned(pin.clone()), folder)
            })
            .collect();
        *made = Some((pins, Arc::clone(&names)));
        names
    }
}
