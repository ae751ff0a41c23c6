//! Files that broke decoders: none may crash, hang, or take the machine's memory.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Home, memory_of, shared_data};

/// Resident memory of the indexing process, in KiB. Workers have a ceiling of their own.
const CEILING: u64 = 400 << 10;

/// What 2,400 hostile files may take on a slow machine, without optimisation.
const DEADLINE: Duration = Duration::from_secs(600);

const PICTURES: &[&str] = &[
    "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "jp2", "j2k",
];

fn pictures_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let count = entries.map(|entry| {
        if entry.file_type().unwrap().is_dir() {
            return pictures_below(&entry.path());
        }
        let path = entry.path();
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        u64::from(PICTURES.contains(&extension.to_lowercase().as_str()))
    });
    count.sum()
}

#[test]
fn every_hostile_file_ends_as_a_photo_or_as_a_problem_with_a_reason() {
    let Some(hostile) = shared_data("hostile") else {
        return;
    };
    let home = Home::new();
    let seconds = "[limits]\nfile_seconds = 20\nworker_mib = 512\nfile_mib = 64";
    fs::write(
        home.config(),
        format!(
            "roots = [{hostile:?}]\nstate = {:?}\n{seconds}\n",
            home.state()
        ),
    )
    .unwrap();
    let mut indexing = home.start_indexing(&[]);
    let started = Instant::now();
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory_of(indexing.id(), "VmHWM"));
        match indexing.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() > DEADLINE => {
                let _ = indexing.kill();
                panic!("it hangs");
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert!(status.success());
    assert!(peak < CEILING, "{peak} KiB");
    let status = home.status();
    let (photos, problems) = (status.number("files"), status.number("problems"));
    println!(
        "{photos} photos, {problems} problems, {peak} KiB, {:?}",
        started.elapsed()
    );
    assert_eq!(photos + problems, pictures_below(&hostile));
    assert!(photos > 600, "many of them are fine: {photos}");
    let listed = home.problems();
    assert_eq!(listed.len() as u64, problems);
    assert!(listed.iter().all(|(_, _, reason)| !reason.is_empty()));
    for (kind, path, reason) in listed {
        assert!(
            kind != "timed-out" && kind != "crashed",
            "{path:?}: {reason}"
        );
    }
}
