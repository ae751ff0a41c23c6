//! What semfs tells of itself: the same facts for people, programs and the mount.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use semfs_engine::catalog::unix_seconds;
use semfs_engine::embed::Model;
use semfs_engine::facets::FacetCounts;
use semfs_engine::index::{Generation, Index};
use semfs_engine::ingest::{ProgressSnapshot, words};
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
    /// Vectors that are stored: one for each content that was ever embedded.
    pub vectors: u64,
    /// Photos for each value of each facet.
    pub facets: FacetCounts,
    /// How far it is with duplicates.
    pub duplicates: DuplicatesStatus,
    /// Number of the published generation.
    pub generation: u64,
    /// The model whose vectors are searched.
    pub model: ModelStatus,
    /// The model that takes its place when it has looked at all photos.
    #[serde(default)]
    pub next: Option<NextModelStatus>,
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

/// A model that looks at the photos to take the place of the one whose vectors are searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextModelStatus {
    /// Name and version.
    pub name: String,
    /// Photos that it has looked at.
    pub done: u64,
    /// All photos.
    pub photos: u64,
    /// About how long it will take, if that is known yet.
    pub seconds_left: Option<u64>,
    /// Why it does not go on, if it does not.
    pub waits: Option<String>,
}

/// How far duplicates are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicatesStatus {
    /// Photos that wait to be compared with others.
    pub waiting: u64,
}

/// A root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootStatus {
    /// Its folder.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// How it is kept up with; nothing without a daemon.
    pub mode: Option<Mode>,
    /// Why it is not simply live, and what to do about it.
    pub reason: Option<String>,
    /// `inotify` or `fanotify`, where one tells of its changes.
    pub watched_by: Option<String>,
    /// Watches in use for it: one for each folder (inotify) or filesystem (fanotify).
    pub watches: u64,
    /// Pictures of it that are recorded, photos or not.
    pub files: u64,
    /// Folders in it when it was last compared.
    pub folders: u64,
    /// When something in it was last told, in seconds since 1970.
    pub last_event: Option<u64>,
    /// When it was last compared as a whole, in seconds since 1970.
    pub last_compared: Option<u64>,
    /// How often changes were lost, after which everything was compared.
    pub lost_events: u64,
}

/// How a root is kept up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Its filesystem tells of changes; they are seen at once.
    Live,
    /// It is looked at again and again.
    Polled,
    /// A part of it tells of changes; the rest is looked at again and again.
    Degraded,
    /// It cannot be reached, or so much is missing that nothing is forgotten.
    Offline,
}

impl ModelStatus {
    /// The model of a generation.
    #[must_use]
    pub fn of(generation: &Generation) -> Self {
        let model = generation.model();
        Self {
            name: model.name(),
            dimension: model.dimension as usize,
            fingerprint: model.fingerprint.to_string(),
        }
    }
}

impl NextModelStatus {
    /// How far the model of this name is, if there is one that takes the place of another.
    /// `rate`: photos a second.
    pub(crate) fn of(
        index: &Index,
        name: &str,
        rate: Option<f64>,
        waits: Option<String>,
    ) -> Option<Self> {
        let stores = index.catalog().stores().ok().flatten();
        let generation = index.generation();
        // They have taken the place of the others, and the generation that says so is about to be
        // published.
        let searched = |current| generation.model().fingerprint == current;
        if stores
            .as_ref()
            .is_some_and(|it| !searched(it.current.model.fingerprint))
        {
            return None;
        }
        let next = stores.and_then(|stores| stores.next);
        let name = match &next {
            Some(next) => next.store.model.name(),
            None => name.to_owned(),
        };
        let mut done = generation.rows();
        match next {
            Some(next) => {
                done.remove_range(next.rows..);
                done -= next.left();
            }
            None => done.clear(),
        }
        let (done, photos) = (done.len(), generation.rows().len());
        let left = rate.map(|rate| (photos.saturating_sub(done)) as f64 / rate);
        Some(Self {
            name,
            done,
            photos,
            // Far below the largest number.
            seconds_left: left.map(|seconds| seconds.ceil() as u64),
            waits,
        })
    }

    /// The same where nobody goes on with it now; nothing if the vectors are those of `wanted`.
    pub(crate) fn wanted(index: &Index, wanted: &Model) -> Option<Self> {
        if index.generation().model().fingerprint == wanted.fingerprint() {
            return None;
        }
        let waits = "`semfs index` or the daemon goes on with it".to_owned();
        Self::of(index, &wanted.name(), None, Some(waits))
    }

    /// How far it is, in words.
    pub(crate) fn share(&self) -> String {
        let percent = (self.done * 100).checked_div(self.photos).unwrap_or(0);
        let (done, photos) = (grouped(self.done), grouped(self.photos));
        format!("{done} of {photos} photos, {percent} %")
    }
}

impl fmt::Display for NextModelStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.name, self.share())?;
        match (&self.waits, self.seconds_left) {
            (Some(waits), _) => write!(f, "; {waits}"),
            (None, Some(seconds)) => {
                write!(f, ", about {}", words(Duration::from_secs(seconds)))
            }
            (None, None) => Ok(()),
        }
    }
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Live => "live",
            Self::Polled => "polled",
            Self::Degraded => "degraded",
            Self::Offline => "offline",
        })
    }
}

