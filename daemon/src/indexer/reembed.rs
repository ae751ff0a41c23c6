//! From one model to another, while the index goes on answering.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use semfs_engine::catalog::ModelRecord;
use semfs_engine::embed::{Model, Runtime};
use semfs_engine::ingest::{ReembedProgress, Reembedding, RootSettings};
use semfs_engine::search::Searcher;

use super::{Indexer, lock};
use crate::config::Config;
use crate::engine::{Engine, explain, wanted_model};
use crate::environment::Environment;
use crate::error::DaemonError;
use crate::status::NextModelStatus;

/// An idle daemon is not woken to see that nothing is new.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How soon it is tried again after a failure.
const LATER: Duration = Duration::from_secs(60);

/// How soon it is looked whether a disk is back.
const SOON: Duration = Duration::from_secs(5);

/// How soon it is looked whether the last reader of old vectors is done.
const STEP: Duration = Duration::from_secs(1);

/// What the thread needs that changes models, and what it tells.
pub(super) struct Switching {
    wanted: Box<dyn Fn() -> Result<Model, DaemonError> + Send + Sync>,
    searcher: Arc<Searcher>,
    runtime: Runtime,
    progress: ReembedProgress,
    /// Another model may be wanted than when it last looked.
    asked: Mutex<bool>,
    woken: Condvar,
    /// What is going on is to end.
    interrupt: AtomicBool,
    told: Mutex<Told>,
}

/// What others may ask.
struct Told {
    /// The wanted model, if it could be used.
    model: Option<Model>,
    waits: Option<String>,
    error: Option<String>,
}

impl Switching {
    pub(super) fn new(
        engine: &Engine,
        searcher: &Arc<Searcher>,
        config: &Config,
        environment: &Environment,
    ) -> Self {
        let (config, environment) = (config.clone(), environment.clone());
        Self {
            wanted: Box::new(move || wanted_model(&config, &environment)),
            searcher: Arc::clone(searcher),
            runtime: engine.runtime.clone(),
            progress: ReembedProgress::default(),
            asked: Mutex::new(false),
            woken: Condvar::new(),
            interrupt: AtomicBool::new(false),
            told: Mutex::new(Told {
                model: engine.fault.is_none().then(|| engine.model.clone()),
                waits: None,
                error: engine.fault.clone(),
            }),
        }
    }

    /// Has the thread look which model is wanted, whatever it does now.
    pub(super) fn wake(&self) {
        let mut asked = lock(&self.asked);
        *asked = true;
        self.interrupt.store(true, Ordering::Relaxed);
        self.woken.notify_all();
    }

    /// What went wrong last, if it did.
    pub(super) fn error(&self) -> Option<String> {
        lock(&self.told).error.clone()
    }

    /// Begins to look which model is wanted.
    fn begin(&self) {
        let mut asked = lock(&self.asked);
        *asked = false;
        self.interrupt.store(false, Ordering::Relaxed);
    }

    /// Waits for so long, or until it is woken. Whether it was.
    fn rest(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut asked = lock(&self.asked);
        while !*asked {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.woken.wait_timeout(asked, left);
            (asked, _) = waited.unwrap_or_else(|poison| poison.into_inner());
        }
        *asked
    }

    fn tell(&self, waits: Option<String>, error: Option<String>) {
        let mut told = lock(&self.told);
        told.waits = waits;
        told.error = error;
    }
}

impl Indexer {
    /// Another model may be wanted than before: looks which, and has its vectors made.
    pub(crate) fn model_wanted(&self) {
        self.switching.wake();
    }

    /// The model that takes the place of the one whose vectors are searched, if one does.
    pub(crate) fn next_model(&self) -> Option<NextModelStatus> {
        let told = lock(&self.switching.told);
        let model = told.model.as_ref()?;
        let (wanted, name) = (model.fingerprint(), model.name());
        let waits = told.waits.clone();
        drop(told);
        let rate = self.switching.progress.rate().filter(|_| waits.is_none());
        let next = NextModelStatus::of(&self.index, &name, rate, waits);
        // Asked last: it may have taken the other's place meanwhile, and would seem to begin again.
        next.filter(|_| self.index.generation().model().fingerprint != wanted)
    }

