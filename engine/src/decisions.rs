//! What the owner decided: not a cache, so it outlives every index.
//!
//! One small file of the state folder, `decisions.toml`, that a person can read and mend:
//! for now the pinned queries. It is written whole beside itself and put in its place, and
//! a file that is not understood is never written over. What a query is, and whether a pin
//! makes sense, is not known here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::Deserialize;

/// The file's name in the state folder.
const NAME: &str = "decisions.toml";

/// The version of the file that this semfs writes.
const VERSION: u32 = 1;

/// The most queries that can be pinned.
pub const MOST_PINS: usize = 1_000;

/// The longest pin, in bytes: it is the name of a folder.
pub const LONGEST_PIN: usize = 255;

/// The first lines of the file.
const HEADER: &str = "\
# What you decided, as semfs keeps it. `semfs index --rebuild` does not touch it.
# It may be edited; semfs reads it when it starts, and before each change that it makes.
";

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
    /// It cannot be the name of a folder.
    #[error(
        "{0:?} cannot be pinned: a pin is the name of a folder, has 1 to {LONGEST_PIN} bytes, \
         and no `/` in it"
    )]
    Name(String),
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
    pins: Arc<[String]>,
    changed: SystemTime,
}

/// The file as it is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[allow(dead_code)] // read beforehand, by itself
    version: u32,
    #[serde(default)]
    pins: Vec<String>,
}

/// What can be read of a file of any version.
#[derive(Debug, Deserialize)]
struct WrittenVersion {
    version: u32,
}

impl Decisions {
    /// Reads the decisions in the folder `state`; none if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or a newer version's.
    pub fn open(state: &Path) -> Result<Self, DecisionError> {
        let path = state.join(NAME);
        let pins = read(&path)?.into();
        let modified = fs::metadata(&path).and_then(|file| file.modified());
        let changed = modified.unwrap_or_else(|_| SystemTime::now());
        Ok(Self {
            path,
            kept: Mutex::new(Kept { pins, changed }),
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
        self.change(|pins| {
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
        self.change(|pins| {
            let before = pins.len();
            pins.retain(|pin| pin != query);
            Ok(pins.len() != before)
        })
    }

    /// Changes the pins in the file, and then those in memory. The file is read anew, so
    /// that what its owner wrote there meanwhile is kept, or is an error and kept.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<String>) -> Result<bool, DecisionError>,
    ) -> Result<bool, DecisionError> {
        let _writing = lock(&self.writing);
        let mut pins = read(&self.path)?;
        let changed = change(&mut pins)?;
        if changed {
            write(&self.path, &pins).map_err(|source| DecisionError::Disk {
                path: self.path.clone(),
                action: "written",
                source,
            })?;
        }
        let mut kept = lock(&self.kept);
        if *kept.pins != *pins {
            *kept = Kept {
                pins: pins.into(),
                changed: SystemTime::now(),
            };
        }
        Ok(changed)
    }
}

fn is_name(query: &str) -> bool {
    let length = 1..=LONGEST_PIN;
    length.contains(&query.len()) && !query.contains(['/', '\0']) && query != "." && query != ".."
}

fn read(path: &Path) -> Result<Vec<String>, DecisionError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| DecisionError::Disk {
            path: path.to_owned(),
            action: "read",
            source,
        })?,
    };
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<String>, DecisionError> {
    let damaged = |at: usize, reason: String| DecisionError::Damaged {
        path: path.to_owned(),
        line: text[..at.min(text.len())].matches('\n').count() + 1,
        reason,
    };
    let not_understood = |error: toml::de::Error| {
        damaged(
            error.span().map_or(0, |span| span.start),
            error.message().to_owned(),
        )
    };
    // By itself first: other keys may be those of a newer version.
    let WrittenVersion { version } = toml::from_str(text).map_err(not_understood)?;
    if version > VERSION {
        return Err(DecisionError::Newer {
            path: path.to_owned(),
            version,
        });
    }
    let written: Written = toml::from_str(text).map_err(not_understood)?;
    let mut pins: Vec<String> = Vec::new();
    for pin in written.pins {
        if !is_name(&pin) {
            let at = text.find(pin.as_str()).unwrap_or(0);
            return Err(damaged(at, DecisionError::Name(pin).to_string()));
        }
        if !pins.contains(&pin) {
            pins.push(pin);
        }
    }
    Ok(pins)
}

/// Writes the file whole: after a crash there is the old one or the new one.
fn write(path: &Path, pins: &[String]) -> io::Result<()> {
    let beside = path.with_extension("toml.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text(pins).as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn text(pins: &[String]) -> String {
    let mut text = format!("{HEADER}version = {VERSION}\n\npins = [\n");
    for pin in pins {
        text.push_str("    \"");
        for character in pin.chars() {
            match character {
                '"' | '\\' => text.extend(['\\', character]),
                control if control.is_control() => {
                    text.push_str(&format!("\\u{:04X}", u32::from(control)));
                }
                other => text.push(other),
            }
        }
        text.push_str("\",\n");
    }
    text + "]\n"
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
