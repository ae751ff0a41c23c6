//! The engine, opened for a configuration: model, runtime, index.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::status::NextModelStatus;
use semfs_engine::catalog::{ModelRecord, RootId};
use semfs_engine::courtesy::Courtesy;
use semfs_engine::decisions::Decisions;
use semfs_engine::embed::{ImageTower, Model, Runtime, TextTower};
use semfs_engine::index::Index;
use semfs_engine::ingest::{Ingest, IngestSettings, LossSettings};
use semfs_engine::scout::{Scout, ScoutSettings};
use semfs_engine::search::Searcher;
use semfs_engine::worker::WorkerSettings;

use crate::client::Daemon;
use crate::config::Config;
use crate::environment::Environment;
use crate::error::DaemonError;
use crate::models;
use crate::{SCOUT_COMMAND, WORKER_COMMAND};

/// Where ONNX Runtime is looked for: installed, built in a checkout, under test.
const RUNTIMES: &[&str] = &["../lib/semfs", "../onnxruntime", "../../onnxruntime"];

/// The checkout that this program was built in, for programs built elsewhere.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// This program, not by its path: an upgrade of the package must not give a running daemon
/// workers of another version.
pub(crate) const SELF: &str = "/proc/self/exe";

/// How long the index may be in use before that is an error.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is asked for meanwhile.
const STEP: Duration = Duration::from_millis(20);

/// Whom a command asks.
pub(crate) enum Asked {
    Daemon(Daemon),
    Engine(Box<Engine>),
}

/// The engine, opened for a configuration.
#[derive(Debug)]
pub struct Engine {
    /// The index.
    pub index: Arc<Index>,
    /// The model that is wanted, or one that stands in for it.
    pub model: Model,
    /// Why the wanted model cannot be used, if it cannot: the index is left as it is then.
    pub fault: Option<String>,
    /// The model whose vectors the index had when it was opened, if it is installed.
    pub known: Option<Model>,
    /// Where it runs.
    pub runtime: Runtime,
}

impl Engine {
    /// Finds the model and ONNX Runtime, and opens the index, as soon as another command
    /// has given it up: a search without a daemon holds it for a moment.
    ///
    /// # Errors
    /// Each says what is missing and what to do.
    pub fn open(config: &Config, environment: &Environment) -> Result<Self, DaemonError> {
        let parts = Parts::find(config, environment)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match parts.open() {
                Err(error) if error.is_locked() && Instant::now() < deadline => {
                    thread::sleep(STEP);
                }
                other => return other,
            }
        }
    }

    /// The engine, or the daemon that has it.
    ///
    /// # Errors
    /// When neither can be had.
    pub(crate) fn or_daemon(
        config: &Config,
        environment: &Environment,
    ) -> Result<Asked, DaemonError> {
        let mut parts = None;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(daemon) = Daemon::of(&config.state)? {
                return Ok(Asked::Daemon(daemon));
            }
            let parts = match &mut parts {
                Some(parts) => parts,
                none => none.insert(Parts::find(config, environment)?),
            };
            match parts.open() {
                // A daemon that is starting has the index and not yet a socket.
                Err(error) if error.is_locked() && Instant::now() < deadline => {
                    thread::sleep(STEP);
                }
                other => return Ok(Asked::Engine(Box::new(other?))),
            }
        }
    }

    /// Loads what queries need, as far as the model is there and works. Where it does not, what
    /// needs no model can be asked for, and the rest is answered with the reason.
    #[must_use]
    pub fn searcher(&self) -> Searcher {
        let fault = match &self.known {
            Some(known) => match Searcher::load(&self.runtime, known) {
                Ok(searcher) => return searcher,
                Err(error) => {
                    tracing::warn!(%error, "the model of the index does not work");
                    Some(error.to_string())
                }
            },
            None => self.fault.clone(),
        };
        let searcher = Searcher::default();
        explain(&searcher, &self.index, self.model.name(), fault);
        searcher
    }

    /// A root that was indexed, by the path that it was named with.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn known_root(
        &self,
        config: &Config,
        root: &Path,
    ) -> Result<(RootId, PathBuf), DaemonError> {
        let known = self.index.catalog().roots()?;
        let named = |path: &Path| known.iter().find(|(_, known)| known == path).cloned();
        // By a scout: it may be a link to a folder that hangs.
        let resolved = || Scout::new(scout_settings(config)).resolve(root).ok();
        let found = named(root).or_else(|| named(&resolved()?));
        found.ok_or_else(|| DaemonError::Root {
            path: root.to_owned(),
            reason: "it was never indexed; `semfs status` names those that were".to_owned(),
        })
    }

    /// What passes over the index need.
    ///
    /// # Errors
    /// When a pattern in `exclude` is none.
    pub(crate) fn ingest(
        &self,
        config: &Config,
        courtesy: Courtesy,
    ) -> Result<Ingest, DaemonError> {
        let limits = &config.limits;
        let settings = IngestSettings {
            excludes: config.excludes()?,
            threads: config.threads(),
            worker: WorkerSettings {
                program: PathBuf::from(SELF),
                arguments: vec![WORKER_COMMAND.to_owned()],
                memory: limits.worker_mib << 20,
                file_size: limits.file_mib << 20,
                deadline: Duration::from_secs(limits.file_seconds),
            },
            scout: scout_settings(config),
            rest: Duration::from_secs(config.rest_seconds),
            losses: LossSettings {
                share: config.loss_percent as f64 / 100.0,
                grace: config.grace(),
            },
            courtesy,
        };
        let index = Arc::clone(&self.index);
        let model = self.known.as_ref().unwrap_or(&self.model).clone();
        Ok(Ingest::new(index, model, self.runtime.clone(), settings))
    }
}

