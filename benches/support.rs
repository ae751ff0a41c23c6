//! What the benchmarks share: places to work in, pictures, the program, the daemon with
//! its mount, numbers and tables. It measures nothing itself.

#![allow(dead_code)] // each benchmark is a program of its own and uses a part of this

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Cursor;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;
use semfs_engine::embed::{Model, Runtime};
use tempfile::TempDir;

/// Pictures of people, where this checkout has some beside it. They are not ours to ship.
const PHOTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/photos/images");

/// The default model.
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/mini");

/// How long the daemon gets to mount, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

// ---- Places ---------------------------------------------------------------------------

/// A folder on the disk of the build, removed when it is dropped.
pub fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a temporary folder in the build folder")
}

/// Threads to work with: one a core.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The default model and ONNX Runtime, or a sentence why not.
pub fn model() -> Result<(Runtime, Model), String> {
    let model = Model::read(Path::new(MODEL)).map_err(|error| error.to_string())?;
    let library = match env::var_os("ORT_DYLIB_PATH") {
        Some(path) => PathBuf::from(path),
        None => {
            let program = env::current_exe().expect("the path of this program");
            let beside = |folder: &Path| folder.join("onnxruntime/libonnxruntime.so");
            let found = program.ancestors().map(beside).find(|path| path.is_file());
            found.ok_or("there is no onnxruntime/ beside the build; run `make setup`")?
        }
    };
    let runtime = Runtime::load(&library).map_err(|error| error.to_string())?;
    Ok((runtime, model))
}

// ---- Pictures -------------------------------------------------------------------------

/// The pictures of people, or nothing where this checkout has none. `SEMFS_BENCH_PHOTOS` names
/// another folder of them.
pub fn photos() -> Vec<PathBuf> {
    let folder = env::var_os("SEMFS_BENCH_PHOTOS").map_or(PHOTOS.into(), PathBuf::from);
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension() == Some(OsStr::new("jpg")))
        .collect();
    paths.sort();
    paths
}

/// Pictures of about half a megapixel, encoded, and what they are in words: photos where
/// there are some, drawn ones otherwise.
pub fn pictures() -> (Vec<Vec<u8>>, &'static str) {
    match photos() {
        paths if !paths.is_empty() => {
            let bytes = paths
                .iter()
                .map(|path| fs::read(path).expect("a readable photo"));
            (bytes.collect(), "photos, 500x375")
        }
        _ => (draw(150, 640, 480), "drawn, 640x480"),
    }
}

/// `number` pictures drawn by the program that makes the samples, as JPEG.
pub fn draw(number: usize, width: u32, height: u32) -> Vec<Vec<u8>> {
    use semfs_samples::{SUBJECTS, draw};
    let all: Vec<usize> = (0..number).collect();
    in_parallel(&all, threads(), |&number| {
        let subject = SUBJECTS[number % SUBJECTS.len()];
        let seed = (number / SUBJECTS.len()) as u64;
        let image = draw(subject, seed, width, height).expect("a known subject");
        let mut bytes = Cursor::new(Vec::new());
        JpegEncoder::new_with_quality(&mut bytes, 95)
            .encode_image(&image)
            .expect("encoding in memory");
        bytes.into_inner()
    })
}

/// Writes `number` files below `folder`, 100 to a folder, from the pictures in turn. Each
/// has a comment of its own, so that no two have the same content, which would be
/// indexed once.
pub fn write_variants(folder: &Path, pictures: &[Vec<u8>], number: usize) -> Vec<PathBuf> {
    let write = |at: usize| {
        let folder = folder.join(format!("{:04}", at / 100));
        fs::create_dir_all(&folder).expect("making a folder");
        let path = folder.join(format!("IMG_{at:05}.jpg"));
        let bytes = with_comment(&pictures[at % pictures.len()], at);
        fs::write(&path, bytes).expect("writing a picture");
        path
    };
    (0..number).map(write).collect()
}

/// The JPEG with a COM segment (ITU T.81, B.2.4.5) after its SOI marker.
fn with_comment(jpeg: &[u8], number: usize) -> Vec<u8> {
    let (start, rest) = jpeg.split_at(2);
    let text = format!("{number:08}");
    let length = u16::try_from(text.len() + 2).expect("a short text");
    [
        start,
        &[0xFF, 0xFE],
        &length.to_be_bytes(),
        text.as_bytes(),
        rest,
    ]
    .concat()
}

// ---- Work -----------------------------------------------------------------------------

/// `work` on each of `items`, on so many threads; the results in order.
pub fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let Some((at, item)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            items.get(at).map(|item| (at, item))
        } {
            done.push((at, work(item)));
        }
        done
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|done| done.expect("a thread that ended well"))
            .collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// How long `work` took, in seconds, and what it returned.
pub fn timed<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

