//! Groups of duplicates as folders: `dupes/exact` and its like, and `rmdir` that dismisses one.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;

use crate::pictures::write_small;
use crate::support::{Daemon, Home, names};

/// Writes a picture that is as large as this, and some days old.
fn write(path: &Path, seed: u32, bytes: usize, days: u64) {
    write_small(path, seed);
    let mut content = fs::read(path).unwrap();
    assert!(content.len() < bytes, "{} bytes", content.len());
    // After the end of the picture decoders look at nothing.
    content.resize(bytes, seed as u8);
    fs::write(path, content).unwrap();
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(then).unwrap();
}

/// A home with a group of three copies, one of which has two names, one of two copies, and a
/// photo that has two names and no copy.
fn home() -> Home {
    let home = Home::new();
    let photos = home.photos();
    write(&photos.join("a/two.jpg"), 2, 15_000, 1);
    write(&photos.join("b/first.jpg"), 2, 15_000, 3);
    write(&photos.join("c/between.jpg"), 2, 15_000, 2);
    fs::hard_link(photos.join("c/between.jpg"), photos.join("linked.jpg")).unwrap();
    write(&photos.join("a/one: .jpg"), 1, 20_000, 5);
    write(&photos.join("b/one.jpg"), 1, 20_000, 4);
    write(&photos.join("single.jpg"), 3, 90_000, 1);
    fs::hard_link(photos.join("single.jpg"), photos.join("also.jpg")).unwrap();
    home
}

fn exact(home: &Home) -> PathBuf {
    home.mount().join("dupes/exact")
}

/// The names in a folder in the order in which it shows them.
fn as_shown(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Runs a program in a folder.
fn run_in(folder: &Path, program: &[&str]) -> Output {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).current_dir(folder);
    command.env("LC_ALL", "C.UTF-8").output().unwrap()
}

#[test]
fn exact_groups_are_listed_the_largest_saving_first_and_the_best_copy_first() {
    let home = home();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let dupes = home.mount().join("dupes");
    assert_eq!(as_shown(&dupes), ["exact", "same-photo", "lookalike"]);
    // A colon, and a space at the end, are more than some systems carry.
    let groups = ["3x 30.0KB first", "2x 20.0KB one__"];
    assert_eq!(as_shown(&dupes.join("exact")), groups);
    let group = dupes.join("exact").join(groups[0]);
    let copies = ["1 first.jpg", "2 between.jpg", "3 two.jpg"];
    assert_eq!(names(&group), copies);
    let photos = home.photos();
    let paths = ["b/first.jpg", "c/between.jpg", "a/two.jpg"].map(|path| photos.join(path));
    for (name, path) in copies.iter().zip(&paths) {
        assert_eq!(fs::read_link(group.join(name)).unwrap(), *path);
    }
    let [first, between, two] = paths.map(|path| path.display().to_string());
    let linked = photos.join("linked.jpg").display().to_string();
    let why = format!(
        "1\tkeep\t64x48\tthe best copy\t{first}\n\
         2\t15000\t64x48\tthe same bytes as {first}\t{between}\n\
         2\t0\t-\tthe same file as {between}\t{linked}\n\
         3\t15000\t64x48\tthe same bytes as {first}\t{two}\n"
    );
    assert_eq!(fs::read_to_string(group.join(".why")).unwrap(), why);
    assert_eq!(
        group.join(".why").metadata().unwrap().len(),
        why.len() as u64
    );
    // Nobody's names.
    for name in [".git", "2x 30.0KB first", "3x", "README"] {
        let error = dupes.join("exact").join(name).metadata().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
    }
    assert!(dupes.join("none").metadata().is_err());
    assert!(group.join("search").metadata().is_err());
}

#[test]
fn copies_are_files_where_entries_are() {
    let home = home();
    home.configure("entries = \"file\"");
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let group = exact(&home).join("3x 30.0KB first");
    for (name, path) in [("1 first.jpg", "b/first.jpg"), ("3 two.jpg", "a/two.jpg")] {
        let (shown, original) = (group.join(name), home.photos().join(path));
        let attributes = fs::symlink_metadata(&shown).unwrap();
        assert!(attributes.is_file());
        let expected = original.metadata().unwrap();
        assert_eq!(attributes.len(), expected.len());
        assert_eq!(attributes.mtime(), expected.mtime());
        assert_eq!(fs::read(&shown).unwrap(), fs::read(&original).unwrap());
    }
}

#[test]
fn many_groups_are_shown_in_parts() {
    let home = home();
    for seed in 10..20 {
        write(&home.photos().join(format!("a/{seed}.jpg")), seed, 6_000, 2);
        write(&home.photos().join(format!("b/{seed}.jpg")), seed, 6_000, 1);
    }
    home.configure("folder_photos = 10");
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let parts = ["0000001-0000010", "0000011-0000020"];
    assert_eq!(as_shown(&exact(&home)), parts);
    let shown = || parts.map(|part| as_shown(&exact(&home).join(part)).len());
    assert_eq!(shown(), [10, 2]);
    let part = exact(&home).join(parts[0]);
    assert_eq!(as_shown(&part)[0], "3x 30.0KB first");
    let error = fs::remove_dir(&part).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);
    fs::remove_dir(part.join("3x 30.0KB first")).unwrap();
    assert_eq!(as_shown(&part)[0], "2x 20.0KB one__");
    assert_eq!(shown(), [10, 1]);
}

