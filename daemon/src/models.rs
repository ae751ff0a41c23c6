//! Models: which there are on this machine, how one gets here, and which one is wanted.
//!
//! Models that come with semfs lie beside the program; those that were pulled from a hub or
//! imported lie in the store, the folder `models` of the configuration. A name that both have
//! means that of the store. Whatever its origin, a model is a folder with a manifest, and only
//! the manifest is read when it is used.
//!
//! What is done with a model, and how an index comes to be of another one, is not known here.

mod bench;
mod choose;
mod client;
mod download;
mod error;
mod hash;
mod http;
mod hub;
mod import;
mod installed;
pub mod known;
mod layouts;
mod listing;
mod origin;
mod progress;
mod pull;
mod redirect;
mod store;
mod trial;

use std::path::{Path, PathBuf};

use semfs_engine::catalog::ModelRecord;
use semfs_engine::decisions::Decisions;
pub use semfs_engine::embed::layout::Precision;
use semfs_engine::embed::{Fingerprint, Model};

pub use bench::{
    Agreement, BenchOptions, COMMAND as MEASURE_COMMAND, LEAST_COSINE, MEAN_COSINE, Measured,
    Measurement, bench, measure,
};
pub use choose::{Ahead, Chosen, use_model};
pub(crate) use choose::{choose, indexed};
pub use error::ModelError;
pub use import::import;
pub use installed::{ListedModel, ModelState, list, remove};
pub use layouts::PRECISIONS;
pub use progress::{Phase, Progress};
pub use pull::{Got, PullOptions, pull, with_precision};

use crate::config::Config;
use crate::environment::Environment;
use crate::error::DaemonError;

/// The model that is wanted where nobody chose one.
pub const DEFAULT: &str = "mini";

/// Where the folders of models that come with semfs are looked for, from the program's folder.
const SHIPPED: &[&str] = &["../share/semfs/models", "../../models"];

/// The checkout that this program was built in, for programs built elsewhere.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");

/// The model of a name, or in a folder if the name has a `/`. Only its manifest is read.
///
/// # Errors
/// When there is none, or its manifest does not say what it must.
pub fn find(config: &Config, environment: &Environment, name: &str) -> Result<Model, DaemonError> {
    if name.contains('/') {
        return Ok(Model::read(Path::new(name))?);
    }
    let folders = folders(config, environment);
    let found = folders.iter().map(|folder| folder.join(name));
    match found.into_iter().find(|folder| Model::is_model(folder)) {
        Some(folder) => Ok(Model::read(&folder)?),
        None => Err(DaemonError::NoModel {
            name: name.to_owned(),
            looked_in: folders,
        }),
    }
}

/// The model on this machine that made the vectors of an index, where it lies now.
pub(crate) fn maker(
    config: &Config,
    environment: &Environment,
    record: &ModelRecord,
) -> Option<Model> {
    let there = record.folder().and_then(|it| Model::read(&it).ok());
    let there = there.filter(|model| model.fingerprint() == record.fingerprint);
    there.or_else(|| by_fingerprint(config, environment, &record.fingerprint))
}

/// The model on this machine whose vectors have this fingerprint, whatever its name. Only
/// manifests are read, and those that cannot be are passed over.
fn by_fingerprint(
    config: &Config,
    environment: &Environment,
    fingerprint: &Fingerprint,
) -> Option<Model> {
    let configured = config.model.as_deref().filter(|name| name.contains('/'));
    let configured = configured.map(PathBuf::from);
    let below = folders(config, environment).into_iter().flat_map(|folder| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| is_visible(path));
        paths.sort();
        paths
    });
    configured
        .into_iter()
        .chain(below)
        .filter(|folder| Model::is_model(folder))
        .filter_map(|folder| Model::read(&folder).ok())
        .find(|model| model.fingerprint() == *fingerprint)
}

/// The name or folder of the model that is wanted: what `semfs.toml` says, or else what was
/// chosen, or else [`DEFAULT`].
#[must_use]
pub fn wanted(config: &Config, decisions: &Decisions) -> String {
    let chosen = || decisions.model().map(|model| model.to_string());
    let wanted = config.model.clone().or_else(chosen);
    wanted.unwrap_or_else(|| DEFAULT.to_owned())
}

/// Folders of models, the store first.
fn folders(config: &Config, environment: &Environment) -> Vec<PathBuf> {
    let mut folders = vec![config.models.clone()];
    folders.extend(shipped_folders(environment));
    folders
}

fn shipped_folders(environment: &Environment) -> Vec<PathBuf> {
    let mut folders = environment.around_program(SHIPPED);
    folders.push(PathBuf::from(CHECKOUT));
    folders
}

/// A name that a model of semfs has is not for others: who reads it means that one.
fn refuse_shipped_name(environment: &Environment, name: &str) -> Result<(), ModelError> {
    let mut folders = shipped_folders(environment).into_iter();
    match folders.any(|folder| Model::is_model(&folder.join(name))) {
        true => Err(ModelError::Shipped(name.to_owned())),
        false => Ok(()),
    }
}

fn is_visible(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(semfs_engine::decisions::is_model_name)
}

/// A number of bytes, for people.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
