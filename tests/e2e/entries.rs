//! `entries = "file"`: photos as files of their size, times and bytes.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use crate::pictures::{small, write_many, write_small};
use crate::remote_filesystem::RemoteFilesystem;
use crate::support::{Daemon, Home, names, skipped};

/// How soon a change of the index is seen in names that the kernel kept.
const SOON: Duration = Duration::from_secs(3);

const FILES: &str = "entries = \"file\"\nrescan_minutes = 0\npoll_seconds = 1\nresults = 10000";

/// A home of which the index learns only when it is told to look.
fn still() -> Home {
    let home = Home::new();
    home.configure_roots(
        &format!("[{{ path = {:?}, watch = \"poll\" }}]", home.photos()),
        "entries = \"file\"\nrescan_minutes = 0\npoll_seconds = 86400",
    );
    home
}

/// The photos that `recent` shows, each with the path of the only original of that name.
fn entries(home: &Home, originals: &[PathBuf]) -> Vec<(PathBuf, PathBuf)> {
    let folder = home.mount().join("recent");
    let shown: Vec<String> = names(&folder)
        .into_iter()
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert_eq!(shown.len(), originals.len());
    let original = |name: &str| {
        let (_, name) = name.split_once(' ').unwrap();
        let mut of_name = originals.iter().filter(|path| path.ends_with(name));
        of_name.next().unwrap().clone()
    };
    shown
        .iter()
        .map(|name| (folder.join(name), original(name)))
        .collect()
}

fn entry(home: &Home, original: &Path) -> PathBuf {
    entries(home, &[original.to_owned()]).remove(0).0
}

fn look_now(home: &Home) {
    // It asks the daemon to look at its folders, and says so as an error.
    assert!(home.error(&["index"]).contains("daemon"));
}

/// A picture that has more bytes than the kernel reads at once.
fn write_large(path: &Path) {
    write_small(path, 7);
    let mut bytes = fs::read(path).unwrap();
    // After the end of the picture decoders look at nothing.
    bytes.extend((0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8));
    fs::write(path, bytes).unwrap();
}

/// Runs a program that has to succeed. False where there is none.
fn succeeds(program: &str, arguments: &[&Path]) -> bool {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program} {arguments:?}: {errors}");
            true
        }
        Err(_) => {
            skipped!("there is no `{program}` here");
            false
        }
    }
}

#[test]
fn a_photo_is_a_file_with_the_size_times_and_bytes_of_its_original() {
    let home = Home::new();
    home.configure(FILES);
    let photos = write_many(&home.photos(), 30);
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    File::options()
        .write(true)
        .open(&photos[3])
        .unwrap()
        .set_modified(old)
        .unwrap();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    for (entry, original) in entries(&home, &photos) {
        let (shown, is) = (
            fs::symlink_metadata(&entry).unwrap(),
            fs::metadata(&original).unwrap(),
        );
        assert!(shown.is_file());
        assert_eq!(shown.len(), is.len());
        assert_eq!(shown.modified().unwrap(), is.modified().unwrap());
        assert_eq!(shown.blocks(), is.len().div_ceil(512));
        assert_eq!(shown.mode() & 0o7777, 0o444);
        assert_eq!(fs::read(&entry).unwrap(), fs::read(&original).unwrap());
    }
    let ranked = home.mount().join("search/blue waves min=0");
    let shown = names(&ranked);
    let first = shown.iter().find(|name| !name.starts_with('.')).unwrap();
    assert!(first.starts_with("01 "), "{first}");
    assert!(ranked.join(first).symlink_metadata().unwrap().is_file());
    // Whoever asks where they are is told.
    let why = fs::read_to_string(ranked.join(".why")).unwrap();
    assert!(why.contains(photos[0].to_str().unwrap()), "{why}");
}

#[test]
fn nothing_can_be_changed_through_a_file() {
    let home = still();
    let photo = home.photos().join("a.jpg");
    write_small(&photo, 1);
    let before = fs::read(&photo).unwrap();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let entry = entry(&home, &photo);
    let refused = |what: &str, result: std::io::Result<()>| {
        let error = result.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem, "{what}");
    };
    refused("write", File::options().write(true).open(&entry).map(drop));
    refused(
        "append",
        File::options().append(true).open(&entry).map(drop),
    );
    let both = File::options().read(true).write(true).open(&entry);
    refused("read and write", both.map(drop));
    refused("truncate", File::create(&entry).map(drop));
    refused("unlink", fs::remove_file(&entry));
    refused("rename", fs::rename(&entry, entry.with_file_name("b.jpg")));
    refused("link", fs::hard_link(&entry, entry.with_file_name("b.jpg")));
    let mut permissions = fs::metadata(&entry).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o777);
    refused("chmod", fs::set_permissions(&entry, permissions));
    let opened = File::open(&entry).unwrap();
    refused("touch", opened.set_modified(SystemTime::now()));
    assert_eq!(fs::read(&photo).unwrap(), before);
}

