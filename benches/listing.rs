//! How long a folder of results takes to list, through the kernel: a real daemon with a
//! real mount, over an index of pictures. `ls` reads the names of 200 results,
//! `ls -F` their attributes as well (`lstat`), and `ls -l` the target of every link, too.
//!
//! *first* is a query that was never asked: the text tower, the search, the names, and
//! every entry on its way into the kernel. *again* is the same folder a moment later,
//! which the kernel answers from its own memory. The reference, measured in the same
//! rounds, is an ordinary folder with 200 symbolic links on the disk of the build; the
//! kernel has it in memory, too. Without /dev/fuse nothing is measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::{Daemon, State, Table, folder, median, ms, quantile, ratio, say, timed};

/// Pictures in the index.
const PICTURES: usize = 1_200;

/// Results of a query, the product's default.
const RESULTS: usize = 200;

/// Queries that warm up, and that count.
const WARM_UP: usize = 5;
const ROUNDS: usize = 80;

fn main() {
    if let Err(reason) = support::model() {
        return support::skip(&reason);
    }
    let device = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse");
    if let Err(error) = device {
        return support::skip(&format!("/dev/fuse cannot be opened: {error}"));
    }
    let (pictures, words) = support::pictures();
    say(&format!("indexing {PICTURES} files ({words})"));
    let root = folder();
    let targets = support::write_variants(root.path(), &pictures, PICTURES);
    let state = State::new();
    let (_, summary) = state.index(root.path());
    assert_eq!(summary.new, PICTURES, "{summary:?}");
    let daemon = match Daemon::start(&state, root.path()) {
        Ok(daemon) => daemon,
        Err(reason) => return support::skip(&format!("there is no mount: {reason}")),
    };
    let plain = folder();
    for (rank, target) in targets.iter().take(RESULTS).enumerate() {
        let name = target.file_name().unwrap().to_string_lossy();
        symlink(target, plain.path().join(format!("{rank:03} {name}"))).unwrap();
    }
    let times = measure(&daemon.mount().join("search"), plain.path());
    drop(daemon);
    let mut table = Table::new(
        format!("listing {RESULTS} of {PICTURES} pictures, ms"),
        &[
            "command",
            "first p50",
            "p99",
            "again p50",
            "p99",
            "plain folder p50",
            "first/plain",
            "again/plain",
        ],
    );
    for (command, times) in COMMANDS.iter().zip(&times) {
        table.row([
            command.name.to_owned(),
            ms(median(&times.first)),
            ms(quantile(&times.first, 0.99)),
            ms(median(&times.again)),
            ms(quantile(&times.again, 0.99)),
            ms(median(&times.plain)),
            format!("{:.1}", ratio(&times.first, &times.plain)),
            format!("{:.2}", ratio(&times.again, &times.plain)),
        ]);
    }
    table.print();
}

#[derive(Default)]
struct Times {
    first: Vec<f64>,
    again: Vec<f64>,
    plain: Vec<f64>,
}

/// A program that lists a folder; it returns the number of entries.
struct Command {
    name: &'static str,
    list: fn(&Path) -> usize,
    /// Begins its queries, so that they are no other command's.
    article: &'static str,
}

const COMMANDS: [Command; 3] = [
    Command {
        name: "ls",
        list: list_names,
        article: "a",
    },
    Command {
        name: "ls -F",
        list: list_attributes,
        article: "one",
    },
    Command {
        name: "ls -l",
        list: list_long,
        article: "the",
    },
];

fn measure(search: &Path, plain: &Path) -> [Times; COMMANDS.len()] {
    let mut times: [Times; COMMANDS.len()] = Default::default();
    for (round, words) in queries().take(WARM_UP + ROUNDS).enumerate() {
        for (command, times) in COMMANDS.iter().zip(&mut times) {
            // Without `min=0` the listing ends where what it finds does not fit.
            let query = format!("{} {words} top={RESULTS} min=0", command.article);
            let query = search.join(query);
            for (folder, times) in [
                (&*query, &mut times.first),
                (&*query, &mut times.again),
                (plain, &mut times.plain),
            ] {
                let (seconds, entries) = timed(|| (command.list)(folder));
                assert_eq!(entries, RESULTS, "{}", folder.display());
                if round >= WARM_UP {
                    times.push(seconds);
                }
            }
        }
    }
    times
}

/// No two alike.
fn queries() -> impl Iterator<Item = String> {
    let colours = ["red", "blue", "green", "white", "black", "yellow"];
    let things = [
        "car", "dog", "boat", "house", "flower", "ball", "bird", "child",
    ];
    let places = [
        "in the snow",
        "on the beach",
        "at night",
        "in the grass",
        "by the water",
    ];
    (0..240).map(move |number| {
        let (colour, thing) = (colours[number % 6], things[number / 6 % 8]);
        format!("{colour} {thing} {}", places[number / 48])
    })
}

/// What `ls` does.
fn list_names(folder: &Path) -> usize {
    list_paths(folder).len()
}

/// What `ls -F` does.
fn list_attributes(folder: &Path) -> usize {
    let paths = list_paths(folder);
    for path in &paths {
        assert!(fs::symlink_metadata(path).unwrap().is_symlink());
    }
    paths.len()
}

/// What `ls -l` does.
fn list_long(folder: &Path) -> usize {
    let paths = list_paths(folder);
    for path in &paths {
        assert!(fs::symlink_metadata(path).unwrap().is_symlink());
        fs::read_link(path).unwrap();
    }
    paths.len()
}

/// What is not hidden, as `.why` is.
fn list_paths(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| entry.path())
        .collect()
}