    /// Has the vectors of the wanted model made and searched, as long as the daemon lives. Bulk
    /// work: it gives way.
    pub(super) fn keep_reembedding(&self) {
        let mut former = Vec::new();
        loop {
            self.switching.begin();
            if self.is_over() {
                break;
            }
            let rest = self.reembed(&mut former);
            // Their words are forgotten with the last reader of their vectors.
            while self.is_in_use(&mut former) && !self.switching.rest(STEP) {}
            self.switching.rest(rest);
        }
    }

    /// Whether somebody still reads vectors of a former model. If nobody does, its words are
    /// forgotten.
    fn is_in_use(&self, former: &mut Vec<Weak<ModelRecord>>) -> bool {
        if former.is_empty() {
            return false;
        }
        former.retain(|model| model.strong_count() > 0);
        if former.is_empty() {
            let current = self.index.generation().model().fingerprint;
            self.switching.searcher.forget_others(current);
        }
        !former.is_empty()
    }

    /// Looks which model is wanted, and has its vectors made. How long nothing is to be done
    /// then.
    fn reembed(&self, former: &mut Vec<Weak<ModelRecord>>) -> Duration {
        let switching = &self.switching;
        let model = match (switching.wanted)() {
            Ok(model) => model,
            Err(error) => {
                tracing::error!(%error, "the wanted model cannot be used; the one before goes on");
                let fault = error.to_string();
                let before = lock(&switching.told).model.take();
                let wanted = before.map_or_else(String::new, |model| model.name());
                explain(
                    &switching.searcher,
                    &self.index,
                    wanted,
                    Some(fault.clone()),
                );
                switching.tell(None, Some(fault));
                return LATER;
            }
        };
        explain(&switching.searcher, &self.index, model.name(), None);
        lock(&switching.told).model = Some(model.clone());
        let roots: Vec<RootSettings> = self
            .keepers
            .iter()
            .map(|keeper| self.settings(keeper))
            .collect();
        let before = Arc::clone(self.index.generation().model());
        if before.fingerprint != model.fingerprint() {
            let (from, to) = (before.name(), model.name());
            tracing::info!(from, to, "photos are looked at again with another model");
        }
        let before = Arc::downgrade(&before);
        let ready = |model: &Model| switching.searcher.learn(&switching.runtime, model);
        let courtesy = self.config.limits.priority;
        let (progress, stop) = (&switching.progress, &switching.interrupt);
        // A fault of ours must not cost the thread.
        let done = panic::catch_unwind(AssertUnwindSafe(|| {
            let ingest = &self.ingest;
            ingest.reembed(&model, &roots, courtesy, progress, &ready, stop)
        }));
        let report = match done {
            Ok(Ok(report)) => report,
            Ok(Err(error)) => {
                tracing::error!(%error, "photos cannot be looked at with the wanted model");
                let waits = "it cannot go on, see the error".to_owned();
                switching.tell(Some(waits), Some(error.to_string()));
                return LATER;
            }
            Err(_) => {
                tracing::error!("looking at photos with another model panicked; this is a bug");
                return LATER;
            }
        };
        let mut waits = None;
        let rest = match report.ending {
            Reembedding::Settled(0) => PATIENCE,
            Reembedding::Settled(photos) => {
                tracing::info!(photos, "photos that waited for their model are read again");
                self.rescan();
                PATIENCE
            }
            Reembedding::Swapped(without) => {
                let model = model.name();
                tracing::info!(
                    model,
                    without,
                    "the vectors of another model are searched now"
                );
                former.push(before);
                if without > 0 {
                    self.rescan();
                }
                PATIENCE
            }
            Reembedding::Waits(photos) => {
                waits = Some(format!("it waits for {photos} that cannot be read now"));
                SOON
            }
            Reembedding::Stopped => Duration::ZERO,
        };
        switching.tell(waits, None);
        rest
    }
}
