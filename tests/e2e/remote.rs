//! Roots on a network, whose server hangs, fails, and goes away.

use std::fs;
use std::time::{Duration, Instant};

use crate::pictures::{write_many, write_small};
use crate::remote_filesystem::RemoteFilesystem;
use crate::support::{Daemon, Home, names, skipped};

const POLLED: &str = "poll_seconds = 1\nresults = 10000\n[limits]\nanswer_seconds = 2";

/// A home whose photos are on a server; the folder that the server shows.
fn remote(photos: u32) -> Option<(Home, RemoteFilesystem, std::path::PathBuf)> {
    let home = Home::new();
    home.configure(POLLED);
    let shown = home.path().join("server");
    write_many(&shown, photos);
    let remote = RemoteFilesystem::mount(&shown, &home.photos(), "sshfs");
    if remote.is_none() {
        skipped!("nothing can be mounted here");
    }
    Some((home, remote?, shown))
}

/// A daemon that has all the photos of a home.
fn daemon_with(home: &Home, photos: u64) -> Option<Daemon> {
    let daemon = Daemon::start(home)?;
    daemon.wait_for("the photos", || home.status().number("files") == photos);
    Some(daemon)
}

fn shown(home: &Home) -> usize {
    names(&home.mount().join("search/anything min=0")).len()
}

/// Threads of the daemon that wait for a disk and cannot be ended.
fn stuck_threads(daemon: &Daemon) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.process())).unwrap();
    let states =
        tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok());
    states
        .filter(|stat| {
            stat.rsplit(')')
                .next()
                .unwrap()
                .trim_start()
                .starts_with('D')
        })
        .count()
}

#[test]
fn a_network_root_is_polled_and_followed() {
    let Some((home, _remote, server)) = remote(30) else {
        return;
    };
    let Some(daemon) = daemon_with(&home, 30) else {
        return;
    };
    assert_eq!(home.mode(&home.photos()).0, "polled");
    assert_eq!(shown(&home), 30);
    write_small(&server.join("new.jpg"), 100);
    fs::remove_file(server.join("000/00003.jpg")).unwrap();
    fs::rename(server.join("001"), server.join("moved")).unwrap();
    daemon.wait_for("the poll", || {
        let found = home.search("anything", 100);
        found.len() == 30
            && found.contains(&home.photos().join("new.jpg"))
            && !found
                .iter()
                .any(|path| path.starts_with(home.photos().join("001")))
    });
    let status = home.status();
    assert_eq!(
        (status.number("photos"), status.number("vectors")),
        (30, 31)
    );
}

#[test]
fn a_server_that_hangs_is_offline_and_hangs_no_thread() {
    let Some((home, remote, server)) = remote(30) else {
        return;
    };
    let Some(daemon) = daemon_with(&home, 30) else {
        return;
    };
    remote.hang();
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    let reason = home.mode(&home.photos()).1;
    assert!(reason.contains("no answer"), "{reason}");
    // For as long as it hangs: searches answer, and nothing piles up.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        assert_eq!(shown(&home), 30);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(stuck_threads(&daemon), 0);
    // It answers again: nothing was lost, nothing is embedded again.
    write_small(&server.join("new.jpg"), 100);
    remote.answer();
    daemon.wait_for("the return", || home.mode(&home.photos()).0 == "polled");
    daemon.wait_for("the new photo", || shown(&home) == 31);
    assert_eq!(home.status().number("vectors"), 31);
}

#[test]
fn a_server_that_hangs_in_the_middle_of_a_pass_ends_the_pass() {
    let Some((home, remote, _)) = remote(200) else {
        return;
    };
    let Some(daemon) = Daemon::spawn(&home) else {
        return;
    };
    daemon.wait_for("the first photos", || home.status().number("photos") > 20);
    remote.hang();
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    assert_eq!(stuck_threads(&daemon), 0);
    assert_eq!(home.status().number("problems"), 0);
    remote.answer();
    daemon.wait_for("the rest", || home.status().number("photos") == 200);
    assert_eq!(home.status().number("vectors"), 200);
}

#[test]
fn a_daemon_starts_beside_a_server_that_hangs() {
    let Some((home, remote, _)) = remote(10) else {
        return;
    };
    let local = home.path().join("local");
    write_many(&local, 5);
    home.configure_roots(&format!("[{:?}, {local:?}]", home.photos()), POLLED);
    remote.hang();
    let Some(daemon) = Daemon::spawn(&home) else {
        return;
    };
    daemon.wait_for("the local photos", || shown(&home) == 5);
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    assert_eq!(home.mode(&local).0, "live");
    remote.answer();
    // Five of the ten are those of the local folder.
    daemon.wait_for("the rest", || home.status().number("files") == 15);
}

#[test]
fn errors_of_a_server_forget_nothing() {
    for errno in [nix::libc::EIO, nix::libc::ESTALE, nix::libc::ENOTCONN] {
        let Some((home, remote, _)) = remote(30) else {
            return;
        };
        let Some(daemon) = daemon_with(&home, 30) else {
            return;
        };
        remote.fail(Some(errno));
        daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
        assert_eq!(shown(&home), 30);
        remote.fail(None);
        daemon.wait_for("the return", || home.mode(&home.photos()).0 == "polled");
        let status = home.status();
        assert_eq!((status.number("files"), status.number("vectors")), (30, 30));
        assert_eq!(status.number("problems"), 0);
    }
}

#[test]
fn a_share_that_is_unmounted_comes_back_without_inference() {
    let Some((home, mut remote, _)) = remote(30) else {
        return;
    };
    let Some(daemon) = daemon_with(&home, 30) else {
        return;
    };
    remote.unmount_lazily();
    // The empty mount point is a local folder.
    daemon.wait_for("offline", || home.mode(&home.photos()).0 == "offline");
    assert_eq!(shown(&home), 30);
    remote.mount_again().unwrap();
    daemon.wait_for("the return", || home.mode(&home.photos()).0 == "polled");
    assert_eq!(home.status().number("vectors"), 30);
}

#[test]
fn a_file_that_its_server_does_not_give_is_a_problem_of_its_own() {
    let Some((home, remote, server)) = remote(20) else {
        return;
    };
    // The others are much smaller than this, and so does its reading hang alone.
    let large = server.join("zzz.jpg");
    fs::write(&large, vec![0xFF; 1 << 20]).unwrap();
    remote.hang_reads_from(512 << 10);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    daemon.wait_for("the others", || home.status().number("photos") == 20);
    daemon.wait_for("the problem", || home.status().number("problems") == 1);
    let (mode, reason) = home.mode(&home.photos());
    assert_eq!(mode, "polled", "{reason}");
    let (kind, path, _) = &home.problems()[0];
    assert_eq!(
        (kind.as_str(), path),
        ("unreadable", &home.photos().join("zzz.jpg"))
    );
    remote.answer();
}
