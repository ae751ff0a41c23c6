//! The program under test, in a home of its own, and a mount that never outlives a test.

pub mod hub;
pub mod schema;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Says that a test is skipped, and why: not through `println!`, whose words are hidden
/// where a test passes.
macro_rules! skipped {
    ($($why:tt)*) => {
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("SKIPPED: {}\n", format_args!($($why)*)),
        );
    };
}
pub(crate) use skipped;

/// What is idle waits for a machine with nothing else to do, and the tests beside each other are
/// no such machine: lines of configuration that name no priority get the normal one.
fn at_once(more: &str) -> String {
    const LIMITS: &str = "[limits]";
    const NORMAL: &str = "[limits]\npriority = \"normal\"";
    if more.contains("priority") {
        more.to_owned()
    } else if more.contains(LIMITS) {
        more.replacen(LIMITS, NORMAL, 1)
    } else {
        format!("{more}\n{NORMAL}")
    }
}

/// The user who owns nothing.
const NOBODY: u32 = 65534;

/// A user's home: a folder of photos, a state folder, a mount point, a configuration.
pub struct Home {
    folder: TempDir,
    /// The program runs as this user and group.
    user: Option<u32>,
}

impl Home {
    pub fn new() -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
            user: None,
        };
        fs::create_dir(home.photos()).unwrap();
        fs::create_dir(home.mount()).unwrap();
        home.configure("");
        home
    }

    /// Writes `semfs.toml`, with further lines.
    pub fn configure(&self, more: &str) {
        self.configure_roots(&format!("[{:?}]", self.photos()), more);
    }

    /// The same with other roots, as TOML.
    pub fn configure_roots(&self, roots: &str, more: &str) {
        let text = format!(
            "roots = {roots}\nmount = {:?}\nstate = {:?}\n{}\n",
            self.mount(),
            self.state(),
            at_once(more)
        );
        fs::write(self.config(), text).unwrap();
    }

    /// Has the program run as an ordinary user, whatever user runs the tests. False where
    /// that user may not enter the folder that the program was built in.
    pub fn as_ordinary_user(&mut self) -> bool {
        if !nix::unistd::geteuid().is_root() {
            return true;
        }
        self.user = Some(NOBODY);
        self.give_to_user();
        let started = self.command(&["--version"]).output();
        let can = started.is_ok_and(|output| output.status.success());
        if !can {
            skipped!("an ordinary user may not enter the folder of this build");
        }
        can
    }

    /// Gives everything in this home to the user that the program runs as.
    pub fn give_to_user(&self) {
        let owner = self
            .user
            .map_or_else(String::new, |user| format!("{user}:{user}"));
        if !owner.is_empty() {
            let status = Command::new("chown")
                .arg("-R")
                .arg(owner)
                .arg(self.path())
                .status();
            assert!(status.unwrap().success());
        }
    }

    /// The user that the program runs as, if not that of the tests.
    pub fn user(&self) -> Option<u32> {
        self.user
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn photos(&self) -> PathBuf {
        self.path().join("photos")
    }

    pub fn mount(&self) -> PathBuf {
        self.path().join("mnt")
    }

    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("semfs.toml")
    }

    /// The program with arguments, in this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_semfs"));
        command
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .env("HOME", self.path())
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Runs the program; its output whatever it is.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program, which must succeed; what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "semfs {arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs the program, which must fail; its sentence.
    pub fn error(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "semfs {arguments:?} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// One pass; its account.
    pub fn index(&self) -> Account {
        Account::parse(&self.ok(&["index", "--once"]))
    }

    /// Starts one pass and does not wait; what it prints can be had from it.
    pub fn start_indexing(&self, roots: &[&str]) -> Child {
        let mut command = self.command(&["index", "--once"]);
        command
            .args(roots)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    pub fn status(&self) -> Status {
        Status(serde_json::from_str(&self.ok(&["status", "--json"])).unwrap())
    }

    /// How a root is kept up with, and why.
    pub fn mode(&self, root: &Path) -> (String, String) {
        let status = self.status();
        let roots = status.0["roots"].as_array().unwrap().clone();
        let root = roots
            .iter()
            .find(|entry| entry["path"].as_str() == root.to_str())
            .unwrap_or_else(|| panic!("{root:?} in {}", status.0));
        let text = |key: &str| root[key].as_str().unwrap_or_default().to_owned();
        (text("mode"), text("reason"))
    }

    /// Kind, path and reason of each problem.
    pub fn problems(&self) -> Vec<(String, PathBuf, String)> {
        let listed = self.run(&["status", "--problems"]).stdout;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let fields = listed
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>());
        fields
            .map(|line| (line[0].into(), line[1].into(), line[2].into()))
            .collect()
    }

    /// The paths that a search gives, best first.
    pub fn search(&self, query: &str, top: usize) -> Vec<PathBuf> {
        use std::os::unix::ffi::OsStrExt;
        let top = top.to_string();
        // Whatever it is worth.
        let query = format!("{query} min=0");
        let output = self.run(&["search", "-0", "--top", &top, "--", &query]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let paths = output
            .stdout
            .split(|byte| *byte == 0)
            .filter(|path| !path.is_empty());
        paths
            .map(|path| PathBuf::from(OsStr::from_bytes(path)))
            .collect()
    }
}

/// What `semfs status --json` says.
pub struct Status(pub serde_json::Value);

impl Status {
    pub fn number(&self, key: &str) -> u64 {
        self.0[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key} in {}", self.0))
    }
}

/// What `semfs index` prints at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub new: u64,
    pub known: u64,
    pub unchanged: u64,
    pub gone: u64,
    pub problems: u64,
}

