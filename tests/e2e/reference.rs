//! A real mount over random libraries, held against a reference: a plain list of photos in
//! which everything that the mount shows is computed again (`reference/model.rs`).
//!
//! `SEMFS_REFERENCE_SEED` runs one library again, `SEMFS_REFERENCE_CASES` more of them.

mod library;
mod model;
mod mount;
mod questions;
mod random;
mod vocabulary;
mod written;

use std::fs;
use std::time::{Duration, Instant};

use library::Library;
use model::Model;
use mount::{Wrong, hold_unlisted, hold_whole};
use questions::{ask, hold_absent};
use random::Random;

use crate::support::{Daemon, Home};

/// How soon the mount must agree with what lies in the roots: more than it promises, for
/// machines that have other things to do.
const SOON: Duration = Duration::from_secs(30);

/// Times that a library is changed.
const ROUNDS: usize = 3;

/// Questions after each of them.
const QUESTIONS: usize = 40;

/// The seeds of this run.
fn seeds(first: u64) -> Vec<u64> {
    let number = |name: &str| {
        let value = std::env::var(name).ok()?;
        Some(
            value
                .parse()
                .unwrap_or_else(|_| panic!("{name} is a number, not {value}")),
        )
    };
    match number("SEMFS_REFERENCE_SEED") {
        Some(seed) => vec![seed],
        None => (first..first + number("SEMFS_REFERENCE_CASES").unwrap_or(3)).collect(),
    }
}

/// Waits until it is so. What was wrong last is the end of the test otherwise.
fn settle(story: &[String], is_so: impl Fn() -> Result<(), Wrong>) {
    let since = Instant::now();
    while let Err(wrong) = is_so() {
        assert!(
            since.elapsed() < SOON,
            "{wrong}\nafter\n  {}",
            story.join("\n  ")
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// One library from its first picture to its last change.
fn run(seed: u64, parts_of: usize) {
    let mut random = Random::new(seed);
    let home = Home::new();
    let mut roots = vec![home.photos()];
    if random.chance(75) {
        roots.push(home.path().join("Other pictures"));
    }
    roots
        .iter()
        .for_each(|root| fs::create_dir_all(root).unwrap());
    home.configure_roots(
        &format!("{roots:?}"),
        &format!(
            "rescan_minutes = 0\nloss_percent = 100\nresults = 10000\nfolder_photos = {parts_of}"
        ),
    );
    let count = 30 + random.below(51);
    let mut library = Library::fill(roots, home.path().join("outside"), random.another(), count);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let mut story = vec![format!("SEMFS_REFERENCE_SEED={seed}")];
    for round in 0..=ROUNDS {
        if round > 0 {
            story.extend((0..=random.below(5)).map(|_| library.change()));
        }
        let model = Model::of(&library);
        if round == 0 {
            settle(&story, || hold_unlisted(&home.mount(), &model, parts_of));
        }
        settle(&story, || hold_whole(&home.mount(), &model, parts_of));
        settle(&story, || hold_absent(&home.mount()));
        for _ in 0..QUESTIONS {
            let question = random.seed();
            settle(&story, || {
                ask(&home.mount(), &model, Random::new(question), parts_of)
            });
        }
    }
}

#[test]
fn a_mount_shows_what_a_plain_list_of_its_photos_says() {
    seeds(1000).into_iter().for_each(|seed| run(seed, 10_000));
}

#[test]
fn folders_in_parts_show_what_a_plain_list_of_their_photos_says() {
    seeds(2000).into_iter().for_each(|seed| run(seed, 10));
}
