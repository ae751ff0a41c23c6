//! Side by side with the tools that people use: one folder with photos, copies of each by the
//! edits that are promised (`semfs_samples::edits`), and exact copies, given to `fclones group`
//! (the same bytes), to `czkawka_cli image` (similar pictures) and to `semfs index --once`.
//!
//! Each starts with nothing remembered: its home and caches are a new folder. The files
//! were read just before by all alike. semfs does all that it does, as it cannot do less:
//! besides finding copies it reads what photos say of themselves, embeds them for the search
//! and commits an index to the disk, so that its next run compares new photos only.
//!
//! "Exact" and the kinds are the shares of copies that are in one group with their original.
//! "False" are files in a group with a file of another photo. czkawka is told to look at
//! files of all sizes: left alone it leaves out those below 16 kB.
//!
//! The tools are taken from the PATH, or from SEMFS_FCLONES and SEMFS_CZKAWKA; `cargo install
//! fclones czkawka_cli` gets both.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use semfs_samples::edits::{EDITS, Edit};
use serde_json::Value;
use support::{State, Table, folder, in_parallel, say, skip};
use truth::{EXACT, Groups, SAME_PHOTO};

/// Every so many photos are there twice more, byte for byte.
const EXACT_STEP: usize = 2;

/// How often the memory of a program is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What czkawka is told, besides its defaults: how different hashes of 256 bits may be.
const CZKAWKA: [(&str, &[&str]); 4] = [
    ("czkawka, as it comes (5)", &[]),
    ("czkawka, strictest (0)", &["-s", "0"]),
    ("czkawka, loosest advised (20)", &["-s", "20"]),
    (
        "czkawka, also turned (5)",
        &["--geometric-invariance", "mirror-flip-rotate90"],
    ),
];

fn main() {
    if let Err(reason) = support::model() {
        return skip(&reason);
    }
    let mut photos = support::photos();
    if photos.is_empty() {
        return skip("there are no photos beside this checkout (../shared/data/photos/images)");
    }
    let limit = env::var("SEMFS_TRUTH_PHOTOS").ok();
    if let Some(limit) = limit.and_then(|limit| limit.parse().ok()) {
        photos.truncate(limit);
    }
    say("making copies");
    let corpus = Corpus::write(&photos);
    let runs = runs(&corpus);
    let Some(ours) = runs.iter().find(|run| run.name == "semfs") else {
        return skip("semfs did not run");
    };
    costs(&corpus, &runs, ours).print();
    findings(&corpus, &runs).print();
}

// ---- Files ----------------------------------------------------------------------------

/// A folder and what is in it.
struct Corpus {
    folder: tempfile::TempDir,
    originals: Vec<PathBuf>,
    /// Copies with their photo and their kind; none are exact.
    copies: Vec<(usize, Option<&'static Edit>, PathBuf)>,
    bytes: u64,
}

impl Corpus {
    fn write(photos: &[PathBuf]) -> Self {
        let folder = folder();
        let edits: Vec<&'static Edit> = EDITS.iter().filter(|edit| edit.is_listed).collect();
        let numbers: Vec<usize> = (0..photos.len()).collect();
        let write = |name: String, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("writing a file");
            path
        };
        let written = in_parallel(&numbers, support::threads(), |&photo| {
            let bytes = fs::read(&photos[photo]).expect("a photo");
            let image = image::load_from_memory(&bytes).expect("a photo");
            let image = image.into_rgb8();
            let original = write(format!("{photo:04}.jpg"), &bytes);
            let mut copies = Vec::new();
            for (number, &edit) in edits.iter().enumerate() {
                let bytes = edit.of(&image, photo as u64).expect("a copy");
                let name = format!("{photo:04}-{number:02}.{}", edit.extension);
                copies.push((photo, Some(edit), write(name, &bytes)));
            }
            if photo % EXACT_STEP == 0 {
                for again in 0..2 {
                    let name = format!("{photo:04} again {again}.jpg");
                    copies.push((photo, None, write(name, &bytes)));
                }
            }
            (original, copies)
        });
        let (originals, copies): (Vec<_>, Vec<_>) = written.into_iter().unzip();
        let copies: Vec<_> = copies.into_iter().flatten().collect();
        let mut corpus = Self {
            folder,
            originals,
            copies,
            bytes: 0,
        };
        corpus.bytes = corpus.read();
        corpus
    }

    fn files(&self) -> impl Iterator<Item = (usize, &PathBuf)> {
        let copies = self.copies.iter().map(|(photo, _, path)| (*photo, path));
        self.originals.iter().enumerate().chain(copies)
    }

