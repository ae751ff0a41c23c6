//! What it costs to be told of changes: inotify, which has a watch for each folder, beside
//! fanotify, which has one mark for a filesystem, and beside not being told at all.
//!
//! *Set-up* is how long it takes until every folder is watched, and the kernel memory that
//! cannot be reclaimed meanwhile (inodes that are held not counted). *Told* is the time from
//! closing a file to its change. *Writing* is what a program pays that creates, writes and
//! closes files, in the root or elsewhere on the same filesystem, and what our reading thread
//! pays for each of them. fanotify needs root; without it, its rows are left out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use semfs_daemon::watch::{Backend, Change, How, RootId, Settings, Watch};
use support::{Table, folder, median, ms, quantile, ratio, say};

const ROOT: RootId = RootId(1);

/// Folders to be watched.
const FOLDERS: [u32; 2] = [5_000, 50_000];

/// Files that are told of, one by one.
const TOLD: usize = 2_000;

/// Files that a program writes, and how often.
const FILES: u32 = 20_000;
const ROUNDS: usize = 5;

const BOTH: [(How, Backend, &str); 2] = [
    (How::Inotify, Backend::Inotify, "inotify"),
    (How::Fanotify, Backend::Fanotify, "fanotify"),
];

fn main() {
    set_up();
    told();
    writing();
}

/// A watch of a folder, if this way of watching is permitted.
fn watch(root: &Path, how: How, backend: Backend) -> Option<(Watch, Receiver<Change>)> {
    let (sender, changes) = bounded(100_000);
    let settings = Settings {
        share: 0.95,
        ..Settings::default()
    };
    let watch = Watch::start(settings, sender).unwrap();
    let state = watch.add(ROOT, root, how).unwrap();
    (state.backend == Some(backend)).then_some((watch, changes))
}

fn set_up() {
    let columns = [
        "folders",
        "by",
        "ms",
        "to inotify",
        "kernel KiB",
        "watches",
        "left out",
    ];
    let mut table = Table::new("until every folder is watched".to_owned(), &columns);
    for folders in FOLDERS {
        say(&format!("making {folders} folders"));
        let tree = folder();
        for number in 0..folders {
            fs::create_dir_all(tree.path().join(format!("{}/{number}", number / 100))).unwrap();
        }
        let mut inotify = None;
        for (how, backend, name) in BOTH {
            let mut rounds = Vec::new();
            let mut memory = Vec::new();
            let mut state = None;
            for _ in 0..3 {
                let before = slab();
                let begun = Instant::now();
                let Some((watch, _changes)) = watch(tree.path(), how, backend) else {
                    break;
                };
                rounds.push(begun.elapsed().as_secs_f64());
                memory.push(slab().saturating_sub(before) as f64);
                state = Some(watch.state(ROOT));
            }
            let Some(state) = state else { continue };
            let time = median(&rounds);
            let first = *inotify.get_or_insert(time);
            table.row([
                folders.to_string(),
                name.to_owned(),
                ms(time),
                format!("{:.4}", time / first),
                format!("{:.0}", median(&memory)),
                state.watches.to_string(),
                state.unwatched.to_string(),
            ]);
        }
    }
    table.print();
}

/// What the kernel has in slabs that it cannot give back, in KiB: where watches are. Other
/// programs make it noisy.
fn slab() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("SUnreclaim:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

fn told() {
    let mut table = Table::new(
        "from closing a file to its change".to_owned(),
        &["by", "p50 ms", "p99 ms"],
    );
    for (how, backend, name) in BOTH {
        let root = memory();
        let Some((_watch, changes)) = watch(root.path(), how, backend) else {
            continue;
        };
        let times = (0..TOLD).map(|number| {
            let name = format!("{number}.jpg");
            let file = File::create(root.path().join(&name)).unwrap();
            thread::sleep(Duration::from_micros(200));
            let begun = Instant::now();
            drop(file);
            let is_it = |change: &Change| {
                matches!(change, Change::Written { name: told, .. } if *told == *name)
            };
            while !is_it(&changes.recv().unwrap()) {}
            begun.elapsed().as_secs_f64()
        });
        let times: Vec<f64> = times.collect();
        table.row([
            name.to_owned(),
            ms(median(&times)),
            ms(quantile(&times, 0.99)),
        ]);
    }
    table.print();
}

fn writing() {
    let mut table = Table::new(
        format!("creating, writing and closing {FILES} files"),
        &[
            "watched by",
            "files are",
            "µs a file",
            "to nobody",
            "reader µs a file",
            "events lost",
        ],
    );
    const CASES: [(Option<usize>, bool); 5] = [
        (None, true),
        (Some(0), true),
        (Some(1), true),
        (Some(0), false),
        (Some(1), false),
    ];
    let mut costs: [Writing; CASES.len()] = Default::default();
    // In turn, because machines are shared and times wander.
    for _ in 0..ROUNDS {
        for ((by, inside), costs) in CASES.iter().zip(&mut costs) {
            costs.write(*by, *inside);
        }
    }
    for ((by, inside), of) in CASES.iter().zip(&costs) {
        if of.seconds.is_empty() {
            continue;
        }
        table.row([
            by.map_or("nobody", |by| BOTH[by].2).to_owned(),
            if *inside { "in the root" } else { "elsewhere" }.to_owned(),
            format!("{:.2}", median(&of.seconds) * 1e6 / f64::from(FILES)),
            format!("{:.2}", ratio(&of.seconds, &costs[0].seconds)),
            format!("{:.2}", median(&of.reader) * 1e6 / f64::from(FILES)),
            of.lost.to_string(),
        ]);
    }
    table.print();
}

/// A folder in memory, where there is one, so that no disk has a say in what writing costs.
fn memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| folder())
}

/// What writing files cost, in seconds.
#[derive(Default)]
struct Writing {
    seconds: Vec<f64>,
    reader: Vec<f64>,
    lost: u64,
}

impl Writing {
    /// Writes the files once, while nobody watches or one of both does.
    fn write(&mut self, by: Option<usize>, inside: bool) {
        let base = memory();
        let (root, other) = (base.path().join("root"), base.path().join("other"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&other).unwrap();
        let watched = by.map(|by| watch(&root, BOTH[by].0, BOTH[by].1));
        if matches!(watched, Some(None)) {
            return;
        }
        let before = reader_time();
        let target = if inside { &root } else { &other };
        let begun = Instant::now();
        for number in 0..FILES {
            fs::write(target.join(format!("{number}.jpg")), b"a picture").unwrap();
        }
        self.seconds.push(begun.elapsed().as_secs_f64());
        thread::sleep(Duration::from_millis(300));
        self.reader.push(reader_time() - before);
        if let Some(Some((watch, _))) = &watched {
            self.lost += watch.state(ROOT).lost;
        }
    }
}

/// Seconds of processor time of the threads of this process that read events.
fn reader_time() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let readers = tasks.filter(|task| {
        fs::read_to_string(task.path().join("comm"))
            .is_ok_and(|name| name.starts_with("semfs-watch"))
    });
    let times = readers.filter_map(|task| {
        // Nanoseconds on the processor come first.
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    times.sum::<f64>() / 1e9
}
