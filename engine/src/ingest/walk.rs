//! The first stage: every folder of every root, compared with the catalogue.
//!
//! Folders are looked at by several threads; each folder is one comparison of its names
//! with the catalogue's records of it, which lie side by side. What is new or changed
//! goes on to be read; what is gone is said at once. Memory is bounded by the largest
//! single folder, the folders that wait, and eight bytes for each folder seen.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crossbeam_channel::Sender;
use walkdir::{DirEntry, WalkDir};

use super::root::Root;
use super::{Candidate, Change, IngestError, OfflineRoot, Pass, lock};
use crate::catalog::{FileKey, FileRecord, Finding, RootId, Stamp};
use crate::media::Format;
use crate::problem::{Problem, ProblemKind};

/// How often the display learns of files that need nothing.
const STEP: u64 = 256;

/// A folder that waits to be looked at.
#[derive(Debug)]
struct Job {
    root: Arc<Root>,
    folder: PathBuf,
}

/// The folders that wait, and how many are being looked at.
#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Job>,
    busy: usize,
}

struct Walk<'a> {
    pass: &'a Pass<'a>,
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Hashes of the folders that were looked at.
    seen: Mutex<HashSet<u64>>,
    /// Folders that could not be listed whole; nothing below them is taken for gone.
    incomplete: Mutex<Vec<(RootId, PathBuf)>>,
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

/// Walks all roots and returns those that could not be, or went away meanwhile.
pub(super) fn walk(
    pass: &Pass<'_>,
    threads: usize,
    candidates: Sender<Candidate>,
    changes: Sender<Change>,
) -> Result<Vec<OfflineRoot>, IngestError> {
    let (mut roots, mut offline) = (Vec::new(), Vec::new());
    for path in pass.settings.roots {
        match Root::reach(pass, path)? {
            Ok(root) => roots.push(Arc::new(root)),
            Err(root) => offline.push(root),
        }
    }
    let waiting = roots.iter().rev().map(|root| Job {
        root: Arc::clone(root),
        folder: PathBuf::new(),
    });
    let walk = Walk {
        pass,
        queue: Mutex::new(Queue {
            waiting: waiting.collect(),
            busy: 0,
        }),
        changed: Condvar::new(),
        seen: Mutex::default(),
        incomplete: Mutex::default(),
        hasher: RandomState::new(),
        candidates,
        changes,
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| walk.work());
        }
        walk.work();
    });
    if !pass.is_over() {
        for root in &roots {
            match walk.forget_gone_folders(root) {
                Ok(()) => {}
                Err(Ended::HungUp) => break,
                Err(Ended::Failed(error)) => return Err(error),
            }
        }
    }
    offline.extend(roots.iter().filter_map(|root| root.offline()));
    Ok(offline)
}

