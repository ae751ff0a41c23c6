//! Downloads that fail: what came is kept, what is wrong is not, and the old model goes on.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use crate::support::hub::{Fault, Request};
use crate::support::{PATIENCE, Tmpfs};

fn part() -> String {
    format!(".pull-copy/{}.part", image())
}

#[test]
fn a_download_that_is_cut_goes_on_from_there() {
    let (home, hub) = home_and_hub();
    hub.fail(image(), Fault::Cut(100_000, 2));
    ok(&mut pull(&home, &hub));
    assert_eq!(state_of(&home, NAME), "installed");
    let asked: Vec<_> = hub.requests();
    let from = asked
        .iter()
        .filter(|asked| asked.is_store && asked.path.contains(image()));
    let from: Vec<_> = from.map(|asked| asked.from).collect();
    assert_eq!(from, [None, Some(100_000), Some(200_000)]);
}

#[test]
fn half_a_download_is_no_model_and_the_next_attempt_goes_on() {
    let (home, hub) = home_and_hub();
    hub.fail(image(), Fault::Cut(0, 1000));
    let words = error(&mut pull(&home, &hub));
    assert!(
        words.contains(&format!("{} came as far as 0 of", image())),
        "{words}"
    );
    hub.fail(image(), Fault::Stall(300_000));
    let words = error(pull(&home, &hub).env("HF_HUB_DOWNLOAD_TIMEOUT", "1"));
    assert!(words.contains("silent for too long"), "{words}");
    assert!(words.contains("goes on from there"), "{words}");
    assert_eq!(state_of(&home, NAME), "begun");
    assert!(home.error(&["model", "use", NAME]).contains("no model"));
    // A server that knows no ranges sends all of it again.
    hub.fail(image(), Fault::NoRange);
    ok(&mut pull(&home, &hub));
    assert_eq!(state_of(&home, NAME), "installed");
    assert_eq!(in_store(&home), [NAME]);
}

#[test]
fn files_with_other_bytes_or_of_another_length_are_refused() {
    let (home, hub) = home_and_hub();
    hub.fail(image(), Fault::WrongBytes);
    let words = error(&mut pull(&home, &hub));
    assert!(
        words.contains(image()) && words.contains("has the hash"),
        "{words}"
    );
    assert!(!store(&home).join(part()).exists());
    hub.fail(vocabulary(), Fault::WrongBytes);
    hub.fail(image(), Fault::WrongLength);
    let words = error(&mut pull(&home, &hub));
    assert!(words.contains("bytes of it, not"), "{words}");
    hub.fail(image(), Fault::Status(404));
    let words = error(&mut pull(&home, &hub));
    assert!(
        words.contains("no such repository, revision or file"),
        "{words}"
    );
    hub.mend();
    hub.fail(vocabulary(), Fault::WrongBytes);
    let words = error(&mut pull(&home, &hub));
    assert!(
        words.contains(&format!("{} has the hash", vocabulary())),
        "{words}"
    );
    assert_eq!(state_of(&home, NAME), "begun");
    // The model that is in use goes on.
    assert_eq!(home.index().problems, 0);
}

#[test]
fn a_hub_that_refuses_or_is_not_there_is_said_to_be_so() {
    let (home, hub) = home_and_hub();
    hub.fail("/revision/main", Fault::Status(401));
    let words = error(&mut pull(&home, &hub));
    assert!(words.contains("HF_TOKEN"), "{words}");
    hub.fail("/revision/main", Fault::Status(503));
    let words = error(&mut pull(&home, &hub));
    assert!(words.contains("503"), "{words}");
    assert_eq!(
        hub.requests().len(),
        1 + 4,
        "a server that is busy is asked again"
    );
    let words = error(pull(&home, &hub).env("HF_ENDPOINT", "http://127.0.0.1:1"));
    assert!(
        words.contains("127.0.0.1:1") && words.contains("connection"),
        "{words}"
    );
    assert!(in_store(&home).is_empty());
}

