//! How fast models are on this machine, what memory they take, and how far the small weights of
//! one agree with its full ones.
//!
//! Each model is measured in a process of its own, so that its memory is its own.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use semfs_engine::embed::Model;
use semfs_engine::embed::layout::Precision;
use serde::Serialize;

use super::error::ModelError;
use super::installed::{Installed, installed};
use super::pull::with_precision;
use crate::config::Config;
use crate::engine::{SELF, find_runtime};
use crate::environment::Environment;
use crate::error::DaemonError;

pub use measured::{Measured, measure};

mod measured;

/// The hidden command that measures one model.
pub const COMMAND: &str = "measure";

/// Photos that models are measured with, at most.
const MOST_PHOTOS: usize = 64;

/// Entries of folders that are looked at for photos.
const MOST_ENTRIES: usize = 20_000;

/// The least cosine of 8-bit and full vectors of a photo that is still agreement.
pub const LEAST_COSINE: f32 = 0.95;

/// The mean of those cosines that is still agreement.
pub const MEAN_COSINE: f32 = 0.98;

/// What is to be measured.
#[derive(Debug, Clone, Default)]
pub struct BenchOptions {
    /// Names of models; none: all that are here.
    pub names: Vec<String>,
    /// Where photos are; else the roots of the index.
    pub photos: Option<PathBuf>,
}

/// A model, measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// Its name.
    pub name: String,
    /// Length of its vectors.
    pub dimension: usize,
    /// What was found.
    #[serde(flatten)]
    pub measured: Measured,
    /// How far it agrees with the full weights of the same model, where both are here.
    pub agreement: Option<Agreement>,
}

/// How far small weights agree with full ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// The model with full weights.
    pub with: String,
    /// Mean cosine of the two vectors of a photo.
    pub mean: f32,
    /// The least of them.
    pub least: f32,
    /// Photos that were compared.
    pub photos: usize,
    /// How many times as fast as the full weights it is.
    pub times_as_fast: f64,
}

impl Agreement {
    /// Whether the small weights may stand in for the full ones: they agree, and are faster.
    #[must_use]
    pub fn is_within_bound(&self) -> bool {
        self.agrees() && self.times_as_fast > 1.0
    }

    /// Whether they give nearly the same vectors, however fast they are.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.photos > 0 && self.least >= LEAST_COSINE && self.mean >= MEAN_COSINE
    }
}

/// Measures models that are here, one after the other.
///
/// # Errors
/// When a model is not here or broken, or one cannot be measured.
pub fn bench(
    config: &Config,
    environment: &Environment,
    options: &BenchOptions,
    mut each: impl FnMut(&Measurement),
) -> Result<Vec<Measurement>, DaemonError> {
    let here = installed(config, environment, false)?;
    let mut models: Vec<(&Installed, &Model)> = Vec::new();
    for installed in &here {
        let is_asked = options.names.is_empty() || options.names.contains(&installed.name);
        if let (true, Ok(model)) = (is_asked, &installed.model) {
            models.push((installed, model));
        }
    }
    for name in &options.names {
        if !models.iter().any(|(installed, _)| installed.name == *name) {
            // Says why.
            super::choose::chosen_model(config, environment, name)?;
        }
    }
    // The full weights first: others are held against them.
    models.sort_by_key(|(installed, _)| precision_of(installed) != Precision::Full);
    let runtime = find_runtime(config, environment)?;
    let photos = match &options.photos {
        Some(folder) => photos_below(std::slice::from_ref(folder)),
        None => {
            let roots: Vec<_> = config.roots.iter().map(|root| root.path.clone()).collect();
            photos_below(&roots)
        }
    };
    let mut done: Vec<Measurement> = Vec::new();
    for (installed, model) in models {
        let name = &installed.name;
        let measured =
            run(&runtime, &installed.folder, &photos).map_err(|reason| ModelError::Measure {
                name: name.clone(),
                reason,
            })?;
        let precision = precision_of(installed);
        let full = done.iter().find(|full| {
            precision != Precision::Full && with_precision(&full.name, precision) == *name
        });
        let measurement = Measurement {
            name: name.clone(),
            dimension: model.dimension(),
            agreement: full.map(|full| agreement(full, &measured)),
            measured,
        };
        each(&measurement);
        done.push(measurement);
    }
    Ok(done)
}

