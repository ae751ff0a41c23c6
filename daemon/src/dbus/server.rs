//! The daemon's end of its socket.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use semfs_engine::duplicates::Tier;
use semfs_engine::index::Keep;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use zbus::OwnedFd;
use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::{Guid, fdo, interface};

use super::{PATH, SentPhoto, SentProblem};
use crate::arrivals::{Arrival, Arrivals};
use crate::ask::{Found, ProblemEntry};
use crate::duplicates::{DismissedGroup, keep_of};
use crate::error::DaemonError;
use crate::status::Status;

/// What the socket can be asked. May take its time: it is called off the event loop.
pub(crate) trait Answers: Send + Sync + 'static {
    /// The photos that fit a query best; `top` 0 means as many as usual.
    fn search(&self, query: &str, top: usize) -> Result<Vec<Found>, DaemonError>;
    /// The photos that look most like the picture in an open file; `top` 0 means as many as
    /// usual.
    fn similar(&self, picture: &File, top: usize) -> Result<Vec<Found>, DaemonError>;
    /// What the daemon tells of itself.
    fn status(&self) -> Status;
    /// Files with problems, in the order of their paths.
    fn problems(&self, skip: usize, top: usize) -> Result<Vec<ProblemEntry>, DaemonError>;
    /// The pinned queries, in the order of pinning.
    fn pins(&self) -> Vec<String>;
    /// Pins a query; false if it was.
    fn pin(&self, query: &str) -> Result<bool, DaemonError>;
    /// Takes a pin back.
    fn unpin(&self, query: &str) -> Result<(), DaemonError>;
    /// The groups of duplicates of a tier or of all: a sealed file in memory with their list.
    fn duplicates(
        &self,
        tier: Option<Tier>,
        keep: &Keep,
    ) -> Result<std::os::fd::OwnedFd, DaemonError>;
    /// The dismissed groups, in the order of their dismissal.
    fn dismissed(&self) -> Vec<DismissedGroup>;
    /// Dismisses a group, by its name or the beginning of it.
    fn dismiss(&self, name: &str) -> Result<DismissedGroup, DaemonError>;
    /// Takes a dismissal back, by its name or the beginning of it.
    fn restore(&self, name: &str) -> Result<DismissedGroup, DaemonError>;
    /// Chooses the model that the index is to be of, by its name.
    fn use_model(&self, name: &str) -> Result<(), DaemonError>;
    /// Look at all folders now.
    fn rescan(&self);
    /// Forget a root, or only those of its files that are missing. How many there were.
    fn forget(&self, root: &Path, missing: bool) -> Result<u64, DaemonError>;
}

