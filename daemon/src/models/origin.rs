//! `semfs-model.lock` beside a model's files: where they came from, and what each was then.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use semfs_engine::embed::layout::Precision;
use serde::{Deserialize, Serialize};

use super::error::ModelError;
use super::hash::Expected;

/// The file in the model's folder.
pub(super) const NAME: &str = "semfs-model.lock";

const HEADER: &str = "\
# Where this model came from, and what its files were then. Written by semfs, which checks the
# files against it.
";

/// The version of the file's format.
const VERSION: u32 = 1;

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub precision: Precision,
    pub source: Source,
    pub files: Vec<LockedFile>,
}

/// Who had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A repository of a hub.
    Hub {
        endpoint: String,
        repository: String,
        revision: String,
        /// That of the revision then, if the hub told it.
        commit: Option<String>,
    },
    /// A folder of this machine.
    Folder(PathBuf),
}

/// A file of the model as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockedFile {
    pub path: String,
    pub size: u64,
    pub expected: Expected,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u32,
    precision: String,
    endpoint: Option<String>,
    repository: Option<String>,
    revision: Option<String>,
    commit: Option<String>,
    folder: Option<String>,
    #[serde(default)]
    file: Vec<RawFile>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: String,
    size: u64,
    sha256: Option<String>,
    git: Option<String>,
}

impl Origin {
    /// What the lock in a folder says; nothing if there is none. Or why it is not understood.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, String> {
        match fs::read_to_string(folder.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{NAME} cannot be read: {error}")),
            Ok(text) => match Self::parse(&text) {
                Ok(origin) => Ok(Some(origin)),
                Err(reason) => Err(format!("{NAME} is not understood: {reason}")),
            },
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if raw.version != VERSION {
            let version = raw.version;
            return Err(format!(
                "it has version {version}, and this semfs knows {VERSION}"
            ));
        }
        let source = match (raw.repository, raw.folder) {
            (Some(repository), _) => Source::Hub {
                endpoint: raw.endpoint.unwrap_or_default(),
                repository,
                revision: raw.revision.unwrap_or_default(),
                commit: raw.commit,
            },
            (_, Some(folder)) => Source::Folder(folder.into()),
            _ => return Err("it names neither a repository nor a folder".to_owned()),
        };
        let files = raw.file.into_iter().map(|file| {
            let expected = match (file.sha256, file.git) {
                (Some(hex), _) => Expected::Sha256(hex),
                (None, Some(hex)) => Expected::Git(hex),
                (None, None) => return Err(format!("{:?} has no hash", file.path)),
            };
            if !super::hub::is_safe(&file.path) {
                return Err(format!("{:?} is no path in this folder", file.path));
            }
            Ok(LockedFile {
                path: file.path,
                size: file.size,
                expected,
            })
        });
        Ok(Self {
            precision: raw.precision.parse()?,
            source,
            files: files.collect::<Result<_, _>>()?,
        })
    }

    /// Writes the lock into a folder, and syncs it.
    pub(super) fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let path = folder.join(NAME);
        let text = self
            .text()
            .map_err(|error| ModelError::disk(&path, "written")(error))?;
        let written = fs::write(&path, &text).and_then(|()| fs::File::open(&path)?.sync_all());
        written.map_err(|error| ModelError::write(folder, error, text.len() as u64))
    }

    fn text(&self) -> io::Result<String> {
        let mut raw = Raw {
            version: VERSION,
            precision: self.precision.to_string(),
            ..Raw::default()
        };
        match self.source.clone() {
            Source::Hub {
                endpoint,
                repository,
                revision,
                commit,
            } => {
                raw.endpoint = Some(endpoint);
                raw.repository = Some(repository);
                raw.revision = Some(revision);
                raw.commit = commit;
            }
            Source::Folder(folder) => raw.folder = Some(folder.to_string_lossy().into_owned()),
        }
        raw.file = self.files.iter().map(RawFile::from).collect();
        let written = toml::to_string(&raw).map_err(io::Error::other)?;
        Ok(format!("{HEADER}{written}"))
    }

    /// What is wrong with the files in a folder, by their sizes, or by their hashes as well.
    pub(super) fn fault(&self, folder: &Path, thoroughly: bool) -> Option<String> {
        self.files
            .iter()
            .find_map(|file| file.fault(folder, thoroughly))
    }

    /// All bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Where it came from, in a few words.
    pub(super) fn words(&self) -> String {
        match &self.source {
            Source::Hub {
                repository,
                revision,
                commit,
                ..
            } => {
                let short = commit.as_deref().and_then(|commit| commit.get(..12));
                format!("{repository}@{}", short.unwrap_or(revision))
            }
            Source::Folder(folder) => format!("imported from {}", folder.display()),
        }
    }
}

