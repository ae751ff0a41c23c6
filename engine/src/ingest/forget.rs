//! The end of a pass: what is missing is forgotten, or not believed to be gone.
//!
//! By now all that arrived is committed, so a photo that was moved has its new file before
//! it loses the old one. Everything is looked at a second time here before it is forgotten.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::folder::Kind;
use super::root::Root;
use super::walk::{Missing, Walked, is_gone};
use super::{IngestError, Pass, RootReport, is_wanted_name, words};
use crate::catalog::{FileKey, FileRecord, Finding, RootFacts, RootId, unix_seconds};
use crate::index::Transaction;

/// Files that are forgotten in one commit.
const BATCH: usize = 1000;

/// Forgets what is missing in the roots that are there, as far as that is believed.
pub(super) fn forget(pass: &Pass<'_>, walked: &Walked) -> Result<Vec<RootReport>, IngestError> {
    let mut reports = Vec::new();
    // What arrived was not all committed: a photo that was moved may have no other file yet.
    if pass.is_over() {
        return Ok(reports);
    }
    for root in &walked.roots {
        if root.offline().is_none()
            && let Some(report) = Forgetting::new(pass, walked, root)?.run()?
        {
            reports.push(report);
        }
    }
    Ok(reports)
}

struct Forgetting<'a> {
    pass: &'a Pass<'a>,
    walked: &'a Walked,
    root: &'a Root,
    /// As they were before this pass.
    facts: RootFacts,
    /// Folders below the root whose disk was mounted before, and is not now.
    unmounted: Vec<PathBuf>,
    missing: Vec<Missing>,
    /// The folders of which files are missing.
    thinned: HashSet<PathBuf>,
    /// The paths that are missing, each with all below.
    vanished: HashSet<PathBuf>,
}

impl<'a> Forgetting<'a> {
    fn new(pass: &'a Pass<'a>, walked: &'a Walked, root: &'a Root) -> Result<Self, IngestError> {
        let facts = pass.index.catalog().facts(root.id)?;
        let mut unmounted = facts.mounts.clone();
        unmounted.retain(|mount| !root.mounts.contains(mount));
        unmounted.extend(root.lost_mounts(pass.ingest));
        if pass.task.believe {
            unmounted.clear();
        }
        let missing = walked.missing.iter();
        let missing = missing.filter(|(of, _)| of.id == root.id);
        let missing: Vec<Missing> = missing.map(|(_, missing)| missing.clone()).collect();
        let (mut thinned, mut vanished) = (HashSet::new(), HashSet::new());
        for missing in &missing {
            match missing {
                Missing::FilesOf(folder) => thinned.insert(folder.clone()),
                Missing::Name(folder, name) => vanished.insert(folder.join(name)),
            };
        }
        Ok(Self {
            pass,
            walked,
            root,
            unmounted,
            missing: each_once(missing, &vanished),
            thinned,
            vanished,
            facts,
        })
    }

    /// Nothing, if the root went away meanwhile.
    fn run(self) -> Result<Option<RootReport>, IngestError> {
        let catalog = self.pass.index.catalog();
        let unseen = self.unseen_folders()?;
        let (mut missing, mut lost) = (false, 0);
        self.for_each(&unseen, |file, record| {
            missing = true;
            if let Finding::Photo(hash) = &record.finding
                && !self.is_elsewhere(file, hash)?
                && !self.pass.settings.excludes.excludes_anywhere(&file.path())
            {
                lost += 1;
            }
            Ok(())
        })?;
        if !self.root.is_there(self.pass.ingest) {
            return Ok(None);
        }
        let withheld = self.withheld(lost, catalog.recorded(self.root.id)?)?;
        if withheld.is_none() && (missing || !unseen.is_empty()) {
            self.remove(&unseen)?;
            self.pass.ingest.losses.note(self.root.id, lost);
        }
        let stopped = self.pass.is_over();
        let mut facts = catalog.facts(self.root.id)?;
        if self.walked.whole && !stopped {
            facts = RootFacts {
                folders: self.root.folders(),
                compared: unix_seconds(SystemTime::now()),
                missing_since: facts.missing_since,
                mounts: self.mounts()?,
            };
            if withheld.is_none() {
                facts.missing_since = None;
            }
        }
        if withheld.is_some() && facts.missing_since.is_none() {
            facts.missing_since = Some(unix_seconds(SystemTime::now()));
        }
        self.keep(&facts)?;
        Ok(Some(RootReport {
            path: self.root.path.clone(),
            identity: self.root.identity,
            facts,
            withheld,
            unmounted: self.unmounted,
        }))
    }

