//! The daemon: mounts, indexes, answers on its socket, ends on a signal.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::status::{self, Activity, DuplicatesStatus, ModelStatus, Status};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use semfs_engine::decisions::Decisions;
use semfs_engine::duplicates::Tier;
use semfs_engine::index::Keep;
use semfs_engine::search::Searcher;
use semfs_fs::{Entries, Mount, Namespace, Settings, StatusForm};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::arrivals::Arrivals;
use crate::ask::{self, Found, ProblemEntry};
use crate::config::{Config, EntriesMode};
use crate::dbus::{self, Answers};
use crate::duplicates::{self, DismissedGroup, DuplicatesError};
use crate::engine::{Engine, scout_settings};
use crate::environment::Environment;
use crate::error::DaemonError;
use crate::indexer::Indexer;
use crate::models;
use crate::roots;
use crate::socket;

/// How often the daemon looks whether its mount is still there.
const WATCH: Duration = Duration::from_secs(2);

/// How long a pass gets to finish what it has begun when the daemon ends. After that its
/// threads end with the process: every commit is whole or not at all.
const GRACE: Duration = Duration::from_secs(10);

/// Files that this process may have open, if the system lets it; half of them for programs
/// that read photos through the mount.
const MANY_FILES: u64 = 32_768;

/// Runs the daemon until SIGTERM, SIGINT or SIGHUP, or until somebody else unmounts it.
/// It is mounted and answers before the first pass is done.
///
/// # Errors
/// When it cannot start: each says what is missing and what to do.
pub fn run(config: &Config, environment: &Environment) -> Result<(), DaemonError> {
    let system = |action| move |source| DaemonError::System { action, source };
    let roots = roots::resolve(&config.roots, &scout_settings(config))?;
    if let Some(root) = roots.iter().find(|root| root.path == config.mount) {
        return Err(DaemonError::Root {
            path: root.path.clone(),
            reason: "it is the mount point as well; name another `mount`".to_owned(),
        });
    }
    let engine = Arc::new(Engine::open(config, environment)?);
    let searcher = Arc::new(engine.searcher());
    let (indexer, changes) = Indexer::new(&engine, &searcher, (config, environment), &roots)?;
    let service = Arc::new(Service {
        searcher,
        decisions: Arc::new(Decisions::open(&config.state)?),
        indexer: Arc::new(indexer),
        config: config.clone(),
        environment: environment.clone(),
        engine,
    });
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(system("starting the event loop"))?;
    let _guard = runtime.enter();
    // Before anything that a signal should undo.
    let mut signals = Vec::new();
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        signals.push(signal(kind).map_err(system("listening for signals"))?);
    }
    let listener = socket::listen(&config.state).map_err(|source| DaemonError::Socket {
        path: socket::path(&config.state),
        source,
    })?;
    if config.entries == EntriesMode::File {
        allow_many_files();
    }
    let status = Arc::clone(&service);
    let namespace = Namespace::new(
        Arc::clone(&service.engine.index),
        Arc::clone(&service.searcher),
        Arc::clone(&service.decisions),
        Box::new(move |form| match form {
            StatusForm::Text => status.status().to_string(),
            StatusForm::Json => status.status().json() + "\n",
            StatusForm::Metrics => status.status().metrics(),
            StatusForm::Roots => status::table(&status.indexer.roots()),
        }),
        Settings {
            results: config.results,
            folder: config.folder_photos,
            entries: match config.entries {
                EntriesMode::Symlink => Entries::Symlink,
                EntriesMode::File => Entries::File,
            },
        },
    );
    let mount = Mount::new(Arc::new(namespace), &config.mount)?;
    tracing::info!(mount = %config.mount.display(), "mounted");
    let arrivals = Arrivals::new(
        Arc::clone(&service.engine.index),
        Arc::clone(&service.searcher),
        Arc::clone(&service.decisions),
        config.results,
    );
    arrivals
        .follow()
        .map_err(system("starting a thread that follows pinned queries"))?;
    runtime.spawn(dbus::serve(
        listener,
        Arc::clone(&service) as Arc<dyn Answers>,
        arrivals,
    ));
    let indexing = service.indexer.start(changes)?;
    // No service manager, no message: both are fine.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    runtime.block_on(wait_for_end(&mut signals, &mount));
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    service.indexer.stop();
    mount.unmount()?;
    tracing::info!("unmounted");
    let deadline = std::time::Instant::now() + GRACE;
    while !indexing.are_finished() && std::time::Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
    }
    runtime.shutdown_timeout(Duration::from_millis(500));
    Ok(())
}

