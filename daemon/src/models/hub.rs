//! What a hub tells of a repository: the commit of a revision, and the size and hash of each
//! file in it. Nothing that it says of paths is trusted.

use std::cell::OnceCell;

use super::client::HeaderMap;
use super::error::ModelError;
use super::hash::Expected;
use super::http::{Failure, Http};
use super::listing::{self, Answer, Told};
use super::origin::LockedFile;

/// The usual hub.
pub(super) const ENDPOINT: &str = "https://huggingface.co";

/// The revision that is meant where none is named, and that a hub tells of where none is asked for.
const MAIN: &str = "main";

/// A listing that is longer is not read.
const LONGEST_LISTING: u64 = 16 << 20;

/// Nor is one of more pages.
const MOST_PAGES: usize = 1000;

/// A repository of the hub, at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// `owner/name`.
    pub name: String,
    /// A branch, a tag or a commit.
    pub revision: String,
}

/// What is in a repository.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The commit of the revision, if the hub tells it.
    pub commit: Option<String>,
    pub files: Vec<Told>,
    /// The files once more as the hub's tree has them, if that was asked for.
    tree: OnceCell<Vec<Told>>,
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
        let (name, revision) = text.split_once('@').unwrap_or((text, MAIN));
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
        let revision = &self.repository.revision;
        let api = self.api();
        let mut questions = vec![format!("{api}/revision/{}", encoded(revision, false))];
        if revision == MAIN {
            questions.push(api);
        }
        for url in questions {
            let url = format!("{url}?blobs=true");
            match self.http.text(&url, LONGEST_LISTING) {
                Ok((headers, text)) => return self.understood(&url, &headers, &text),
                Err(Failure::Status(404)) => {}
                Err(failure) => return Err(failure.at(&url)),
            }
        }
        // A tree is a listing as well.
        let url = self.tree_address(&encoded(revision, false));
        match self.tree(&url) {
            Ok((headers, files)) => Ok(self.listed(listing::commit(&headers), files)),
            Err(Failure::Status(404)) => Err(ModelError::Unlisted {
                endpoint: self.endpoint.to_owned(),
                repository: self.repository.name.clone(),
                revision: revision.clone(),
            }),
            Err(failure) => Err(failure.at(&url)),
        }
    }

    fn understood(
        &self,
        url: &str,
        headers: &HeaderMap,
        text: &[u8],
    ) -> Result<Listing, ModelError> {
        let answer = Answer::parse(text)
            .map_err(|error| self.refused(format!("{url} is no answer of a hub ({error})")))?;
        let commits = [answer.commit, listing::commit(headers)].into_iter();
        let commit = commits.flatten().find(|commit| is_commit(commit));
        let mut listing = self.listed(commit, answer.files);
        if listing.files.is_empty() {
            listing.files = self.tree_of(&listing)?.to_vec();
        }
        Ok(listing)
    }

    fn listed(&self, commit: Option<String>, files: Vec<Told>) -> Listing {
        let revision = Some(self.repository.revision.clone());
        let mut commits = [commit, revision].into_iter().flatten();
        Listing {
            commit: commits.find(|commit| is_commit(commit)),
            files,
            tree: OnceCell::new(),
        }
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
        let mut told = told.clone();
        if !told.is_whole() {
            let tree = self.tree_of(listing)?;
            if let Some(other) = tree.iter().find(|file| file.path == path) {
                told.complete(other.clone());
            }
        }
        let addresses = self.addresses(listing, path);
        let failed = |failure: Failure| failure.at(&addresses[0]);
        if !told.is_whole() {
            let answers = first_found(&addresses, |url| self.http.told(url));
            told.complete(listing::headers(path, &answers.map_err(failed)?));
        }
        if told.size.is_none() {
            // Anybody may say that: what is trusted is the hash.
            let length = first_found(&addresses, |url| self.http.length(url));
            told.size = length.map_err(failed)?;
        }
        let Some(size) = told.size else {
            return Err(self.refused(format!("nobody tells the size of {path}")));
        };
        Ok(LockedFile {
            path: told.path,
            size,
            expected: told.expected.unwrap_or(Expected::Untold),
        })
    }

    /// Where a file lies: by the commit, and by the name of the revision, as some know no other.
    pub(super) fn addresses(&self, listing: &Listing, path: &str) -> Vec<String> {
        let (endpoint, name) = (self.endpoint, &self.repository.name);
        let path = encoded(path, true);
        let address = |revision| format!("{endpoint}/{name}/resolve/{revision}/{path}");
        self.revisions(listing).into_iter().map(address).collect()
    }

    /// The commit and the name of the revision, for addresses.
    fn revisions(&self, listing: &Listing) -> Vec<String> {
        let revision = encoded(&self.repository.revision, false);
        let mut revisions = Vec::from_iter(listing.commit.clone());
        if !revisions.contains(&revision) {
            revisions.push(revision);
        }
        revisions
    }

    fn api(&self) -> String {
        format!("{}/api/models/{}", self.endpoint, self.repository.name)
    }

    fn tree_address(&self, revision: &str) -> String {
        format!("{}/tree/{revision}?recursive=true", self.api())
    }

    /// The files of the repository by its tree, asked for once; none where there is no such.
    fn tree_of<'a>(&self, listing: &'a Listing) -> Result<&'a [Told], ModelError> {
        if let Some(tree) = listing.tree.get() {
            return Ok(tree);
        }
        let revisions = self.revisions(listing).into_iter();
        let urls: Vec<_> = revisions
            .map(|revision| self.tree_address(&revision))
            .collect();
        let tree = match first_found(&urls, |url| self.tree(url)) {
            Ok((_, files)) => files,
            // What it would tell must not be missed for a moment's failure.
            Err(failure) if failure.may_pass() => return Err(failure.at(&urls[0])),
            Err(Failure::Interrupted) => return Err(ModelError::Interrupted),
            Err(failure) => {
                tracing::debug!(url = urls[0], reason = failure.words(), "there is no tree");
                Vec::new()
            }
        };
        Ok(listing.tree.get_or_init(|| tree))
    }

    /// The files of all pages of a tree, and the headers of the first.
    fn tree(&self, url: &str) -> Result<(HeaderMap, Vec<Told>), Failure> {
        let mut url = url.to_owned();
        let mut room = LONGEST_LISTING;
        let (mut first, mut files) = (None, Vec::new());
        for _ in 0..MOST_PAGES {
            let (headers, text) = self.http.text(&url, room)?;
            room -= text.len() as u64;
            files.extend(listing::tree(&text).map_err(|error| {
                Failure::Impossible(format!("{url} is no answer of a hub ({error})"))
            })?);
            let next = listing::next_page(&headers).map(str::to_owned);
            let first = first.get_or_insert(headers);
            let Some(next) = next else {
                return Ok((std::mem::take(first), files));
            };
            url = self.http.own_address(&url, &next).ok_or_else(|| {
                Failure::Impossible(format!(
                    "{url} goes on at {next:?}, which is not at the hub"
                ))
            })?;
        }
        Err(Failure::Impossible(format!("{url} goes on and on")))
    }

    /// The repository cannot be pulled.
    pub(super) fn refused(&self, reason: String) -> ModelError {
        ModelError::Repository {
            repository: self.repository.name.clone(),
            reason,
        }
    }
}

