//! The manifest of a model: `manifest.toml` in the model's folder.
//!
//! Another model is another manifest. The format is described key by key in
//! `models/README.md`.

use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::EmbedError;
use super::files;
use crate::media::{Filter, Fit, Preparation};

/// The file that makes a folder a model.
pub(super) const MANIFEST: &str = "manifest.toml";

/// The largest input side: four times that of any published tower of this kind.
pub(super) const LARGEST_SIZE: u32 = 2048;

/// Ids of a text at most.
pub(super) const LONGEST_TEXT: usize = 1024;

/// Vectors longer than this are refused.
const LARGEST_DIMENSION: usize = 4096;

/// Pictures that go through an image tower together.
const LARGEST_BATCH: usize = 8;

/// Bytes of one batch as the tower sees it: eight pictures of 256 pixels. What a tower needs
/// besides is some times that.
const BATCH_BYTES: usize = 6 << 20;

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
    #[serde(default)]
    pub data: Vec<DataFile>,
    pub input: String,
    pub output: String,
    pub size: u32,
    pub fit: Fit,
    /// Missing: as `size`.
    pub resize: Option<u32>,
    #[serde(default)]
    pub filter: Filter,
    /// Missing: 2.
    pub oversampling: Option<u32>,
    pub scale: f32,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextSection {
    pub file: PathBuf,
    pub sha256: String,
    #[serde(default)]
    pub data: Vec<DataFile>,
    pub input: String,
    pub attention: Option<String>,
    #[serde(default)]
    pub attends: Attends,
    pub output: String,
    pub length: usize,
    #[serde(default)]
    pub fill: Fill,
    #[serde(default)]
    pub padding: i64,
}

/// Weights of a tower that lie in a file of their own.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataFile {
    pub file: PathBuf,
    pub sha256: String,
}

/// Which ids a tower that wants to be told is told to look at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Attends {
    /// The text's.
    #[default]
    Text,
    /// All, those that it was filled up with as well.
    All,
}

/// Where a text that is shorter than the tower's length is filled up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fill {
    /// After its last id.
    #[default]
    Right,
    /// Before its first.
    Left,
    /// It is not: the tower takes texts of any length.
    None,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenizerSection {
    pub kind: TokenizerKind,
    pub file: PathBuf,
    pub sha256: String,
    #[serde(default)]
    pub clean: Clean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TokenizerKind {
    WordPieces,
    HuggingFace,
}

/// What is done to a text before it is cut into pieces.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Clean {
    /// Nothing.
    #[default]
    None,
    /// It is lower-cased.
    LowerCase,
    /// White space becomes single spaces.
    Spaces,
    /// Without punctuation, lower-cased, with single spaces.
    Canonical,
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

    /// What is done to a picture before the image tower sees it.
    #[must_use]
    pub fn preparation(&self) -> Preparation {
        let image = &self.manifest.image;
        let plain = Preparation::plain(image.size, image.fit);
        Preparation {
            resize: image.resize.unwrap_or(plain.resize),
            filter: image.filter,
            oversampling: image.oversampling.unwrap_or(plain.oversampling),
            ..plain
        }
    }

    /// How many pictures the image tower best sees at a time, 1 or more. More gain nothing
    /// on a CPU, and those of large towers take much memory.
    #[must_use]
    pub fn batch(&self) -> usize {
        let size = self.manifest.image.size as usize;
        (BATCH_BYTES / (size * size * 3 * size_of::<f32>())).clamp(1, LARGEST_BATCH)
    }

    /// The files that it consists of, within its folder, without the manifest.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.named().map(|(file, _)| file.clone()).collect()
    }

    /// Reads all files and compares them with their hashes in the manifest.
    ///
    /// # Errors
    /// Names the first that is missing or another one.
    pub fn verify(&self) -> Result<(), EmbedError> {
        self.named()
            .try_for_each(|(file, sha256)| files::check(&self.path(file), sha256))
    }

    fn named(&self) -> impl Iterator<Item = (&PathBuf, &str)> {
        let Manifest {
            image,
            text,
            tokenizer,
            ..
        } = &self.manifest;
        let towers = [
            (&image.file, image.sha256.as_str()),
            (&text.file, text.sha256.as_str()),
            (&tokenizer.file, tokenizer.sha256.as_str()),
        ];
        let data = image.data.iter().chain(&text.data);
        towers
            .into_iter()
            .chain(data.map(|data| (&data.file, data.sha256.as_str())))
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

    fn path(&self, file: &Path) -> PathBuf {
        self.folder.join(file)
    }

    /// Where a tower lies, once it and its weights are known to be those that were meant.
    pub(super) fn tower(
        &self,
        (file, sha256): (&Path, &str),
        data: &[DataFile],
    ) -> Result<PathBuf, EmbedError> {
        let path = self.path(file);
        files::verify(&path, sha256)?;
        for data in data {
            files::verify(&self.path(&data.file), &data.sha256)?;
        }
        Ok(path)
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
        } else if !(image.size..=LARGEST_SIZE).contains(&image.resize.unwrap_or(image.size)) {
            format!("image.resize must be from image.size to {LARGEST_SIZE}")
        } else if !(1..=1000).contains(&image.oversampling.unwrap_or(1)) {
            "image.oversampling must be from 1 to 1000".to_owned()
        } else if !image.std.iter().all(|std| *std > 0.0) {
            "image.std must be positive".to_owned()
        } else if !(1..=LONGEST_TEXT).contains(&manifest.text.length) {
            format!("text.length must be from 1 to {LONGEST_TEXT}")
        } else {
            manifest.is_within_its_folder()?;
            return Ok(manifest);
        };
        Err(wrong)
    }

    /// Refuses files of other folders: a manifest may come from strangers.
    fn is_within_its_folder(&self) -> Result<(), String> {
        let (image, text) = (&self.image, &self.text);
        let data = image.data.iter().chain(&text.data).map(|data| &data.file);
        let mut named = [&image.file, &text.file, &self.tokenizer.file]
            .into_iter()
            .chain(data);
        let is_within = |file: &Path| {
            let mut parts = file.components();
            file.file_name().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
        };
        match named.find(|file| !is_within(file)) {
            Some(file) => Err(format!("{} is not within its folder", file.display())),
            None => Ok(()),
        }
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
        // What manifests could not say at first adds to it only where it says something, so
        // that the vectors of the models that there were are still theirs.
        let more = (
            (
                (image.resize, image.filter, image.oversampling),
                hashes(&image.data),
            ),
            (hashes(&text.data), text.fill, text.padding),
            (text.attention.is_some(), tokenizer.clean),
        );
        let plain = (
            ((None, Filter::Bilinear, None), Vec::new()),
            (Vec::new(), Fill::Right, 0),
            (false, Clean::None),
        );
        if more != plain || tokenizer.kind != TokenizerKind::WordPieces {
            // Of a tower with several outputs, another is another model.
            let all = (more, &image.output, &text.output);
            hasher.update(&postcard::to_stdvec(&all).unwrap_or_default());
        }
        if text.attends != Attends::Text {
            hasher.update(b"attends all");
        }
        Fingerprint(*hasher.finalize().as_bytes())
    }
}

