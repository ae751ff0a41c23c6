//! What a scout does where the filesystem does not answer.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use semfs_engine::scout::{Scout, ScoutError, stuck};
use tempfile::{TempDir, tempdir};

use super::{settings, wanted};
use crate::remote_filesystem::RemoteFilesystem;

const DEADLINE: Duration = Duration::from_secs(1);

/// A remote folder with a picture, one test at a time: they count processes.
struct Place {
    remote: RemoteFilesystem,
    point: PathBuf,
    _folders: (TempDir, TempDir),
    _alone: MutexGuard<'static, ()>,
}

fn place() -> Option<Place> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(|poison| poison.into_inner());
    let (source, point) = (tempdir().unwrap(), tempdir().unwrap());
    fs::create_dir(source.path().join("folder")).unwrap();
    fs::write(source.path().join("folder/picture.jpg"), vec![7; 1 << 20]).unwrap();
    let remote = RemoteFilesystem::mount(source.path(), point.path(), "sshfs")?;
    Some(Place {
        remote,
        point: point.path().to_owned(),
        _folders: (source, point),
        _alone: alone,
    })
}

/// Threads of this process that are in an uninterruptible wait, and stay there.
fn threads_that_hang() -> Vec<String> {
    let waiting = || -> Vec<String> {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        tasks
            .filter_map(|task| {
                let task = task.unwrap().path();
                let stat = fs::read_to_string(task.join("stat")).ok()?;
                let state = stat.rsplit_once(") ")?.1;
                state.starts_with('D').then_some(stat)
            })
            .map(|stat| stat.split(' ').next().unwrap().to_owned())
            .collect()
    };
    let mut hanging = waiting();
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(10));
        let still = waiting();
        hanging.retain(|task| still.contains(task));
    }
    hanging
}

