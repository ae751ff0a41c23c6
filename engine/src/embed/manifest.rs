//! The manifest of a model: `manifest.toml` in the model's folder.
//!
//! Another model is another manifest. The format is described key by key in
//! `models/README.md`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::EmbedError;
use crate::media::Fit;

/// The file that makes a folder a model.
const MANIFEST: &str = "manifest.toml";

/// The largest input side: four times that of any published tower of this kind.
const LARGEST_SIZE: u32 = 2048;

/// Vectors longer than this are refused.
const LARGEST_DIMENSION: usize = 4096;

/// A model: what its manifest says, and where its files are. Nothing is loaded yet.
#[derive(Debug, Clone)]
pub struct Model {
    folder: PathBuf,
    manifest: Manifest,
    fingerprint: Fingerprint,
}

/// What a vector knows of the model that made it: equal fingerprints mean vectors that
/// may be compared. It covers the weights, the vocabulary and the preprocessing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    name: String,
    version: u32,
    dimension: usize,
    image: ImageSection,
    text: TextSection,
    tokenizer: TokenizerSection,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageSection {
    pub file: PathBuf,
    pub sha256: String,
    pub input: String,
    pub output: String,
    pub size: u32,
    pub fit: Fit,
    pub scale: f32,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextSection {
    pub file: PathBuf,
    pub sha256: String,
    pub input: String,
    pub output: String,
    pub length: usize,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenizerSection {
    pub kind: TokenizerKind,
    pub file: PathBuf,
    pub sha256: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TokenizerKind {
    WordPieces,
}

impl Model {
    /// Reads the manifest in `folder`.
    ///
    /// # Errors
    /// When it is missing or does not say what it must; line and key are named.
    pub fn read(folder: &Path) -> Result<Self, EmbedError> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|source| EmbedError::Read {
            path: path.clone(),
            source,
        })?;
        let manifest = Manifest::parse(&text).map_err(|reason| EmbedError::Manifest {
            path: path.clone(),
            reason,
        })?;
        let fingerprint = manifest.fingerprint();
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            fingerprint,
        })
    }

    /// The folder that it was read from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether `folder` has a manifest.
    #[must_use]
    pub fn is_model(folder: &Path) -> bool {
        folder.join(MANIFEST).is_file()
    }

    /// The model's name and version, for people.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.manifest.name, self.manifest.version)
    }

    /// Length of its vectors.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.manifest.dimension
    }

    /// The identity of its vectors.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Width and height in pixels of what the image tower sees.
    #[must_use]
    pub fn image_size(&self) -> u32 {
        self.manifest.image.size
    }

    /// How a picture gets to that size.
    #[must_use]
    pub fn image_fit(&self) -> Fit {
        self.manifest.image.fit
    }

    pub(super) fn image(&self) -> &ImageSection {
        &self.manifest.image
    }

    pub(super) fn text(&self) -> &TextSection {
        &self.manifest.text
    }

    pub(super) fn tokenizer(&self) -> &TokenizerSection {
        &self.manifest.tokenizer
    }

    /// Where a file of the model lies.
    pub(super) fn path(&self, file: &Path) -> PathBuf {
        self.folder.join(file)
    }

    /// Reads a file of the model whole and checks that it is the one that was meant.
    pub(super) fn read_file(&self, file: &Path, sha256: &str) -> Result<Vec<u8>, EmbedError> {
        let path = self.path(file);
        let bytes = fs::read(&path).map_err(|source| EmbedError::Read {
            path: path.clone(),
            source,
        })?;
        let found = hex(&Sha256::digest(&bytes));
        if !found.eq_ignore_ascii_case(sha256) {
            return Err(EmbedError::Hash {
                path,
                expected: sha256.to_owned(),
                found,
            });
        }
        Ok(bytes)
    }
}

impl Manifest {
    fn parse(text: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let image = &manifest.image;
        let wrong = if !(1..=LARGEST_DIMENSION).contains(&manifest.dimension) {
            format!("dimension must be from 1 to {LARGEST_DIMENSION}")
        } else if !(1..=LARGEST_SIZE).contains(&image.size) {
            format!("image.size must be from 1 to {LARGEST_SIZE}")
        } else if !image.std.iter().all(|std| *std > 0.0) {
            "image.std must be positive".to_owned()
        } else if !(1..=1024).contains(&manifest.text.length) {
            "text.length must be from 1 to 1024".to_owned()
        } else {
            return Ok(manifest);
        };
        Err(wrong)
    }

    /// Everything that a vector depends on, and no name or place of a file.
    fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_derive_key("semfs model fingerprint 1");
        let Self {
            dimension,
            image,
            text,
            tokenizer,
            ..
        } = self;
        let parts = (
            (dimension, &image.sha256, image.size, image.fit),
            (image.scale, image.mean, image.std),
            (&text.sha256, text.length),
            (tokenizer.kind, &tokenizer.sha256),
        );
        // Writing plain values into a buffer that grows cannot fail; an empty
        // description would only make two models look alike that both have none.
        let description = postcard::to_stdvec(&parts).unwrap_or_default();
        hasher.update(&description);
        Fingerprint(*hasher.finalize().as_bytes())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0[..8]))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINI: &str = include_str!("../../../models/mini/manifest.toml");

    #[test]
    fn the_default_model_is_described() {
        let manifest = Manifest::parse(MINI).unwrap();
        assert_eq!((manifest.dimension, manifest.image.size), (256, 96));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = Manifest::parse(&MINI.replace("size = 96", "sise = 96")).unwrap_err();
        assert!(error.contains("sise") && error.contains("line"), "{error}");
    }

    #[test]
    fn fingerprint_follows_what_vectors_depend_on_and_nothing_else() {
        let fingerprint = |text: &str| Manifest::parse(text).unwrap().fingerprint();
        let renamed = MINI.replace("semfs-mini", "another-name");
        let normalised = MINI.replace("scale = 1.0", "scale = 0.5");
        assert_eq!(fingerprint(MINI), fingerprint(&renamed));
        assert_ne!(fingerprint(MINI), fingerprint(&normalised));
    }

    #[test]
    fn impossible_values_are_refused() {
        for (from, to) in [
            ("dimension = 256", "dimension = 0"),
            ("size = 96", "size = 100000"),
            ("std = [1.0, 1.0, 1.0]", "std = [1.0, 0.0, 1.0]"),
        ] {
            assert!(Manifest::parse(&MINI.replace(from, to)).is_err(), "{to}");
        }
    }
}
