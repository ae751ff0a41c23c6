//! Roots by number, name and filesystem.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Index;
use crate::catalog::{CatalogError, RootId};

impl Index {
    /// The number of a root; on first sight it gets one.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn root(&self, path: &Path) -> Result<RootId, CatalogError> {
        let id = self.catalog.root(path)?;
        let mut roots = self
            .roots
            .write()
            .unwrap_or_else(|poison| poison.into_inner());
        roots.insert(id, path.to_owned());
        Ok(id)
    }

    /// Notes on which filesystem a root is; 0 if that does not tell.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub(crate) fn note_filesystem(&self, root: RootId, told: u64) -> Result<(), CatalogError> {
        if told == 0 || self.filesystem(root) == Some(told) {
            return Ok(());
        }
        self.catalog.put_filesystem(root, told)?;
        let filesystems = self.filesystems.write();
        let mut filesystems = filesystems.unwrap_or_else(|poison| poison.into_inner());
        filesystems.insert(root, told);
        Ok(())
    }

    /// On which filesystem a root was when it was last seen, if that is known.
    pub(super) fn filesystem(&self, root: RootId) -> Option<u64> {
        let filesystems = self.filesystems.read();
        let filesystems = filesystems.unwrap_or_else(|poison| poison.into_inner());
        filesystems.get(&root).copied()
    }

    /// The roots with the names of their folders; where two have the same, the later one's has
    /// ` (2)` behind it.
    #[must_use]
    pub fn root_names(&self) -> Vec<(RootId, String)> {
        let roots = self
            .roots
            .read()
            .unwrap_or_else(|poison| poison.into_inner());
        let mut roots: Vec<(RootId, &PathBuf)> =
            roots.iter().map(|(root, path)| (*root, path)).collect();
        roots.sort_unstable();
        let mut given: HashMap<String, u32> = HashMap::new();
        let names = roots.into_iter().map(|(root, path)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let times = given.entry(name.to_lowercase()).or_default();
            *times += 1;
            match *times {
                1 => (root, name.into_owned()),
                times => (root, format!("{name} ({times})")),
            }
        });
        names.collect()
    }
}
