//! Names, kinds and depths that real disks have.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::pictures::write_small;
use crate::support::{Daemon, Home, names};

#[test]
fn names_of_any_bytes_are_found_and_open() {
    let home = Home::new();
    let photos = home.photos();
    let odd: [&[u8]; 6] = [
        b"caf\xe9.jpg",
        b"two\nlines.jpg",
        b"12:30 \"x\" <y>|z?.jpg",
        b" leading and trailing .jpg",
        b"-n.jpg",
        "🐕 日本.jpg".as_bytes(),
    ];
    write_small(&photos.join("plain.jpg"), 0);
    for (seed, name) in odd.iter().enumerate() {
        let plain = photos.join("new.jpg");
        write_small(&plain, seed as u32 + 1);
        fs::rename(plain, photos.join(OsStr::from_bytes(name))).unwrap();
    }
    assert_eq!(home.index().new, 7);
    let mut found = home.search("anything", 10);
    found.sort();
    let mut expected: Vec<_> = odd
        .iter()
        .map(|name| photos.join(OsStr::from_bytes(name)))
        .collect();
    expected.push(photos.join("plain.jpg"));
    expected.sort();
    assert_eq!(found, expected);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let folder = home.mount().join("search/anything min=0");
    let listed = names(&folder);
    assert_eq!(listed.len(), 7);
    for name in listed {
        assert!(
            !name.contains([':', '*', '?', '"', '<', '>', '|', '\n', '\\']),
            "{name:?}"
        );
        let target = fs::read_link(folder.join(&name)).unwrap();
        assert!(expected.contains(&target), "{target:?}");
        assert_eq!(
            fs::read(folder.join(&name)).unwrap(),
            fs::read(target).unwrap()
        );
    }
}

#[test]
fn pipes_links_and_loops_are_passed_by() {
    let home = Home::new();
    let photos = home.photos();
    write_small(&photos.join("real.jpg"), 1);
    mkfifo(&photos.join("pipe.jpg"), Mode::S_IRWXU).unwrap();
    symlink("real.jpg", photos.join("link.jpg")).unwrap();
    symlink("..", photos.join("loop")).unwrap();
    symlink("nowhere", photos.join("dangling.jpg")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(photos.join("socket.jpg")).unwrap();
    fs::create_dir(photos.join("folder.jpg")).unwrap();
    let account = home.index();
    assert_eq!((account.new, account.problems), (1, 0));
}

#[test]
fn sixty_folders_deep_is_not_too_deep() {
    let home = Home::new();
    let mut folder = home.photos();
    for depth in 0..60 {
        folder.push(format!("level-{depth}"));
    }
    write_small(&folder.join("deep.jpg"), 1);
    assert_eq!(home.index().new, 1);
    assert_eq!(home.search("anything", 1), [folder.join("deep.jpg")]);
}

#[test]
fn what_may_not_be_read_is_a_problem_until_it_may_and_a_photo_stays_one() {
    let mut home = Home::new();
    let (file, folder) = (home.photos().join("a.jpg"), home.photos().join("closed"));
    write_small(&file, 1);
    write_small(&folder.join("b.jpg"), 2);
    if !home.as_ordinary_user() {
        return;
    }
    let set = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set(&file, 0o000);
    set(&folder, 0o000);
    assert_eq!(home.index().problems, 2);
    let problems = home.problems();
    assert_eq!(problems[0].1, file);
    assert_eq!(problems[1].1, folder);
    set(&file, 0o644);
    set(&folder, 0o755);
    assert_eq!(home.index().new, 2);
    assert!(home.problems().is_empty());
    // A photo whose disk does not answer for a while is not forgotten: neither where its
    // folder cannot be listed, nor where only its own attributes cannot be had.
    for mode in [0o000, 0o444] {
        set(&folder, mode);
        let account = home.index();
        assert_eq!((account.gone, account.new), (0, 0), "{mode:o}");
        assert_eq!(home.search("anything", 10).len(), 2, "{mode:o}");
        set(&folder, 0o755);
        assert_eq!(home.index().unchanged, 2);
    }
    assert!(home.problems().is_empty());
}

#[test]
fn originals_are_never_changed() {
    let home = Home::new();
    let photo = home.photos().join("a.jpg");
    write_small(&photo, 1);
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let times = fs::FileTimes::new()
        .set_accessed(long_ago)
        .set_modified(long_ago);
    fs::File::options()
        .write(true)
        .open(&photo)
        .unwrap()
        .set_times(times)
        .unwrap();
    let bytes = fs::read(&photo).unwrap();
    fs::File::options()
        .write(true)
        .open(&photo)
        .unwrap()
        .set_times(times)
        .unwrap();
    assert_eq!(home.index().new, 1);
    let after = fs::metadata(&photo).unwrap();
    assert_eq!(after.modified().unwrap(), long_ago);
    assert_eq!(
        after.accessed().unwrap(),
        long_ago,
        "not even the time of last access"
    );
    assert_eq!(fs::read(&photo).unwrap(), bytes);
}
