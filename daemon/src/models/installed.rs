//! The models of this machine and those that it could have, as a list; and taking one away.

use std::fs;
use std::path::{Path, PathBuf};

use semfs_engine::decisions::{Decisions, is_model_name};
use semfs_engine::embed::{Fingerprint, Model};
use semfs_engine::vectors::model_of;
use serde::Serialize;

use super::error::ModelError;
use super::known::{KNOWN, Known};
use super::origin::Origin;
use super::store::Store;
use super::{folders, shipped_folders, wanted};
use crate::config::Config;
use crate::environment::Environment;
use crate::error::DaemonError;

/// A model in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedModel {
    /// What it is called.
    pub name: String,
    /// Whether it can be used.
    pub state: ModelState,
    /// What is wrong with it, where that is broken.
    pub reason: Option<String>,
    /// The index has vectors of it.
    pub in_use: bool,
    /// It is the one that the index is to be of.
    pub wanted: bool,
    /// Bytes of its files; about, if it is not installed.
    pub bytes: u64,
    /// Length of its vectors, where that is known.
    pub dimension: Option<usize>,
    /// Which weights.
    pub precision: Option<String>,
    /// The identity of its vectors.
    pub fingerprint: Option<String>,
    /// Where it came from, or can be had.
    pub origin: String,
    /// Its folder, if it is here.
    pub folder: Option<String>,
    /// The terms of its weights, where they are known.
    pub licence: Option<&'static str>,
    /// The languages of queries, where they are known.
    pub languages: Option<&'static str>,
    /// What it is good for, where that is known.
    pub purpose: Option<&'static str>,
}

/// What there is of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelState {
    /// It came with semfs.
    Shipped,
    /// It was pulled or imported.
    Installed,
    /// It is here, and something is wrong with it.
    Broken,
    /// A part of it is here.
    Begun,
    /// It can be pulled.
    Known,
}

/// A model that is here.
#[derive(Debug)]
pub(super) struct Installed {
    pub name: String,
    pub folder: PathBuf,
    pub is_shipped: bool,
    pub origin: Option<Origin>,
    pub model: Result<Model, String>,
}

/// All models: those that are here, in use first, and those that could be. With `thoroughly`,
/// the files of those that were pulled or imported are hashed.
///
/// # Errors
/// When the store or the decisions cannot be read.
pub fn list(
    config: &Config,
    environment: &Environment,
    thoroughly: bool,
) -> Result<Vec<ListedModel>, DaemonError> {
    let decisions = Decisions::open(&config.state)?;
    let wanted = wanted(config, &decisions);
    let used = used(&config.state);
    let here = installed(config, environment, thoroughly)?;
    let mut listed: Vec<_> = here
        .iter()
        .map(|installed| entry(installed, &wanted, &used))
        .collect();
    for name in Store::new(&config.models).begun()? {
        if !listed.iter().any(|model| model.name == name) {
            listed.push(begun(config, name, &wanted));
        }
    }
    let missing = KNOWN.iter().map(|known| to_be_had(known, &wanted));
    let missing: Vec<_> = missing
        .filter(|known| !listed.iter().any(|model| model.name == known.name))
        .collect();
    listed.extend(missing);
    Ok(listed)
}

/// The models that are here, those of the store before those that came with semfs.
pub(super) fn installed(
    config: &Config,
    environment: &Environment,
    thoroughly: bool,
) -> Result<Vec<Installed>, ModelError> {
    let store = Store::new(&config.models);
    let mut found: Vec<Installed> = Vec::new();
    let mut add = |name: String, folder: PathBuf, is_shipped: bool| {
        if found.iter().any(|model| model.name == name) {
            return;
        }
        let (origin, model) = look_at(&folder, thoroughly);
        found.push(Installed {
            name,
            folder,
            is_shipped,
            origin,
            model,
        });
    };
    for name in store.names()? {
        let folder = store.folder_of(&name);
        add(name, folder, false);
    }
    for shipped in shipped_folders(environment) {
        let entries = fs::read_dir(shipped).into_iter().flatten().flatten();
        let mut folders: Vec<_> = entries.map(|entry| entry.path()).collect();
        folders.sort();
        for folder in folders.into_iter().filter(|folder| Model::is_model(folder)) {
            let name = folder.file_name().and_then(|name| name.to_str());
            if let Some(name) = name.filter(|name| is_model_name(name)) {
                add(name.to_owned(), folder.clone(), true);
            }
        }
    }
    found.sort_by_key(|model| !model.is_shipped);
    Ok(found)
}

fn look_at(folder: &Path, thoroughly: bool) -> (Option<Origin>, Result<Model, String>) {
    let origin = match Origin::read(folder) {
        Ok(origin) => origin,
        Err(reason) => return (None, Err(reason)),
    };
    let fault = origin
        .as_ref()
        .and_then(|origin| origin.fault(folder, thoroughly));
    let model = match fault {
        Some(fault) => Err(fault),
        None => Model::read(folder).map_err(|error| error.to_string()),
    };
    (origin, model)
}

