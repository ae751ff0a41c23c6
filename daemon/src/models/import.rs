//! Taking in a model that somebody copied by hand: its files are copied into the store, and the
//! folder that they came from is left as it is.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use semfs_engine::decisions::is_model_name;
use semfs_engine::embed::Runtime;
use semfs_engine::embed::layout::{Layout, Precision};

use super::error::ModelError;
use super::hash::Expected;
use super::layouts;
use super::origin::{LockedFile, Origin, Source};
use super::progress::Progress;
use super::pull::{Got, finish, with_precision};
use super::store::{Staging, Store};
use crate::config::Config;
use crate::engine::find_runtime;
use crate::environment::Environment;
use crate::error::DaemonError;

/// Bytes that are copied at once: between two looks at whether to end.
const PIECE: u64 = 8 << 20;

/// Copies the model in `folder` into the store, under its folder's name or `name`. A folder of the
/// cache of the hub's own tools is that of the one snapshot in it.
///
/// # Errors
/// When it is no model, does not work, or cannot be copied. Nothing is left of it then.
pub fn import(
    config: &Config,
    environment: &Environment,
    folder: &Path,
    name: Option<&str>,
    precision: Precision,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<Got, DaemonError> {
    let given = fs::canonicalize(folder).map_err(ModelError::disk(folder, "read"))?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => with_precision(&name_of(&given), precision),
    };
    let folder = snapshot(given)?;
    if !is_model_name(&name) {
        return Err(ModelError::Name(name).into());
    }
    super::refuse_shipped_name(environment, &name)?;
    let store = Store::new(&config.models);
    let taken = store.folder_of(&name);
    if taken.is_dir() {
        let origin = Origin::read(&taken).unwrap_or(None);
        let what = origin.map_or_else(|| "put there by hand".to_owned(), |from| from.words());
        return Err(ModelError::Taken { name, what }.into());
    }
    let runtime = Runtime::load(&find_runtime(config, environment)?)?;
    let found = layouts::files_below(&folder)?;
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    let no_model = |reason: String| ModelError::NoModel {
        path: folder.clone(),
        reason,
    };
    let mut needed = layouts::needed(&found, precision).map_err(no_model)?;
    let named = layouts::named(&folder, &needed)?;
    if let Some(missing) = named.iter().find(|path| !folder.join(path).is_file()) {
        let reason = format!("its files name {missing}, which is not there");
        return Err(no_model(reason).into());
    }
    needed.extend(named);
    let staging = store.stage(&name)?;
    let copied = copy_all(&folder, &needed, &staging, progress, stop);
    let files = match copied {
        Ok(files) => files,
        Err(error) => {
            staging.discard()?;
            return Err(error.into());
        }
    };
    let origin = Origin {
        precision,
        source: Source::Folder(folder),
        files,
    };
    Ok(finish(&runtime, staging, &origin, progress)?)
}

/// The folder with the files, where `folder` is one of the hub's cache.
fn snapshot(folder: PathBuf) -> Result<PathBuf, ModelError> {
    let snapshots = folder.join("snapshots");
    if !snapshots.is_dir() || Layout::of(&folder).is_some() {
        return Ok(folder);
    }
    let failed = ModelError::disk(&snapshots, "read");
    let mut entries = fs::read_dir(&snapshots).map_err(&failed)?;
    match (entries.next(), entries.next()) {
        (Some(only), None) => Ok(only.map_err(&failed)?.path()),
        _ => Err(ModelError::NoModel {
            path: snapshots,
            reason: "there is not exactly one folder in it; name the one that is meant".to_owned(),
        }),
    }
}

/// A model's name from that of its folder: in the hub's cache, `models--OWNER--NAME`.
fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let own = name
        .strip_prefix("models--")
        .and_then(|name| name.split_once("--"));
    let name = own.map_or(&*name, |(_, own)| own).to_lowercase();
    let plain = name.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() || "._-".contains(letter) => letter,
        _ => '-',
    });
    let plain: String = plain.collect();
    plain.trim_start_matches(['.', '_', '-']).to_owned()
}

fn copy_all(
    from: &Path,
    paths: &[String],
    staging: &Staging,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<Vec<LockedFile>, ModelError> {
    let mut sizes = Vec::new();
    for path in paths {
        let path = from.join(path);
        let found = fs::metadata(&path).map_err(ModelError::disk(&path, "read"))?;
        if !found.is_file() {
            return Err(ModelError::NoModel {
                path,
                reason: "it is not a file".to_owned(),
            });
        }
        sizes.push(found.len());
    }
    let total = sizes.iter().sum();
    progress.fetching(total);
    staging.check_room(total)?;
    let mut files = Vec::new();
    for path in paths {
        files.push(copy(&from.join(path), path, staging, progress, stop)?);
    }
    Ok(files)
}

fn copy(
    from: &Path,
    path: &str,
    staging: &Staging,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<LockedFile, ModelError> {
    let target = staging.path().join(path);
    let mut source = File::open(from).map_err(ModelError::disk(from, "read"))?;
    let failed = |error| ModelError::write(staging.path(), error, 0);
    let made = target.parent().map_or(Ok(()), fs::create_dir_all);
    made.map_err(failed)?;
    let mut file = File::create(&target).map_err(failed)?;
    let mut size = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(ModelError::Interrupted);
        }
        // The kernel copies, or lets both files share their blocks where it can.
        let copied = io::copy(&mut io::Read::take(&mut source, PIECE), &mut file);
        match copied.map_err(failed)? {
            0 => break,
            copied => {
                size += copied;
                progress.add(copied);
            }
        }
    }
    file.sync_all().map_err(failed)?;
    let kind = Expected::Sha256(String::new());
    let hash = kind
        .of(&target)
        .map_err(ModelError::disk(&target, "read"))?;
    Ok(LockedFile {
        path: path.to_owned(),
        size,
        expected: Expected::Sha256(hash),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_model_a_name() {
        assert_eq!(
            name_of(Path::new("/a/ViT-B-32__openai")),
            "vit-b-32__openai"
        );
        assert_eq!(name_of(Path::new("/a/.My model")), "my-model");
        assert_eq!(name_of(Path::new("/")), "");
        assert_eq!(name_of(Path::new("/a/models--Me--My--CLIP")), "my--clip");
    }
}
