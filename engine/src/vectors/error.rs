//! What can go wrong in the vector store, each error saying what was tried and
//! on which file. Whether a store is then thrown away and built again from the
//! photos is the caller's decision: nothing here deletes what it cannot read.

use std::io;
use std::path::{Path, PathBuf};

/// An error of the vector store.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The operating system refused; a full disk is among these
    /// (`source.kind() == StorageFull`).
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "open", "write to", …
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another [`VectorStore`](super::VectorStore), or a
    /// [`Vectors`](super::Vectors) taken from one, still uses this folder.
    #[error("the vector store in {} is in use", dir.display())]
    Locked {
        /// The folder of the store.
        dir: PathBuf,
    },
    /// A store of such vectors cannot be made.
    #[error(
        "vectors of {dim} dimensions are not supported (1 to {})",
        super::MAX_DIM
    )]
    BadDim {
        /// The dimension asked for.
        dim: usize,
    },
    /// The vectors on disk were made by another model: they cannot be compared
    /// with those of this one.
    #[error("{} holds vectors of another model ({} instead of {})", path.display(), hex(found), hex(expected))]
    OtherModel {
        /// The file that says so.
        path: PathBuf,
        /// The fingerprint in the file.
        found: [u8; 32],
        /// The fingerprint that the store was opened with.
        expected: [u8; 32],
    },
    /// The vectors on disk have another dimension than the model now gives.
    #[error("{} holds vectors of {found} dimensions instead of {expected}", path.display())]
    OtherDim {
        /// The file that says so.
        path: PathBuf,
        /// The dimension in the file.
        found: usize,
        /// The dimension that the store was opened with.
        expected: usize,
    },
    /// A later semfs wrote this store.
    #[error("{} has format version {found}, this semfs reads up to {supported}", path.display())]
    Newer {
        /// The file that says so.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The newest version that is understood here.
        supported: u32,
    },
    /// The header of a file of full vectors cannot be trusted.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The files hold fewer rows than the catalogue committed.
    #[error("the vector store in {} holds {present} of {committed} committed rows", dir.display())]
    Incomplete {
        /// The folder of the store.
        dir: PathBuf,
        /// Rows that are there, counted from row 0.
        present: u32,
        /// Rows that the catalogue committed.
        committed: u32,
    },
    /// A vector or query has the wrong number of components.
    #[error("a vector of {found} components was given to a store of {expected}")]
    WrongLength {
        /// Components given.
        found: usize,
        /// Components of the store's vectors.
        expected: usize,
    },
    /// A vector to append is not of length 1 (or holds a NaN).
    #[error("a vector to store must have length 1, this one has {norm}")]
    NotUnit {
        /// Its length.
        norm: f32,
    },
    /// A query has no direction: it is all zero, or holds a NaN or an infinity.
    #[error("a query must be finite and not all zero")]
    NoDirection,
    /// All row numbers are used up.
    #[error("the vector store in {} is full", dir.display())]
    Full {
        /// The folder of the store.
        dir: PathBuf,
    },
    /// Rows that a snapshot has shown cannot be forgotten or written again.
    #[error("row {row} of the vector store in {} is part of a snapshot and cannot change", dir.display())]
    Shown {
        /// The folder of the store.
        dir: PathBuf,
        /// The first row that would have changed.
        row: u32,
    },
    /// An earlier sync failed, so the rows since the last good one may be lost
    /// although the kernel would now say otherwise: truncate to `synced` rows
    /// and append them again.
    #[error("an earlier sync of the vector store in {} failed: only {synced} rows are safe", dir.display())]
    SyncFailed {
        /// The folder of the store.
        dir: PathBuf,
        /// Rows that are safely on disk.
        synced: u32,
    },
}

impl VectorError {
    /// For `map_err`: an I/O error with what was tried on which path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}

/// The first bytes of a fingerprint, enough to tell two apart.
fn hex(fingerprint: &[u8; 32]) -> String {
    fingerprint
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