impl Walk<'_> {
    /// One thread: looks at waiting folders until there are none and none can come.
    fn work(&self) {
        while let Some(job) = self.next() {
            let folders = match self.look_at(&job) {
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

    /// Compares one folder with the catalogue. Returns the folders in it.
    fn look_at(&self, job: &Job) -> Result<Vec<PathBuf>, Ended> {
        let Job { root, folder } = job;
        let catalog = self.pass.index.catalog();
        let mut recorded: HashMap<OsString, FileRecord> = HashMap::new();
        for entry in catalog.folder(root.id, folder) {
            let (file, record) = entry?;
            recorded.insert(file.name, record);
        }
        let mut folders = Vec::new();
        let mut complete = true;
        let mut unchanged = 0;
        let path = root.path.join(folder);
        for entry in WalkDir::new(&path)
            .min_depth(1)
            .max_depth(1)
            .sort_by_file_name()
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    complete = false;
                    if root.is_there() {
                        self.folder_problem(job, &error, &recorded)?;
                    }
                    continue;
                }
            };
            let relative = folder.join(entry.file_name());
            if self.pass.settings.excludes.excludes(&relative) {
                continue;
            }
            if entry.file_type().is_dir() {
                if !self.pass.settings.never_enter.contains(entry.path()) {
                    folders.push(relative);
                }
                continue;
            }
            if !entry.file_type().is_file() || !Format::is_picture_name(entry.path()) {
                continue;
            }
            let record = recorded.remove(entry.file_name());
            match self.look_at_file(job, &entry, record)? {
                Seen::Unchanged => unchanged += 1,
                Seen::Sent => {}
                Seen::Unknown => complete = false,
            }
            if unchanged == STEP {
                self.pass.progress.unchanged(unchanged);
                unchanged = 0;
            }
        }
        self.pass.progress.folder();
        self.pass.progress.unchanged(unchanged);
        lock(&self.seen).insert(self.number(root.id, folder));
        if !complete {
            lock(&self.incomplete).push((root.id, folder.clone()));
            return Ok(folders);
        }
        // What the catalogue has and the folder has not. The record without a name said
        // that the folder could not be listed: it is gone as well.
        if !recorded.is_empty() && root.is_there() {
            for name in recorded.into_keys() {
                self.send(Change::Gone(self.file(job, name)))?;
            }
        }
        Ok(folders)
    }

    /// Compares one picture with its record, and sends it on if it is to be read.
    fn look_at_file(
        &self,
        job: &Job,
        entry: &DirEntry,
        record: Option<FileRecord>,
    ) -> Result<Seen, Ended> {
        let Job { root, .. } = job;
        let file = self.file(job, entry.file_name().to_owned());
        let stamp = match entry.metadata() {
            Ok(metadata) => Stamp::of(&metadata, root.stable_inodes),
            Err(error) if is_gone(error.io_error()) => {
                if record.is_some() && root.is_there() {
                    self.send(Change::Gone(file))?;
                }
                return Ok(Seen::Sent);
            }
            // A photo stays one while the disk does not answer for it.
            Err(_) if is_photo(record.as_ref()) => return Ok(Seen::Unknown),
            // The reader will find out what is wrong, and say so.
            Err(_) => Stamp::UNKNOWN,
        };
        if record.is_some_and(|record| self.is_settled(&record, stamp)) {
            return Ok(Seen::Unchanged);
        }
        let candidate = Candidate {
            file,
            path: entry.path().to_owned(),
            stamp,
            root: Arc::clone(root),
        };
        match self.candidates.send(candidate) {
            Ok(()) => Ok(Seen::Sent),
            Err(_) => Err(Ended::HungUp),
        }
    }

    /// Whether a file needs no second look: same size, time and inode, and a finding that
    /// only other bytes or other conditions could change.
    fn is_settled(&self, record: &FileRecord, stamp: Stamp) -> bool {
        let lasting = match &record.finding {
            Finding::Photo(_) => true,
            Finding::Problem(problem, conditions) => {
                !problem.is_transient() && *conditions == self.pass.conditions
            }
        };
        lasting && record.stamp == stamp
    }

    /// Says that a folder could not be listed.
    fn folder_problem(
        &self,
        job: &Job,
        error: &walkdir::Error,
        recorded: &HashMap<OsString, FileRecord>,
    ) -> Result<(), Ended> {
        let cause = error
            .io_error()
            .map_or_else(|| error.to_string(), io::Error::to_string);
        let reason = format!("the folder cannot be listed: {cause}");
        let problem = Problem::new(ProblemKind::Unreadable, reason);
        let known = recorded.get(&OsString::new()).map(|record| &record.finding);
        if matches!(known, Some(Finding::Problem(known, _)) if *known == problem) {
            return Ok(());
        }
        let file = self.file(job, OsString::new());
        self.send(Change::Problem(file, Stamp::UNKNOWN, problem))
    }

    /// Forgets the files of folders that were recorded and are no longer there.
    fn forget_gone_folders(&self, root: &Root) -> Result<(), Ended> {
        let catalog = self.pass.index.catalog();
        let incomplete = lock(&self.incomplete);
        for folder in catalog.folders(root.id) {
            let folder = folder?;
            let seen = lock(&self.seen).contains(&self.number(root.id, &folder));
            let uncertain = incomplete
                .iter()
                .any(|(id, above)| *id == root.id && folder.starts_with(above));
            if seen || uncertain {
                continue;
            }
            if !root.is_there() {
                return Ok(());
            }
            for entry in catalog.folder(root.id, &folder) {
                let (file, _) = entry?;
                self.send(Change::Gone(file))?;
            }
            self.send(Change::GoneFolder(root.id, folder))?;
        }
        Ok(())
    }

    fn file(&self, job: &Job, name: OsString) -> FileKey {
        FileKey {
            root: job.root.id,
            folder: job.folder.clone(),
            name,
        }
    }

    fn send(&self, change: Change) -> Result<(), Ended> {
        self.changes.send(change).map_err(|_| Ended::HungUp)
    }

    fn number(&self, root: RootId, folder: &Path) -> u64 {
        self.hasher.hash_one((root, folder))
    }
}

/// What a look at a file gave.
enum Seen {
    /// Nothing is to be done.
    Unchanged,
    /// It went to the next stage, or is gone.
    Sent,
    /// It is there, and nothing could be learned of it.
    Unknown,
}

fn is_photo(record: Option<&FileRecord>) -> bool {
    record.is_some_and(|record| matches!(record.finding, Finding::Photo(_)))
}

fn is_gone(error: Option<&io::Error>) -> bool {
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}
