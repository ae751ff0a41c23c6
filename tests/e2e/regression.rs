//! Faults that were found once, each by its name.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::pictures::{write_many, write_small};
use crate::support::{Daemon, Home, names, skipped};

/// A tmpfs of this test, until it is dropped. Nothing for users who may not mount.
struct Disk(PathBuf);

impl Disk {
    fn new(at: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let mounted = mount(
            Some("tmpfs"),
            at,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(options.as_str()),
        );
        if let Err(error) = mounted {
            skipped!("a tmpfs cannot be mounted here ({error})");
            return None;
        }
        Some(Self(at.to_owned()))
    }

    fn resize(&self, size: &str) {
        let options = format!("size={size}");
        let flags = MsFlags::MS_REMOUNT;
        mount(
            None::<&str>,
            &self.0,
            None::<&str>,
            flags,
            Some(options.as_str()),
        )
        .unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

#[test]
fn an_unfinished_snapshot_of_the_catalogue_makes_it_unreadable() {
    let home = Home::new();
    write_many(&home.photos(), 20);
    home.index();
    let catalog = home.state().join("catalog");
    for torn in [&b""[..], &[7; 3000]] {
        fs::write(catalog.join("snap.0000000000FFFFFF.generating"), torn).unwrap();
        assert_eq!(home.status().number("photos"), 20);
    }
}

#[test]
fn a_folder_that_is_renamed_after_an_interruption_leaves_ghosts() {
    let home = Home::new();
    let flat = home.photos().join("flat");
    for number in 0..1500 {
        write_small(&flat.join(format!("{number}.jpg")), number);
    }
    let mut indexing = home.start_indexing(&[]);
    while home.run(&["status"]).stdout.is_empty() && indexing.try_wait().unwrap().is_none() {
        // The index is in use: it works. What it has committed is seen when it is killed.
        std::thread::sleep(Duration::from_millis(50));
        if home.state().join("vectors/full-000000.f16").exists() {
            std::thread::sleep(Duration::from_millis(900));
            break;
        }
    }
    indexing.kill().unwrap();
    indexing.wait().unwrap();
    let kept = home.status().number("files");
    fs::rename(&flat, home.photos().join("renamed")).unwrap();
    let account = home.index();
    assert_eq!((account.known, account.gone), (kept, kept));
    let status = home.status();
    assert_eq!(
        (status.number("photos"), status.number("files")),
        (1500, 1500)
    );
    assert!(
        home.search("anything", 2000)
            .iter()
            .all(|path| path.exists())
    );
}

/// Processes that a process has started and that still run.
fn children(process: u32) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten();
    let lists =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    lists
        .iter()
        .flat_map(|list| list.split_whitespace())
        .filter_map(|number| number.parse().ok())
        .collect()
}

#[test]
fn a_worker_that_somebody_kills_makes_a_good_photo_a_problem() {
    let home = Home::new();
    write_many(&home.photos(), 1500);
    let mut indexing = home.start_indexing(&[]);
    let mut killed = 0;
    while indexing.try_wait().unwrap().is_none() {
        // Rarely enough that no photo meets it twice.
        std::thread::sleep(Duration::from_millis(300));
        if let Some(worker) = children(indexing.id()).first() {
            killed += u32::from(kill(Pid::from_raw(*worker), Signal::SIGKILL).is_ok());
        }
    }
    assert!(killed > 0, "a worker was killed");
    assert!(home.problems().is_empty(), "{:?}", home.problems());
    assert_eq!(home.status().number("photos"), 1500);
}

#[test]
fn a_raised_limit_does_not_give_a_large_file_another_chance() {
    let home = Home::new();
    let photo = home.photos().join("large.jpg");
    write_small(&photo, 1);
    let mut bytes = fs::read(&photo).unwrap();
    bytes.resize(3 << 20, 0);
    fs::write(&photo, bytes).unwrap();
    home.configure("[limits]\nfile_mib = 1");
    assert_eq!(home.index().problems, 1);
    assert_eq!(home.index().unchanged, 1);
    home.configure("[limits]\nfile_mib = 100");
    let account = home.index();
    assert_eq!((account.new, account.problems), (1, 0));
}

#[test]
fn a_disk_that_is_pulled_while_it_waits_for_its_turn_is_taken_for_deleted() {
    let home = Home::new();
    // One thread walks, and so the first root is done before the second is begun.
    home.configure("[limits]\nthreads = 1");
    let (disk, large) = (home.path().join("disk"), home.photos());
    fs::create_dir(&disk).unwrap();
    let Some(tmpfs) = Disk::new(&disk, "32m") else {
        return;
    };
    write_many(&disk, 50);
    for number in 0..1500 {
        write_small(&large.join(format!("{number}.jpg")), 10_000 + number);
    }
    let roots = [large.to_str().unwrap(), disk.to_str().unwrap()];
    home.ok(&["index", "--once", roots[1]]);
    let indexing = home.start_indexing(&roots);
    std::thread::sleep(Duration::from_millis(250));
    drop(tmpfs);
    let output = indexing.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains(" 0 gone"), "{printed}");
    assert_eq!(home.status().number("files"), 1550);
}

#[test]
fn many_readers_at_once_are_turned_away() {
    let home = Home::new();
    write_many(&home.photos(), 100);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    std::thread::scope(|scope| {
        for reader in 0..300 {
            let folder = search.join(format!("waves {reader} min=0"));
            scope.spawn(move || {
                for name in names(&folder) {
                    fs::read_link(folder.join(name)).unwrap();
                }
            });
        }
    });
}