/// Serves `answers` on every connection, until the runtime ends.
pub(crate) async fn serve(
    listener: UnixListener,
    answers: Arc<dyn Answers>,
    arrivals: Arc<Arrivals>,
) {
    let listener = match tokio::net::UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the socket cannot be served");
            return;
        }
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (answers, arrivals) = (Arc::clone(&answers), arrivals.listen());
                tokio::spawn(async move {
                    if let Err(error) = serve_one(stream, answers, arrivals).await {
                        tracing::debug!(%error, "a connection ended");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others will be closed.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
}

async fn serve_one(
    stream: tokio::net::UnixStream,
    answers: Arc<dyn Answers>,
    mut arrivals: Receiver<Arrival>,
) -> zbus::Result<()> {
    let connection = Builder::unix_stream(stream.into_std()?)
        .server(Guid::generate())
        .p2p()
        .serve_at(PATH, IndexInterface { answers })
        .build()
        .await?;
    let emitter = SignalEmitter::new(&connection, PATH)?;
    loop {
        let arrival = tokio::select! {
            () = connection.closed() => return Ok(()),
            arrival = arrivals.recv() => arrival,
        };
        match arrival {
            Ok(Arrival { query, path }) => {
                let path = path.into_os_string().into_encoded_bytes();
                IndexInterface::entered(&emitter, &query, &path).await?;
            }
            // It was too slow for all of them; the next ones it gets.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

struct IndexInterface {
    answers: Arc<dyn Answers>,
}

#[interface(name = "org.semfs.Index1")]
impl IndexInterface {
    async fn search(&self, query: String, top: u32) -> fdo::Result<Vec<SentPhoto>> {
        let found = self
            .ask(move |answers| answers.search(&query, top as usize))
            .await??;
        Ok(found.into_iter().map(sent).collect())
    }

    /// The photos that look most like the picture in an open file, which need not be in a
    /// root. The file is read from its beginning.
    async fn similar(&self, picture: OwnedFd, top: u32) -> fdo::Result<Vec<SentPhoto>> {
        let picture = File::from(std::os::fd::OwnedFd::from(picture));
        let found = self
            .ask(move |answers| answers.similar(&picture, top as usize))
            .await??;
        Ok(found.into_iter().map(sent).collect())
    }

    /// The status, as the JSON of `semfs status --json`.
    async fn status(&self) -> fdo::Result<String> {
        self.ask(|answers| answers.status().json()).await
    }

    async fn problems(&self, skip: u32, top: u32) -> fdo::Result<Vec<SentProblem>> {
        let ask = move |answers: &dyn Answers| answers.problems(skip as usize, top as usize);
        let problems = self.ask(ask).await??;
        let sent = problems.into_iter().map(|problem| {
            let path = problem.path.into_os_string().into_encoded_bytes();
            (path, problem.kind, problem.reason)
        });
        Ok(sent.collect())
    }

    async fn pins(&self) -> fdo::Result<Vec<String>> {
        self.ask(|answers| answers.pins()).await
    }

    /// Pins a query under its name as it is. False: it was pinned already.
    async fn pin(&self, query: String) -> fdo::Result<bool> {
        Ok(self.ask(move |answers| answers.pin(&query)).await??)
    }

    async fn unpin(&self, query: String) -> fdo::Result<()> {
        Ok(self.ask(move |answers| answers.unpin(&query)).await??)
    }

    /// The groups of duplicates of `tier`, or of all where that is empty, as the JSON of
    /// `semfs dupes --json` in a sealed file in memory, which is read from its beginning.
    /// `keep` is `best`, `oldest`, `newest` or `in=` with an absolute path, in bytes.
    async fn duplicates(&self, tier: String, keep: Vec<u8>) -> fdo::Result<OwnedFd> {
        let tier = match tier.as_str() {
            "" => None,
            tier => Some(tier.parse::<Tier>().map_err(invalid)?),
        };
        let keep = keep_of(OsStr::from_bytes(&keep)).map_err(invalid)?;
        let ask = move |answers: &dyn Answers| answers.duplicates(tier, &keep);
        Ok(self.ask(ask).await??.into())
    }

    /// The dismissed groups, in the order of their dismissal, as a JSON array.
    async fn dismissed(&self) -> fdo::Result<String> {
        json(&self.ask(|answers| answers.dismissed()).await?)
    }

    /// Dismisses a group of duplicates, by its name or the beginning of it; the group as JSON.
    async fn dismiss(&self, name: String) -> fdo::Result<String> {
        json(&self.ask(move |answers| answers.dismiss(&name)).await??)
    }

    /// Takes the dismissal of a group back, by its name or the beginning of it; the group as
    /// JSON.
    async fn restore(&self, name: String) -> fdo::Result<String> {
        json(&self.ask(move |answers| answers.restore(&name)).await??)
    }

    /// Chooses the model that the index is to be of, by its name. Photos are looked at again in
    /// the background; queries are answered meanwhile.
    async fn use_model(&self, name: String) -> fdo::Result<()> {
        Ok(self.ask(move |answers| answers.use_model(&name)).await??)
    }

    /// A new photo entered a pinned query.
    #[zbus(signal)]
    async fn entered(emitter: &SignalEmitter<'_>, query: &str, path: &[u8]) -> zbus::Result<()>;

    async fn rescan(&self) {
        self.answers.rescan();
    }

    async fn forget(&self, root: Vec<u8>, missing: bool) -> fdo::Result<u64> {
        let root = PathBuf::from(OsString::from_vec(root));
        Ok(self
            .ask(move |answers| answers.forget(&root, missing))
            .await??)
    }
}

impl IndexInterface {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Answers) -> T + Send + 'static,
    ) -> fdo::Result<T> {
        let answers = Arc::clone(&self.answers);
        tokio::task::spawn_blocking(move || question(&*answers))
            .await
            .map_err(|error| fdo::Error::Failed(error.to_string()))
    }
}

fn sent(found: Found) -> SentPhoto {
    (
        f64::from(found.relevance),
        f64::from(found.score),
        found.path.into_os_string().into_encoded_bytes(),
    )
}

fn json(value: &impl Serialize) -> fdo::Result<String> {
    serde_json::to_string(value).map_err(|error| fdo::Error::Failed(error.to_string()))
}

fn invalid(error: impl Display) -> fdo::Error {
    fdo::Error::InvalidArgs(error.to_string())
}

impl From<DaemonError> for fdo::Error {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Query(error) => Self::InvalidArgs(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}
