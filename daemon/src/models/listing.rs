//! The answers in which a hub tells of a repository, and what each says of a file: its size and
//! its hash, where it does. Nothing that is said is trusted here; whether it will do is seen when
//! a file is needed.

use super::client::HeaderMap;
use super::client::header::{CONTENT_LENGTH, ETAG, LINK};
use super::hash::Expected;
use serde::Deserialize;

/// A file, as far as a hub tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub path: String,
    pub size: Option<u64>,
    pub expected: Option<Expected>,
}

impl Told {
    pub(super) fn is_whole(&self) -> bool {
        self.size.is_some() && self.expected.is_some()
    }

    /// Takes what it lacks from what is told of the same file elsewhere.
    pub(super) fn complete(&mut self, other: Self) {
        self.size = self.size.or(other.size);
        self.expected = self.expected.take().or(other.expected);
    }
}

/// What is answered of a repository at a revision.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// What it says that the commit is.
    pub commit: Option<String>,
    pub files: Vec<Told>,
}

#[derive(Deserialize)]
struct RawAnswer {
    sha: Option<String>,
    siblings: Option<Vec<Sibling>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

/// One of a tree: a file, or a folder.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    size: Option<u64>,
    oid: Option<String>,
    lfs: Option<Lfs>,
}

/// What is told of a file that is stored outside git. The hash has two names.
#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    oid: Option<String>,
    size: Option<u64>,
}

impl Answer {
    pub(super) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let raw: RawAnswer = serde_json::from_slice(text)?;
        let files = raw.siblings.into_iter().flatten();
        let files = files.map(|file| told(file.rfilename, file.size, file.blob_id, file.lfs));
        Ok(Self {
            commit: raw.sha,
            files: files.collect(),
        })
    }
}

/// The files of one page of a tree.
pub(super) fn tree(text: &[u8]) -> Result<Vec<Told>, serde_json::Error> {
    let entries: Vec<Entry> = serde_json::from_slice(text)?;
    let files = entries.into_iter().filter(|entry| entry.kind == "file");
    let files = files.map(|file| told(file.path, file.size, file.oid, file.lfs));
    Ok(files.collect())
}

