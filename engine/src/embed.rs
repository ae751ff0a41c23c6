//! From pictures and words to vectors: the two towers of an image-text model.
//!
//! A [`Model`] is a folder with a manifest (`manifest.toml`): files and their hashes,
//! the shapes and names of tensors, preprocessing, the tokenizer. [`ImageTower`] and
//! [`TextTower`] run it with ONNX Runtime, which is found and loaded when the program
//! runs ([`Runtime`]). All vectors are of unit length, so a dot product is a cosine.
//!
//! Nothing here knows where pictures come from, or what is done with a vector.

mod files;
mod hugging_face;
mod image_tower;
pub mod layout;
mod manifest;
mod runtime;
mod tensors;
mod text_tower;
mod tokenizer;
mod word_pieces;

use std::path::{Path, PathBuf};

pub use image_tower::ImageTower;
pub use manifest::{Fingerprint, Model};
pub use runtime::Runtime;
pub use text_tower::{TextTower, Vocabulary};

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// ONNX Runtime's shared library is missing or is not one.
    #[error(
        "ONNX Runtime cannot be loaded from {}: {reason}; `make setup` fetches it, or set \
         `onnxruntime` in semfs.toml to a libonnxruntime.so of version 1.24 or newer",
        path.display()
    )]
    Runtime {
        /// The library that was tried.
        path: PathBuf,
        /// The loader's words.
        reason: String,
    },
    /// A file of the model cannot be read.
    #[error("{} of the model cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The manifest does not say what it must.
    #[error("{} is not a model manifest: {reason}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, with line and key.
        reason: String,
    },
    /// A file of the model is not the one that the manifest names.
    #[error(
        "{} has the hash {found}, and its manifest says {expected}: the file is damaged or \
         another version; fetch the model again",
        path.display()
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// SHA-256 in the manifest.
        expected: String,
        /// SHA-256 of the file.
        found: String,
    },
    /// A folder is no model of a known layout, or one that cannot be used.
    #[error("{}: {reason}", path.display())]
    Layout {
        /// The file or folder at fault.
        path: PathBuf,
        /// What was found there, and what was expected.
        reason: String,
    },
    /// The model loads but does not work as its manifest says.
    #[error("the model {} failed: {reason}", path.display())]
    Model {
        /// The ONNX file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
}

impl EmbedError {
    fn layout(path: &Path, reason: impl ToString) -> Self {
        Self::Layout {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    fn model(path: &Path, reason: impl ToString) -> Self {
        Self::Model {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Scales to unit length. `None` when there is no direction: zero, infinite, or no number.
fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_finite() || length < 1e-12 {
        return None;
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn unit_has_length_one_or_is_none() {
        let vector = unit(vec![3.0, 4.0]).unwrap();
        assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6);
        assert_eq!(unit(vec![0.0, 0.0]), None);
        assert_eq!(unit(vec![f32::NAN, 1.0]), None);
    }
}
