//! What the owner decided: not a cache, so it outlives every index.
//!
//! One small file of the state folder, `decisions.toml`, that a person can read and mend: the
//! pinned queries, groups of duplicates that are to be shown no more, and the model that was
//! chosen. It is written whole beside itself and put in its place, and a file that is not
//! understood is never written over. What a query is, whether a pin makes sense, and which
//! contents and models there are, is not known here.

mod dismissals;
mod file;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

pub use dismissals::{Dismissal, MOST_DISMISSALS, group_id};
use file::{VERSION, Written, read, write};

/// The file's name in the state folder.
const NAME: &str = "decisions.toml";

/// The most queries that can be pinned.
pub const MOST_PINS: usize = 1_000;

/// The longest pin, in bytes: it is the name of a folder.
pub const LONGEST_PIN: usize = 255;

/// The longest name of a model, in bytes: it is the name of a folder.
pub const LONGEST_MODEL_NAME: usize = 100;

/// Why a decision cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The disk failed.
    #[error("the decisions in {} cannot be {action}: {source}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The file is not understood, and is left as it is.
    #[error(
        "the decisions in {} are not understood, line {line}: {reason}. The file is left as it \
         is: mend that line, or move the file away to begin without decisions",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A newer semfs wrote the file.
    #[error(
        "the decisions in {} are of version {version}, and this semfs knows version {VERSION}: \
         use the newer semfs that wrote them. The file is left as it is",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// There are too many pins.
    #[error("{MOST_PINS} queries are pinned, and more are not kept: unpin one first")]
    TooMany,
    /// There are too many dismissed groups.
    #[error(
        "{MOST_DISMISSALS} groups of duplicates are dismissed, and more are not kept: restore \
         some first (`semfs dupes --dismissed` lists them)"
    )]
    TooManyDismissals,
    /// It cannot be the name of a folder.
    #[error(
        "{0:?} cannot be pinned: a pin is the name of a folder, has 1 to {LONGEST_PIN} bytes, \
         and no `/` in it"
    )]
    Name(String),
    /// It cannot be the name of a model.
    #[error(
        "{0:?} cannot be the name of a model: those have 1 to {LONGEST_MODEL_NAME} letters, \
         digits, `.`, `-` and `_`, and begin with a letter or digit"
    )]
    Model(String),
}

/// The owner's decisions, for many threads of the one process that may change them: the one
/// that has the index of the same state folder open.
#[derive(Debug)]
pub struct Decisions {
    path: PathBuf,
    kept: Mutex<Kept>,
    /// Held by the one thread that writes the file.
    writing: Mutex<()>,
}

#[derive(Debug, Clone)]
struct Kept {
    model: Option<Arc<str>>,
    pins: Arc<[String]>,
    dismissals: Arc<[Dismissal]>,
    changed: SystemTime,
}

impl Decisions {
    /// Reads the decisions in the folder `state`; none if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or a newer version's.
    pub fn open(state: &Path) -> Result<Self, DecisionError> {
        let path = state.join(NAME);
        let written = read(&path)?;
        let modified = fs::metadata(&path).and_then(|file| file.modified());
        let changed = modified.unwrap_or_else(|_| SystemTime::now());
        Ok(Self {
            path,
            kept: Mutex::new(Kept {
                model: written.model.map(Arc::from),
                pins: written.pins.into(),
                dismissals: written.dismissed.into(),
                changed,
            }),
            writing: Mutex::default(),
        })
    }

    /// The pinned queries as they were typed, in the order of pinning. From memory: the same
    /// list until it is changed.
    #[must_use]
    pub fn pins(&self) -> Arc<[String]> {
        Arc::clone(&lock(&self.kept).pins)
    }

    /// When the decisions were changed last.
    #[must_use]
    pub fn changed(&self) -> SystemTime {
        lock(&self.kept).changed
    }

    /// Whether a query is pinned under exactly this name.
    #[must_use]
    pub fn is_pinned(&self, query: &str) -> bool {
        lock(&self.kept).pins.iter().any(|pin| pin == query)
    }

    /// The model that was chosen, by its name; nothing if none ever was.
    #[must_use]
    pub fn model(&self) -> Option<Arc<str>> {
        lock(&self.kept).model.clone()
    }

