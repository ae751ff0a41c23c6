//! Why a file of a root is not among the photos.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::media::MediaError;

/// A file that could not be taken in, and the reason in words for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The sort of problem, for grouping.
    pub kind: ProblemKind,
    /// A sentence without the path.
    pub reason: String,
}

/// The sorts of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// It could not be opened, listed or read.
    Unreadable,
    /// It has no bytes.
    Empty,
    /// It is larger than the configured limit.
    TooLarge,
    /// Its name says picture and its content does not.
    NotAPicture,
    /// A picture format that this version does not decode.
    Unsupported,
    /// Cut off, damaged, or beyond what a decoder may use.
    Damaged,
    /// The worker that decoded it died.
    Crashed,
    /// The worker that decoded it took too long.
    TimedOut,
    /// It changed while it was read.
    Changing,
}

impl Problem {
    /// A problem of this kind, with its sentence. Decoders of others say theirs in lines; here
    /// it becomes one.
    pub fn new(kind: ProblemKind, reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        Self {
            kind,
            reason: reason.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    /// It has more bytes than this limit.
    pub(crate) fn too_large(limit: u64) -> Self {
        let reason = format!("larger than {} MiB (limits.file_mib)", limit >> 20);
        Self::new(ProblemKind::TooLarge, reason)
    }

    /// Whether the next pass looks again although the file's size and time are the same:
    /// the cause may lie outside the file.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ProblemKind::Unreadable | ProblemKind::Changing)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "unreadable",
            Self::Empty => "empty",
            Self::TooLarge => "too-large",
            Self::NotAPicture => "not-a-picture",
            Self::Unsupported => "unsupported",
            Self::Damaged => "damaged",
            Self::Crashed => "crashed",
            Self::TimedOut => "timed-out",
            Self::Changing => "changing",
        })
    }
}

impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        let kind = match error {
            MediaError::Empty => ProblemKind::Empty,
            MediaError::Unknown => ProblemKind::NotAPicture,
            MediaError::Unsupported(_) => ProblemKind::Unsupported,
            MediaError::Damaged { .. } => ProblemKind::Damaged,
        };
        Self::new(kind, error.to_string())
    }
}
