//! The first stage: every folder of every root, compared with the catalogue.
//!
//! Folders are looked at by several threads; each folder is one comparison of its names
//! with the catalogue's records of it, which lie side by side. What is new or changed
//! goes on to be read; what is gone is said at once. Memory is bounded by the largest
//! single folder, the folders that wait, and eight bytes for each folder seen.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};
use std::thread;

use crossbeam_channel::Sender;
use nix::sys::statfs::{self, FsType};
use walkdir::WalkDir;

use super::{Candidate, Change, IngestError, OfflineRoot, Pass, lock, root_id};
use crate::catalog::{FileKey, FileRecord, Finding, RootId, Stamp};
use crate::media::Format;
use crate::problem::{Problem, ProblemKind};

/// A root that can be walked.
#[derive(Debug)]
struct Root {
    id: RootId,
    path: PathBuf,
    stable_inodes: bool,
}

/// A folder that waits to be looked at.
#[derive(Debug)]
struct Job {
    root: usize,
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
    roots: Vec<Root>,
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

/// The next stage has hung up.
struct HungUp;

/// Walks all roots and returns those that could not be.
pub(super) fn walk(
    pass: &Pass<'_>,
    threads: usize,
    candidates: Sender<Candidate>,
    changes: Sender<Change>,
) -> Result<Vec<OfflineRoot>, IngestError> {
    let (roots, offline) = reachable(pass)?;
    let waiting = (0..roots.len()).map(|root| Job {
        root,
        folder: PathBuf::new(),
    });
    let walk = Walk {
        pass,
        queue: Mutex::new(Queue {
            waiting: waiting.collect(),
            busy: 0,
        }),
        roots,
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
        for root in &walk.roots {
            walk.forget_gone_folders(root)?;
        }
    }
    Ok(offline)
}

/// Tells the roots that can be walked from those that are offline.
fn reachable(pass: &Pass<'_>) -> Result<(Vec<Root>, Vec<OfflineRoot>), IngestError> {
    let (mut roots, mut offline) = (Vec::new(), Vec::new());
    for path in pass.settings.roots {
        let id = root_id(pass.index, path)?;
        match first_look(path) {
            Err(error) => offline.push(OfflineRoot {
                path: path.clone(),
                reason: error.to_string(),
            }),
            // An empty mount point looks like this, and so does a disk that lost all.
            Ok(false) if pass.index.catalog().has_files(id)? => offline.push(OfflineRoot {
                path: path.clone(),
                reason: "it is empty, and held photos before; if they were really deleted, \
                         delete the folder's entry from `roots`, or add a file to it"
                    .to_owned(),
            }),
            Ok(_) => roots.push(Root {
                id,
                path: path.clone(),
                stable_inodes: keeps_inodes(path),
            }),
        }
    }
    Ok((roots, offline))
}

/// Whether a folder holds anything.
fn first_look(path: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(path)?.next().transpose()?.is_some())
}

/// Network filesystems through FUSE number their files anew at each mount.
fn keeps_inodes(path: &Path) -> bool {
    const FUSE: FsType = FsType(nix::libc::FUSE_SUPER_MAGIC);
    statfs::statfs(path).is_ok_and(|found| found.filesystem_type() != FUSE)
}

