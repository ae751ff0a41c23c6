//! The folder of models on the disk: one folder a model, and one that is being filled for each
//! that is on its way. A model appears by one rename, and whole.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::statvfs::statvfs;
use semfs_engine::decisions::is_model_name;

use super::error::ModelError;

/// What the folder of a model on its way begins with.
const STAGING: &str = ".pull-";

/// What the folder of a model that is being removed begins with.
const REMOVED: &str = ".removed-";

/// Bytes that are left free on a disk: the manifest and the lock need some.
const RESERVE: u64 = 1 << 20;

/// The folder of models.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

/// The folder of a model on its way, locked by this process.
#[derive(Debug)]
pub(super) struct Staging {
    name: String,
    path: PathBuf,
    store: Store,
    _lock: File,
}

impl Store {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Where a model of this name lies, if there is one.
    pub(super) fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The names of the models in it, broken ones as well, in alphabetical order.
    pub(super) fn names(&self) -> Result<Vec<String>, ModelError> {
        let mut names = self.entries(|name| is_model_name(name).then(|| name.to_owned()))?;
        names.sort();
        Ok(names)
    }

    /// The names of models whose pull was begun and not finished.
    pub(super) fn begun(&self) -> Result<Vec<String>, ModelError> {
        self.entries(|name| {
            let name = name.strip_prefix(STAGING)?;
            is_model_name(name).then(|| name.to_owned())
        })
    }

    fn entries(&self, name_of: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, ModelError> {
        let error = ModelError::disk(&self.folder, "read");
        let entries = match fs::read_dir(&self.folder) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(&error)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(&error)?;
            let name = entry.file_name();
            let name = name.to_str().and_then(&name_of);
            if let Some(name) = name.filter(|_| entry.path().is_dir()) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// The folder in which a model is put together, locked; with what an earlier attempt left.
    pub(super) fn stage(&self, name: &str) -> Result<Staging, ModelError> {
        let path = self.folder.join(format!("{STAGING}{name}"));
        let made = ModelError::disk(&path, "made");
        loop {
            DirBuilder::new()
                .recursive(true)
                .create(&path)
                .map_err(&made)?;
            let lock = File::open(&path).map_err(&made)?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(ModelError::Busy(name.to_owned())),
                Err(TryLockError::Error(cause)) => return Err(made(cause)),
            }
            // Another process may have published or removed it between the two.
            let locked = lock.metadata().map_err(&made)?;
            if fs::metadata(&path).is_ok_and(|found| found.ino() == locked.ino()) {
                return Ok(Staging {
                    name: name.to_owned(),
                    path,
                    store: self.clone(),
                    _lock: lock,
                });
            }
        }
    }

    /// Removes a model and what an unfinished pull left of it. False: there was neither.
    pub(super) fn remove(&self, name: &str) -> Result<bool, ModelError> {
        let folder = self.folder_of(name);
        let begun = self.begun()?.iter().any(|begun| begun == name);
        if !begun && !folder.is_dir() {
            return Ok(false);
        }
        let staging = self.stage(name)?;
        if folder.is_dir() {
            // Out of everybody's sight first: it is never seen in part.
            let removed = self.folder.join(format!("{REMOVED}{name}"));
            discard(&removed)?;
            fs::rename(&folder, &removed).map_err(ModelError::disk(&folder, "removed"))?;
            discard(&removed)?;
        }
        staging.discard()?;
        Ok(true)
    }
}

impl Staging {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes it the model of its name, in place of one that is there. After a crash there is
    /// the old one or the new one.
    pub(super) fn publish(self) -> Result<PathBuf, ModelError> {
        let folder = self.store.folder_of(&self.name);
        let error = ModelError::disk(&folder, "put in its place");
        let sync = |path: &Path| File::open(path).and_then(|folder| folder.sync_all());
        sync(&self.path).map_err(&error)?;
        if folder.exists() {
            let exchanged = renameat2(
                AT_FDCWD,
                &self.path,
                AT_FDCWD,
                &folder,
                RenameFlags::RENAME_EXCHANGE,
            );
            if exchanged.is_err() {
                // A filesystem that cannot exchange two folders.
                discard(&folder)?;
                fs::rename(&self.path, &folder).map_err(&error)?;
            }
        } else {
            fs::rename(&self.path, &folder).map_err(&error)?;
        }
        sync(&self.store.folder).map_err(&error)?;
        // What was in its place until now.
        discard(&self.path)?;
        Ok(folder)
    }

    /// Removes it with all that is in it.
    pub(super) fn discard(self) -> Result<(), ModelError> {
        discard(&self.path)
    }

    /// Whether `bytes` more fit on the disk.
    pub(super) fn check_room(&self, bytes: u64) -> Result<(), ModelError> {
        let free = free_bytes(&self.path).map_err(ModelError::disk(&self.path, "read"))?;
        if free >= bytes.saturating_add(RESERVE) {
            return Ok(());
        }
        Err(ModelError::Full {
            path: self.store.folder.clone(),
            needed: super::megabytes(bytes),
            free: super::megabytes(free),
        })
    }
}

fn discard(folder: &Path) -> Result<(), ModelError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ModelError::disk(folder, "removed")(error))
        }
        _ => Ok(()),
    }
}

/// Bytes that are free to this user on the disk of a folder that exists.
pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let found = statvfs(folder)?;
    Ok(found.blocks_available() * found.fragment_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_appears_whole_and_takes_the_place_of_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(&folder.path().join("models"));
        assert!(store.names().unwrap().is_empty());
        for text in ["old", "new"] {
            let staging = store.stage("a").unwrap();
            fs::write(staging.path().join("file"), text).unwrap();
            assert_eq!(store.begun().unwrap(), ["a"]);
            let published = staging.publish().unwrap();
            assert_eq!(fs::read_to_string(published.join("file")).unwrap(), text);
            assert_eq!(store.names().unwrap(), ["a"]);
            assert!(store.begun().unwrap().is_empty());
        }
        assert!(store.remove("a").unwrap());
        assert!(!store.remove("a").unwrap());
        assert!(store.names().unwrap().is_empty());
    }

    #[test]
    fn one_process_at_a_time_fills_a_model_and_the_next_finds_what_it_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let first = store.stage("a").unwrap();
        fs::write(first.path().join("half"), "x").unwrap();
        assert!(matches!(store.stage("a"), Err(ModelError::Busy(_))));
        assert!(matches!(store.remove("a"), Err(ModelError::Busy(_))));
        store.stage("b").unwrap().discard().unwrap();
        drop(first);
        assert!(store.stage("a").unwrap().path().join("half").exists());
    }

    #[test]
    fn more_than_the_disk_has_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Store::new(folder.path()).stage("a").unwrap();
        staging.check_room(1).unwrap();
        let full = staging.check_room(1 << 60).unwrap_err();
        assert!(full.to_string().contains("no room"), "{full}");
    }
}
