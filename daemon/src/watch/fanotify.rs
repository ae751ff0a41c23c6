//! The backend fanotify: one group and one thread for all roots, one mark for each filesystem.
//!
//! Costs nothing for each folder, but the kernel tells of the whole filesystem, also of what is
//! outside of the roots, and asks for `CAP_SYS_ADMIN` and `CAP_DAC_READ_SEARCH`. Nothing stays
//! open on the filesystems, so that they can be unmounted.

mod handles;
mod records;
mod territory;
mod thread;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::fanotify::{EventFFlags, Fanotify as Group, InitFlags, MarkFlags, MaskFlags};

use super::mounts::{self, delivers_events};
use super::news::may_enter;
use super::outlet::Outlet;
use super::reader::Reader;
use super::types::{Backend, RootId, Settings};
use territory::{Branch, Estate, Territory};
use thread::Thread;

/// Why fanotify cannot watch a root; inotify may.
#[derive(Debug, thiserror::Error)]
pub(super) enum FanotifyError {
    /// The kernel gives no group.
    #[error("fanotify_init is refused: {0}")]
    Init(Errno),
    /// The filesystem takes no mark.
    #[error("the filesystem of {} takes no mark: {cause}", path.display())]
    Mark {
        /// A folder of it.
        path: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// Its folders cannot be opened by handle.
    #[error("folders of {} cannot be opened by handle: {cause}", path.display())]
    Handles {
        /// A folder of the filesystem.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The mount table or a thread is missing.
    #[error("{0}")]
    Other(String),
}

/// The watch of all roots that have this backend.
pub(super) struct Fanotify {
    settings: Arc<Settings>,
    group: Mutex<Option<Running>>,
}

/// While there are roots.
struct Running {
    group: Arc<Group>,
    territory: Arc<Mutex<Territory>>,
    _reader: Reader,
}

impl Fanotify {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            group: Mutex::new(None),
        }
    }

    /// Marks the filesystems of a tree; when it returns, all changes are told.
    pub(super) fn add(&self, path: &Path, outlet: Outlet) -> Result<(), FanotifyError> {
        let table = mounts::table().map_err(|error| FanotifyError::Other(error.to_string()))?;
        let mut slot = lock(&self.group);
        let running = match &mut *slot {
            Some(running) => running,
            None => slot.insert(Running::start(&self.settings)?),
        };
        let marked = running.mark_tree(path, &table, &self.settings);
        match marked {
            Ok((branches, refused)) => {
                outlet.report().write(|state| {
                    state.backend = Some(Backend::Fanotify);
                    state.watches = branches.len() as u64;
                    state.unwatched = refused.len() as u64;
                    state.shortage = refused.first().map(|error| {
                        format!(
                            "{} filesystem(s) below the root are polled: {error}",
                            refused.len()
                        )
                    });
                });
                let mut territory = lock(&running.territory);
                territory.estates.push(Estate { outlet, branches });
                territory.forget_paths();
                Ok(())
            }
            Err(error) => {
                let is_idle = lock(&running.territory).estates.is_empty();
                if is_idle {
                    *slot = None;
                }
                Err(error)
            }
        }
    }

    /// Nothing of this root is told any more when it returns.
    pub(super) fn remove(&self, root: RootId) {
        let mut slot = lock(&self.group);
        let Some(running) = &*slot else {
            return;
        };
        let mut territory = lock(&running.territory);
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(&mut territory.estates)
            .into_iter()
            .partition(|estate| estate.outlet.root() == root);
        territory.estates = left;
        territory.forget_paths();
        let is_idle = territory.estates.is_empty();
        for branch in gone.iter().flat_map(|estate| &estate.branches) {
            let is_used = territory
                .estates
                .iter()
                .flat_map(|estate| &estate.branches)
                .any(|other| other.filesystem == branch.filesystem);
            if !is_idle && !is_used {
                // It fails where the filesystem was unmounted, and its mark with it.
                let _ = running.mark(&branch.path, MarkFlags::FAN_MARK_REMOVE);
            }
        }
        drop(territory);
        if is_idle {
            *slot = None;
        }
    }
}

impl Running {
    fn start(settings: &Arc<Settings>) -> Result<Self, FanotifyError> {
        let flags = InitFlags::FAN_CLASS_NOTIF
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_NONBLOCK
            | InitFlags::from_bits_retain(libc::FAN_REPORT_DFID_NAME);
        let events = EventFFlags::O_RDONLY | EventFFlags::O_LARGEFILE | EventFFlags::O_CLOEXEC;
        let group = Arc::new(Group::init(flags, events).map_err(FanotifyError::Init)?);
        let territory = Arc::new(Mutex::new(Territory::new(Arc::clone(settings))));
        let thread = Thread {
            group: Arc::clone(&group),
            territory: Arc::clone(&territory),
            settings: Arc::clone(settings),
        };
        let reader = Reader::start("semfs-watch-fan", move |waiting| thread.run(&waiting))
            .map_err(|error| FanotifyError::Other(error.to_string()))?;
        Ok(Self {
            group,
            territory,
            _reader: reader,
        })
    }

    /// The root's own filesystem must take its mark; those below may refuse.
    fn mark_tree(
        &self,
        path: &Path,
        table: &[mounts::MountEntry],
        settings: &Settings,
    ) -> Result<(Vec<Branch>, Vec<FanotifyError>), FanotifyError> {
        let mut branches = vec![self.mark_branch(path, PathBuf::new(), table)?];
        let mut refused = Vec::new();
        let below = table.iter().filter(|entry| {
            entry.point != path
                && delivers_events(&entry.fstype)
                // What is hidden by a later mount above it cannot be reached.
                && mounts::holding(table, &entry.point) == Some(entry)
        });
        for entry in below {
            let Ok(base) = entry.point.strip_prefix(path) else {
                continue;
            };
            if base.ancestors().any(|folder| {
                !folder.as_os_str().is_empty() && !may_enter(settings, folder, &path.join(folder))
            }) || !mounts::local_way(table, &entry.point)
            {
                continue;
            }
            match self.mark_branch(&entry.point, base.to_owned(), table) {
                Ok(branch) => branches.push(branch),
                Err(error) => refused.push(error),
            }
        }
        Ok((branches, refused))
    }

    fn mark_branch(
        &self,
        path: &Path,
        base: PathBuf,
        table: &[mounts::MountEntry],
    ) -> Result<Branch, FanotifyError> {
        let (branch, folder) =
            Branch::survey(path, base, table).map_err(|cause| FanotifyError::Handles {
                path: path.to_owned(),
                cause,
            })?;
        drop(folder);
        self.mark(path, MarkFlags::FAN_MARK_ADD)
            .map_err(|cause| FanotifyError::Mark {
                path: path.to_owned(),
                cause,
            })?;
        Ok(branch)
    }

    fn mark(&self, path: &Path, what: MarkFlags) -> Result<(), Errno> {
        let mask = MaskFlags::FAN_CREATE
            | MaskFlags::FAN_CLOSE_WRITE
            | MaskFlags::FAN_ATTRIB
            | MaskFlags::FAN_MOVED_FROM
            | MaskFlags::FAN_MOVED_TO
            | MaskFlags::FAN_DELETE
            | MaskFlags::FAN_ONDIR;
        let flags = what | MarkFlags::FAN_MARK_FILESYSTEM | MarkFlags::FAN_MARK_ONLYDIR;
        self.group
            .mark(flags, mask, nix::fcntl::AT_FDCWD, Some(path))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
