//! The two hashes that the hub names its files by, computed as the bytes come.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What a file's bytes are expected to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// Its SHA-256, of files that the hub stores outside its git.
    Sha256(String),
    /// The name of its blob in git, of small files: the SHA-1 of a header and the bytes.
    Git(String),
    /// Nobody tells: what comes is taken, and its SHA-256 is what is expected from then on.
    Untold,
}

impl Expected {
    pub(super) fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::Git(hex) => hex,
            Self::Untold => "",
        }
    }

    /// The hash that hexadecimal digits are, by their number; perhaps with `sha256:` before them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        if !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        match hex.len() {
            64 => Some(Self::Sha256(hex.to_owned())),
            40 => Some(Self::Git(hex.to_owned())),
            _ => None,
        }
    }

    pub(super) fn is_git(&self) -> bool {
        matches!(self, Self::Git(_))
    }

    /// Whether `found` is this hash; none is one that nobody tells.
    pub(super) fn is(&self, found: &str) -> bool {
        self.hex().eq_ignore_ascii_case(found)
    }

    /// A hasher of this kind, for a file of `size` bytes.
    pub(super) fn hasher(&self, size: u64) -> Hasher {
        match self {
            Self::Sha256(_) | Self::Untold => Hasher::Sha256(Sha256::new()),
            Self::Git(_) => {
                let mut sha1 = Sha1::new();
                sha1.update(format!("blob {size}\0"));
                Hasher::Git(sha1)
            }
        }
    }

    /// The hash of this kind of a file, read as a stream.
    pub(super) fn of(&self, path: &Path) -> io::Result<String> {
        let mut file = File::open(path)?;
        let mut hasher = self.hasher(file.metadata()?.len());
        hasher.read(&mut file)?;
        Ok(hasher.hex())
    }
}

/// A hash that is being computed.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha256(Sha256),
    Git(Sha1),
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(sha256) => sha256.update(bytes),
            Self::Git(sha1) => sha1.update(bytes),
        }
    }

    /// Takes in all that is left to read.
    pub(super) fn read(&mut self, from: &mut impl Read) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 20];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn hex(self) -> String {
        let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sha256(sha256) => digits(&sha256.finalize()),
            Self::Git(sha1) => digits(&sha1.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(expected: &Expected, bytes: &[u8]) -> String {
        let mut hasher = expected.hasher(bytes.len() as u64);
        hasher.update(bytes);
        hasher.hex()
    }

    #[test]
    fn hashes_are_those_of_git_and_of_sha256sum() {
        // `printf 'hello\n' | git hash-object --stdin`, `printf 'hello\n' | sha256sum`
        let git = Expected::Git("ce013625030ba8dba906f756967f9e9ca394464a".into());
        assert!(git.is(&hash(&git, b"hello\n")));
        let digits = "5891B5B522D5DF086D0FF0B110FBD9D21BB4FC7163AF34D08286A2E846F6BE03";
        let sha256 = Expected::parse(&format!("sha256:{digits}")).unwrap();
        assert!(sha256.is(&hash(&sha256, b"hello\n")));
        assert!(!sha256.is(&hash(&sha256, b"hello")));
        assert_eq!(Expected::parse(git.hex()), Some(git));
        for wrong in ["", "xyz", &digits[1..], &"g".repeat(40)] {
            assert_eq!(Expected::parse(wrong), None, "{wrong}");
        }
    }
}
