//! What a scout answers where the filesystem does.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, mkfifo};
use semfs_engine::catalog::Stamp;
use semfs_engine::scout::{Kind, Scout, ScoutError, ScoutSettings};
use tempfile::tempdir;

use super::{scout, settings, wanted};

fn stamp_of(path: &Path) -> Stamp {
    Stamp::of(&fs::symlink_metadata(path).unwrap(), true)
}

#[test]
fn a_folder_of_20_000_entries_is_listed_whole() {
    let folder = tempdir().unwrap();
    for number in 0..20_000 {
        File::create(folder.path().join(format!("{number:05}.jpg"))).unwrap();
    }
    let entries = scout().list(folder.path(), &wanted()).unwrap();
    let names: HashSet<_> = entries.iter().map(|seen| seen.name.clone()).collect();
    assert_eq!(entries.len(), 20_000);
    assert_eq!(names.len(), 20_000);
    for seen in &entries {
        let path = folder.path().join(&seen.name);
        assert_eq!(seen.kind, Kind::File);
        assert_eq!(seen.stamp, Some(Ok(stamp_of(&path))), "{path:?}");
    }
}

#[test]
fn stamps_are_asked_for_pictures_only_and_links_are_not_followed() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("UPPER.JPG"), "picture").unwrap();
    fs::write(path.join("notes.txt"), "text").unwrap();
    fs::write(path.join("jpg"), "no extension").unwrap();
    fs::create_dir(path.join("folder.jpg")).unwrap();
    symlink("UPPER.JPG", path.join("link.jpg")).unwrap();
    let mut entries = scout().list(path, &wanted()).unwrap();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let found: Vec<_> = entries
        .iter()
        .map(|seen| (seen.name.to_str().unwrap(), seen.kind, seen.stamp))
        .collect();
    assert_eq!(
        found,
        [
            (
                "UPPER.JPG",
                Kind::File,
                Some(Ok(stamp_of(&path.join("UPPER.JPG"))))
            ),
            ("folder.jpg", Kind::Folder, None),
            ("jpg", Kind::File, None),
            ("link.jpg", Kind::Other, None),
            ("notes.txt", Kind::File, None),
        ]
    );
}

#[test]
fn names_that_are_not_utf_8_come_back_as_they_are() {
    let folder = tempdir().unwrap();
    let name = OsStr::from_bytes(b"caf\xe9 \xff.jpg");
    let path = folder.path().join(name);
    fs::write(&path, "picture").unwrap();
    let mut scout = scout();
    let entries = scout.list(folder.path(), &wanted()).unwrap();
    assert_eq!(entries[0].name, name);
    assert_eq!(
        scout.resolve(&path).unwrap(),
        path.canonicalize().unwrap(),
        "resolved"
    );
    assert_eq!(
        scout.stamp(&path).unwrap(),
        (Kind::File, stamp_of(&path)),
        "stamped"
    );
    assert_eq!(scout.read(&path, 100).unwrap().1, stamp_of(&path), "read");
}

#[test]
fn errors_carry_the_number_that_the_system_gave() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("file"), "").unwrap();
    symlink("loop", path.join("loop")).unwrap();
    let mut scout = scout();
    let missing = path.join("missing");
    for error in [
        scout.resolve(&missing).unwrap_err(),
        scout.identity(&missing).unwrap_err(),
        scout.list(&missing, &[]).unwrap_err(),
        scout.stamp(&missing).unwrap_err(),
        scout.read(&missing, 1).unwrap_err(),
    ] {
        assert_eq!(error.errno(), Some(libc::ENOENT), "{error}");
        assert!(
            error.to_string().contains("/missing: No such file"),
            "{error}"
        );
    }
    let not_a_folder = scout.list(&path.join("file"), &[]).unwrap_err();
    assert_eq!(not_a_folder.errno(), Some(libc::ENOTDIR));
    let looped = path.join("loop");
    assert_eq!(
        scout.resolve(&looped).unwrap_err().errno(),
        Some(libc::ELOOP)
    );
    assert_eq!(
        scout.list(&looped, &[]).unwrap_err().errno(),
        Some(libc::ELOOP)
    );
    let nul = path.join(OsStr::from_bytes(b"nul\0byte"));
    assert_eq!(scout.stamp(&nul).unwrap_err().errno(), Some(libc::EINVAL));
    // It was the same process all the time.
    assert_eq!(scout.stamp(&path.join("file")).unwrap().0, Kind::File);
}

