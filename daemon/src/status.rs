//! What semfs tells of itself: the same facts for people, programs and the mount.

use std::fmt;
use std::path::{Path, PathBuf};

use semfs_engine::ingest::ProgressSnapshot;
use serde::{Deserialize, Serialize, Serializer};

/// Everything that `semfs status` knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// What it is doing.
    pub activity: Activity,
    /// Photos: different contents.
    pub photos: u64,
    /// Files that hold them.
    pub files: u64,
    /// Files that could not be taken in.
    pub problems: u64,
    /// Number of the published generation.
    pub generation: u64,
    /// The model.
    pub model: ModelStatus,
    /// The roots.
    pub roots: Vec<RootStatus>,
    /// The running pass, or the last one of this process.
    pub pass: ProgressSnapshot,
    /// Passes that this process has finished.
    pub passes_finished: u64,
    /// Where the index is.
    #[serde(serialize_with = "as_text")]
    pub state: PathBuf,
    /// Where it is mounted, if it is.
    #[serde(serialize_with = "as_text_if_any")]
    pub mount: Option<PathBuf>,
    /// Resident memory of the process, in bytes, without its workers.
    pub memory: u64,
    /// What went wrong last, if the last pass failed.
    pub last_error: Option<String>,
}

/// What semfs is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// A pass is going on.
    Indexing,
    /// It waits for the next one.
    Idle,
    /// No daemon is running; these are the facts of the index.
    Stopped,
}

/// The model that the vectors are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelStatus {
    /// Name and version.
    pub name: String,
    /// Length of its vectors.
    pub dimension: usize,
    /// Identity of its vectors.
    pub fingerprint: String,
}

/// A root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootStatus {
    /// Its folder.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// Why it was not looked at in the last pass; its photos are kept.
    pub offline: Option<String>,
}

/// JSON knows no paths that are not UTF-8: what is not is shown as `\u{fffd}`.
fn as_text<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

#[allow(clippy::ref_option)] // as serde calls it
fn as_text_if_any<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => as_text(path, to),
        None => to.serialize_none(),
    }
}

impl Status {
    /// The facts as a JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        // Plain numbers and texts, so this cannot fail; if it did, it would say so.
        serde_json::to_string_pretty(self)
            .unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let activity = match self.activity {
            Activity::Indexing => "indexing",
            Activity::Idle => "idle",
            Activity::Stopped => "no daemon is running",
        };
        writeln!(f, "semfs {}: {activity}", self.version)?;
        writeln!(f, "photos      {} in {} files", self.photos, self.files)?;
        let hint = if self.problems > 0 {
            " (semfs status --problems)"
        } else {
            ""
        };
        writeln!(f, "problems    {}{hint}", self.problems)?;
        for root in &self.roots {
            match &root.offline {
                None => writeln!(f, "root        {}", root.path.display())?,
                Some(reason) => {
                    writeln!(f, "root        {} offline: {reason}", root.path.display())?;
                }
            }
        }
        let model = &self.model;
        writeln!(
            f,
            "model       {} ({} numbers)",
            model.name, model.dimension
        )?;
        writeln!(f, "generation  {}", self.generation)?;
        writeln!(f, "state       {}", self.state.display())?;
        if let Some(mount) = &self.mount {
            writeln!(f, "mount       {}", mount.display())?;
        }
        if self.activity != Activity::Stopped {
            writeln!(f, "memory      {} MiB", self.memory >> 20)?;
            writeln!(f, "pass        {}", self.pass)?;
        }
        if let Some(error) = &self.last_error {
            writeln!(f, "error       {error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_path_that_is_not_utf8_is_told_all_the_same() {
        let path = PathBuf::from(OsStr::from_bytes(b"/r\xe9"));
        let root = RootStatus {
            path,
            offline: None,
        };
        let json = serde_json::to_string(&root).unwrap();
        assert!(json.contains("/r\u{fffd}"), "{json}");
    }
}
