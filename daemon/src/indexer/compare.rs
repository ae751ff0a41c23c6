//! One thread for each root: watches it, compares it with the index, waits, again.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use semfs_engine::ingest::{Look, OfflineRoot, PassReport, Progress, RootSettings, Task};

use super::{Indexer, Keeper, lock};
use crate::config::WatchMode;
use crate::roots;
use crate::watch::How;

/// Comparing a root that tells of no changes may take one part in so many of the time.
const POLL_SHARE: u32 = 20;

/// How soon a root is compared again when files in it were being written, or it failed; at
/// each further failure twice as late.
const SOON: Duration = Duration::from_secs(3);

/// As late as that at most.
const LATE: Duration = Duration::from_secs(600);

/// How often a local root that is away is looked for, beside what the kernel tells.
const AWAY: Duration = Duration::from_secs(2);

/// How often a root that lacks watches tries to get them.
const WATCH_AGAIN: Duration = Duration::from_secs(300);

/// What a root's thread is woken for.
#[derive(Debug, Default)]
pub(super) struct Wake {
    /// Compare it now.
    pub compare: bool,
    /// Look whether it is still there, or there again.
    pub check: bool,
    /// Its watch has ended: the folder was moved, unmounted or deleted.
    pub unwatched: bool,
}

/// What is known of a root's last comparison.
#[derive(Debug, Default)]
struct Last {
    /// As it was compared; nothing if it could not be reached.
    settings: Option<RootSettings>,
    /// How long looking at everything takes when nothing is new.
    took: Duration,
    /// How often in a row it failed.
    failures: u32,
    /// Some of its files were being written.
    unsettled: bool,
}

impl Indexer {
    /// The life of a root's thread.
    pub(super) fn keep_comparing(&self, number: usize) {
        let keeper = &self.keepers[number];
        let mut watched: Option<(RootSettings, Instant)> = None;
        let mut last = Last::default();
        while !self.is_over() {
            // From here on: whatever happens is told, or is met by the comparison.
            let woken = std::mem::take(&mut *lock(&keeper.wake));
            let settings = self.settings(keeper);
            last.settings = None;
            if self.is_reached(keeper, &settings) {
                let as_watched = watched.as_ref().filter(|_| !woken.unwatched);
                let as_watched = as_watched.filter(|(known, since)| {
                    *known == settings
                        && (since.elapsed() < WATCH_AGAIN || !self.is_short(keeper, &settings))
                });
                if as_watched.is_none() {
                    self.watch(keeper, &settings);
                    watched = Some((settings.clone(), Instant::now()));
                }
                self.compare(keeper, &settings, &mut last);
            }
            keeper.passes.fetch_add(1, Ordering::Relaxed);
            // When it is there again, or another folder is, no watch of before tells of it.
            if self.wait(keeper, &last) == Next::Another || last.settings.is_none() {
                watched = None;
            }
        }
    }

    /// Whether a root can be reached now. Readers are told if that has changed.
    fn is_reached(&self, keeper: &Keeper, settings: &RootSettings) -> bool {
        match self.ingest.reach(settings) {
            Ok(Ok(identity)) => {
                if lock(&keeper.state).is_reached(identity) {
                    let root = keeper.root.path.display();
                    tracing::info!(%root, "a root is back");
                    self.announce();
                }
                true
            }
            Ok(Err(reason)) => {
                self.is_gone(keeper, &reason);
                false
            }
            // The index failed; the pass will say so.
            Err(_) => true,
        }
    }

    /// Has the kernel tell of changes in a root, if it can.
    fn watch(&self, keeper: &Keeper, settings: &RootSettings) {
        let Some(watch) = &self.watch else { return };
        let how = match keeper.root.watch {
            WatchMode::Fanotify => How::Fanotify,
            WatchMode::Inotify => How::Inotify,
            WatchMode::Auto | WatchMode::Poll => How::Auto,
        };
        if !roots::is_watched(&keeper.root, settings) {
            watch.only_surroundings(keeper.id, &keeper.root.path);
            lock(&keeper.state).set_unwatched(None);
            return;
        }
        let reason = match watch.add(keeper.id, &keeper.root.path, how) {
            Ok(state) => state.shortage.filter(|_| state.unwatched > 0),
            Err(error) => Some(error.to_string()),
        };
        if lock(&keeper.state).set_unwatched(reason.clone())
            && let Some(reason) = reason
        {
            let root = keeper.root.path.display();
            tracing::warn!(%root, "{reason}");
        }
    }

    /// Whether a root, or a part of it, is not watched although it should be.
    fn is_short(&self, keeper: &Keeper, settings: &RootSettings) -> bool {
        roots::is_watched(&keeper.root, settings) && self.is_partly_watched(keeper)
    }

    fn is_partly_watched(&self, keeper: &Keeper) -> bool {
        let state = self.watch.as_ref().map(|watch| watch.state(keeper.id));
        state.is_none_or(|state| state.backend.is_none() || state.unwatched > 0)
    }

