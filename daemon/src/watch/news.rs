//! From what a kernel says about one name to a change, the same for every backend.

use std::ffi::OsStr;
use std::path::Path;

use super::outlet::Outlet;
use super::types::Settings;

/// What happened to a name since it was last told of. Fanotify merges what happened in a
/// row into one; then the order is not known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct News {
    /// It is a folder.
    pub(super) is_folder: bool,
    /// It was made here, and may be incomplete.
    pub(super) created: bool,
    /// It was closed after writing, moved here, or its attributes changed.
    pub(super) complete: bool,
    /// It was deleted or moved away.
    pub(super) gone: bool,
}

impl News {
    /// Whether the name was there at the end; `look` is asked where the news do not say it.
    pub(super) fn is_there(&self, look: impl FnOnce() -> bool) -> bool {
        let came = self.created || self.complete;
        came && (!self.gone || look())
    }
}

/// Reports a file, unless it is none of ours.
pub(super) fn report_file(
    outlet: &mut Outlet,
    settings: &Settings,
    folder: &Path,
    name: &OsStr,
    news: News,
    look: impl FnOnce() -> bool,
) {
    if !(settings.is_picture)(Path::new(name)) || (settings.excludes)(&folder.join(name)) {
        return;
    }
    if !news.is_there(look) {
        if news.gone {
            outlet.gone(folder, name);
        }
    } else if news.complete {
        outlet.written(folder, name);
    } else {
        outlet.created(folder, name);
    }
}

/// Whether a folder, relative to its root and absolute, may be entered. The folders above it are not asked about.
pub(super) fn may_enter(settings: &Settings, relative: &Path, absolute: &Path) -> bool {
    !settings.never_enter.contains(absolute) && !(settings.excludes)(relative)
}
