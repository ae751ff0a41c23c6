//! When to look at the folders: once for a command, again and again for the daemon.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use semfs_engine::index::Index;
use semfs_engine::ingest::{OfflineRoot, PassReport, Progress, run_pass};

use crate::client::Daemon;
use crate::config::Config;
use crate::engine::{Engine, resolve_roots};
use crate::environment::Environment;
use crate::error::DaemonError;

/// Passes of one `semfs index`, at most: folders that never rest end here.
const MOST_PASSES: usize = 10;

/// How long a file that was being written is given before the next look.
const REST: Duration = Duration::from_secs(1);

/// How soon the daemon looks again when files changed under its hands.
const UNSETTLED: Duration = Duration::from_secs(5);

/// How `semfs index` goes about it.
#[derive(Debug, Clone, Default)]
pub struct IndexOptions {
    /// One pass only; else passes follow until one finds nothing new.
    pub once: bool,
    /// Make the index anew.
    pub rebuild: bool,
}

/// Indexes the configured roots without a daemon. `progress` may be read meanwhile, and
/// `stop` be set to end early; what is done by then is kept. Returns the last pass and
/// the status of the index.
///
/// # Errors
/// When a daemon has the index (it is told to look now), or something fails.
pub fn index(
    config: &Config,
    environment: &Environment,
    options: &IndexOptions,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<PassReport, DaemonError> {
    let roots = resolve_roots(&config.roots)?;
    if let Some(daemon) = Daemon::of(&config.state)? {
        daemon.rescan()?;
        return Err(DaemonError::DaemonIndexes);
    }
    if options.rebuild {
        Index::erase(&config.state)?;
    }
    let engine = Engine::open(config, environment)?;
    let excludes = config.excludes()?;
    let settings = engine.pass_settings(config, &roots, &excludes);
    let mut total = PassReport::default();
    for _ in 0..MOST_PASSES {
        let report = run_pass(&engine.index, &settings, progress, stop)?;
        let rests = report.progress.found_nothing_new();
        add(&mut total, report);
        if options.once || total.stopped || rests {
            break;
        }
        std::thread::sleep(REST);
    }
    Ok(total)
}

/// Takes roots out of the index. Returns each with the number of its files.
///
/// # Errors
/// When one was never indexed, or another process has the index.
pub fn forget(
    config: &Config,
    environment: &Environment,
    roots: &[PathBuf],
) -> Result<Vec<(PathBuf, u64)>, DaemonError> {
    let engine = Engine::open(config, environment)?;
    let known = engine.index.catalog().roots()?;
    let mut forgotten = Vec::new();
    for root in roots {
        let resolved = std::fs::canonicalize(root).unwrap_or_else(|_| root.clone());
        let found = known
            .iter()
            .find(|(_, path)| path == root || *path == resolved);
        let (id, path) = found.ok_or_else(|| DaemonError::Root {
            path: root.clone(),
            reason: "it was never indexed; `semfs status` names those that were".to_owned(),
        })?;
        forgotten.push((path.clone(), engine.index.forget_root(*id)?));
    }
    Ok(forgotten)
}

/// Adds a later pass to the account of the earlier ones.
fn add(total: &mut PassReport, pass: PassReport) {
    let (before, now) = (total.progress, pass.progress);
    total.progress = now;
    total.progress.embedded += before.embedded;
    total.progress.known += before.known;
    total.progress.gone += before.gone;
    total.progress.seconds += before.seconds;
    if before.seconds > 0.0 {
        // What the first pass took in is unchanged to the second.
        total.progress.unchanged = before.unchanged;
        total.progress.problems = before.problems.max(now.problems);
    }
    total.offline = pass.offline;
    total.stopped = pass.stopped;
}

/// The daemon's indexing thread: what it shares with the others.
#[derive(Debug, Default)]
pub(crate) struct Indexer {
    pub progress: Progress,
    stop: AtomicBool,
    passes: AtomicU64,
    wake: Mutex<bool>,
    woken: Condvar,
    outcome: Mutex<Outcome>,
}

/// How the last pass went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub offline: Vec<OfflineRoot>,
    pub error: Option<String>,
}

impl Indexer {
    /// Looks at the roots now and then until told to stop. Errors are kept for the
    /// status and logged; the next pass tries again.
    pub(crate) fn run(
        &self,
        engine: &Engine,
        config: &Config,
        roots: &[PathBuf],
    ) -> Result<(), DaemonError> {
        let excludes = config.excludes()?;
        while !self.stop.load(Ordering::Relaxed) {
            let settings = engine.pass_settings(config, roots, &excludes);
            let outcome = match run_pass(&engine.index, &settings, &self.progress, &self.stop) {
                Ok(report) => {
                    tracing::info!(pass = %report.progress, "looked at all folders");
                    for OfflineRoot { path, reason } in &report.offline {
                        let root = path.display();
                        tracing::warn!(%root, reason, "a root is offline; nothing is forgotten");
                    }
                    Outcome {
                        offline: report.offline,
                        error: None,
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "indexing failed; what was done is kept");
                    Outcome {
                        offline: Vec::new(),
                        error: Some(error.to_string()),
                    }
                }
            };
            *lock(&self.outcome) = outcome;
            self.passes.fetch_add(1, Ordering::Relaxed);
            let unsettled = self.progress.snapshot().unsettled > 0;
            self.wait(if unsettled {
                UNSETTLED
            } else {
                Duration::from_secs(config.rescan_minutes.saturating_mul(60))
            });
        }
        Ok(())
    }

    /// Waits for the next pass: until the time has passed, or somebody asks for one.
    /// Zero: until somebody asks.
    fn wait(&self, time: Duration) {
        let mut wake = lock(&self.wake);
        let asked = |wake: &mut bool| !*wake && !self.stop.load(Ordering::Relaxed);
        if time.is_zero() {
            wake = self
                .woken
                .wait_while(wake, asked)
                .unwrap_or_else(|poison| poison.into_inner());
        } else {
            let (guard, _) = self
                .woken
                .wait_timeout_while(wake, time, asked)
                .unwrap_or_else(|poison| poison.into_inner());
            wake = guard;
        }
        *wake = false;
    }

    /// Asks for a pass now, or for another one after the one that is going on.
    pub(crate) fn rescan(&self) {
        *lock(&self.wake) = true;
        self.woken.notify_all();
    }

    /// Ends the thread soon.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.rescan();
    }

    /// Passes that are finished.
    pub(crate) fn passes(&self) -> u64 {
        self.passes.load(Ordering::Relaxed)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        lock(&self.outcome).clone()
    }
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}
