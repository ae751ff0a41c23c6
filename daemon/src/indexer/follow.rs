//! From what the kernel tells to passes over what changed.
//!
//! One thread gathers, so that the kernel's queues stay empty; another waits for a quiet
//! moment and looks at what was gathered. A name that is told ten times is looked at once.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use semfs_engine::catalog::{FileKey, RootId};
use semfs_engine::ingest::{Look, PassReport, Progress, RootSettings, Task};

use super::{Indexer, Keeper, lock};
use crate::watch::Change;

/// No change for so long, and what was gathered is looked at.
const QUIET: Duration = Duration::from_millis(60);

/// It is looked at after so long, however much still comes.
const MOST: Duration = Duration::from_millis(500);

/// How soon a file that was being written is looked at again; the kernel usually tells
/// before that.
const AGAIN: Duration = Duration::from_secs(2);

/// No change for so long, and worker processes and model sessions are ended.
const IDLE: Duration = Duration::from_secs(60);

/// More changed folders than this at once, and comparing everything is cheaper.
const MOST_FOLDERS: usize = 20_000;

/// What was gathered and not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    gathered: Mutex<Gathered>,
    came: Condvar,
}

#[derive(Debug)]
struct Gathered {
    look: Look,
    /// When the first of it came, and the last.
    since: Option<(Instant, Instant)>,
    /// Files that were being written, and when to look at them again.
    again: Vec<(Instant, usize, FileKey)>,
}

impl Default for Gathered {
    fn default() -> Self {
        Self {
            look: Look::nothing(),
            since: None,
            again: Vec::new(),
        }
    }
}

impl Gathered {
    fn came(&mut self) {
        let now = Instant::now();
        let first = self.since.map_or(now, |(first, _)| first);
        self.since = Some((first, now));
    }

    /// When there is something to do; never, if nothing waits.
    fn due(&self) -> Option<Instant> {
        let quiet = self
            .since
            .map(|(first, last)| (last + QUIET).min(first + MOST));
        let again = self.again.iter().map(|(when, ..)| *when).min();
        quiet.into_iter().chain(again).min()
    }

    /// Takes what is due.
    fn take(&mut self) -> Look {
        let now = Instant::now();
        let (due, later) = self.again.drain(..).partition(|(when, ..)| *when <= now);
        self.again = later;
        let due: Vec<(Instant, usize, FileKey)> = due;
        for (_, root, file) in due {
            self.look.add_name(root, &file.folder, file.name, false);
        }
        self.since = None;
        std::mem::replace(&mut self.look, Look::nothing())
    }
}

impl Pending {
    /// Has those that wait look whether it is over.
    pub(super) fn wake(&self) {
        self.came.notify_all();
    }

    /// Waits until something happens, or `until`.
    pub(super) fn rest(&self, until: Instant) {
        let gathered = lock(&self.gathered);
        let left = until.saturating_duration_since(Instant::now());
        drop(self.came.wait_timeout(gathered, left));
    }

    fn add(&self, add: impl FnOnce(&mut Gathered)) {
        let mut gathered = lock(&self.gathered);
        add(&mut gathered);
        drop(gathered);
        self.came.notify_all();
    }
}

