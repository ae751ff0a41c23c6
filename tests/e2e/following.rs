//! The mount follows the index: what the kernel keeps of a generation is forgotten soon after
//! the next one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::pictures::{write_many, write_small};
use crate::support::{Daemon, Home, names};

/// How soon a change of the index is seen in names that the kernel kept for a minute.
const SOON: Duration = Duration::from_secs(3);

fn look_now(home: &Home) {
    // It asks the daemon to look at its folders, and says so as an error.
    assert!(home.error(&["index"]).contains("daemon"));
}

/// Waits until the index has so many photos.
fn wait_for_photos(home: &Home, daemon: &Daemon, photos: u64) {
    daemon.wait_for("the change", || home.status().number("photos") == photos);
}

fn wait_until(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < limit, "{what} after {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The links of a folder with their targets; the kernel keeps both from now on.
fn links(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let links = names(folder).into_iter().map(|name| {
        let link = folder.join(name);
        let target = fs::read_link(&link).unwrap();
        (link, target)
    });
    links.collect()
}

#[test]
fn the_name_of_a_deleted_photo_is_gone_soon_although_the_kernel_kept_it() {
    let home = Home::new();
    write_many(&home.photos(), 5);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    for folder in ["search/blue waves min=0", "recent"] {
        let before = links(&home.mount().join(folder));
        let photos = before.len() as u64;
        let (link, target) = before.last().unwrap();
        fs::remove_file(target).unwrap();
        look_now(&home);
        wait_for_photos(&home, &daemon, photos - 1);
        wait_until(SOON, "the name is still there", || {
            let error = fs::symlink_metadata(link).err();
            error.is_some_and(|error| error.kind() == ErrorKind::NotFound)
        });
        assert_eq!(names(&home.mount().join(folder)).len() as u64, photos - 1);
    }
}

#[test]
fn a_listed_folder_shows_the_new_state_and_new_ranks_lead_to_their_photos() {
    let home = Home::new();
    write_many(&home.photos(), 4);
    // The same name in every folder: only the rank tells them apart.
    for (number, path) in write_many(&home.photos(), 4).iter().enumerate() {
        let folder = home.photos().join(format!("folder {number}"));
        fs::create_dir(&folder).unwrap();
        fs::rename(path, folder.join("same.jpg")).unwrap();
    }
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let folder = home.mount().join("recent");
    let before = links(&folder);
    assert!(before[0].0.ends_with("1 same.jpg"));
    // The newest is first: every rank stands for another photo afterwards.
    let newest = home.photos().join("newest/same.jpg");
    write_small(&newest, 900);
    look_now(&home);
    wait_for_photos(&home, &daemon, 5);
    wait_until(SOON, "the first is still the old one", || {
        fs::read_link(&before[0].0).unwrap() == newest
    });
    let after = links(&folder);
    assert_eq!(after.len(), 5);
    assert_eq!(after[1].1, before[0].1, "the others come after it");
}

#[test]
fn names_that_were_listed_lead_to_their_photos_while_these_exist() {
    let home = Home::new();
    let photos = write_many(&home.photos(), 9);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let before = links(&home.mount().join("recent"));
    // Ten photos: every name has one more digit now.
    write_small(&home.photos().join("newest.jpg"), 900);
    look_now(&home);
    wait_for_photos(&home, &daemon, 10);
    std::thread::sleep(SOON);
    assert_eq!(links(&home.mount().join("recent")).len(), 10);
    for (link, target) in &before {
        assert_eq!(fs::read_link(link).unwrap(), *target);
    }
    fs::remove_file(&photos[3]).unwrap();
    look_now(&home);
    wait_for_photos(&home, &daemon, 9);
    let gone = |(_, target): &&(PathBuf, PathBuf)| *target == photos[3];
    let (link, _) = before.iter().find(gone).unwrap();
    wait_until(SOON, "the earlier name is still there", || {
        fs::symlink_metadata(link).is_err()
    });
}

#[test]
fn an_open_folder_stays_at_its_generation() {
    let home = Home::new();
    home.configure("results = 3000");
    write_many(&home.photos(), 1500);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let folder = home.mount().join("search/blue waves min=0");
    let expected = names(&folder);
    let mut stream = fs::read_dir(&folder).unwrap();
    let mut read: Vec<String> = Vec::new();
    let mut next = |read: &mut Vec<String>| match stream.next() {
        Some(entry) => {
            read.push(entry.unwrap().file_name().into_string().unwrap());
            true
        }
        None => false,
    };
    // More than one answer of the kernel takes.
    for _ in 0..10 {
        assert!(next(&mut read));
    }
    fs::remove_dir_all(home.photos().join("000")).unwrap();
    look_now(&home);
    wait_for_photos(&home, &daemon, 1480);
    std::thread::sleep(Duration::from_secs(2));
    // Somebody else reads the new state, which the kernel keeps.
    assert_eq!(names(&folder).len(), 1480);
    while next(&mut read) {}
    read.retain(|name| name != ".why");
    read.sort();
    assert_eq!(read, expected);
}

#[test]
fn nothing_follows_a_mount_that_somebody_else_has_unmounted() {
    let home = Home::new();
    write_many(&home.photos(), 3);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    names(&home.mount().join("recent"));
    let status = std::process::Command::new("fusermount3")
        .arg("-u")
        .arg(home.mount())
        .status();
    assert!(status.unwrap().success());
    let threads = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", daemon.process()));
        let tasks = tasks.into_iter().flatten().filter_map(Result::ok);
        let names = tasks.map(|task| fs::read_to_string(task.path().join("comm")));
        names
            .filter(|name| name.as_ref().is_ok_and(|name| name == "follow\n"))
            .count()
    };
    wait_until(SOON, "the thread is still there", || threads() == 0);
}

#[test]
fn the_roots_are_a_file_of_one_line_each() {
    let home = Home::new();
    write_many(&home.photos(), 1);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let roots = fs::read_to_string(home.mount().join(".semfs/roots")).unwrap();
    let lines: Vec<Vec<&str>> = roots
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let [titles, root] = &lines[..] else {
        panic!("{roots}")
    };
    let field = |title: &str| root[titles.iter().position(|other| *other == title).unwrap()];
    let path = home.photos().canonicalize().unwrap();
    assert_eq!(field("path"), path.to_str().unwrap());
    assert_eq!(
        (field("mode"), field("files"), field("folders")),
        ("live", "1", "2")
    );
    assert!(field("last compared").parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!((field("lost events"), field("reason")), ("0", "-"));
}
