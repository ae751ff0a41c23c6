//! What the catalogue knows of roots as a whole.

use std::path::{Path, PathBuf};

use super::keys::{self, RootId};
use super::records::{RootFacts, RootRecord};
use super::{Catalog, CatalogError, reading};

impl Catalog {
    /// The number of a root, given out on first sight and kept for ever.
    ///
    /// # Errors
    /// When the store fails.
    pub fn root(&self, path: &Path) -> Result<RootId, CatalogError> {
        let key = keys::root(path);
        if let Some(RootRecord { id }) = self.get(&key)? {
            return Ok(RootId(id));
        }
        let id = self.roots()?.len() as u32;
        self.put(&key, &RootRecord { id })?;
        self.sync()?;
        Ok(RootId(id))
    }

    /// All roots that were ever indexed, with their paths.
    ///
    /// # Errors
    /// When the store fails.
    pub fn roots(&self) -> Result<Vec<(RootId, PathBuf)>, CatalogError> {
        let mut roots = Vec::new();
        for entry in self.tree.scan_prefix([keys::ROOT]) {
            let (key, value) = entry.map_err(|error| reading(&self.path, error))?;
            let RootRecord { id } = self.decode(&value)?;
            roots.push((RootId(id), keys::path_of(&key[1..])));
        }
        roots.sort_unstable();
        Ok(roots)
    }

    /// On which filesystem a root was when it was last seen; nothing if that did not tell.
    ///
    /// # Errors
    /// When the store fails.
    pub fn filesystem(&self, root: RootId) -> Result<Option<u64>, CatalogError> {
        self.get(&keys::filesystem(root))
    }

    /// Notes on which filesystem a root is. It need not survive a power cut.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_filesystem(&self, root: RootId, filesystem: u64) -> Result<(), CatalogError> {
        self.put(&keys::filesystem(root), &filesystem)
    }

    /// What was found when a root was last compared as a whole.
    ///
    /// # Errors
    /// When the store fails.
    pub fn facts(&self, root: RootId) -> Result<RootFacts, CatalogError> {
        Ok(self.get(&keys::facts(root))?.unwrap_or_default())
    }

    /// The number of files of a root that are recorded, photos or not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn recorded(&self, root: RootId) -> Result<u64, CatalogError> {
        match self.get(&keys::number(root))? {
            Some(number) => Ok(number),
            // An index from before there was a number.
            None => {
                let files = self.tree.scan_prefix(keys::files_of_root(root)).keys();
                Ok(files.count() as u64)
            }
        }
    }

    /// Whether any file of a root is recorded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn has_files(&self, root: RootId) -> Result<bool, CatalogError> {
        Ok(self.files(root).next().transpose()?.is_some())
    }
}