/// Starts a pull that comes to a stop in the middle, and waits until it is there.
fn start_half(home: &Home, hub: &Hub) -> std::process::Child {
    hub.fail(image(), Fault::Stall(500_000));
    let child = pull(home, hub)
        .env("HF_HUB_DOWNLOAD_TIMEOUT", "300")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    let part = store(home).join(part());
    while fs::metadata(&part).map_or(0, |found| found.len()) < 500_000 {
        assert!(Instant::now() < deadline, "the half never came");
        thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn a_pull_that_was_killed_goes_on_and_two_do_not_meet() {
    let (home, hub) = home_and_hub();
    let mut child = start_half(&home, &hub);
    let words = error(&mut pull(&home, &hub));
    assert!(words.contains("another semfs is fetching"), "{words}");
    let words = home.error(&["model", "rm", NAME]);
    assert!(words.contains("another semfs"), "{words}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(state_of(&home, NAME), "begun");
    hub.mend();
    hub.requests();
    ok(&mut pull(&home, &hub));
    let from = hub.requests().iter().filter_map(|asked| asked.from).max();
    assert_eq!(from, Some(500_000));
    assert_eq!(in_store(&home), [NAME]);
    assert_eq!(state_of(&home, NAME), "installed");
}

#[test]
fn one_ctrl_c_ends_a_pull_although_the_server_is_silent() {
    for stalls in ["/revision/main", image()] {
        let (home, hub) = home_and_hub();
        hub.fail(stalls, Fault::Stall(500_000));
        let child = pull(&home, &hub)
            .env("HF_HUB_DOWNLOAD_TIMEOUT", "30")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut asked = Vec::new();
        while !asked
            .iter()
            .any(|asked: &Request| asked.path.contains(stalls))
        {
            assert!(Instant::now() < deadline, "nobody asked for {stalls}");
            thread::sleep(Duration::from_millis(20));
            asked.extend(hub.requests());
        }
        let told = Instant::now();
        kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("interrupted"), "{words}");
        // It is a second at most, on a machine that is not busy.
        assert!(told.elapsed() < Duration::from_secs(20), "{stalls}");
    }
}

#[test]
fn what_an_unfinished_pull_left_can_be_removed() {
    let (home, hub) = home_and_hub();
    let mut child = start_half(&home, &hub);
    child.kill().unwrap();
    child.wait().unwrap();
    home.ok(&["model", "rm", NAME]);
    assert!(in_store(&home).is_empty());
}

#[test]
fn a_full_disk_is_told_before_and_while_it_fills() {
    let (home, hub) = home_and_hub();
    let small = home.path().join("small");
    fs::create_dir(&small).unwrap();
    let Some(_disk) = Tmpfs::mount(&small) else {
        return;
    };
    let sized = |size: &str| {
        let options = format!("remount,size={size}");
        let status = Command::new("mount")
            .args(["-o", &options])
            .arg(&small)
            .status();
        assert!(status.unwrap().success());
    };
    sized("3m");
    home.configure(&format!("models = {small:?}"));
    let words = error(&mut pull(&home, &hub));
    assert!(
        words.contains("no room") && words.contains("are free"),
        "{words}"
    );
    // Others fill the disk after there was room.
    sized("10m");
    hub.fail(image(), Fault::Stall(500_000));
    let child = pull(&home, &hub)
        .env("HF_HUB_DOWNLOAD_TIMEOUT", "2")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while fs::metadata(small.join(part())).map_or(0, |found| found.len()) < 500_000 {
        assert!(Instant::now() < deadline, "the half never came");
        thread::sleep(Duration::from_millis(20));
    }
    fs::write(small.join("others"), vec![0; 9_000_000]).unwrap();
    hub.mend();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && words.contains("no room"),
        "{words}"
    );
    fs::remove_file(small.join("others")).unwrap();
    ok(&mut pull(&home, &hub));
    assert_eq!(state_of(&home, NAME), "installed");
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    let (home, hub) = home_and_hub();
    let mut repository = mini();
    let manifest = String::from_utf8(repository["manifest.toml"].0.clone()).unwrap();
    let manifest = manifest.replace(&format!("{:?}", vocabulary()), "\"../../../semfs.toml\"");
    repository.insert("manifest.toml".to_owned(), (manifest.into_bytes(), false));
    hub.put("me/Escape", repository);
    let words = error(&mut command(&home, &hub, &["model", "pull", "me/Escape"]));
    assert!(words.contains("manifest.toml"), "{words}");
    assert!(!in_store(&home).contains(&"escape".to_owned()));
}
