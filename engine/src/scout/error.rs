//! Why a scout gave no answer.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What a scout was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Find the true path of a name.
    Resolve,
    /// Say what a folder is.
    Identify,
    /// List a folder.
    List,
    /// Say the state of one file.
    Stamp,
    /// Read a file.
    Read,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "find the true path of",
            Self::Identify | Self::Stamp => "look at",
            Self::List => "list",
            Self::Read => "read",
        })
    }
}

/// Why a scout gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ScoutError {
    /// The filesystem answered, with an error.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: Action,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said; it has an error number.
        error: io::Error,
    },
    /// The filesystem did not answer.
    #[error(
        "cannot {action} {}: its filesystem gave no answer within {seconds} s ({stuck} scouts \
         are stuck there); is its server switched on and reachable?",
        path.display()
    )]
    Silent {
        /// What was tried.
        action: Action,
        /// On which file or folder.
        path: PathBuf,
        /// How long an answer was waited for; 0 where too many scouts are stuck already,
        /// and no other was sent.
        seconds: u64,
        /// Scouts that were killed and cannot end before the filesystem answers.
        stuck: usize,
    },
    /// No scout can be had, whatever the file.
    #[error("no scout process can be started from {}: {reason}", program.display())]
    Unusable {
        /// The program that was started.
        program: PathBuf,
        /// What happened.
        reason: String,
    },
    /// A scout ended in the middle of its work, and so did its successor.
    #[error("cannot {action} {}: the scout process ended ({reason})", path.display())]
    Ended {
        /// What was tried.
        action: Action,
        /// On which file or folder.
        path: PathBuf,
        /// How it ended.
        reason: String,
    },
    /// The file was written to while it was read.
    #[error("{} changed while it was read; it will be read when it rests", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file has more bytes than were asked for at most.
    #[error("{} has {size} bytes; at most {most} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The most that may be read, in bytes.
        most: u64,
    },
    /// It is a folder, a pipe or a device, and has no bytes to read.
    #[error("cannot read {}: it is not a regular file", path.display())]
    NotAFile {
        /// What it was taken for a file.
        path: PathBuf,
    },
}

impl ScoutError {
    /// The number of the system's error (`errno`), where the filesystem gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io { error, .. } => error.raw_os_error(),
            _ => None,
        }
    }
}
