//! A network filesystem for tests, whose server can hang, fail, and go away.
//!
//! Shows a folder read-only through FUSE, served from threads of this process, and keeps
//! nothing: every question comes to the server. While it hangs, requests wait, and who
//! asked cannot be interrupted, not even killed: as with a dead NFS server. It knows
//! nothing of semfs.
#![allow(dead_code, reason = "each test uses a part of it")]

mod server;

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use fuser::{BackgroundSession, Config, Errno, MountOption};

use server::Server;

/// A folder seen through a server that can hang. Dropped: all who wait are sent away with
/// EIO, and it is unmounted.
pub struct RemoteFilesystem {
    shared: Arc<Shared>,
    source: PathBuf,
    point: PathBuf,
    subtype: String,
    session: Option<BackgroundSession>,
}

impl RemoteFilesystem {
    /// Mounts what `source` holds at `point`, with a type of `fuse.<subtype>`. `None`
    /// where this machine or user cannot mount.
    pub fn mount(source: &Path, point: &Path, subtype: &str) -> Option<Self> {
        let mut remote = Self {
            shared: Arc::default(),
            source: source.to_owned(),
            point: point.to_owned(),
            subtype: subtype.to_owned(),
            session: None,
        };
        remote.mount_again().ok()?;
        Some(remote)
    }

    /// From now on, every request waits.
    pub fn hang(&self) {
        lock(&self.shared.behaviour).hangs = true;
    }

    /// From now on, reads at and beyond this offset wait.
    pub fn hang_reads_from(&self, offset: u64) {
        lock(&self.shared.behaviour).reads_hang_from = Some(offset);
    }

    /// From now on, every read takes so long.
    pub fn delay_reads(&self, delay: Duration) {
        lock(&self.shared.behaviour).delay = delay;
    }

    /// Answers all who wait, and from now on everybody.
    pub fn answer(&self) {
        let waiting = {
            let mut behaviour = lock(&self.shared.behaviour);
            behaviour.hangs = false;
            behaviour.reads_hang_from = None;
            std::mem::take(&mut behaviour.waiting)
        };
        let failure = lock(&self.shared.behaviour).failure;
        for job in waiting {
            job(failure);
        }
    }

    /// From now on, every request that does not wait fails with this error number; with
    /// `None`, they succeed again.
    pub fn fail(&self, errno: Option<i32>) {
        lock(&self.shared.behaviour).failure = errno.map(Errno::from_i32);
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        lock(&self.shared.behaviour).waiting.len()
    }

    /// How many requests there were since the first mount.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Takes the mount away from its folder, also while it is in use; who has something
    /// open there keeps it. The folder is then what was mounted over.
    pub fn unmount_lazily(&self) {
        use nix::mount::{MntFlags, umount2};
        // A link or another mount is none of ours; the helper is for those who are not root.
        let flags = MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW;
        if umount2(&self.point, flags).is_err() && self.is_mounted() {
            let helper = Command::new("fusermount3")
                .arg("-uz")
                .arg(&self.point)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            drop(helper);
        }
    }

    /// Mounts it at the same place after it was unmounted. All inode numbers are others.
    pub fn mount_again(&mut self) -> io::Result<()> {
        // The old one first: dropped later, it would unmount its successor.
        self.session = None;
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("server:/photos".to_owned()),
            MountOption::CUSTOM(format!("subtype={}", self.subtype)),
            MountOption::RO,
            MountOption::NoDev,
            MountOption::NoSuid,
        ];
        config.n_threads = Some(2);
        let server = Server::new(Arc::clone(&self.shared), self.source.clone());
        let session = fuser::Session::new(server, &self.point, &config)?;
        self.session = Some(session.spawn()?);
        Ok(())
    }

    /// Whether this mount is in the kernel's list. Asks no server.
    pub fn is_mounted(&self) -> bool {
        let list = fs::read("/proc/self/mountinfo").unwrap_or_default();
        let point = self.point.as_os_str().as_bytes();
        list.split(|byte| *byte == b'\n')
            .any(|line| line.split(|byte| *byte == b' ').nth(4) == Some(point))
    }
}

impl Drop for RemoteFilesystem {
    fn drop(&mut self) {
        self.fail(Some(nix::libc::EIO));
        self.answer();
        if self.session.is_some() {
            self.unmount_lazily();
        }
    }
}

/// What waits for the server: answered with the failure, if there is one.
type Job = Box<dyn FnOnce(Option<Errno>) + Send>;

#[derive(Default)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    requests: AtomicU64,
}

#[derive(Default)]
struct Behaviour {
    hangs: bool,
    reads_hang_from: Option<u64>,
    delay: Duration,
    failure: Option<Errno>,
    waiting: Vec<Job>,
}

impl Shared {
    /// Does the job now or, where the server hangs, when it answers again. No thread
    /// waits: however many requests hang, the kernel knows that the server has them.
    fn take(&self, offset: Option<u64>, job: impl FnOnce(Option<Errno>) + Send + 'static) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut behaviour = lock(&self.behaviour);
        let beyond = |from| offset.is_some_and(|offset| offset >= from);
        if behaviour.hangs || behaviour.reads_hang_from.is_some_and(beyond) {
            behaviour.waiting.push(Box::new(job));
            return;
        }
        let failure = behaviour.failure;
        let delay = offset.map_or(Duration::ZERO, |_| behaviour.delay);
        drop(behaviour);
        thread::sleep(delay);
        job(failure);
    }
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}
