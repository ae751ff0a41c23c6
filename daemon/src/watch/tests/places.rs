//! Roots that go and come back, mounts, folders that are left alone.

use std::fs;

use nix::mount::{MntFlags, umount2};

use super::*;

fn is_gone(change: &Change) -> bool {
    *change == Change::RootGone { root: ROOT }
}

fn is_surroundings(change: &Change) -> bool {
    *change == Change::Surroundings { root: ROOT }
}

#[test]
fn a_root_that_is_moved_away_is_gone_and_its_surroundings_are_told() {
    with_each(|watched| {
        let away = watched.root.with_file_name("away");
        fs::rename(&watched.root, &away).unwrap();
        let first = watched.wait_for(|change| is_gone(change) || is_surroundings(change));
        let was_gone = is_gone(&first);
        watched.wait_for(|change| {
            is_gone(change) != was_gone && (is_gone(change) || is_surroundings(change))
        });
        let state = watched.watch.state(ROOT);
        assert_eq!((state.backend, state.watches), (None, 0));
        while watched
            .changes
            .recv_timeout(Duration::from_millis(100))
            .is_ok()
        {}
        fs::rename(&away, &watched.root).unwrap();
        watched.wait_for(is_surroundings);
    });
}

#[test]
fn a_root_that_is_deleted_is_gone() {
    with_each(|watched| {
        watched.make("a/b");
        fs::remove_dir_all(&watched.root).unwrap();
        watched.wait_for(is_gone);
    });
}

#[test]
fn a_root_that_is_not_there_is_an_error_and_its_coming_is_told() {
    let _machine = usual_machine();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("later");
    let (sender, changes) = bounded(10);
    let watch = Watch::start(settings(), sender).unwrap();
    let error = watch.add(ROOT, &root, How::Auto).unwrap_err().to_string();
    assert!(error.contains("later"), "{error}");
    fs::create_dir(&root).unwrap();
    assert_eq!(
        changes.recv_timeout(LONG),
        Ok(Change::Surroundings { root: ROOT })
    );
    let state = watch.add(ROOT, &root, How::Auto).unwrap();
    assert_eq!((state.backend, state.watches), (Some(Backend::Inotify), 1));
}

#[test]
fn other_names_beside_a_root_are_none_of_its_surroundings() {
    with_each(|mut watched| {
        fs::create_dir(watched.root.with_file_name("beside")).unwrap();
        fs::write(watched.root.with_file_name("file"), b"x").unwrap();
        fs::read_dir(&watched.root).unwrap().count();
        watched.write("x.jpg");
        watched.wait_for(|change| *change == written("", "x.jpg"));
        std::thread::sleep(Duration::from_millis(100));
        assert!(
            !watched
                .changes
                .try_iter()
                .any(|change| is_surroundings(&change))
        );
        watched.told();
    });
}

#[test]
fn a_root_that_is_unmounted_is_gone_and_told_when_something_is_mounted_again() {
    if !is_root() {
        return;
    }
    for how in [How::Inotify, How::Fanotify] {
        let _machine = usual_machine();
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::mount(folder.path()).unwrap();
        let root = folder.path().to_owned();
        fs::create_dir(root.join("a")).unwrap();
        let (sender, changes) = bounded(100);
        let watch = Watch::start(settings(), sender).unwrap();
        watch.add(ROOT, &root, how).unwrap();
        memory.unmount();
        let until = std::time::Instant::now() + LONG;
        let both: Vec<Change> = std::iter::repeat_with(|| changes.recv_deadline(until).unwrap())
            .filter(|change| !matches!(change, Change::Lost { .. }))
            .take(2)
            .collect();
        assert!(
            both.iter().any(is_gone) && both.iter().any(is_surroundings),
            "{how:?} {both:?}"
        );
        let _again = Memory::mount(&root).unwrap();
        assert_eq!(
            changes.recv_timeout(LONG),
            Ok(Change::Surroundings { root: ROOT })
        );
        watch.add(ROOT, &root, how).unwrap();
        fs::write(root.join("x.jpg"), b"x").unwrap();
        let last =
            std::iter::from_fn(|| changes.recv_timeout(Duration::from_millis(300)).ok()).last();
        assert_eq!(last, Some(written("", "x.jpg")));
    }
}

#[test]
fn nothing_stays_open_that_would_keep_a_root_from_being_unmounted() {
    if !is_root() {
        return;
    }
    for how in [How::Inotify, How::Fanotify] {
        let _machine = usual_machine();
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::mount(folder.path()).unwrap();
        let (sender, changes) = bounded(100);
        let watch = Watch::start(settings(), sender).unwrap();
        watch.add(ROOT, folder.path(), how).unwrap();
        fs::write(folder.path().join("x.jpg"), b"x").unwrap();
        while changes.recv_timeout(Duration::from_millis(200)).is_ok() {}
        umount2(&memory.0, MntFlags::empty()).unwrap();
        drop(watch);
    }
}

#[test]
fn a_filesystem_mounted_below_the_root_is_watched_and_its_end_is_no_deletion() {
    if !is_root() {
        return;
    }
    for how in [How::Inotify, How::Fanotify] {
        let mut memory = None;
        let mut watched = watched(how, |root| {
            fs::create_dir(root.join("disk")).unwrap();
            memory = Some(Memory::mount(&root.join("disk")).unwrap());
            fs::create_dir(root.join("disk/deep")).unwrap();
        })
        .unwrap();
        watched.write("disk/deep/x.jpg");
        watched.wait_for(|change| *change == written("disk/deep", "x.jpg"));
        memory.as_ref().unwrap().unmount();
        let mut told = vec![
            watched.wait_for(|change| matches!(change, Change::Lost { .. } | Change::Gone { .. })),
        ];
        told.extend(watched.told());
        assert!(
            told.iter()
                .all(|change| matches!(change, Change::Lost { .. })),
            "{how:?} {told:?}"
        );
        assert!(watched.watch.state(ROOT).backend.is_some());
    }
}

#[test]
fn folders_never_to_be_entered_are_neither_watched_nor_told() {
    for how in [How::Inotify, How::Fanotify] {
        let _machine = usual_machine();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("state/deep")).unwrap();
        let mut settings = settings();
        settings.never_enter.insert(root.join("state"));
        let (sender, changes) = bounded(100);
        let watch = Watch::start(settings, sender).unwrap();
        let state = watch.add(ROOT, &root, how).unwrap();
        assert_eq!(state.watches, 1);
        fs::write(root.join("state/deep/x.jpg"), b"x").unwrap();
        fs::create_dir(root.join("state/more")).unwrap();
        fs::write(root.join("fence.jpg"), b"x").unwrap();
        let first = changes.recv_timeout(LONG).unwrap();
        assert!(
            [created("", "fence.jpg"), written("", "fence.jpg")].contains(&first),
            "{first:?}"
        );
    }
}

#[test]
fn a_folder_that_becomes_readable_is_told() {
    use std::os::unix::fs::PermissionsExt;
    if nix::unistd::geteuid().is_root() {
        eprintln!("skipped: root may read everything");
        return;
    }
    let mut watched = watched(How::Inotify, |root| {
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o000)).unwrap();
    })
    .unwrap();
    fs::set_permissions(watched.path("a"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(watched.told(), [folder("a")]);
    watched.write("a/b/x.jpg");
    assert_eq!(watched.told().last(), Some(&written("a/b", "x.jpg")));
}
