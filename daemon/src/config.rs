//! `semfs.toml`: what the user wants.
//!
//! Every key is described with its default in `docs/CONFIGURATION.md`, which a test
//! holds against this file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use semfs_engine::courtesy::Courtesy;
use semfs_engine::ingest::{DEFAULT_EXCLUDES, Excludes};
use semfs_engine::query::MOST_RESULTS;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::error::DaemonError;

/// The name of the file.
pub const FILE_NAME: &str = "semfs.toml";

/// Used when the user's folder has none.
const SYSTEM_FILE: &str = "/etc/semfs/semfs.toml";

/// The folder of models, in that of the user's data or in the state folder.
const MODELS: &str = "models";

/// Photos of one folder: less would be a nuisance, more would cost much memory.
const FOLDER_PHOTOS: std::ops::RangeInclusive<usize> = 10..=200_000;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file does not say what it may; the reason names line and key.
    #[error("the configuration {} is not understood: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, where.
        reason: String,
    },
    /// A value is out of range.
    #[error("the configuration {}: {reason}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no folder to keep the index in.
    #[error("there is no place for the index: set `state` in semfs.toml, or $HOME")]
    NoState,
}

/// What the user wants. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file that says so, if there is one.
    pub file: Option<PathBuf>,
    /// Folders of photos.
    pub roots: Vec<RootConfig>,
    /// Where to mount.
    pub mount: PathBuf,
    /// How the mount shows photos.
    pub entries: EntriesMode,
    /// Where the index is.
    pub state: PathBuf,
    /// A model's name, or its folder, if the file names one.
    pub model: Option<String>,
    /// Where models are kept that were pulled or imported.
    pub models: PathBuf,
    /// ONNX Runtime's shared library, if it is not to be looked for.
    pub onnxruntime: Option<PathBuf>,
    /// Patterns of what is not looked at.
    pub exclude: Vec<String>,
    /// How many photos a query shows if it does not say.
    pub results: usize,
    /// How many photos a folder shows; one that has more is shown in parts.
    pub folder_photos: usize,
    /// Minutes between looks at all folders; 0: only at start and when asked to.
    pub rescan_minutes: u64,
    /// Seconds between looks at folders that tell of no changes, at least.
    pub poll_seconds: u64,
    /// A file that may still be written is read when it has not changed for so many seconds.
    pub rest_seconds: u64,
    /// What becomes of photos whose root cannot be reached.
    pub offline: Offline,
    /// Losing more than this share of a root's files at once is not believed, in percent.
    pub loss_percent: u64,
    /// Photos that were deleted are recognised for so many days if they come back; and so
    /// long a loss that is too large stays unbelieved.
    pub grace_days: u64,
    /// Ceilings.
    pub limits: Limits,
}

/// A folder of photos, and how it is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootConfig {
    /// The folder.
    pub path: PathBuf,
    /// How it is watched.
    pub watch: WatchMode,
}

/// How a root is watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchMode {
    /// By the best way that its filesystem and the system's limits allow.
    #[default]
    Auto,
    /// By looking again and again.
    Poll,
    /// By inotify, whatever its filesystem.
    Inotify,
    /// By fanotify, whatever its filesystem.
    Fanotify,
}

/// How the mount shows photos.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntriesMode {
    /// As symbolic links to them, for programs of this machine.
    #[default]
    Symlink,
    /// As files, for those who cannot follow such links: shares and containers.
    File,
}

/// What becomes of photos whose root cannot be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offline {
    /// They are found, and their links dangle.
    #[default]
    Show,
    /// They are left out until the root is back.
    Hide,
}

impl RootConfig {
    /// A folder that is watched by the best way.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            watch: WatchMode::Auto,
        }
    }
}

