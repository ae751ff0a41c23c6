//! Roots that go away and come back: offline is not deleted.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::pictures::{write_many, write_small};
use crate::support::{Daemon, Home, Tmpfs, names};

const LIVELY: &str = "rescan_minutes = 0\npoll_seconds = 1\nresults = 10000";

fn shown(home: &Home) -> usize {
    names(&home.mount().join("search/anything min=0")).len()
}

#[test]
fn a_root_that_goes_away_is_offline_at_once_and_comes_back_untouched() {
    let home = Home::new();
    home.configure(LIVELY);
    write_many(&home.photos(), 30);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let away = home.path().join("away");
    fs::rename(home.photos(), &away).unwrap();
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    assert_eq!(shown(&home), 30, "its photos are shown");
    // An empty folder in its place is not it.
    fs::create_dir(home.photos()).unwrap();
    daemon.wait_for("the reason", || {
        home.mode(&home.photos()).1.contains("empty")
    });
    assert_eq!(home.status().number("files"), 30);
    fs::remove_dir(home.photos()).unwrap();
    fs::rename(&away, home.photos()).unwrap();
    daemon.wait_for("live again", || home.mode(&home.photos()).0 == "live");
    let status = home.status();
    assert_eq!((status.number("files"), status.number("vectors")), (30, 30));
    // And it is followed again.
    write_small(&home.photos().join("new.jpg"), 100);
    daemon.wait_for("the new photo", || shown(&home) == 31);
}

#[test]
fn photos_of_an_offline_root_can_be_hidden() {
    let home = Home::new();
    let other = home.path().join("other");
    home.configure_roots(
        &format!("[{:?}, {other:?}]", home.photos()),
        &format!("{LIVELY}\noffline = \"hide\""),
    );
    write_many(&home.photos(), 30);
    write_many(&other, 5);
    write_small(&other.join("only here.jpg"), 100);
    // Older than all that will be hidden.
    for path in [other.join("only here.jpg"), other.join("000/00000.jpg")] {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::open(path).unwrap().set_modified(time).unwrap();
    }
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    assert_eq!(shown(&home), 31);
    let away = home.path().join("away");
    fs::rename(home.photos(), &away).unwrap();
    // Five photos lie in the other root as well.
    daemon.wait_for("the hiding", || shown(&home) == 6);
    let folder = home.mount().join("search/anything min=0");
    for name in names(&folder) {
        assert!(folder.join(name).exists());
    }
    assert_eq!(home.search("anything", 4).len(), 4);
    // What is hidden takes no place among so many, and no folder is there for it.
    let search = home.mount().join("search");
    for query in ["type=jpeg top=6", "in=other top=6", "anything min=0 top=6"] {
        assert_eq!(names(&search.join(query)).len(), 6, "{query}");
    }
    let years = names(&home.mount().join("by-date"));
    assert_eq!(years.first().map(String::as_str), Some("2001"));
    let links: usize = years
        .iter()
        .map(|year| files_below(&home.mount().join("by-date").join(year)))
        .sum();
    assert_eq!(links, 6);
    fs::rename(&away, home.photos()).unwrap();
    daemon.wait_for("the return", || shown(&home) == 31);
    assert_eq!(home.status().number("vectors"), 31);
}

#[test]
fn a_disk_that_is_pulled_under_load_loses_nothing() {
    let home = Home::new();
    home.configure(LIVELY);
    let Some(disk) = Tmpfs::mount(&home.photos()) else {
        return;
    };
    let source = home.path().join("source");
    write_many(&source, 400);
    write_many(&home.photos(), 200);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    // While it indexes what arrives, the disk goes.
    for folder in 10..20 {
        let into = home.photos().join(format!("more-{folder}"));
        fs::create_dir(&into).unwrap();
        for entry in fs::read_dir(source.join(format!("{folder:03}"))).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), into.join(entry.file_name())).unwrap();
        }
    }
    std::thread::sleep(Duration::from_millis(300));
    let photos: Vec<PathBuf> = home.search("anything", 1000);
    assert!(photos.len() >= 200);
    disk.unmount_lazily();
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    std::thread::sleep(Duration::from_secs(1));
    assert!(home.status().number("files") >= 200, "nothing is forgotten");
    let before = home.status().number("vectors");
    // Another disk with the same photos: nothing is embedded again.
    let Some(_disk) = Tmpfs::mount(&home.photos()) else {
        return;
    };
    write_many(&home.photos(), 200);
    daemon.wait_for("live again", || home.mode(&home.photos()).0 == "live");
    assert_eq!(home.status().number("vectors"), before);
    // It was compared while it was being filled.
    daemon.wait_for("all photos", || home.search("anything", 1000).len() >= 200);
    assert_eq!(home.status().number("vectors"), before);
}

