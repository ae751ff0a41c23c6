//! How long the folders of a large library take to list, through a real mount: 100,000
//! photos, or 200,000 with SEMFS_BENCH_LARGE=1. The index is made up (`views/library.rs`);
//! the files exist, so that the daemon finds them unchanged.
//!
//! Names are read as `ls -U` does, and for the last rows by `find MOUNT -type l`. *First*: a
//! folder that nobody has listed since the daemon started, and *first entry*: how long until
//! it has said one name. *Again*: the same a moment later. The reference, in the same rounds,
//! is an ordinary folder of as many symbolic links on the disk of the build; for `find`, a
//! tree of them with a hundred in a folder. *Memory* is by how much that of the daemon has
//! grown over all rounds of a row, open files aside; rows come one after another.
//!
//! Everything is listed in parts of 10,000, the default, and then once more whole
//! (`folder_photos`). Without /dev/fuse nothing is measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

#[path = "views/library.rs"]
mod library;
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use semfs_engine::catalog::Stamp;
use semfs_engine::index::Index;
use support::{Daemon, State, Table, folder, median, ms, ratio, say, skip, timed};
use tempfile::TempDir;

const PHOTOS: usize = 100_000;
const LARGE: usize = 200_000;

/// Photos of one part of a long folder, the product's default.
const PART: usize = 10_000;

/// Folders of each kind that are listed, where there are so many.
const ROUNDS: usize = 8;

/// Links in each folder of the tree that `find` walks for comparison.
const PER_FOLDER: usize = 100;

fn main() {
    let (runtime, model) = match support::model() {
        Ok(found) => found,
        Err(reason) => return skip(&reason),
    };
    let device = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse");
    if let Err(error) = device {
        return skip(&format!("/dev/fuse cannot be opened: {error}"));
    }
    if Command::new("find").arg("--version").output().is_err() {
        return skip("there is no `find`");
    }
    let large = std::env::var_os("SEMFS_BENCH_LARGE").is_some();
    let number = if large { LARGE } else { PHOTOS };
    say(&format!("making {number} files and their index"));
    let (root, state) = (folder(), State::new());
    let stamps = write_files(root.path(), number);
    let (pictures, _) = support::pictures();
    let pictures = library::embed(&pictures, &runtime, &model);
    let index = Index::open(&state.path(), &model).unwrap();
    let (seconds, ()) = timed(|| {
        library::fill(&index, root.path(), number, &pictures, |at| stamps[at]);
    });
    drop(index);
    say(&format!("it took {seconds:.0} s"));

    let plain = Plain::new();
    let heads = [
        "folder",
        "entries",
        "first entry ms",
        "first ms",
        "again ms",
        "plain ms",
        "first/plain",
        "again/plain",
        "memory MiB",
    ];
    let mut table = Table::new(format!("folders of {number} photos"), &heads);
    if let Err(reason) = measure(&state, root.path(), number, PART, &plain, &mut table) {
        return skip(&format!("there is no mount: {reason}"));
    }
    state.set("folder_photos = 200000\n");
    measure(&state, root.path(), number, LARGE, &plain, &mut table).unwrap();
    table.print();
}

/// Files with a byte each, and what can be told of them without reading them.
fn write_files(root: &Path, number: usize) -> Vec<Stamp> {
    let write = |at: usize| {
        let path = root.join(library::path(at));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "x").unwrap();
        Stamp::of(&fs::metadata(&path).unwrap(), true)
    };
    (0..number).map(write).collect()
}

/// A row of the table: folders of the mount that are alike.
struct View {
    name: &'static str,
    paths: Vec<PathBuf>,
}

/// The folders that are listed, with so many photos in a part.
fn views(number: usize, part: usize) -> Vec<View> {
    let whole = part >= number;
    let parts = (0..number)
        .step_by(part)
        .map(|from| format!("by-type/png/{:07}-{:07}", from + 1, from + part));
    let days = (1..=10).map(|day| format!("by-date/2020/03/{day:02}"));
    let all = [
        "type=png",
        "type=png shape=landscape",
        "type=png date=2013..",
    ];
    let all = all.map(|query| format!("search/{query}")).to_vec();
    let words = [
        "beach", "dog", "snow", "mountain", "city", "boat", "child", "bicycle",
    ];
    let words = words.map(|word| format!("search/{word} type=png"));
    let view = |name, paths: Vec<String>| View {
        name,
        paths: paths.into_iter().take(ROUNDS).map(PathBuf::from).collect(),
    };
    if whole {
        return vec![
            view("by-type/png, whole", vec!["by-type/png".to_owned()]),
            view("search/type=png, whole", all),
        ];
    }
    vec![
        view("by-type/png, its parts", vec!["by-type/png".to_owned()]),
        view("by-type/png, one part", parts.collect()),
        view("by-date, a day", days.collect()),
        view("search/type=png, its parts", all),
        view("search/beach type=png", words.to_vec()),
    ]
}