/// Processor time of this process, and of those that it has started and waited for.
fn processor_time() -> f64 {
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 * 1e-6;
    let both = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN];
    let used = both.map(|who| {
        let usage = getrusage(who).expect("asking the kernel");
        seconds(usage.user_time()) + seconds(usage.system_time())
    });
    used.iter().sum()
}

/// What a contender took, in seconds, round by round.
pub struct Costs {
    /// As a clock on the wall has it.
    pub seconds: Vec<f64>,
    /// Processor time of all threads: holds better on a machine that others use.
    pub processor: Vec<f64>,
}

/// Runs the contenders in turn, once to warm up and then `rounds` times: A B C A B C. The
/// machine's moods then hit all of them. Each returns its own seconds.
pub fn in_turn<const N: usize>(
    rounds: usize,
    mut contenders: [&mut dyn FnMut() -> f64; N],
) -> [Costs; N] {
    let mut costs = [const { Costs::new() }; N];
    for round in 0..=rounds {
        for (contender, costs) in contenders.iter_mut().zip(&mut costs) {
            let before = processor_time();
            let seconds = contender();
            if round > 0 {
                costs.seconds.push(seconds);
                costs.processor.push(processor_time() - before);
            }
        }
    }
    costs
}

impl Costs {
    const fn new() -> Self {
        Self {
            seconds: Vec::new(),
            processor: Vec::new(),
        }
    }

    /// Both with another's combined.
    pub fn with(&self, other: &Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        let each = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| combine(*a, *b)).collect();
        Self {
            seconds: each(&self.seconds, &other.seconds),
            processor: each(&self.processor, &other.processor),
        }
    }
}

// ---- Numbers --------------------------------------------------------------------------

/// The value below which this share of the values lies (nearest rank).
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The middle one of the quotients, round by round: it holds better on a busy machine
/// than the quotient of two medians.
pub fn ratio(over: &[f64], under: &[f64]) -> f64 {
    let quotients: Vec<f64> = over.iter().zip(under).map(|(a, b)| a / b).collect();
    median(&quotients)
}

/// Seconds as milliseconds, for a table.
pub fn ms(seconds: f64) -> String {
    let digits = if seconds < 0.1 { 3 } else { 0 };
    format!("{:.digits$}", seconds * 1e3)
}

/// A number a second, for a table.
pub fn rate(number: usize, seconds: f64) -> String {
    format!("{:.0}", number as f64 / seconds)
}

/// Random numbers that are the same each time: SplitMix64.
pub struct Random(pub u64);

impl Random {
    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    pub fn uniform(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// About normal, with mean 0 and variance 1: four 16-bit numbers added up.
    pub fn normal(&mut self) -> f32 {
        let bits = self.bits();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xFFFF).sum();
        (sum as f32 / 65_536.0 - 2.0) * 1.732
    }
}

// ---- Tables ---------------------------------------------------------------------------

/// A table that is printed whole, its columns aligned; also a table in Markdown.
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned());
        Self {
            title: title.into(),
            rows: vec![columns.collect()],
        }
    }

    /// Adds a row, as long as the first.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Adds a row, as long as the first, where nobody knows beforehand how long that is.
    pub fn add(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.rows[0].len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// Prints it, with the machine in the title.
    pub fn print(&self) {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            let widths = self.rows.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        println!("\n{} ({})\n", self.title, machine());
        for (number, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
            if number == 0 {
                let rules = widths.iter().enumerate().map(|(column, &width)| {
                    let colon = if column == 0 { "-" } else { ":" };
                    format!("{}{colon}", "-".repeat(width + 1))
                });
                println!("|{}|", rules.collect::<Vec<_>>().join("|"));
            }
        }
    }
}

/// Says what is being done, for those who wait.
pub fn say(words: &str) {
    eprintln!("# {words}");
}

/// Says why nothing was measured.
pub fn skip(reason: &str) {
    println!("skipped: {reason}");
}

/// The processor, as the kernel calls it, and how many of them.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map_or("", |(_, value)| value.trim())
    };
    let flags = field("flags");
    let best = ["avx512_vnni", "avx_vnni", "avx2"]
        .into_iter()
        .find(|flag| flags.split(' ').any(|found| found == *flag));
    let (model, threads) = (field("model name"), threads());
    format!("{threads} threads, {model}, {}", best.unwrap_or("no AVX2"))
}

// ---- The program ----------------------------------------------------------------------

/// A state folder with a configuration in which nothing is set, so that what the user of
/// this machine has configured counts for nothing.
pub struct State {
    folder: TempDir,
}

impl State {
    pub fn new() -> Self {
        let folder = folder();
        fs::write(folder.path().join("semfs.toml"), "rescan_minutes = 0\n")
            .expect("writing a configuration");
        Self { folder }
    }

    /// Adds to the configuration.
    pub fn set(&self, more: &str) {
        let text = format!("rescan_minutes = 0\n{more}");
        fs::write(self.folder.path().join("semfs.toml"), text).expect("writing a configuration");
    }