    /// Recorded folders that were not met although all above them was looked at.
    fn unseen_folders(&self) -> Result<Vec<PathBuf>, IngestError> {
        let mut unseen = Vec::new();
        for (root, tree) in &self.walked.trees {
            if *root != self.root.id {
                continue;
            }
            for folder in self.pass.index.catalog().folders_below(*root, tree) {
                let folder = folder?;
                if self.walked.is_unseen(*root, &folder) && !self.is_unmounted(&folder) {
                    unseen.push(folder);
                }
            }
        }
        Ok(unseen)
    }

    fn is_unmounted(&self, path: &Path) -> bool {
        self.unmounted.iter().any(|mount| path.starts_with(mount))
    }

    /// Calls `each` once with every record whose file is missing, after a second look.
    fn for_each(
        &self,
        unseen: &[PathBuf],
        mut each: impl FnMut(&FileKey, &FileRecord) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        for missing in &self.missing {
            match missing {
                Missing::FilesOf(folder) => self.files_of(folder, &mut each)?,
                Missing::Name(folder, name) => self.name(folder, name, &mut each)?,
            }
        }
        for folder in unseen {
            if !self.thinned.contains(folder) && !is_below(folder, &self.vanished) {
                self.files_of(folder, &mut each)?;
            }
        }
        Ok(())
    }

    /// The records of a folder whose files are not in it, if it can be listed or is gone.
    fn files_of(
        &self,
        folder: &Path,
        each: &mut impl FnMut(&FileKey, &FileRecord) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        let there = match self.names(folder) {
            Some(names) if !self.is_unmounted(folder) => names,
            _ => return Ok(()),
        };
        for entry in self.pass.index.catalog().folder(self.root.id, folder) {
            let (file, record) = entry?;
            if !there.contains(&file.name) {
                each(&file, &record)?;
            }
        }
        Ok(())
    }

    /// The pictures in a folder now; none if it is gone or is not looked at any more, nothing
    /// if nobody can tell.
    fn names(&self, folder: &Path) -> Option<HashSet<OsString>> {
        let excludes = &self.pass.settings.excludes;
        if excludes.excludes_anywhere(folder)
            || self.is_never_entered(folder)
            || self.is_behind_a_link(folder)
        {
            return Some(HashSet::new());
        }
        let wanted = |name: &std::ffi::OsStr, kind| {
            kind == Kind::File
                && is_wanted_name(Path::new(name))
                && !excludes.excludes_in(folder, name)
        };
        match self.root.list(self.pass.ingest, folder, &wanted) {
            Ok(seen) => Some(seen.into_iter().map(|seen| seen.name).collect()),
            Err(error) if is_gone(&error) => Some(HashSet::new()),
            Err(_) => None,
        }
    }

    fn is_never_entered(&self, folder: &Path) -> bool {
        let never = &self.root.never_enter;
        folder.ancestors().any(|above| never.contains(above))
    }

    /// Whether something on the way to a folder of a network is not a folder any more: links
    /// are not followed, so what is behind one is not looked at. On a local disk no path with
    /// a link in it can be opened.
    fn is_behind_a_link(&self, folder: &Path) -> bool {
        if self.root.is_local() {
            return false;
        }
        let mut above = folder
            .ancestors()
            .filter(|path| !path.as_os_str().is_empty());
        above.any(|path| {
            let looked = self.root.look_at(self.pass.ingest, path);
            looked.is_ok_and(|(kind, _)| kind != Kind::Folder)
        })
    }

