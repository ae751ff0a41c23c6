//! What a hub tells of a repository: the commit of a revision, and the size and hash of each
//! file in it. Nothing that it says of paths is trusted.

use super::error::ModelError;
use super::http::Http;
use super::listing::{Answer, Told};
use super::origin::LockedFile;

/// The usual hub.
pub(super) const ENDPOINT: &str = "https://huggingface.co";

/// A listing that is longer is not read.
const LONGEST_LISTING: u64 = 16 << 20;

/// A repository of the hub, at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// `owner/name`.
    pub name: String,
    /// A branch, a tag or a commit.
    pub revision: String,
}

/// What is in a repository.
#[derive(Debug)]
pub(super) struct Listing {
    pub commit: String,
    pub files: Vec<Told>,
}

/// A repository of a hub, to be asked about.
pub(super) struct Hub<'a> {
    pub http: &'a Http<'a>,
    pub endpoint: &'a str,
    pub repository: &'a Repository,
}

impl Repository {
    /// `owner/name` or `owner/name@revision`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, revision) = text.split_once('@').unwrap_or((text, "main"));
        let (owner, own) = name.split_once('/')?;
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.starts_with('.')
                && word
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
        };
        (is_word(owner) && is_word(own) && !revision.is_empty()).then(|| Self {
            name: name.to_owned(),
            revision: revision.to_owned(),
        })
    }
}

impl Hub<'_> {
    /// What is in the repository.
    pub(super) fn listing(&self) -> Result<Listing, ModelError> {
        let Repository { name, revision } = self.repository;
        let revision = encoded(revision, false);
        let endpoint = self.endpoint;
        let url = format!("{endpoint}/api/models/{name}/revision/{revision}?blobs=true");
        let text = self.http.text(&url, LONGEST_LISTING);
        let (_, text) = text.map_err(|failure| failure.at(&url))?;
        let answer = Answer::parse(&text)
            .map_err(|error| self.refused(format!("{url} is no answer of a hub ({error})")))?;
        if answer.commit.len() != 40 || !answer.commit.bytes().all(|d| d.is_ascii_hexdigit()) {
            return Err(self.refused(format!("{:?} is no commit", answer.commit)));
        }
        Ok(Listing {
            commit: answer.commit,
            files: answer.files,
        })
    }

    /// A file that is needed, as it must be. Only of those is all asked that there is to know: a
    /// repository may have others that nobody could fetch.
    pub(super) fn locked(&self, listing: &Listing, path: &str) -> Result<LockedFile, ModelError> {
        let told = listing.files.iter().find(|file| file.path == path);
        let told = told.ok_or_else(|| self.refused(format!("{path} is not in it")))?;
        if !is_safe(path) {
            return Err(self.refused(format!(
                "it lists {path:?}, which is no path inside a repository"
            )));
        }
        match (told.size, told.expected.clone()) {
            (Some(size), Some(expected)) => Ok(LockedFile {
                path: path.to_owned(),
                size,
                expected,
            }),
            _ => Err(self.refused(format!("the hub tells no size and hash of {path}"))),
        }
    }

    /// Where a file of a commit lies.
    pub(super) fn address(&self, commit: &str, path: &str) -> String {
        address(self.endpoint, &self.repository.name, commit, path)
    }

    /// The repository cannot be pulled.
    pub(super) fn refused(&self, reason: String) -> ModelError {
        ModelError::Repository {
            repository: self.repository.name.clone(),
            reason,
        }
    }
}

fn address(endpoint: &str, repository: &str, commit: &str, path: &str) -> String {
    let path = encoded(path, true);
    format!("{endpoint}/{repository}/resolve/{commit}/{path}")
}

/// Whether a path leads to a file in the folder that it is put below, whoever wrote it.
pub(super) fn is_safe(path: &str) -> bool {
    const LONGEST: usize = 1024;
    const LONGEST_NAME: usize = 255;
    (1..=LONGEST).contains(&path.len())
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
        && path
            .split('/')
            .all(|name| (1..=LONGEST_NAME).contains(&name.len()) && name != "." && name != "..")
}

/// A path as a part of an address; its `/` as they are, or encoded as well.
fn encoded(path: &str, keep_slashes: bool) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            b'/' if keep_slashes => encoded.push('/'),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::super::hash::Expected;
    use super::*;
    use crate::environment::Network;

    #[test]
    fn a_repository_has_an_owner_a_name_and_perhaps_a_revision() {
        let parsed = Repository::parse("immich-app/ViT-B-32__openai").unwrap();
        assert_eq!(parsed.revision, "main");
        let parsed = Repository::parse("a/b@refs/pr/1").unwrap();
        assert_eq!((&*parsed.name, &*parsed.revision), ("a/b", "refs/pr/1"));
        for wrong in [
            "clip", "/b", "a/", "a/b/c", "../b", "a/b@", "a b/c", "a/..", "a?/b",
        ] {
            assert_eq!(Repository::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn paths_of_a_server_stay_below_the_folder() {
        for safe in [
            "config.json",
            "onnx/vision_model.onnx",
            ".gitattributes",
            "a..b",
        ] {
            assert!(is_safe(safe), "{safe}");
        }
        let long = "x".repeat(256);
        for unsafe_path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "a\nb",
            "a\0b",
            &long,
        ] {
            assert!(!is_safe(unsafe_path), "{unsafe_path:?}");
        }
    }

    #[test]
    fn an_unsafe_path_is_refused_where_it_is_needed_and_nowhere_else() {
        let repository = Repository::parse("a/b").unwrap();
        let (network, stop) = (Network::default(), AtomicBool::new(false));
        let http = Http::new(&network, "http://h", &stop).unwrap();
        let hub = Hub {
            http: &http,
            endpoint: "http://h",
            repository: &repository,
        };
        let told = |path: &str| Told {
            path: path.to_owned(),
            size: Some(1),
            expected: Some(Expected::Git("0".repeat(40))),
        };
        let unsafe_path = "onnx/a.onnx_data/../../../x";
        let listing = Listing {
            commit: "0".repeat(40),
            files: vec![told(unsafe_path), told("a")],
        };
        assert!(hub.locked(&listing, "a").is_ok());
        let error = hub.locked(&listing, unsafe_path).unwrap_err().to_string();
        assert!(error.contains("no path inside a repository"), "{error}");
    }

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(
            address("https://h", "a/b", "c", "d e/f#?.onnx"),
            "https://h/a/b/resolve/c/d%20e/f%23%3F.onnx"
        );
        assert_eq!(encoded("refs/pr/1", false), "refs%2Fpr%2F1");
    }
}
