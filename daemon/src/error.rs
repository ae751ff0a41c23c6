//! Why a command of semfs cannot do its work.

use std::io;
use std::path::PathBuf;

use semfs_engine::catalog::CatalogError;
use semfs_engine::decisions::DecisionError;
use semfs_engine::embed::EmbedError;
use semfs_engine::index::IndexError;
use semfs_engine::ingest::{ExcludeError, IngestError};
use semfs_engine::query::QueryError;
use semfs_engine::search::SearchError;
use semfs_fs::{MountError, PinError};

use crate::duplicates::DuplicatesError;
use crate::models::ModelError;

/// Why a command of semfs cannot do its work. Each says what to do where that is known.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A pattern in `exclude` is none.
    #[error(transparent)]
    Exclude(#[from] ExcludeError),
    /// The model cannot be used.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The index cannot be used.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Indexing failed.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The catalogue failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The query makes no sense.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The search failed.
    #[error(transparent)]
    Search(SearchError),
    /// The owner's decisions cannot be read.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// A query cannot be pinned or unpinned.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// Duplicates cannot be told or decided on.
    #[error(transparent)]
    Duplicates(#[from] DuplicatesError),
    /// A model cannot be had, tried or chosen.
    #[error(transparent)]
    Models(#[from] ModelError),
    /// Nothing could be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// No root was named.
    #[error(
        "no folder of photos is named: give one on the command line, or set `roots = [\"/path\"]` \
         in semfs.toml"
    )]
    NoRoots,
    /// A root is not usable as one.
    #[error("the root {}: {reason}", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture that others are to be compared with cannot be used.
    #[error("the picture {}: {reason}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No folder has the model.
    #[error(
        "there is no model `{name}`; looked in {}. `semfs model list` prints those that there \
         are, `semfs model pull` fetches one, and `semfs model use` chooses one; or set `model` \
         in semfs.toml to a model's name or folder",
        list(looked_in)
    )]
    NoModel {
        /// The name.
        name: String,
        /// Folders.
        looked_in: Vec<PathBuf>,
    },
    /// ONNX Runtime is nowhere.
    #[error(
        "ONNX Runtime is missing: there is no libonnxruntime.so in {}. `make setup` fetches it, \
         or set `onnxruntime` in semfs.toml to its path",
        list(looked_in)
    )]
    NoRuntime {
        /// Folders.
        looked_in: Vec<PathBuf>,
    },
    /// A daemon has the index.
    #[error(
        "a daemon is running on this index and does the indexing itself; it has been told to \
         look at its folders now (`semfs status` shows how far it is). To index other folders, \
         add them to `roots` in its semfs.toml and start it again"
    )]
    DaemonIndexes,
    /// The daemon did not answer as expected.
    #[error("the daemon at {} did not answer: {reason}", socket.display())]
    Client {
        /// Its socket.
        socket: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The daemon answered with an error.
    #[error("{0}")]
    Refused(String),
    /// The socket cannot be served.
    #[error("the socket {} cannot be served: {source}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Something of the operating system failed.
    #[error("{action} failed: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
}

impl DaemonError {
    /// Whether another process has the index.
    pub(crate) fn is_locked(&self) -> bool {
        matches!(self, Self::Index(IndexError::Locked { .. }))
    }
}

impl From<SearchError> for DaemonError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Query(error) => Self::Query(error),
            error => Self::Search(error),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}
