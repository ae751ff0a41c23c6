//! What semfs tells of itself: the same facts for people, programs and the mount.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ingest::ProgressSnapshot;

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
    pub state: PathBuf,
    /// Where it is mounted, if it is.
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
    pub path: PathBuf,
    /// Why it was not looked at in the last pass; its photos are kept.
    pub offline: Option<String>,
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

impl fmt::Display for ProgressSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.running {
            let more = if self.counted { "" } else { "+" };
            write!(f, "{} of {}{more}", self.done(), self.expected)?;
        } else {
            write!(f, "{} pictures", self.done())?;
        }
        write!(
            f,
            ": {} new, {} known, {} unchanged, {} problems, {} gone; {:.1}/s",
            self.embedded,
            self.known,
            self.unchanged,
            self.problems,
            self.gone,
            self.rate()
        )?;
        if let Some(left) = self.time_left() {
            write!(f, ", {} left", words(left))?;
        } else if !self.running {
            write!(
                f,
                ", took {}",
                words(Duration::from_secs_f64(self.seconds.max(0.0)))
            )?;
        }
        Ok(())
    }
}

/// A duration in words, to two units: `2 h 5 min`, `14 s`.
#[must_use]
pub fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{:.1} s", duration.as_secs_f64()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let of = |seconds| words(Duration::from_secs(seconds));
        assert_eq!(
            [of(14), of(75), of(7500), of(90_000)],
            ["14 s", "1 min 15 s", "2 h 5 min", "1 d 1 h"]
        );
    }

    #[test]
    fn time_left_needs_a_complete_count() {
        let mut pass = ProgressSnapshot {
            running: true,
            expected: 100,
            embedded: 50,
            seconds: 10.0,
            ..ProgressSnapshot::default()
        };
        assert_eq!(pass.time_left(), None);
        pass.counted = true;
        assert_eq!(pass.time_left(), Some(Duration::from_secs(10)));
    }
}
