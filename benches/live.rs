//! How soon a change is seen, and what those who search feel of indexing in bulk.
//!
//! A real daemon and mount follow a folder. *Seen* is measured from the moment that a file is
//! closed (or renamed, or removed) until `recent/` of the mount lists it (or does not any
//! more), looked at every two milliseconds. The reference for *seen* is the promise of
//! `docs/SEMANTICS.md`, two seconds.
//!
//! Then thousands of new photos arrive at once, and new queries are listed while they are
//! taken in: with the daemon's bulk work at idle priority, which is the default, and at normal
//! priority; the reference is the same daemon with nothing to do. Without /dev/fuse nothing is
//! measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use support::{Daemon, State, Table, folder, median, ms, quantile, say, timed};

/// Photos in the index when it begins.
const PICTURES: usize = 1_000;

/// Changes of each kind that are measured.
const ROUNDS: usize = 60;

/// Photos that arrive at once.
const BURST: usize = 4_000;

/// What `docs/SEMANTICS.md` promises, in seconds.
const PROMISE: f64 = 2.0;

/// How long a change may take before this ends.
const PATIENCE: Duration = Duration::from_secs(60);

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
    if let Err(reason) = seen(&pictures) {
        return support::skip(&format!("there is no mount: {reason}"));
    }
    felt(&pictures);
}

/// How soon changes are seen.
fn seen(pictures: &[Vec<u8>]) -> Result<(), String> {
    let (root, ready, state) = (folder(), folder(), State::new());
    support::write_variants(root.path(), pictures, PICTURES);
    state.index(root.path());
    // Each with a content that the index has not.
    let all = support::write_variants(ready.path(), pictures, PICTURES + ROUNDS);
    let small = &all[PICTURES..];
    let large = large(ready.path());
    let daemon = Daemon::start(&state, root.path())?;
    let recent = daemon.mount().join("recent");
    let mut table = Table::new(
        "from closing a file to its entry in recent/".to_owned(),
        &[
            "change",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "most ms",
            "of the promise",
        ],
    );
    let mut row = |words: &str, times: &[f64]| {
        table.row([
            words.to_owned(),
            ms(median(times)),
            ms(quantile(times, 0.9)),
            ms(quantile(times, 0.99)),
            ms(quantile(times, 1.0)),
            format!("{:.2}", quantile(times, 0.99) / PROMISE),
        ]);
    };
    let new = |number: usize| root.path().join(format!("new-{number}.jpg"));
    let moved = |number: usize| root.path().join(format!("0000/moved-{number}.jpg"));
    let write = |from: &[PathBuf]| -> Vec<f64> {
        let bytes = from.iter().map(|path| fs::read(path).unwrap());
        let bytes: Vec<Vec<u8>> = bytes.collect();
        let measured = bytes.iter().enumerate().map(|(number, bytes)| {
            let path = new(number);
            fs::write(&path, bytes).unwrap();
            until(&recent, |names| lists(names, &path))
        });
        measured.collect()
    };
    let clear = || {
        for number in 0..ROUNDS {
            let _ = fs::remove_file(new(number));
        }
        until(&recent, |names| {
            !names.iter().any(|name| name.contains("new-"))
        })
    };
    row("a 12 megapixel photo is written", &write(&large));
    clear();
    row("a photo of 0.2 megapixels is written", &write(small));
    let renamed = (0..ROUNDS).map(|number| {
        fs::rename(new(number), moved(number)).unwrap();
        until(&recent, |names| lists(names, &moved(number)))
    });
    row(
        "a photo is moved to another folder",
        &renamed.collect::<Vec<_>>(),
    );
    let removed = (0..ROUNDS).map(|number| {
        fs::remove_file(moved(number)).unwrap();
        until(&recent, |names| !lists(names, &moved(number)))
    });
    row("a photo is deleted", &removed.collect::<Vec<_>>());
    table.print();
    Ok(())
}

