//! Roots that are followed: what changes in them is soon in the index, and costs no more
//! than it must.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::pictures::{copy_scenes, small, write_many, write_small};
use crate::support::{Daemon, Home, names, skipped};

/// The targets of `recent/`, newest first.
fn recent(home: &Home) -> Vec<PathBuf> {
    let folder = home.mount().join("recent");
    names(&folder)
        .iter()
        .map(|name| fs::read_link(folder.join(name)).unwrap())
        .collect()
}

/// A home with some photos and a daemon that follows them and never looks by itself.
fn followed(photos: u32) -> Option<(Home, Daemon)> {
    let home = Home::new();
    home.configure("rescan_minutes = 0\nresults = 10000");
    write_many(&home.photos(), photos);
    let daemon = Daemon::start(&home)?;
    let (mode, reason) = home.mode(&home.photos());
    assert_eq!(mode, "live", "{reason}");
    Some((home, daemon))
}

#[test]
fn what_is_created_overwritten_renamed_and_deleted_is_seen() {
    let Some((home, daemon)) = followed(10) else {
        return;
    };
    let photos = home.photos();
    let new = photos.join("new.jpg");
    write_small(&new, 100);
    daemon.wait_for("the new photo", || recent(&home).first() == Some(&new));
    assert_eq!(home.status().number("vectors"), 11);
    // Overwritten in place.
    let edited = photos.join("000/00003.jpg");
    write_small(&edited, 101);
    daemon.wait_for("the edited photo", || {
        recent(&home).first() == Some(&edited)
    });
    assert_eq!(home.status().number("photos"), 11);
    // Written beside it and renamed over it, as careful programs do.
    let beside = photos.join("beside.tmp");
    small(102)
        .save_with_format(&beside, image::ImageFormat::Png)
        .unwrap();
    fs::rename(&beside, photos.join("renamed.png")).unwrap();
    daemon.wait_for("the photo that was renamed into place", || {
        recent(&home).first() == Some(&photos.join("renamed.png"))
    });
    fs::remove_file(&new).unwrap();
    daemon.wait_for("the deletion", || !recent(&home).contains(&new));
    assert!(!home.search("anything", 100).contains(&new));
    let status = home.status();
    assert_eq!((status.number("photos"), status.number("files")), (11, 11));
    assert_eq!(status.number("vectors"), 13);
    let (mode, _) = home.mode(&photos);
    assert_eq!(mode, "live");
}

#[test]
fn moves_of_files_and_trees_cost_no_inference_and_leave_nothing_behind() {
    let home = Home::new();
    let other = home.path().join("other");
    fs::create_dir(&other).unwrap();
    home.configure_roots(
        &format!("[{:?}, {other:?}]", home.photos()),
        "rescan_minutes = 0\nresults = 10000",
    );
    write_many(&home.photos(), 100);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let photos = home.photos();
    let all_below = |folder: &Path, number: usize| {
        let found = recent(&home);
        found.len() == 100 && found.iter().filter(|path| path.starts_with(folder)).count() == number
    };
    // A tree within a root, then deeper, then to the other root, then a file.
    let moved = photos.join("moved");
    fs::rename(photos.join("001"), &moved).unwrap();
    daemon.wait_for("the moved folder", || all_below(&moved, 20));
    fs::create_dir_all(photos.join("a/b/c")).unwrap();
    fs::rename(&moved, photos.join("a/b/c/again")).unwrap();
    daemon.wait_for("the folder that moved deeper", || {
        all_below(&photos.join("a/b/c/again"), 20)
    });
    fs::rename(photos.join("a"), other.join("a")).unwrap();
    daemon.wait_for("the tree in the other root", || {
        all_below(&other.join("a"), 20)
    });
    fs::rename(photos.join("002/00041.jpg"), other.join("one.jpg")).unwrap();
    daemon.wait_for("the file in the other root", || all_below(&other, 21));
    // The watches moved with the tree.
    fs::rename(other.join("a/b/c/again/00021.jpg"), other.join("a/b/x.jpg")).unwrap();
    daemon.wait_for("a move below what was moved", || {
        recent(&home).contains(&other.join("a/b/x.jpg"))
    });
    // The old name is forgotten after the new one is there.
    let counts = || {
        let status = home.status();
        (status.number("photos"), status.number("files"))
    };
    daemon.wait_for("the old names to go", || counts() == (100, 100));
    let status = home.status();
    assert_eq!(status.number("vectors"), 100, "nothing was embedded again");
    assert!(recent(&home).iter().all(|path| path.exists()));
}

