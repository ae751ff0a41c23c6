//! The daemon's indexing: every root is compared with the index now and then, and followed
//! in between, as far as its filesystem tells of changes.
//!
//! ```text
//! each root ── compare: at start, now and then, when asked, when changes were lost ──► pass in bulk
//! kernel ─ watch ─ gather ─ follow: what changed, a moment after it did ──► pass that is prompt
//! ```
//!
//! One thread compares each root, so that one that is slow holds up no other.

mod compare;
mod follow;
mod pairing;
mod reembed;
mod state;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::bounded;
use semfs_engine::catalog::RootId;
use semfs_engine::index::{Away, Index};
use semfs_engine::ingest::{
    Excludes, Ingest, Look, Progress, ProgressSnapshot, RootSettings, Task, is_wanted_name,
};
use semfs_engine::search::Searcher;

use crate::config::{Config, Offline, RootConfig};
use crate::engine::Engine;
use crate::environment::Environment;
use crate::error::DaemonError;
use crate::roots;
use crate::status::RootStatus;
use crate::watch::{Settings as WatchSettings, Watch};

use compare::Wake;
use follow::Pending;
use reembed::Switching;
use state::State;

/// Changes that wait to be gathered. The gathering thread does nothing else, so they wait
/// only while many come at once.
const CHANGES: usize = 65_536;

/// How often what was deleted long ago is looked for.
const PURGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What the indexing threads share with each other and with those who ask.
pub(crate) struct Indexer {
    config: Config,
    excludes: Excludes,
    index: Arc<Index>,
    ingest: Ingest,
    keepers: Vec<Keeper>,
    /// Nothing where the kernel gives none; everything is polled then.
    watch: Option<Watch>,
    pending: Pending,
    switching: Switching,
    stop: AtomicBool,
}

/// What is kept of one root.
struct Keeper {
    id: RootId,
    root: RootConfig,
    progress: Progress,
    passes: AtomicU64,
    state: Mutex<State>,
    wake: Mutex<Wake>,
    woken: Condvar,
}

