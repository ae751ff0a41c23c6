//! What the hub of the tests tells of a repository: its listing, its tree and its headers.

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{COMMIT, Manner, Repository};

/// Files on a page of the tree.
const PAGE: usize = 2;

/// The answer to a question below `/api/models/NAME`: headers and text, or that there is none.
pub(super) fn answer(
    manners: &[Manner],
    repository: &Repository,
    endpoint: &str,
    path: &str,
) -> Option<(String, String)> {
    let has = |manner| manners.contains(&manner);
    if path.contains("/tree/") {
        let has_tree = has(Manner::Tree) || has(Manner::TreeOnly);
        return has_tree.then(|| tree(repository, endpoint, path));
    }
    let is_revision = path.contains("/revision/");
    if has(Manner::TreeOnly) || has(Manner::Unlisted) || is_revision && has(Manner::NoRevision) {
        return None;
    }
    let mut headers = String::new();
    if has(Manner::Compressed) {
        headers += "Content-Encoding: gzip\r\n";
    }
    if has(Manner::CommitInHeader) {
        headers += &format!("X-Repo-Commit: {COMMIT}\r\n");
    }
    Some((headers, listing(manners, repository)))
}

fn listing(manners: &[Manner], repository: &Repository) -> String {
    let files = repository.iter().map(|(path, (bytes, is_large))| {
        let is_silent = |manner: &Manner| match manner {
            Manner::NamesOnly(end) => path.ends_with(end),
            _ => false,
        };
        if manners.iter().any(is_silent) {
            return json!({ "rfilename": path });
        }
        let oid = match manners.contains(&Manner::LfsOid) {
            true => ("oid", "sha256:"),
            false => ("sha256", ""),
        };
        let mut file = file("blobId", oid, bytes, *is_large);
        file["rfilename"] = path.as_str().into();
        file
    });
    let files: Vec<_> = files.collect();
    let sha = manners.iter().find_map(|manner| match manner {
        Manner::Commit(sha) => Some(*sha),
        _ => None,
    });
    json!({ "id": "x", "sha": sha.unwrap_or(Some(COMMIT)), "siblings": files }).to_string()
}

/// A page of the tree, and where the next one is.
fn tree(repository: &Repository, endpoint: &str, path: &str) -> (String, String) {
    let (path, page) = path.split_once("&page=").unwrap_or((path, "0"));
    let page: usize = page.parse().unwrap();
    let folder = json!({ "type": "directory", "path": "onnx", "oid": "0", "size": 0 });
    let files = repository.iter().map(|(path, (bytes, is_large))| {
        let mut file = file("oid", ("oid", ""), bytes, *is_large);
        file["path"] = path.as_str().into();
        file["type"] = "file".into();
        file
    });
    let all: Vec<_> = [folder].into_iter().chain(files).collect();
    let pages: Vec<_> = all.chunks(PAGE).collect();
    let link = match page + 1 < pages.len() {
        true => format!(
            "Link: <{endpoint}{path}&page={}>; rel=\"next\"\r\n",
            page + 1
        ),
        false => String::new(),
    };
    (link, json!(pages[page]).to_string())
}

/// Size and hashes of a file, under the names that they have in one of the answers.
fn file(blob_name: &str, (oid, before): (&str, &str), bytes: &[u8], is_large: bool) -> Value {
    let size = bytes.len();
    let mut file = json!({ "size": size });
    if !is_large {
        file[blob_name] = blob(bytes).into();
        return file;
    }
    let sha256 = hex(&Sha256::digest(bytes));
    // In git there is a pointer to it.
    file[blob_name] = blob(format!("oid sha256:{sha256}\nsize {size}\n").as_bytes()).into();
    file["lfs"] = json!({ oid: format!("{before}{sha256}"), "size": size });
    file
}

/// The headers that tell of a file.
pub(super) fn headers(manners: &[Manner], bytes: &[u8], is_large: bool) -> String {
    if !manners.contains(&Manner::Tags) {
        return "ETag: \"5d8c72a5edda8d6a\"\r\n".to_owned();
    }
    let size = bytes.len();
    match is_large {
        true => {
            let sha256 = hex(&Sha256::digest(bytes));
            format!("X-Linked-Etag: \"{sha256}\"\r\nX-Linked-Size: {size}\r\n")
        }
        false => format!("ETag: W/\"{}\"\r\n", blob(bytes)),
    }
}

/// The name of bytes in git.
fn blob(bytes: &[u8]) -> String {
    let mut sha1 = Sha1::new();
    sha1.update(format!("blob {}\0", bytes.len()));
    sha1.update(bytes);
    hex(&sha1.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
