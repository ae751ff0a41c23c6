//! How fast a folder tree is compared in which nothing has changed: `semfs index --once`
//! over an index that is complete, beside `find -printf '%s %T@\n'`, which reads the same
//! names, sizes and times and keeps nothing. Both are measured as processes, from start to
//! end.
//!
//! The files are hard links to a hundred drawn pictures, so that making and indexing them is
//! quick; to the walk each is a photo with a record of its own. The first comparison reads
//! every record, and leaves a digest of each folder; later ones read the digests. "start" is
//! the same command over a folder with one file: what it costs whatever the number of files.
//! "walkdir" is that crate with a look at each file, in one thread of this program. semfs
//! walks on all cores and `find` on one; processor time says what both cost the machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{Costs, State, Summary, Table, folder, in_turn, median, ms, rate, ratio, say, timed};

const FOLDERS: usize = 5_000;
const FILES: usize = 500_000;
const ROUNDS: usize = 5;

/// Different pictures among them; ext4 allows 65,000 links to each.
const PICTURES: usize = 100;

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
    assert_eq!(summary.new, PICTURES, "{summary:?}");
    start.index(one.path());
    let by_records = walk(&state, tree.path(), FILES);
    start.index(one.path());
    let [ours, find, walkdir, start] = in_turn(
        ROUNDS,
        [
            &mut || walk(&state, tree.path(), FILES),
            &mut || list(tree.path()),
            &mut || walk_with_the_crate(tree.path()),
            &mut || walk(&start, one.path(), 1),
        ],
    );
    let mut table = Table::new(
        format!("comparing {FILES} files in {FOLDERS} folders"),
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
    row("walkdir and metadata", &walkdir);
    row("semfs index --once", &ours);
    row(
        "the same, less its start",
        &ours.with(&start, |all, start| all - start),
    );
    table.row([
        "the first comparison, once".to_owned(),
        rate(FILES, by_records),
        ms(by_records),
        String::new(),
        format!("{:.2}", median(&find.seconds) / by_records),
    ]);
    table.row([
        "its start".to_owned(),
        String::new(),
        ms(median(&start.seconds)),
        ms(median(&start.processor)),
        String::new(),
    ]);
    table.row([
        "indexing them, once".to_owned(),
        rate(FILES, first),
        ms(first),
        String::new(),
        String::new(),
    ]);
    table.print();
}

/// Links to a few pictures, spread evenly over the folders.
fn make(root: &Path, folders: usize, files: usize) {
    let drawn = support::draw(PICTURES.min(files), 64, 48);
    for number in 0..folders {
        let folder = root.join(format!("{:02}/{number:04}", number % 10));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..files / folders {
            let at = number * (files / folders) + file;
            let path = folder.join(format!("IMG_{file:05}.jpg"));
            match at.checked_sub(drawn.len()) {
                None => fs::write(path, &drawn[at]).unwrap(),
                Some(_) => {
                    let drawn = first(root, folders, files, at % drawn.len());
                    fs::hard_link(drawn, path).unwrap();
                }
            }
        }
    }
}

/// Where the picture of this number is.
fn first(root: &Path, folders: usize, files: usize, at: usize) -> PathBuf {
    let (folder, file) = (at / (files / folders), at % (files / folders));
    root.join(format!("{:02}/{folder:04}/IMG_{file:05}.jpg", folder % 10))
}

fn walk_with_the_crate(root: &Path) -> f64 {
    let (seconds, files) = timed(|| {
        let entries = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().is_file());
        files
            .map(|file| file.metadata().unwrap().len().min(1))
            .sum::<u64>()
    });
    assert_eq!(files, FILES as u64);
    seconds
}

/// A second look, at which nothing is opened.
fn walk(state: &State, root: &Path, files: usize) -> f64 {
    let (seconds, summary) = state.index(root);
    let unchanged = Summary {
        new: 0,
        unchanged: files,
        problems: 0,
        rate: summary.rate,
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
