//! `semfs model use`: a model is tried, and then wanted.

use std::path::PathBuf;

use semfs_engine::catalog::{Catalog, ModelRecord};
use semfs_engine::decisions::Decisions;
use semfs_engine::embed::{Model, Runtime};
use semfs_engine::index::Index;

use super::error::ModelError;
use super::installed::{Installed, installed};
use super::known::known;
use super::trial::try_model;
use super::{maker, wanted};
use crate::client::Daemon;
use crate::config::Config;
use crate::engine::find_runtime;
use crate::environment::Environment;
use crate::error::DaemonError;
use crate::status::ModelStatus;

/// What came of choosing a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The model.
    pub name: String,
    /// The one that was wanted before.
    pub before: String,
    /// What the index has to do with it.
    pub ahead: Ahead,
    /// A daemon is running, and has begun.
    pub has_daemon: bool,
}

/// What is ahead of an index that is to have the vectors of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ahead {
    /// There are no photos in it, or it cannot tell.
    Unknown,
    /// It has the vectors already.
    Nothing,
    /// All photos are to be looked at again.
    Photos {
        /// How many.
        count: u64,
        /// The model that answers until then, name and version; none if that is gone.
        searched: Option<String>,
    },
}

impl Ahead {
    fn of(model: &Model, count: u64, fingerprint: &str, searched: Option<String>) -> Self {
        match count {
            0 => Self::Unknown,
            _ if model.fingerprint().to_string() == fingerprint => Self::Nothing,
            _ => Self::Photos { count, searched },
        }
    }
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
        let status = daemon.status()?;
        let ModelStatus {
            name: searched,
            fingerprint,
            ..
        } = status.model;
        let decisions = Decisions::open(&config.state)?;
        let was = wanted(config, &decisions);
        daemon.use_model(name)?;
        return Ok(Chosen {
            name: name.to_owned(),
            before: was,
            ahead: Ahead::of(&model, status.photos, &fingerprint, Some(searched)),
            has_daemon: true,
        });
    }
    // Nobody else changes the decisions meanwhile.
    let _held = Index::hold(&config.state)?;
    let decisions = Decisions::open(&config.state)?;
    let before = wanted(config, &decisions);
    choose(config, environment, &decisions, name)?;
    let indexed = read_indexed(config).ok().flatten();
    let ahead = indexed.map_or(Ahead::Unknown, |Indexed { photos, model: of }| {
        let searched = maker(config, environment, &of).map(|_| of.name());
        Ahead::of(&model, photos, &of.fingerprint.to_string(), searched)
    });
    Ok(Chosen {
        name: name.to_owned(),
        before,
        ahead,
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

/// What an index holds vectors of.
pub(crate) struct Indexed {
    pub photos: u64,
    pub model: ModelRecord,
}

/// What the index holds, if there is one with vectors in it.
///
/// # Errors
/// When another process has it open, or it cannot be read.
pub(crate) fn indexed(config: &Config) -> Result<Option<Indexed>, DaemonError> {
    if !catalog(config).is_dir() {
        return Ok(None);
    }
    let _held = Index::hold(&config.state)?;
    read_indexed(config)
}

/// The same of an index that is held.
fn read_indexed(config: &Config) -> Result<Option<Indexed>, DaemonError> {
    let path = catalog(config);
    if !path.is_dir() {
        return Ok(None);
    }
    let catalog = Catalog::open(&path)?;
    let totals = catalog.totals()?;
    let stores = catalog.stores()?.filter(|_| totals.rows > 0);
    Ok(stores.map(|stores| Indexed {
        photos: totals.photos,
        model: stores.current.model,
    }))
}

fn catalog(config: &Config) -> PathBuf {
    config.state.join("catalog")
}
