//! The files of a model: read, and known by their SHA-256.
//!
//! Towers may have hundreds of megabytes, so they are hashed in pieces, and a file that this
//! process has found to be right is not read again for that as long as it stays as it is.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::EmbedError;

/// What tells one state of a file from another: device, inode, length, time of change.
type State = (u64, u64, u64, (i64, i64));

static KNOWN: LazyLock<Mutex<HashMap<State, String>>> = LazyLock::new(Mutex::default);

/// Reads a file whole and checks that it is the one that was meant.
pub(super) fn read(path: &Path, sha256: &str) -> Result<Vec<u8>, EmbedError> {
    let bytes = fs::read(path).map_err(|source| EmbedError::read(path, source))?;
    compare(path, sha256, hex(&Sha256::digest(&bytes)))?;
    Ok(bytes)
}

/// Reads all of a file and checks that it is the one that was meant.
pub(super) fn check(path: &Path, sha256: &str) -> Result<(), EmbedError> {
    compare(path, sha256, self::sha256(path)?)
}

/// As [`check`], but what is known to be right is not read again.
pub(super) fn verify(path: &Path, sha256: &str) -> Result<(), EmbedError> {
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let read = |source| EmbedError::read(path, source);
    let file = File::open(path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    let state = (metadata.dev(), metadata.ino(), metadata.len(), changed);
    if let Some(found) = known().get(&state) {
        return compare(path, sha256, found.clone());
    }
    let found = digest(file).map_err(read)?;
    known().insert(state, found.clone());
    compare(path, sha256, found)
}

/// A text without the mark of its order of bytes, which some editors put before it.
pub(super) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(path: &Path) -> Result<String, EmbedError> {
    let read = |source| EmbedError::read(path, source);
    digest(File::open(path).map_err(read)?).map_err(read)
}

fn digest(mut file: File) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 18];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&hasher.finalize())),
            length => hasher.update(&piece[..length]),
        }
    }
}

fn compare(path: &Path, expected: &str, found: String) -> Result<(), EmbedError> {
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(EmbedError::Hash {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found,
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_changed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tower");
        fs::write(&path, vec![7; 1 << 20]).unwrap();
        let right = sha256(&path).unwrap();
        assert!(verify(&path, &right).is_ok());
        assert!(verify(&path, &right.to_uppercase()).is_ok());
        fs::write(&path, vec![8; 1 << 20]).unwrap();
        assert!(matches!(
            verify(&path, &right),
            Err(EmbedError::Hash { .. })
        ));
        assert!(verify(&path, &sha256(&path).unwrap()).is_ok());
    }
}
