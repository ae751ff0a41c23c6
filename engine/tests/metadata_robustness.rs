//! Whatever the bytes: an answer, soon, and small.
//!
//! The samples are those of the folder `shared/data` beside the checkout.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use semfs_engine::metadata::{self, Metadata};

/// The largest sample that is mutated.
const LARGEST: u64 = 1 << 20;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data")
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

fn paths(below: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in below {
        collect(&folder().join(name), &mut found);
    }
    found.sort();
    if found.is_empty() {
        eprintln!("skipped: no samples below {}", folder().display());
    }
    found
}

/// Samples in memory, for mutation.
fn samples() -> &'static [Vec<u8>] {
    static SAMPLES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        paths(&["exif", "video"])
            .into_iter()
            .filter(|path| path.metadata().is_ok_and(|facts| facts.len() <= LARGEST))
            .map(|path| std::fs::read(path).unwrap())
            .collect()
    })
}

/// Reads in every way, and checks what must always hold.
fn check(bytes: &[u8]) -> Metadata {
    let started = Instant::now();
    let read = metadata::read(bytes);
    let _ = metadata::read_sidecar(&bytes[..bytes.len().min(1 << 16)]);
    if let Some(preview) = metadata::preview(bytes) {
        assert!(bytes[preview].starts_with(&[0xFF, 0xD8, 0xFF]));
    }
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    assert!(read.orientation.is_none_or(|turn| (1..=8).contains(&turn)));
    assert!(read.rating.is_none_or(|stars| stars <= 5));
    assert!(read.keywords.len() <= 1000 && read.people.len() <= 1000);
    assert!(read.dates.len() <= 12);
    assert!(
        read.dimensions
            .is_none_or(|(width, height)| width > 0 && height > 0)
    );
    if let Some(position) = read.position {
        assert!(position.latitude.abs() <= 90.0 && position.longitude.abs() <= 180.0);
    }
    let words = read
        .keywords
        .iter()
        .chain(&read.people)
        .chain(&read.title)
        .chain(&read.lens);
    for word in words {
        assert!(
            !word.is_empty() && word.chars().count() <= 256 && !word.chars().any(char::is_control)
        );
    }
    for date in &read.dates {
        let again = metadata::CivilTime::from_unix(date.local.to_unix()).unwrap();
        assert_eq!(again.to_string(), date.local.to_string());
    }
    read
}

#[test]
fn every_sample_and_every_hostile_file_gets_an_answer() {
    for path in paths(&["exif", "video", "hostile"]) {
        if path.metadata().is_ok_and(|facts| facts.len() <= 64 << 20) {
            check(&std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn a_sample_that_is_cut_off_anywhere_gets_an_answer() {
    for sample in samples().iter().filter(|sample| sample.len() < 100_000) {
        for end in (0..sample.len().min(20_000)).step_by(97) {
            check(&sample[..end]);
        }
    }
}

/// The beginnings of all formats, so that noise gets past the first bytes.
const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"\xFF\xD8\xFF\xE1\x40\x00Exif\0\0II\x2A\0\x08\0\0\0",
    b"\xFF\xD8\xFF\xE1\x40\x00Exif\0\0MM\0\x2A\0\0\0\x08",
    b"\xFF\xD8\xFF\xED\x40\x00Photoshop 3.0\x008BIM\x04\x04\0\0",
    b"\xFF\xD8\xFF\xE1\x40\x00http://ns.adobe.com/xap/1.0/\0<",
    b"\x89PNG\r\n\x1A\n\0\0\0\x40eXIfII\x2A\0\x08\0\0\0",
    b"\x89PNG\r\n\x1A\n\0\0\0\x40zTXtRaw profile type exif\0\0",
    b"RIFF\0\0\0\0WEBPEXIF\x40\0\0\0",
    b"RIFF\0\0\0\0AVI LIST\x40\0\0\0hdrl",
    b"II\x2A\0\x08\0\0\0",
    b"MM\0\x2A\0\0\0\x08",
    b"IIU\0\x18\0\0\0",
    b"IIRO\x08\0\0\0",
    b"FUJIFILMCCD-RAW 0201",
    b"\0\0\0\x10ftypheic\0\0\0\0\0\0\0\0meta",
    b"\0\0\0\x10ftypcrx \0\0\0\0\0\0\0\0moov",
    b"\0\0\0\x10ftypqt  \0\0\0\0\0\0\0\0moov\0\0\0\x80udta",
    b"\0\0\0\x0CJXL \r\n\x87\n\0\0\0\0Exif",
    b"GIF89a",
    b"BM",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_behind_any_beginning_gets_an_answer(
        beginning in prop::sample::select(BEGINNINGS),
        noise in prop::collection::vec(any::<u8>(), 0..512),
    ) {
        check(&[beginning, &noise].concat());
    }

    #[test]
    fn noise_that_is_mostly_small_numbers_gets_an_answer(
        beginning in prop::sample::select(BEGINNINGS),
        noise in prop::collection::vec(prop_oneof![0_u8..16, any::<u8>()], 0..512),
    ) {
        check(&[beginning, &noise].concat());
    }

    #[test]
    fn a_mutated_sample_gets_an_answer(
        index in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..24),
        near_start in any::<bool>(),
    ) {
        if !samples().is_empty() {
            let mut bytes = index.get(samples()).clone();
            for (at, byte, kind) in changes {
                let reach = if near_start { bytes.len().min(2048) } else { bytes.len() };
                let at = at.index(reach.max(1));
                match kind {
                    0 | 1 if at < bytes.len() => bytes[at] = byte,
                    2 if at + 4 <= bytes.len() => bytes[at..at + 4].fill(0xFF),
                    3 => { bytes.remove(at.min(bytes.len() - 1)); }
                    _ => {}
                }
                if bytes.is_empty() { bytes.push(byte); }
            }
            check(&bytes);
        }
    }

    #[test]
    fn any_name_and_any_time_give_a_date(
        name in ".{0,40}|[0-9A-Za-z_ .-]{0,40}|(IMG_|)[12][0-9]{3}[-_]?[01][0-9][-_]?[0-3][0-9][-_ T]?[0-9]{0,9}\\.jpg",
        modified in any::<i64>(),
        now in any::<i64>(),
    ) {
        let taken = metadata::taken(&Metadata::default(), &name, modified, now);
        prop_assert!(taken.local.year >= 1);
    }

    #[test]
    fn a_sidecar_of_noise_gets_an_answer(text in "(<[a-z]{1,3}:[a-zA-Z]{1,8}( xmlns:[a-z]='[a-z:/.]{0,20}')?( [a-z]:[a-z]{1,4}=\"[^\"]{0,9}\")?/?>|</[a-z:]{1,5}>|[^<]{0,9}|<!\\[CDATA\\[|&#?[a-z0-9]{0,5};?){0,40}") {
        let _ = metadata::read_sidecar(text.as_bytes());
    }
}