#[test]
fn programs_that_copy_get_the_bytes_and_times() {
    let home = Home::new();
    home.configure(FILES);
    let mut photos = write_many(&home.photos(), 10);
    photos.push(home.photos().join("large.jpg"));
    write_large(&photos[10]);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let shown = entries(&home, &photos);
    let recent = home.mount().join("recent");
    let copies = |folder: &Path| {
        for (entry, original) in &shown {
            let copy = folder.join(entry.file_name().unwrap());
            assert_eq!(fs::read(&copy).unwrap(), fs::read(original).unwrap());
            let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
            assert_eq!(time(&copy), time(original));
        }
    };
    let to = home.path().join("rsync");
    if succeeds("rsync", &[Path::new("-a"), &recent.join(""), &to]) {
        copies(&to);
        let again = Command::new("rsync")
            .args(["-a", "--itemize-changes", "--exclude=.why"])
            .args([recent.join(""), to])
            .output()
            .unwrap();
        let changes = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(!changes.contains(">f"), "{changes}");
    }
    let to = home.path().join("cp");
    let reflink = Path::new("--reflink=auto");
    if succeeds("cp", &[Path::new("-a"), reflink, &recent, &to]) {
        copies(&to);
    }
    let to = home.path().join("tar");
    fs::create_dir(&to).unwrap();
    let archive = home.path().join("photos.tar");
    let arguments = [
        "-C",
        recent.to_str().unwrap(),
        "--format=posix",
        "-cf",
        archive.to_str().unwrap(),
        ".",
    ];
    if succeeds("tar", &arguments.map(Path::new)) {
        let arguments = ["-C", to.to_str().unwrap(), "-xf", archive.to_str().unwrap()];
        succeeds("tar", &arguments.map(Path::new));
        copies(&to);
    }
    for (entry, original) in &shown {
        succeeds("cmp", &[entry, original]);
    }
}

#[test]
fn a_file_can_be_mapped_into_memory_and_read_anywhere() {
    let home = still();
    let photo = home.photos().join("large.jpg");
    write_large(&photo);
    let bytes = fs::read(&photo).unwrap();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let file = File::open(entry(&home, &photo)).unwrap();
    // SAFETY: nobody changes the file while it is mapped.
    let mapped = unsafe { memmap2::Mmap::map(&file) }.unwrap();
    assert!(mapped[..] == bytes[..]);
    for offset in [0, 1, 4095, 131_071, 1_000_003, bytes.len() - 5, bytes.len()] {
        let mut part = vec![0; 200_000];
        let length = file.read_at(&mut part, offset as u64).unwrap();
        assert!(
            length == part.len().min(bytes.len() - offset) && length > 0 || offset == bytes.len()
        );
        assert!(part[..length] == bytes[offset..offset + length], "{offset}");
    }
    let mut file = file;
    file.seek(SeekFrom::End(-9)).unwrap();
    let mut end = Vec::new();
    file.read_to_end(&mut end).unwrap();
    assert_eq!(end, bytes[bytes.len() - 9..]);
}

#[test]
fn an_original_that_was_overwritten_is_read_as_it_is_before_the_index_knows() {
    let home = still();
    let photo = home.photos().join("a.jpg");
    write_small(&photo, 1);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let entry = entry(&home, &photo);
    let first = fs::read(&entry).unwrap();
    let held = File::open(&entry).unwrap();
    // In place, longer; by a rename, shorter; and of the same length.
    let mut longer = first.clone();
    longer.extend_from_slice(&[9; 50_000]);
    let replaced = home.path().join("replaced.jpg");
    small(2).save(&replaced).unwrap();
    let shorter = fs::read(&replaced).unwrap()[..500].to_owned();
    let mut same_length = shorter.clone();
    same_length.reverse();
    fs::write(&photo, &longer).unwrap();
    assert!(fs::read(&entry).unwrap() == longer);
    assert_eq!(fs::metadata(&entry).unwrap().len(), longer.len() as u64);
    fs::write(&replaced, &shorter).unwrap();
    let held_longer = File::open(&entry).unwrap();
    fs::rename(&replaced, &photo).unwrap();
    assert!(fs::read(&entry).unwrap() == shorter);
    fs::write(&photo, &same_length).unwrap();
    assert!(fs::read(&entry).unwrap() == same_length);
    // Who had it open reads what he had opened.
    let mut bytes = vec![0; longer.len()];
    held_longer.read_exact_at(&mut bytes, 0).unwrap();
    assert!(bytes == longer);
    held.read_exact_at(&mut bytes[..first.len()], 0).unwrap();
    assert!(bytes[..first.len()] == first);
}