impl RootStatus {
    /// A root of an index that no daemon serves.
    #[must_use]
    pub fn unserved(path: PathBuf, files: u64, folders: u64, last_compared: u64) -> Self {
        Self {
            path,
            mode: None,
            reason: None,
            watched_by: None,
            watches: 0,
            files,
            folders,
            last_event: None,
            last_compared: Some(last_compared).filter(|time| *time > 0),
            lost_events: 0,
        }
    }
}

impl fmt::Display for RootStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(mode) = self.mode {
            write!(f, " {mode}")?;
        }
        if let Some(by) = &self.watched_by {
            write!(f, " ({by})")?;
        }
        let Self { files, folders, .. } = self;
        let plural = |number: u64| if number == 1 { "" } else { "s" };
        write!(
            f,
            ", {files} picture{} in {folders} folder{}",
            plural(*files),
            plural(*folders)
        )?;
        if let Some(time) = self.last_event {
            write!(f, ", last event {} ago", ago(time))?;
        }
        if let Some(time) = self.last_compared {
            write!(f, ", compared {} ago", ago(time))?;
        }
        if self.lost_events > 0 {
            write!(f, ", events lost {} times", self.lost_events)?;
        }
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// The roots as a table: one line each, fields separated by tabs, times in seconds since
/// 1970, `-` for what there is not.
#[must_use]
pub fn table(roots: &[RootStatus]) -> String {
    let mut table = "path\tmode\twatched by\twatches\tfiles\tfolders\tlast event\tlast \
                     compared\tlost events\treason\n"
        .to_owned();
    let or_dash = |time: Option<u64>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    for root in roots {
        let mode = root.mode.map(|mode| mode.to_string());
        let fields = [
            root.path.display().to_string(),
            mode.unwrap_or_else(|| "-".to_owned()),
            root.watched_by.clone().unwrap_or_else(|| "-".to_owned()),
            root.watches.to_string(),
            root.files.to_string(),
            root.folders.to_string(),
            or_dash(root.last_event),
            or_dash(root.last_compared),
            root.lost_events.to_string(),
            root.reason.clone().unwrap_or_else(|| "-".to_owned()),
        ];
        table += &fields
            .map(|field| field.replace(['\t', '\n'], " "))
            .join("\t");
        table += "\n";
    }
    table
}

/// How long ago a time was, in words.
fn ago(time: u64) -> String {
    let now = unix_seconds(SystemTime::now());
    words(Duration::from_secs(now.saturating_sub(time)))
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

    /// The numbers, for monitoring: the text format of Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let mut tell = |name: &str, kind: &str, help: &str, value: u64| {
            text += &format!(
                "# HELP semfs_{name} {help}\n# TYPE semfs_{name} {kind}\nsemfs_{name} {value}\n"
            );
        };
        let offline = |root: &&RootStatus| root.mode == Some(Mode::Offline);
        let offline = self.roots.iter().filter(offline).count() as u64;
        let lost = self.roots.iter().map(|root| root.lost_events).sum();
        tell("photos", "gauge", "Different photos.", self.photos);
        tell("files", "gauge", "Files that are photos.", self.files);
        let help = "Files that could not be taken in.";
        tell("problems", "gauge", help, self.problems);
        let help = "Photos that wait to be compared with others.";
        tell("uncompared", "gauge", help, self.duplicates.waiting);
        let help = "Photos that the next model has yet to look at.";
        let next = self.next.as_ref();
        let unseen = next.map_or(0, |next| next.photos - next.done);
        tell("next_model_remaining", "gauge", help, unseen);
        tell(
            "roots",
            "gauge",
            "Folders of photos.",
            self.roots.len() as u64,
        );
        tell(
            "roots_offline",
            "gauge",
            "Roots that cannot be reached.",
            offline,
        );
        tell(
            "lost_events_total",
            "counter",
            "Changes that were lost.",
            lost,
        );
        tell(
            "generation",
            "counter",
            "Published states.",
            self.generation,
        );
        let indexing = u64::from(self.activity == Activity::Indexing);
        tell("indexing", "gauge", "1 while a pass goes on.", indexing);
        let help = "Passes that were finished.";
        tell("passes_total", "counter", help, self.passes_finished);
        let help = "Resident memory without workers.";
        tell("memory_bytes", "gauge", help, self.memory);
        text
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
        let waiting = self.duplicates.waiting;
        if waiting > 0 {
            let photos = if waiting == 1 {
                "photo waits"
            } else {
                "photos wait"
            };
            writeln!(f, "duplicates  {waiting} {photos} to be compared")?;
        }
        for root in &self.roots {
            writeln!(f, "root        {root}")?;
        }
        let model = &self.model;
        writeln!(
            f,
            "model       {} ({} numbers)",
            model.name, model.dimension
        )?;
        if let Some(next) = &self.next {
            writeln!(f, "next        {next}")?;
        }
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
        let root = RootStatus::unserved(path, 0, 0, 0);
        let json = serde_json::to_string(&root).unwrap();
        assert!(json.contains("/r\u{fffd}"), "{json}");
    }
}