fn precision_of(installed: &Installed) -> Precision {
    installed
        .origin
        .as_ref()
        .map_or(Precision::Full, |origin| origin.precision)
}

fn agreement(full: &Measurement, small: &Measured) -> Agreement {
    let pairs = full.measured.vectors.iter().zip(&small.vectors);
    let cosines: Vec<f32> = pairs
        .map(|(full, small)| full.iter().zip(small).map(|(a, b)| a * b).sum())
        .collect();
    Agreement {
        with: full.name.clone(),
        mean: cosines.iter().sum::<f32>() / cosines.len().max(1) as f32,
        least: cosines.iter().copied().fold(1.0, f32::min),
        photos: cosines.len(),
        times_as_fast: small.photos_per_second / full.measured.photos_per_second,
    }
}

/// Measures one model in a process of its own.
fn run(runtime: &Path, folder: &Path, photos: &[PathBuf]) -> Result<Measured, String> {
    let mut child = Command::new(SELF)
        .arg(COMMAND)
        .arg(runtime)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut list = Vec::new();
    for photo in photos {
        list.extend_from_slice(photo.as_os_str().as_encoded_bytes());
        list.push(0);
    }
    if let Some(mut input) = child.stdin.take() {
        // A child that ended early is told about below.
        let _ = input.write_all(&list);
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("its process ended early ({})", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// Some photos below folders, from all over them.
fn photos_below(folders: &[PathBuf]) -> Vec<PathBuf> {
    const ENDINGS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "heic", "tif", "tiff", "gif"];
    let mut found = Vec::new();
    let mut waiting = folders.to_vec();
    let mut seen = 0;
    while let Some(folder) = waiting.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries {
            seen += 1;
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
            let ending = ending.as_ref().and_then(|ending| ending.to_str());
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
                found.push(path);
            }
        }
        if seen > MOST_ENTRIES {
            break;
        }
    }
    found.sort();
    let step = found.len().div_ceil(MOST_PHOTOS).max(1);
    found.into_iter().step_by(step).collect()
}

/// Opens a photo to be measured with; nothing where it cannot be.
fn open(path: &Path) -> Option<File> {
    File::open(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(least: f32, mean: f32, times_as_fast: f64) -> Agreement {
        Agreement {
            with: "a".into(),
            mean,
            least,
            photos: 3,
            times_as_fast,
        }
    }

    #[test]
    fn small_weights_stand_in_only_where_they_agree_and_are_faster() {
        assert!(agreement(0.95, 0.98, 1.1).is_within_bound());
        assert!(!agreement(0.94, 0.99, 2.0).is_within_bound());
        assert!(!agreement(0.96, 0.97, 2.0).is_within_bound());
        let slower = agreement(0.99, 0.99, 0.9);
        assert!(slower.agrees() && !slower.is_within_bound());
        let nothing = Agreement {
            photos: 0,
            ..agreement(1.0, 1.0, 2.0)
        };
        assert!(!nothing.is_within_bound());
    }

    #[test]
    fn photos_are_taken_from_all_over_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        for at in 0..200 {
            let below = folder.path().join(format!("{:02}", at % 7));
            fs::create_dir_all(&below).unwrap();
            fs::write(below.join(format!("{at:03}.JPG")), "").unwrap();
            fs::write(below.join(format!("{at:03}.txt")), "").unwrap();
        }
        let photos = photos_below(&[folder.path().to_owned()]);
        assert!(
            (32..=MOST_PHOTOS).contains(&photos.len()),
            "{}",
            photos.len()
        );
        let folders: std::collections::BTreeSet<_> =
            photos.iter().filter_map(|photo| photo.parent()).collect();
        assert_eq!(folders.len(), 7);
    }
}
