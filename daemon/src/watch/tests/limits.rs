//! Limits: the budget, the kernel's queues, a receiver that is slow.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLockWriteGuard};

use super::*;

const WATCHES: &str = "/proc/sys/fs/inotify/max_user_watches";

/// Sets limits of the kernel and gives the old ones back when dropped.
struct Limits {
    old: Vec<(&'static str, String)>,
    _machine: RwLockWriteGuard<'static, ()>,
}

impl Limits {
    fn set(limits: &[(&'static str, &str)]) -> Self {
        let machine = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = Vec::new();
        for (path, limit) in limits {
            old.push((*path, fs::read_to_string(path).unwrap()));
            fs::write(path, limit).unwrap();
        }
        Self {
            old,
            _machine: machine,
        }
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        for (path, limit) in &self.old {
            fs::write(path, limit).unwrap();
        }
    }
}

/// 20 folders with 30 folders each.
fn six_hundred(root: &Path) {
    for folder in 0..600 {
        fs::create_dir_all(root.join(format!("f{}/{folder}", folder % 20))).unwrap();
    }
}

fn share_of(watches: u32) -> f64 {
    let limit: f64 = fs::read_to_string(WATCHES).unwrap().trim().parse().unwrap();
    (f64::from(watches) + 0.5) / limit
}

#[test]
fn a_budget_of_500_watches_takes_500_upper_folders_first() {
    let _machine = usual_machine();
    let settings = Settings {
        share: share_of(500),
        ..settings()
    };
    let mut watched = watched_with(How::Inotify, settings, 10_000, six_hundred).unwrap();
    let state = watched.watch.state(ROOT);
    assert_eq!((state.watches, state.unwatched), (500, 121));
    let shortage = state.shortage.unwrap();
    assert!(
        shortage.contains("limit of 500 inotify watches"),
        "{shortage}"
    );
    assert!(
        shortage.contains("121 of 621 folders are polled"),
        "{shortage}"
    );
    assert!(
        shortage.contains("sysctl -w fs.inotify.max_user_watches="),
        "{shortage}"
    );
    // All upper folders have their watch.
    for number in 0..20 {
        watched.write(format!("f{number}/x.jpg"));
    }
    let told = watched.told();
    assert!((0..20).all(|number| told.contains(&written(&format!("f{number}"), "x.jpg"))));
    // What finds none is told as a folder all the same, and counted.
    watched.make("f0/new");
    assert!(watched.told().contains(&folder("f0/new")));
    assert_eq!(
        watched
            .state_where(|state| state.unwatched == 122)
            .unwatched,
        122
    );
    fs::remove_dir_all(watched.path("f0")).unwrap();
    watched.told();
    let left = 1 + 19 * 31;
    let state = watched.state_where(|state| state.watches + state.unwatched == left);
    assert_eq!(state.watches + state.unwatched, left);
    // Watches that became free serve new folders.
    watched.make("again");
    watched.told();
    watched.write("again/x.jpg");
    assert_eq!(watched.told().last(), Some(&written("again", "x.jpg")));
}

#[test]
fn a_second_root_takes_from_the_same_budget() {
    let _machine = usual_machine();
    let settings = Settings {
        share: share_of(700),
        ..settings()
    };
    let watched = watched_with(How::Inotify, settings, 10_000, six_hundred).unwrap();
    let second = watched.root.with_file_name("second");
    six_hundred(&second);
    let state = watched.watch.add(RootId(4), &second, How::Inotify).unwrap();
    assert_eq!((state.watches, state.unwatched), (79, 621 - 79));
    watched.watch.remove(ROOT);
    let state = watched.watch.add(RootId(4), &second, How::Inotify).unwrap();
    assert_eq!((state.watches, state.unwatched), (621, 0));
}

#[test]
fn a_tree_beyond_the_budget_goes_to_fanotify_where_that_is_permitted() {
    if !is_root() {
        return;
    }
    let _machine = usual_machine();
    let settings = Settings {
        share: share_of(500),
        ..settings()
    };
    let watched = watched_with(How::Auto, settings, 10_000, six_hundred).unwrap();
    let state = watched.watch.state(ROOT);
    assert_eq!(state.backend, Some(Backend::Fanotify));
    assert_eq!(
        (state.watches, state.unwatched, state.shortage),
        (1, 0, None)
    );
}

#[test]
fn a_kernel_that_refuses_watches_before_our_share_is_used_is_told_apart() {
    if !is_root() {
        return;
    }
    let _limits = Limits::set(&[(WATCHES, "700")]);
    let others = tempfile::tempdir().unwrap();
    let other = ::inotify::Inotify::init().unwrap();
    for number in 0..200 {
        let path = others.path().join(number.to_string());
        fs::create_dir(&path).unwrap();
        other
            .watches()
            .add(path, ::inotify::WatchMask::CREATE)
            .unwrap();
    }
    let settings = Settings {
        share: 1.0,
        ..settings()
    };
    let watched = watched_with(How::Inotify, settings, 10_000, six_hundred).unwrap();
    let state = watched.watch.state(ROOT);
    assert_eq!(state.watches + state.unwatched, 621);
    assert!(state.unwatched >= 121, "{state:?}");
    let shortage = state.shortage.unwrap();
    assert!(
        shortage.contains("used up, also by other programs"),
        "{shortage}"
    );
}

#[test]
fn no_instance_left_is_an_error_that_names_the_limit() {
    if !is_root() {
        return;
    }
    let (sender, _receiver) = bounded(10);
    let _limits = Limits::set(&[("/proc/sys/fs/inotify/max_user_instances", "0")]);
    let error = Watch::start(settings(), sender).err().unwrap().to_string();
    assert!(error.contains("fs.inotify.max_user_instances"), "{error}");
}

/// Settings whose excludes, asked about `stop`, wait for a lock: the reading thread then stands still.
fn stoppable(gate: &Arc<Mutex<()>>) -> Settings {
    let gate = Arc::clone(gate);
    Settings {
        excludes: Arc::new(move |path| {
            if path.ends_with("stop.jpg") {
                drop(gate.lock());
            }
            false
        }),
        ..settings()
    }
}

#[test]
fn an_overflown_queue_is_told_as_lost_and_the_folders_it_swallowed_are_watched() {
    if !is_root() {
        return;
    }
    for how in [How::Inotify, How::Fanotify] {
        let gate = Arc::new(Mutex::new(()));
        let limits = Limits::set(&[
            ("/proc/sys/fs/inotify/max_queued_events", "64"),
            ("/proc/sys/fs/fanotify/max_queued_events", "64"),
        ]);
        let mut watched = watched_with(how, stoppable(&gate), 10_000, |_| {}).unwrap();
        drop(limits);
        let closed = gate.lock().unwrap();
        watched.write("stop.jpg");
        std::thread::sleep(Duration::from_millis(50));
        for number in 0..200 {
            watched.write(format!("{number}.jpg"));
        }
        watched.make("swallowed/deep");
        drop(closed);
        watched.wait_for(|change| matches!(change, Change::Lost { root } if *root == ROOT));
        assert!(watched.watch.state(ROOT).lost >= 1);
        watched.write("swallowed/deep/x.jpg");
        let told = watched.told();
        let is_told = told.contains(&written("swallowed/deep", "x.jpg"));
        assert!(is_told, "{how:?} {told:?}");
    }
}

#[test]
fn a_storm_that_overflows_the_queue_ends_in_the_truth() {
    if !is_root() {
        return;
    }
    for how in [How::Inotify, How::Fanotify] {
        let limits = Limits::set(&[
            ("/proc/sys/fs/inotify/max_queued_events", "100"),
            ("/proc/sys/fs/fanotify/max_queued_events", "100"),
        ]);
        let watched = watched_with(how, settings(), 100_000, |_| {}).unwrap();
        drop(limits);
        super::folders::storm(watched);
    }
}

#[test]
fn a_root_that_went_while_the_queue_was_full_is_gone() {
    if !is_root() {
        return;
    }
    for how in [How::Inotify, How::Fanotify] {
        let gate = Arc::new(Mutex::new(()));
        let limits = Limits::set(&[
            ("/proc/sys/fs/inotify/max_queued_events", "64"),
            ("/proc/sys/fs/fanotify/max_queued_events", "64"),
        ]);
        let watched = watched_with(how, stoppable(&gate), 10_000, |_| {}).unwrap();
        drop(limits);
        let closed = gate.lock().unwrap();
        watched.write("stop.jpg");
        std::thread::sleep(Duration::from_millis(50));
        for number in 0..200 {
            watched.write(format!("{number}.jpg"));
        }
        fs::rename(&watched.root, watched.root.with_file_name("away")).unwrap();
        drop(closed);
        watched.wait_for(|change| matches!(change, Change::RootGone { root } if *root == ROOT));
        assert_eq!(watched.watch.state(ROOT).backend, None);
    }
}

#[test]
fn a_receiver_that_is_too_slow_learns_that_it_lost_something() {
    let _machine = usual_machine();
    for how in [How::Inotify, How::Fanotify] {
        let Some(watched) = watched_with(how, settings(), 5, |_| {}) else {
            continue;
        };
        for number in 0..50 {
            watched.write(format!("{number}.jpg"));
        }
        std::thread::sleep(Duration::from_millis(600));
        // Nothing happens any more, and still it is told.
        let told: Vec<_> = std::iter::from_fn(|| {
            watched
                .changes
                .recv_timeout(Duration::from_millis(500))
                .ok()
        })
        .collect();
        assert_eq!(told.last(), Some(&Change::Lost { root: ROOT }), "{how:?}");
        assert_eq!(watched.watch.state(ROOT).lost, 1);
        watched.write("after.jpg");
        watched.wait_for(|change| *change == written("", "after.jpg"));
    }
}

#[test]
fn dropping_the_watch_ends_its_threads_though_nobody_receives() {
    let _machine = usual_machine();
    let Some(watched) = watched_with(How::Inotify, settings(), 1, |_| {}) else {
        return;
    };
    for number in 0..50 {
        watched.write(format!("{number}.jpg"));
    }
    let receiver = watched.changes.clone();
    drop(watched);
    // The senders are gone with the threads.
    while receiver.recv_timeout(Duration::from_secs(1)).is_ok() {}
    assert_eq!(
        receiver.try_recv(),
        Err(crossbeam_channel::TryRecvError::Disconnected)
    );
}
