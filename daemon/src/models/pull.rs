//! Fetching a model from a hub: what is needed of a repository, checked, tried, and put in its
//! place whole.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use semfs_engine::decisions::is_model_name;
use semfs_engine::embed::Runtime;
use semfs_engine::embed::layout::Precision;

use super::download::Download;
use super::error::ModelError;
use super::http::Http;
use super::hub::{self, Hub, Listing, Repository};
use super::known::known;
use super::layouts::{self, MANIFEST};
use super::origin::{self, LockedFile, Origin, Source};
use super::progress::Progress;
use super::store::{Staging, Store};
use super::trial::try_model;
use crate::config::Config;
use crate::engine::find_runtime;
use crate::environment::Environment;
use crate::error::DaemonError;

/// What is to be fetched.
#[derive(Debug, Clone, Default)]
pub struct PullOptions {
    /// A known model's name, or `owner/name[@revision]`.
    pub model: String,
    /// What to call it, if not by its own name.
    pub name: Option<String>,
    /// Which weights.
    pub precision: Precision,
}

/// What was got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// What it is called.
    pub name: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// Where it came from, in a few words.
    pub origin: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// It was here already, whole.
    pub was_here: bool,
}

/// Fetches a model. `progress` may be read meanwhile, and `stop` be set to end early; what is
/// here by then is kept for the next attempt. A model that is here and whole is left alone, and
/// nobody is asked about it.
///
/// # Errors
/// Each says what happened, on which file, and what to do. The model of that name that was here
/// before is still there then.
pub fn pull(
    config: &Config,
    environment: &Environment,
    options: &PullOptions,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<Got, DaemonError> {
    let (repository, own_name) = repository_of(&options.model)?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => with_precision(&own_name, options.precision),
    };
    if !is_model_name(&name) {
        return Err(ModelError::Name(name).into());
    }
    super::refuse_shipped_name(environment, &name)?;
    let store = Store::new(&config.models);
    let folder = store.folder_of(&name);
    let here = Origin::read(&folder).unwrap_or(None);
    if let Some(got) = intact(
        &name,
        &folder,
        here.as_ref(),
        &repository,
        options.precision,
    )? {
        return Ok(got);
    }
    if environment.network.offline {
        return Err(ModelError::Offline.into());
    }
    // Before hundreds of megabytes come for nothing.
    let runtime = Runtime::load(&find_runtime(config, environment)?)?;
    let endpoint = endpoint(environment)?;
    let http = Http::new(&environment.network, &endpoint, stop)?;
    let hub = Hub {
        http: &http,
        endpoint: &endpoint,
        repository: &repository,
    };
    let listing = hub.listing()?;
    let paths: Vec<&str> = listing.files.iter().map(|file| &*file.path).collect();
    let needed = layouts::needed(&paths, options.precision);
    let needed = needed.map_err(|reason| hub.refused(reason))?;
    let staging = store.stage(&name)?;
    let fetch = Fetch {
        hub: &hub,
        listing: &listing,
        staging: &staging,
        before: &folder,
        progress,
    };
    let files = match fetch.run(&needed) {
        Ok(files) => files,
        Err(error) => {
            let error = error.said_of(staging.path(), Path::new(&repository.name));
            if error.is_about_the_model() {
                staging.discard()?;
            }
            return Err(error.into());
        }
    };
    let origin = Origin {
        precision: options.precision,
        source: Source::Hub {
            endpoint,
            repository: repository.name,
            revision: repository.revision,
            commit: listing.commit,
        },
        files,
    };
    Ok(finish(&runtime, staging, &origin, progress)?)
}

/// Describes a model whose files are all here, tries it, and puts it in its place.
pub(super) fn finish(
    runtime: &Runtime,
    staging: Staging,
    origin: &Origin,
    progress: &Progress,
) -> Result<Got, ModelError> {
    progress.trying();
    let name = staging.name().to_owned();
    let tried = layouts::describe(runtime, staging.path(), &name, origin)
        .and_then(|model| try_model(runtime, &model));
    if let Err(error) = tried {
        let copy = staging.path().to_owned();
        // The files are what the hub has: fetching them again would not help.
        staging.discard()?;
        return Err(error.said_of(
            &copy,
            Path::new(match &origin.source {
                Source::Hub { repository, .. } => repository.as_ref(),
                Source::Folder(folder) => folder.as_os_str(),
            }),
        ));
    }
    layouts::tidy(staging.path(), &origin.files)?;
    origin.write(staging.path())?;
    Ok(Got {
        name,
        folder: staging.publish()?,
        origin: origin.words(),
        bytes: origin.bytes(),
        was_here: false,
    })
}

/// The repository that is meant, and the name of the model in it.
fn repository_of(model: &str) -> Result<(Repository, String), ModelError> {
    if let Some(known) = known(model) {
        let repository = Repository::parse(known.repository);
        let repository = repository.ok_or_else(|| ModelError::Name(model.to_owned()))?;
        return Ok((repository, known.name.to_owned()));
    }
    if !model.contains('/') && is_model_name(model) {
        return Err(ModelError::Unknown(model.to_owned()));
    }
    let repository = Repository::parse(model).ok_or_else(|| ModelError::Name(model.to_owned()))?;
    let own = repository.name.rsplit('/').next().unwrap_or_default();
    let name = own.to_lowercase();
    Ok((repository, name))
}

