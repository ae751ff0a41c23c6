//! `semfs index`: what is taken in, what it costs, what is kept.

use std::fs;
use std::path::Path;

use crate::pictures::{copy_scenes, write_many, write_small};
use crate::support::{Account, Home};

const NOTHING: Account = Account {
    new: 0,
    known: 0,
    unchanged: 0,
    gone: 0,
    problems: 0,
};

#[test]
fn every_format_becomes_a_photo() {
    let home = Home::new();
    for (seed, name) in [
        "a.jpg", "b.PNG", "c.webp", "d.gif", "e.bmp", "f.tiff", "g.jpeg",
    ]
    .into_iter()
    .enumerate()
    {
        write_small(&home.photos().join(name), seed as u32);
    }
    assert_eq!(home.index(), Account { new: 7, ..NOTHING });
    assert_eq!(home.status().number("photos"), 7);
    assert!(home.problems().is_empty());
}

#[test]
fn a_search_finds_what_a_picture_shows() {
    let home = Home::new();
    copy_scenes(&home.photos());
    home.index();
    for (query, subject) in [
        ("a beach and the sea", "beach"),
        ("climber on a rock", "climber"),
        ("trees in the forest", "forest"),
        ("red car", "car"),
    ] {
        let found = home.search(query, 2);
        assert_eq!(found.len(), 2);
        for path in found {
            let folder = path.parent().unwrap().file_name().unwrap();
            assert_eq!(folder, subject, "{query}");
        }
    }
}

#[test]
fn a_second_run_opens_nothing() {
    let home = Home::new();
    write_many(&home.photos(), 50);
    assert_eq!(home.index().new, 50);
    // A file that is not opened does not change its time of last access.
    let one = home.photos().join("000/00000.jpg");
    assert_eq!(
        home.index(),
        Account {
            unchanged: 50,
            ..NOTHING
        }
    );
    // And one whose bytes change without a trace in size and times is not read again.
    let before = fs::metadata(&one).unwrap();
    let mut bytes = fs::read(&one).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    fs::write(&one, bytes).unwrap();
    let file = fs::File::options().write(true).open(&one).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert_eq!(
        home.index(),
        Account {
            unchanged: 50,
            ..NOTHING
        }
    );
}

#[test]
fn moves_and_copies_cost_no_inference() {
    let home = Home::new();
    write_many(&home.photos(), 40);
    home.index();
    fs::rename(home.photos().join("000"), home.photos().join("moved")).unwrap();
    fs::copy(
        home.photos().join("001/00020.jpg"),
        home.photos().join("copy.jpg"),
    )
    .unwrap();
    let account = home.index();
    assert_eq!((account.new, account.known, account.gone), (0, 21, 20));
    let status = home.status();
    assert_eq!((status.number("photos"), status.number("files")), (40, 41));
}

#[test]
fn a_moved_file_is_not_even_opened() {
    let home = Home::new();
    let paths = write_many(&home.photos(), 3);
    home.index();
    let moved = home.photos().join("moved.jpg");
    fs::rename(&paths[1], &moved).unwrap();
    // If it were read, it would be another content: one byte is, and its time says nothing.
    let before = fs::metadata(&moved).unwrap();
    let mut bytes = fs::read(&moved).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    fs::write(&moved, bytes).unwrap();
    let file = fs::File::options().write(true).open(&moved).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    drop(file);
    let account = home.index();
    assert_eq!((account.new, account.known, account.gone), (0, 1, 1));
}

#[test]
fn copies_that_arrive_together_are_embedded_once() {
    let home = Home::new();
    let original = home.photos().join("original.jpg");
    write_small(&original, 1);
    for number in 0..60 {
        fs::copy(&original, home.photos().join(format!("copy-{number}.jpg"))).unwrap();
    }
    let account = home.index();
    assert_eq!((account.new, account.known), (1, 60));
    let status = home.status();
    assert_eq!((status.number("photos"), status.number("files")), (1, 61));
    assert_eq!(
        home.search("anything", 10).len(),
        1,
        "a photo is listed once"
    );
}

#[test]
fn an_edited_file_is_embedded_again_and_no_other() {
    let home = Home::new();
    let paths = write_many(&home.photos(), 30);
    home.index();
    write_small(&paths[7], 1000);
    let account = home.index();
    assert_eq!((account.new, account.unchanged), (1, 29));
    assert_eq!(home.status().number("photos"), 30);
}

#[test]
fn what_is_deleted_is_no_longer_found() {
    let home = Home::new();
    copy_scenes(&home.photos());
    home.index();
    fs::remove_dir_all(home.photos().join("beach")).unwrap();
    fs::remove_file(home.photos().join("car/car-01.jpg")).unwrap();
    let account = home.index();
    assert_eq!((account.new, account.gone), (0, 3));
    let found = home.search("a beach and the sea", 100);
    assert_eq!(found.len(), 27);
    assert!(found.iter().all(|path| path.exists()));
    // And it is back without inference when the same bytes are.
    copy_scenes(&home.photos());
    let account = home.index();
    assert_eq!(
        (account.new, account.known),
        (0, 3 + 27),
        "copies have new inodes"
    );
    assert!(home.search("a beach and the sea", 1)[0].starts_with(home.photos().join("beach")));
}

