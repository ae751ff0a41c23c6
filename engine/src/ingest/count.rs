//! A quick count of what there is to do, for the progress display.
//!
//! It reads names only, without a look at any file, and so runs far ahead of the pass.

use walkdir::WalkDir;

use super::Pass;
use crate::media::Format;

/// How often the display learns of the count, in pictures.
const STEP: u64 = 256;

/// Counts the pictures of all roots into the pass's progress.
pub(super) fn count(pass: &Pass<'_>) {
    for root in pass.task.roots.iter().filter(|root| !root.remote) {
        let (never_enter, root) = (&root.never_enter, &root.path);
        let mut found = 0;
        let wanted = |entry: &walkdir::DirEntry| {
            let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
            entry.depth() == 0
                || !(pass.settings.excludes.excludes(relative) || never_enter.contains(relative))
        };
        let entries = WalkDir::new(root).into_iter().filter_entry(wanted);
        for entry in entries.filter_map(Result::ok) {
            if entry.file_type().is_file() && Format::is_picture_name(entry.path()) {
                found += 1;
            }
            if pass.is_over() {
                return;
            }
            if found == STEP {
                pass.progress.expect(found);
                found = 0;
            }
        }
        pass.progress.expect(found);
    }
    pass.progress.counted();
}