    /// Where the index is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// `semfs` with this state.
    pub fn semfs(&self) -> Command {
        let mut semfs = Command::new(env!("CARGO_BIN_EXE_semfs"));
        semfs.arg("--quiet");
        semfs
            .arg("--config")
            .arg(self.folder.path().join("semfs.toml"));
        semfs.arg("--state").arg(self.path());
        semfs.stdin(Stdio::null());
        semfs
    }

    /// `semfs index --once`: the seconds from start to end of the process, and what it
    /// said that it did.
    pub fn index(&self, root: &Path) -> (f64, Summary) {
        let mut semfs = self.semfs();
        semfs.args(["index", "--once"]).arg(root);
        let (seconds, output) = timed(|| semfs.output().expect("starting semfs"));
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "semfs failed: {errors}");
        (seconds, Summary::parse(&words))
    }
}

/// What `semfs index` says at its end.
#[derive(Debug, PartialEq)]
pub struct Summary {
    pub new: usize,
    pub unchanged: usize,
    pub problems: usize,
    /// New photos a second, until all were taken in; comparing them comes after.
    pub rate: f64,
}

impl Summary {
    /// `12 new, 0 moved or copied, 3 unchanged, 0 gone, 0 problems; 35.1 pictures/s in …`
    fn parse(words: &str) -> Self {
        let rate = words.split("; ").nth(1);
        let rate = rate.and_then(|words| words.split(' ').next());
        let counts = words.split(';').next().unwrap_or_default();
        let count = |name: &str| {
            let found = counts
                .split(", ")
                .filter_map(|part| part.trim().split_once(' '));
            let mut found = found.filter(|(_, what)| *what == name);
            let number = found.next().and_then(|(number, _)| number.parse().ok());
            number.unwrap_or_else(|| panic!("no count of {name} in {words:?}"))
        };
        Self {
            new: count("new"),
            unchanged: count("unchanged"),
            problems: count("problems"),
            rate: rate.and_then(|rate| rate.parse().ok()).unwrap_or(f64::NAN),
        }
    }
}

/// A daemon of ours with its mount. However this ends, the mount is gone afterwards.
pub struct Daemon {
    process: Child,
    mount: TempDir,
    log: PathBuf,
}

impl Daemon {
    /// Starts `semfs daemon` over an index that is complete, and waits until its first
    /// pass is over; or says why there is no mount.
    pub fn start(state: &State, root: &Path) -> Result<Self, String> {
        let mount = folder();
        let log = state.folder.path().join("log");
        let mut semfs = state.semfs();
        semfs.arg("daemon").arg(root).arg("--mount");
        semfs.arg(mount.path()).stdout(Stdio::null());
        semfs.stderr(File::create(&log).expect("making a log"));
        // SAFETY: between fork and exec only this system call is made, which allocates
        // nothing and takes no lock.
        unsafe {
            semfs.pre_exec(|| Ok(prctl::set_pdeathsig(Signal::SIGTERM)?));
        }
        let process = semfs.spawn().expect("starting semfs");
        let mut daemon = Self {
            process,
            mount,
            log,
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(Some(_)) = daemon.process.try_wait() {
                let log = fs::read_to_string(&daemon.log).unwrap_or_default();
                return Err(log.trim().to_owned());
            }
            if daemon.passes() > 0 {
                return Ok(daemon);
            }
            if Instant::now() > deadline {
                return Err("the daemon did not come up".to_owned());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn mount(&self) -> &Path {
        self.mount.path()
    }

    /// Memory that is its own and no file's, in MiB.
    pub fn memory(&self) -> f64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(status).unwrap_or_default();
        let field = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = field.and_then(|field| field.trim().trim_end_matches(" kB").parse().ok());
        kib.map_or(f64::NAN, |kib: f64| kib / 1024.0)
    }

    /// Passes that are finished, as the mount says it.
    fn passes(&self) -> u64 {
        self.number("passes_finished") as u64
    }

    /// A number of the status.
    pub fn number(&self, key: &str) -> usize {
        let status = fs::read(self.mount.path().join(".semfs/status.json"));
        let status: serde_json::Value =
            serde_json::from_slice(&status.unwrap_or_default()).unwrap_or_default();
        status[key].as_u64().unwrap_or(0) as usize
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.process.kill();
                let _ = self.process.wait();
            }
            thread::sleep(Duration::from_millis(20));
        }
        // The parent's device number differs from a mount's.
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let point = self.mount.path().to_string_lossy();
        if mounts.lines().any(|line| line.contains(&*point)) {
            eprintln!("# the daemon left its mount behind; detaching {point}");
            let _ = Command::new("fusermount3")
                .args(["-uz", "--"])
                .arg(self.mount.path())
                .status();
        }
    }
}
