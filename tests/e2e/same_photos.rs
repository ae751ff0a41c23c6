//! Photos that are the same shot, found by the real program: edits of real photos, where they are
//! there, and of drawn ones otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use semfs_samples::edits::EDITS;
use semfs_samples::twins::TWINS;
use serde_json::Value;

use crate::support::{Account, Daemon, Home, shared_data};

/// Edits that everybody makes, by the names that the samples have for them.
const USUAL: &[&str] = &[
    "scale 0.25 to 1",
    "JPEG 30 to 95",
    "WebP (lossy)",
    "PNG",
    "grey",
    "turn by 90°",
    "mirror",
];

/// Photos with much to see in them.
fn photos(count: usize) -> Vec<RgbImage> {
    if let Some(folder) = shared_data("photos") {
        let entries = fs::read_dir(folder.join("images")).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let every = paths.len() / count;
        let chosen = paths.iter().step_by(every).take(count);
        return chosen
            .map(|path| image::open(path).unwrap().into_rgb8())
            .collect();
    }
    let subjects = semfs_samples::SUBJECTS.iter().cycle().take(count);
    let numbers = 0..;
    subjects
        .zip(numbers)
        .map(|(subject, seed)| semfs_samples::draw(subject, seed, 640, 480).unwrap())
        .collect()
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes photo `number` as it is, and its usual edits beside it.
fn write_edits(home: &Home, number: usize, photo: &RgbImage) -> usize {
    let folder = home.photos().join(number.to_string());
    let original = folder.join("original.jpg");
    fs::create_dir_all(&folder).unwrap();
    photo.save(&original).unwrap();
    let mut written = 1;
    for edit in EDITS.iter().filter(|edit| USUAL.contains(&edit.name)) {
        let bytes = edit.of(photo, number as u64).unwrap();
        write(&folder.join(format!("{written}.jpg")), &bytes);
        written += 1;
    }
    assert_eq!(written, USUAL.len() + 1, "the edits have other names now");
    written
}

fn groups(home: &Home, tier: &str) -> Vec<Value> {
    let printed = home.ok(&["dupes", "--json", "--tier", tier]);
    let report: Value = serde_json::from_str(&printed).unwrap();
    report["groups"].as_array().unwrap().clone()
}

/// The paths below the photos of each group.
fn members(home: &Home, tier: &str) -> BTreeSet<BTreeSet<String>> {
    let photos = home.photos();
    let below = |file: &Value| {
        let path = Path::new(file["path"].as_str().unwrap());
        let path = path.strip_prefix(&photos).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let groups = groups(home, tier).into_iter();
    groups
        .map(|group| {
            group["files"]
                .as_array()
                .unwrap()
                .iter()
                .map(below)
                .collect()
        })
        .collect()
}

#[test]
fn usual_edits_are_found_and_nothing_is_grouped_with_another_photo() {
    let home = Home::new();
    let photos = photos(8);
    let written: usize = photos
        .iter()
        .enumerate()
        .map(|(number, photo)| write_edits(&home, number, photo))
        .sum();
    home.index();
    let groups = members(&home, "same-photo");
    let mut found = 0;
    for group in &groups {
        let of: BTreeSet<&str> = group
            .iter()
            .map(|path| path.split_once('/').unwrap().0)
            .collect();
        assert_eq!(of.len(), 1, "photos are mixed: {group:?}");
        found += group.len();
    }
    // The table of `cargo bench --bench duplicates` says how many are missed.
    assert!(found * 10 >= written * 9, "{found} of {written}");
}

#[test]
fn what_only_looks_the_same_is_not_the_same_photo() {
    let home = Home::new();
    for (number, photo) in photos(3).iter().enumerate() {
        let sorts = ["product", "document", "screen", "form"];
        let is_wanted = |name: &str| sorts.iter().any(|sort| name.starts_with(sort));
        for twins in TWINS.iter().filter(|twins| is_wanted(twins.name)) {
            let (a, b) = twins.of(photo, number as u64).unwrap();
            let folder = home.photos().join(format!("{} {number}", twins.name));
            write(&folder.join("a.jpg"), &a);
            write(&folder.join("b.jpg"), &b);
        }
    }
    home.index();
    for group in members(&home, "same-photo") {
        // Twins of several kinds begin with the same photo.
        let of: Vec<&String> = group
            .iter()
            .filter(|path| path.ends_with("b.jpg"))
            .collect();
        let both = of
            .iter()
            .any(|b| group.contains(&b.replace("b.jpg", "a.jpg")));
        assert!(!both, "{group:?}");
    }
}

#[test]
fn a_copy_that_comes_finds_its_group_and_what_is_left_of_a_group_stays_one() {
    let home = Home::new();
    home.configure("rescan_minutes = 0\npoll_seconds = 1");
    let photo = &photos(1)[0];
    let small = |part: u32| {
        let (width, height) = (photo.width() / part, photo.height() / part);
        image::imageops::thumbnail(photo, width, height)
    };
    photo.save(home.photos().join("whole.png")).unwrap();
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    assert!(members(&home, "same-photo").is_empty());
    small(2).save(home.photos().join("half.png")).unwrap();
    let group = |names: &[&str]| -> BTreeSet<BTreeSet<String>> {
        BTreeSet::from([names.iter().map(|name| (*name).to_owned()).collect()])
    };
    let is = |names: &[&str]| members(&home, "same-photo") == group(names);
    daemon.wait_for("a group", || is(&["whole.png", "half.png"]));
    small(3).save(home.photos().join("third.png")).unwrap();
    daemon.wait_for("a third copy", || {
        is(&["whole.png", "half.png", "third.png"])
    });
    // In the mount as well, the best first.
    let tier = home.mount().join("dupes/same-photo");
    let folder = crate::support::names(&tier).remove(0);
    assert!(
        folder.starts_with("3x ") && folder.ends_with(" whole"),
        "{folder}"
    );
    let names = crate::support::names(&tier.join(&folder));
    assert_eq!(names[0], "1 whole.png");
    let why = fs::read_to_string(tier.join(&folder).join(".why")).unwrap();
    assert!(why.contains("at 50 % of the size"), "{why}");
    // Whichever of them was compared with which.
    for gone in ["half.png", "whole.png"] {
        let away = home.path().join(gone);
        fs::rename(home.photos().join(gone), &away).unwrap();
        let left: Vec<&str> = ["whole.png", "half.png", "third.png"]
            .into_iter()
            .filter(|name| *name != gone)
            .collect();
        daemon.wait_for("those that are left", || is(&left));
        fs::rename(&away, home.photos().join(gone)).unwrap();
        daemon.wait_for("all again", || is(&["whole.png", "half.png", "third.png"]));
    }
}

#[test]
fn an_index_of_before_duplicates_gets_them_without_embedding_anything() {
    let home = Home::new();
    write_edits(&home, 0, &photos(1)[0]);
    home.index();
    let before = members(&home, "same-photo");
    assert_eq!(before.len(), 1);
    let catalog = sled::open(home.state().join("catalog")).unwrap();
    let tree = catalog.open_tree("catalogue").unwrap();
    for tag in [b"h", b"j", b"q", b"t", b"u"] {
        for key in tree.scan_prefix(tag).keys() {
            tree.remove(key.unwrap()).unwrap();
        }
    }
    catalog.flush().unwrap();
    drop((tree, catalog));
    assert!(members(&home, "same-photo").is_empty());
    let account: Account = home.index();
    assert_eq!((account.new, account.known), (0, 0));
    assert_eq!(members(&home, "same-photo"), before);
}

#[test]
fn a_group_that_was_dismissed_stays_so_when_it_is_moved_and_indexed_anew() {
    let home = Home::new();
    write_edits(&home, 0, &photos(1)[0]);
    home.index();
    let group = groups(&home, "same-photo").remove(0);
    let id = group["id"].as_str().unwrap();
    home.ok(&["dupes", "--dismiss", id]);
    assert!(groups(&home, "same-photo").is_empty());
    let (from, to) = (home.photos().join("0"), home.photos().join("moved"));
    fs::rename(from, to).unwrap();
    home.index();
    assert!(groups(&home, "same-photo").is_empty());
    home.ok(&["index", "--rebuild", "--once"]);
    assert!(groups(&home, "same-photo").is_empty());
    home.ok(&["dupes", "--restore", id]);
    assert_eq!(groups(&home, "same-photo").len(), 1);
}

#[test]
fn every_copy_says_what_it_was_compared_with() {
    let home = Home::new();
    write_edits(&home, 0, &photos(1)[0]);
    home.index();
    let group = groups(&home, "same-photo").remove(0);
    let files = group["files"].as_array().unwrap();
    let reasons: BTreeMap<&str, &str> = files
        .iter()
        .map(|file| {
            (
                file["path"].as_str().unwrap(),
                file["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(files[0]["reason"], "the best copy");
    for file in &files[1..] {
        let with = file["compared_with"].as_str().unwrap();
        assert!(reasons.contains_key(with), "{file}");
        assert!(file["reason"].as_str().unwrap().contains("same"), "{file}");
    }
}
