//! News of files.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_file_that_was_closed_is_written_and_one_still_open_is_created() {
    with_each(|mut watched| {
        watched.write("a.jpg");
        let told = watched.told();
        assert_eq!(told.last(), Some(&written("", "a.jpg")));
        let mut open = File::create(watched.path("b.jpg")).unwrap();
        open.write_all(b"half").unwrap();
        assert_eq!(watched.told(), [created("", "b.jpg")]);
        drop(open);
        assert_eq!(watched.told(), [written("", "b.jpg")]);
    });
}

#[test]
fn files_that_are_no_pictures_or_excluded_are_not_told() {
    with_each(|mut watched| {
        watched.write("notes.txt");
        watched.make("@eaDir/deep");
        watched.write("@eaDir/thumb.jpg");
        watched.write("@eaDir/deep/thumb.jpg");
        fs::remove_dir_all(watched.path("@eaDir")).unwrap();
        assert_eq!(watched.told(), []);
    });
}

#[test]
fn a_picture_is_gone_when_it_was_deleted_and_moved_when_it_was_renamed() {
    for how in [How::Inotify, How::Fanotify] {
        let watched = watched(how, |root| {
            fs::create_dir(root.join("a")).unwrap();
            fs::write(root.join("a/x.jpg"), b"x").unwrap();
            fs::write(root.join("y.jpg"), b"y").unwrap();
        });
        let Some(mut watched) = watched else { continue };
        fs::remove_file(watched.path("y.jpg")).unwrap();
        assert_eq!(watched.told(), [gone("", "y.jpg")]);
        watched.rename("a/x.jpg", "z.jpg");
        assert_eq!(watched.told(), [gone("a", "x.jpg"), written("", "z.jpg")]);
        watched.rename("z.jpg", "z.part");
        assert_eq!(watched.told(), [gone("", "z.jpg")]);
        watched.rename("z.part", "a/z.jpg");
        assert_eq!(watched.told(), [written("a", "z.jpg")]);
    }
}

#[test]
fn a_photo_that_becomes_readable_is_written() {
    with_each(|mut watched| {
        watched.write("a.jpg");
        watched.told();
        fs::set_permissions(watched.path("a.jpg"), Permissions::from_mode(0o600)).unwrap();
        assert_eq!(watched.told(), [written("", "a.jpg")]);
    });
}

#[test]
fn a_hard_link_is_created() {
    with_each(|mut watched| {
        watched.write("a.jpg");
        watched.told();
        fs::hard_link(watched.path("a.jpg"), watched.path("b.jpg")).unwrap();
        assert!(watched.told().contains(&created("", "b.jpg")));
    });
}

#[test]
fn names_that_are_not_utf8_are_told_as_they_are() {
    with_each(|mut watched| {
        let (folder, name) = (OsStr::from_bytes(b"f\xff"), OsStr::from_bytes(b"p\xfe.jpg"));
        fs::create_dir(watched.path(folder)).unwrap();
        watched.told();
        watched.write(Path::new(folder).join(name));
        let told = watched.told();
        let expected = Change::Written {
            root: ROOT,
            folder: folder.into(),
            name: name.into(),
        };
        assert_eq!(told.last(), Some(&expected));
    });
}

#[test]
fn a_root_reached_through_a_symbolic_link_is_watched() {
    for how in [How::Inotify, How::Fanotify] {
        let Some(mut watched) = watched(how, |_| {}) else {
            continue;
        };
        let link = watched.root.with_file_name("link");
        std::os::unix::fs::symlink(&watched.root, &link).unwrap();
        watched.watch.add(ROOT, &link, how).unwrap();
        watched.told();
        watched.write("a.jpg");
        assert_eq!(watched.told().last(), Some(&written("", "a.jpg")));
    }
}

#[test]
fn nothing_is_told_of_a_root_that_was_removed_and_adding_it_again_watches_once() {
    with_each(|mut watched| {
        let how = match watched.watch.state(ROOT).backend {
            Some(Backend::Fanotify) => How::Fanotify,
            _ => How::Inotify,
        };
        watched.watch.remove(ROOT);
        watched.write("a.jpg");
        std::thread::sleep(Duration::from_millis(50));
        assert!(watched.changes.is_empty());
        assert_eq!(watched.watch.state(ROOT).backend, None);
        watched.watch.add(ROOT, &watched.root, how).unwrap();
        watched.watch.add(ROOT, &watched.root, how).unwrap();
        let file = File::create(watched.path("b.jpg")).unwrap();
        assert_eq!(watched.told(), [created("", "b.jpg")]);
        drop(file);
    });
}

#[test]
fn the_state_tells_when_the_last_event_came() {
    with_each(|mut watched| {
        assert_eq!(watched.watch.state(ROOT).last_event, None);
        watched.told();
        assert!(watched.watch.state(ROOT).last_event.is_some());
    });
}
