//! The thread that reads fanotify's records and reports what they mean for the roots.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex};

use nix::errno::Errno;
use nix::sys::fanotify::Fanotify as Group;

use super::super::mounts;
use super::super::news::{News, may_enter, report_file};
use super::super::outlet::Outlet;
use super::super::reader::{Patience, Waiting};
use super::super::types::Settings;
use super::lock;
use super::records::{Place, Record, records};
use super::territory::Territory;

const BUFFER: usize = 64 * 1024;
const GONE: u64 = libc::FAN_DELETE | libc::FAN_MOVED_FROM;
const COMPLETE: u64 = libc::FAN_CLOSE_WRITE | libc::FAN_MOVED_TO | libc::FAN_ATTRIB;

/// What the thread has.
pub(super) struct Thread {
    pub(super) group: Arc<Group>,
    pub(super) territory: Arc<Mutex<Territory>>,
    pub(super) settings: Arc<Settings>,
}

impl Thread {
    /// Reads until its end.
    pub(super) fn run(&self, waiting: &Waiting) {
        let mut buffer = vec![0; BUFFER];
        loop {
            let owes = lock(&self.territory)
                .estates
                .iter()
                .any(|estate| estate.outlet.owes());
            let patience = if owes {
                Patience::Short
            } else {
                Patience::Endless
            };
            let woken = waiting.wait(Some(self.group.as_fd()), patience);
            if woken.end {
                return;
            }
            // What was told before the mount table changed belongs to what was mounted then.
            if woken.readable {
                self.read(&mut buffer);
            }
            let mut territory = lock(&self.territory);
            if woken.mounts {
                match mounts::table() {
                    Ok(table) => territory.revisit(Some(&table)),
                    Err(error) => tracing::warn!("the mount table cannot be read: {error}"),
                }
            }
            for estate in &mut territory.estates {
                estate.outlet.settle();
            }
        }
    }

    fn read(&self, buffer: &mut [u8]) {
        let length = match nix::unistd::read(&self.group, buffer) {
            Ok(length) => length,
            Err(Errno::EAGAIN | Errno::EINTR) => return,
            Err(errno) => {
                tracing::warn!("events cannot be read: {errno}");
                self.overflow();
                return;
            }
        };
        let mut territory = lock(&self.territory);
        for record in records(buffer.get(..length).unwrap_or_default()) {
            if record.mask & libc::FAN_Q_OVERFLOW != 0 {
                drop(territory);
                self.overflow();
                territory = lock(&self.territory);
            } else if let Some(place) = record.place.filter(|place| place.name != ".") {
                self.handle(&mut territory, record, place);
            }
        }
    }

    fn overflow(&self) {
        let mut territory = lock(&self.territory);
        territory.revisit(None);
        for estate in &mut territory.estates {
            estate.outlet.lost();
        }
    }

    fn handle(&self, territory: &mut Territory, record: Record<'_>, place: Place<'_>) {
        let location = territory.locate(place.key);
        let news = News {
            is_folder: record.mask & libc::FAN_ONDIR != 0,
            created: record.mask & libc::FAN_CREATE != 0,
            complete: record.mask & COMPLETE != 0,
            gone: record.mask & GONE != 0,
        };
        let absolute = location
            .absolute
            .as_ref()
            .map(|folder| folder.join(place.name));
        let look = || {
            absolute
                .as_ref()
                .is_some_and(|path| path.symlink_metadata().is_ok())
        };
        if news.is_folder && record.mask & libc::FAN_MOVE != 0 {
            territory.forget_paths();
        }
        for (root, folder) in &location.inside {
            let Some(estate) = territory
                .estates
                .iter_mut()
                .find(|estate| estate.outlet.root() == *root)
            else {
                continue;
            };
            estate.outlet.heard();
            if news.is_folder {
                let is_new = record.mask & (libc::FAN_CREATE | libc::FAN_MOVED_TO) != 0;
                let news = News {
                    complete: is_new,
                    ..news
                };
                self.folder_news(
                    &mut estate.outlet,
                    folder,
                    place.name,
                    news,
                    absolute.as_deref(),
                    look,
                );
            } else {
                report_file(
                    &mut estate.outlet,
                    &self.settings,
                    folder,
                    place.name,
                    news,
                    look,
                );
            }
        }
        if let Some(left) = absolute.as_ref().filter(|_| news.is_folder && news.gone) {
            territory.folder_left(left);
        }
    }

    fn folder_news(
        &self,
        outlet: &mut Outlet,
        above: &Path,
        name: &OsStr,
        news: News,
        absolute: Option<&Path>,
        look: impl FnOnce() -> bool,
    ) {
        let folder = above.join(name);
        if !absolute.is_some_and(|absolute| may_enter(&self.settings, &folder, absolute)) {
            return;
        }
        if news.gone {
            outlet.gone(above, name);
        }
        if news.is_there(look) {
            outlet.folder(&folder);
        }
    }
}
