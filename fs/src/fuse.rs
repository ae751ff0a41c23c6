//! The one place that speaks FUSE: requests of the kernel become questions to the
//! namespace, and answers become replies.
//!
//! No handler here waits: what may take time (a query, a pin) is handed to `Jobs`, which
//! reply from their own threads; what touches the disk of an original, to threads of that disk. What the kernel may keep, it keeps until the next generation,
//! and a minute at the longest.

mod following;
mod handlers;
mod originals;
mod shared;

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, bounded};
use fuser::{BackgroundSession, Config, INodeNo, MountOption};

use crate::mount::SOURCE;
use crate::mountpoint;
use crate::namespace::Namespace;
use crate::nodes::Surplus;
use handlers::Fuse;
use shared::Shared;

/// Threads that read requests. One would be fastest for one caller, but a slow request
/// would stall all others.
const THREADS: usize = 2;

/// A mounted filesystem and its threads.
#[derive(Debug)]
pub(crate) struct Session {
    session: BackgroundSession,
}

impl Session {
    /// Mounts at `path` and serves from threads of its own.
    pub(crate) fn mount(namespace: Arc<Namespace>, path: &Path) -> io::Result<Self> {
        let (surplus, to_forget) = bounded(1024);
        let shared = Arc::new(Shared::new(Arc::clone(&namespace), surplus));
        let followed = Arc::downgrade(&shared);
        let filesystem = Fuse::new(shared)?;
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName(SOURCE.to_owned()),
            // `Subtype` is lost when root mounts without the helper; this is not.
            MountOption::CUSTOM(format!("subtype={SOURCE}")),
            // Not `RO`: pins are made and removed. And not `DefaultPermissions`: with it a user
            // would be told of permissions where nothing can be changed by anybody, and nobody
            // but the owner is let in as it is.
            MountOption::RW,
            MountOption::NoDev,
            MountOption::NoSuid,
            MountOption::NoAtime,
        ];
        config.n_threads = Some(THREADS);
        config.clone_fd = true;
        let session = fuser::Session::new(filesystem, path, &config)?.spawn()?;
        let notifier = session.notifier();
        thread::Builder::new()
            .name("forget".to_owned())
            .spawn(move || {
                forget_surplus(&notifier, &to_forget);
            })?;
        let notifier = session.notifier();
        thread::Builder::new()
            .name("follow".to_owned())
            .spawn(move || following::follow(&followed, &namespace, &notifier))?;
        Ok(Self { session })
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.session.guard.is_finished()
    }

    /// Unmounts `path`; where programs still use it, detaches it, and they keep what
    /// they have open until they close it or this process ends.
    pub(crate) fn unmount(self, path: &Path) -> io::Result<()> {
        if !self.is_running() {
            // Somebody else has unmounted it already.
            return Ok(());
        }
        match self.session.umount_and_join() {
            Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => {
                mountpoint::detach(path)
            }
            other => other,
        }
    }
}

/// Asks the kernel to forget names. Not from a handler: the kernel may hold a lock then
/// that it needs for this.
fn forget_surplus(notifier: &fuser::Notifier, to_forget: &Receiver<Surplus>) {
    for Surplus { parent, name } in to_forget {
        // In use, or forgotten already: both are fine.
        let _ = notifier.inval_entry(INodeNo(parent), OsStr::new(&name));
    }
}