impl Indexer {
    /// What looks at pictures.
    pub(crate) fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    /// Prepares everything; nothing is looked at before [`Self::start`]. Returns what is to
    /// be given to it.
    pub(crate) fn new(
        engine: &Engine,
        searcher: &Arc<Searcher>,
        (config, environment): (&Config, &Environment),
        roots: &[RootConfig],
    ) -> Result<(Self, Changes), DaemonError> {
        let ingest = engine.ingest(config, config.limits.priority)?;
        let mut keepers = Vec::new();
        for root in roots {
            let id = engine.index.root(&root.path)?;
            keepers.push(Keeper {
                id,
                root: root.clone(),
                progress: Progress::default(),
                passes: AtomicU64::new(0),
                state: Mutex::new(State::new(engine.index.catalog().facts(id)?)),
                wake: Mutex::default(),
                woken: Condvar::new(),
            });
        }
        let excludes = config.excludes()?;
        let (report, changes) = bounded(CHANGES);
        let never_enter = semfs_fs::mounted().into_iter();
        let watched = WatchSettings {
            excludes: {
                let excludes = excludes.clone();
                Arc::new(move |path| excludes.excludes(path))
            },
            never_enter: never_enter
                .chain([config.mount.clone(), config.state.clone()])
                .collect(),
            is_picture: is_wanted_name,
            share: config.limits.watch_percent as f64 / 100.0,
        };
        let watch = match Watch::start(watched, report) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(%error, "no changes are told; all folders are polled");
                None
            }
        };
        let indexer = Self {
            config: config.clone(),
            excludes,
            index: Arc::clone(&engine.index),
            ingest,
            keepers,
            watch,
            pending: Pending::default(),
            switching: Switching::new(engine, searcher, config, environment),
            stop: AtomicBool::new(false),
        };
        Ok((indexer, Changes(changes)))
    }

    /// Starts the threads.
    pub(crate) fn start(self: &Arc<Self>, changes: Changes) -> Result<Threads, DaemonError> {
        let mut threads = Threads::default();
        for number in 0..self.keepers.len() {
            let indexer = Arc::clone(self);
            threads.spawn("compare", move || indexer.keep_comparing(number))?;
        }
        let indexer = Arc::clone(self);
        threads.spawn("gather", move || indexer.gather(&changes.0))?;
        let indexer = Arc::clone(self);
        threads.spawn("look", move || indexer.follow())?;
        let indexer = Arc::clone(self);
        threads.spawn("look-in-bulk", move || indexer.follow_in_bulk())?;
        let indexer = Arc::clone(self);
        threads.spawn("purge", move || indexer.keep_purging())?;
        let indexer = Arc::clone(self);
        threads.spawn("pair", move || indexer.keep_pairing())?;
        let indexer = Arc::clone(self);
        threads.spawn("reembed", move || indexer.keep_reembedding())?;
        Ok(threads)
    }

    /// Asks for a comparison of all roots now, or after the one that is going on.
    pub(crate) fn rescan(&self) {
        for keeper in &self.keepers {
            keeper.wake(|wake| wake.compare = true);
        }
    }

    /// Takes the missing files of a root for deleted: looks at it now, and forgets them.
    ///
    /// # Errors
    /// When it is none of the daemon's, cannot be reached, or the index fails.
    pub(crate) fn believe_losses(&self, root: RootId, path: &Path) -> Result<(), DaemonError> {
        let refused = |reason: String| DaemonError::Root {
            path: path.to_owned(),
            reason,
        };
        let Some((_, keeper)) = self.keeper(root) else {
            let reason = "it is none of the folders of the running daemon".to_owned();
            return Err(refused(reason));
        };
        let settings = self.settings(keeper);
        let task = Task {
            roots: std::slice::from_ref(&settings),
            look: &Look::Everything,
            bulk: false,
            count: false,
            believe: true,
        };
        let report = self.ingest.run(&task, &Progress::default(), &self.stop)?;
        if let Some(offline) = report.offline.first() {
            return Err(refused(offline.reason.clone()));
        }
        keeper.wake(|wake| wake.compare = true);
        Ok(())
    }

    /// Ends the threads soon.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.rescan();
        self.pending.wake();
        self.switching.wake();
        self.index.wake();
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// How often every root was compared, at least.
    pub(crate) fn passes(&self) -> u64 {
        let passes = self
            .keepers
            .iter()
            .map(|keeper| keeper.passes.load(Ordering::Relaxed));
        passes.min().unwrap_or(0)
    }

    /// The comparisons that are going on, or the last ones, as one.
    pub(crate) fn progress(&self) -> ProgressSnapshot {
        let snapshots = self.keepers.iter().map(|keeper| keeper.progress.snapshot());
        ProgressSnapshot::sum(snapshots)
    }

    /// How the roots are.
    pub(crate) fn roots(&self) -> Vec<RootStatus> {
        let all = self.keepers.iter();
        all.map(|keeper| {
            let watch = self.watch.as_ref().map(|watch| watch.state(keeper.id));
            let recorded = self.index.catalog().recorded(keeper.id).unwrap_or(0);
            lock(&keeper.state).status(&keeper.root.path, recorded, watch.unwrap_or_default())
        })
        .collect()
    }

    /// What went wrong last, if the last pass of a root failed, or the wanted model.
    pub(crate) fn error(&self) -> Option<String> {
        let mut keepers = self.keepers.iter();
        let error = keepers.find_map(|keeper| lock(&keeper.state).error.clone());
        error.or_else(|| self.switching.error())
    }

    /// Tells readers which roots cannot be reached.
    fn announce(&self) {
        let unreachable = self
            .keepers
            .iter()
            .filter(|keeper| lock(&keeper.state).is_unreachable());
        let away = Away {
            roots: unreachable.map(|keeper| keeper.id).collect(),
            hidden: self.config.offline == Offline::Hide,
        };
        if let Err(error) = self.index.set_away(away) {
            tracing::warn!(%error, "readers cannot be told which roots are offline");
        }
    }

    fn settings(&self, keeper: &Keeper) -> RootSettings {
        roots::settings(&keeper.root, &self.config, &self.excludes)
    }

    /// Forgets for good what was deleted long ago, once a day.
    fn keep_purging(&self) {
        while !self.is_over() {
            let long_ago = SystemTime::now().checked_sub(self.config.grace());
            match long_ago.map(|time| self.index.purge(time)) {
                Some(Ok(0)) | None => {}
                Some(Ok(purged)) => tracing::info!(purged, "deleted photos are forgotten for good"),
                Some(Err(error)) => tracing::warn!(%error, "deleted photos cannot be forgotten"),
            }
            let next = std::time::Instant::now() + PURGE;
            while !self.is_over() && std::time::Instant::now() < next {
                self.pending.rest(next);
            }
        }
    }
}

impl Keeper {
    fn wake(&self, change: impl FnOnce(&mut Wake)) {
        change(&mut lock(&self.wake));
        self.woken.notify_all();
    }
}

/// The receiving end of what the kernel tells.
pub(crate) struct Changes(crossbeam_channel::Receiver<crate::watch::Change>);

/// The threads of an indexer.
#[derive(Default)]
pub(crate) struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    fn spawn(
        &mut self,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), DaemonError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
        self.0.push(thread.map_err(|source| DaemonError::System {
            action: "starting an indexing thread",
            source,
        })?);
        Ok(())
    }

    /// Whether all of them have ended.
    pub(crate) fn are_finished(&self) -> bool {
        self.0.iter().all(JoinHandle::is_finished)
    }
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}