    /// Chooses a model by its name, or takes the choice back, and syncs that to the disk.
    /// False: it was so already.
    ///
    /// # Errors
    /// When it cannot be the name of a model, or the file cannot be read or written. Nothing is
    /// changed then.
    pub fn choose_model(&self, model: Option<&str>) -> Result<bool, DecisionError> {
        if let Some(model) = model
            && !is_model_name(model)
        {
            return Err(DecisionError::Model(model.to_owned()));
        }
        self.change(|written| {
            let changed = written.model.as_deref() != model;
            written.model = model.map(str::to_owned);
            Ok(changed)
        })
    }

    /// Pins a query under its name as it was typed, byte for byte, and syncs it to the disk.
    /// False: it was pinned already.
    ///
    /// # Errors
    /// When it cannot be the name of a folder, there are [`MOST_PINS`] already, or the file
    /// cannot be read or written. Nothing is changed then.
    pub fn pin(&self, query: &str) -> Result<bool, DecisionError> {
        if !is_name(query) {
            return Err(DecisionError::Name(query.to_owned()));
        }
        self.change(|Written { pins, .. }| {
            if pins.iter().any(|pin| pin == query) {
                return Ok(false);
            }
            if pins.len() >= MOST_PINS {
                return Err(DecisionError::TooMany);
            }
            pins.push(query.to_owned());
            Ok(true)
        })
    }

    /// Takes a pin back, and syncs that to the disk. False: there was none of this name.
    ///
    /// # Errors
    /// When the file cannot be read or written. Nothing is changed then.
    pub fn unpin(&self, query: &str) -> Result<bool, DecisionError> {
        self.change(|Written { pins, .. }| {
            let before = pins.len();
            pins.retain(|pin| pin != query);
            Ok(pins.len() != before)
        })
    }

    /// The groups of duplicates that are to be shown no more, in the order of their dismissal.
    #[must_use]
    pub fn dismissals(&self) -> Arc<[Dismissal]> {
        Arc::clone(&lock(&self.kept).dismissals)
    }

    /// Dismisses a group, and syncs that to the disk. False: it was dismissed already.
    ///
    /// # Errors
    /// When there are [`MOST_DISMISSALS`] already, or the file cannot be read or written.
    /// Nothing is changed then.
    pub fn dismiss(&self, dismissal: Dismissal) -> Result<bool, DecisionError> {
        self.change(|Written { dismissed, .. }| {
            if dismissed
                .iter()
                .any(|known| known.covers(dismissal.tier, &dismissal.contents))
            {
                return Ok(false);
            }
            if dismissed.len() >= MOST_DISMISSALS {
                return Err(DecisionError::TooManyDismissals);
            }
            dismissed.push(dismissal);
            Ok(true)
        })
    }

    /// Takes a dismissal back by its [`Dismissal::id`], and syncs that to the disk. False: there
    /// was none.
    ///
    /// # Errors
    /// When the file cannot be read or written. Nothing is changed then.
    pub fn restore(&self, id: &str) -> Result<bool, DecisionError> {
        self.change(|Written { dismissed, .. }| {
            let before = dismissed.len();
            dismissed.retain(|dismissal| dismissal.id() != id);
            Ok(dismissed.len() != before)
        })
    }

    /// Changes the decisions in the file, and then those in memory. The file is read anew, so
    /// that what its owner wrote there meanwhile is kept, or is an error and kept.
    fn change(
        &self,
        change: impl FnOnce(&mut Written) -> Result<bool, DecisionError>,
    ) -> Result<bool, DecisionError> {
        let _writing = lock(&self.writing);
        let mut written = read(&self.path)?;
        let changed = change(&mut written)?;
        if changed {
            write(&self.path, &written).map_err(|source| DecisionError::Disk {
                path: self.path.clone(),
                action: "written",
                source,
            })?;
        }
        let mut kept = lock(&self.kept);
        if kept.model.as_deref() != written.model.as_deref() {
            kept.model = written.model.map(Arc::from);
        }
        if *kept.pins != *written.pins || *kept.dismissals != *written.dismissed {
            // Who holds the one list knows by it that nothing of it changed.
            if *kept.pins != *written.pins {
                kept.pins = written.pins.into();
            }
            kept.dismissals = written.dismissed.into();
            kept.changed = SystemTime::now();
        }
        Ok(changed)
    }
}

fn is_name(query: &str) -> bool {
    let length = 1..=LONGEST_PIN;
    length.contains(&query.len()) && !query.contains(['/', '\0']) && query != "." && query != ".."
}

/// Whether a text can be the name of a model: a plain name of a folder, for every shell.
#[must_use]
pub fn is_model_name(name: &str) -> bool {
    (1..=LONGEST_MODEL_NAME).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