#[test]
fn what_this_user_may_not_see_is_refused_with_eacces() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempdir().unwrap();
    let path = folder.path();
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    fs::create_dir(path.join("closed")).unwrap();
    fs::set_permissions(path.join("closed"), PermissionsExt::from_mode(0o700)).unwrap();
    fs::write(path.join("secret"), "bytes").unwrap();
    fs::set_permissions(path.join("secret"), PermissionsExt::from_mode(0o600)).unwrap();
    let of_root = settings(Duration::from_secs(20));
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let program = of_root.program.to_str().unwrap();
    let mut scout = Scout::new(ScoutSettings {
        program: "/usr/bin/setpriv".into(),
        arguments: nobody
            .into_iter()
            .chain([program, semfs_daemon::SCOUT_COMMAND])
            .map(str::to_owned)
            .collect(),
        ..of_root
    });
    let closed = path.join("closed");
    for error in [
        scout.list(&closed, &[]).unwrap_err(),
        scout.identity(&closed).unwrap_err(),
        scout.stamp(&closed.join("x")).unwrap_err(),
        scout.read(&path.join("secret"), 100).unwrap_err(),
    ] {
        assert_eq!(error.errno(), Some(libc::EACCES), "{error}");
    }
    assert_eq!(scout.stamp(&path.join("secret")).unwrap().1.size, 5);
}

#[test]
fn a_folder_has_an_identity() {
    let folder = tempdir().unwrap();
    let mut scout = scout();
    let empty = scout.identity(folder.path()).unwrap();
    let found = fs::metadata(folder.path()).unwrap();
    let kind = nix::sys::statfs::statfs(folder.path()).unwrap();
    assert_eq!((empty.device, empty.inode), (found.dev(), found.ino()));
    assert_eq!(empty.filesystem_type, kind.filesystem_type().0);
    assert!(!empty.holds_anything);
    fs::write(folder.path().join("file"), "").unwrap();
    let filled = scout.identity(folder.path()).unwrap();
    assert!(filled.holds_anything);
    assert_eq!(filled.inode, empty.inode);
}

#[test]
fn bytes_come_in_sealed_memory() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("picture.jpg");
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|at| (at % 251) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    let (descriptor, stamp) = scout().read(&path, bytes.len() as u64).unwrap();
    assert_eq!(stamp, stamp_of(&path));
    let link = format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&descriptor)
    );
    let target = fs::read_link(link).unwrap();
    assert!(target.to_str().unwrap().contains("memfd:"), "{target:?}");
    let mut copy = File::from(descriptor.as_fd().try_clone_to_owned().unwrap());
    assert_eq!(copy.stream_position().unwrap(), 0);
    let mut read = Vec::new();
    copy.read_to_end(&mut read).unwrap();
    assert!(read == bytes);
    assert!(copy.write_all(b"x").is_err(), "nobody can grow it");
    copy.rewind().unwrap();
    assert!(copy.write_all(b"x").is_err(), "nobody can change it");
    assert!(copy.set_len(0).is_err(), "nobody can shorten it");
}