/// How scouts are started.
pub(crate) fn scout_settings(config: &Config) -> ScoutSettings {
    ScoutSettings {
        program: PathBuf::from(SELF),
        arguments: vec![SCOUT_COMMAND.to_owned()],
        deadline: Duration::from_secs(config.limits.answer_seconds),
    }
}

/// What an engine is made of but the index. ONNX Runtime can be loaded only once in the
/// life of a process, so it is loaded before the index is waited for.
struct Parts {
    /// Where models may be.
    config: Config,
    environment: Environment,
    runtime: Runtime,
}

impl Parts {
    fn find(config: &Config, environment: &Environment) -> Result<Self, DaemonError> {
        Ok(Self {
            config: config.clone(),
            environment: environment.clone(),
            runtime: Runtime::load(&find_runtime(config, environment)?)?,
        })
    }

    fn open(&self) -> Result<Engine, DaemonError> {
        let state = &self.config.state;
        let decisions = Decisions::open(state)?;
        let wanted = models::wanted(&self.config, &decisions);
        let (model, fault) = match models::find(&self.config, &self.environment, &wanted) {
            Ok(model) => (model, None),
            Err(error) => {
                let Some(other) = self.stand_in()? else {
                    return Err(error);
                };
                (other, Some(error.to_string()))
            }
        };
        let index = Index::open(state, &model)?;
        let generation = index.generation();
        if let Some(fault) = &fault {
            let searched = generation.model().name();
            tracing::warn!(
                fault,
                "the wanted model cannot be used; the index stays with {searched}"
            );
        }
        Ok(Engine {
            known: self.known(generation.model(), &model),
            index: Arc::new(index),
            model,
            fault,
            runtime: self.runtime.clone(),
        })
    }

    /// What can open the index where the wanted model is missing: the model that made its
    /// vectors, or else the one that comes with semfs, which is then asked nothing. None without
    /// an index: no photo is to get vectors that nobody asked for.
    fn stand_in(&self) -> Result<Option<Model>, DaemonError> {
        let Some(indexed) = models::indexed(&self.config)? else {
            return Ok(None);
        };
        let shipped = || models::find(&self.config, &self.environment, models::DEFAULT).ok();
        Ok(models::maker(&self.config, &self.environment, &indexed.model).or_else(shipped))
    }

    /// The model that made the vectors of an index, if it is installed and works.
    fn known(&self, record: &ModelRecord, opened_with: &Model) -> Option<Model> {
        if opened_with.fingerprint() == record.fingerprint {
            return Some(opened_with.clone());
        }
        let found = models::maker(&self.config, &self.environment, record)?;
        // Nobody wants it any more: it is asked only if all of it works.
        let loaded = TextTower::load(&self.runtime, &found)
            .and_then(|_| ImageTower::load(&self.runtime, &found));
        match loaded {
            Ok(_) => Some(found),
            Err(error) => {
                tracing::warn!(%error, "the model that the index was made with does not work");
                None
            }
        }
    }
}

/// Has the searcher say why the words of questions are not understood, where they are not: the
/// model is missing that would, or does not work. `fault`: why no other takes its place.
pub(crate) fn explain(
    searcher: &Searcher,
    index: &Arc<Index>,
    wanted: String,
    fault: Option<String>,
) {
    let index = Arc::clone(index);
    searcher.explain(move || {
        let generation = index.generation();
        let missing = generation.model().name();
        let why = match &fault {
            Some(fault) => format!("cannot be used: {fault}"),
            None => {
                let next = NextModelStatus::of(&index, &wanted, None, None);
                let so_far =
                    next.map_or_else(String::new, |next| format!(" ({} so far)", next.share()));
                format!(
                    "is not installed any more, and photos are looked at again with \
                     {wanted}{so_far}"
                )
            }
        };
        format!(
            "{missing}, with which the index was made, {why}; names, tags, dates and places can \
             be asked for meanwhile"
        )
    });
}

/// The model that is wanted: of the configuration, or of the decisions beside the index.
///
/// # Errors
/// When there is none of that name, or its manifest does not say what it must.
pub(crate) fn wanted_model(
    config: &Config,
    environment: &Environment,
) -> Result<Model, DaemonError> {
    let decisions = Decisions::open(&config.state)?;
    models::find(config, environment, &models::wanted(config, &decisions))
}

/// Where ONNX Runtime's shared library lies.
pub(crate) fn find_runtime(
    config: &Config,
    environment: &Environment,
) -> Result<PathBuf, DaemonError> {
    let named = config
        .onnxruntime
        .as_ref()
        .or(environment.onnxruntime.as_ref());
    if let Some(path) = named {
        return Ok(path.clone());
    }
    let mut folders = environment.around_program(RUNTIMES);
    folders.push(Path::new(CHECKOUT).join("target/onnxruntime"));
    let found = folders
        .iter()
        .map(|folder| folder.join("libonnxruntime.so"));
    let found = found.into_iter().find(|path| path.is_file());
    found.ok_or(DaemonError::NoRuntime { looked_in: folders })
}
