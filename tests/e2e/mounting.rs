//! The mount: what it shows, how it comes and goes.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::pictures::{copy_scenes, write_many, write_small};
use crate::support::{Daemon, Home, PATIENCE, can_mount, is_mounted, names};

#[test]
fn a_search_is_a_folder_of_ranked_links() {
    let home = Home::new();
    copy_scenes(&home.photos());
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let folder = home.mount().join("search/a beach and the sea min=0");
    let listed = names(&folder);
    assert_eq!(listed.len(), 30);
    assert!(listed[0].starts_with("01 beach-") && listed[1].starts_with("02 beach-"));
    let expected = home.search("a beach and the sea", 30);
    for (name, path) in listed.iter().zip(expected) {
        let link = folder.join(name);
        assert_eq!(
            fs::read_link(&link).unwrap(),
            path,
            "the command and the mount agree"
        );
        let attributes = fs::symlink_metadata(&link).unwrap();
        assert_eq!(attributes.len(), path.as_os_str().len() as u64);
        assert_eq!(fs::read(&link).unwrap(), fs::read(path).unwrap());
    }
    assert_eq!(
        names(&home.mount().join("search/climber on a rock top=3 min=0")).len(),
        3
    );
}

#[test]
fn recent_has_the_newest_first() {
    let home = Home::new();
    write_many(&home.photos(), 10);
    home.index();
    write_small(&home.photos().join("newest.jpg"), 500);
    home.index();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let listed = names(&home.mount().join("recent"));
    assert_eq!(listed.len(), 11);
    assert_eq!(listed[0], "01 newest.jpg");
}

#[test]
fn names_that_programs_probe_are_never_queries() {
    let home = Home::new();
    write_many(&home.photos(), 3);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let probes = [
        ".Trash",
        ".Trash-1000",
        ".hidden",
        ".directory",
        ".xdg-volume-info",
        "autorun.inf",
        "desktop.ini",
        "Thumbs.db",
        ".DS_Store",
        "._dog",
        ".git",
        "HEAD",
        "Cargo.toml",
        "rust-toolchain",
        "BDMV",
        ".localized",
    ];
    for folder in ["", "search", "search/dog min=0", "recent"] {
        for probe in probes {
            let path = home.mount().join(folder).join(probe);
            let error = fs::symlink_metadata(&path).expect_err(probe);
            assert_eq!(error.kind(), ErrorKind::NotFound, "{path:?}");
        }
    }
    assert!(
        names(&home.mount().join("search")).is_empty(),
        "queries are not listed unless they are pinned"
    );
}

#[test]
fn find_over_the_mount_ends() {
    let home = Home::new();
    write_many(&home.photos(), 30);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    fs::read_dir(home.mount().join("search/dog min=0"))
        .unwrap()
        .count();
    let output = Command::new("find")
        .arg(home.mount())
        .args(["-type", "l"])
        .output()
        .unwrap();
    assert!(output.status.success());
    // In recent, by its date and by its type; no picture has a camera, a place or a tag.
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).lines().count(),
        3 * 30
    );
}

#[test]
fn nothing_can_be_written() {
    let home = Home::new();
    write_many(&home.photos(), 3);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let mount = home.mount();
    let link = mount.join("recent").join(&names(&mount.join("recent"))[0]);
    let refusals = [
        fs::write(mount.join("new"), "x").unwrap_err(),
        fs::create_dir(mount.join("recent/new")).unwrap_err(),
        fs::remove_file(&link).unwrap_err(),
        fs::rename(&link, mount.join("recent/other")).unwrap_err(),
        fs::File::options()
            .write(true)
            .open(mount.join("README.txt"))
            .unwrap_err(),
    ];
    for error in refusals {
        assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem, "{error}");
    }
    assert_eq!(fs::read_dir(home.photos().join("000")).unwrap().count(), 3);
}

