//! The answers in which a hub lists a repository, and what each says of a file: its size and its
//! hash, where it does. Nothing that is said is trusted here; whether it will do is seen when a
//! file is needed.

use serde::Deserialize;

use super::hash::Expected;

/// A file, as far as a hub tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub path: String,
    pub size: Option<u64>,
    pub expected: Option<Expected>,
}

/// What is answered of a repository at a revision.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub commit: String,
    pub files: Vec<Told>,
}

#[derive(Deserialize)]
struct RawAnswer {
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
        let files = raw.siblings.into_iter();
        let files = files.map(|file| told(file.rfilename, file.size, file.blob_id, file.lfs));
        Ok(Self {
            commit: raw.sha,
            files: files.collect(),
        })
    }
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
        assert_eq!(files(&text)[0].expected, Some(Expected::Git(git)));
        // Of a repository whose git has another hash.
        let text = format!(r#"{{"rfilename": "f", "blobId": "{sha256}"}}"#);
        assert_eq!(files(&text)[0].expected, None);
    }
}