#[test]
fn a_disk_below_a_root_that_is_not_mounted_keeps_its_photos() {
    let home = Home::new();
    home.configure(LIVELY);
    write_many(&home.photos(), 100);
    let below = home.photos().join("disk");
    fs::create_dir(&below).unwrap();
    let Some(disk) = Tmpfs::mount(&below) else {
        return;
    };
    write_small(&below.join("a/1.jpg"), 1000);
    write_small(&below.join("2.jpg"), 1001);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    assert_eq!(home.status().number("files"), 102);
    disk.unmount_lazily();
    daemon.wait_for("the reason", || {
        home.mode(&home.photos())
            .1
            .contains("nothing is mounted at")
    });
    assert_eq!(home.mode(&home.photos()).0, "live");
    assert_eq!(home.status().number("files"), 102);
    // Nor at the next start.
    drop(daemon);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    assert_eq!(home.status().number("files"), 102);
    let Some(_disk) = Tmpfs::mount(&below) else {
        return;
    };
    write_small(&below.join("2.jpg"), 1001);
    daemon.wait_for("the disk without one of them", || {
        home.status().number("files") == 101
    });
    assert_eq!(home.status().number("vectors"), 102);
}

#[test]
fn a_large_loss_is_not_believed_until_the_owner_says_so() {
    let home = Home::new();
    home.configure(LIVELY);
    write_many(&home.photos(), 100);
    home.index();
    let gone = home.path().join("gone");
    fs::create_dir(&gone).unwrap();
    for folder in ["000", "001", "002"] {
        fs::rename(home.photos().join(folder), gone.join(folder)).unwrap();
    }
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let (mode, reason) = home.mode(&home.photos());
    assert_eq!(mode, "offline");
    assert!(
        reason.contains("60 of its 100 pictures") && reason.contains("--missing"),
        "{reason}"
    );
    assert_eq!(shown(&home), 100);
    // What comes is taken in all the same.
    write_small(&home.photos().join("new.jpg"), 500);
    daemon.wait_for("the new photo", || shown(&home) == 101);
    // They come back: all is well again, and nothing was embedded twice.
    for folder in ["000", "001", "002"] {
        fs::rename(gone.join(folder), home.photos().join(folder)).unwrap();
    }
    home.run(&["index"]);
    daemon.wait_for("live", || home.mode(&home.photos()).0 == "live");
    assert_eq!(home.status().number("vectors"), 101);
    // They go again, while the daemon follows; and this time it is meant.
    for folder in ["000", "001", "002"] {
        fs::rename(home.photos().join(folder), gone.join(folder)).unwrap();
    }
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    let printed = home.ok(&["forget", "--missing", home.photos().to_str().unwrap()]);
    daemon.wait_for("their end", || shown(&home) == 41);
    assert!(printed.contains("files of"), "{printed}");
    daemon.wait_for("live", || home.mode(&home.photos()).0 == "live");
}

#[test]
fn what_was_deleted_is_recognised_within_the_days_of_grace_and_not_after() {
    let home = Home::new();
    write_many(&home.photos(), 5);
    home.index();
    let bytes = fs::read(home.photos().join("000/00000.jpg")).unwrap();
    fs::remove_file(home.photos().join("000/00000.jpg")).unwrap();
    assert_eq!(home.index().gone, 1);
    fs::write(home.photos().join("restored.jpg"), &bytes).unwrap();
    let account = home.index();
    assert_eq!((account.new, account.known), (0, 1), "it is recognised");
    // Without days of grace it is forgotten for good, as soon as a daemon cares.
    fs::remove_file(home.photos().join("restored.jpg")).unwrap();
    assert_eq!(home.index().gone, 1);
    std::thread::sleep(Duration::from_millis(1100));
    home.configure("grace_days = 0");
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    std::thread::sleep(Duration::from_secs(1));
    drop(daemon);
    fs::write(home.photos().join("again.jpg"), &bytes).unwrap();
    let account = home.index();
    assert_eq!((account.new, account.known), (1, 0), "it is new");
}