#[test]
fn open_folders_make_the_daemon_grow_without_bound() {
    let home = Home::new();
    home.configure("results = 2000");
    write_many(&home.photos(), 2000);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    let mut open = Vec::new();
    let mut refused = 0;
    for number in 0..900 {
        match fs::read_dir(search.join(format!("waves {number} min=0"))) {
            Ok(folder) => open.push(folder),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                refused += 1;
            }
        }
    }
    println!(
        "{} folders open, {refused} refused, {} KiB",
        open.len(),
        daemon.memory()
    );
    assert!(refused > 0 && open.len() > 100);
    assert!(daemon.memory() < 400 << 10, "{} KiB", daemon.memory());
    // With the folders the memory is free for others.
    drop(open);
    assert_eq!(names(&search.join("blue min=0")).len(), 2000);
}

#[test]
fn a_root_whose_name_is_not_utf8_breaks_the_status() {
    let home = Home::new();
    let root = home.path().join(OsStr::from_bytes(b"r\xe9sum\xe9"));
    write_small(&root.join("a.jpg"), 1);
    let output = home
        .command(&["index", "--once"])
        .arg(&root)
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(home.status().number("photos"), 1);
    fs::write(root.join("bad.jpg"), "words").unwrap();
    home.command(&["index", "--once"])
        .arg(&root)
        .output()
        .unwrap();
    let problems = home.ok(&["status", "--problems", "--json"]);
    let problems: serde_json::Value = serde_json::from_str(&problems).unwrap();
    let bytes = problems[0]["path_bytes"].as_array().unwrap();
    assert_eq!(bytes.len(), root.join("bad.jpg").as_os_str().len());
}

#[test]
fn a_root_that_is_no_longer_wanted_cannot_be_forgotten() {
    let home = Home::new();
    let other = home.path().join("other");
    write_many(&home.photos(), 20);
    write_many(&other, 30);
    home.ok(&[
        "index",
        "--once",
        home.photos().to_str().unwrap(),
        other.to_str().unwrap(),
    ]);
    assert_eq!(home.status().number("files"), 50);
    fs::remove_dir_all(&other).unwrap();
    let printed = home.ok(&["forget", other.to_str().unwrap()]);
    assert!(printed.contains("30 files"), "{printed}");
    let status = home.status();
    assert_eq!((status.number("files"), status.number("photos")), (20, 20));
    assert_eq!(status.0["roots"].as_array().unwrap().len(), 1);
    assert!(
        home.error(&["forget", "/never/indexed"])
            .contains("never indexed")
    );
}

#[test]
fn a_full_disk_breaks_the_index_for_good() {
    let home = Home::new();
    write_many(&home.photos(), 200);
    fs::create_dir(home.state()).unwrap();
    let Some(disk) = Disk::new(&home.state(), "48m") else {
        return;
    };
    let error = home.error(&["index", "--once"]);
    assert!(
        error.contains("MiB free") && error.contains("Free some space"),
        "{error}"
    );
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let told = fs::read_to_string(home.mount().join(".semfs/status")).unwrap();
    assert!(told.contains("MiB free"), "{told}");
    disk.resize("200m");
    // The same daemon goes on when there is space again.
    home.error(&["index"]);
    daemon.wait_for("the photos", || home.status().number("photos") == 200);
}

#[test]
fn a_search_that_holds_the_index_for_a_moment_keeps_the_daemon_from_starting() {
    let home = Home::new();
    write_many(&home.photos(), 20);
    home.index();
    let searching = std::thread::scope(|scope| {
        let searches = scope.spawn(|| {
            for _ in 0..10 {
                let output = home.run(&["search", "waves"]);
                assert!(
                    output.status.success(),
                    "{}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
        });
        let daemon = Daemon::start(&home);
        searches.join().unwrap();
        daemon
    });
    drop(searching);
}

#[test]
fn completions_load_a_model() {
    // They are made when a package is built, where there is no ONNX Runtime.
    let status = Command::new(env!("CARGO_BIN_EXE_semfs"))
        .args(["completions", "bash"])
        .env_clear()
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn files_of_ours_are_empty_for_programs_that_go_by_their_size() {
    let home = Home::new();
    write_many(&home.photos(), 3);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    fs::read_dir(home.mount().join("search/date=1")).unwrap_err();
    let copies = home.path().join("copies");
    fs::create_dir(&copies).unwrap();
    // tar stores exactly as many bytes as the attributes say.
    let status = Command::new("sh")
        .arg("-c")
        .arg("tar cf - .semfs README.txt | tar xf - -C \"$0\"")
        .arg(&copies)
        .current_dir(home.mount())
        .status();
    assert!(status.unwrap().success());
    let read = |name: &str| fs::read_to_string(copies.join(name)).unwrap();
    assert!(read(".semfs/status").contains("3 in 3 files"));
    assert!(read(".semfs/last-error").contains("date="));
    assert!(read(".semfs/version").starts_with(env!("CARGO_PKG_VERSION")));
    serde_json::from_str::<serde_json::Value>(&read(".semfs/status.json")).unwrap();
}

#[test]
fn a_name_keeps_its_old_photo_when_its_folder_is_read_again() {
    let home = Home::new();
    home.configure("results = 1000");
    // Cameras reuse names: only the ranks tell these apart.
    for number in 0..303 {
        write_small(
            &home.photos().join(format!("{number}/IMG_0001.jpg")),
            number,
        );
    }
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let recent = home.mount().join("recent");
    let targets = || -> std::collections::HashSet<PathBuf> {
        let links = names(&recent).into_iter().map(|name| recent.join(name));
        links.map(|link| fs::read_link(link).unwrap()).collect()
    };
    assert_eq!(targets().len(), 303);
    write_small(&home.photos().join("new/IMG_0001.jpg"), 5000);
    home.error(&["index"]);
    daemon.wait_for("the new photo", || names(&recent).len() == 304);
    assert_eq!(targets().len(), 304, "a photo twice, another one missing");
}
