//! How fast a folder tree is looked at in which nothing has changed: a second
//! `semfs index --once`, beside `find -printf '%s %T@\n'`, which reads the same names,
//! sizes and times and keeps nothing. Both are measured as processes, from start to end.
//!
//! The files are empty, so that the first run is quick; to the walk they are pictures
//! with a known problem. Each one's record is read from the catalogue and compared, which
//! `find` has not to do. "start" is the same command over a folder with one file: what it
//! costs whatever the number of files. semfs walks on all cores and `find` on one, so on a
//! machine that others use, the times of semfs suffer more; processor time holds better.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Costs, State, Summary, Table, folder, in_turn, median, ms, rate, ratio, say, timed};

const FOLDERS: usize = 1_000;
const FILES: usize = 100_000;
const ROUNDS: usize = 9;

fn main() {
    if let Err(reason) = support::model() {
        return support::skip(&reason);
    }
    if Command::new("find").arg("--version").output().is_err() {
        return support::skip("there is no `find` to compare with");
    }
    say(&format!("making {FILES} files in {FOLDERS} folders"));
    let (tree, one) = (folder(), folder());
    make(tree.path(), FOLDERS, FILES);
    make(one.path(), 1, 1);
    let (state, start) = (State::new(), State::new());
    say("indexing them once");
    let (first, summary) = state.index(tree.path());
    assert_eq!(summary.problems, FILES, "{summary:?}");
    start.index(one.path());
    let [ours, find, start] = in_turn(
        ROUNDS,
        [
            &mut || walk(&state, tree.path(), FILES),
            &mut || list(tree.path()),
            &mut || walk(&start, one.path(), 1),
        ],
    );
    let mut table = Table::new(
        format!("a second look at {FILES} files in {FOLDERS} folders"),
        &["walk", "files/s", "ms", "processor ms", "speed of find"],
    );
    let mut row = |words: &str, costs: &Costs| {
        table.row([
            words.to_owned(),
            rate(FILES, median(&costs.seconds)),
            ms(median(&costs.seconds)),
            ms(median(&costs.processor)),
            format!("{:.2}", ratio(&find.seconds, &costs.seconds)),
        ]);
    };
    row("find -printf '%s %T@'", &find);
    row("semfs index --once", &ours);
    row(
        "the same, less its start",
        &ours.with(&start, |all, start| all - start),
    );
    table.row([
        "its start".to_owned(),
        String::new(),
        ms(median(&start.seconds)),
        ms(median(&start.processor)),
        String::new(),
    ]);
    table.row([
        "the first look, once".to_owned(),
        rate(FILES, first),
        ms(first),
        String::new(),
        String::new(),
    ]);
    table.print();
}

/// Empty files, spread evenly over the folders.
fn make(root: &Path, folders: usize, files: usize) {
    for number in 0..folders {
        let folder = root.join(format!("{:02}/{number:04}", number % 10));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..files / folders {
            File::create(folder.join(format!("IMG_{file:05}.jpg"))).unwrap();
        }
    }
}

/// A second look, at which nothing is opened.
fn walk(state: &State, root: &Path, files: usize) -> f64 {
    let (seconds, summary) = state.index(root);
    let unchanged = Summary {
        new: 0,
        unchanged: files,
        problems: 0,
    };
    assert_eq!(summary, unchanged);
    seconds
}

fn list(root: &Path) -> f64 {
    let mut find = Command::new("find");
    find.arg(root).args(["-printf", "%s %T@\\n"]);
    find.stdout(Stdio::null());
    let (seconds, status) = timed(|| find.status().unwrap());
    assert!(status.success());
    seconds
}