    /// Reads all files, so that they are in memory for whoever comes next.
    fn read(&self) -> u64 {
        let lengths = self.files().map(|(_, path)| fs::read(path).unwrap().len());
        lengths.sum::<usize>() as u64
    }
}

// ---- Running --------------------------------------------------------------------------

/// A program that has run.
struct Run {
    name: String,
    seconds: f64,
    processor: f64,
    /// The most memory of the largest of its processes, and of all of them, in MiB.
    largest: f64,
    together: f64,
    groups: Groups,
}

/// What a process took.
struct Cost {
    seconds: f64,
    processor: f64,
    largest: f64,
    together: f64,
}

fn runs(corpus: &Corpus) -> Vec<Run> {
    let root = corpus.folder.path();
    let mut runs = Vec::new();
    let mut add = |name: &str, cost: Cost, groups: Groups| {
        runs.push(Run {
            name: name.to_owned(),
            seconds: cost.seconds,
            processor: cost.processor,
            largest: cost.largest,
            together: cost.together,
            groups,
        });
    };
    match program("SEMFS_FCLONES", "fclones") {
        Ok(program) => {
            say("fclones");
            corpus.read();
            let home = folder();
            let report = home.path().join("report.json");
            let mut command = at_home(&program, home.path());
            command.args(["group", "--format", "json", "--output"]);
            let cost = run(command.arg(&report).arg(root));
            add("fclones", cost, groups_of_fclones(&report));
        }
        Err(reason) => say(&reason),
    }
    match program("SEMFS_CZKAWKA", "czkawka_cli") {
        Ok(program) => {
            for (name, options) in CZKAWKA {
                say(name);
                corpus.read();
                let home = folder();
                let report = home.path().join("report.json");
                let mut command = at_home(&program, home.path());
                command
                    .args(["image", "-N", "-M", "-W", "-m", "1"])
                    .args(options);
                command.arg("-d").arg(root).arg("-C").arg(&report);
                let cost = run(&mut command);
                add(name, cost, groups_of_czkawka(&report));
            }
        }
        Err(reason) => say(&reason),
    }
    say("semfs");
    corpus.read();
    let state = State::new();
    let mut command = state.semfs();
    let cost = run(command.args(["index", "--once"]).arg(root));
    let groups = Groups::read(&state, &[EXACT, SAME_PHOTO]);
    add("semfs", cost, groups);
    runs
}

/// Where a tool is, or a sentence that it is not there.
fn program(variable: &str, name: &str) -> Result<PathBuf, String> {
    if let Some(path) = env::var_os(variable) {
        return Ok(path.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found = env::split_paths(&path).map(|folder| folder.join(name));
    let found = found.find(|path| path.is_file());
    found.ok_or_else(|| {
        format!("{name} is absent, and its row with it: `cargo install {name}`, or {variable}")
    })
}

/// A program that has never run before, as far as it can know.
fn at_home(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("HOME", home);
    for variable in ["CACHE", "CONFIG", "DATA", "STATE"] {
        command.env(format!("XDG_{variable}_HOME"), home.join(variable));
    }
    command.env("CZKAWKA_CACHE_PATH", home.join("czkawka-cache"));
    command.env("CZKAWKA_CONFIG_PATH", home.join("czkawka-config"));
    command
}

/// Runs it to its end.
fn run(command: &mut Command) -> Cost {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    // `wait4` in `ended` waits for it, since that tells what it used.
    #[allow(clippy::zombie_processes)]
    let child = command.stderr(Stdio::null()).spawn().expect("starting");
    let mut together = 0.0_f64;
    let usage = loop {
        if let Some(usage) = ended(&child) {
            break usage;
        }
        together = together.max(memory(child.id()));
        thread::sleep(LOOK);
    };
    let seconds = start.elapsed().as_secs_f64();
    let time = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
    let largest = usage.ru_maxrss as f64 / 1024.0;
    Cost {
        seconds,
        processor: time(usage.ru_utime) + time(usage.ru_stime),
        largest,
        together: together.max(largest),
    }
}

/// What a process used, with those that it waited for, once it has ended. It must have ended
/// well: a number of something that failed would be worse than none.
fn ended(child: &Child) -> Option<libc::rusage> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let process = child.id() as libc::pid_t;
    // SAFETY: both places are ours and large enough; the process is a child that nobody
    // else waits for. A zeroed `rusage` is a valid one.
    let (ended, usage) = unsafe {
        let ended = libc::wait4(process, &mut status, libc::WNOHANG, usage.as_mut_ptr());
        (ended, usage.assume_init())
    };
    assert!(ended >= 0, "waiting for a tool");
    (ended == process).then(|| {
        assert!(libc::WIFEXITED(status), "a tool was killed");
        assert_eq!(libc::WEXITSTATUS(status), 0, "a tool failed");
        usage
    })
}

/// Memory of a process and all below it, what they share counted once, in MiB.
fn memory(process: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
    let rollup = rollup.unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    let own = kib.map_or(0.0, |kib: f64| kib / 1024.0);
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|list| {
            let numbers = list.split_whitespace().map(str::parse);
            numbers.filter_map(Result::ok).collect::<Vec<u32>>()
        })
        .collect();
    own + children.into_iter().map(memory).sum::<f64>()
}

