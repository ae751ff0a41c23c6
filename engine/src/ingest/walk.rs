//! The first stage: folders, compared with the catalogue.
//!
//! Folders are looked at by several threads; each folder is one comparison of its names
//! with the catalogue's records of it, which lie side by side, or of one digest, where
//! folder and records agreed before. What is new or changed goes on to be read; what is
//! missing is noted, and dealt with after the pass ([`super::forget`]). Memory is bounded by
//! the largest single folder, the folders that wait, those that miss something, and eight
//! bytes for each folder seen.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crossbeam_channel::Sender;

use super::folder::{Kind, Seen};
use super::root::Root;
use super::work::{Changed, Look};
use super::{Candidate, Change, IngestError, OfflineRoot, Pass, is_wanted_name, lock};
use crate::catalog::{FileKey, FileRecord, Finding, FolderMark, RootId, Stamp, is_sidecar_name};
use crate::metadata;
use crate::problem::{Problem, ProblemKind};

/// How often the display learns of files that need nothing.
const STEP: u64 = 256;

/// A folder that waits to be looked at.
#[derive(Debug)]
struct Job {
    root: Arc<Root>,
    folder: PathBuf,
    what: Changed,
}

/// The folders that wait, and how many are being looked at.
#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Job>,
    busy: usize,
}

/// Something that the catalogue has and its folder has not.
#[derive(Debug, Clone)]
pub(super) enum Missing {
    /// Some files of this folder.
    FilesOf(PathBuf),
    /// This name in this folder; a file, or a folder with all that was in it.
    Name(PathBuf, OsString),
}

/// What a walk leaves for the end of the pass.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The roots that were looked at, some of which may have gone away meanwhile.
    pub roots: Vec<Arc<Root>>,
    unreachable: Vec<OfflineRoot>,
    pub missing: Vec<(Arc<Root>, Missing)>,
    /// Folders that were looked at with everything below them.
    pub trees: Vec<(RootId, PathBuf)>,
    /// Hashes of the folders that were looked at.
    seen: HashSet<u64>,
    /// Folders that could not be listed whole; nothing below them is taken for gone.
    incomplete: Vec<(RootId, PathBuf)>,
    hasher: RandomState,
    /// Everything was looked at.
    pub whole: bool,
}

impl Walked {
    /// The roots that cannot be reached now.
    pub(super) fn offline(&self) -> Vec<OfflineRoot> {
        let lost = self.roots.iter().filter_map(|root| root.offline());
        self.unreachable.iter().cloned().chain(lost).collect()
    }

    /// Whether a recorded folder may be taken for gone: it was not met, and could have been.
    pub(super) fn is_unseen(&self, root: RootId, folder: &Path) -> bool {
        let uncertain = self
            .incomplete
            .iter()
            .any(|(id, above)| *id == root && folder.starts_with(above));
        !uncertain && !self.seen.contains(&self.hasher.hash_one((root, folder)))
    }
}

struct Walk<'a> {
    pass: &'a Pass<'a>,
    queue: Mutex<Queue>,
    changed: Condvar,
    walked: Mutex<Walked>,
    hasher: RandomState,
    candidates: Sender<Candidate>,
    changes: Sender<Change>,
}

/// Why a folder is not looked at to its end.
enum Ended {
    /// The next stage has hung up.
    HungUp,
    /// The index failed.
    Failed(IngestError),
}