#[test]
fn a_group_that_is_removed_is_dismissed_for_good_and_nothing_else_is() {
    let home = home();
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let group = exact(&home).join("3x 30.0KB first");
    let other = exact(&home).join("2x 20.0KB one__");
    assert_eq!(names(&group).len(), 3);
    // File managers look at these before they offer it.
    let mode = exact(&home).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    for (folder, writable) in [("dupes/exact", true), ("dupes", false)] {
        let test = run_in(&home.mount(), &["test", "-w", folder]);
        assert_eq!(test.status.success(), writable, "{folder}");
    }
    fs::remove_dir(&group).unwrap();
    assert_eq!(as_shown(&exact(&home)), ["2x 20.0KB one__"]);
    let error = group.metadata().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(fs::remove_dir(&group).is_err());
    assert!(home.photos().join("b/first.jpg").exists());

    // A copy that is moved, or comes, is none of another content.
    fs::rename(
        home.photos().join("a/two.jpg"),
        home.photos().join("b/2.jpg"),
    )
    .unwrap();
    fs::copy(home.photos().join("b/2.jpg"), home.photos().join("b/3.jpg")).unwrap();
    fs::copy(
        home.photos().join("b/one.jpg"),
        home.photos().join("b/I.jpg"),
    )
    .unwrap();
    daemon.wait_for("a third copy", || {
        names(&exact(&home)) == ["3x 40.0KB one__"]
    });
    assert_eq!(daemon.end(Signal::SIGTERM), (Some(0), false));
    let daemon = Daemon::start(&home).unwrap();
    assert_eq!(names(&exact(&home)), ["3x 40.0KB one__"]);
    assert_eq!(daemon.end(Signal::SIGTERM), (Some(0), false));
    home.ok(&["index", "--once", "--rebuild"]);
    let _daemon = Daemon::start(&home).unwrap();
    assert_eq!(names(&exact(&home)), ["3x 40.0KB one__"]);
    assert!(!other.exists());
}

#[test]
fn groups_of_the_same_name_are_dismissed_each_by_its_own() {
    let home = Home::new();
    for (number, folder) in (10..).zip(["a", "b", "c"]) {
        for copy in ["1", "2"] {
            let path = home.photos().join(folder).join(copy).join("x.v2.jpg");
            write(&path, number, 10_000, u64::from(number));
        }
    }
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let listed = ["2x 10.0KB x.v2", "2x 10.0KB x.v2 (2)", "2x 10.0KB x.v2 (3)"];
    assert_eq!(as_shown(&exact(&home)), listed);
    let leads_to = |name: &str| fs::read_link(exact(&home).join(name).join("1 x.v2.jpg"));
    let before = leads_to(listed[2]).unwrap();
    // As a shell does it, which listed before.
    let removed = run_in(&exact(&home), &["rmdir", listed[0], listed[1]]);
    assert!(removed.status.success());
    assert_eq!(as_shown(&exact(&home)), [listed[2]]);
    assert_eq!(leads_to(listed[2]).unwrap(), before);
    fs::remove_dir(exact(&home).join(listed[2])).unwrap();
    assert!(as_shown(&exact(&home)).is_empty());
}

#[test]
fn who_stands_in_a_group_stays_in_it_while_it_grows() {
    let home = home();
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let mut stander = Command::new("sh")
        .args(["-c", "echo stands; read line; ls"])
        .current_dir(exact(&home).join("3x 30.0KB first"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stands = [0; 7];
    let mut told = stander.stdout.take().unwrap();
    told.read_exact(&mut stands).unwrap();
    write(&home.photos().join("fourth.jpg"), 2, 15_000, 0);
    daemon.wait_for("a fourth copy", || {
        names(&exact(&home)).contains(&"4x 45.0KB first".to_owned())
    });
    assert_eq!(names(&exact(&home).join("4x 45.0KB first")).len(), 4);
    drop(stander.stdin.take());
    let mut seen = String::new();
    told.read_to_string(&mut seen).unwrap();
    assert!(stander.wait().unwrap().success());
    assert!(seen.ends_with("\n4 fourth.jpg\n"), "{seen}");
}

#[test]
fn what_is_deleted_below_a_group_stays_and_the_group_as_well() {
    let home = home();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let group = "3x 30.0KB first";
    let removed = run_in(&exact(&home), &["rm", "-rf", group]);
    let words = String::from_utf8_lossy(&removed.stderr).into_owned();
    assert!(!removed.status.success());
    assert!(words.contains("Read-only file system"), "{words}");
    assert_eq!(names(&exact(&home).join(group)).len(), 3);
    assert!(home.photos().join("a/two.jpg").exists());
    let dupes = home.mount().join("dupes");
    for refused in [
        fs::remove_dir(dupes.join("exact")),
        fs::remove_dir(&dupes),
        fs::create_dir(dupes.join("exact/new")),
        fs::rename(dupes.join("exact").join(group), dupes.join("exact/other")),
        fs::rename(dupes.join("exact").join(group), home.path().join("other")),
    ] {
        let error = refused.unwrap_err().kind();
        assert!(
            matches!(
                error,
                ErrorKind::ReadOnlyFilesystem | ErrorKind::CrossesDevices
            ),
            "{error}"
        );
    }
}

#[test]
fn a_dismissal_that_cannot_be_kept_is_an_error_with_a_sentence() {
    let home = home();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    fs::write(home.state().join("decisions.toml"), "what = is this\n").unwrap();
    let group = exact(&home).join("3x 30.0KB first");
    let error = fs::remove_dir(&group).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::libc::EIO));
    let sentence = fs::read_to_string(home.mount().join(".semfs/last-error")).unwrap();
    assert!(
        sentence.starts_with("3x 30.0KB first: ") && sentence.contains("line 1"),
        "{sentence}"
    );
    assert_eq!(names(&group).len(), 3);
}
