//! The engine, opened for a configuration: model, runtime, index.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::status::ModelStatus;
use semfs_engine::embed::{Model, Runtime};
use semfs_engine::index::Index;
use semfs_engine::ingest::{Excludes, PassSettings};
use semfs_engine::search::Searcher;
use semfs_engine::worker::WorkerSettings;

use crate::WORKER_COMMAND;
use crate::client::Daemon;
use crate::config::Config;
use crate::environment::Environment;
use crate::error::DaemonError;

/// Where a model's folder is looked for, from the program's folder.
const MODELS: &[&str] = &["../share/semfs/models", "../../models"];

/// Where ONNX Runtime is looked for: installed, built in a checkout, under test.
const RUNTIMES: &[&str] = &["../lib/semfs", "../onnxruntime", "../../onnxruntime"];

/// The checkout that this program was built in, for programs built elsewhere.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

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
    /// The model.
    pub model: Model,
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
            match parts.open(config) {
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
            match parts.open(config) {
                // A daemon that is starting has the index and not yet a socket.
                Err(error) if error.is_locked() && Instant::now() < deadline => {
                    thread::sleep(STEP);
                }
                other => return Ok(Asked::Engine(Box::new(other?))),
            }
        }
    }

    /// Loads what queries need.
    /// Loads what queries need.
    ///
    /// # Errors
    /// When the text tower cannot be loaded.
    pub fn searcher(&self) -> Result<Searcher, DaemonError> {
        Ok(Searcher::load(&self.runtime, &self.model)?)
    }

    /// The model, as a status tells it.
    #[must_use]
    pub fn model_status(&self) -> ModelStatus {
        ModelStatus {
            name: self.model.name(),
            dimension: self.model.dimension(),
            fingerprint: self.model.fingerprint().to_string(),
        }
    }

    pub(crate) fn pass_settings<'a>(
        &'a self,
        config: &Config,
        roots: &'a [PathBuf],
        excludes: &'a Excludes,
    ) -> PassSettings<'a> {
        let limits = &config.limits;
        let mut never_enter: HashSet<PathBuf> = semfs_fs::mounted().into_iter().collect();
        never_enter.extend([resolved(&config.mount), resolved(&config.state)]);
        PassSettings {
            roots,
            excludes,
            never_enter,
            threads: config.threads(),
            worker: WorkerSettings {
                // Not by its path: an upgrade of the package must not give a running daemon
                // workers of another version.
                program: PathBuf::from("/proc/self/exe"),
                arguments: vec![WORKER_COMMAND.to_owned()],
                memory: limits.worker_mib << 20,
                file_size: limits.file_mib << 20,
                deadline: Duration::from_secs(limits.file_seconds),
            },
            model: &self.model,
            runtime: &self.runtime,
        }
    }
}

/// What an engine is made of but the index. ONNX Runtime can be loaded only once in the
/// life of a process, so these are found before the index is waited for.
struct Parts {
    model: Model,
    runtime: Runtime,
}

impl Parts {
    fn find(config: &Config, environment: &Environment) -> Result<Self, DaemonError> {
        Ok(Self {
            model: find_model(config, environment)?,
            runtime: Runtime::load(&find_runtime(config, environment)?)?,
        })
    }

    fn open(&self, config: &Config) -> Result<Engine, DaemonError> {
        Ok(Engine {
            index: Arc::new(Index::open(&config.state, &self.model)?),
            model: self.model.clone(),
            runtime: self.runtime.clone(),
        })
    }
}

/// The model that is named, by its folder or by a name in one of the usual folders.
fn find_model(config: &Config, environment: &Environment) -> Result<Model, DaemonError> {
    if config.model.contains('/') {
        return Ok(Model::read(Path::new(&config.model))?);
    }
    let mut folders = environment.around_program(MODELS);
    folders.push(Path::new(CHECKOUT).join("models"));
    let found = folders.iter().map(|folder| folder.join(&config.model));
    match found.into_iter().find(|folder| Model::is_model(folder)) {
        Some(folder) => Ok(Model::read(&folder)?),
        None => Err(DaemonError::NoModel {
            name: config.model.clone(),
            looked_in: folders,
        }),
    }
}

fn find_runtime(config: &Config, environment: &Environment) -> Result<PathBuf, DaemonError> {
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

/// The roots as they are looked at: resolved, and none inside another.
///
/// # Errors
/// When there is none, one lies inside another or inside a mount of semfs. A root that is
/// unreachable is no error.
pub(crate) fn resolve_roots(roots: &[PathBuf]) -> Result<Vec<PathBuf>, DaemonError> {
    if roots.is_empty() {
        return Err(DaemonError::NoRoots);
    }
    let mut resolved_roots: Vec<PathBuf> = Vec::new();
    for root in roots {
        let error = |reason: String| DaemonError::Root {
            path: root.clone(),
            reason,
        };
        let path = resolved(root);
        if path.is_file() {
            return Err(error(
                "it is a file; name the folder that it is in".to_owned(),
            ));
        }
        if let Some(mount) = semfs_fs::mounted()
            .iter()
            .find(|mount| path.starts_with(mount))
        {
            let mount = mount.display();
            return Err(error(format!(
                "it lies in {mount}, which is a mount of semfs"
            )));
        }
        let other = resolved_roots
            .iter()
            .find(|other| path.starts_with(other) || other.starts_with(&path));
        match other {
            Some(other) if *other == path => {}
            Some(other) => {
                let other = other.display();
                return Err(error(format!(
                    "it and {other} lie one inside the other; name one"
                )));
            }
            None => resolved_roots.push(path),
        }
    }
    Ok(resolved_roots)
}

/// The path without links where it exists, else as it is.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_inside_each_other_are_refused_and_doubles_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("a/b"));
        fs::create_dir_all(&b).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&a, &link).unwrap();
        assert!(resolve_roots(&[a.clone(), b.clone()]).is_err());
        assert!(resolve_roots(&[b, a.clone()]).is_err());
        let resolved = resolve_roots(&[a.clone(), link]).unwrap();
        assert_eq!(resolved, [fs::canonicalize(a).unwrap()]);
    }

    #[test]
    fn an_unreachable_root_is_kept() {
        let gone = PathBuf::from("/no/such/root");
        assert_eq!(resolve_roots(std::slice::from_ref(&gone)).unwrap(), [gone]);
        assert!(matches!(resolve_roots(&[]), Err(DaemonError::NoRoots)));
    }
}