#[test]
fn an_unreachable_or_empty_root_forgets_nothing() {
    let home = Home::new();
    write_many(&home.photos(), 20);
    home.index();
    let away = home.path().join("away");
    fs::rename(home.photos(), &away).unwrap();
    let printed = home.ok(&["index", "--once"]);
    assert!(
        printed.contains("offline") && printed.contains("nothing"),
        "{printed}"
    );
    assert_eq!(home.status().number("files"), 20);
    // An empty folder is what an unmounted disk leaves behind.
    fs::create_dir(home.photos()).unwrap();
    let printed = home.ok(&["index", "--once"]);
    assert!(printed.contains("empty"), "{printed}");
    assert_eq!(home.status().number("files"), 20);
    fs::remove_dir(home.photos()).unwrap();
    fs::rename(&away, home.photos()).unwrap();
    assert_eq!(
        home.index(),
        Account {
            unchanged: 20,
            ..NOTHING
        }
    );
}

#[test]
fn what_is_excluded_and_what_is_no_picture_is_not_mentioned() {
    let home = Home::new();
    for (seed, name) in [
        "@eaDir/thumb.jpg",
        "#recycle/old.jpg",
        ".Trash-1000/gone.jpg",
        "a/._b.jpg",
        "private/secret.jpg",
        "a/draft-1.jpg",
        "a/seen.jpg",
    ]
    .into_iter()
    .enumerate()
    {
        write_small(&home.photos().join(name), seed as u32);
    }
    fs::write(home.photos().join("notes.txt"), "words").unwrap();
    fs::write(home.photos().join("film.txt"), "frames").unwrap();
    home.configure("exclude = [\"private\", \"a/draft-*\"]");
    assert_eq!(home.index(), Account { new: 1, ..NOTHING });
    // Excluded later: it leaves the index.
    home.configure("exclude = [\"private\", \"a\"]");
    assert_eq!(home.index(), Account { gone: 1, ..NOTHING });
}

#[test]
fn a_problem_is_named_with_its_reason_and_tried_again_when_its_bytes_change() {
    let home = Home::new();
    let photos = home.photos();
    write_small(&photos.join("good.png"), 1);
    let png = fs::read(photos.join("good.png")).unwrap();
    fs::write(photos.join("cut.png"), &png[..png.len() / 2]).unwrap();
    fs::write(photos.join("empty.jpg"), "").unwrap();
    fs::write(photos.join("words.jpg"), "these are words").unwrap();
    let account = home.index();
    assert_eq!((account.new, account.problems), (1, 3));
    let problems = home.problems();
    let kinds: Vec<_> = problems
        .iter()
        .map(|(kind, path, _)| (path.file_name().unwrap().to_str().unwrap(), kind.as_str()))
        .collect();
    let expected = [
        ("cut.png", "damaged"),
        ("empty.jpg", "empty"),
        ("words.jpg", "not-a-picture"),
    ];
    assert_eq!(kinds, expected);
    assert!(
        problems.iter().all(|(_, _, reason)| reason.len() > 10),
        "{problems:?}"
    );
    assert_eq!(
        home.index(),
        Account {
            unchanged: 4,
            ..NOTHING
        }
    );
    fs::write(photos.join("cut.png"), &png).unwrap();
    let account = home.index();
    assert_eq!((account.known, account.problems), (1, 0));
    assert_eq!(home.problems().len(), 2);
}

#[test]
fn a_picture_that_needs_too_much_memory_is_a_problem_and_stops_nothing() {
    let home = Home::new();
    home.configure("[limits]\nworker_mib = 256\nfile_mib = 1");
    write_small(&home.photos().join("good.jpg"), 1);
    // 300 megapixels of nothing: a small file that unpacks to 900 MB.
    let header = |width: u32, height: u32| {
        let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        bytes.extend(b"\x01\0\x18\0\0\0\0\0\0\0\0\0\x13\x0b\0\0\x13\x0b\0\0\0\0\0\0\0\0\0\0");
        bytes
    };
    fs::write(home.photos().join("bomb.bmp"), header(20_000, 15_000)).unwrap();
    fs::write(home.photos().join("large.jpg"), vec![0xFF; 2 << 20]).unwrap();
    let account = home.index();
    assert_eq!((account.new, account.problems), (1, 2));
    let kinds: Vec<_> = home
        .problems()
        .into_iter()
        .map(|(kind, _, _)| kind)
        .collect();
    assert_eq!(kinds, ["damaged", "too-large"]);
}

#[test]
fn without_once_it_ends_when_nothing_new_arrives() {
    let home = Home::new();
    write_many(&home.photos(), 10);
    let printed = home.ok(&["index"]);
    assert!(
        printed.starts_with("10 new, 0 moved or copied, 0 unchanged"),
        "{printed}"
    );
}

#[test]
fn a_damaged_model_is_refused_with_its_hash() {
    let home = Home::new();
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini");
    let other = home.path().join("other");
    fs::create_dir(&other).unwrap();
    for name in ["manifest.toml", "image_q8.onnx", "vocab.json"] {
        fs::copy(mini.join(name), other.join(name)).unwrap();
    }
    fs::write(other.join("text_i8.onnx"), "half a download").unwrap();
    home.configure(&format!("model = {other:?}"));
    let error = home.error(&["search", "dog"]);
    assert!(
        error.contains("text_i8.onnx") && error.contains("hash"),
        "{error}"
    );
}

#[test]
fn what_lies_behind_a_folder_that_became_a_link_is_forgotten_and_not_followed() {
    let home = Home::new();
    write_many(&home.photos(), 100);
    write_small(&home.photos().join("a/b/deep.jpg"), 1000);
    write_small(&home.photos().join("a/top.jpg"), 1001);
    home.index();
    let away = home.path().join("away");
    fs::rename(home.photos().join("a"), &away).unwrap();
    std::os::unix::fs::symlink(&away, home.photos().join("a")).unwrap();
    let account = home.index();
    assert_eq!((account.new, account.known, account.gone), (0, 0, 2));
    assert_eq!(home.status().number("files"), 100);
    assert_eq!(home.index().unchanged, 100);
}