impl LockedFile {
    /// What is wrong with it, if anything.
    pub(super) fn fault(&self, folder: &Path, thoroughly: bool) -> Option<String> {
        let path = folder.join(&self.path);
        let shown = &self.path;
        let found = match fs::metadata(&path) {
            Ok(found) if found.is_file() => found.len(),
            Ok(_) => return Some(format!("{shown} is not a file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Some(format!("{shown} is missing"));
            }
            Err(error) => return Some(format!("{shown} cannot be read: {error}")),
        };
        if found != self.size {
            return Some(format!("{shown} has {found} bytes, not {}", self.size));
        }
        if !thoroughly {
            return None;
        }
        match self.expected.of(&path) {
            Ok(hex) if self.expected.is(&hex) => None,
            Ok(hex) => {
                let expected = self.expected.hex();
                Some(format!("{shown} has the hash {hex}, not {expected}"))
            }
            Err(error) => Some(format!("{shown} cannot be read: {error}")),
        }
    }
}

impl From<&LockedFile> for RawFile {
    fn from(file: &LockedFile) -> Self {
        let (sha256, git) = match &file.expected {
            Expected::Sha256(hex) => (Some(hex.clone()), None),
            Expected::Git(hex) => (None, Some(hex.clone())),
            Expected::Untold => (None, None),
        };
        Self {
            path: file.path.clone(),
            size: file.size,
            sha256,
            git,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(source: Source) -> Origin {
        Origin {
            precision: Precision::Int8,
            source,
            files: vec![LockedFile {
                path: "onnx/a \"b\".onnx".into(),
                size: 3,
                expected: Expected::Git("0".repeat(40)),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for source in [
            Source::Folder("/a/\u{1}\"b\n".into()),
            Source::Hub {
                endpoint: "https://hub".into(),
                repository: "a/b".into(),
                revision: "main".into(),
                commit: Some("1".repeat(40)),
            },
            Source::Hub {
                endpoint: "https://hub".into(),
                repository: "a/b".into(),
                revision: "main".into(),
                commit: None,
            },
        ] {
            let origin = origin(source);
            assert_eq!(Origin::parse(&origin.text().unwrap()), Ok(origin));
        }
    }

    #[test]
    fn files_are_held_against_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut origin = origin(Source::Folder("/a".into()));
        origin.files[0].path = "f".into();
        // `printf 'abc' | git hash-object --stdin`
        origin.files[0].expected = Expected::Git("f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f".into());
        let fault = |thoroughly| origin.fault(folder.path(), thoroughly).unwrap_or_default();
        assert!(fault(false).contains("missing"));
        fs::write(folder.path().join("f"), "ab").unwrap();
        assert!(fault(false).contains("2 bytes, not 3"));
        fs::write(folder.path().join("f"), "abd").unwrap();
        assert_eq!(fault(false), "");
        assert!(fault(true).contains("hash"));
        fs::write(folder.path().join("f"), "abc").unwrap();
        assert_eq!(fault(true), "");
    }

    #[test]
    fn a_lock_never_leads_out_of_its_folder() {
        let origin = origin(Source::Folder("/a".into()));
        let text = origin.text().unwrap().replace("onnx/a", "../../etc");
        assert!(Origin::parse(&text).unwrap_err().contains("no path"));
    }

    #[test]
    fn a_lock_of_a_later_semfs_is_not_taken_for_ours() {
        let text = origin(Source::Folder("/a".into())).text().unwrap();
        let text = text.replace("version = 1", "version = 2");
        assert!(Origin::parse(&text).unwrap_err().contains("version 2"));
    }
}
