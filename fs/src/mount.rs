//! A namespace at a mount point, from [`Mount::new`] until it is dropped.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fuse;
use crate::mountpoint;
use crate::namespace::Namespace;

/// The name of the source of our mounts in the mount table.
pub(crate) const SOURCE: &str = "semfs";

/// Why nothing is mounted, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The kernel has no FUSE.
    #[error(
        "semfs cannot mount: there is no usable /dev/fuse. Load the kernel module with `modprobe \
         fuse`; in a container, start it with `--device /dev/fuse --cap-add SYS_ADMIN`"
    )]
    NoDevice,
    /// This user may not use it.
    #[error(
        "semfs cannot mount: this user may not open /dev/fuse. Run semfs as root, or let users \
         mount with `chmod 666 /dev/fuse` (Debian's default outside containers)"
    )]
    DeviceDenied,
    /// There is no helper for users.
    #[error("semfs cannot mount: `fusermount3` is missing. Run `apt install fuse3`")]
    Helper,
    /// The mount point is not fit.
    #[error("semfs cannot mount at {}: {reason}; {advice}", path.display())]
    Point {
        /// The mount point.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// The kernel or the helper refused.
    #[error("mounting at {} failed: {source}", path.display())]
    Refused {
        /// The mount point.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
    /// It could not be unmounted.
    #[error(
        "unmounting {} failed: {source}; it can be detached with `fusermount3 -uz {0}`",
        path.display()
    )]
    Unmount {
        /// The mount point.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// A mounted namespace. Dropping it unmounts.
#[derive(Debug)]
pub struct Mount {
    path: PathBuf,
    session: Option<fuse::Session>,
}

impl Mount {
    /// Mounts `namespace` at `path`, an empty folder, and serves it from threads of its
    /// own.
    ///
    /// # Errors
    /// Each says what was found and what to do about it.
    pub fn new(namespace: Arc<Namespace>, path: &Path) -> Result<Self, MountError> {
        mountpoint::prepare(path)?;
        let session =
            fuse::Session::mount(namespace, path).map_err(|source| MountError::Refused {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            path: path.to_owned(),
            session: Some(session),
        })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it still is: somebody else may have unmounted it.
    #[must_use]
    pub fn is_mounted(&self) -> bool {
        self.session.as_ref().is_some_and(fuse::Session::is_running)
    }

    /// Unmounts, and waits until the last request is answered. A mount that a program
    /// still has open disappears from the tree at once all the same.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn unmount(mut self) -> Result<(), MountError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), MountError> {
        let Some(session) = self.session.take() else {
            return Ok(());
        };
        session
            .unmount(&self.path)
            .map_err(|source| MountError::Unmount {
                path: self.path.clone(),
                source,
            })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the mount is left behind");
        }
    }
}
