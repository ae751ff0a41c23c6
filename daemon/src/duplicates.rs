//! Questions of commands about duplicates: to the running daemon, or else to the index itself.
//!
//! What makes photos duplicates is the engine's business. Nothing here, and nothing that is
//! asked through here, changes or deletes a photo.

mod list;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use semfs_engine::decisions::Decisions;
use semfs_engine::duplicates::Tier;
use semfs_engine::index::{Away, DuplicateGroup, Index, Keep};
use semfs_engine::scout::Scout;

use crate::config::{Config, Offline};
use crate::engine::{Asked, Engine, scout_settings};
use crate::environment::Environment;
use crate::error::DaemonError;
use crate::watch::mounts;

pub use list::{DismissedGroup, DuplicateList, ListedFile, ListedGroup};
use list::{VERSION, listed};
pub(crate) use list::{sealed, unsealed};

/// The fewest digits that name a group.
const FEWEST_DIGITS: usize = 4;

/// Why duplicates cannot be listed, dismissed or restored as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DuplicatesError {
    /// It says not what to keep.
    #[error(
        "{0:?} does not say which copies to keep: there are `best`, `oldest`, `newest` and \
         `in=FOLDER`"
    )]
    Keep(String),
    /// The folder of `in=` cannot be used.
    #[error("the folder whose copies are to be kept, {}, cannot be used: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is no name of a group.
    #[error(
        "{0:?} names no group of duplicates: those have 16 hexadecimal digits, of which the \
         first {FEWEST_DIGITS} or more are enough"
    )]
    NoName(String),
    /// No group is called so.
    #[error("no group of duplicates is called {0:?}; `semfs dupes` names those that there are")]
    NoGroup(String),
    /// Nothing that is dismissed is called so.
    #[error("no dismissed group is called {0:?}; `semfs dupes --dismissed` names them")]
    NotDismissed(String),
    /// Several are called so.
    #[error("{count} groups begin with {name:?}; write more of its digits")]
    Several {
        /// The digits.
        name: String,
        /// How many.
        count: usize,
    },
    /// The list cannot be handed over.
    #[error("the list of duplicates cannot be handed over: {0}")]
    HandOver(#[from] io::Error),
}

/// What to keep, as it is written: `best`, `oldest`, `newest`, `in=FOLDER`. A folder is looked
/// for from the current one.
///
/// # Errors
/// When it is none of these, or there is no such folder.
pub fn keep(words: &OsStr) -> Result<Keep, DuplicatesError> {
    let path = match keep_of(words)? {
        Keep::In(path) => path,
        rule => return Ok(rule),
    };
    let folder = path.canonicalize().and_then(|folder| {
        let is_folder = folder.is_dir();
        is_folder
            .then_some(folder)
            .ok_or(io::ErrorKind::NotADirectory.into())
    });
    match folder {
        Ok(folder) => Ok(Keep::In(folder)),
        Err(error) => Err(DuplicatesError::Folder {
            path,
            reason: error.to_string(),
        }),
    }
}

/// The same without a look at the folder, which must be absolute.
pub(crate) fn keep_of(words: &OsStr) -> Result<Keep, DuplicatesError> {
    match words.as_bytes() {
        b"best" => Ok(Keep::Best),
        b"oldest" => Ok(Keep::Oldest),
        b"newest" => Ok(Keep::Newest),
        other => match other.strip_prefix(b"in=") {
            Some(folder) if !folder.is_empty() => {
                Ok(Keep::In(PathBuf::from(OsStr::from_bytes(folder))))
            }
            _ => Err(DuplicatesError::Keep(words.to_string_lossy().into_owned())),
        },
    }
}

/// What [`keep_of`] understands.
pub(crate) fn words_of(keep: &Keep) -> Vec<u8> {
    match keep {
        Keep::Best => b"best".to_vec(),
        Keep::Oldest => b"oldest".to_vec(),
        Keep::Newest => b"newest".to_vec(),
        Keep::In(folder) => {
            let mut words = b"in=".to_vec();
            words.extend(folder.clone().into_os_string().into_vec());
            words
        }
    }
}

/// The groups of duplicates of a tier, or of all, that are not dismissed.
///
/// # Errors
/// When nobody can tell.
pub fn duplicates(
    config: &Config,
    environment: &Environment,
    tier: Option<Tier>,
    keep: &Keep,
) -> Result<DuplicateList, DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.duplicates(tier, keep),
        Asked::Engine(engine) => {
            look_for_roots(&engine, config)?;
            list_of(&engine.index, &Decisions::open(&config.state)?, tier, keep)
        }
    }
}

/// The groups that are shown no more, in the order of their dismissal.
///
/// # Errors
/// When nobody can tell.
pub fn dismissed(
    config: &Config,
    environment: &Environment,
) -> Result<Vec<DismissedGroup>, DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.dismissed(),
        // The index is open meanwhile, and so nobody else changes the decisions.
        Asked::Engine(_engine) => Ok(dismissed_of(&Decisions::open(&config.state)?)),
    }
}

