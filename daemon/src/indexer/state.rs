//! How a root is: what was found in it, and how it is watched.

use std::path::{Path, PathBuf};

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

    /// It can be reached, and is this folder. Whether that is news.
    pub(super) fn is_reached(&mut self, identity: (u64, u64)) -> bool {
        self.identity = Some(identity);
        self.unreachable.take().is_some()
    }

    /// It was looked at, all of it or a part. Why its losses are not believed, if that is news.
    pub(super) fn was_looked_at(&mut self, report: RootReport, whole: bool) -> Option<String> {
        let mut news = None;
        if whole || report.withheld.is_some() {
            news = report.withheld.clone();
            news.take_if(|_| self.withheld.is_some());
            self.withheld = report.withheld;
        }
        if whole {
            self.unmounted = report.unmounted;
            self.facts = report.facts;
        }
        news
    }

    /// Whether so much is missing that it is not believed.
    pub(super) fn is_withheld(&self) -> bool {
        self.withheld.is_some()
    }

    /// Notes why it is not watched although it should be. Whether that is news.
    pub(super) fn set_unwatched(&mut self, reason: Option<String>) -> bool {
        let news = reason.is_some() && self.unwatched != reason;
        self.unwatched = reason;
        news
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
            folders: match watch.backend {
                // One watch for each.
                Some(Backend::Inotify) if watch.unwatched == 0 => watch.watches,
                _ => self.facts.folders,
            },
            last_event: watch.last_event.map(unix_seconds),
            last_compared: Some(self.facts.compared).filter(|time| *time > 0),
            lost_events: watch.lost,
        }
    }
}
