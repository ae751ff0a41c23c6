//! Why a model cannot be had, tried or chosen.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use semfs_engine::embed::EmbedError;

/// Why a model cannot be had, tried or chosen. Each says what to do where that is known.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It cannot be a name.
    #[error(
        "{0:?} is neither a model's name nor a repository: `semfs model list` prints the names, \
         and a repository is `owner/name` or `owner/name@revision`"
    )]
    Name(String),
    /// Nobody knows the name.
    #[error(
        "there is no model `{0}`: `semfs model list` prints those that there are, and \
         `semfs model pull owner/repository` fetches any other"
    )]
    Unknown(String),
    /// The model is known and not there.
    #[error("the model `{0}` is not installed: `semfs model pull {0}` fetches it")]
    NotInstalled(String),
    /// The name belongs to another model.
    #[error(
        "there is a model `{name}` already, {what}: give this one another name with --name, or \
         remove that one with `semfs model rm {name}`"
    )]
    Taken {
        /// The name.
        name: String,
        /// Where that one is from.
        what: String,
    },
    /// The model's folder is there, and something is wrong with it.
    #[error("the model `{name}` is broken: {reason}. {mend}")]
    Broken {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        mend: String,
    },
    /// The files are no model that can be used.
    #[error("{} cannot be used as a model: {reason}", path.display())]
    NoModel {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A model that semfs brings along.
    #[error(
        "the model `{0}` came with semfs, and is neither removed nor replaced; another one can \
         be given another name with --name"
    )]
    Shipped(String),
    /// A model that is needed.
    #[error("the model `{name}` is not removed: {reason}")]
    InUse {
        /// Its name.
        name: String,
        /// Who needs it.
        reason: String,
    },
    /// `semfs.toml` names a model.
    #[error(
        "{} says `model = {model:?}`, and that holds: change it there, or take that line out and \
         try this again",
        file.display()
    )]
    Configured {
        /// The configuration.
        file: PathBuf,
        /// What it says.
        model: String,
    },
    /// Another process is at it.
    #[error("another semfs is fetching or removing the model `{0}` right now")]
    Busy(String),
    /// The network is not to be asked.
    #[error(
        "HF_HUB_OFFLINE is set, so nothing is fetched. `semfs model import FOLDER` takes a model \
         that was copied by hand"
    )]
    Offline,
    /// The hub did not answer as expected.
    #[error("{url} cannot be had: {reason}")]
    Hub {
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The hub says nothing of the repository.
    #[error(
        "{endpoint} has no such repository or revision as {repository} at {revision}, or it does \
         not list the files of one. `semfs model import FOLDER` takes a copy of its files"
    )]
    Unlisted {
        /// The hub.
        endpoint: String,
        /// The repository's name.
        repository: String,
        /// Its branch, tag or commit.
        revision: String,
    },
    /// The hub lists what cannot be fetched.
    #[error("the repository {repository} cannot be pulled: {reason}")]
    Repository {
        /// Its name.
        repository: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A download ended early.
    #[error(
        "{file} came as far as {done} of {size} bytes, and then no further: {reason}. The same \
         command goes on from there"
    )]
    Download {
        /// The file in the repository.
        file: String,
        /// Bytes that are here.
        done: u64,
        /// Bytes that it has.
        size: u64,
        /// What happened.
        reason: String,
    },
    /// A file is not what the hub says that it is.
    #[error(
        "{file} has the hash {found}, and {expected} was expected: it was damaged on its way, or \
         somebody changed it. What came of it was thrown away"
    )]
    Hash {
        /// The file in the repository.
        file: String,
        /// The hash that the hub names.
        expected: String,
        /// That of what came.
        found: String,
    },
    /// The disk has no room.
    #[error(
        "the disk of {} has no room for it: {needed} more are needed, and {free} are free. Make \
         room, or set `models` in semfs.toml to a folder elsewhere; what is here already is kept",
        path.display()
    )]
    Full {
        /// The folder of models.
        path: PathBuf,
        /// How much is needed.
        needed: String,
        /// How much there is.
        free: String,
    },
    /// The disk failed.
    #[error("{} cannot be {action}: {source}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// `read`, `written` and the like.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// A model could not be measured.
    #[error("the model `{name}` could not be measured: {reason}")]
    Measure {
        /// Its name.
        name: String,
        /// What happened.
        reason: String,
    },
    /// The user ended it.
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
    /// The model cannot be loaded or used.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

impl ModelError {
    pub(super) fn disk(path: &Path, action: &'static str) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Disk {
            path: path.clone(),
            action,
            source,
        }
    }

    /// Whether the model itself is at fault, so that no other attempt helps.
    pub(super) fn is_about_the_model(&self) -> bool {
        matches!(
            self,
            Self::NoModel { .. } | Self::Repository { .. } | Self::Embed(_)
        )
    }

    /// What is wrong with a copy, said of what it was made of: the copy is gone by then.
    pub(super) fn said_of(mut self, copy: &Path, source: &Path) -> Self {
        let moved = |path: &Path| match path.strip_prefix(copy) {
            Ok(rest) if rest.as_os_str().is_empty() => source.to_owned(),
            Ok(rest) => source.join(rest),
            Err(_) => path.to_owned(),
        };
        match &mut self {
            Self::NoModel { path, .. }
            | Self::Embed(EmbedError::Read { path, .. } | EmbedError::Hash { path, .. }) => {
                *path = moved(path);
            }
            Self::Embed(
                EmbedError::Manifest { path, reason }
                | EmbedError::Layout { path, reason }
                | EmbedError::Model { path, reason },
            ) => {
                *path = moved(path);
                // ONNX Runtime has paths in what it says.
                *reason = reason.replace(&*copy.to_string_lossy(), &source.to_string_lossy());
            }
            _ => {}
        }
        self
    }

    /// A failure to write, which is a full disk more often than not.
    pub(super) fn write(path: &Path, source: io::Error, missing: u64) -> Self {
        let full = [Errno::ENOSPC, Errno::EDQUOT].map(|errno| errno as i32);
        if source
            .raw_os_error()
            .is_some_and(|errno| full.contains(&errno))
        {
            return Self::Full {
                path: path.to_owned(),
                needed: super::megabytes(missing),
                free: super::megabytes(super::store::free_bytes(path).unwrap_or(0)),
            };
        }
        Self::Disk {
            path: path.to_owned(),
            action: "written",
            source,
        }
    }
}
