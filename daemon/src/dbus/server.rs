//! The daemon's end of its socket.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zbus::OwnedFd;
use zbus::connection::Builder;
use zbus::{Guid, fdo, interface};

use super::{PATH, SentPhoto, SentProblem};
use crate::ask::{Found, ProblemEntry};
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
    /// Look at all folders now.
    fn rescan(&self);
    /// Forget a root, or only those of its files that are missing. How many there were.
    fn forget(&self, root: &Path, missing: bool) -> Result<u64, DaemonError>;
}

/// Serves `answers` on every connection, until the runtime ends.
pub(crate) async fn serve(listener: UnixListener, answers: Arc<dyn Answers>) {
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
                let answers = Arc::clone(&answers);
                tokio::spawn(async move {
                    if let Err(error) = serve_one(stream, answers).await {
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

async fn serve_one(stream: tokio::net::UnixStream, answers: Arc<dyn Answers>) -> zbus::Result<()> {
    let connection = Builder::unix_stream(stream.into_std()?)
        .server(Guid::generate())
        .p2p()
        .serve_at(PATH, IndexInterface { answers })
        .build()
        .await?;
    connection.closed().await;
    Ok(())
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

impl From<DaemonError> for fdo::Error {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Query(error) => Self::InvalidArgs(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}