    /// Compares a root with the index.
    fn compare(&self, keeper: &Keeper, settings: &RootSettings, last: &mut Last) {
        let first = keeper.passes.load(Ordering::Relaxed) == 0;
        let facts = self.index.catalog().facts(keeper.id).unwrap_or_default();
        let task = Task {
            roots: std::slice::from_ref(settings),
            look: &Look::Everything,
            bulk: true,
            // Of a root that was seen before, the catalogue knows how much there is.
            count: first && facts.compared == 0,
            believe: false,
        };
        let root = keeper.root.path.display();
        match self.run(&task, &keeper.progress) {
            Ok(report) => {
                let seen = &report.progress;
                if first || !seen.found_nothing_new() {
                    tracing::info!(%root, pass = %seen, "compared");
                } else {
                    tracing::debug!(%root, pass = %seen, "compared");
                }
                last.failures = 0;
                // What was read and embedded will not be the next time.
                last.took = if seen.worked() == 0 {
                    Duration::try_from_secs_f64(seen.seconds).unwrap_or_default()
                } else {
                    Duration::ZERO
                };
                last.unsettled = seen.unsettled > 0;
                last.settings = report.offline.is_empty().then(|| settings.clone());
                self.note(keeper, report);
            }
            Err(error) => {
                tracing::error!(%root, %error, "indexing failed; what was done is kept");
                lock(&keeper.state).error = Some(error);
                last.failures = last.failures.saturating_add(1);
                last.settings = Some(settings.clone());
            }
        }
    }

    /// Runs a pass. A fault of ours in it is an error like any other: it must not cost the
    /// thread, and with it the root.
    pub(super) fn run(&self, task: &Task<'_>, progress: &Progress) -> Result<PassReport, String> {
        let pass = AssertUnwindSafe(|| self.ingest.run(task, progress, &self.stop));
        match panic::catch_unwind(pass) {
            Ok(report) => report.map_err(|error| error.to_string()),
            Err(_) => Err("a pass panicked; this is a bug".to_owned()),
        }
    }

    /// Notes what a comparison found.
    fn note(&self, keeper: &Keeper, report: PassReport) {
        lock(&keeper.state).error = None;
        self.look_again_at(report.unsettled);
        for OfflineRoot { reason, .. } in &report.offline {
            self.is_gone(keeper, reason);
        }
        for root in report.roots {
            let news = lock(&keeper.state).was_looked_at(root, true);
            if let Some(reason) = news {
                let root = keeper.root.path.display();
                tracing::warn!(%root, reason, "a root is offline; nothing is forgotten");
            }
        }
    }

    /// A root cannot be reached: nothing of it is watched, and readers are told.
    fn is_gone(&self, keeper: &Keeper, reason: &str) {
        if lock(&keeper.state).is_gone(reason) {
            let root = keeper.root.path.display();
            tracing::warn!(%root, reason, "a root is offline; nothing is forgotten");
            if let Some(watch) = &self.watch {
                watch.only_surroundings(keeper.id, &keeper.root.path);
            }
        }
        self.announce();
    }

    /// Waits until the root is to be compared again, and says why.
    fn wait(&self, keeper: &Keeper, last: &Last) -> Next {
        let rest = self.rest(keeper, last);
        let due = rest.map(|rest| Instant::now() + rest);
        loop {
            let mut wake = lock(&keeper.wake);
            while !(wake.compare || wake.check || wake.unwatched || self.is_over()) {
                let left = due.map(|due| due.saturating_duration_since(Instant::now()));
                wake = match left {
                    Some(Duration::ZERO) => return Next::Same,
                    Some(left) => {
                        let waited = keeper.woken.wait_timeout(wake, left);
                        waited.unwrap_or_else(|poison| poison.into_inner()).0
                    }
                    None => {
                        let waited = keeper.woken.wait(wake);
                        waited.unwrap_or_else(|poison| poison.into_inner())
                    }
                };
            }
            if wake.unwatched {
                return Next::Another;
            }
            if wake.compare || self.is_over() {
                return Next::Same;
            }
            wake.check = false;
            drop(wake);
            if self.is_another(keeper, last) {
                return Next::Another;
            }
        }
    }

    /// How long a root rests between comparisons; nothing: until somebody asks.
    fn rest(&self, keeper: &Keeper, last: &Last) -> Option<Duration> {
        let poll = Duration::from_secs(self.config.poll_seconds);
        let Some(settings) = &last.settings else {
            let is_remote = self.settings(keeper).remote;
            return Some(if is_remote { poll } else { poll.min(AWAY) });
        };
        let poll = poll.max(last.took * POLL_SHARE);
        let minutes = self.config.rescan_minutes;
        let rescan = (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)));
        let is_live = roots::is_watched(&keeper.root, settings) && !self.is_partly_watched(keeper);
        // What is missing may come back where nothing tells of it.
        let is_withheld = lock(&keeper.state).is_withheld();
        let rest = match rescan {
            _ if !is_live => Some(poll),
            Some(rescan) if is_withheld => Some(rescan.min(poll)),
            None if is_withheld => Some(poll),
            rescan => rescan,
        };
        let soon = if last.failures > 0 {
            let doubled = 1_u32.checked_shl(last.failures - 1).unwrap_or(u32::MAX);
            Some(SOON.saturating_mul(doubled).min(LATE))
        } else {
            // Of what is live, the kernel tells when it is written to its end.
            (last.unsettled && !is_live).then(|| SOON.max(last.took * POLL_SHARE))
        };
        match (rest, soon) {
            (Some(rest), Some(soon)) if last.failures == 0 => Some(rest.min(soon)),
            (_, Some(soon)) => Some(soon),
            (rest, None) => rest,
        }
    }

    /// Whether a root went away, came back, or is not the one that was compared. Cheap.
    fn is_another(&self, keeper: &Keeper, last: &Last) -> bool {
        let settings = self.settings(keeper);
        let reached = self.ingest.reach(&settings);
        match (&last.settings, reached) {
            (Some(compared), Ok(Ok(identity))) => {
                *compared != settings || lock(&keeper.state).identity != Some(identity)
            }
            (None, Ok(Err(reason))) => {
                self.is_gone(keeper, &reason);
                false
            }
            _ => true,
        }
    }
}

/// Why a root is compared again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It is time, or somebody asks.
    Same,
    /// It is not the folder that was compared, or is not watched any more.
    Another,
}