/// Dismisses a group for good, by its name or the beginning of it.
///
/// # Errors
/// When there is none or several of that name, or it cannot be kept.
pub fn dismiss(
    config: &Config,
    environment: &Environment,
    name: &str,
) -> Result<DismissedGroup, DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.dismiss(name),
        Asked::Engine(engine) => {
            look_for_roots(&engine, config)?;
            dismiss_in(&engine.index, &Decisions::open(&config.state)?, name)
        }
    }
}

/// Takes the dismissal of a group back, by its name or the beginning of it.
///
/// # Errors
/// When there is none or several of that name, or that cannot be kept.
pub fn restore(
    config: &Config,
    environment: &Environment,
    name: &str,
) -> Result<DismissedGroup, DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.restore(name),
        Asked::Engine(engine) => restore_in(&engine.index, &Decisions::open(&config.state)?, name),
    }
}

/// Tells the index which roots cannot be reached, as a daemon would: without that, a copy on a
/// disk that is away could be the one that is kept.
fn look_for_roots(engine: &Engine, config: &Config) -> Result<(), DaemonError> {
    let catalog = engine.index.catalog();
    let table = mounts::table().unwrap_or_default();
    let mut scout = Scout::new(scout_settings(config));
    let mut roots = HashSet::new();
    for (id, path) in catalog.roots()? {
        if !catalog.has_files(id)? {
            continue;
        }
        let was_mounted = catalog.facts(id)?.mounts.contains(&PathBuf::new());
        let is_mounted = table.iter().any(|entry| entry.point == path);
        // An empty folder may be a mount point that waits.
        let mut holds_anything = || {
            scout
                .identity(&path)
                .is_ok_and(|found| found.holds_anything)
        };
        if (was_mounted && !is_mounted) || !holds_anything() {
            roots.insert(id);
        }
    }
    let hidden = config.offline == Offline::Hide;
    Ok(engine.index.set_away(Away { roots, hidden })?)
}

pub(crate) fn list_of(
    index: &Index,
    decisions: &Decisions,
    tier: Option<Tier>,
    keep: &Keep,
) -> Result<DuplicateList, DaemonError> {
    // Before the groups: what was compared meanwhile is rather counted than missed.
    let waiting = index.catalog().uncompared_count();
    let groups = shown(index, decisions, tier)?;
    Ok(DuplicateList {
        version: VERSION,
        waiting,
        groups: groups.iter().map(|group| listed(group, keep)).collect(),
    })
}

pub(crate) fn dismissed_of(decisions: &Decisions) -> Vec<DismissedGroup> {
    let dismissals = decisions.dismissals();
    dismissals.iter().map(DismissedGroup::from).collect()
}

pub(crate) fn dismiss_in(
    index: &Index,
    decisions: &Decisions,
    name: &str,
) -> Result<DismissedGroup, DaemonError> {
    let groups = shown(index, decisions, None)?;
    let ids = groups.iter().map(|group| group.id.clone());
    let id = only(name, ids)?.ok_or_else(|| DuplicatesError::NoGroup(name.to_owned()))?;
    let group = groups.iter().find(|group| group.id == id);
    let group = group.ok_or_else(|| DuplicatesError::NoGroup(name.to_owned()))?;
    let dismissal = group.dismissal();
    let told = DismissedGroup::from(&dismissal);
    if decisions.dismiss(dismissal)? {
        index.announce()?;
    }
    Ok(told)
}

pub(crate) fn restore_in(
    index: &Index,
    decisions: &Decisions,
    name: &str,
) -> Result<DismissedGroup, DaemonError> {
    let dismissed = dismissed_of(decisions);
    let ids = dismissed.iter().map(|group| group.id.clone());
    let id = only(name, ids)?;
    let group = dismissed
        .into_iter()
        .find(|group| Some(&group.id) == id.as_ref());
    let group = group.ok_or_else(|| DuplicatesError::NotDismissed(name.to_owned()))?;
    if decisions.restore(&group.id)? {
        index.announce()?;
    }
    Ok(group)
}

/// The groups of a tier or of all, from one generation.
fn shown(
    index: &Index,
    decisions: &Decisions,
    tier: Option<Tier>,
) -> Result<Vec<DuplicateGroup>, DaemonError> {
    let generation = index.generation();
    let dismissals = decisions.dismissals();
    let mut groups = Vec::new();
    for each in Tier::ALL {
        if tier.is_none_or(|tier| tier == each) {
            groups.extend_from_slice(&index.duplicates(&generation, each, &dismissals)?);
        }
    }
    Ok(groups)
}

/// The one name that begins so; nothing if none does.
fn only(
    beginning: &str,
    names: impl Iterator<Item = String>,
) -> Result<Option<String>, DuplicatesError> {
    let digits = beginning.to_ascii_lowercase();
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits.len() < FEWEST_DIGITS || !are_digits {
        return Err(DuplicatesError::NoName(beginning.to_owned()));
    }
    let mut found: Vec<String> = names.filter(|name| name.starts_with(&digits)).collect();
    found.sort_unstable();
    found.dedup();
    match found.len() {
        0 | 1 => Ok(found.pop()),
        count => Err(DuplicatesError::Several {
            name: beginning.to_owned(),
            count,
        }),
    }
}

#[cfg(test)]
mod tests;