fn entry(installed: &Installed, wanted: &str, used: &[Fingerprint]) -> ListedModel {
    let model = installed.model.as_ref().ok();
    let known = KNOWN.iter().find(|known| {
        let base = installed.name.strip_prefix(known.name);
        base.is_some_and(|rest| ["", "-half", "-int8"].contains(&rest))
    });
    let fingerprint = model.map(Model::fingerprint);
    let origin = match &installed.origin {
        Some(origin) => origin.words(),
        None if installed.is_shipped => "came with semfs".to_owned(),
        None => "put there by hand".to_owned(),
    };
    ListedModel {
        name: installed.name.clone(),
        state: match (&installed.model, installed.is_shipped) {
            (Err(_), _) => ModelState::Broken,
            (Ok(_), true) => ModelState::Shipped,
            (Ok(_), false) => ModelState::Installed,
        },
        reason: installed.model.as_ref().err().cloned(),
        in_use: fingerprint.is_some_and(|fingerprint| used.contains(&fingerprint)),
        wanted: installed.name == wanted || installed.folder == Path::new(wanted),
        bytes: bytes_in(&installed.folder),
        dimension: model.map(Model::dimension),
        precision: installed
            .origin
            .as_ref()
            .map(|origin| origin.precision.to_string()),
        fingerprint: fingerprint.map(|fingerprint| fingerprint.to_string()),
        origin,
        folder: Some(installed.folder.to_string_lossy().into_owned()),
        licence: known.map(|known| known.licence),
        languages: known.map(|known| known.languages),
        purpose: known.map(|known| known.purpose),
    }
}

fn begun(config: &Config, name: String, wanted: &str) -> ListedModel {
    let folder = config.models.join(format!(".pull-{name}"));
    ListedModel {
        state: ModelState::Begun,
        reason: Some("it was not fetched to its end; the same pull goes on from there".to_owned()),
        in_use: false,
        wanted: name == wanted,
        bytes: bytes_in(&folder),
        dimension: None,
        precision: None,
        fingerprint: None,
        origin: String::new(),
        folder: None,
        licence: None,
        languages: None,
        purpose: None,
        name,
    }
}

fn to_be_had(known: &Known, wanted: &str) -> ListedModel {
    ListedModel {
        name: known.name.to_owned(),
        state: ModelState::Known,
        reason: None,
        in_use: false,
        wanted: known.name == wanted,
        bytes: known.megabytes * 1_000_000,
        dimension: Some(known.dimension),
        precision: None,
        fingerprint: None,
        origin: known.repository.to_owned(),
        folder: None,
        licence: Some(known.licence),
        languages: Some(known.languages),
        purpose: Some(known.purpose),
    }
}

/// Bytes of all files below a folder.
fn bytes_in(folder: &Path) -> u64 {
    let files = super::layouts::files_below(folder).unwrap_or_default();
    let sizes = files.iter().map(|file| fs::metadata(folder.join(file)));
    sizes.flatten().map(|found| found.len()).sum()
}

/// The models whose vectors lie in a state folder: one, or two while photos are being looked at
/// again.
fn used(state: &Path) -> Vec<Fingerprint> {
    let entries = fs::read_dir(state).into_iter().flatten().flatten();
    let stores = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name == "vectors" || name.starts_with("vectors-")
    });
    stores
        .filter_map(|entry| model_of(&entry.path()))
        .map(Fingerprint)
        .collect()
}

/// Takes a model away that was pulled or imported, or what an unfinished pull left of it.
///
/// # Errors
/// When there is none, it came with semfs, or the index in the state folder needs it.
pub fn remove(config: &Config, environment: &Environment, name: &str) -> Result<(), DaemonError> {
    if !is_model_name(name) {
        return Err(ModelError::Name(name.to_owned()).into());
    }
    let here = installed(config, environment, false)?;
    let installed = here.iter().find(|model| model.name == name);
    if installed.is_some_and(|model| model.is_shipped) {
        return Err(ModelError::Shipped(name.to_owned()).into());
    }
    let in_use = |reason: String| ModelError::InUse {
        name: name.to_owned(),
        reason,
    };
    let state = config.state.display();
    if let Some(installed) = installed {
        let decisions = Decisions::open(&config.state)?;
        let wanted = wanted(config, &decisions);
        // A broken one helps nobody, and pulling it again mends it.
        let works = installed.model.as_ref().ok();
        if works.is_some() && (wanted == name || Path::new(&wanted) == installed.folder) {
            let who = match &config.model {
                Some(_) => "semfs.toml names it".to_owned(),
                None => format!("it was chosen for the index in {state}"),
            };
            let other = "`semfs model use` chooses another";
            return Err(in_use(format!("{who}; {other}")).into());
        }
        let elsewhere = |fingerprint: &Fingerprint| {
            let others = here.iter().filter(|other| other.name != name);
            let mut models = others.filter_map(|other| other.model.as_ref().ok());
            models.any(|other| other.fingerprint() == *fingerprint)
        };
        if let Some(model) = works
            && used(&config.state).contains(&model.fingerprint())
            && !elsewhere(&model.fingerprint())
        {
            let reason = format!(
                "the index in {state} still answers with it; `semfs status` shows how far it is \
                 with the next one"
            );
            return Err(in_use(reason).into());
        }
    }
    match Store::new(&config.models).remove(name)? {
        true => Ok(()),
        false => match KNOWN.iter().any(|known| known.name == name) {
            true => Err(ModelError::NotInstalled(name.to_owned()).into()),
            false => Err(DaemonError::NoModel {
                name: name.to_owned(),
                looked_in: folders(config, environment),
            }),
        },
    }
}
