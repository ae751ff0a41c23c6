//! Originals by their paths: what the catalogue knows of a file without looking at the disk.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Index;
use crate::catalog::{CatalogError, FileKey, RootId, Stamp};

/// A file as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Original {
    /// Its path, absolute.
    pub path: PathBuf,
    /// The root that it is in.
    pub root: RootId,
    /// Its size and time when it was last looked at.
    pub stamp: Stamp,
}

impl Index {
    /// What the catalogue knows of the file at an absolute path; nothing if that is not
    /// recorded, as after it was forgotten.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn original(&self, path: PathBuf) -> Result<Option<Original>, CatalogError> {
        // A root may lie in one of an earlier configuration, so the first is not enough.
        for (root, below) in self.roots_above(&path) {
            let file = FileKey {
                root,
                folder: below.parent().unwrap_or(Path::new("")).to_owned(),
                name: below.file_name().unwrap_or(OsStr::new("")).to_owned(),
            };
            if let Some(record) = self.catalog.file(&file)? {
                let stamp = record.stamp;
                return Ok(Some(Original { path, root, stamp }));
            }
        }
        Ok(None)
    }

    /// The folder of a root.
    #[must_use]
    pub fn root_path(&self, root: RootId) -> Option<PathBuf> {
        let roots = self.roots.read();
        let roots = roots.unwrap_or_else(|poison| poison.into_inner());
        roots.get(&root).cloned()
    }

    /// The roots that hold a path, and where it is below them.
    fn roots_above(&self, path: &Path) -> Vec<(RootId, PathBuf)> {
        let roots = self.roots.read();
        let roots = roots.unwrap_or_else(|poison| poison.into_inner());
        let above = roots.iter().filter_map(|(root, above)| {
            let below = path.strip_prefix(above).ok()?;
            Some((*root, below.to_owned()))
        });
        above.collect()
    }
}
