//! One thread for each root: watches it, compares it with the index, waits, again.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use semfs_engine::ingest::{Look, OfflineRoot, PassReport, RootSettings, Task};

use super::{Indexer, Keeper, lock};
use crate::config::WatchMode;
use crate::roots;
use crate::watch::How;

/// Comparing a root that tells of no changes may take one part in so many of the time.
const POLL_SHARE: u32 = 20;

/// How soon a root is compared again when files in it were being written.
const UNSETTLED: Duration = Duration::from_secs(3);

/// What a root's thread is woken for.
#[derive(Debug, Default)]
pub(super) struct Wake {
    /// Compare it now.
    pub compare: bool,
    /// Look whether it is still there, or there again.
    pub check: bool,
}

impl Indexer {
    /// The life of a root's thread.
    pub(super) fn keep_comparing(&self, number: usize) {
        let keeper = &self.keepers[number];
        let mut watched = None;
        while !self.is_over() {
            let settings = self.settings(keeper);
            // From here on: whatever happens is told, or is met by the comparison.
            *lock(&keeper.wake) = Wake::default();
            if watched.as_ref() != Some(&settings) || self.is_short(keeper) {
                self.watch(keeper, &settings);
            }
            let started = Instant::now();
            let reached = self.compare(keeper, &settings);
            watched = reached.then_some(settings);
            keeper.passes.fetch_add(1, Ordering::Relaxed);
            self.wait(keeper, watched.as_ref(), started.elapsed());
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
            return lock(&keeper.state).is_unwatched(None);
        }
        let reason = match watch.add(keeper.id, &keeper.root.path, how) {
            Ok(state) => {
                if let Some(shortage) = state.shortage.filter(|_| state.unwatched > 0) {
                    let root = keeper.root.path.display();
                    tracing::warn!(%root, "{shortage}");
                }
                None
            }
            Err(error) => Some(error.to_string()),
        };
        lock(&keeper.state).is_unwatched(reason);
    }

    /// Whether a part of the root is not watched for want of watches.
    fn is_short(&self, keeper: &Keeper) -> bool {
        let watch = self.watch.as_ref();
        watch.is_some_and(|watch| watch.state(keeper.id).unwatched > 0)
    }

    /// Compares a root with the index. Whether it could be reached.
    fn compare(&self, keeper: &Keeper, settings: &RootSettings) -> bool {
        let first = keeper.passes.load(Ordering::Relaxed) == 0;
        let facts = self.index.catalog().facts(keeper.id).unwrap_or_default();
        let task = Task {
            roots: std::slice::from_ref(settings),
            look: &Look::Everything,
            bulk: true,
            // Of a root that was seen before, the catalogue knows how much there is.
            count: first && facts.compared == 0,
        };
        match self.ingest.run(&task, &keeper.progress, &self.stop) {
            Ok(report) => {
                let root = keeper.root.path.display();
                tracing::info!(%root, pass = %report.progress, "compared");
                self.note(keeper, report)
            }
            Err(error) => {
                let root = keeper.root.path.display();
                tracing::error!(%root, %error, "indexing failed; what was done is kept");
                lock(&keeper.state).error = Some(error.to_string());
                true
            }
        }
    }

    /// Notes what a comparison found. Whether the root could be reached.
    fn note(&self, keeper: &Keeper, report: PassReport) -> bool {
        lock(&keeper.state).error = None;
        self.look_again_at(keeper, report.unsettled);
        let reached = report.offline.is_empty();
        for OfflineRoot { reason, .. } in &report.offline {
            self.is_gone(keeper, reason);
        }
        for root in report.roots {
            if let Some(reason) = &root.withheld {
                let root = keeper.root.path.display();
                tracing::warn!(%root, reason, "a root is offline; nothing is forgotten");
            }
            lock(&keeper.state).is_there(root, true);
        }
        self.announce();
        reached
    }

    /// A root cannot be reached: nothing of it is watched, and readers are told.
    pub(super) fn is_gone(&self, keeper: &Keeper, reason: &str) {
        if lock(&keeper.state).is_gone(reason) {
            let root = keeper.root.path.display();
            tracing::warn!(%root, reason, "a root is offline; nothing is forgotten");
        }
        if let Some(watch) = &self.watch {
            watch.only_surroundings(keeper.id, &keeper.root.path);
        }
        self.announce();
    }

    /// Waits until the root is to be compared again. `settings`: as it was compared; nothing
    /// if it could not be reached.
    fn wait(&self, keeper: &Keeper, settings: Option<&RootSettings>, took: Duration) {
        let due = self.due(keeper, settings, took);
        let mut due = due.map(|rest| Instant::now() + rest);
        loop {
            let mut wake = lock(&keeper.wake);
            while !(wake.compare || wake.check || self.is_over()) {
                let left = due.map(|due| due.saturating_duration_since(Instant::now()));
                wake = match left {
                    Some(Duration::ZERO) => break,
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
            let asked = wake.compare || self.is_over();
            let check = wake.check;
            wake.check = false;
            drop(wake);
            let is_due = due.is_some_and(|due| due <= Instant::now());
            if asked || (is_due && settings.is_some()) {
                return;
            }
            if check || is_due {
                if self.is_another(keeper, settings) {
                    return;
                }
                if is_due {
                    due = self
                        .due(keeper, settings, took)
                        .map(|rest| Instant::now() + rest);
                }
            }
        }
    }

    /// How long a root rests between comparisons; nothing: until somebody asks.
    fn due(
        &self,
        keeper: &Keeper,
        settings: Option<&RootSettings>,
        took: Duration,
    ) -> Option<Duration> {
        let poll = Duration::from_secs(self.config.poll_seconds).max(took * POLL_SHARE);
        let Some(settings) = settings else {
            return Some(Duration::from_secs(self.config.poll_seconds));
        };
        let rescan = self.config.rescan_minutes;
        let rescan = (rescan > 0).then(|| Duration::from_secs(rescan.saturating_mul(60)));
        let failed = lock(&keeper.state).error.is_some();
        let is_live = roots::is_watched(&keeper.root, settings) && !self.is_partly_watched(keeper);
        let rest = if is_live { rescan } else { Some(poll) };
        if failed || keeper.progress.snapshot().unsettled > 0 && !is_live {
            return Some(rest.map_or(UNSETTLED, |rest| rest.min(UNSETTLED)));
        }
        rest
    }

    fn is_partly_watched(&self, keeper: &Keeper) -> bool {
        let state = self.watch.as_ref().map(|watch| watch.state(keeper.id));
        state.is_none_or(|state| state.backend.is_none() || state.unwatched > 0)
    }

    /// Whether a root went away, came back, or is not the one that was compared. Cheap.
    fn is_another(&self, keeper: &Keeper, compared: Option<&RootSettings>) -> bool {
        let settings = self.settings(keeper);
        if compared.is_some_and(|compared| *compared != settings) {
            return true;
        }
        match (self.ingest.reach(&settings), compared) {
            // Whatever it is, a pass will say so.
            (Err(_), _) | (Ok(Err(_)), Some(_)) => true,
            (Ok(Err(reason)), None) => {
                self.is_gone(keeper, &reason);
                false
            }
            (Ok(Ok(_)), None) => true,
            (Ok(Ok(identity)), Some(_)) => lock(&keeper.state).identity != Some(identity),
        }
    }
}
