//! The watcher on real folders, with both backends. What needs root says so and passes elsewhere.

mod files;
mod folders;
mod limits;
mod places;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

use super::{Backend, Change, How, RootId, Settings, Watch};

const ROOT: RootId = RootId(3);
const LONG: Duration = Duration::from_secs(20);

/// Tests that change limits of the whole machine write; all others read.
static MACHINE: RwLock<()> = RwLock::new(());

fn usual_machine() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// A watched root in a temporary folder.
struct Watched {
    watch: Watch,
    changes: Receiver<Change>,
    root: PathBuf,
    fences: u32,
    _machine: Option<RwLockReadGuard<'static, ()>>,
    _memory: Option<Memory>,
    _folder: TempDir,
}

/// A tmpfs that is unmounted when this is dropped.
struct Memory(PathBuf);

impl Memory {
    fn mount(path: &Path) -> nix::Result<Self> {
        let none: Option<&str> = None;
        mount(
            Some("semfs-test"),
            path,
            Some("tmpfs"),
            MsFlags::empty(),
            none,
        )?;
        Ok(Self(path.to_owned()))
    }

    fn unmount(&self) {
        umount2(&self.0, MntFlags::MNT_DETACH).unwrap();
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

fn jpeg(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jpg")
}

fn settings() -> Settings {
    Settings {
        excludes: std::sync::Arc::new(|path| path.file_name().is_some_and(|name| name == "@eaDir")),
        is_picture: jpeg,
        ..Settings::default()
    }
}

/// Runs a test with each backend that this process may use.
fn with_each(test: impl Fn(Watched)) {
    for how in [How::Inotify, How::Fanotify] {
        if let Some(watched) = watched(how, |_| {}) {
            test(watched);
        }
    }
}

/// A root that `before` fills before it is watched; nothing if fanotify is not permitted.
fn watched(how: How, before: impl FnOnce(&Path)) -> Option<Watched> {
    let machine = usual_machine();
    let mut watched = watched_with(how, settings(), 100_000, before)?;
    watched._machine = Some(machine);
    Some(watched)
}

fn watched_with(
    how: How,
    settings: Settings,
    room: usize,
    before: impl FnOnce(&Path),
) -> Option<Watched> {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    // Fanotify hears of a whole filesystem: on that of the tests beside it, their storms would
    // overflow its queue.
    let memory = match how {
        How::Fanotify => match Memory::mount(&base) {
            Ok(memory) => Some(memory),
            Err(nix::errno::Errno::EPERM) => {
                eprintln!("skipped: fanotify needs root");
                return None;
            }
            Err(errno) => panic!("a tmpfs cannot be mounted on {}: {errno}", base.display()),
        },
        How::Auto | How::Inotify => None,
    };
    let root = base.join("root");
    fs::create_dir(&root).unwrap();
    before(&root);
    let (sender, changes) = bounded(room);
    let watch = Watch::start(settings, sender).unwrap();
    let state = watch.add(ROOT, &root, how).unwrap();
    if how == How::Fanotify {
        assert_eq!(state.backend, Some(Backend::Fanotify));
    }
    Some(Watched {
        watch,
        changes,
        root,
        fences: 0,
        _machine: None,
        _memory: memory,
        _folder: folder,
    })
}

impl Watched {
    fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    fn write(&self, relative: impl AsRef<Path>) {
        fs::write(self.path(relative), b"picture").unwrap();
    }

    fn make(&self, relative: &str) {
        fs::create_dir_all(self.path(relative)).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// What was told up to now, in order.
    fn told(&mut self) -> Vec<Change> {
        self.fences += 1;
        let fence = format!("fence-{}.jpg", self.fences);
        self.write(&fence);
        let mut told = Vec::new();
        let until = Instant::now() + LONG;
        loop {
            let Ok(change) = self.changes.recv_timeout(Duration::from_secs(1)) else {
                assert!(
                    Instant::now() < until,
                    "the fence never came, only {told:?}"
                );
                // The queue may have been full when it came.
                self.write(&fence);
                continue;
            };
            match change {
                Change::Written { name, .. } if *name == *fence => return told,
                Change::Created { name, .. } if name.to_string_lossy().starts_with("fence-") => {}
                Change::Written { name, .. } if name.to_string_lossy().starts_with("fence-") => {}
                Change::Surroundings { .. } => {}
                other => told.push(other),
            }
        }
    }

    /// The state, when it is as wanted: it is told after the changes that led to it.
    fn state_where(&self, wanted: impl Fn(&super::RootWatch) -> bool) -> super::RootWatch {
        let until = Instant::now() + Duration::from_secs(3);
        loop {
            let state = self.watch.state(ROOT);
            if wanted(&state) || Instant::now() > until {
                return state;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The next change of a kind.
    fn wait_for(&self, wanted: impl Fn(&Change) -> bool) -> Change {
        let until = Instant::now() + LONG;
        let mut told = Vec::new();
        loop {
            match self.changes.recv_deadline(until) {
                Ok(change) if wanted(&change) => return change,
                Ok(change) => told.push(change),
                Err(_) => panic!("it never came, only {told:?}"),
            }
        }
    }
}

/// What a receiver knows that believes the watcher: all pictures, found by looking where it is told to.
struct Mirror {
    root: PathBuf,
    files: BTreeSet<PathBuf>,
    lost: usize,
}

impl Mirror {
    fn new(root: &Path) -> Self {
        let mut mirror = Self {
            root: root.to_owned(),
            files: BTreeSet::new(),
            lost: 0,
        };
        mirror.look(Path::new(""));
        mirror
    }

    fn look(&mut self, folder: &Path) {
        self.files.retain(|file| !file.starts_with(folder));
        let mut left = vec![folder.to_owned()];
        while let Some(folder) = left.pop() {
            let Ok(entries) = fs::read_dir(self.root.join(&folder)) else {
                continue;
            };
            for entry in entries.flatten() {
                let path = folder.join(entry.file_name());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => left.push(path),
                    Ok(_) if jpeg(&path) => drop(self.files.insert(path)),
                    _ => {}
                }
            }
        }
    }

    fn believe(&mut self, change: &Change) {
        match change {
            Change::Written { folder, name, .. } | Change::Created { folder, name, .. } => {
                let path = folder.join(name);
                if self.root.join(&path).symlink_metadata().is_ok() {
                    self.files.insert(path);
                }
            }
            Change::Gone { folder, name, .. } => {
                let path = folder.join(name);
                self.files.retain(|file| !file.starts_with(&path));
                // The news may be older than what has come to this name since.
                if self.root.join(&path).is_file() {
                    self.files.insert(path);
                }
            }
            Change::Folder { folder, .. } => self.look(folder),
            Change::Lost { .. } => {
                self.lost += 1;
                self.look(Path::new(""));
            }
            Change::RootGone { .. } | Change::Surroundings { .. } => {}
        }
    }

    /// What it believes must be what is there.
    fn assert_true(&self) {
        let truth = Self::new(&self.root);
        let missing: Vec<_> = truth.files.difference(&self.files).take(5).collect();
        let false_ones: Vec<_> = self.files.difference(&truth.files).take(5).collect();
        assert!(
            missing.is_empty() && false_ones.is_empty(),
            "missed {missing:?}, believes {false_ones:?} to be there"
        );
    }
}

/// Works while a mirror believes what it is told; returns the mirror when both are done.
fn mirrored(watched: &mut Watched, work: impl FnOnce(&Path) + Send) -> Mirror {
    let mut mirror = Mirror::new(&watched.root);
    let root = watched.root.clone();
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| work(&root));
        while !worker.is_finished() {
            while let Ok(change) = watched.changes.recv_timeout(Duration::from_millis(5)) {
                mirror.believe(&change);
            }
        }
    });
    for change in watched.told() {
        mirror.believe(&change);
    }
    mirror.look_at_fences();
    mirror
}

impl Mirror {
    /// Fences are not told; everything else must be.
    fn look_at_fences(&mut self) {
        for entry in fs::read_dir(&self.root).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("fence-") {
                self.files.insert(entry.file_name().into());
            }
        }
    }
}

fn written(folder: &str, name: impl AsRef<OsStr>) -> Change {
    let (folder, name) = (folder.into(), name.as_ref().to_owned());
    Change::Written {
        root: ROOT,
        folder,
        name,
    }
}

fn created(folder: &str, name: impl AsRef<OsStr>) -> Change {
    let (folder, name) = (folder.into(), name.as_ref().to_owned());
    Change::Created {
        root: ROOT,
        folder,
        name,
    }
}

fn gone(folder: &str, name: impl AsRef<OsStr>) -> Change {
    let (folder, name) = (folder.into(), name.as_ref().to_owned());
    Change::Gone {
        root: ROOT,
        folder,
        name,
    }
}

fn folder(folder: &str) -> Change {
    let folder = folder.into();
    Change::Folder { root: ROOT, folder }
}

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: needs root");
    }
    is_root
}
