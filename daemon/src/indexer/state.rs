//! How a root is: what was found in it, and how it is watched.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use semfs_engine::catalog::{RootFacts, unix_seconds};
use semfs_engine::ingest::RootReport;

use crate::status::{Mode, RootStatus};
use crate::watch::{Backend, RootWatch};

/// What is known of a root beside how it is watched.
#[derive(Debug)]
pub(super) struct State {
    /// Why it cannot be reached, if it cannot.
    unreachable: Option<String>,
    /// Why its losses are not believed, if they are not.
    withheld: Option<String>,
    /// Folders below it whose disk is not mounted.
    unmounted: Vec<PathBuf>,
    facts: RootFacts,
    /// Device and inode of its folder when it was looked at.
    pub identity: Option<(u64, u64)>,
    /// Why it is not watched, if it should be.
    unwatched: Option<String>,
    /// Why its last pass failed, if it did.
    pub error: Option<String>,
}

impl State {
    pub(super) fn new(facts: RootFacts) -> Self {
        Self {
            unreachable: None,
            withheld: None,
            unmounted: Vec::new(),
            facts,
            identity: None,
            unwatched: None,
            error: None,
        }
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.unreachable.is_some()
    }

    /// It cannot be reached. Whether that is news.
    pub(super) fn is_gone(&mut self, reason: &str) -> bool {
        let news = self.unreachable.as_deref() != Some(reason);
        self.unreachable = Some(reason.to_owned());
        news
    }

    /// It was looked at, all of it or a part.
    pub(super) fn is_there(&mut self, report: RootReport, whole: bool) {
        self.unreachable = None;
        if whole || report.withheld.is_some() {
            self.withheld = report.withheld;
        }
        self.unmounted = report.unmounted;
        self.facts = report.facts;
        self.identity = Some(report.identity);
    }

    /// Whether it should be watched and cannot be.
    pub(super) fn is_unwatched(&mut self, reason: Option<String>) {
        self.unwatched = reason;
    }

    /// How the root is, with the number of its recorded files.
    pub(super) fn status(&self, path: &Path, files: u64, watch: RootWatch) -> RootStatus {
        let offline = self.unreachable.as_ref().or(self.withheld.as_ref());
        let shortage = self.unwatched.as_ref();
        let short = watch.unwatched > 0 || shortage.is_some();
        let mode = match (offline, watch.backend) {
            (Some(_), _) => Mode::Offline,
            (None, _) if short => Mode::Degraded,
            (None, Some(_)) => Mode::Live,
            (None, None) => Mode::Polled,
        };
        let mut reasons: Vec<String> = Vec::new();
        reasons.extend(offline.cloned());
        if offline.is_none() {
            reasons.extend(shortage.or(watch.shortage.as_ref()).cloned());
        }
        reasons.extend(self.unmounted.iter().map(|mount| {
            let mount = path.join(mount);
            format!(
                "nothing is mounted at {}; what was below it is kept",
                mount.display()
            )
        }));
        RootStatus {
            path: path.to_owned(),
            mode: Some(mode),
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            watched_by: watch.backend.map(|backend| match backend {
                Backend::Inotify => "inotify".to_owned(),
                Backend::Fanotify => "fanotify".to_owned(),
            }),
            watches: watch.watches,
            files,
            folders: self.facts.folders,
            last_event: watch.last_event.map(seconds),
            last_compared: Some(self.facts.compared).filter(|time| *time > 0),
            lost_events: watch.lost,
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    unix_seconds(time)
}
