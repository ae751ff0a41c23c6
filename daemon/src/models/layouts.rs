//! Which files of a repository or a folder a model consists of, and how it gets its manifest.

use std::fs;
use std::path::{Path, PathBuf};

use semfs_engine::embed::{Model, Runtime};
use serde::{Deserialize, Serialize};

use super::error::ModelError;
use super::hub::is_safe;
use super::origin::{LockedFile, Origin};

/// The file that makes a folder a model.
pub(super) const MANIFEST: &str = "manifest.toml";

/// How the numbers of a model's weights are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// As they were trained, in 32 bits.
    #[default]
    Full,
    /// In 16 bits.
    Half,
    /// In 8 bits.
    Int8,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Half, Self::Int8];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Half => "half",
            Self::Int8 => "int8",
        }
    }
}

/// Those of `paths` that a model of a precision needs; all but [`MANIFEST`] where that says it.
pub(super) fn needed(paths: &[&str], precision: Precision) -> Result<Vec<String>, String> {
    if paths.contains(&MANIFEST) {
        return match precision {
            Precision::Full => Ok(vec![MANIFEST.to_owned()]),
            _ => Err("it has a manifest.toml, and so one precision only".to_owned()),
        };
    }
    Err("it is of no known layout".to_owned())
}

/// The files that a manifest in `folder` names.
pub(super) fn named_by_manifest(folder: &Path) -> Result<Vec<String>, ModelError> {
    let path = folder.join(MANIFEST);
    let broken = |reason: String| ModelError::NoModel {
        path: path.clone(),
        reason,
    };
    let text = fs::read_to_string(&path).map_err(ModelError::disk(&path, "read"))?;
    let manifest: toml::Table =
        toml::from_str(&text).map_err(|error| broken(error.message().to_owned()))?;
    let mut files = Vec::new();
    for section in manifest.values().filter_map(toml::Value::as_table) {
        if let Some(file) = section.get("file").and_then(toml::Value::as_str) {
            if !is_safe(file) {
                return Err(broken(format!(
                    "it names {file:?}, which is no path below it"
                )));
            }
            files.push(file.to_owned());
        }
    }
    Ok(files)
}

/// Makes sure that a folder with the files of a model has a manifest, and reads it.
pub(super) fn describe(
    _runtime: &Runtime,
    folder: &Path,
    _name: &str,
    _origin: &Origin,
) -> Result<Model, ModelError> {
    Ok(Model::read(folder)?)
}

/// Removes what an earlier attempt left in a folder and the model does not need.
pub(super) fn tidy(folder: &Path, files: &[LockedFile]) -> Result<(), ModelError> {
    for path in files_below(folder)? {
        let is_needed = path == MANIFEST || files.iter().any(|file| file.path == path);
        if !is_needed {
            let path = folder.join(path);
            fs::remove_file(&path).map_err(ModelError::disk(&path, "removed"))?;
        }
    }
    Ok(())
}

/// The files below a folder, as paths relative to it with `/`; links are followed, as the hub's
/// own cache consists of them.
pub(super) fn files_below(folder: &Path) -> Result<Vec<String>, ModelError> {
    const DEEPEST: usize = 4;
    const MOST: usize = 10_000;
    let mut found = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((relative, depth)) = folders.pop() {
        let path = folder.join(&relative);
        let error = ModelError::disk(&path, "read");
        for entry in fs::read_dir(&path).map_err(&error)? {
            let entry = entry.map_err(&error)?;
            let relative = relative.join(entry.file_name());
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            if metadata.is_dir() && depth < DEEPEST {
                folders.push((relative, depth + 1));
            } else if metadata.is_file()
                && let Some(text) = relative.to_str()
                && is_safe(text)
            {
                found.push(text.to_owned());
            }
            if found.len() > MOST {
                let reason =
                    format!("more than {MOST} files are below it; name the model's own folder");
                return Err(ModelError::NoModel {
                    path: folder.to_owned(),
                    reason,
                });
            }
        }
    }
    found.sort();
    Ok(found)
}