impl<E: Into<IngestError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Walks what the pass is to look at.
pub(super) fn walk(
    pass: &Pass<'_>,
    threads: usize,
    candidates: Sender<Candidate>,
    changes: Sender<Change>,
) -> Result<Walked, IngestError> {
    let mut walked = Walked {
        whole: matches!(pass.task.look, Look::Everything),
        ..Walked::default()
    };
    let mut waiting = Vec::new();
    for (number, settings) in pass.task.roots.iter().enumerate() {
        let jobs = jobs(pass.task.look, number);
        if jobs.is_empty() {
            continue;
        }
        match Root::reach(pass.ingest, settings, pass.task.believe)? {
            Ok(root) => {
                let root = Arc::new(root);
                walked.roots.push(Arc::clone(&root));
                let trees = jobs.iter().filter(|(_, what)| *what == Changed::Tree);
                let trees = trees.map(|(folder, _)| (root.id, folder.clone()));
                walked.trees.extend(trees);
                waiting.extend(jobs.into_iter().map(|(folder, what)| Job {
                    root: Arc::clone(&root),
                    folder,
                    what,
                }));
            }
            Err(root) => walked.unreachable.push(root),
        }
    }
    waiting.reverse();
    let walk = Walk {
        pass,
        queue: Mutex::new(Queue { waiting, busy: 0 }),
        changed: Condvar::new(),
        hasher: walked.hasher.clone(),
        walked: Mutex::new(walked),
        candidates,
        changes,
    };
    thread::scope(|scope| {
        // None of them is this thread, whose priority is its caller's.
        for _ in 0..threads {
            let thread = thread::Builder::new().name("walk".to_owned());
            if let Err(error) = thread.spawn_scoped(scope, || walk.work()) {
                pass.fail(IngestError::Thread(error.to_string()));
            }
        }
    });
    Ok(walk
        .walked
        .into_inner()
        .unwrap_or_else(|poison| poison.into_inner()))
}

/// What is to be looked at in a root.
fn jobs(look: &Look, root: usize) -> Vec<(PathBuf, Changed)> {
    match look {
        Look::Everything => vec![(PathBuf::new(), Changed::Tree)],
        Look::Changes(changes) => changes
            .iter()
            .filter(|((number, _), _)| *number == root)
            .map(|((_, folder), what)| (folder.clone(), what.clone()))
            .collect(),
    }
}