#[test]
fn a_query_that_is_not_understood_is_no_folder_and_says_why() {
    let home = Home::new();
    write_many(&home.photos(), 3);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let last_error = home.mount().join(".semfs/last-error");
    assert_eq!(fs::read_to_string(&last_error).unwrap(), "");
    for (query, word) in [
        ("dog date=32", "date="),
        ("日本", "English"),
        ("top=5", "only how many"),
    ] {
        let error = fs::read_dir(home.mount().join("search").join(query)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let sentence = fs::read_to_string(&last_error).unwrap();
        assert!(
            sentence.contains(query) && sentence.contains(word),
            "{sentence}"
        );
    }
    // Understood word by word, and still no question: it cannot be opened. An error while
    // reading would be an empty folder to many programs.
    let error = fs::read_dir(home.mount().join("search/dog - dog")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// Promise 1: one generation from the first entry to the last.
#[test]
fn a_folder_read_while_photos_arrive_has_no_entry_twice_and_none_missing() {
    let home = Home::new();
    home.configure("results = 3000");
    write_many(&home.photos(), 2000);
    let Some(daemon) = Daemon::spawn(&home) else {
        return;
    };
    let folder = home.mount().join("search/blue waves min=0");
    let mut sizes = HashSet::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".why")
            .collect();
        let targets: HashSet<_> = listed
            .iter()
            .map(|name| &name[5.min(name.len())..])
            .collect();
        assert_eq!(targets.len(), listed.len(), "an entry twice");
        let width = listed.len().to_string().len();
        let mut ranks: Vec<usize> = listed
            .iter()
            .map(|name| name[..width].parse().unwrap_or_else(|_| panic!("{name}")))
            .collect();
        ranks.sort_unstable();
        assert!(
            ranks.iter().copied().eq(1..=listed.len()),
            "a rank is missing"
        );
        sizes.insert(listed.len());
        if listed.len() == 2000 {
            break;
        }
        assert!(Instant::now() < deadline, "{sizes:?}");
    }
    assert!(sizes.len() > 1, "photos arrived meanwhile: {sizes:?}");
    drop(daemon);
}

#[test]
fn a_folder_that_is_read_again_shows_the_new_state() {
    let home = Home::new();
    write_many(&home.photos(), 5);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let folder = home.mount().join("search/blue waves min=0");
    let before = names(&folder);
    assert_eq!(before.len(), 5);
    assert_eq!(names(&folder), before, "from the kernel's cache");
    write_small(&home.photos().join("another.jpg"), 700);
    // The daemon looks again when it is asked to.
    assert!(home.error(&["index"]).contains("daemon"));
    daemon.wait_for("the new photo", || names(&folder).len() == 6);
    for name in names(&folder) {
        assert!(fs::metadata(folder.join(name)).unwrap().len() > 0);
    }
}

#[test]
fn status_is_a_file_for_people_and_one_for_programs() {
    let home = Home::new();
    write_many(&home.photos(), 4);
    fs::write(home.photos().join("bad.jpg"), "words").unwrap();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let meta = home.mount().join(".semfs");
    let text = fs::read_to_string(meta.join("status")).unwrap();
    assert!(
        text.contains("photos      4 in 4 files") && text.contains("problems    1"),
        "{text}"
    );
    let json = fs::read(meta.join("status.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        (json["photos"].as_u64(), json["problems"].as_u64()),
        (Some(4), Some(1))
    );
    assert_eq!(json["activity"], "idle");
    let version = fs::read_to_string(meta.join("version")).unwrap();
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
    assert_eq!(home.problems().len(), 1, "asked through the daemon");
}

#[test]
fn signals_unmount_and_end_with_success() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let home = Home::new();
        write_many(&home.photos(), 3);
        let Some(daemon) = Daemon::start(&home) else {
            return;
        };
        assert_eq!(daemon.end(signal), (Some(0), false), "{signal}");
    }
}