#[test]
fn an_original_that_is_being_written_can_be_read_all_the_same() {
    let home = still();
    let photo = home.photos().join("a.jpg");
    write_large(&photo);
    let bytes = fs::read(&photo).unwrap();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let entry = entry(&home, &photo);
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let writer = File::options().append(true).open(&photo).unwrap();
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                std::io::Write::write_all(&mut &writer, b"more").unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let read = std::panic::catch_unwind(|| {
            for _ in 0..100 {
                let read = fs::read(&entry).unwrap();
                assert!(read.len() >= bytes.len() && read[..bytes.len()] == bytes[..]);
            }
        });
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        read.unwrap();
    });
}

#[test]
fn an_original_that_was_overwritten_has_its_new_size_with_the_next_generation() {
    let home = Home::new();
    home.configure(FILES);
    let photo = home.photos().join("a.jpg");
    write_small(&photo, 1);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let entry = entry(&home, &photo);
    let before = fs::metadata(&entry).unwrap();
    write_large(&photo);
    let is = fs::metadata(&photo).unwrap();
    let since = Instant::now();
    daemon.wait_for("the new size", || {
        fs::metadata(&entry).is_ok_and(|shown| shown.len() == is.len())
    });
    assert!(since.elapsed() < 3 * SOON, "{:?}", since.elapsed());
    let shown = fs::metadata(&entry).unwrap();
    assert_eq!(shown.modified().unwrap(), is.modified().unwrap());
    assert_ne!(shown.ino(), before.ino(), "it is another file");
    assert!(fs::read(&entry).unwrap() == fs::read(&photo).unwrap());
}

#[test]
fn an_original_that_is_deleted_can_be_read_by_those_who_have_it_open() {
    let home = still();
    let photo = home.photos().join("large.jpg");
    write_large(&photo);
    write_small(&home.photos().join("other.jpg"), 3);
    let bytes = fs::read(&photo).unwrap();
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let folder = home.mount().join("recent");
    let name = names(&folder)
        .into_iter()
        .find(|name| name.contains("large"));
    let entry = folder.join(name.unwrap());
    let mut held = File::open(&entry).unwrap();
    fs::remove_file(&photo).unwrap();
    let error = File::open(&entry).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    look_now(&home);
    daemon.wait_for("the change", || home.status().number("photos") == 1);
    daemon.wait_for("the name to go", || fs::metadata(&entry).is_err());
    let mut read = Vec::new();
    held.read_to_end(&mut read).unwrap();
    assert!(read == bytes);
}

#[test]
fn files_of_an_offline_root_are_listed_and_reading_them_is_an_error() {
    let home = Home::new();
    home.configure(FILES);
    let photos = write_many(&home.photos(), 30);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let shown = entries(&home, &photos);
    let away = home.path().join("away");
    fs::rename(home.photos(), &away).unwrap();
    // At once, and when it is known.
    for known in [false, true] {
        if known {
            daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
        }
        assert_eq!(entries(&home, &photos).len(), 30);
        let (entry, original) = &shown[7];
        let size = fs::metadata(entry).unwrap().len();
        let original = away.join(original.strip_prefix(home.photos()).unwrap());
        assert_eq!(size, fs::metadata(original).unwrap().len());
        let error = fs::read(entry).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(nix::libc::EIO), "{error}");
    }
    fs::rename(&away, home.photos()).unwrap();
    daemon.wait_for("live again", || home.mode(&home.photos()).0 == "live");
    for (entry, original) in &shown {
        assert_eq!(fs::read(entry).unwrap(), fs::read(original).unwrap());
    }
}

