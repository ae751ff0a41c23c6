//! The invariants of `docs/ARCHITECTURE.md` that name where a thing is absent.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files of the product that have `text` in code, not in a comment.
fn files_with(text: &str) -> Vec<String> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for part in ["src", "daemon/src", "fs/src", "engine/src"] {
        sources(&checkout.join(part), &mut found);
    }
    assert!(found.len() > 40, "the sources are found");
    found.retain(|path| {
        let source = fs::read_to_string(path).unwrap();
        let code = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        // A path, and not the end of another word: `ort::` is in `abort::`.
        let is_word = |(at, _): (usize, &str), line: &str| {
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
        };
        let has = |line: &str| line.match_indices(text).any(|found| is_word(found, line));
        code.into_iter().any(has)
    });
    let relative = found
        .iter()
        .map(|path| path.strip_prefix(checkout).unwrap());
    relative
        .map(|path| path.to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_exchangeable_part_is_named_in_one_place_only() {
    for (part, place) in [
        ("fuser::", "fs/src/fuse"),
        ("zbus::", "daemon/src/dbus/"),
        ("ort::", "engine/src/embed/"),
        ("sled::", "engine/src/catalog"),
        ("turbojpeg::", "engine/src/media/jpeg.rs"),
        ("ureq::", "daemon/src/models/client.rs"),
        ("clap::", "src/"),
    ] {
        let files = files_with(part);
        assert!(!files.is_empty(), "{part} is used");
        let elsewhere: Vec<_> = files
            .iter()
            .filter(|file| !file.starts_with(place))
            .collect();
        assert!(elsewhere.is_empty(), "{part} in {elsewhere:?}");
    }
}

#[test]
fn the_engine_prints_nothing_and_reads_no_environment() {
    for text in [
        "println!",
        "eprintln!",
        "env::var",
        "current_exe",
        "semfs_fs",
        "semfs_daemon",
    ] {
        let files = files_with(text);
        let inside: Vec<_> = files
            .iter()
            .filter(|file| file.starts_with("engine/"))
            .collect();
        assert!(inside.is_empty(), "{text} in {inside:?}");
    }
}