/// Ceilings on what semfs uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Threads of each stage of indexing, and worker processes; 0: one a core.
    pub threads: usize,
    /// Address space of one worker process, in MiB.
    pub worker_mib: u64,
    /// Files that are larger become a problem, in MiB.
    pub file_mib: u64,
    /// Reading or decoding one file may take so long, in seconds.
    pub file_seconds: u64,
    /// A network filesystem that is silent for so long, in seconds, is offline.
    pub answer_seconds: u64,
    /// The share of the system's inotify watches that semfs may use, in percent.
    pub watch_percent: u64,
    /// How bulk work behaves beside other programs.
    pub priority: Courtesy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: 0,
            worker_mib: 1024,
            file_mib: 256,
            file_seconds: 60,
            answer_seconds: 10,
            watch_percent: 50,
            priority: Courtesy::Idle,
        }
    }
}

/// The file as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigFile {
    roots: Vec<RootEntry>,
    mount: PathBuf,
    entries: EntriesMode,
    state: Option<PathBuf>,
    model: Option<String>,
    models: Option<PathBuf>,
    onnxruntime: Option<PathBuf>,
    exclude: Vec<String>,
    exclude_defaults: bool,
    results: usize,
    folder_photos: usize,
    rescan_minutes: u64,
    poll_seconds: u64,
    rest_seconds: u64,
    offline: Offline,
    loss_percent: u64,
    grace_days: u64,
    limits: Limits,
}

