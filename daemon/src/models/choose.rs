//! `semfs model use`: a model is tried, and then wanted.

use semfs_engine::catalog::Catalog;
use semfs_engine::decisions::Decisions;
use semfs_engine::embed::{Model, Runtime};
use semfs_engine::index::Index;

use super::error::ModelError;
use super::installed::{Installed, installed};
use super::known::known;
use super::trial::try_model;
use super::wanted;
use crate::client::Daemon;
use crate::config::Config;
use crate::engine::find_runtime;
use crate::environment::Environment;
use crate::error::DaemonError;

/// What came of choosing a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The model.
    pub name: String,
    /// The one that was wanted before.
    pub before: String,
    /// Photos that are to be looked at again, if there is an index that tells.
    pub photos: Option<u64>,
    /// A daemon is running, and has begun.
    pub has_daemon: bool,
}

/// Tries a model, and makes it the wanted one. The index is not touched: it answers with the
/// vectors that it has until it has others.
///
/// # Errors
/// When `semfs.toml` names a model, there is none of this name, or it does not work. The old
/// one goes on then.
pub fn use_model(
    config: &Config,
    environment: &Environment,
    name: &str,
) -> Result<Chosen, DaemonError> {
    refuse_configured(config)?;
    let model = chosen_model(config, environment, name)?;
    let runtime = Runtime::load(&find_runtime(config, environment)?)?;
    try_model(&runtime, &model)?;
    if let Some(daemon) = Daemon::of(&config.state)? {
        let before = daemon.status()?;
        let decisions = Decisions::open(&config.state)?;
        let was = wanted(config, &decisions);
        daemon.use_model(name)?;
        return Ok(Chosen {
            name: name.to_owned(),
            before: was,
            photos: Some(before.photos),
            has_daemon: true,
        });
    }
    // Nobody else changes the decisions meanwhile.
    let _held = Index::hold(&config.state)?;
    let decisions = Decisions::open(&config.state)?;
    let before = wanted(config, &decisions);
    choose(config, environment, &decisions, name)?;
    Ok(Chosen {
        name: name.to_owned(),
        before,
        photos: photos(config),
        has_daemon: false,
    })
}

/// Makes a model that is here the wanted one, in the decisions.
pub(crate) fn choose(
    config: &Config,
    environment: &Environment,
    decisions: &Decisions,
    name: &str,
) -> Result<bool, DaemonError> {
    refuse_configured(config)?;
    chosen_model(config, environment, name)?;
    Ok(decisions.choose_model(Some(name))?)
}

/// What `semfs.toml` says holds.
pub(crate) fn refuse_configured(config: &Config) -> Result<(), ModelError> {
    match (&config.model, &config.file) {
        (Some(model), Some(file)) => Err(ModelError::Configured {
            file: file.clone(),
            model: model.clone(),
        }),
        _ => Ok(()),
    }
}

/// The model of a name that is here and whole.
pub(super) fn chosen_model(
    config: &Config,
    environment: &Environment,
    name: &str,
) -> Result<Model, ModelError> {
    let here = installed(config, environment, false)?;
    let Some(found) = here.into_iter().find(|model| model.name == name) else {
        return Err(match known(name) {
            Some(_) => ModelError::NotInstalled(name.to_owned()),
            None => ModelError::Unknown(name.to_owned()),
        });
    };
    let mend = mend(&found);
    found.model.map_err(|reason| ModelError::Broken {
        name: name.to_owned(),
        reason,
        mend,
    })
}

/// What can be done about a model that is broken.
fn mend(found: &Installed) -> String {
    let name = &found.name;
    match &found.origin {
        Some(origin) => match &origin.source {
            super::origin::Source::Hub { repository, .. } => format!(
                "`semfs model pull {repository} --name {name} --precision {}` mends it",
                origin.precision
            ),
            super::origin::Source::Folder(_) => {
                format!("`semfs model rm {name}` and another import mend it")
            }
        },
        None => format!("`semfs model rm {name}` takes it away"),
    }
}

/// Photos of an index that nobody has open; nothing where there is none.
fn photos(config: &Config) -> Option<u64> {
    let path = config.state.join("catalog");
    if !path.is_dir() {
        return None;
    }
    let totals = Catalog::open(&path).ok()?.totals().ok()?;
    Some(totals.photos)
}