/// What the first of some addresses has; each of the others only where those before have nothing.
pub(super) fn first_found<T>(
    urls: &[String],
    ask: impl Fn(&str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut found = Err(Failure::Status(404));
    for url in urls {
        found = ask(url);
        if !matches!(found, Err(Failure::Status(404))) {
            break;
        }
    }
    found
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|digit| digit.is_ascii_hexdigit())
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

    /// Has a hub asked for a repository; it is not there.
    fn at_hub(repository: &str, ask: impl FnOnce(&Hub<'_>)) {
        let repository = Repository::parse(repository).unwrap();
        let (network, stop) = (Network::default(), AtomicBool::new(false));
        let http = Http::new(&network, "http://h", &stop).unwrap();
        ask(&Hub {
            http: &http,
            endpoint: "http://h",
            repository: &repository,
        });
    }

    #[test]
    fn an_unsafe_path_is_refused_where_it_is_needed_and_nowhere_else() {
        let told = |path: &str| Told {
            path: path.to_owned(),
            size: Some(1),
            expected: Some(Expected::Git("0".repeat(40))),
        };
        let unsafe_path = "onnx/a.onnx_data/../../../x";
        let listing = Listing {
            files: vec![told(unsafe_path), told("a")],
            ..Listing::default()
        };
        at_hub("a/b", |hub| {
            assert!(hub.locked(&listing, "a").is_ok());
            let error = hub.locked(&listing, unsafe_path).unwrap_err().to_string();
            assert!(error.contains("no path inside a repository"), "{error}");
        });
    }

    #[test]
    fn addresses_are_encoded() {
        let listing = Listing {
            commit: Some("c".to_owned()),
            ..Listing::default()
        };
        at_hub("a/b@refs/pr/1", |hub| {
            assert_eq!(
                hub.addresses(&listing, "d e/f#?.onnx"),
                [
                    "http://h/a/b/resolve/c/d%20e/f%23%3F.onnx",
                    "http://h/a/b/resolve/refs%2Fpr%2F1/d%20e/f%23%3F.onnx"
                ]
            );
        });
    }
}