// ---- Their reports --------------------------------------------------------------------

fn groups_of_fclones(report: &Path) -> Groups {
    let report = json(report);
    let groups = report["groups"].as_array().cloned().unwrap_or_default();
    let files = |group: &Value| {
        let files = group["files"].as_array().cloned().unwrap_or_default();
        files
            .iter()
            .filter_map(Value::as_str)
            .map(PathBuf::from)
            .collect::<Vec<_>>()
    };
    Groups::of_lists(&groups.iter().map(files).collect::<Vec<_>>())
}

fn groups_of_czkawka(report: &Path) -> Groups {
    // A list of groups; without any, it is not written.
    if !report.exists() {
        return Groups::of_lists(&[]);
    }
    let report = json(report);
    let groups = report.as_array().cloned().unwrap_or_default();
    let files = |group: &Value| {
        let files = group.as_array().cloned().unwrap_or_default();
        let paths = files.iter().filter_map(|file| file["path"].as_str());
        paths.map(PathBuf::from).collect::<Vec<_>>()
    };
    Groups::of_lists(&groups.iter().map(files).collect::<Vec<_>>())
}

fn json(path: &Path) -> Value {
    let text = fs::read(path).expect("the report of a tool");
    serde_json::from_slice(&text).expect("a report in JSON")
}

// ---- Tables ---------------------------------------------------------------------------

fn costs(corpus: &Corpus, runs: &[Run], ours: &Run) -> Table {
    let files = corpus.files().count();
    let title = format!(
        "{files} files of {} MB, nothing remembered",
        corpus.bytes / 1_000_000
    );
    let mut table = Table::new(
        title,
        &[
            "tool",
            "seconds",
            "to semfs",
            "processor s",
            "to semfs",
            "MiB, largest process",
            "MiB, all",
        ],
    );
    for run in runs {
        table.row([
            run.name.clone(),
            format!("{:.1}", run.seconds),
            format!("{:.2}", run.seconds / ours.seconds),
            format!("{:.1}", run.processor),
            format!("{:.2}", run.processor / ours.processor),
            format!("{:.0}", run.largest),
            format!("{:.0}", run.together),
        ]);
    }
    table
}

fn findings(corpus: &Corpus, runs: &[Run]) -> Table {
    let mut columns = vec!["copies found"];
    columns.extend(runs.iter().map(|run| run.name.as_str()));
    let title = format!("copies of {} photos that are found", corpus.originals.len());
    let mut table = Table::new(title, &columns);
    let mut row = |name: &str, cell: &dyn Fn(&Run) -> String| {
        let cells = runs.iter().map(cell);
        table.add([name.to_owned()].into_iter().chain(cells).collect());
    };
    let share = |run: &Run, wanted: &dyn Fn(Option<&Edit>) -> bool| {
        let (mut all, mut found) = (0, 0);
        for (photo, edit, path) in &corpus.copies {
            if wanted(*edit) {
                all += 1;
                let original = run.groups.of(&corpus.originals[*photo]);
                found += usize::from(original.is_some() && original == run.groups.of(path));
            }
        }
        format!("{:.3}", found as f64 / f64::from(all.max(1)))
    };
    row("exact", &|run| share(run, &|edit| edit.is_none()));
    for edit in EDITS.iter().filter(|edit| edit.is_listed) {
        row(edit.name, &|run| {
            share(run, &|other| {
                other.is_some_and(|other| other.name == edit.name)
            })
        });
    }
    row("all", &|run| share(run, &|_| true));
    row("false", &|run| {
        falsely_grouped(corpus, &run.groups).to_string()
    });
    table
}

/// Files that are in a group with a file of another photo.
fn falsely_grouped(corpus: &Corpus, groups: &Groups) -> usize {
    let mut photos_of: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (photo, path) in corpus.files() {
        if let Some(group) = groups.of(path) {
            photos_of.entry(group).or_default().insert(photo);
        }
    }
    let wrong = corpus.files().filter(|(_, path)| {
        let group = groups.of(path);
        group.is_some_and(|group| photos_of[&group].len() > 1)
    });
    wrong.count()
}