#[test]
fn the_owners_word_is_for_what_is_missing_then_and_not_for_a_later_loss() {
    let home = Home::new();
    home.configure(LIVELY);
    write_many(&home.photos(), 100);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    // Nothing is missing.
    home.ok(&["forget", "--missing", home.photos().to_str().unwrap()]);
    drop(daemon);
    for folder in ["000", "001", "002", "003"] {
        let gone = home.path().join(folder);
        fs::rename(home.photos().join(folder), gone).unwrap();
    }
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    assert_eq!(home.mode(&home.photos()).0, "offline");
    assert_eq!(home.status().number("files"), 100);
}

#[test]
fn a_disk_that_is_not_mounted_is_offline_whatever_lies_in_its_mount_point() {
    let home = Home::new();
    home.configure(LIVELY);
    write_small(&home.photos().join("stray.jpg"), 1000);
    let Some(disk) = Tmpfs::mount(&home.photos()) else {
        return;
    };
    // Too few to be a large loss.
    write_many(&home.photos(), 5);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    assert_eq!(shown(&home), 5);
    disk.unmount_lazily();
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    let reason = home.mode(&home.photos()).1;
    assert!(reason.contains("nothing is mounted at it"), "{reason}");
    assert_eq!(shown(&home), 5);
    // Unless the owner says that this is the folder now.
    home.ok(&["forget", "--missing", home.photos().to_str().unwrap()]);
    daemon.wait_for("the stray photo", || shown(&home) == 1);
}

#[test]
fn a_folder_that_is_removed_is_counted_once() {
    let home = Home::new();
    home.configure(LIVELY);
    write_many(&home.photos(), 150);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    for seed in 0..100 {
        write_small(&home.photos().join(format!("new/{seed}.jpg")), 1000 + seed);
    }
    daemon.wait_for("the new ones", || shown(&home) == 250);
    // 100 of 250, by many names and by their folder.
    fs::remove_dir_all(home.photos().join("new")).unwrap();
    daemon.wait_for("their end", || shown(&home) == 150);
    let (mode, reason) = home.mode(&home.photos());
    assert_eq!(mode, "live", "{reason}");
}

#[test]
fn a_loss_that_was_not_believed_is_forgiven_when_the_files_are_back() {
    let home = Home::new();
    home.configure(LIVELY);
    write_many(&home.photos(), 60);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let away = home.path().join("away");
    fs::create_dir(&away).unwrap();
    for folder in ["000", "001"] {
        fs::rename(home.photos().join(folder), away.join(folder)).unwrap();
    }
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    for folder in ["000", "001"] {
        fs::rename(away.join(folder), home.photos().join(folder)).unwrap();
    }
    daemon.wait_for("live", || home.mode(&home.photos()).0 == "live");
    let status = home.status();
    assert_eq!((status.number("files"), status.number("vectors")), (60, 60));
}

#[test]
fn a_root_that_is_removed_and_made_anew_is_found_soon() {
    let home = Home::new();
    home.configure("rescan_minutes = 0\nresults = 10000");
    write_many(&home.photos(), 30);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    fs::remove_dir_all(home.photos()).unwrap();
    fs::create_dir(home.photos()).unwrap();
    daemon.wait_for("offline", || home.mode(&home.photos()).1.contains("empty"));
    let begun = std::time::Instant::now();
    write_many(&home.photos(), 30);
    daemon.wait_for("live", || home.mode(&home.photos()).0 == "live");
    // Not at the next poll, after a minute.
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(home.status().number("vectors"), 30);
}

/// The number of entries below a folder that are no folders.
fn files_below(folder: &Path) -> usize {
    let entries = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap);
    entries.filter(|entry| !entry.file_type().is_dir()).count()
}