#[test]
fn a_burst_loses_nothing_and_embeds_nothing_twice() {
    let Some((home, daemon)) = followed(10) else {
        return;
    };
    let card = home.path().join("card");
    write_many(&card, 2000);
    let status = std::process::Command::new("cp")
        .arg("-r")
        .arg(&card)
        .arg(home.photos().join("card"))
        .status();
    assert!(status.unwrap().success());
    daemon.wait_for("the whole card", || home.status().number("files") == 2010);
    // Ten of the card's pictures are those that were there before.
    let status = home.status();
    assert_eq!(
        (status.number("photos"), status.number("vectors")),
        (2000, 2000)
    );
    assert_eq!(status.number("problems"), 0);
}

#[test]
fn a_file_that_is_being_written_waits_until_it_is_closed() {
    let Some((home, daemon)) = followed(3) else {
        return;
    };
    let whole = home.path().join("whole.jpg");
    write_small(&whole, 200);
    let bytes = fs::read(&whole).unwrap();
    let path = home.photos().join("slow.jpg");
    let mut slow = fs::File::create(&path).unwrap();
    slow.write_all(&bytes[..bytes.len() / 2]).unwrap();
    slow.flush().unwrap();
    // Something after it is seen, so it would have been seen as well.
    write_small(&home.photos().join("after.jpg"), 201);
    daemon.wait_for("the later photo", || home.status().number("photos") == 4);
    std::thread::sleep(Duration::from_secs(3));
    let status = home.status();
    assert_eq!((status.number("photos"), status.number("problems")), (4, 0));
    slow.write_all(&bytes[bytes.len() / 2..]).unwrap();
    drop(slow);
    daemon.wait_for("the written photo", || recent(&home).first() == Some(&path));
    assert_eq!(home.status().number("vectors"), 5);
}

#[test]
fn links_folders_of_folders_and_permissions_are_followed() {
    let Some((home, daemon)) = followed(3) else {
        return;
    };
    let photos = home.photos();
    // A hard link is never written to.
    fs::hard_link(photos.join("000/00001.jpg"), photos.join("link.jpg")).unwrap();
    daemon.wait_for("the hard link", || home.status().number("files") == 4);
    // A folder that appears with everything in it.
    let deep = home.path().join("deep");
    write_small(&deep.join("1/2/3/4/5/deep.jpg"), 300);
    fs::rename(&deep, photos.join("deep")).unwrap();
    daemon.wait_for("the deep folder", || home.status().number("files") == 5);
    write_small(&photos.join("deep/1/2/3/4/5/6/7/deeper.jpg"), 301);
    daemon.wait_for("the deeper one", || home.status().number("files") == 6);
    fs::remove_dir_all(photos.join("deep/1")).unwrap();
    daemon.wait_for("the removal", || home.status().number("files") == 4);
    // What is excluded is not followed.
    write_small(&photos.join("@eaDir/thumb.jpg"), 302);
    write_small(&photos.join("last.jpg"), 303);
    daemon.wait_for("the last one", || home.status().number("files") == 5);
    assert!(
        !home
            .search("anything", 10)
            .iter()
            .any(|path| path.ends_with("thumb.jpg"))
    );
    let status = home.status();
    assert_eq!((status.number("photos"), status.number("vectors")), (4, 6));
}

#[test]
fn a_tree_that_took_the_place_of_another_at_once_leaves_nothing_of_it_behind() {
    let Some((home, daemon)) = followed(60) else {
        return;
    };
    let photos = home.photos();
    write_small(&photos.join("a/sub/old.jpg"), 1000);
    write_small(&photos.join("c/new.jpg"), 1001);
    daemon.wait_for("both trees", || home.status().number("files") == 62);
    // Within one quiet moment; of what was below, nobody tells.
    fs::rename(photos.join("a"), home.path().join("away")).unwrap();
    fs::rename(photos.join("c"), photos.join("a")).unwrap();
    daemon.wait_for("the new tree", || home.status().number("files") == 61);
    let found = recent(&home);
    assert!(found.contains(&photos.join("a/new.jpg")));
    assert!(found.iter().all(|path| path.exists()));
}

#[test]
fn a_root_that_was_replaced_or_moved_away_and_back_is_followed_again() {
    let Some((home, daemon)) = followed(30) else {
        return;
    };
    let (photos, other) = (home.photos(), home.path().join("other"));
    // The same folder, gone for a moment.
    let away = home.path().join("away");
    fs::rename(&photos, &away).unwrap();
    fs::rename(&away, &photos).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    write_small(&photos.join("first.jpg"), 1000);
    daemon.wait_for("the first", || home.status().number("files") == 31);
    // Another folder with the same photos and one more.
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(&photos)
        .arg(&other)
        .status();
    assert!(copied.unwrap().success());
    fs::rename(&photos, &away).unwrap();
    fs::rename(&other, &photos).unwrap();
    write_small(&photos.join("second.jpg"), 1001);
    daemon.wait_for("the second", || home.status().number("files") == 32);
    write_small(&photos.join("third.jpg"), 1002);
    daemon.wait_for("the third", || home.status().number("files") == 33);
    assert_eq!(home.mode(&photos).0, "live");
    assert_eq!(home.status().number("vectors"), 33);
}

