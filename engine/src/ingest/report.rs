//! What a pass says when it is over.

use std::path::PathBuf;

use super::ProgressSnapshot;
use crate::catalog::{FileKey, RootFacts};

/// How a pass went.
#[derive(Debug, Clone, Default)]
pub struct PassReport {
    /// What it saw and did.
    pub progress: ProgressSnapshot,
    /// Roots that could not be looked at, or went away meanwhile. Nothing of them was
    /// forgotten.
    pub offline: Vec<OfflineRoot>,
    /// The others.
    pub roots: Vec<RootReport>,
    /// Files that changed or were being written while they were looked at; to be looked at
    /// again soon. Not all, if they are very many.
    pub unsettled: Vec<FileKey>,
    /// It was told to stop before it had seen everything.
    pub stopped: bool,
}

/// A root that could not be looked at. Nothing of it was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineRoot {
    /// The root.
    pub path: PathBuf,
    /// Why, in words.
    pub reason: String,
}

/// A root that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootReport {
    /// The root.
    pub path: PathBuf,
    /// Device and inode of its folder.
    pub identity: (u64, u64),
    /// What was found in it when it was last compared as a whole.
    pub facts: RootFacts,
    /// So many files are missing that they are not believed to be deleted; in words.
    pub withheld: Option<String>,
    /// Folders below it whose disk is not mounted; what lies there is kept.
    pub unmounted: Vec<PathBuf>,
}
