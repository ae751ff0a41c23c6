//! Which files of a repository or a folder a model consists of, and how it gets its manifest.

use std::fs;
use std::path::{Path, PathBuf};

use semfs_engine::embed::layout::{self, Layout, Precision};
use semfs_engine::embed::{Model, Runtime};

use super::error::ModelError;
use super::hub::is_safe;
use super::origin::{LockedFile, Origin};

/// The file that makes a folder a model.
pub(super) const MANIFEST: &str = "manifest.toml";

/// All precisions.
pub const PRECISIONS: [(&str, Precision); 3] = [
    ("full", Precision::Full),
    ("half", Precision::Half),
    ("int8", Precision::Int8),
];

/// Those of `paths` that a model of a precision needs; only [`MANIFEST`] where that says what
/// the others are.
pub(super) fn needed(paths: &[&str], precision: Precision) -> Result<Vec<String>, String> {
    match (layout::layout_of(paths), precision) {
        (Some(Layout::Manifest), Precision::Full) => Ok(vec![MANIFEST.to_owned()]),
        (Some(Layout::Manifest), precision) => Err(format!(
            "it has a manifest.toml and so no choice of weights, and {precision} was asked for"
        )),
        _ => layout::needed(paths, precision),
    }
}

/// The files that those in `folder` which were needed name: a manifest all others, and towers
/// those with their weights.
pub(super) fn named(folder: &Path, needed: &[String]) -> Result<Vec<String>, ModelError> {
    let files = if needed.iter().any(|path| path == MANIFEST) {
        Model::read(folder)?.files()
    } else {
        let files = layout::weights(folder, needed)?.into_iter();
        files.map(PathBuf::from).collect()
    };
    let names = files.iter().map(|file| match file.to_str() {
        Some(name) if is_safe(name) => Ok(name.to_owned()),
        _ => Err(ModelError::NoModel {
            path: folder.to_owned(),
            reason: format!("it names {file:?}, which is no path below its folder"),
        }),
    });
    names.collect()
}

/// Reads the manifest of a folder with the files of a model, after writing it where the model is
/// of another layout than ours.
pub(super) fn describe(
    runtime: &Runtime,
    folder: &Path,
    name: &str,
    origin: &Origin,
) -> Result<Model, ModelError> {
    if !origin.files.iter().any(|file| file.path == MANIFEST) {
        // One of an earlier attempt says nothing of these files.
        let _ = fs::remove_file(folder.join(MANIFEST));
        layout::describe(runtime, folder, name, origin.precision)?.write()?;
    }
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