#[test]
fn only_regular_files_up_to_the_limit_are_read() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("file"), [7; 100]).unwrap();
    fs::write(path.join("empty"), []).unwrap();
    symlink("file", path.join("link")).unwrap();
    mkfifo(&path.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut scout = scout();
    let large = scout.read(&path.join("file"), 99).unwrap_err();
    assert!(
        matches!(
            large,
            ScoutError::TooLarge {
                size: 100,
                most: 99,
                ..
            }
        ),
        "{large}"
    );
    assert_eq!(scout.read(&path.join("file"), 100).unwrap().1.size, 100);
    assert_eq!(scout.read(&path.join("empty"), 0).unwrap().1.size, 0);
    let link = scout.read(&path.join("link"), 100).unwrap_err();
    assert_eq!(link.errno(), Some(libc::ELOOP));
    for other in ["pipe", "."] {
        let error = scout.read(&path.join(other), 100).unwrap_err();
        assert!(
            matches!(error, ScoutError::NotAFile { .. }),
            "{other}: {error}"
        );
    }
}

#[test]
fn a_file_that_is_written_to_meanwhile_is_changed_or_whole_but_never_mixed_up() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("growing.jpg");
    fs::write(&path, vec![1; 8 << 20]).unwrap();
    let is_over = AtomicBool::new(false);
    let mut changed = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = File::options().append(true).open(&path).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                file.write_all(&[2; 4096]).unwrap();
                thread::sleep(Duration::from_micros(200));
            }
        });
        let mut scout = scout();
        for _ in 0..20 {
            match scout.read(&path, u64::MAX) {
                Err(ScoutError::Changed { .. }) => changed += 1,
                Ok((bytes, stamp)) => {
                    assert_eq!(File::from(bytes).metadata().unwrap().len(), stamp.size);
                }
                Err(error) => panic!("{error}"),
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(changed > 0);
}

#[test]
fn a_scout_that_was_killed_between_two_requests_has_a_successor() {
    let folder = tempdir().unwrap();
    let mut scout = scout();
    scout.identity(folder.path()).unwrap();
    let first = scout.process_id().unwrap();
    kill(Pid::from_raw(first as i32), Signal::SIGKILL).unwrap();
    scout.identity(folder.path()).unwrap();
    assert_ne!(scout.process_id(), Some(first));
}

#[test]
fn a_scout_ends_with_the_thread_that_started_it_and_nobody_notices() {
    let folder = tempdir().unwrap();
    let mut scout = scout();
    thread::scope(|scope| {
        scope.spawn(|| scout.identity(folder.path()).unwrap());
    });
    // As it ends with a host that is killed: the kernel tells one from the other by threads.
    let stat = format!("/proc/{}/stat", scout.process_id().unwrap());
    let begin = Instant::now();
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        assert!(begin.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(5));
    }
    scout.identity(folder.path()).unwrap();
}

#[test]
fn a_program_that_is_no_scout_is_unusable() {
    for (program, arguments) in [
        ("/nowhere/semfs", vec![]),
        ("/bin/true", vec![]),
        ("/bin/sh", vec!["-c".to_owned(), "exit 3".to_owned()]),
    ] {
        let mut scout = Scout::new(ScoutSettings {
            program: program.into(),
            arguments,
            deadline: Duration::from_secs(1),
        });
        let error = scout.identity(Path::new("/")).unwrap_err();
        assert!(
            matches!(error, ScoutError::Unusable { .. }),
            "{program}: {error}"
        );
    }
}

#[test]
fn a_scout_ends_with_its_value_and_holds_nothing_of_its_host_open() {
    let folder = tempdir().unwrap();
    let mut scout = scout();
    // Inherited by mistake: not closed at exec.
    let inherited = nix::unistd::dup(File::open("/etc/passwd").unwrap()).unwrap();
    scout.identity(folder.path()).unwrap();
    let process = scout.process_id().unwrap();
    let open: Vec<OsString> = fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .map(|entry| fs::read_link(entry.unwrap().path()).unwrap().into())
        .collect();
    assert!(!open.iter().any(|path| path == "/etc/passwd"), "{open:?}");
    assert!(open.len() <= 4, "{open:?}");
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    assert!(status.contains("\nSeccomp:\t2\n"), "{status}");
    drop((inherited, scout));
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}