/// What a search feels of photos that arrive in bulk.
fn felt(pictures: &[Vec<u8>]) {
    let mut table = Table::new(
        format!("listing a new query while {BURST} photos arrive"),
        &[
            "bulk work",
            "searches",
            "p50 ms",
            "p99 ms",
            "p99 to idle",
            "photos/s",
        ],
    );
    let mut idle_p99 = f64::NAN;
    for priority in ["idle", "normal"] {
        let (root, ready, state) = (folder(), folder(), State::new());
        state.set(&format!("[limits]\npriority = \"{priority}\"\n"));
        support::write_variants(root.path(), pictures, PICTURES);
        state.index(root.path());
        support::write_variants(ready.path(), pictures, PICTURES + BURST);
        for number in 0..PICTURES / 100 {
            fs::remove_dir_all(ready.path().join(format!("{number:04}"))).unwrap();
        }
        let Ok(daemon) = Daemon::start(&state, root.path()) else {
            return;
        };
        let mut queries = queries();
        if priority == "idle" {
            let times: Vec<f64> = (0..400).map(|_| search(&daemon, &mut queries)).collect();
            idle_p99 = quantile(&times, 0.99);
            table.row([
                "none".to_owned(),
                times.len().to_string(),
                ms(median(&times)),
                ms(idle_p99),
                "1.0".to_owned(),
                String::new(),
            ]);
        }
        let begun = Instant::now();
        fs::rename(ready.path(), root.path().join("card")).unwrap();
        let mut times = Vec::new();
        while daemon.number("files") < PICTURES + BURST {
            assert!(begun.elapsed() < PATIENCE * 5, "the burst was lost");
            times.push(search(&daemon, &mut queries));
        }
        let took = begun.elapsed().as_secs_f64();
        table.row([
            format!("at {priority} priority"),
            times.len().to_string(),
            ms(median(&times)),
            ms(quantile(&times, 0.99)),
            format!("{:.1}", quantile(&times, 0.99) / idle_p99),
            support::rate(BURST, took),
        ]);
        fs::create_dir(ready.path()).unwrap();
    }
    table.print();
}

/// Seconds to list a query that was never asked.
fn search(daemon: &Daemon, queries: &mut impl Iterator<Item = String>) -> f64 {
    let query = daemon.mount().join("search").join(queries.next().unwrap());
    // How many there are depends on the query: a listing ends where what it finds does not fit.
    let (seconds, _) = timed(|| fs::read_dir(&query).unwrap().map(Result::unwrap).count());
    // As often as a person, or a desktop, might.
    thread::sleep(Duration::from_millis(20));
    seconds
}

fn queries() -> impl Iterator<Item = String> {
    let words = [
        "red", "blue", "dog", "car", "boat", "snow", "beach", "child", "house", "ball", "tree",
        "water", "night", "street", "flower", "man",
    ];
    (0..usize::MAX).map(move |number| {
        let at = |shift: usize| words[number / words.len().pow(shift as u32) % words.len()];
        format!("{} {} {} {}", at(0), at(1), at(2), at(3))
    })
}

/// Seconds until a listing is as it should be.
fn until(folder: &Path, is_so: impl Fn(&[String]) -> bool) -> f64 {
    let begun = Instant::now();
    loop {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        if is_so(&names.collect::<Vec<_>>()) {
            return begun.elapsed().as_secs_f64();
        }
        assert!(begun.elapsed() < PATIENCE, "a change was never seen");
        thread::sleep(Duration::from_millis(2));
    }
}

fn lists(names: &[String], path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    names.iter().any(|listed| listed.ends_with(&*name))
}

/// Drawn photos of 12 megapixels.
fn large(folder: &Path) -> Vec<PathBuf> {
    let drawn = support::draw(ROUNDS / 4, 4000, 3000);
    let write = drawn.iter().enumerate().map(|(number, bytes)| {
        let path = folder.join(format!("large-{number}.jpg"));
        fs::write(&path, bytes).unwrap();
        path
    });
    write.collect()
}