#[test]
fn what_changed_while_nobody_looked_is_met_at_the_start() {
    let home = Home::new();
    home.configure("rescan_minutes = 0\nresults = 10000");
    copy_scenes(&home.photos());
    home.index();
    fs::rename(home.photos().join("beach"), home.photos().join("seaside")).unwrap();
    fs::remove_file(home.photos().join("car/car-01.jpg")).unwrap();
    write_small(&home.photos().join("new.jpg"), 1);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let status = home.status();
    assert_eq!(
        (status.number("photos"), status.number("vectors")),
        (30, 31)
    );
    let found = home.search("a beach and the sea", 2);
    assert!(
        found
            .iter()
            .all(|path| path.starts_with(home.photos().join("seaside")))
    );
}

#[test]
fn a_root_may_be_polled() {
    let home = Home::new();
    home.configure_roots(
        &format!("[{{ path = {:?}, watch = \"poll\" }}]", home.photos()),
        "poll_seconds = 1\nresults = 100",
    );
    write_many(&home.photos(), 5);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    assert_eq!(home.mode(&home.photos()).0, "polled");
    write_small(&home.photos().join("new.jpg"), 100);
    fs::remove_file(home.photos().join("000/00000.jpg")).unwrap();
    daemon.wait_for("the poll", || {
        let found = recent(&home);
        found.len() == 5 && found[0] == home.photos().join("new.jpg")
    });
}

#[test]
fn a_root_with_too_few_watches_says_so_and_is_polled() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").unwrap();
    let ours: u64 = limit.trim().parse::<u64>().unwrap() / 100;
    if ours > 20_000 {
        skipped!("this machine has too many inotify watches to use them up");
        return;
    }
    let home = Home::new();
    home.configure_roots(
        &format!("[{{ path = {:?}, watch = \"inotify\" }}]", home.photos()),
        "poll_seconds = 1\n[limits]\nwatch_percent = 1",
    );
    write_many(&home.photos(), 40);
    for number in 0..ours + 10 {
        fs::create_dir(home.photos().join(format!("empty-{number}"))).unwrap();
    }
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let (mode, reason) = home.mode(&home.photos());
    assert_eq!(mode, "degraded", "{reason}");
    assert!(reason.contains("fs.inotify.max_user_watches"), "{reason}");
    let roots = fs::read_to_string(home.mount().join(".semfs/roots")).unwrap();
    assert!(roots.contains("\tdegraded\t"), "{roots}");
    // In every folder, watched or not.
    for number in [0, ours / 2, ours + 9] {
        write_small(
            &home.photos().join(format!("empty-{number}/new.jpg")),
            100 + number as u32,
        );
    }
    daemon.wait_for("the poll", || home.status().number("photos") == 43);
}

/// The names of the threads of a process that run only when nobody else wants to.
fn idle_threads(process: u32) -> BTreeSet<String> {
    let tasks = PathBuf::from(format!("/proc/{process}/task"));
    let is_idle = |thread: &String| {
        let thread = thread.parse().unwrap();
        // SAFETY: a plain number; a thread that is no more gives an error.
        unsafe { libc::sched_getscheduler(thread) == libc::SCHED_IDLE }
    };
    let idle = names(&tasks).into_iter().filter(is_idle);
    let name = |thread| fs::read_to_string(tasks.join(thread).join("comm")).ok();
    idle.filter_map(name)
        .map(|name| name.trim_end().to_owned())
        .collect()
}

#[test]
fn bulk_work_is_idle_to_the_kernel_unless_configured_otherwise() {
    let bulk = BTreeSet::from(["read", "embed"].map(str::to_owned));
    for (priority, expected) in [("idle", &bulk), ("normal", &BTreeSet::new())] {
        let home = Home::new();
        home.configure(&format!("[limits]\npriority = \"{priority}\""));
        write_many(&home.photos(), 200);
        let Some(daemon) = Daemon::spawn(&home) else {
            return;
        };
        let mut idle = BTreeSet::new();
        // Where it is idle and the machine is not, the pass may never end.
        daemon.wait_for("idle threads, or the end of the pass", || {
            idle.extend(idle_threads(daemon.process()));
            idle.is_superset(&bulk) || home.status().number("passes_finished") > 0
        });
        if priority == "idle" {
            idle.retain(|thread| bulk.contains(thread));
        }
        assert_eq!(&idle, expected, "{priority}");
    }
}

/// Not a measurement, which is in `benches/`: ten times the promise.
#[test]
fn a_photo_is_seen_soon_after_it_is_closed() {
    let Some((home, daemon)) = followed(3) else {
        return;
    };
    let begun = Instant::now();
    write_small(&home.photos().join("new.jpg"), 100);
    daemon.wait_for("the photo", || {
        names(&home.mount().join("recent")).len() == 4
    });
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}
