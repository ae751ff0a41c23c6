//! What is not looked at: recycle bins, thumbnails, snapshots, and what the user says.

use std::ffi::OsStr;
use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};

/// Names that are left out unless the configuration says otherwise: what NAS systems,
/// desktops and cameras leave among photos and what is none.
pub const DEFAULT_EXCLUDES: &[&str] = &[
    "@eaDir",
    "#recycle",
    "#snapshot",
    "@Recycle",
    "@Recently-Snapshot",
    ".@__thumb",
    ".Trash*",
    ".trash*",
    "$RECYCLE.BIN",
    "System Volume Information",
    ".snapshot",
    ".snapshots",
    ".zfs",
    "lost+found",
    ".thumbnails",
    ".cache",
    ".git",
    ".stfolder",
    ".stversions",
    "._*",
    ".DS_Store",
    "Thumbs.db",
];

/// A compiled set of patterns.
#[derive(Debug, Clone)]
pub struct Excludes {
    /// Patterns without a slash: any name on the path.
    names: GlobSet,
    /// Patterns with a slash: the whole path below the root.
    paths: GlobSet,
}

/// A pattern that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` in `exclude` is not a pattern: {reason}")]
pub struct ExcludeError {
    /// As it was given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Excludes {
    /// Compiles shell patterns: `*`, `?`, `[…]`, `{a,b}`, `**`. One without `/` is held
    /// against each name, one with `/` against the path below the root.
    ///
    /// # Errors
    /// Names the first pattern that is none.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, ExcludeError> {
        let error = |pattern: &str, error: &globset::Error| ExcludeError {
            pattern: pattern.to_owned(),
            reason: error.kind().to_string(),
        };
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let set = if pattern.contains('/') {
                &mut paths
            } else {
                &mut names
            };
            let relative = pattern.trim_matches('/');
            set.add(Glob::new(relative).map_err(|cause| error(pattern, &cause))?);
        }
        Ok(Self {
            names: names.build().map_err(|cause| error("", &cause))?,
            paths: paths.build().map_err(|cause| error("", &cause))?,
        })
    }

    /// Whether a file or folder is left out. Its folder is not asked about again.
    #[must_use]
    pub fn excludes(&self, relative: &Path) -> bool {
        let name = relative.file_name().unwrap_or_default();
        self.names.is_match(name) || (!self.paths.is_empty() && self.paths.is_match(relative))
    }

    /// The same for a name in a folder.
    #[must_use]
    pub fn excludes_in(&self, folder: &Path, name: &OsStr) -> bool {
        self.names.is_match(name)
            || (!self.paths.is_empty() && self.paths.is_match(folder.join(name)))
    }

    /// Whether a file or folder, or any folder above it, is left out.
    #[must_use]
    pub fn excludes_anywhere(&self, relative: &Path) -> bool {
        let mut above = relative.ancestors();
        above.any(|path| !path.as_os_str().is_empty() && self.excludes(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_leave_out_what_is_no_photo_and_keep_the_rest() {
        let excludes = Excludes::new(DEFAULT_EXCLUDES.iter().copied()).unwrap();
        for path in [
            "a/@eaDir",
            "#recycle",
            ".Trash-1000",
            "b/._IMG_1.jpg",
            "lost+found",
        ] {
            assert!(excludes.excludes(Path::new(path)), "{path}");
        }
        for path in ["a/eaDir", "holiday", "IMG_1.jpg", "trash", "a/recycle.jpg"] {
            assert!(!excludes.excludes(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_pattern_with_a_slash_is_held_against_the_path() {
        let excludes = Excludes::new(["private/scans", "*/raw/", "*.tmp.jpg"]).unwrap();
        assert!(excludes.excludes(Path::new("private/scans")));
        assert!(excludes.excludes(Path::new("2023/raw")));
        assert!(excludes.excludes(Path::new("x/y/z.tmp.jpg")));
        assert!(!excludes.excludes(Path::new("scans")));
        assert!(!excludes.excludes(Path::new("raw")));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let error = Excludes::new(["fine", "a[b"]).unwrap_err();
        assert!(error.to_string().contains("a[b"), "{error}");
    }
}