/// What a model of a precision is called.
#[must_use]
pub fn with_precision(name: &str, precision: Precision) -> String {
    match precision {
        Precision::Full => name.to_owned(),
        precision => format!("{name}-{precision}"),
    }
}

/// The model if it is here as it is wanted, and whole by its hashes.
fn intact(
    name: &str,
    folder: &Path,
    here: Option<&Origin>,
    repository: &Repository,
    precision: Precision,
) -> Result<Option<Got>, ModelError> {
    let Some(origin) = here else {
        // One whose lock is damaged may be mended by this; one without never came from a hub.
        if folder.join(MANIFEST).is_file() && !folder.join(origin::NAME).exists() {
            return Err(ModelError::Taken {
                name: name.to_owned(),
                what: "put there by hand".to_owned(),
            });
        }
        return Ok(None);
    };
    let taken = || ModelError::Taken {
        name: name.to_owned(),
        what: origin.words(),
    };
    let Source::Hub {
        repository: from,
        revision,
        commit,
        ..
    } = &origin.source
    else {
        return Err(taken());
    };
    if *from != repository.name || origin.precision != precision {
        return Err(taken());
    }
    let asked = &repository.revision;
    let same = asked == revision
        || commit
            .as_ref()
            .is_some_and(|commit| commit.starts_with(asked));
    if !same || !folder.join(MANIFEST).is_file() || origin.fault(folder, true).is_some() {
        return Ok(None);
    }
    Ok(Some(Got {
        name: name.to_owned(),
        folder: folder.to_owned(),
        origin: origin.words(),
        bytes: origin.bytes(),
        was_here: true,
    }))
}

/// The hub's address, without a slash at its end.
fn endpoint(environment: &Environment) -> Result<String, ModelError> {
    let endpoint = environment.network.endpoint.as_deref();
    let endpoint = endpoint.unwrap_or(hub::ENDPOINT).trim_end_matches('/');
    if endpoint.starts_with("https://") || endpoint.starts_with("http://") {
        return Ok(endpoint.to_owned());
    }
    Err(ModelError::Hub {
        url: endpoint.to_owned(),
        reason: "HF_ENDPOINT must begin with https:// or http://".to_owned(),
    })
}

/// Getting the files of a model into a folder.
struct Fetch<'a> {
    hub: &'a Hub<'a>,
    listing: &'a Listing,
    staging: &'a Staging,
    /// Where a broken or older model of this name lies.
    before: &'a Path,
    progress: &'a Progress,
}

impl Fetch<'_> {
    /// Fetches what is needed; what that was.
    fn run(&self, needed: &[String]) -> Result<Vec<LockedFile>, ModelError> {
        let mut files = self.get(&self.select(needed)?)?;
        // Only they say what else there is.
        let named = layouts::named(self.staging.path(), needed)?;
        files.extend(self.get(&self.select(&named)?)?);
        Ok(files)
    }

    fn select(&self, paths: &[String]) -> Result<Vec<LockedFile>, ModelError> {
        let locked = |path: &String| self.hub.locked(self.listing, path);
        paths.iter().map(locked).collect()
    }

    /// Gets files; what they are then.
    fn get(&self, files: &[LockedFile]) -> Result<Vec<LockedFile>, ModelError> {
        let folder = self.staging.path();
        for file in files {
            self.take_from_before(file);
        }
        let (_, done, _) = self.progress.snapshot();
        let total = (files.iter()).fold(0, |total: u64, file| total.saturating_add(file.size));
        self.progress.fetching(done.saturating_add(total));
        let here = files.iter().map(|file| here(folder, file)).sum();
        self.staging.check_room(total.saturating_sub(here))?;
        let got = files.iter().map(|file| {
            let download = Download {
                http: self.hub.http,
                urls: &self.hub.addresses(self.listing, &file.path),
                file,
                folder,
                progress: self.progress,
            };
            download.run()
        });
        got.collect()
    }

    /// What is right of a broken model is not fetched again. Its files are never written to, so
    /// the two may be one.
    fn take_from_before(&self, file: &LockedFile) {
        let target = self.staging.path().join(&file.path);
        if target.exists() || file.fault(self.before, true).is_some() {
            return;
        }
        let parent = target.parent().map(std::fs::create_dir_all);
        if parent.is_some_and(|made| made.is_ok()) {
            // If not, it is fetched.
            let _ = std::fs::hard_link(self.before.join(&file.path), &target);
        }
    }
}

/// Bytes of a file that are here already, in whole or in part.
fn here(folder: &Path, file: &LockedFile) -> u64 {
    let part = folder.join(format!("{}.part", file.path));
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    bytes(&folder.join(&file.path))
        .max(bytes(&part))
        .min(file.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_known_model_or_a_repository() {
        let (repository, name) = repository_of("clip-vit-b-32").unwrap();
        assert_eq!(repository.name, "Xenova/clip-vit-base-patch32");
        assert_eq!(name, "clip-vit-b-32");
        let (repository, name) = repository_of("Me/My_CLIP@v1").unwrap();
        assert_eq!((&*repository.revision, &*name), ("v1", "my_clip"));
        assert!(matches!(
            repository_of("nobody"),
            Err(ModelError::Unknown(_))
        ));
        assert!(matches!(repository_of("../x"), Err(ModelError::Name(_))));
        assert_eq!(with_precision("clip", Precision::Int8), "clip-int8");
    }
}
