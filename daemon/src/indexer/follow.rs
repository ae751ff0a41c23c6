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

/// More changes than this at once, and comparing everything is cheaper.
const MOST_CHANGES: usize = 100_000;

/// What was gathered and not looked at yet.
#[derive(Debug)]
pub(super) struct Pending {
    gathered: Mutex<Gathered>,
    /// What is too much to be looked at before everything else.
    bulk: Mutex<Look>,
    came: Condvar,
    bulk_came: Condvar,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            gathered: Mutex::default(),
            bulk: Mutex::new(Look::nothing()),
            came: Condvar::new(),
            bulk_came: Condvar::new(),
        }
    }
}

#[derive(Debug)]
struct Gathered {
    look: Look,
    /// Changes in it, those that were told twice counted twice.
    changes: usize,
    /// When the first of it came, and the last.
    since: Option<(Instant, Instant)>,
    /// Files that were being written, and when to look at them again.
    again: Vec<(Instant, usize, FileKey)>,
}

impl Default for Gathered {
    fn default() -> Self {
        Self {
            look: Look::nothing(),
            changes: 0,
            since: None,
            again: Vec::new(),
        }
    }
}

impl Gathered {
    fn came(&mut self) {
        self.changes += 1;
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
        self.forget()
    }

    fn forget(&mut self) -> Look {
        self.since = None;
        self.changes = 0;
        std::mem::replace(&mut self.look, Look::nothing())
    }
}

impl Pending {
    /// Has those that wait look whether it is over.
    pub(super) fn wake(&self) {
        // Under the locks: nobody looks before and sleeps after.
        drop(lock(&self.gathered));
        self.came.notify_all();
        drop(lock(&self.bulk));
        self.bulk_came.notify_all();
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
            Change::RootGone { root } => {
                if let Some((_, keeper)) = self.keeper(root) {
                    keeper.wake(|wake| wake.unwatched = true);
                }
            }
            Change::Surroundings { root } => {
                if let Some((_, keeper)) = self.keeper(root) {
                    keeper.wake(|wake| wake.check = true);
                }
            }
        }
    }

    fn changed(&self, root: RootId, add: impl FnOnce(usize, &mut Look)) {
        let Some((number, _)) = self.keeper(root) else {
            return;
        };
        let mut too_many = false;
        self.pending.add(|gathered| {
            add(number, &mut gathered.look);
            gathered.came();
            too_many = gathered.changes > MOST_CHANGES;
            if too_many {
                gathered.forget();
            }
        });
        if too_many {
            // Of whatever root they were.
            self.rescan();
        }
    }

    pub(super) fn keeper(&self, root: RootId) -> Option<(usize, &Keeper)> {
        let mut keepers = self.keepers.iter().enumerate();
        keepers.find(|(_, keeper)| keeper.id == root)
    }

    /// Has files that were being written looked at again soon. Those on a network are met by
    /// the next poll.
    pub(super) fn look_again_at(&self, files: Vec<FileKey>) {
        if files.is_empty() {
            return;
        }
        let when = Instant::now() + AGAIN;
        let files = files.into_iter().filter_map(|file| {
            let (number, keeper) = self.keeper(file.root)?;
            (!self.settings(keeper).remote).then_some((when, number, file))
        });
        let files: Vec<_> = files.collect();
        self.pending.add(|gathered| gathered.again.extend(files));
    }

    /// Looks at what was gathered, when it is due.
    pub(super) fn follow(&self) {
        let progress = Progress::default();
        let mut used = None;
        loop {
            let mut gathered = lock(&self.pending.gathered);
            if self.is_over() {
                return;
            }
            let now = Instant::now();
            if gathered.due().is_some_and(|due| due <= now) {
                let look = gathered.take();
                drop(gathered);
                used = Some(now);
                if look.is_small() {
                    self.look(&look, &progress, false);
                } else {
                    lock(&self.pending.bulk).add(look);
                    self.pending.bulk_came.notify_all();
                }
                continue;
            }
            let tidy = now + IDLE;
            let until = gathered.due().map_or(tidy, |due| due.min(tidy));
            let left = until.saturating_duration_since(now);
            drop(self.pending.came.wait_timeout(gathered, left));
            // Passes of any sort, as the progress of the roots tells.
            if self.progress().running {
                used = Some(Instant::now());
            }
            if used.is_none_or(|used| used.elapsed() >= IDLE) {
                self.ingest.put_tools_away();
            }
        }
    }

    /// Looks at what is too much to be looked at before everything else: a card of photos
    /// holds up no single one.
    pub(super) fn follow_in_bulk(&self) {
        let progress = Progress::default();
        loop {
            let mut bulk = lock(&self.pending.bulk);
            while bulk.folders() == 0 {
                if self.is_over() {
                    return;
                }
                let waited = self.pending.bulk_came.wait(bulk);
                bulk = waited.unwrap_or_else(|poison| poison.into_inner());
            }
            let look = std::mem::replace(&mut *bulk, Look::nothing());
            drop(bulk);
            self.look(&look, &progress, true);
        }
    }

    fn look(&self, look: &Look, progress: &Progress, bulk: bool) {
        let roots: Vec<RootSettings> = self
            .keepers
            .iter()
            .map(|keeper| self.settings(keeper))
            .collect();
        let task = Task {
            roots: &roots,
            look,
            bulk,
            count: false,
            believe: false,
        };
        tracing::debug!(folders = look.folders(), "looking at what changed");
        match self.run(&task, progress) {
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
            let Some(keeper) = keeper(&root.path) else {
                continue;
            };
            let mut state = lock(&keeper.state);
            let before = state.is_withheld();
            state.was_looked_at(root, false);
            let doubtful = before || state.is_withheld();
            drop(state);
            if doubtful {
                // Only the whole tells whether too much is missing.
                keeper.wake(|wake| wake.compare = true);
            }
        }
        self.look_again_at(report.unsettled);
    }
}