/// A root as it is written: its path, or a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "a path, or { path = \"…\", watch = \"auto\" }")]
enum RootEntry {
    Path(PathBuf),
    Table(RootTable),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootTable {
    path: PathBuf,
    #[serde(default)]
    watch: WatchMode,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            mount: PathBuf::from("/mnt/semantic"),
            entries: EntriesMode::Symlink,
            state: None,
            model: None,
            models: None,
            onnxruntime: None,
            exclude: Vec::new(),
            exclude_defaults: true,
            results: 1000,
            folder_photos: 10_000,
            rescan_minutes: 15,
            poll_seconds: 60,
            rest_seconds: 1,
            offline: Offline::Show,
            loss_percent: 50,
            grace_days: 30,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Reads the file that was named; or else that of the user, of the system, or the
    /// defaults.
    ///
    /// # Errors
    /// When a file is there and cannot be read or understood.
    pub fn load(named: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let path = match named {
            Some(path) => Some(path.to_owned()),
            None => {
                let user = environment.config_home.as_ref();
                let user = user.map(|folder| folder.join("semfs").join(FILE_NAME));
                let candidates = user.into_iter().chain([PathBuf::from(SYSTEM_FILE)]);
                candidates.into_iter().find(|path| path.exists())
            }
        };
        match path {
            Some(path) => {
                let path = std::path::absolute(&path).unwrap_or(path);
                let text = fs::read_to_string(&path).map_err(|source| ConfigError::Read {
                    path: path.clone(),
                    source,
                })?;
                Self::parse(&text, Some(&path), environment)
            }
            None => Self::parse("", None, environment),
        }
    }

    /// Parses the text of a file. Relative paths are below the file's folder.
    fn parse(
        text: &str,
        path: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let shown = path.unwrap_or(Path::new("(defaults)"));
        let file: ConfigFile = toml::from_str(text).map_err(|error| ConfigError::Parse {
            path: shown.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        let value = |reason: String| ConfigError::Value {
            path: shown.to_owned(),
            reason,
        };
        if !(1..=MOST_RESULTS).contains(&file.results) {
            return Err(value(format!("`results` must be from 1 to {MOST_RESULTS}")));
        }
        if !FOLDER_PHOTOS.contains(&file.folder_photos) {
            let (least, most) = (FOLDER_PHOTOS.start(), FOLDER_PHOTOS.end());
            return Err(value(format!(
                "`folder_photos` must be from {least} to {most}"
            )));
        }
        let Limits {
            worker_mib,
            file_mib,
            file_seconds,
            threads,
            answer_seconds,
            watch_percent,
            priority: _,
        } = file.limits;
        let within = |key: &str, number: u64, range: std::ops::RangeInclusive<u64>| {
            let (least, most) = (range.start(), range.end());
            if range.contains(&number) {
                Ok(())
            } else {
                Err(value(format!("`{key}` must be from {least} to {most}")))
            }
        };
        within("poll_seconds", file.poll_seconds, 1..=86_400)?;
        within("rest_seconds", file.rest_seconds, 0..=3_600)?;
        within("loss_percent", file.loss_percent, 0..=100)?;
        within("grace_days", file.grace_days, 0..=36_500)?;
        within("limits.answer_seconds", answer_seconds, 1..=3_600)?;
        within("limits.watch_percent", watch_percent, 1..=100)?;
        if !(256..=1 << 20).contains(&worker_mib) {
            return Err(value(
                "`limits.worker_mib` must be from 256 to 1048576".to_owned(),
            ));
        }
        if file_mib == 0 || file_mib > worker_mib / 3 {
            return Err(value(format!(
                "`limits.file_mib` must be from 1 to a third of `limits.worker_mib`, {}",
                worker_mib / 3
            )));
        }
        if !(1..=86_400).contains(&file_seconds) {
            return Err(value(
                "`limits.file_seconds` must be from 1 to 86400".to_owned(),
            ));
        }
        if threads > 1024 {
            return Err(value("`limits.threads` must be at most 1024".to_owned()));
        }
        let defaults = DEFAULT_EXCLUDES.iter().filter(|_| file.exclude_defaults);
        let exclude: Vec<String> = defaults
            .map(|pattern| (*pattern).to_owned())
            .chain(file.exclude)
            .collect();
        Excludes::new(exclude.iter().map(String::as_str))
            .map_err(|error| value(error.to_string()))?;
        let base = path.and_then(Path::parent).unwrap_or(Path::new("/"));
        let absolute = |path: &Path| base.join(environment.expand(path));
        let state = match (&file.state, &environment.state) {
            (Some(state), _) => absolute(state),
            (None, Some(state)) => state.clone(),
            (None, None) => return Err(ConfigError::NoState),
        };
        let is_system = environment.is_service || path == Some(Path::new(SYSTEM_FILE));
        let models = match (&file.models, &environment.data_home) {
            (Some(models), _) => absolute(models),
            (None, Some(data)) if !is_system => data.join("semfs").join(MODELS),
            (None, _) => state.join(MODELS),
        };
        Ok(Self {
            file: path.map(Path::to_owned),
            roots: file
                .roots
                .iter()
                .map(|root| root_config(root, &absolute))
                .collect(),
            mount: absolute(&file.mount),
            entries: file.entries,
            state,
            model: file.model.map(|model| match model.contains('/') {
                true => absolute(Path::new(&model)).to_string_lossy().into_owned(),
                false => model,
            }),
            models,
            onnxruntime: file.onnxruntime.as_deref().map(absolute),
            exclude,
            results: file.results,
            folder_photos: file.folder_photos,
            rescan_minutes: file.rescan_minutes,
            poll_seconds: file.poll_seconds,
            rest_seconds: file.rest_seconds,
            offline: file.offline,
            loss_percent: file.loss_percent,
            grace_days: file.grace_days,
            limits: file.limits,
        })
    }

    /// Keeps the index in another folder, and with it the models that are kept there.
    pub fn keep_state_in(&mut self, state: PathBuf) {
        if self.models == self.state.join(MODELS) {
            self.models = state.join(MODELS);
        }
        self.state = state;
    }

    /// The patterns, compiled.
    ///
    /// # Errors
    /// Names the first pattern that is none.
    pub fn excludes(&self) -> Result<Excludes, DaemonError> {
        Ok(Excludes::new(self.exclude.iter().map(String::as_str))?)
    }

    /// How long what is gone is remembered.
    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_days * 24 * 60 * 60)
    }

    /// Threads of each stage.
    #[must_use]
    pub fn threads(&self) -> usize {
        match self.limits.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

fn root_config(entry: &RootEntry, absolute: &impl Fn(&Path) -> PathBuf) -> RootConfig {
    match entry {
        RootEntry::Path(path) => RootConfig::new(absolute(path)),
        RootEntry::Table(RootTable { path, watch }) => RootConfig {
            path: absolute(path),
            watch: *watch,
        },
    }
}

#[cfg(test)]
mod tests;
