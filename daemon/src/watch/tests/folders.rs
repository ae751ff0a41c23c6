//! News of folders: made, moved, deleted, and all of it at once.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;

fn tree(root: &Path) {
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    fs::write(root.join("a/b/c/x.jpg"), b"x").unwrap();
    fs::create_dir(root.join("other")).unwrap();
}

#[test]
fn a_folder_that_appears_is_told_and_watched_with_all_below() {
    with_each(|mut watched| {
        watched.make("a/b/c");
        assert!(watched.told().contains(&folder("a")));
        watched.write("a/b/c/x.jpg");
        assert_eq!(watched.told().last(), Some(&written("a/b/c", "x.jpg")));
    });
}

#[test]
fn a_folder_moved_within_the_root_has_its_new_path_at_once() {
    for how in [How::Inotify, How::Fanotify] {
        let Some(mut watched) = watched(how, tree) else {
            continue;
        };
        let before = watched.watch.state(ROOT).watches;
        watched.rename("a/b", "other/d");
        assert_eq!(watched.told(), [gone("a", "b"), folder("other/d")]);
        watched.write("other/d/c/y.jpg");
        assert_eq!(watched.told().last(), Some(&written("other/d/c", "y.jpg")));
        watched.rename("other", "o");
        watched.rename("o/d", "o/e");
        watched.told();
        fs::remove_file(watched.path("o/e/c/y.jpg")).unwrap();
        assert_eq!(watched.told(), [gone("o/e/c", "y.jpg")]);
        assert_eq!(
            watched.state_where(|state| state.watches == before).watches,
            before
        );
    }
}

#[test]
fn a_folder_moved_out_is_not_told_of_any_more_and_one_moved_in_is() {
    for how in [How::Inotify, How::Fanotify] {
        let Some(mut watched) = watched(how, tree) else {
            continue;
        };
        let outside = watched.root.with_file_name("outside");
        let before = watched.watch.state(ROOT).watches;
        fs::rename(watched.path("a"), &outside).unwrap();
        assert_eq!(watched.told(), [gone("", "a")]);
        fs::write(outside.join("b/c/z.jpg"), b"z").unwrap();
        assert_eq!(watched.told(), []);
        fs::rename(&outside, watched.path("back")).unwrap();
        assert_eq!(watched.told(), [folder("back")]);
        watched.write("back/b/c/y.jpg");
        assert_eq!(watched.told().last(), Some(&written("back/b/c", "y.jpg")));
        assert_eq!(
            watched.state_where(|state| state.watches == before).watches,
            before
        );
    }
}

#[test]
fn a_folder_moved_between_two_roots_leaves_one_and_enters_the_other() {
    for how in [How::Inotify, How::Fanotify] {
        let Some(mut watched) = watched(how, tree) else {
            continue;
        };
        let second = watched.root.with_file_name("second");
        fs::create_dir(&second).unwrap();
        let id = RootId(4);
        watched.watch.add(id, &second, how).unwrap();
        fs::rename(watched.path("a"), second.join("a")).unwrap();
        let arrived =
            watched.wait_for(|change| matches!(change, Change::Folder { root, .. } if *root == id));
        assert_eq!(
            arrived,
            Change::Folder {
                root: id,
                folder: "a".into()
            }
        );
        fs::write(second.join("a/b/c/n.jpg"), b"n").unwrap();
        let news = watched
            .wait_for(|change| matches!(change, Change::Written { root, .. } if *root == id));
        assert_eq!(
            news,
            Change::Written {
                root: id,
                folder: "a/b/c".into(),
                name: "n.jpg".into()
            }
        );
        // Two roots are told by two threads: which of them comes first is open.
        let told = watched.told();
        assert!(
            told.iter().all(|change| *change == gone("", "a")),
            "{told:?}"
        );
    }
}

#[test]
fn a_folder_deleted_and_made_again_at_once_is_watched() {
    for how in [How::Inotify, How::Fanotify] {
        let Some(mut watched) = watched(how, tree) else {
            continue;
        };
        for _ in 0..20 {
            fs::remove_dir_all(watched.path("a")).unwrap();
            watched.make("a/b/c");
        }
        assert!(watched.told().contains(&folder("a")));
        watched.write("a/b/c/x.jpg");
        assert_eq!(watched.told().last(), Some(&written("a/b/c", "x.jpg")));
        fs::remove_dir_all(watched.path("a")).unwrap();
        assert_eq!(watched.told().last(), Some(&gone("", "a")));
    }
}

