//! A command's end of the daemon's socket.

use std::future::poll_fn;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::time::Duration;

use tokio::runtime::{self, Runtime};
use zbus::OwnedFd;
use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::{Connection, fdo, proxy};

use super::{SentPhoto, SentProblem};

/// A search of ten million photos on a slow machine, and a margin.
const PATIENCE: Duration = Duration::from_secs(60);

// Without a bus nobody reads the service's name, and zbus asks for one all the same.
#[proxy(
    interface = "org.semfs.Index1",
    default_service = "org.semfs",
    default_path = "/org/semfs/Index"
)]
trait Index {
    fn search(&self, query: &str, top: u32) -> fdo::Result<Vec<SentPhoto>>;
    fn similar(&self, picture: OwnedFd, top: u32) -> fdo::Result<Vec<SentPhoto>>;
    fn status(&self) -> fdo::Result<String>;
    fn problems(&self, skip: u32, top: u32) -> fdo::Result<Vec<SentProblem>>;
    fn rescan(&self) -> fdo::Result<()>;
    fn forget(&self, root: &[u8], missing: bool) -> fdo::Result<u64>;
    fn pins(&self) -> fdo::Result<Vec<String>>;
    fn pin(&self, query: &str) -> fdo::Result<bool>;
    fn unpin(&self, query: &str) -> fdo::Result<()>;
    fn duplicates(&self, tier: &str, keep: &[u8]) -> fdo::Result<OwnedFd>;
    fn dismissed(&self) -> fdo::Result<String>;
    fn dismiss(&self, name: &str) -> fdo::Result<String>;
    fn restore(&self, name: &str) -> fdo::Result<String>;
    fn use_model(&self, name: &str) -> fdo::Result<()>;
    #[zbus(signal)]
    fn entered(&self, query: String, path: Vec<u8>) -> zbus::Result<()>;
}

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The daemon said no, in words for the user.
    #[error("{0}")]
    Refused(String),
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
}

/// A connection to a daemon, for a command that has nothing else to do.
pub(crate) struct Client {
    runtime: Runtime,
    connection: Connection,
}

impl Client {
    pub(crate) fn new(stream: UnixStream) -> Result<Self, CallError> {
        let broken = |error: String| CallError::Connection(error);
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| broken(error.to_string()))?;
        let connection = runtime.block_on(async {
            let build = Builder::unix_stream(stream)
                .p2p()
                .method_timeout(PATIENCE)
                .build();
            tokio::time::timeout(PATIENCE, build).await
        });
        let connection = connection
            .map_err(|_| broken("it does not greet back".to_owned()))?
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self {
            runtime,
            connection,
        })
    }

    pub(crate) fn search(&self, query: &str, top: u32) -> Result<Vec<SentPhoto>, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.search(query, top).await?) })
    }

    pub(crate) fn similar(
        &self,
        picture: std::os::fd::OwnedFd,
        top: u32,
    ) -> Result<Vec<SentPhoto>, CallError> {
        let picture = OwnedFd::from(picture);
        self.runtime
            .block_on(async { Ok(self.proxy().await?.similar(picture, top).await?) })
    }

    /// Calls `each` with query and path of each photo that enters a pinned query from now on,
    /// until it says that it is enough, or the daemon ends.
    pub(crate) fn entered(
        &self,
        mut each: impl FnMut(String, Vec<u8>) -> bool,
    ) -> Result<(), CallError> {
        self.runtime.block_on(async {
            let proxy = self.proxy().await?;
            let mut signals = proxy.receive_entered().await.map_err(fdo::Error::from)?;
            loop {
                let next = poll_fn(|context| Pin::new(&mut signals).poll_next(context));
                let Some(signal) = next.await else {
                    return Ok(());
                };
                let EnteredArgs { query, path, .. } = signal.args().map_err(fdo::Error::from)?;
                if !each(query, path) {
                    return Ok(());
                }
            }
        })
    }

    pub(crate) fn status(&self) -> Result<String, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.status().await?) })
    }

    pub(crate) fn problems(&self, skip: u32, top: u32) -> Result<Vec<SentProblem>, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.problems(skip, top).await?) })
    }

    pub(crate) fn rescan(&self) -> Result<(), CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.rescan().await?) })
    }

    pub(crate) fn forget(&self, root: &[u8], missing: bool) -> Result<u64, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.forget(root, missing).await?) })
    }

    pub(crate) fn pins(&self) -> Result<Vec<String>, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.pins().await?) })
    }

    pub(crate) fn pin(&self, query: &str) -> Result<bool, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.pin(query).await?) })
    }

    pub(crate) fn unpin(&self, query: &str) -> Result<(), CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.unpin(query).await?) })
    }

    pub(crate) fn use_model(&self, name: &str) -> Result<(), CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.use_model(name).await?) })
    }

    pub(crate) fn duplicates(
        &self,
        tier: &str,
        keep: &[u8],
    ) -> Result<std::os::fd::OwnedFd, CallError> {
        let file = self
            .runtime
            .block_on(async { self.proxy().await?.duplicates(tier, keep).await })?;
        Ok(file.into())
    }

    pub(crate) fn dismissed(&self) -> Result<String, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.dismissed().await?) })
    }

    pub(crate) fn dismiss(&self, name: &str) -> Result<String, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.dismiss(name).await?) })
    }

    pub(crate) fn restore(&self, name: &str) -> Result<String, CallError> {
        self.runtime
            .block_on(async { Ok(self.proxy().await?.restore(name).await?) })
    }

    async fn proxy(&self) -> Result<IndexProxy<'_>, fdo::Error> {
        let proxy = IndexProxy::builder(&self.connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build();
        Ok(proxy.await?)
    }
}

impl From<fdo::Error> for CallError {
    fn from(error: fdo::Error) -> Self {
        match error {
            fdo::Error::Failed(words) | fdo::Error::InvalidArgs(words) => Self::Refused(words),
            error => Self::Connection(error.to_string()),
        }
    }
}
