//! What a hub tells of a repository: the commit of a revision, and the size and hash of each
//! file in it. Nothing that it says of paths is trusted.

use std::io::Read;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::error::ModelError;
use super::hash::Expected;
use super::http::{Failure, Http, io_words};
use super::origin::LockedFile;

/// The usual hub.
pub(super) const ENDPOINT: &str = "https://huggingface.co";

/// A listing that is longer is not read.
const LONGEST_LISTING: u64 = 16 << 20;

/// How often a question is asked before it is given up.
pub(super) const ATTEMPTS: u32 = 4;

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
    pub files: Vec<LockedFile>,
}

#[derive(Deserialize)]
struct Answer {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
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

/// What is in `repository`, by the word of the hub at `endpoint`.
pub(super) fn listing(
    http: &Http,
    endpoint: &str,
    repository: &Repository,
) -> Result<Listing, ModelError> {
    let Repository { name, revision } = repository;
    let revision = encoded(revision, false);
    let url = format!("{endpoint}/api/models/{name}/revision/{revision}?blobs=true");
    let text = text(http, &url).map_err(|failure| ModelError::Hub {
        url: url.clone(),
        reason: failure.words(),
    })?;
    let refused = |reason: String| ModelError::Repository {
        repository: name.clone(),
        reason,
    };
    let answer: Answer = serde_json::from_slice(&text)
        .map_err(|error| refused(format!("{url} is no answer of a hub ({error})")))?;
    if answer.sha.len() != 40 || !answer.sha.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(refused(format!("{:?} is no commit", answer.sha)));
    }
    let files = answer.siblings.into_iter().map(|sibling| {
        let path = sibling.rfilename;
        if !is_safe(&path) {
            return Err(refused(format!(
                "it lists {path:?}, which is no path inside a repository"
            )));
        }
        let size = sibling
            .lfs
            .as_ref()
            .and_then(|lfs| lfs.size)
            .or(sibling.size);
        let sha256 = sibling.lfs.and_then(|lfs| lfs.sha256);
        let expected = sha256
            .map(Expected::Sha256)
            .or(sibling.blob_id.map(Expected::Git));
        match (size, expected) {
            (Some(size), Some(expected)) if expected.is_valid() => Ok(LockedFile {
                path,
                size,
                expected,
            }),
            _ => Err(refused(format!("the hub tells no size and hash of {path}"))),
        }
    });
    Ok(Listing {
        commit: answer.sha,
        files: files.collect::<Result<_, _>>()?,
    })
}

/// Where a file of a commit lies.
pub(super) fn address(endpoint: &str, repository: &str, commit: &str, path: &str) -> String {
    let path = encoded(path, true);
    format!("{endpoint}/{repository}/resolve/{commit}/{path}")
}

fn text(http: &Http, url: &str) -> Result<Vec<u8>, Failure> {
    let mut attempt = 1;
    loop {
        let got = http.get(url, 0).and_then(|answer| {
            let mut text = Vec::new();
            let read = answer.body.take(LONGEST_LISTING + 1).read_to_end(&mut text);
            read.map_err(|error| Failure::Connection(io_words(&error)))?;
            match text.len() as u64 {
                0..=LONGEST_LISTING => Ok(text),
                _ => Err(Failure::Impossible("its answer has no end".to_owned())),
            }
        });
        match got {
            Err(failure) if failure.may_pass() && attempt < ATTEMPTS => {
                tracing::debug!(attempt, url, reason = failure.words(), "asking again");
                wait(attempt);
                attempt += 1;
            }
            other => return other,
        }
    }
}

/// Waits before another attempt, longer each time.
pub(super) fn wait(attempt: u32) {
    thread::sleep(Duration::from_millis(250 << attempt.min(5)));
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
    use super::*;

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
    fn addresses_are_encoded() {
        assert_eq!(
            address("https://h", "a/b", "c", "d e/f#?.onnx"),
            "https://h/a/b/resolve/c/d%20e/f%23%3F.onnx"
        );
        assert_eq!(encoded("refs/pr/1", false), "refs%2Fpr%2F1");
    }
}