impl Walk<'_> {
    /// One thread: looks at waiting folders until there are none and none can come.
    fn work(&self) {
        super::courtesy(self.pass).apply();
        while let Some(job) = self.next() {
            let looked = match &job.what {
                Changed::Names(names) => self.look_at_names(&job, names),
                Changed::Tree => self.look_at(&job),
            };
            let folders = match looked {
                Ok(folders) => folders,
                Err(ended) => {
                    if let Ended::Failed(error) = ended {
                        self.pass.fail(error);
                    }
                    lock(&self.queue).waiting.clear();
                    Vec::new()
                }
            };
            let mut queue = lock(&self.queue);
            queue.busy -= 1;
            // Depth first: the number that waits stays small.
            queue
                .waiting
                .extend(folders.into_iter().rev().map(|folder| Job {
                    root: Arc::clone(&job.root),
                    folder,
                    what: Changed::Tree,
                }));
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = lock(&self.queue);
        loop {
            if self.pass.is_over() {
                queue.waiting.clear();
            }
            if let Some(job) = queue.waiting.pop() {
                queue.busy += 1;
                return Some(job);
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(|poison| poison.into_inner());
        }
    }

    /// Whether something in a folder is looked at.
    fn is_wanted(&self, job: &Job, name: &OsStr, kind: Kind) -> bool {
        let settings = self.pass.settings;
        match kind {
            Kind::File => {
                is_wanted_name(Path::new(name)) && !settings.excludes.excludes_in(&job.folder, name)
            }
            Kind::Folder => {
                matches!(job.what, Changed::Tree)
                    && !settings.excludes.excludes_in(&job.folder, name)
                    && !job.root.never_enter.contains(&job.folder.join(name))
            }
            Kind::Other => false,
        }
    }

    /// Compares one folder with the catalogue. Returns the folders in it that are to be
    /// looked at as well.
    fn look_at(&self, job: &Job) -> Result<Vec<PathBuf>, Ended> {
        let Job { root, folder, .. } = job;
        let listed = root.list(self.pass.ingest, folder, &|name, kind| {
            self.is_wanted(job, name, kind)
        });
        let listed = match listed {
            Ok(listed) => listed,
            // Gone since its name was read: its files are missing, if it had any.
            Err(error) if is_gone(&error) && !folder.as_os_str().is_empty() => {
                let (above, name) = split(folder);
                self.miss(root, Missing::Name(above, name));
                return Ok(Vec::new());
            }
            Err(error) => {
                let incomplete = (root.id, folder.clone());
                lock(&self.walked).incomplete.push(incomplete);
                if root.is_there(self.pass.ingest) {
                    self.folder_problem(job, &error)?;
                }
                return Ok(Vec::new());
            }
        };
        let folders: Vec<PathBuf> = listed
            .iter()
            .filter(|seen| seen.kind == Kind::Folder)
            .map(|seen| folder.join(&seen.name))
            .collect();
        let pictures: Vec<Seen> = listed
            .into_iter()
            .filter(|seen| seen.kind == Kind::File)
            .collect();
        self.pass.progress.folder();
        root.count_folder();
        self.compare(job, &pictures)?;
        let number = self.hasher.hash_one((root.id, folder.as_path()));
        lock(&self.walked).seen.insert(number);
        Ok(folders)
    }

    /// Compares the pictures of a folder, in the order of their names, with its records.
    fn compare(&self, job: &Job, pictures: &[Seen]) -> Result<(), Ended> {
        let Job { root, folder, .. } = job;
        let catalog = self.pass.index.catalog();
        let progress = self.pass.progress;
        let mark = catalog.folder_mark(root.id, folder)?;
        if mark.is_none() && pictures.is_empty() {
            return Ok(());
        }
        let digest = digest(pictures, self.pass.conditions);
        if digest.is_some_and(|digest| mark == Some(FolderMark::Digest(digest))) {
            let photos = pictures
                .iter()
                .filter(|seen| !is_sidecar_name(Path::new(&seen.name)));
            progress.unchanged(photos.count() as u64);
            return Ok(());
        }
        let mut records = catalog.folder(root.id, folder);
        let mut record = records.next().transpose()?;
        let mut missing = false;
        let mut agrees = true;
        let mut unchanged = 0;
        for picture in pictures {
            // Both are in the order of the bytes of the names.
            while let Some((file, _)) = &record
                && file.name < picture.name
            {
                missing = true;
                record = records.next().transpose()?;
            }
            let recorded = match &record {
                Some((file, recorded)) if file.name == picture.name => {
                    let recorded = recorded.clone();
                    record = records.next().transpose()?;
                    Some(recorded)
                }
                _ => None,
            };
            if self.look_at_file(job, &picture.name, &picture.stamp, false, recorded)? {
                unchanged += u64::from(!is_sidecar_name(Path::new(&picture.name)));
            } else {
                agrees = false;
            }
            if unchanged >= STEP {
                progress.unchanged(unchanged);
                unchanged = 0;
            }
        }
        progress.unchanged(unchanged);
        // What the catalogue has beyond the last picture. The record without a name said
        // that the folder could not be listed: that is over as well.
        missing |= record.is_some();
        if missing {
            self.miss(root, Missing::FilesOf(folder.clone()));
        } else if let (true, Some(mark), Some(digest)) = (agrees, mark, digest) {
            self.send(Change::Agrees(root.id, folder.clone(), mark, digest))?;
        }
        Ok(())
    }

    /// Looks at some names of a folder. Returns those that are folders.
    fn look_at_names(
        &self,
        job: &Job,
        names: &BTreeMap<OsString, bool>,
    ) -> Result<Vec<PathBuf>, Ended> {
        let Job { root, folder, .. } = job;
        let mut folders = Vec::new();
        for (name, written) in names {
            let path = folder.join(name);
            if self.pass.settings.excludes.excludes_anywhere(&path) {
                continue;
            }
            match root.look_at(self.pass.ingest, &path) {
                Ok((Kind::Folder, _)) => {
                    if !root.never_enter.contains(&path) {
                        folders.push(path);
                    }
                }
                Ok((Kind::File, stamp)) if is_wanted_name(&path) => {
                    let record = self.pass.index.catalog().file(&self.file(job, name))?;
                    self.look_at_file(job, name, &Ok(stamp), *written, record)?;
                }
                Ok(_) => self.miss(root, Missing::Name(folder.clone(), name.clone())),
                Err(error) if is_gone(&error) => {
                    self.miss(root, Missing::Name(folder.clone(), name.clone()));
                }
                // The next look at everything will tell.
                Err(_) => {}
            }
        }
        Ok(folders)
    }

    /// Compares one picture with its record, and sends it on if it is to be read. Whether
    /// nothing is to be done.
    fn look_at_file(
        &self,
        job: &Job,
        name: &OsStr,
        stamp: &io::Result<Stamp>,
        written: bool,
        record: Option<FileRecord>,
    ) -> Result<bool, Ended> {
        let Job { root, folder, .. } = job;
        let stamp = match stamp {
            Ok(stamp) => *stamp,
            Err(error) if is_gone(error) => {
                if record.is_some() {
                    self.miss(root, Missing::Name(folder.clone(), name.to_owned()));
                }
                return Ok(false);
            }
            // A photo stays one while the disk does not answer for it.
            Err(_) if is_photo(record.as_ref()) => return Ok(false),
            // The reader will find out what is wrong, and say so.
            Err(_) => Stamp::UNKNOWN,
        };
        if let Some(record) = record
            && self.is_settled(&record, stamp)?
        {
            return Ok(true);
        }
        let candidate = Candidate {
            file: self.file(job, name),
            path: root.path.join(folder).join(name),
            stamp,
            written,
            root: Arc::clone(root),
        };
        match self.candidates.send(candidate) {
            Ok(()) => Ok(false),
            Err(_) => Err(Ended::HungUp),
        }
    }

    /// Whether a file needs no second look: same size, time and inode, and a finding that
    /// only other bytes or other conditions could change.
    fn is_settled(&self, record: &FileRecord, stamp: Stamp) -> Result<bool, Ended> {
        if record.stamp != stamp {
            return Ok(false);
        }
        let (catalog, conditions) = (self.pass.index.catalog(), self.pass.conditions);
        Ok(match &record.finding {
            Finding::Photo(hash) => catalog.is_current(hash, conditions)?,
            Finding::Problem(problem, under) => !problem.is_transient() && *under == conditions,
            Finding::Sidecar(_, version) => *version == metadata::VERSION,
        })
    }

    /// Says that a folder could not be listed.
    fn folder_problem(&self, job: &Job, error: &io::Error) -> Result<(), Ended> {
        let reason = format!("the folder cannot be listed: {error}");
        let problem = Problem::new(ProblemKind::Unreadable, reason);
        let file = self.file(job, OsStr::new(""));
        let known = self.pass.index.catalog().file(&file)?;
        let known = known.map(|record| record.finding);
        if matches!(known, Some(Finding::Problem(known, _)) if known == problem) {
            return Ok(());
        }
        self.send(Change::Problem(file, Stamp::UNKNOWN, problem))
    }

    fn miss(&self, root: &Arc<Root>, missing: Missing) {
        lock(&self.walked).missing.push((Arc::clone(root), missing));
    }

    fn file(&self, job: &Job, name: &OsStr) -> FileKey {
        FileKey {
            root: job.root.id,
            folder: job.folder.clone(),
            name: name.to_owned(),
        }
    }

    fn send(&self, change: Change) -> Result<(), Ended> {
        self.changes.send(change).map_err(|_| Ended::HungUp)
    }
}

/// What the pictures and sidecars of a folder look like without being opened, to those who
/// understand as much of them as this version does. Nothing, if that could not
/// be learned of one of them.
fn digest(pictures: &[Seen], conditions: u64) -> Option<[u8; 16]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&conditions.to_le_bytes());
    hasher.update(&metadata::VERSION.to_le_bytes());
    for picture in pictures {
        let stamp = picture.stamp.as_ref().ok()?;
        hasher.update(picture.name.as_bytes());
        let mut numbers = [0; 25];
        // A zero byte first, which no name has.
        numbers[1..9].copy_from_slice(&stamp.size.to_le_bytes());
        numbers[9..17].copy_from_slice(&stamp.modified.to_le_bytes());
        numbers[17..].copy_from_slice(&stamp.inode.to_le_bytes());
        hasher.update(&numbers);
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    Some(digest)
}

fn split(path: &Path) -> (PathBuf, OsString) {
    let above = path.parent().unwrap_or(Path::new("")).to_owned();
    (above, path.file_name().unwrap_or_default().to_owned())
}

fn is_photo(record: Option<&FileRecord>) -> bool {
    record.is_some_and(|record| matches!(record.finding, Finding::Photo(_)))
}

/// Whether an error says that there is nothing of this name, no folder any more, or a link on
/// the way.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) || error.raw_os_error() == Some(nix::libc::ELOOP)
}
