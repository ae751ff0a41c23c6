//! Files of strangers in a real worker process, in its sandbox: none ends the host, hangs,
//! or takes more than it may.
//!
//! The samples are those of the folder `shared/data` beside the checkout.
#![allow(clippy::panic, clippy::unwrap_used, clippy::print_stderr, missing_docs)]

#[path = "support/own_worker.rs"]
mod own_worker;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use own_worker::own_worker;
use semfs_engine::media::{self, Decoded, Fit, Preparation};
use semfs_engine::problem::{Problem, ProblemKind};
use semfs_engine::worker::{Worker, WorkerError};

const DEADLINE: Duration = Duration::from_secs(20);

fn worker() -> Worker {
    own_worker(Preparation::plain(224, Fit::Squash), DEADLINE)
}

fn decode(worker: &mut Worker, path: &Path) -> Result<Decoded, Problem> {
    let file = File::open(path).unwrap();
    let examined = worker.read(&file).and_then(|_| worker.examine());
    let examined = examined.map_err(|error| match error {
        WorkerError::Problem(problem) => problem,
        WorkerError::Unusable { .. } => panic!("{error}"),
    })?;
    let pixels = examined.picture?;
    Ok(Decoded {
        facts: examined.facts,
        pixels,
        // Whatever has a picture has one.
        fingerprint: examined.fingerprint.unwrap(),
    })
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

fn samples(below: &str) -> Vec<PathBuf> {
    let folder = match std::env::var_os("SEMFS_SAMPLES") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let folder = folder.join(below);
    let mut found = Vec::new();
    collect(&folder, &mut found);
    found.sort();
    if found.is_empty() {
        eprintln!("skipped: no samples below {}", folder.display());
    }
    found
}

/// Decodes all, and tells how many came to what.
fn decode_all(below: &str) -> BTreeMap<String, usize> {
    let mut worker = worker();
    let mut counts = BTreeMap::new();
    for path in samples(below) {
        let began = Instant::now();
        let outcome = decode(&mut worker, &path);
        let took = began.elapsed();
        assert!(took < DEADLINE, "{}: {took:?}", path.display());
        let outcome = match outcome {
            Ok(decoded) => {
                assert_eq!(decoded.pixels.len(), 224 * 224 * 3);
                let facts = decoded.facts;
                assert!(facts.width > 0 && facts.height > 0, "{}", path.display());
                if std::env::var_os("SEMFS_TELL").is_some() {
                    eprintln!("{took:>9.1?} {facts:?} {}", path.display());
                }
                facts.format.name().to_owned()
            }
            Err(problem) => {
                let tell = std::env::var_os("SEMFS_TELL").is_some();
                if tell || matches!(problem.kind, ProblemKind::Crashed | ProblemKind::TimedOut) {
                    eprintln!("{took:>9.1?} {problem} {}", path.display());
                }
                problem.kind.to_string()
            }
        };
        *counts.entry(outcome).or_default() += 1;
    }
    eprintln!("{below}: {counts:?}");
    counts
}

#[test]
fn hostile_files_end_no_host_and_few_workers() {
    let counts = decode_all("hostile");
    let count = |kind: &str| counts.get(kind).copied().unwrap_or(0);
    let total: usize = counts.values().sum();
    assert_eq!(count("timed-out"), 0);
    assert!(count("crashed") * 50 <= total, "{counts:?}");
}

#[test]
fn photos_and_videos_of_real_devices_are_shown_or_known() {
    for below in ["exif", "video"] {
        let counts = decode_all(below);
        assert_eq!(counts.get("crashed"), None);
        assert_eq!(counts.get("timed-out"), None);
    }
}

#[test]
fn heic_is_decoded_in_the_sandbox_where_libheif_is_installed() {
    if media::capabilities() & 1 == 0 {
        eprintln!("skipped: libheif is not installed (apt install libheif1)");
        return;
    }
    let mut worker = worker();
    let photos = samples("exif").into_iter().filter(|path| {
        path.extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("heic"))
    });
    for path in photos {
        let decoded = decode(&mut worker, &path).unwrap();
        assert_eq!(decoded.facts.format.name(), "heic");
        let first = &decoded.pixels[..3];
        let is_flat = decoded.pixels.chunks_exact(3).all(|pixel| pixel == first);
        assert!(!is_flat, "{}", path.display());
        let facts = media::facts(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(facts, decoded.facts, "{}", path.display());
    }
}