/// What the headers of answers say of the file at `path`, the first answer before the others.
pub(super) fn headers(path: &str, answers: &[HeaderMap]) -> Told {
    let text = |answer: &HeaderMap, name: &str| Some(answer.get(name)?.to_str().ok()?.to_owned());
    let number = |answer: &HeaderMap, name: &str| text(answer, name)?.parse().ok();
    let hash = |answer: &HeaderMap, name: &str| {
        let tag = text(answer, name)?;
        let tag = tag.trim();
        Expected::parse(tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"'))
    };
    Told {
        path: path.to_owned(),
        size: answers.iter().find_map(|answer| {
            number(answer, "x-linked-size").or_else(|| number(answer, CONTENT_LENGTH.as_str()))
        }),
        expected: answers.iter().find_map(|answer| {
            // Stores of artifacts tell the second; their `ETag` is a SHA-1, and none of git's.
            let told = ["x-linked-etag", "x-checksum-sha256", ETAG.as_str()];
            told.iter().find_map(|name| hash(answer, name))
        }),
    }
}

/// The commit that the headers of an answer name.
pub(super) fn commit(headers: &HeaderMap) -> Option<String> {
    let commit = headers.get("x-repo-commit")?.to_str().ok()?;
    Some(commit.to_owned())
}

/// Where a listing goes on: `<address>; rel="next"`.
pub(super) fn next_page(headers: &HeaderMap) -> Option<&str> {
    let links = headers.get_all(LINK).into_iter();
    let links = links.filter_map(|value| value.to_str().ok());
    let mut links = links.flat_map(|value| value.split('<').skip(1));
    links.find_map(|link| {
        let (address, rest) = link.split_once('>')?;
        let mut words = rest.split([';', ',', ' ']);
        words
            .any(|word| ["rel=\"next\"", "rel=next"].contains(&&*word.to_lowercase()))
            .then_some(address)
    })
}

/// The name in git of a file that is stored outside it is that of a pointer, and says nothing of
/// the file.
fn told(path: String, size: Option<u64>, blob: Option<String>, lfs: Option<Lfs>) -> Told {
    let Some(lfs) = lfs else {
        return Told {
            path,
            size,
            expected: blob.and_then(|hex| Expected::parse(&hex).filter(Expected::is_git)),
        };
    };
    let hashes = [lfs.sha256, lfs.oid].into_iter().flatten();
    let mut hashes = hashes.filter_map(|hex| Expected::parse(&hex));
    Told {
        path,
        size: lfs.size.or(size),
        expected: hashes.find(|hash| !hash.is_git()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::header::HeaderName;
    use super::*;

    fn files(siblings: &str) -> Vec<Told> {
        let text = format!(r#"{{"sha": "x", "siblings": [{siblings}]}}"#);
        Answer::parse(text.as_bytes()).unwrap().files
    }

    #[test]
    fn the_hash_of_a_pointer_is_never_taken_for_that_of_the_file() {
        let (git, sha256) = ("1".repeat(40), "2".repeat(64));
        for (lfs, expected) in [
            (format!(r#"{{"sha256": "{sha256}"}}"#), Some(&sha256)),
            (format!(r#"{{"oid": "{sha256}"}}"#), Some(&sha256)),
            (format!(r#"{{"oid": "sha256:{sha256}"}}"#), Some(&sha256)),
            (format!(r#"{{"sha256": null, "oid": "{git}"}}"#), None),
            ("{}".to_owned(), None),
        ] {
            let text = format!(r#"{{"rfilename": "f", "blobId": "{git}", "lfs": {lfs}}}"#);
            let expected = expected.cloned().map(Expected::Sha256);
            assert_eq!(files(&text)[0].expected, expected, "{lfs}");
        }
        let text = format!(r#"{{"rfilename": "f", "blobId": "{git}", "lfs": null}}"#);
        assert_eq!(files(&text)[0].expected, Expected::parse(&git));
        // Of a repository whose git has another hash.
        let text = format!(r#"{{"rfilename": "f", "blobId": "{sha256}"}}"#);
        assert_eq!(files(&text)[0].expected, None);
        let text = format!(
            r#"[{{"type": "directory", "path": "d", "oid": "{git}"}},
                {{"type": "file", "path": "f", "oid": "{git}", "size": 3,
                  "lfs": {{"oid": "{sha256}", "size": 5, "pointerSize": 3}}}}]"#
        );
        let told = Told {
            path: "f".to_owned(),
            size: Some(5),
            expected: Some(Expected::Sha256(sha256)),
        };
        assert_eq!(tree(text.as_bytes()).unwrap(), [told]);
    }

    fn answer(headers: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        headers.iter().map(pair).collect()
    }

    #[test]
    fn the_headers_of_the_first_answer_that_tells_hold() {
        let (git, sha256) = ("1".repeat(40), "2".repeat(64));
        let linked = [
            answer(&[
                ("etag", "W/\"5d8c72a5edda8d6a-6\""),
                ("x-linked-etag", &format!("\"{sha256}\"")),
                ("x-linked-size", "7"),
            ]),
            answer(&[("etag", &format!("\"{git}\"")), ("content-length", "9")]),
        ];
        let told = headers("f", &linked);
        assert_eq!(told.size, Some(7));
        assert_eq!(told.expected, Some(Expected::Sha256(sha256)));
        let weak = answer(&[("etag", &format!("W/\"{git}\"")), ("content-length", "9")]);
        let told = headers("f", &[answer(&[("etag", "\"1-2\"")]), weak]);
        assert_eq!(
            (told.size, told.expected),
            (Some(9), Some(Expected::Git(git.clone())))
        );
        // A SHA-1 of the bytes looks like one of git's.
        let sha256 = "2".repeat(64);
        let told = headers(
            "f",
            &[answer(&[("etag", &git), ("x-checksum-sha256", &sha256)])],
        );
        assert_eq!(told.expected, Some(Expected::Sha256(sha256)));
    }

    #[test]
    fn a_listing_goes_on_where_a_link_says_next() {
        let link = |value| next_page(&answer(&[("link", value)])).map(str::to_owned);
        assert_eq!(
            link("<http://h/?a,b;c>; rel=\"next\"").unwrap(),
            "http://h/?a,b;c"
        );
        assert_eq!(link("<p>; rel=\"prev\", <n>;REL=next").unwrap(), "n");
        assert_eq!(link("<p>; rel=\"prev\", <n>; rel=\"last\""), None);
    }
}
