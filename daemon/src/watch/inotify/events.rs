//! From one event of inotify to what it changes in the tree of watches, and to what is reported.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Instant;

use ::inotify::EventMask;

use super::super::news::{News, may_enter, report_file};
use super::super::tree::Child;
use super::Watcher;
use super::walk::Found;

/// An event, without the buffer.
pub(super) struct Heard {
    pub(super) watch: i32,
    pub(super) mask: EventMask,
    pub(super) cookie: u32,
    pub(super) name: Option<OsString>,
}

impl Watcher {
    /// Takes one event in, and reports what it means.
    pub(super) fn handle(&mut self, event: &Heard) {
        let mask = event.mask;
        if mask.contains(EventMask::Q_OVERFLOW) {
            self.overflow.get_or_insert_with(Instant::now);
        } else if event.watch == self.tree.root()
            && mask.intersects(
                EventMask::DELETE_SELF
                    | EventMask::MOVE_SELF
                    | EventMask::UNMOUNT
                    | EventMask::IGNORED,
            )
        {
            self.gone = true;
        } else if mask.contains(EventMask::IGNORED) {
            // The kernel has removed this watch: its folder was deleted, or we asked for it.
            self.retired.remove(&event.watch);
            let cut = self.tree.cut(event.watch);
            self.retire(cut, Some(event.watch));
        } else if mask.contains(EventMask::UNMOUNT) {
            // A filesystem below the root went: that is no deletion of what was on it.
            self.unmounted = true;
        } else if let (Some(folder), Some(name)) = (self.tree.path(event.watch), &event.name) {
            let news = News {
                is_folder: mask.contains(EventMask::ISDIR),
                created: mask.contains(EventMask::CREATE),
                complete: mask
                    .intersects(EventMask::CLOSE_WRITE | EventMask::MOVED_TO | EventMask::ATTRIB),
                gone: mask.intersects(EventMask::DELETE | EventMask::MOVED_FROM),
            };
            if news.is_folder {
                self.folder_news(event, &folder, name);
            } else {
                // Inotify tells one thing at a time, so nothing needs to be looked at.
                report_file(
                    &mut self.outlet,
                    &self.settings,
                    &folder,
                    name,
                    news,
                    || true,
                );
            }
        }
    }

    fn folder_news(&mut self, event: &Heard, above: &Path, name: &OsStr) {
        let (mask, parent) = (event.mask, event.watch);
        let folder = above.join(name);
        if !may_enter(&self.settings, &folder, &self.root.join(&folder)) {
            return;
        }
        if mask.intersects(EventMask::DELETE | EventMask::MOVED_FROM) {
            if let Some(Child::Watched(watch)) = self.tree.detach(parent, name) {
                if mask.contains(EventMask::MOVED_FROM) {
                    self.parked.push((event.cookie, watch, self.batch));
                } else {
                    let cut = self.tree.cut(watch);
                    self.retire(cut, None);
                }
            }
            self.outlet.gone(above, name);
        } else if mask.contains(EventMask::MOVED_TO) && self.unpark(event.cookie, parent, name) {
            // Its watches came along. What a walk could not find while it was moving is found now.
            if let Found::Known(watch) | Found::New(watch) = self.find(parent, name, &folder) {
                self.watch_below(watch);
            }
            self.outlet.folder(&folder);
        } else if mask.intersects(EventMask::CREATE | EventMask::MOVED_TO)
            || self.tree.child(parent, name).is_none()
        {
            // The last case: a folder whose permissions changed, and which could not be watched before.
            match self.find(parent, name, &folder) {
                Found::New(watch) => {
                    self.watch_below(watch);
                    self.outlet.folder(&folder);
                }
                Found::Unwatched => {
                    self.count_below(parent, name, &folder);
                    self.outlet.folder(&folder);
                }
                // A walk was there before: the folder that it began with is told, or will be.
                Found::Known(_) | Found::Absent => {}
            }
        }
    }

    /// Puts the folder that was moved away under this cookie to its new place.
    fn unpark(&mut self, cookie: u32, parent: i32, name: &OsStr) -> bool {
        let Some(at) = self.parked.iter().position(|parked| parked.0 == cookie) else {
            return false;
        };
        let (_, watch, _) = self.parked.swap_remove(at);
        // A walk may have found it at its new place before us, or at that of its next move.
        if self.tree.path(watch).is_some() {
            return false;
        }
        if let Some(Child::Watched(other)) = self.tree.detach(parent, name) {
            let cut = self.tree.cut(other);
            self.retire(cut, None);
        }
        self.tree.attach(watch, parent, name)
    }
}