#[test]
fn a_link_in_the_place_of_an_original_or_of_a_folder_is_not_followed() {
    let home = still();
    let secret = home.path().join("secret.txt");
    fs::write(&secret, "secret").unwrap();
    let photos = [
        home.photos().join("a.jpg"),
        home.photos().join("folder/b.jpg"),
    ];
    write_small(&photos[0], 1);
    write_small(&photos[1], 2);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let shown = entries(&home, &photos);
    fs::remove_file(&photos[0]).unwrap();
    std::os::unix::fs::symlink(&secret, &photos[0]).unwrap();
    let elsewhere = home.path().join("elsewhere");
    fs::rename(home.photos().join("folder"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.photos().join("folder")).unwrap();
    for (entry, _) in shown {
        let error = fs::read(&entry).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}

#[test]
fn several_readers_at_once_get_the_right_bytes() {
    let home = Home::new();
    home.configure(FILES);
    let mut photos = write_many(&home.photos(), 40);
    photos.push(home.photos().join("large.jpg"));
    write_large(&photos[40]);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let shown = entries(&home, &photos);
    let expected: Vec<Vec<u8>> = shown.iter().map(|(_, of)| fs::read(of).unwrap()).collect();
    std::thread::scope(|scope| {
        for reader in 0..8 {
            let (shown, expected) = (&shown, &expected);
            scope.spawn(move || {
                for round in 0..20 * shown.len() {
                    let which = (round * (reader + 3)) % shown.len();
                    assert!(fs::read(&shown[which].0).unwrap() == expected[which]);
                }
            });
        }
    });
}

#[test]
fn a_file_with_a_problem_can_be_read_as_well() {
    let home = Home::new();
    home.configure(FILES);
    let damaged = home.photos().join("damaged.jpg");
    write_small(&home.photos().join("good.jpg"), 1);
    fs::write(&damaged, b"\xFF\xD8\xFF\xE0 this is no picture").unwrap();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let problems = home.mount().join("problems");
    let kind = names(&problems)
        .into_iter()
        .find(|name| !name.starts_with('.'));
    let entry = problems.join(kind.unwrap()).join("damaged.jpg");
    let (shown, is) = (
        fs::metadata(&entry).unwrap(),
        fs::metadata(&damaged).unwrap(),
    );
    assert_eq!(
        (shown.len(), shown.modified().unwrap()),
        (is.len(), is.modified().unwrap())
    );
    assert_eq!(fs::read(&entry).unwrap(), fs::read(&damaged).unwrap());
}

#[test]
fn a_server_that_hangs_holds_up_only_those_who_read_from_it() {
    let home = Home::new();
    let (server, remote_root) = (home.path().join("server"), home.path().join("remote"));
    fs::create_dir(&remote_root).unwrap();
    let local = write_many(&home.photos(), 20);
    write_small(&server.join("far.jpg"), 900);
    let Some(remote) = RemoteFilesystem::mount(&server, &remote_root, "sshfs") else {
        skipped!("nothing can be mounted here");
        return;
    };
    home.configure_roots(
        &format!("[{:?}, {remote_root:?}]", home.photos()),
        "entries = \"file\"\nrescan_minutes = 0\npoll_seconds = 2\n[limits]\nanswer_seconds = 2",
    );
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    daemon.wait_for("the photos", || home.status().number("files") == 21);
    let mut all = local.clone();
    all.push(remote_root.join("far.jpg"));
    let shown = entries(&home, &all);
    let (far, _) = shown
        .iter()
        .find(|(_, of)| of.ends_with("far.jpg"))
        .unwrap();
    let bytes = fs::read(server.join("far.jpg")).unwrap();
    assert!(fs::read(far).unwrap() == bytes);
    remote.hang();
    // More than there are threads for.
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let far = far.clone();
            std::thread::spawn(move || fs::read(far))
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    for (entry, original) in shown.iter().filter(|(_, of)| of.starts_with(home.photos())) {
        assert!(fs::read(entry).unwrap() == fs::read(original).unwrap());
    }
    assert_eq!(entries(&home, &all).len(), 21);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    // Once it is known, nobody waits any more.
    daemon.wait_for("offline", || home.mode(&remote_root).0 == "offline");
    let begun = Instant::now();
    let error = fs::read(far).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::libc::EIO), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2));
    remote.answer();
    for reader in readers {
        // An error where it waited too long, and never other bytes.
        if let Ok(read) = reader.join().unwrap() {
            assert!(read == bytes);
        }
    }
    daemon.wait_for("the return", || {
        fs::read(far).is_ok_and(|read| read == bytes)
    });
}
