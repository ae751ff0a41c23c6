//! The long-running service of semfs, and what its commands have in common.
//!
//! [`Config`] is what the user wants; [`Engine`] is the engine opened for it. [`run`] is
//! the daemon: it mounts, indexes, answers on its socket, and ends on a signal.
//! [`index`](fn@index) is one run of indexing without a daemon. [`search`](fn@search),
//! [`status`], [`problems`], [`pins`] and [`duplicates`](fn@duplicates) ask a running daemon, or
//! else open the index themselves.
//!
//! This crate owns threads, sockets and signals. It prints nothing.

mod arrivals;
mod ask;
mod client;
pub mod config;
mod dbus;
mod duplicates;
mod engine;
mod environment;
mod error;
mod indexer;
pub mod models;
mod once;
mod roots;
mod service;
mod signals;
mod socket;
mod status;
pub mod watch;

pub use arrivals::Arrival;
pub use ask::{
    Found, ProblemEntry, follow_pins, pin, pins, problems, search, similar, status, unpin,
};
pub use config::{Config, ConfigError, RootConfig};
pub use duplicates::{
    DismissedGroup, DuplicateList, DuplicatesError, ListedFile, ListedGroup, dismiss, dismissed,
    duplicates, keep, restore,
};
pub use engine::Engine;
pub use environment::Environment;
pub use error::DaemonError;
pub use once::{IndexOptions, IndexProgress, forget, index};
pub use semfs_engine::scout::serve as serve_scout;
pub use semfs_engine::worker::serve as serve_worker;
pub use service::run;
pub use signals::stop_on_signal;
pub use status::{Activity, DuplicatesStatus, Mode, ModelStatus, RootStatus, Status};

/// The hidden command that a worker process is started with.
pub const WORKER_COMMAND: &str = "worker";

/// The hidden command that a scout process is started with.
pub const SCOUT_COMMAND: &str = "scout";