#[test]
fn a_signal_in_the_middle_of_indexing_unmounts_and_keeps_what_was_done() {
    let home = Home::new();
    write_many(&home.photos(), 1500);
    let Some(daemon) = Daemon::spawn(&home) else {
        return;
    };
    daemon.wait_for("some photos", || home.status().number("photos") > 0);
    let asked = Instant::now();
    assert_eq!(daemon.end(Signal::SIGTERM), (Some(0), false));
    assert!(asked.elapsed() < Duration::from_secs(20));
    let kept = home.status().number("photos");
    assert!(kept > 0);
    let account = home.index();
    assert_eq!((account.unchanged, account.new), (kept, 1500 - kept));
}

#[test]
fn a_program_that_stands_in_the_mount_does_not_keep_it_from_going() {
    let home = Home::new();
    write_many(&home.photos(), 3);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let mut stander = Command::new("sleep")
        .arg("60")
        .current_dir(home.mount().join("search/dog min=0"))
        .spawn()
        .unwrap();
    assert_eq!(daemon.end(Signal::SIGTERM), (Some(0), false));
    stander.kill().unwrap();
    stander.wait().unwrap();
}

#[test]
fn a_dead_mount_of_ours_is_detached_at_the_next_start() {
    let home = Home::new();
    write_many(&home.photos(), 3);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    // Dropped last, after the second daemon.
    let _dead = daemon.kill();
    assert!(is_mounted(&home.mount()));
    let error = fs::read_dir(home.mount()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    let _daemon = Daemon::start(&home).unwrap();
    assert_eq!(names(&home.mount().join("recent")).len(), 3);
}

#[test]
fn an_unfit_mount_point_is_explained() {
    if !can_mount() {
        return;
    }
    let home = Home::new();
    write_many(&home.photos(), 1);
    let error = |mount: &Path| home.error(&["daemon", "--mount", mount.to_str().unwrap()]);
    let missing = error(&home.path().join("missing"));
    assert!(
        missing.contains("does not exist") && missing.contains("mkdir -p"),
        "{missing}"
    );
    let full = error(&home.photos().join("000"));
    assert!(full.contains("not empty"), "{full}");
    let file = error(&home.config());
    assert!(file.contains("not a folder"), "{file}");
    let busy = error(Path::new("/proc"));
    assert!(
        busy.contains("proc") && busy.contains("empty folder"),
        "{busy}"
    );
}

#[test]
fn two_daemons_do_not_share_an_index_or_a_mount() {
    let home = Home::new();
    write_many(&home.photos(), 1);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let error = home.error(&["daemon"]);
    assert!(error.contains("in use by process"), "{error}");
    let other = home.path().join("other-state");
    let error = home.error(&["daemon", "--state", other.to_str().unwrap()]);
    assert!(error.contains("another semfs is mounted there"), "{error}");
}

/// Promise 8: a program that only reads cannot make the daemon grow without bound.
#[test]
fn a_hundred_thousand_queries_do_not_make_the_daemon_grow() {
    let home = Home::new();
    write_many(&home.photos(), 20);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    let look_up = |from: u32, to: u32| {
        for number in from..to {
            fs::symlink_metadata(search.join(format!("dog {number}"))).unwrap();
        }
    };
    look_up(0, 60_000);
    let before = daemon.memory();
    look_up(60_000, 140_000);
    let after = daemon.memory();
    println!("{before} KiB, and {after} KiB after 80,000 more");
    assert!(after < before + 8_000, "{before} KiB, then {after} KiB");
    assert_eq!(names(&search.join("blue waves min=0")).len(), 20);
}

#[test]
fn many_readers_at_once_see_the_same() {
    let home = Home::new();
    write_many(&home.photos(), 60);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    let expected = names(&search.join("blue waves min=0"));
    std::thread::scope(|scope| {
        for reader in 0..8 {
            let (search, expected) = (&search, &expected);
            scope.spawn(move || {
                for round in 0..20 {
                    assert_eq!(&names(&search.join("blue waves min=0")), expected);
                    let other = search.join(format!("waves {reader} {round} min=0"));
                    for name in names(&other) {
                        let target = fs::read_link(other.join(&name)).unwrap();
                        assert!(fs::metadata(target).unwrap().ino() > 0);
                    }
                }
            });
        }
    });
}