#[test]
fn two_folders_that_swap_their_names_keep_their_paths_right() {
    with_each(|mut watched| {
        watched.make("a/in-a");
        watched.make("b/in-b");
        watched.told();
        for _ in 0..10 {
            watched.rename("a", "swap");
            watched.rename("b", "a");
            watched.rename("swap", "b");
        }
        watched.rename("a", "swap");
        watched.rename("b", "a");
        watched.rename("swap", "b");
        watched.told();
        watched.write("b/in-a/x.jpg");
        let told = watched.told();
        let state = watched.watch.state(ROOT);
        assert_eq!(
            told.last(),
            Some(&written("b/in-a", "x.jpg")),
            "{state:?} {told:?}"
        );
        watched.write("a/in-b/y.jpg");
        assert_eq!(watched.told().last(), Some(&written("a/in-b", "y.jpg")));
    });
}

#[test]
fn nothing_is_missed_while_a_hundred_trees_are_copied() {
    // Alone: a program that is being started has the open files of the tests beside it for a moment,
    // and their `Written` would come only when it lets go of them.
    let _machine = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    for how in [How::Inotify, How::Fanotify] {
        let Some(mut watched) = watched_with(how, settings(), 100_000, |_| {}) else {
            continue;
        };

        let source = watched.root.with_file_name("source");
        for folder in 0..20 {
            let path = source.join(format!("{}/{folder}", folder % 5));
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("x.jpg"), b"x").unwrap();
        }
        let mirror = mirrored(&mut watched, |root| {
            for copy in 0..100 {
                let target = root.join(format!("copy-{copy}"));
                let done = Command::new("cp")
                    .arg("-r")
                    .arg(&source)
                    .arg(target)
                    .status();
                assert!(done.unwrap().success());
            }
        });
        mirror.assert_true();
        assert!(mirror.files.len() >= 2000);
        assert_eq!(mirror.lost, 0);
    }
}

#[test]
fn a_thousand_folders_moved_in_are_all_watched() {
    with_each(|mut watched| {
        let outside = watched.root.with_file_name("outside");
        for folder in 0..1000 {
            fs::create_dir_all(outside.join(format!("{}/{folder}", folder / 30))).unwrap();
        }
        // Fanotify hears of them as well, and would find them in the root if it came late.
        watched.told();
        fs::rename(&outside, watched.path("in")).unwrap();
        assert_eq!(watched.told(), [folder("in")]);
        for number in [0, 500, 999] {
            let at = format!("in/{}/{number}", number / 30);
            watched.write(format!("{at}/x.jpg"));
            assert_eq!(watched.told().last(), Some(&written(&at, "x.jpg")));
        }
        fs::remove_dir_all(watched.path("in")).unwrap();
        let mirror = mirrored(&mut watched, |_| {});
        mirror.assert_true();
        let state = watched.state_where(|state| state.watches == 1);
        assert_eq!((state.watches, state.unwatched), (1, 0));
    });
}

#[test]
fn a_storm_of_random_moves_ends_in_the_truth() {
    with_each(storm);
}

/// Random work on folders that contain each other; then every folder must be watched in its place.
/// A busy machine may lose events: what is believed at the end must be true all the same.
pub(super) fn storm(mut watched: Watched) {
    let outside = watched.root.with_file_name("outside");
    fs::create_dir(&outside).unwrap();
    let mirror = mirrored(&mut watched, |root| {
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut below = |most: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % most
        };
        let place = |depth: u64, below: &mut dyn FnMut(u64) -> u64| {
            let mut path = if below(12) == 0 {
                outside.clone()
            } else {
                root.to_owned()
            };
            for _ in 0..=depth {
                path.push(format!("d{}", below(4)));
            }
            path
        };
        for _ in 0..6000 {
            let depth = below(4);
            let one = place(depth, &mut below);
            let depth = below(4);
            let other = place(depth, &mut below);
            // Most of it fails for want of a folder: that is part of the storm.
            let _ = match below(8) {
                0..3 => fs::create_dir_all(&one),
                3 => fs::write(one.join("x.jpg"), b"x"),
                4..6 => fs::rename(&one, &other),
                6 => fs::rename(one.join("x.jpg"), other.join("y.jpg")),
                _ if below(6) == 0 => fs::remove_dir_all(&one),
                _ => fs::remove_file(one.join("y.jpg")),
            };
        }
    });
    mirror.assert_true();
    // Every folder is watched in its place: a file in each is told.
    let mut folders = vec![watched.root.clone()];
    let mut at = 0;
    while let Some(folder) = folders.get(at).cloned() {
        let entries = fs::read_dir(folder).unwrap().flatten();
        folders.extend(
            entries
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.path()),
        );
        at += 1;
    }
    let probed = mirrored(&mut watched, |_| {
        for folder in &folders {
            fs::write(folder.join("probe.jpg"), b"x").unwrap();
        }
    });
    probed.assert_true();
    if watched.watch.state(ROOT).backend == Some(Backend::Inotify) {
        let state = watched.state_where(|state| state.watches == folders.len() as u64);
        assert_eq!(state.watches, folders.len() as u64);
    }
}