impl Account {
    fn parse(printed: &str) -> Self {
        let line = printed.lines().next().unwrap_or_default();
        let number = |word: &str| -> u64 {
            let before = line.split(word).next().filter(|before| *before != line);
            let number = before.and_then(|before| before.trim_end().rsplit(' ').next());
            number
                .and_then(|number| number.parse().ok())
                .unwrap_or_else(|| panic!("{printed}"))
        };
        Self {
            new: number(" new,"),
            known: number(" moved or copied,"),
            unchanged: number(" unchanged,"),
            gone: number(" gone,"),
            problems: number(" problems;"),
        }
    }
}

/// A daemon that this test started. Dropped: ended and unmounted, also when a test fails.
pub struct Daemon {
    child: Child,
    mount: PathBuf,
}

impl Daemon {
    /// Starts the daemon and waits for its mount and its first pass. Nothing where this
    /// machine does not let us mount.
    pub fn start(home: &Home) -> Option<Self> {
        let daemon = Self::spawn(home)?;
        daemon.wait_for("the first pass", || {
            home.status().number("passes_finished") > 0
        });
        Some(daemon)
    }

    /// Starts the daemon and waits for its mount only.
    pub fn spawn(home: &Home) -> Option<Self> {
        if !can_mount() {
            return None;
        }
        let log = fs::File::create(home.path().join("daemon.log")).unwrap();
        let child = home
            .command(&["daemon"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Self {
            child,
            mount: home.mount(),
        };
        // Another user's mount can be seen, and not looked into.
        let is_there = || match home.user {
            Some(_) => is_mounted(&home.mount()),
            None => home.mount().join("README.txt").exists(),
        };
        daemon.wait_for("the mount", is_there);
        Some(daemon)
    }

    pub fn wait_for(&self, what: &str, mut is_there: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_there() {
            if Instant::now() > deadline {
                let log = self.mount.with_file_name("daemon.log");
                panic!("{what} did not come; {}", fs::read_to_string(log).unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// kill -9.
    pub fn kill(mut self) -> DeadMount {
        let dead = DeadMount(std::mem::take(&mut self.mount));
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        dead
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        memory_of(self.process(), "VmRSS")
    }

    /// Sends a signal and waits: the exit status, and whether the mount is still there. It
    /// is asked before this guard would unmount.
    pub fn end(mut self, signal: Signal) -> (Option<i32>, bool) {
        send(&self.child, signal);
        let status = self.child.wait().unwrap().code();
        (status, is_mounted(&self.mount))
    }
}

/// A filesystem in memory, mounted by this test. Dropped: unmounted. Nothing where this user
/// may not mount.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    pub fn mount(point: &Path) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            skipped!("only root can mount a tmpfs");
            return None;
        }
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "semfs-test"])
            .arg(point)
            .status();
        status.unwrap().success().then(|| Self(point.to_owned()))
    }

    /// Takes it away while it is in use.
    pub fn unmount_lazily(self) {
        drop(self);
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What a killed daemon leaves behind. Dropped: detached, if it is still there.
pub struct DeadMount(PathBuf);

impl Drop for DeadMount {
    fn drop(&mut self) {
        if is_mounted(&self.0) {
            let _ = Command::new("fusermount3").arg("-uz").arg(&self.0).status();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        send(&self.child, Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if is_mounted(&self.mount) {
            let _ = Command::new("fusermount3")
                .arg("-uz")
                .arg(&self.mount)
                .status();
        }
    }
}

fn send(child: &Child, signal: Signal) {
    let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal);
}

/// A number of `/proc/PID/status`, in KiB.
pub fn memory_of(process: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with(key))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

pub fn is_mounted(mount: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.any(|point| Path::new(point) == mount)
}

/// Whether this user can mount here. Says so where not.
pub fn can_mount() -> bool {
    let opened = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse");
    if let Err(error) = &opened {
        skipped!("/dev/fuse cannot be opened here ({error}); run the tests as root");
    }
    opened.is_ok()
}

/// The photos and files of other people that some tests use, if they are there.
pub fn shared_data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(folder);
    if path.is_dir() {
        return Some(path.canonicalize().unwrap());
    }
    skipped!("{} is not there", path.display());
    None
}

/// The names in a folder as `ls` shows them: sorted, without those that begin with a dot.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}
