//! kill -9 at any moment: nothing that was indexed is embedded again, nothing is missing.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::pictures::{write_many, write_small};
use crate::support::{Daemon, Home};

const PHOTOS: u32 = 1500;

#[test]
fn kill_at_any_moment_loses_nothing_and_repeats_nothing() {
    let home = Home::new();
    write_many(&home.photos(), PHOTOS);
    let mut before = 0;
    let mut in_between = 0;
    let mut slowness = 1;
    for trial in 0..12 {
        let mut indexing = home.start_indexing(&[]);
        std::thread::sleep(slowness * Duration::from_millis(150 + trial * 97 % 700));
        indexing.kill().unwrap();
        indexing.wait().unwrap();
        let status = home.status();
        let photos = status.number("photos");
        assert!(photos >= before, "{photos} after {before}");
        // Every committed photo has its vector: a search lists exactly these.
        assert_eq!(home.search("anything", 2000).len() as u64, photos);
        in_between += u32::from(photos > before && photos < u64::from(PHOTOS));
        // A busy machine has done nothing yet: the next run gets longer.
        if photos == before && photos < u64::from(PHOTOS) {
            slowness = (slowness * 2).min(16);
        }
        before = photos;
    }
    assert!(in_between > 0, "no kill fell into the middle of the work");
    let last = home.index();
    assert_eq!(last.unchanged, before);
    assert_eq!(last.new, u64::from(PHOTOS) - before);
    assert_eq!(home.status().number("photos"), u64::from(PHOTOS));
    assert_eq!(home.search("anything", 2000).len(), PHOTOS as usize);
    assert_eq!(home.index().new, 0);
}

#[test]
fn an_interrupted_run_keeps_what_it_did() {
    let home = Home::new();
    write_many(&home.photos(), PHOTOS);
    let indexing = home.start_indexing(&[]);
    std::thread::sleep(Duration::from_millis(600));
    let process = nix::unistd::Pid::from_raw(i32::try_from(indexing.id()).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = indexing.wait_with_output().unwrap();
    assert!(output.status.success());
    let kept = home.status().number("photos");
    assert_eq!(home.index().unchanged, kept);
}

/// Small random numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % most
    }
}

/// A tree of photos that changes in every way, and knows what it should hold.
struct ChangingTree {
    root: PathBuf,
    dice: Dice,
    /// Contents that were ever written, by the seed they were drawn from.
    drawn: u32,
}

impl ChangingTree {
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    files.push(entry.path());
                }
            }
        }
        files.sort();
        files
    }

    fn some_folder(&mut self) -> PathBuf {
        let folder = format!("{}/{}", self.dice.below(4), self.dice.below(4));
        let folder = self.root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn change(&mut self) {
        let files = self.files();
        let one = files[self.dice.below(files.len())].clone();
        let number = self.dice.below(1_000_000);
        match self.dice.below(8) {
            0 | 1 => {
                let folder = self.some_folder();
                write_small(
                    &folder.join(format!("new-{number}.jpg")),
                    10_000 + self.drawn,
                );
                self.drawn += 1;
            }
            2 => {
                write_small(&one, 10_000 + self.drawn);
                self.drawn += 1;
            }
            3 | 4 => {
                let folder = self.some_folder();
                fs::rename(one, folder.join(format!("moved-{number}.jpg"))).unwrap();
            }
            5 => {
                let folder = self.some_folder();
                fs::copy(one, folder.join(format!("copy-{number}.jpg"))).unwrap();
            }
            6 => {
                let (from, to) = (self.some_folder(), self.some_folder());
                let to = to.join(format!("tree-{number}"));
                if !to.starts_with(&from) {
                    fs::rename(from, to).unwrap();
                }
            }
            _ if files.len() > 100 => fs::remove_file(one).unwrap(),
            _ => {}
        }
    }
}

/// Killed fifty times while the tree changes: in the end the index is the tree.
#[test]
fn kill_at_fifty_moments_of_a_changing_tree_leaves_the_index_true() {
    let home = Home::new();
    home.configure("results = 10000\nrest_seconds = 0\nloss_percent = 100");
    let mut tree = ChangingTree {
        root: home.photos(),
        dice: Dice(2026),
        drawn: 200,
    };
    write_many(&home.photos(), 200);
    home.index();
    assert_eq!(home.status().number("vectors"), 200);
    for _ in 0..50 {
        let Some(daemon) = Daemon::spawn(&home) else {
            return;
        };
        for _ in 0..tree.dice.below(12) {
            tree.change();
            std::thread::sleep(Duration::from_millis(tree.dice.below(40) as u64));
        }
        drop(daemon.kill());
    }
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let expected = tree.files();
    daemon.wait_for("the last changes", || {
        home.status().number("files") == expected.len() as u64
    });
    let contents: HashMap<Vec<u8>, PathBuf> = expected
        .iter()
        .map(|path| (fs::read(path).unwrap(), path.clone()))
        .collect();
    let status = home.status();
    assert_eq!(status.number("problems"), 0);
    assert_eq!(
        status.number("photos"),
        contents.len() as u64,
        "none is missing"
    );
    let found = home.search("anything", 10_000);
    assert_eq!(found.len(), contents.len());
    for path in &found {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{path:?} is dead: {error}"));
        assert!(contents.contains_key(&bytes));
    }
    // Each content that was ever drawn was embedded once, if somebody saw it at all.
    let vectors = status.number("vectors");
    assert!(
        vectors <= u64::from(tree.drawn),
        "{vectors} of {}",
        tree.drawn
    );
    assert!(vectors >= contents.len() as u64);
    drop(daemon);
    let account = home.index();
    assert_eq!((account.new, account.known, account.gone), (0, 0, 0));
}
