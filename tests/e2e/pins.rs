//! Pinned queries: `mkdir search/QUERY` lists it there for good, `rmdir` takes it back.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::pictures::{write_many, write_small};
use crate::support::{Daemon, Home, names};

fn home() -> Home {
    let home = Home::new();
    write_many(&home.photos(), 3);
    home
}

/// Runs a program in the folder `search`, as the user of this home; its output.
fn in_search(home: &Home, program: &[&str]) -> Output {
    let search = home.mount().join("search");
    let mut shell = Command::new(program[0]);
    shell.args(&program[1..]).current_dir(search);
    shell.env("LC_ALL", "C.UTF-8");
    if let Some(user) = home.user() {
        shell.uid(user).gid(user);
    }
    shell.output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_pin_is_listed_and_outlives_restarts_and_rebuilds() {
    let home = home();
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    assert!(names(&search).is_empty());
    for query in ["red car", "blue waves top=2 min=0", "dog + cat"] {
        fs::create_dir(search.join(query)).unwrap();
    }
    let pinned = ["blue waves top=2 min=0", "dog + cat", "red car"];
    assert_eq!(names(&search), pinned);
    assert_eq!(names(&search.join("blue waves top=2 min=0")).len(), 2);
    let kind = fs::read_dir(&search).unwrap().next().unwrap().unwrap();
    assert!(kind.file_type().unwrap().is_dir());
    assert_eq!(
        home.ok(&["pins"]),
        "red car\nblue waves top=2 min=0\ndog + cat\n"
    );
    assert_eq!(daemon.end(Signal::SIGTERM), (Some(0), false));

    let daemon = Daemon::start(&home).unwrap();
    assert_eq!(names(&search), pinned);
    fs::create_dir(search.join("after the restart")).unwrap();
    // Kept when the call returns, whatever happens next.
    let dead = daemon.kill();
    drop(dead);
    home.ok(&["index", "--once", "--rebuild"]);
    let _daemon = Daemon::start(&home).unwrap();
    assert_eq!(names(&search).len(), 4);
    for query in names(&search) {
        fs::remove_dir(search.join(query)).unwrap();
    }
    assert!(names(&search).is_empty());
    assert_eq!(home.ok(&["pins"]), "");
}

#[test]
fn a_query_is_pinned_whatever_the_kernel_knows_of_it() {
    let home = home();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    // Looked up a moment ago.
    let cached = search.join("cached min=0");
    assert!(cached.is_dir());
    fs::create_dir(&cached).unwrap();
    // Open.
    let open = search.join("open min=0");
    let mut stream = fs::read_dir(&open).unwrap();
    fs::create_dir(&open).unwrap();
    assert!(stream.next().unwrap().is_ok());
    // Somebody's working directory, and still it afterwards.
    let mut stander = Command::new("sh")
        .args(["-c", "echo stands; read line; pwd -P; ls | wc -l"])
        .current_dir(search.join("standing min=0"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stands = [0; 7];
    stander
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut stands)
        .unwrap();
    fs::create_dir(search.join("standing min=0")).unwrap();
    drop(stander.stdin.take());
    let seen = stander.wait_with_output().unwrap();
    let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
    assert!(seen.contains("search/standing min=0\n3"), "{seen}");
    assert_eq!(
        names(&search),
        ["cached min=0", "open min=0", "standing min=0"]
    );
    // Gone from the list, and a query all the same, also while somebody stands in it.
    let mut stander = Command::new("sleep")
        .arg("60")
        .current_dir(search.join("standing min=0"))
        .spawn()
        .unwrap();
    fs::remove_dir(search.join("standing min=0")).unwrap();
    assert_eq!(names(&search.join("standing min=0")).len(), 3);
    fs::create_dir(search.join("standing min=0")).unwrap();
    assert_eq!(names(&search.join("standing min=0")).len(), 3);
    stander.kill().unwrap();
    stander.wait().unwrap();
    // As threads that are not the first of their process, all at once.
    std::thread::scope(|scope| {
        for number in 0..8 {
            let search = &search;
            scope.spawn(move || fs::create_dir(search.join(format!("dog {number}"))).unwrap());
        }
    });
    assert_eq!(names(&search).len(), 3 + 8);
}

#[test]
fn what_cannot_be_pinned_is_refused_with_a_reason() {
    let home = home();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    let last_error = home.mount().join(".semfs/last-error");
    let error = |query: &str| fs::create_dir(search.join(query)).unwrap_err();
    for (query, word) in [("dog date=32", "date="), ("日本", "English")] {
        assert_eq!(error(query).kind(), ErrorKind::InvalidInput, "{query}");
        let sentence = fs::read_to_string(&last_error).unwrap();
        assert!(sentence.contains(word), "{sentence}");
    }
    assert_eq!(error(".hidden").kind(), ErrorKind::ReadOnlyFilesystem);
    fs::create_dir(search.join("red car")).unwrap();
    assert_eq!(error("red car").kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        error("red car/deeper").kind(),
        ErrorKind::ReadOnlyFilesystem
    );
    assert_eq!(
        error("not pinned/deeper").kind(),
        ErrorKind::ReadOnlyFilesystem
    );
    let error = fs::remove_dir(search.join("never pinned")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let sentence = fs::read_to_string(&last_error).unwrap();
    assert!(sentence.contains("is not pinned"), "{sentence}");
    assert_eq!(names(&search), ["red car"]);
}

#[test]
fn an_ordinary_user_pins_and_can_change_nothing_else() {
    let mut home = home();
    if !home.as_ordinary_user() {
        return;
    }
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let made = in_search(&home, &["mkdir", "red car", "beach"]);
    assert!(made.status.success(), "{}", words(&made));
    let listed = in_search(&home, &["ls"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "beach\nred car\n");
    let again = in_search(&home, &["mkdir", "red car"]);
    assert!(words(&again).contains("File exists"), "{}", words(&again));
    let removed = in_search(&home, &["rmdir", "beach"]);
    assert!(removed.status.success(), "{}", words(&removed));
    for command in [
        "touch ../new",
        "touch new/new",
        "touch dog",
        "mkdir ../recent/new",
        "mkdir ../new",
        "rmdir ../recent",
        "rm -f ../recent/*",
        "rm -f ../README.txt",
        "mv ../README.txt ../other",
        "mv 'red car' 'blue car'",
        "chmod 777 ../README.txt",
        "chmod 777 .",
        "chmod 777 'red car'",
        "touch ../README.txt",
        "ln -s x ../link",
        "ln -s x link/link",
        "ln ../README.txt ../link",
        "mkfifo ../fifo",
        "truncate -s 0 ../README.txt",
        "test -w ../README.txt || { echo Read-only file system >&2; false; }",
        "test -w ../recent || { echo Read-only file system >&2; false; }",
        "echo > ../README.txt",
        "echo > ../new",
    ] {
        let output = in_search(&home, &["bash", "-c", command]);
        assert!(!output.status.success(), "{command}");
        let words = words(&output);
        assert!(
            words.contains("Read-only file system"),
            "{command}: {words}"
        );
    }
    assert_eq!(home.ok(&["pins"]), "red car\n");
}

#[test]
fn commands_pin_with_and_without_a_daemon() {
    let home = home();
    home.index();
    home.ok(&["pin", "red", "car"]);
    assert!(home.ok(&["pin", "red car"]).contains("pinned already"));
    home.ok(&["pin", "red  car"]);
    assert_eq!(home.ok(&["pins"]), "red car\nred  car\n");
    assert!(home.error(&["unpin", "dog"]).contains("semfs pins"));
    assert!(home.error(&["pin", "date=32"]).contains("date="));
    assert!(home.error(&["pin", "a/b"]).contains('/'));
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    assert_eq!(names(&search), ["red  car", "red car"]);
    home.ok(&["pin", "a beach"]);
    assert!(home.ok(&["pin", "a beach"]).contains("pinned already"));
    home.ok(&["unpin", "red  car"]);
    assert_eq!(names(&search), ["a beach", "red car"]);
    assert!(home.error(&["unpin", "dog"]).contains("semfs pins"));
    assert!(home.error(&["pin", ".git"]).contains("programs look"));
    assert_eq!(home.ok(&["pins"]), "red car\na beach\n");
}

#[test]
fn damaged_decisions_stop_the_daemon_and_are_left_as_they_are() {
    let home = home();
    home.ok(&["pin", "red car"]);
    let file = home.state().join("decisions.toml");
    let damaged = fs::read_to_string(&file).unwrap() + "pins = 3\n";
    fs::write(&file, &damaged).unwrap();
    let line = format!("line {}", damaged.lines().count());
    for command in [&["pins"][..], &["pin", "dog"], &["daemon"]] {
        let error = home.error(command);
        assert!(
            error.contains(&line) && error.contains("decisions.toml"),
            "{error}"
        );
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
}

#[test]
fn find_over_a_mount_with_pins_ends_and_enters_them() {
    let home = home();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let search = home.mount().join("search");
    fs::create_dir(search.join("blue waves min=0")).unwrap();
    let output = Command::new("find").arg(&search).output().unwrap();
    assert!(output.status.success());
    // The folder, the pin, its `.why` and its three links.
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 6);
}

#[test]
fn a_photo_that_enters_a_pinned_query_is_told_to_whoever_listens() {
    let home = home();
    home.configure("rest_seconds = 0");
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    home.ok(&["pin", "in=wanted"]);
    home.ok(&["pin", "wedding"]);
    let mut listener = home
        .command(&["pins", "--follow"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(listener.stdout.take().unwrap());
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in told.lines() {
            let _ = sender.send(line.unwrap());
        }
    });
    // It listens when it is told of the first one.
    let mut number = 100;
    let first = loop {
        number += 1;
        write_small(&home.photos().join(format!("wanted/{number}.jpg")), number);
        if let Ok(line) = lines.recv_timeout(Duration::from_secs(2)) {
            break line;
        }
        assert!(number < 115, "nothing is told");
    };
    assert!(
        first.starts_with("in=wanted\t") && first.ends_with(".jpg"),
        "{first}"
    );
    while lines.recv_timeout(Duration::from_secs(2)).is_ok() {}
    // One that enters none is not told, one that is filed under the words is.
    write_small(&home.photos().join("other/1.jpg"), 500);
    write_small(&home.photos().join("Wedding 2019/1.jpg"), 501);
    let line = lines.recv_timeout(Duration::from_secs(10)).unwrap();
    let expected = home.photos().join("Wedding 2019/1.jpg");
    assert_eq!(line, format!("wedding\t{}", expected.display()));
    assert!(lines.recv_timeout(Duration::from_secs(2)).is_err());
    // It ends with the daemon.
    daemon.end(Signal::SIGTERM);
    assert!(listener.wait().unwrap().success());
    assert!(home.error(&["pins", "--follow"]).contains("no daemon"));
}