/// Children of this process in state D.
fn children_that_hang() -> usize {
    let own = std::process::id().to_string();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("stat")).ok())
        .filter_map(|stat| {
            let mut fields = stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(state, parent)| state == "D" && *parent == own)
        .count()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn nobody_is_stuck_soon() {
    let begin = Instant::now();
    while stuck() > 0 {
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "{} stuck",
            stuck()
        );
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_silent(error: &ScoutError) -> bool {
    matches!(error, ScoutError::Silent { .. })
}

fn names(scout: &mut Scout, folder: &Path) -> Vec<String> {
    let entries = scout.list(folder, &wanted()).unwrap();
    let name = |seen: semfs_engine::scout::Seen| seen.name.into_string().unwrap();
    entries.into_iter().map(name).collect()
}

#[test]
fn a_hanging_filesystem_is_silent_ten_times_and_answers_again() {
    let Some(place) = place() else { return };
    let mut scout = Scout::new(settings(DEADLINE));
    let folder = place.point.join("folder");
    assert_eq!(names(&mut scout, &folder), ["picture.jpg"]);
    place.remote.hang();
    let before = threads();
    let mut waited_for = 0;
    for _ in 0..10 {
        let begin = Instant::now();
        let error = scout.list(&folder, &wanted()).unwrap_err();
        assert!(is_silent(&error), "{error}");
        assert!(begin.elapsed() < DEADLINE + Duration::from_secs(1));
        if begin.elapsed() >= DEADLINE {
            waited_for += 1;
        }
    }
    assert_eq!(waited_for, 8, "then no other is sent");
    assert_eq!(stuck(), 8);
    assert_eq!(children_that_hang(), 8, "it hangs as a dead server does");
    assert!(threads() <= before + 4, "{} threads", threads());
    assert_eq!(threads_that_hang(), [""; 0]);
    // Another scout at the same root finds them in its way; elsewhere it does not.
    let mut other = Scout::new(settings(DEADLINE));
    let begin = Instant::now();
    assert!(is_silent(&other.list(&folder.join("x"), &[]).unwrap_err()));
    assert!(begin.elapsed() < DEADLINE);
    assert!(other.identity(Path::new("/")).is_ok());
    place.remote.answer();
    nobody_is_stuck_soon();
    assert_eq!(names(&mut scout, &folder), ["picture.jpg"]);
    assert_eq!(
        scout.stamp(&folder.join("picture.jpg")).unwrap().1.size,
        1 << 20
    );
}

#[test]
fn every_request_is_silent_where_the_filesystem_hangs() {
    let Some(place) = place() else { return };
    let folder = place.point.join("folder");
    place.remote.hang();
    let mut scout = Scout::new(settings(DEADLINE));
    let begin = Instant::now();
    for error in [
        scout.resolve(&folder).unwrap_err(),
        scout.identity(&folder).unwrap_err(),
        scout.stamp(&folder).unwrap_err(),
        scout
            .read(&folder.join("picture.jpg"), 1 << 20)
            .unwrap_err(),
    ] {
        assert!(is_silent(&error), "{error}");
    }
    assert!(begin.elapsed() < 4 * (DEADLINE + Duration::from_secs(1)));
    assert_eq!(threads_that_hang(), [""; 0]);
    let begin = Instant::now();
    drop(scout);
    assert!(begin.elapsed() < Duration::from_secs(1));
    place.remote.answer();
    nobody_is_stuck_soon();
}

#[test]
fn a_read_that_hangs_in_the_middle_is_silent() {
    let Some(place) = place() else { return };
    let picture = place.point.join("folder/picture.jpg");
    let mut scout = Scout::new(settings(DEADLINE));
    place.remote.hang_reads_from(512 << 10);
    let begin = Instant::now();
    let error = scout.read(&picture, 1 << 20).unwrap_err();
    assert!(is_silent(&error), "{error}");
    assert!(begin.elapsed() < DEADLINE + Duration::from_secs(1));
    assert!(place.remote.waiting() > 0);
    assert_eq!(threads_that_hang(), [""; 0]);
    place.remote.answer();
    nobody_is_stuck_soon();
    let (bytes, stamp) = scout.read(&picture, 1 << 20).unwrap();
    let mut read = Vec::new();
    File::from(bytes).read_to_end(&mut read).unwrap();
    assert_eq!((read, stamp.size), (vec![7; 1 << 20], 1 << 20));
}

#[test]
fn bytes_that_were_read_stay_when_the_filesystem_hangs_afterwards() {
    let Some(place) = place() else { return };
    let mut scout = Scout::new(settings(DEADLINE));
    let picture = place.point.join("folder/picture.jpg");
    let (bytes, _) = scout.read(&picture, 1 << 20).unwrap();
    place.remote.hang();
    let mut read = Vec::new();
    let mut bytes = File::from(bytes);
    bytes.read_to_end(&mut read).unwrap();
    drop(bytes);
    assert_eq!(read, vec![7; 1 << 20]);
    place.remote.answer();
}

#[test]
fn a_slow_answer_is_not_silence() {
    let Some(place) = place() else { return };
    let picture = place.point.join("folder/picture.jpg");
    let mut scout = Scout::new(settings(DEADLINE));
    scout.stamp(&picture).unwrap();
    place.remote.delay_reads(Duration::from_millis(400));
    let begin = Instant::now();
    // Eight reads of 128 KiB: longer than the deadline, but never silent for so long.
    assert_eq!(scout.read(&picture, 1 << 20).unwrap().1.size, 1 << 20);
    assert!(begin.elapsed() > 2 * DEADLINE, "{:?}", begin.elapsed());
}

#[test]
fn errors_of_the_server_come_through() {
    let Some(place) = place() else { return };
    let folder = place.point.join("folder");
    let mut scout = Scout::new(settings(DEADLINE));
    for errno in [libc::EIO, libc::ESTALE, libc::ENOTCONN] {
        place.remote.fail(Some(errno));
        assert_eq!(scout.list(&folder, &[]).unwrap_err().errno(), Some(errno));
        let read = scout
            .read(&folder.join("picture.jpg"), 1 << 20)
            .unwrap_err();
        assert_eq!(read.errno(), Some(errno));
    }
    place.remote.fail(None);
    assert_eq!(names(&mut scout, &folder), ["picture.jpg"]);
}

#[test]
fn a_remote_filesystem_that_is_unmounted_is_an_empty_folder_and_comes_back_with_other_inodes() {
    let Some(mut place) = place() else { return };
    let mut scout = Scout::new(settings(DEADLINE));
    let picture = place.point.join("folder/picture.jpg");
    let first = scout.identity(&place.point).unwrap();
    let (_, stamp) = scout.stamp(&picture).unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mount = |line: &&str| line.contains(place.point.to_str().unwrap());
    let line = mounts.lines().find(mount).unwrap();
    assert!(line.contains(" - fuse.sshfs "), "{line}");
    assert_eq!(first.filesystem_type, libc::FUSE_SUPER_MAGIC);
    place.remote.unmount_lazily();
    let empty = scout.identity(&place.point).unwrap();
    assert!(!empty.holds_anything);
    assert_ne!(empty.device, first.device);
    place.remote.mount_again().unwrap();
    assert!(scout.identity(&place.point).unwrap().holds_anything);
    let (_, again) = scout.stamp(&picture).unwrap();
    assert_ne!(again.inode, stamp.inode);
    assert_eq!((again.size, again.modified), (stamp.size, stamp.modified));
}

#[test]
fn a_hanging_remote_filesystem_that_is_dropped_lets_all_go_and_is_unmounted() {
    let Some(place) = place() else { return };
    let mut scout = Scout::new(settings(DEADLINE));
    place.remote.hang();
    assert!(is_silent(&scout.list(&place.point, &[]).unwrap_err()));
    let Place { remote, point, .. } = place;
    drop(remote);
    nobody_is_stuck_soon();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(point.to_str().unwrap()));
}