impl Indexer {
    /// Gathers what the kernel tells, until nobody tells anything any more.
    pub(super) fn gather(&self, changes: &Receiver<Change>) {
        while !self.is_over() {
            match changes.recv_timeout(Duration::from_millis(500)) {
                Ok(change) => self.gather_one(change),
                Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn gather_one(&self, change: Change) {
        match change {
            Change::Written { root, folder, name } => self.changed(root, |number, look| {
                look.add_name(number, &folder, name, true);
            }),
            Change::Created { root, folder, name } | Change::Gone { root, folder, name } => {
                self.changed(root, |number, look| {
                    look.add_name(number, &folder, name, false);
                });
            }
            Change::Folder { root, folder } => self.changed(root, |number, look| {
                look.add_tree(number, folder);
            }),
            Change::Lost { root } => {
                if let Some((_, keeper)) = self.keeper(root) {
                    let root = keeper.root.path.display();
                    tracing::info!(%root, "changes were lost; everything is compared");
                    keeper.wake(|wake| wake.compare = true);
                }
            }
            Change::RootGone { root } | Change::Surroundings { root } => {
                if let Some((_, keeper)) = self.keeper(root) {
                    keeper.wake(|wake| wake.check = true);
                }
            }
        }
    }

    fn changed(&self, root: RootId, add: impl FnOnce(usize, &mut Look)) {
        let Some((number, keeper)) = self.keeper(root) else {
            return;
        };
        let mut too_many = false;
        self.pending.add(|gathered| {
            add(number, &mut gathered.look);
            gathered.came();
            too_many = gathered.look.folders() > MOST_FOLDERS;
            if too_many {
                gathered.look = Look::nothing();
            }
        });
        if too_many {
            keeper.wake(|wake| wake.compare = true);
        }
    }

    pub(super) fn keeper(&self, root: RootId) -> Option<(usize, &Keeper)> {
        let mut keepers = self.keepers.iter().enumerate();
        keepers.find(|(_, keeper)| keeper.id == root)
    }

    /// Has files that were being written looked at again soon.
    pub(super) fn look_again_at(&self, keeper: &Keeper, files: Vec<FileKey>) {
        let Some((number, _)) = self.keeper(keeper.id) else {
            return;
        };
        if files.is_empty() || self.settings(keeper).remote {
            return;
        }
        let when = Instant::now() + AGAIN;
        self.pending.add(|gathered| {
            let files = files.into_iter().map(|file| (when, number, file));
            gathered.again.extend(files);
        });
    }

    /// Looks at what was gathered, when it is due.
    pub(super) fn follow(&self) {
        let progress = Progress::default();
        let mut used = None;
        while !self.is_over() {
            let gathered = lock(&self.pending.gathered);
            let due = gathered.due();
            let now = Instant::now();
            if due.is_none_or(|due| due > now) {
                let idle = used.map(|used: Instant| used + IDLE);
                let until = due.into_iter().chain(idle).min();
                let until = until.unwrap_or(now + IDLE);
                let left = until.saturating_duration_since(now);
                drop(self.pending.came.wait_timeout(gathered, left));
                if idle.is_some_and(|idle| idle <= Instant::now()) && !self.progress().running {
                    self.ingest.put_tools_away();
                    used = None;
                }
                continue;
            }
            let mut gathered = gathered;
            let look = gathered.take();
            drop(gathered);
            used = Some(Instant::now());
            self.look(&look, &progress);
        }
    }

    fn look(&self, look: &Look, progress: &Progress) {
        let Look::Changes(changes) = look else { return };
        let roots: Vec<RootSettings> = self
            .keepers
            .iter()
            .map(|keeper| self.settings(keeper))
            .collect();
        let task = Task {
            roots: &roots,
            look,
            // A whole card of photos gives way to those who search meanwhile.
            bulk: !look.is_small(),
            count: false,
        };
        tracing::debug!(folders = changes.len(), "looking at what changed");
        match self.ingest.run(&task, progress, &self.stop) {
            Ok(report) => self.note_look(report),
            Err(error) => {
                tracing::error!(%error, "what changed could not be looked at");
                // It is not known how far it came.
                self.rescan();
            }
        }
    }

    fn note_look(&self, report: PassReport) {
        let seen = &report.progress;
        if seen.embedded + seen.known + seen.gone > 0 {
            tracing::info!(pass = %seen, "followed");
        }
        let keeper = |path: &PathBuf| {
            let mut keepers = self.keepers.iter();
            keepers.find(|keeper| keeper.root.path == *path)
        };
        for root in &report.offline {
            if let Some(keeper) = keeper(&root.path) {
                keeper.wake(|wake| wake.check = true);
            }
        }
        for root in report.roots {
            if let Some(keeper) = keeper(&root.path) {
                lock(&keeper.state).is_there(root, false);
            }
        }
        for keeper in &self.keepers {
            let of = report
                .unsettled
                .iter()
                .filter(|file| file.root == keeper.id);
            let files: Vec<FileKey> = of.cloned().collect();
            self.look_again_at(keeper, files);
        }
    }
}
