//! Models as others lay them out, described in our words.
//!
//! Two layouts are known: that of the Hugging Face hub for ONNX (`onnx/vision_model.onnx`,
//! `preprocessor_config.json`, `tokenizer.json`, …) and that of immich (`visual/model.onnx`,
//! `textual/model.onnx`, …). [`describe`] reads such a folder, loads both towers once and
//! gives the manifest for it: after that nothing but the manifest is read. Whatever is not
//! understood is an error that names the file: a model that is prepared otherwise than it was
//! trained answers, but wrongly.
//!
//! Nothing here knows where models come from or are kept.

mod external;
mod files;
mod pictures;
mod projections;
mod settings;
mod texts;
mod towers;
mod written;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use files::{layout_of, needed, precisions_of};

use self::files::Files;
use self::settings::Settings;
use super::manifest::MANIFEST;
use super::{EmbedError, Model, Runtime};

/// How a folder is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// As ONNX models lie on the Hugging Face hub.
    Hub,
    /// As immich keeps its models.
    Immich,
    /// Ours: it has a manifest.
    Manifest,
}

/// How exactly the weights of towers are kept.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// Numbers of 32 bits, as they were trained.
    #[default]
    Full,
    /// Numbers of 16 bits.
    Half,
    /// Whole numbers of 8 bits.
    Int8,
}

/// The manifest of a folder that has none yet.
#[derive(Debug, Clone)]
pub struct Description {
    folder: PathBuf,
    layout: Layout,
    precision: Precision,
    dimension: usize,
    files: Vec<PathBuf>,
    manifest: String,
}

impl Layout {
    /// The layout of a folder, by the names in it.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        layout_of(&files::listing(folder).ok()?)
    }
}

/// The precisions that both towers in a folder can be had in, best first.
#[must_use]
pub fn precisions(folder: &Path) -> Vec<Precision> {
    let paths = files::listing(folder).unwrap_or_default();
    precisions_of(&paths)
}

/// The files of weights that the towers among `paths`, which lie in `folder`, name besides.
///
/// # Errors
/// When a tower is no ONNX file, or names a file that is not beside it.
pub fn weights(folder: &Path, paths: &[impl AsRef<str>]) -> Result<Vec<String>, EmbedError> {
    let paths = paths.iter().map(AsRef::as_ref);
    let mut found = BTreeSet::new();
    for tower in paths.clone().filter(|path| path.ends_with(".onnx")) {
        let files = external::files(folder, tower);
        found.extend(files.map_err(|reason| EmbedError::layout(&folder.join(tower), reason))?);
    }
    paths.for_each(|path| _ = found.remove(path));
    Ok(found.into_iter().collect())
}

/// Reads a folder of the hub's or immich's layout, loads both towers, lets them see a picture
/// and a text, and says what its manifest is. Nothing is written.
///
/// # Errors
/// Names the file that is missing, is none of what was expected there, or asks for something
/// that cannot be done.
pub fn describe(
    runtime: &Runtime,
    folder: &Path,
    name: &str,
    precision: Precision,
) -> Result<Description, EmbedError> {
    let paths = files::listing(folder).map_err(|source| EmbedError::read(folder, source))?;
    let files =
        Files::choose(&paths, precision).map_err(|reason| EmbedError::layout(folder, reason))?;
    let picture = pictures::read(folder, &files)?;
    let config = files.config.as_deref();
    let config = config.map(|file| Settings::read(folder, file));
    let config = config.transpose()?;
    let config = config.as_ref();
    let text = texts::read(folder, &files, config)?;
    let image = towers::image(runtime, folder, &files, &picture, config)?;
    let text = towers::text(runtime, folder, &files, &text, &image, config)?;
    let mut named = vec![&files.image, &files.text, &files.tokenizer];
    let data = image.section.data.iter().chain(&text.section.data);
    let data: Vec<PathBuf> = data.map(|data| data.file.clone()).collect();
    let mut consists_of: Vec<PathBuf> = named.drain(..).map(PathBuf::from).collect();
    consists_of.extend(data);
    Ok(Description {
        folder: folder.to_owned(),
        layout: files.layout,
        precision,
        dimension: image.dimension,
        files: consists_of,
        manifest: written::manifest(name, &files, &image, &text),
    })
}

impl Description {
    /// The text of its `manifest.toml`.
    #[must_use]
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// How its folder is laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The precision that was asked for.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Length of its vectors.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The files that it consists of, within its folder.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Writes the manifest into the folder, at once or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<Model, EmbedError> {
        let path = self.folder.join(MANIFEST);
        let new = self.folder.join(format!(".{MANIFEST}.new"));
        fs::write(&new, &self.manifest)
            .and_then(|()| fs::rename(&new, &path))
            .map_err(|error| {
                let reason = format!("its manifest cannot be written: {error}");
                EmbedError::layout(&self.folder, reason)
            })?;
        Model::read(&self.folder)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Half => "half",
            Self::Int8 => "int8",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Self::Full),
            "half" => Ok(Self::Half),
            "int8" => Ok(Self::Int8),
            other => Err(format!("`{other}` is not full, half or int8")),
        }
    }
}