impl Walk<'_> {
    /// One thread: looks at waiting folders until there are none and none can come.
    fn work(&self) {
        while let Some(job) = self.next() {
            let outcome = self.look_at(&job);
            let mut queue = lock(&self.queue);
            queue.busy -= 1;
            match outcome {
                Ok(Ok(folders)) => {
                    // Depth first: the number that waits stays small.
                    queue
                        .waiting
                        .extend(folders.into_iter().rev().map(|folder| Job {
                            root: job.root,
                            folder,
                        }));
                }
                Ok(Err(HungUp)) => queue.waiting.clear(),
                Err(error) => {
                    queue.waiting.clear();
                    self.pass.fail(error);
                }
            }
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

    /// Compares one folder with the catalogue. Returns its folders.
    fn look_at(&self, job: &Job) -> Result<Result<Vec<PathBuf>, HungUp>, IngestError> {
        let root = &self.roots[job.root];
        let catalog = self.pass.index.catalog();
        let mut recorded: HashMap<OsString, FileRecord> = HashMap::new();
        for entry in catalog.folder(root.id, &job.folder) {
            let (file, record) = entry?;
            recorded.insert(file.name, record);
        }
        let mut folders = Vec::new();
        let mut pictures = false;
        let mut complete = true;
        let mut unchanged = 0;
        let path = root.path.join(&job.folder);
        for entry in WalkDir::new(&path)
            .min_depth(1)
            .max_depth(1)
            .sort_by_file_name()
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    complete = false;
                    if self
                        .folder_problem(root, &job.folder, &error, &recorded)
                        .is_err()
                    {
                        return Ok(Err(HungUp));
                    }
                    continue;
                }
            };
            let relative = job.folder.join(entry.file_name());
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
            pictures = true;
            let file = FileKey {
                root: root.id,
                folder: job.folder.clone(),
                name: entry.file_name().to_owned(),
            };
            let record = recorded.remove(&file.name);
            let stamp = match entry.metadata() {
                Ok(metadata) => Stamp::of(&metadata, root.stable_inodes),
                Err(error) if is_gone(error.io_error()) => {
                    if record.is_some() && self.send(Change::Gone(file)).is_err() {
                        return Ok(Err(HungUp));
                    }
                    continue;
                }
                // The reader will find out what is wrong, and say so.
                Err(_) => Stamp {
                    size: 0,
                    modified: 0,
                    inode: 0,
                },
            };
            if record.is_some_and(|record| is_settled(&record, stamp)) {
                unchanged += 1;
                continue;
            }
            let candidate = Candidate {
                file,
                path: entry.into_path(),
                stamp,
                stable_inodes: root.stable_inodes,
            };
            if self.candidates.send(candidate).is_err() {
                return Ok(Err(HungUp));
            }
        }
        self.pass.progress.folder();
        self.pass.progress.unchanged(unchanged);
        lock(&self.seen).insert(self.number(root.id, &job.folder));
        if !complete {
            lock(&self.incomplete).push((root.id, job.folder.clone()));
            return Ok(Ok(folders));
        }
        // What the catalogue has and the folder has not. The record without a name said
        // that the folder could not be listed: it is gone as well.
        for (name, _) in recorded {
            let file = FileKey {
                root: root.id,
                folder: job.folder.clone(),
                name,
            };
            if self.send(Change::Gone(file)).is_err() {
                return Ok(Err(HungUp));
            }
        }
        if pictures && !catalog.has_folder(root.id, &job.folder)? {
            let folder = Change::Folder(root.id, job.folder.clone());
            if self.send(folder).is_err() {
                return Ok(Err(HungUp));
            }
        }
        Ok(Ok(folders))
    }

    /// Says that a folder could not be listed, once for each folder.
    fn folder_problem(
        &self,
        root: &Root,
        folder: &Path,
        error: &walkdir::Error,
        recorded: &HashMap<OsString, FileRecord>,
    ) -> Result<(), HungUp> {
        let cause = error
            .io_error()
            .map_or_else(|| error.to_string(), io::Error::to_string);
        let reason = format!("the folder cannot be listed: {cause}");
        let problem = Problem::new(ProblemKind::Unreadable, reason);
        if let Some(FileRecord {
            finding: Finding::Problem(known),
            ..
        }) = recorded.get(&OsString::new())
            && *known == problem
        {
            return Ok(());
        }
        let file = FileKey {
            root: root.id,
            folder: folder.to_owned(),
            name: OsString::new(),
        };
        let stamp = Stamp {
            size: 0,
            modified: 0,
            inode: 0,
        };
        // Recorded, so that its problem is forgotten when the folder is.
        self.send(Change::Folder(root.id, folder.to_owned()))?;
        self.send(Change::Problem(file, stamp, problem))
    }

    /// Forgets the files of folders that were recorded and are no longer there.
    fn forget_gone_folders(&self, root: &Root) -> Result<(), IngestError> {
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
            for entry in catalog.folder(root.id, &folder) {
                let (file, _) = entry?;
                if self.send(Change::Gone(file)).is_err() {
                    return Ok(());
                }
            }
            if self.send(Change::GoneFolder(root.id, folder)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn send(&self, change: Change) -> Result<(), HungUp> {
        self.changes.send(change).map_err(|_| HungUp)
    }

    fn number(&self, root: RootId, folder: &Path) -> u64 {
        self.hasher.hash_one((root, folder))
    }
}

/// Whether a file needs no second look: same size, time and inode, and a finding that
/// only other bytes could change.
fn is_settled(record: &FileRecord, stamp: Stamp) -> bool {
    let lasting = match &record.finding {
        Finding::Photo(_) => true,
        Finding::Problem(problem) => !problem.is_transient(),
    };
    lasting && record.stamp == stamp
}

fn is_gone(error: Option<&io::Error>) -> bool {
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}