    /// Whether a file is there all the same, and is to be looked at. Asked right before it is
    /// forgotten by a long pass, in which others may have put it back.
    fn is_back(&self, file: &FileKey) -> bool {
        let path = file.path();
        self.pass.task.bulk
            && !file.name.is_empty()
            && is_wanted_name(&path)
            && !self.pass.settings.excludes.excludes_anywhere(&path)
            && !self.is_never_entered(&file.folder)
            && self
                .root
                .look_at(self.pass.ingest, &path)
                .is_ok_and(|(kind, _)| kind == Kind::File)
            && !self.is_behind_a_link(&file.folder)
    }

    /// The records of a name that is gone: a file, or a folder and all below.
    fn name(
        &self,
        folder: &Path,
        name: &OsString,
        each: &mut impl FnMut(&FileKey, &FileRecord) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        let path = folder.join(name);
        if self.is_unmounted(&path) {
            return Ok(());
        }
        let catalog = self.pass.index.catalog();
        let now = match self.root.look_at(self.pass.ingest, &path) {
            Ok((kind, _)) => Some(kind),
            Err(error) if is_gone(&error) => None,
            Err(_) => return Ok(()),
        };
        let file = FileKey {
            root: self.root.id,
            folder: folder.to_owned(),
            name: name.clone(),
        };
        if now != Some(Kind::File)
            // Else it is met with the other files of its folder.
            && !self.thinned.contains(folder)
            && let Some(record) = catalog.file(&file)?
        {
            each(&file, &record)?;
        }
        if now != Some(Kind::Folder) {
            for below in catalog.folders_below(self.root.id, &path) {
                for entry in catalog.folder(self.root.id, &below?) {
                    let (file, record) = entry?;
                    each(&file, &record)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a photo is in another file as well, one that is not missing for all we know.
    fn is_elsewhere(&self, file: &FileKey, hash: &[u8; 32]) -> Result<bool, IngestError> {
        for other in self.pass.index.catalog().files_of(hash) {
            let other = other?;
            if other != *file && !self.may_be_missing(&other) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn may_be_missing(&self, file: &FileKey) -> bool {
        let unseen = || self.is_in_a_tree(file) && self.walked.is_unseen(file.root, &file.folder);
        file.root == self.root.id
            && (self.thinned.contains(&file.folder)
                || is_below(&file.path(), &self.vanished)
                || unseen())
    }

    fn is_in_a_tree(&self, file: &FileKey) -> bool {
        let mut trees = self.walked.trees.iter();
        trees.any(|(root, tree)| *root == file.root && file.folder.starts_with(tree))
    }

    /// Why the losses are not believed, if they are not.
    fn withheld(&self, lost: u64, files: u64) -> Result<Option<String>, IngestError> {
        let losses = &self.pass.ingest.losses;
        let settings = &self.pass.settings.losses;
        let id: RootId = self.root.id;
        let Some(loss) = losses.too_many(settings, id, lost, files) else {
            return Ok(None);
        };
        if self.pass.task.believe {
            return Ok(None);
        }
        let now = unix_seconds(SystemTime::now());
        let since = self.facts.missing_since.unwrap_or(now);
        if now.saturating_sub(since) >= settings.grace.as_secs() && self.walked.whole {
            return Ok(None);
        }
        Ok(Some(format!(
            "{} of its {} pictures went missing at once, which is more than {:.0} % \
             (loss_percent), so {lost} are not forgotten. If they were really deleted, run \
             `semfs forget --missing {}`; otherwise they are taken for deleted after {}",
            loss.lost,
            loss.had,
            settings.share * 100.0,
            self.root.path.display(),
            words(settings.grace),
        )))
    }

    fn remove(&self, unseen: &[PathBuf]) -> Result<(), IngestError> {
        let mut files: Vec<(FileKey, FileRecord)> = Vec::new();
        self.for_each(unseen, |file, record| {
            files.push((file.clone(), record.clone()));
            if files.len() == BATCH {
                self.commit(&mut files)?;
            }
            Ok(())
        })?;
        self.commit(&mut files)?;
        self.remove_empty_folders(unseen)
    }

    fn commit(&self, files: &mut Vec<(FileKey, FileRecord)>) -> Result<(), IngestError> {
        if files.is_empty() || !self.root.is_there(self.pass.ingest) {
            files.clear();
            return Ok(());
        }
        files.retain(|(file, _)| !self.is_back(file));
        let mut transaction = self.pass.index.begin()?;
        for (file, record) in files.drain(..) {
            // Somebody else's pass may have met it again since.
            if self.pass.index.catalog().file(&file)?.as_ref() == Some(&record) {
                transaction.remove_file(file)?;
                if !matches!(record.finding, Finding::Sidecar(..)) {
                    self.pass.progress.gone();
                }
            }
        }
        Ok(transaction.commit()?)
    }

    /// Forgets folders of which nothing is recorded any more.
    fn remove_empty_folders(&self, unseen: &[PathBuf]) -> Result<(), IngestError> {
        let catalog = self.pass.index.catalog();
        let mut folders: Vec<PathBuf> = unseen.to_vec();
        for missing in &self.missing {
            if let Missing::Name(folder, name) = missing {
                let below = catalog.folders_below(self.root.id, &folder.join(name));
                for folder in below {
                    folders.push(folder?);
                }
            }
        }
        if folders.is_empty() || !self.root.is_there(self.pass.ingest) {
            return Ok(());
        }
        let mut transaction: Transaction<'_> = self.pass.index.begin()?;
        for folder in folders {
            let mut files = catalog.folder(self.root.id, &folder);
            if files.next().transpose()?.is_none() {
                transaction.remove_folder(self.root.id, &folder);
            }
        }
        Ok(transaction.commit()?)
    }

    /// The mounts below the root that are to be missed when they are not there: those of
    /// now, and those of before under which something is recorded.
    fn mounts(&self) -> Result<Vec<PathBuf>, IngestError> {
        let mut mounts = self.root.mounts.clone();
        for mount in &self.unmounted {
            let mut below = self.pass.index.catalog().folders_below(self.root.id, mount);
            if below.next().transpose()?.is_some() {
                mounts.push(mount.clone());
            }
        }
        mounts.sort();
        Ok(mounts)
    }

    /// Keeps the facts if they changed; the time alone is not worth waking a disk.
    fn keep(&self, facts: &RootFacts) -> Result<(), IngestError> {
        let known = RootFacts {
            compared: facts.compared,
            ..self.facts.clone()
        };
        let first = self.walked.whole && self.facts.compared == 0;
        if known == *facts && !first {
            return Ok(());
        }
        let mut transaction = self.pass.index.begin()?;
        transaction.catalog()?.put_facts(self.root.id, facts)?;
        Ok(transaction.commit()?)
    }
}

/// Whether a path, or any folder above it, is one of these.
fn is_below(path: &Path, paths: &HashSet<PathBuf>) -> bool {
    path.ancestors().any(|above| paths.contains(above))
}

/// What is missing, without what is told twice: the same again, or below a path that is
/// missing as a whole.
fn each_once(missing: Vec<Missing>, vanished: &HashSet<PathBuf>) -> Vec<Missing> {
    let mut told = HashSet::new();
    let mut once = missing;
    once.retain(|missing| match missing {
        Missing::FilesOf(folder) => {
            !is_below(folder, vanished) && told.insert((folder.clone(), None))
        }
        Missing::Name(folder, name) => {
            !is_below(folder, vanished) && told.insert((folder.clone(), Some(name.clone())))
        }
    });
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted_once_however_often_it_is_told() {
        let name = |folder: &str, name: &str| Missing::Name(folder.into(), name.into());
        let missing = vec![
            name("a", "1.jpg"),
            Missing::FilesOf("a/b".into()),
            name("", "a"),
            name("", "a"),
            Missing::FilesOf("c".into()),
            Missing::FilesOf("c".into()),
            name("d", "2.jpg"),
        ];
        let vanished = ["a/1.jpg", "a", "d/2.jpg"].map(PathBuf::from).into();
        let once = each_once(missing, &vanished);
        let told: Vec<String> = once.iter().map(|missing| format!("{missing:?}")).collect();
        let expected = [
            name("", "a"),
            Missing::FilesOf("c".into()),
            name("d", "2.jpg"),
        ];
        assert_eq!(told, expected.map(|missing| format!("{missing:?}")));
    }
}