/// Returns on the first signal, or when the mount is gone.
async fn wait_for_end(signals: &mut [tokio::signal::unix::Signal], mount: &Mount) {
    let [terminate, interrupt, hangup] = signals else {
        return;
    };
    let gone = async {
        while mount.is_mounted() {
            tokio::time::sleep(WATCH).await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => tracing::info!("told to end"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
        _ = hangup.recv() => tracing::info!("the terminal is gone"),
        () = gone => tracing::info!("unmounted by somebody else; ending"),
    }
}

/// What the daemon's threads share.
struct Service {
    config: Config,
    environment: Environment,
    engine: Arc<Engine>,
    searcher: Arc<Searcher>,
    decisions: Arc<Decisions>,
    indexer: Arc<Indexer>,
}

impl Answers for Service {
    fn search(&self, query: &str, top: usize) -> Result<Vec<Found>, DaemonError> {
        let top = Some(top).filter(|top| *top > 0);
        let (index, usual) = (&self.engine.index, self.config.results);
        ask::search_index(index, &self.searcher, query, top, usual)
    }

    fn similar(&self, picture: &File, top: usize) -> Result<Vec<Found>, DaemonError> {
        let top = if top == 0 { self.config.results } else { top };
        let (index, ingest) = (&self.engine.index, self.indexer.ingest());
        let found = ask::similar_in(index, &self.searcher, ingest, picture, top)?;
        // The caller knows the path.
        found.map_err(|problem| DaemonError::Refused(problem.to_string()))
    }

    fn status(&self) -> Status {
        let generation = self.engine.index.generation();
        let totals = generation.totals();
        let pass = self.indexer.progress();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            activity: if pass.running || self.indexer.passes() == 0 {
                Activity::Indexing
            } else {
                Activity::Idle
            },
            photos: totals.photos,
            files: totals.files,
            problems: totals.problems,
            vectors: u64::from(totals.rows),
            facets: generation.counts().clone(),
            duplicates: DuplicatesStatus {
                waiting: self.engine.index.catalog().uncompared_count(),
            },
            generation: totals.generation,
            model: ModelStatus::of(&generation),
            next: self.indexer.next_model(),
            roots: self.indexer.roots(),
            pass,
            passes_finished: self.indexer.passes(),
            state: self.config.state.clone(),
            mount: Some(self.config.mount.clone()),
            memory: resident_memory(),
            last_error: self.indexer.error(),
        }
    }

    fn problems(&self, skip: usize, top: usize) -> Result<Vec<ProblemEntry>, DaemonError> {
        ask::problems_of(&self.engine.index, skip, top)
    }

    fn pins(&self) -> Vec<String> {
        self.decisions.pins().to_vec()
    }

    fn pin(&self, query: &str) -> Result<bool, DaemonError> {
        let generation = self.engine.index.generation();
        let pinned = semfs_fs::pin(&self.decisions, &self.searcher, &generation, query)?;
        Ok(pinned.is_some())
    }

    fn unpin(&self, query: &str) -> Result<(), DaemonError> {
        Ok(semfs_fs::unpin(&self.decisions, query)?)
    }

    fn duplicates(&self, tier: Option<Tier>, keep: &Keep) -> Result<OwnedFd, DaemonError> {
        let list = duplicates::list_of(&self.engine.index, &self.decisions, tier, keep)?;
        Ok(duplicates::sealed(&list).map_err(DuplicatesError::HandOver)?)
    }

    fn dismissed(&self) -> Vec<DismissedGroup> {
        duplicates::dismissed_of(&self.decisions)
    }

    fn dismiss(&self, name: &str) -> Result<DismissedGroup, DaemonError> {
        duplicates::dismiss_in(&self.engine.index, &self.decisions, name)
    }

    fn restore(&self, name: &str) -> Result<DismissedGroup, DaemonError> {
        duplicates::restore_in(&self.engine.index, &self.decisions, name)
    }

    fn use_model(&self, name: &str) -> Result<(), DaemonError> {
        models::choose(&self.config, &self.environment, &self.decisions, name)?;
        self.indexer.model_wanted();
        Ok(())
    }

    fn rescan(&self) {
        self.indexer.rescan();
    }

    fn forget(&self, root: &Path, missing: bool) -> Result<u64, DaemonError> {
        let (id, path) = self.engine.known_root(&self.config, root)?;
        if !missing {
            return Ok(self.engine.index.forget_root(id)?);
        }
        let before = self.engine.index.catalog().recorded(id)?;
        self.indexer.believe_losses(id, &path)?;
        let after = self.engine.index.catalog().recorded(id)?;
        Ok(before.saturating_sub(after))
    }
}

/// Lets this process have as many files open as it may: each that a program reads through the
/// mount is one.
fn allow_many_files() {
    let allowed = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = hard.min(MANY_FILES).max(soft);
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)
    });
    if let Err(error) = allowed {
        tracing::warn!(%error, "the number of open files cannot be raised");
    }
}

/// Resident memory of this process in bytes, from `/proc/self/statm` (see `proc(5)`).
fn resident_memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_u64) * page_size()
}

fn page_size() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    size.ok()
        .flatten()
        .and_then(|size| u64::try_from(size).ok())
        .unwrap_or(4096)
}
