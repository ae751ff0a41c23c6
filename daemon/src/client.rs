//! Asking a running daemon, in the words of this crate.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use semfs_engine::duplicates::Tier;
use semfs_engine::index::Keep;
use serde::de::DeserializeOwned;

use crate::arrivals::Arrival;
use crate::ask::{Found, ProblemEntry};
use crate::dbus::{CallError, Client, SentPhoto};
use crate::duplicates::{self, DismissedGroup, DuplicateList};
use crate::error::DaemonError;
use crate::socket;
use crate::status::Status;

/// Problems that are asked for at a time.
const PAGE: u32 = 5_000;

/// A running daemon.
pub(crate) struct Daemon {
    client: Client,
    socket: PathBuf,
}

impl Daemon {
    /// The daemon that has the index of a state folder, if there is one.
    pub(crate) fn of(state: &Path) -> Result<Option<Self>, DaemonError> {
        let socket = socket::path(state);
        let error = |reason: String| DaemonError::Client {
            socket: socket.clone(),
            reason,
        };
        let Some(stream) = socket::connect(state).map_err(|cause| error(cause.to_string()))? else {
            return Ok(None);
        };
        match Client::new(stream) {
            Ok(client) => Ok(Some(Self { client, socket })),
            Err(cause) => Err(error(cause.to_string())),
        }
    }

    pub(crate) fn search(&self, query: &str, top: usize) -> Result<Vec<Found>, DaemonError> {
        let top = u32::try_from(top).unwrap_or(u32::MAX);
        let found = self
            .client
            .search(query, top)
            .map_err(|error| self.failed(error))?;
        Ok(found.into_iter().map(photo).collect())
    }

    pub(crate) fn similar(
        &self,
        path: &Path,
        file: File,
        top: usize,
    ) -> Result<Vec<Found>, DaemonError> {
        let top = u32::try_from(top).unwrap_or(u32::MAX);
        let found = self.client.similar(file.into(), top);
        let found = found.map_err(|error| match error {
            CallError::Refused(reason) => DaemonError::Picture {
                path: path.to_owned(),
                reason,
            },
            error => self.failed(error),
        })?;
        Ok(found.into_iter().map(photo).collect())
    }

    pub(crate) fn status(&self) -> Result<Status, DaemonError> {
        let json = self.client.status().map_err(|error| self.failed(error))?;
        self.understood(&json)
    }

    pub(crate) fn problems(&self) -> Result<Vec<ProblemEntry>, DaemonError> {
        let mut problems = Vec::new();
        loop {
            let skip = u32::try_from(problems.len()).unwrap_or(u32::MAX);
            let page = self
                .client
                .problems(skip, PAGE)
                .map_err(|error| self.failed(error))?;
            let last = page.len() < PAGE as usize;
            problems.extend(page.into_iter().map(|(path, kind, reason)| ProblemEntry {
                path: path_of(path),
                kind,
                reason,
            }));
            if last {
                return Ok(problems);
            }
        }
    }

    pub(crate) fn pins(&self) -> Result<Vec<String>, DaemonError> {
        self.client.pins().map_err(|error| self.failed(error))
    }

    pub(crate) fn pin(&self, query: &str) -> Result<bool, DaemonError> {
        self.client.pin(query).map_err(|error| self.failed(error))
    }

    pub(crate) fn unpin(&self, query: &str) -> Result<(), DaemonError> {
        self.client.unpin(query).map_err(|error| self.failed(error))
    }

    pub(crate) fn use_model(&self, name: &str) -> Result<(), DaemonError> {
        self.client
            .use_model(name)
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn entered(&self, mut each: impl FnMut(Arrival) -> bool) -> Result<(), DaemonError> {
        let each = |query, path| {
            each(Arrival {
                query,
                path: path_of(path),
            })
        };
        self.client
            .entered(each)
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn duplicates(
        &self,
        tier: Option<Tier>,
        keep: &Keep,
    ) -> Result<DuplicateList, DaemonError> {
        let tier = tier.map_or("", Tier::name);
        let file = self.client.duplicates(tier, &duplicates::words_of(keep));
        let file = file.map_err(|error| self.failed(error))?;
        duplicates::unsealed(file).map_err(|error| self.not_understood(&error))
    }

    pub(crate) fn dismissed(&self) -> Result<Vec<DismissedGroup>, DaemonError> {
        let json = self.client.dismissed();
        self.understood(&json.map_err(|error| self.failed(error))?)
    }

    pub(crate) fn dismiss(&self, name: &str) -> Result<DismissedGroup, DaemonError> {
        let json = self.client.dismiss(name);
        self.understood(&json.map_err(|error| self.failed(error))?)
    }

    pub(crate) fn restore(&self, name: &str) -> Result<DismissedGroup, DaemonError> {
        let json = self.client.restore(name);
        self.understood(&json.map_err(|error| self.failed(error))?)
    }

    pub(crate) fn rescan(&self) -> Result<(), DaemonError> {
        self.client.rescan().map_err(|error| self.failed(error))
    }

    pub(crate) fn forget(&self, root: &Path, missing: bool) -> Result<u64, DaemonError> {
        let root = root.as_os_str().as_encoded_bytes();
        self.client
            .forget(root, missing)
            .map_err(|error| self.failed(error))
    }

    fn understood<T: DeserializeOwned>(&self, json: &str) -> Result<T, DaemonError> {
        serde_json::from_str(json).map_err(|error| self.not_understood(&error))
    }

    fn not_understood(&self, error: &dyn Display) -> DaemonError {
        DaemonError::Client {
            socket: self.socket.clone(),
            reason: format!("its answer is not understood ({error}); is it another version?"),
        }
    }

    fn failed(&self, error: CallError) -> DaemonError {
        match error {
            CallError::Refused(words) => DaemonError::Refused(words),
            CallError::Connection(reason) if is_of_another_version(&reason) => {
                DaemonError::Client {
                    socket: self.socket.clone(),
                    reason: format!("it is another version of semfs; start it again ({reason})"),
                }
            }
            CallError::Connection(reason) => DaemonError::Client {
                socket: self.socket.clone(),
                reason,
            },
        }
    }
}

/// Whether an error says that the two ends do not know the same questions.
fn is_of_another_version(reason: &str) -> bool {
    ["signature mismatch", "UnknownMethod", "Unknown method"]
        .iter()
        .any(|words| reason.to_lowercase().contains(&words.to_lowercase()))
}

fn photo((relevance, score, path): SentPhoto) -> Found {
    Found {
        relevance: relevance as f32,
        score: score as f32,
        path: path_of(path),
    }
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}
