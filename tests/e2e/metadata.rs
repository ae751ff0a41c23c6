//! What photos and sidecars say of themselves, in the index: it comes with them, follows
//! them, and costs no picture twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use semfs_engine::catalog::Catalog;
use semfs_engine::facets::RowFacts;

use crate::pictures::{small, write_many, write_small};
use crate::support::{Account, Daemon, Home, PATIENCE};

const NOTHING: Account = Account {
    new: 0,
    known: 0,
    unchanged: 0,
    gone: 0,
    problems: 0,
};

/// What the photos of an index that nobody has open can be asked for, by the name of the
/// first of their files.
fn facts(home: &Home) -> BTreeMap<String, RowFacts> {
    // A test beside this one may be starting a program: for a moment that has all files which are
    // open here, and so the lock of a catalogue that was read just before.
    let until = Instant::now() + PATIENCE;
    let catalog = loop {
        match Catalog::open(&home.state().join("catalog")) {
            Ok(catalog) => break catalog,
            Err(error) if Instant::now() > until => panic!("{error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let all = catalog.all_row_facts().map(|entry| entry.unwrap().1);
    all.map(|facts| (facts.names[0].clone(), facts)).collect()
}

fn xmp(keyword: &str, rating: u8) -> String {
    format!(
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/">
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"
            xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{rating}">
        <dc:subject><rdf:Bag><rdf:li>{keyword}</rdf:li></rdf:Bag></dc:subject>
        </rdf:Description></rdf:RDF></x:xmpmeta>"#
    )
}

/// Writes a small JPEG that has a keyword of its own.
fn write_tagged(path: &Path, seed: u32, keyword: &str) {
    let mut jpeg = Vec::new();
    let format = image::ImageFormat::Jpeg;
    small(seed)
        .write_to(&mut std::io::Cursor::new(&mut jpeg), format)
        .unwrap();
    let packet = [
        b"http://ns.adobe.com/xap/1.0/\0",
        xmp(keyword, 1).as_bytes(),
    ]
    .concat();
    let length = u16::try_from(packet.len() + 2).unwrap().to_be_bytes();
    let segment = [&[0xFF, 0xE1], &length[..], &packet].concat();
    jpeg.splice(2..2, segment);
    fs::write(path, jpeg).unwrap();
}

fn keywords(home: &Home, name: &str) -> Vec<String> {
    facts(home)[name].keywords.clone()
}

#[test]
fn a_sidecar_that_comes_changes_and_goes_costs_no_picture() {
    let home = Home::new();
    let photos = home.photos();
    write_tagged(&photos.join("1.jpg"), 1, "own");
    write_small(&photos.join("2.jpg"), 2);
    assert_eq!(home.index(), Account { new: 2, ..NOTHING });
    assert_eq!(keywords(&home, "1"), ["own"]);
    assert_eq!(facts(&home)["2"].folders, [(0, String::new())]);

    let unchanged = Account {
        unchanged: 2,
        ..NOTHING
    };
    for (name, keyword) in [("1.xmp", "sea"), ("1.jpg.XMP", "coast")] {
        fs::write(photos.join(name), xmp(keyword, 4)).unwrap();
        assert_eq!(home.index(), unchanged);
        assert_eq!(keywords(&home, "1"), ["own", keyword]);
        assert_eq!(facts(&home)["1"].rating, Some(4));
        fs::write(photos.join(name), xmp("a longer word", 5)).unwrap();
        assert_eq!(home.index(), unchanged);
        assert_eq!(keywords(&home, "1"), ["own", "a longer word"]);
        fs::remove_file(photos.join(name)).unwrap();
        assert_eq!(home.index(), unchanged);
        assert_eq!(keywords(&home, "1"), ["own"]);
    }
    assert!(facts(&home)["2"].keywords.is_empty());
    assert_eq!(home.status().number("vectors"), 2);
}

#[test]
fn sidecars_are_neither_photos_nor_problems() {
    let home = Home::new();
    let photos = home.photos();
    write_small(&photos.join("1.jpg"), 1);
    fs::write(photos.join("1.xmp"), "these are words").unwrap();
    fs::write(photos.join("empty.xmp"), "").unwrap();
    fs::write(photos.join("huge.jpg.xmp"), vec![b' '; 5 << 20]).unwrap();
    assert_eq!(home.index(), Account { new: 1, ..NOTHING });
    let status = home.status();
    let counts = ["files", "photos", "problems"].map(|key| status.number(key));
    assert_eq!(counts, [1, 1, 0]);
    let unchanged = Account {
        unchanged: 1,
        ..NOTHING
    };
    assert_eq!(home.index(), unchanged);
    fs::remove_file(photos.join("1.xmp")).unwrap();
    assert_eq!(home.index(), unchanged);
}

#[test]
fn a_moved_photo_keeps_what_it_says_and_its_sidecar_moves_with_it() {
    let home = Home::new();
    let photos = home.photos();
    write_tagged(&photos.join("1.jpg"), 1, "own");
    fs::write(photos.join("1.xmp"), xmp("sea", 4)).unwrap();
    write_many(&photos, 5);
    home.index();
    fs::create_dir(photos.join("b")).unwrap();
    fs::rename(photos.join("1.jpg"), photos.join("b/1.jpg")).unwrap();
    let account = home.index();
    assert_eq!((account.new, account.known), (0, 1));
    assert_eq!(keywords(&home, "1"), ["own"]);
    fs::rename(photos.join("1.xmp"), photos.join("b/1.xmp")).unwrap();
    home.index();
    let known = &facts(&home)["1"];
    assert_eq!(known.keywords, ["own", "sea"]);
    assert_eq!(known.folders, [(0, "b".to_owned())]);
}

/// Leaves an index as a version does that reads no metadata.
fn forget_metadata(home: &Home) {
    let catalog = sled::open(home.state().join("catalog")).unwrap();
    let tree = catalog.open_tree("catalogue").unwrap();
    for tag in ["e", "a", "v"] {
        for key in tree.scan_prefix(tag).keys() {
            tree.remove(key.unwrap()).unwrap();
        }
    }
    // Digests of folders were others; before there were any, the record was empty.
    for key in tree.scan_prefix("o").keys() {
        tree.insert(key.unwrap(), &[]).unwrap();
    }
    catalog.flush().unwrap();
}

#[test]
fn a_photo_that_may_not_be_read_any_more_stays_one_without_metadata() {
    let home = Home::new();
    let large = home.photos().join("1.jpg");
    write_tagged(&large, 1, "own");
    let mut bytes = fs::read(&large).unwrap();
    bytes.resize(2 << 20, 0);
    fs::write(&large, bytes).unwrap();
    home.index();
    forget_metadata(&home);
    home.configure("[limits]\nfile_mib = 1");
    assert_eq!(home.index(), NOTHING);
    assert_eq!(home.status().number("photos"), 1);
    assert!(keywords(&home, "1").is_empty());
    let unchanged = Account {
        unchanged: 1,
        ..NOTHING
    };
    assert_eq!(home.index(), unchanged);
}

#[test]
fn an_index_without_metadata_gets_it_without_decoding_anything() {
    let home = Home::new();
    let photos = home.photos();
    write_tagged(&photos.join("1.jpg"), 1, "own");
    fs::copy(photos.join("1.jpg"), photos.join("copy.jpg")).unwrap();
    write_small(&photos.join("2.png"), 2);
    fs::write(photos.join("cut.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    home.index();
    let before = facts(&home);
    forget_metadata(&home);
    let printed = home.ok(&["index", "--once"]);
    assert!(
        printed.contains("0 new, 0 moved or copied, 1 unchanged"),
        "{printed}"
    );
    assert!(printed.contains("3 photos were read again"), "{printed}");
    assert_eq!(facts(&home), before);
    assert_eq!(home.status().number("vectors"), 2);
    let unchanged = Account {
        unchanged: 4,
        ..NOTHING
    };
    assert_eq!(home.index(), unchanged);
}

#[test]
fn a_sidecar_that_is_written_while_the_daemon_follows_is_seen() {
    let home = Home::new();
    home.configure("rescan_minutes = 0");
    let photos = home.photos();
    write_tagged(&photos.join("1.jpg"), 1, "own");
    fs::write(photos.join("gone.xmp"), xmp("gone", 2)).unwrap();
    write_small(&photos.join("gone.jpg"), 2);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let generation = || home.status().number("generation");
    let before = generation();
    fs::write(photos.join("1.xmp"), xmp("sea", 4)).unwrap();
    daemon.wait_for("the sidecar", || generation() > before);
    let before = generation();
    fs::remove_file(photos.join("gone.xmp")).unwrap();
    daemon.wait_for("its deletion", || generation() > before);
    daemon.end(Signal::SIGTERM);
    assert_eq!(keywords(&home, "1"), ["own", "sea"]);
    assert!(keywords(&home, "gone").is_empty());
}

/// A format that this version recognises and does not decode.
#[test]
fn a_photo_that_nothing_here_decodes_is_one_all_the_same() {
    let home = Home::new();
    let photos = home.photos();
    let jxl = b"\xff\x0a\xfa\x7f\x01\x90\x08\x06\x01";
    write_small(&photos.join("1.jpg"), 1);
    fs::write(photos.join("2.jxl"), jxl).unwrap();
    fs::copy(photos.join("2.jxl"), photos.join("copy of 2.jxl")).unwrap();
    fs::write(photos.join("2.xmp"), xmp("sea", 4)).unwrap();
    let account = home.index();
    assert_eq!((account.new, account.known, account.problems), (2, 1, 0));
    let status = home.status();
    let counts = ["files", "photos", "problems"].map(|key| status.number(key));
    assert_eq!(counts, [3, 2, 0]);
    let known = &facts(&home)["2"];
    assert_eq!((&*known.kind, known.blank), ("jxl", true));
    assert_eq!((known.width, known.height), (0, 0));
    assert_eq!(known.keywords, ["sea"]);
    assert_eq!(known.names, ["2", "copy of 2"]);
    // Found by what is known of it, and last where everything is shown.
    let all = [photos.join("1.jpg"), photos.join("2.jxl")];
    assert_eq!(home.search("waves", 10), all);
    assert_eq!(home.search("tag=sea", 10), all[1..]);
    let unchanged = Account {
        unchanged: 3,
        ..NOTHING
    };
    assert_eq!(home.index(), unchanged);
    // Under other conditions it is looked at again, and is what it was.
    home.configure("[limits]\nfile_mib = 7");
    let printed = home.ok(&["index", "--once"]);
    assert!(printed.contains("0 new, 0 moved or copied"), "{printed}");
    assert!(printed.contains("2 photos were read again"), "{printed}");
    assert_eq!(facts(&home)["2"].keywords, ["sea"]);
    assert_eq!(home.status().number("vectors"), 2);
    assert_eq!(home.index(), unchanged);
    fs::rename(photos.join("2.jxl"), photos.join("3.jxl")).unwrap();
    assert_eq!(home.index().known, 1);
    assert_eq!(facts(&home)["3"].names, ["3", "copy of 2"]);
}

#[test]
fn what_is_damaged_or_no_picture_stays_a_problem() {
    let home = Home::new();
    let photos = home.photos();
    fs::write(photos.join("words.heic"), "these are words").unwrap();
    fs::write(photos.join("words.nef"), "these are words").unwrap();
    fs::write(photos.join("cut.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    assert_eq!(home.index().problems, 3);
    assert!(facts(&home).is_empty());
}