fn hashes(data: &[DataFile]) -> Vec<&str> {
    data.iter().map(|data| data.sha256.as_str()).collect()
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&files::hex(&self.0[..8]))
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
        assert_eq!((manifest.dimension, manifest.image.size), (256, 144));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = Manifest::parse(&MINI.replace("size = 144", "sise = 144")).unwrap_err();
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
    fn every_new_key_is_part_of_the_fingerprint() {
        let old = Manifest::parse(MINI).unwrap().fingerprint();
        let mut seen = vec![old];
        for (from, to) in [
            ("size = 144", "size = 144\nfilter = \"bicubic\""),
            ("size = 144", "size = 144\nresize = 160"),
            ("size = 144", "size = 144\noversampling = 4"),
            ("length = 24", "length = 24\npadding = 1"),
            ("length = 24", "length = 24\nfill = \"left\""),
            ("length = 24", "length = 24\nfill = \"none\""),
            ("length = 24", "length = 24\nattention = \"mask\""),
            (
                "length = 24",
                "length = 24\nattention = \"mask\"\nattends = \"all\"",
            ),
            ("word-pieces\"", "hugging-face\""),
            ("word-pieces\"", "word-pieces\"\nclean = \"canonical\""),
            (
                "fit = ",
                "data = [{ file = \"a.data\", sha256 = \"ab\" }]\nfit = ",
            ),
        ] {
            let changed = Manifest::parse(&MINI.replace(from, to)).unwrap();
            let fingerprint = changed.fingerprint();
            assert!(!seen.contains(&fingerprint), "{to}");
            seen.push(fingerprint);
        }
    }

    #[test]
    fn what_is_not_said_is_as_it_always_was() {
        let plain = MINI
            .replace("size = 144", "size = 144\nfilter = \"bilinear\"")
            .replace("length = 24", "length = 24\nfill = \"right\"\npadding = 0");
        let (old, new) = (Manifest::parse(MINI), Manifest::parse(&plain));
        assert_eq!(old.unwrap().fingerprint(), new.unwrap().fingerprint());
    }

    #[test]
    fn impossible_values_are_refused() {
        for (from, to) in [
            ("file = \"image_q8.onnx\"", "file = \"../image_q8.onnx\""),
            ("file = \"vocab.json\"", "file = \"/etc/passwd\""),
            ("size = 144", "size = 144\nresize = 143"),
            ("dimension = 256", "dimension = 0"),
            ("size = 144", "size = 100000"),
            ("std = [1.0, 1.0, 1.0]", "std = [1.0, 0.0, 1.0]"),
        ] {
            assert!(Manifest::parse(&MINI.replace(from, to)).is_err(), "{to}");
        }
    }
}