fn measure(
    state: &State,
    root: &Path,
    number: usize,
    part: usize,
    plain: &Plain,
    table: &mut Table,
) -> Result<(), String> {
    let daemon = Daemon::start(state, root)?;
    let known = ["photos", "problems"].map(|key| daemon.number(key));
    assert_eq!(known, [number, 0], "the daemon did not find what was made");
    say(&format!("a daemon with {:.0} MiB", daemon.memory()));
    for view in views(number, part) {
        let before = daemon.memory();
        let mut times = Times::default();
        for path in &view.paths {
            let path = daemon.mount().join(path);
            let first = list(&path);
            let again = list(&path);
            let links = list(&plain.folder(first.entries));
            times.push(first, again, links);
        }
        thread::sleep(Duration::from_millis(300));
        times.row(view.name, daemon.memory() - before, table);
    }
    let name = if part >= number {
        "find -type l, folders whole"
    } else {
        "find -type l"
    };
    let before = daemon.memory();
    let mut times = Times::default();
    let first = find(daemon.mount());
    let links = plain.tree(first.entries);
    for _ in 0..3 {
        let again = find(daemon.mount());
        assert_eq!(again.entries, first.entries);
        times.push(first, again, find(&links));
    }
    thread::sleep(Duration::from_millis(300));
    times.row(name, daemon.memory() - before, table);
    Ok(())
}

#[derive(Clone, Copy)]
struct Listing {
    entries: usize,
    /// Seconds to the first entry, and to the end.
    begins: f64,
    ends: f64,
}

#[derive(Default)]
struct Times {
    entries: usize,
    begins: Vec<f64>,
    first: Vec<f64>,
    again: Vec<f64>,
    plain: Vec<f64>,
}

impl Times {
    fn push(&mut self, first: Listing, again: Listing, plain: Listing) {
        assert_eq!(
            (again.entries, plain.entries),
            (first.entries, first.entries)
        );
        self.entries = self.entries.max(first.entries);
        self.begins.push(first.begins);
        self.first.push(first.ends);
        self.again.push(again.ends);
        self.plain.push(plain.ends);
    }

    fn row(&self, name: &str, grown: f64, table: &mut Table) {
        table.row([
            name.to_owned(),
            self.entries.to_string(),
            ms(median(&self.begins)),
            ms(median(&self.first)),
            ms(median(&self.again)),
            ms(median(&self.plain)),
            format!("{:.1}", ratio(&self.first, &self.plain)),
            format!("{:.1}", ratio(&self.again, &self.plain)),
            format!("{grown:.1}"),
        ]);
    }
}

/// What `ls -U` does.
fn list(path: &Path) -> Listing {
    let start = Instant::now();
    let seconds = || start.elapsed().as_secs_f64();
    let (mut entries, mut begins) = (0, None);
    for entry in fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
        entry.unwrap();
        begins.get_or_insert_with(seconds);
        entries += 1;
    }
    Listing {
        entries,
        begins: begins.unwrap_or_else(seconds),
        ends: seconds(),
    }
}

/// `find PATH -type l`.
fn find(path: &Path) -> Listing {
    let start = Instant::now();
    let seconds = || start.elapsed().as_secs_f64();
    let mut find = Command::new("find");
    find.arg(path).args(["-type", "l"]).stdout(Stdio::piped());
    let mut find = find.spawn().unwrap();
    let (mut entries, mut begins) = (0, None);
    for line in BufReader::new(find.stdout.take().unwrap()).split(b'\n') {
        line.unwrap();
        begins.get_or_insert_with(seconds);
        entries += 1;
    }
    assert!(find.wait().unwrap().success());
    Listing {
        entries,
        begins: begins.unwrap_or_else(seconds),
        ends: seconds(),
    }
}

/// Ordinary folders of symbolic links, each made once.
struct Plain {
    folder: TempDir,
}

impl Plain {
    fn new() -> Self {
        Self { folder: folder() }
    }

    /// A folder of so many.
    fn folder(&self, number: usize) -> PathBuf {
        let folder = self.folder.path().join(format!("folder-{number}"));
        link(&folder, 0..number);
        folder
    }

    /// A tree of so many.
    fn tree(&self, number: usize) -> PathBuf {
        let tree = self.folder.path().join(format!("tree-{number}"));
        for from in (0..number).step_by(PER_FOLDER) {
            let folder = tree.join(format!("{from:07}"));
            link(&folder, from..number.min(from + PER_FOLDER));
        }
        tree
    }
}

/// Makes a folder of links, unless there is one.
fn link(folder: &Path, numbers: std::ops::Range<usize>) {
    if folder.exists() {
        return;
    }
    fs::create_dir_all(folder).unwrap();
    for number in numbers {
        let target = Path::new("/photos").join(library::path(number));
        let name = target.file_name().unwrap().to_owned();
        symlink(&target, folder.join(name)).unwrap();
    }
}
