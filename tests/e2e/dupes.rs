//! `semfs dupes`: groups for people, programs and `xargs -0`, what is decided of them, and the
//! scripts of `docs/DUPLICATES.md`, executed.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::pictures::{write_many, write_small};
use crate::support::schema::assert_valid;
use crate::support::{Daemon, Home};

const DOCUMENT: &str = include_str!("../../docs/DUPLICATES.md");
const SCHEMA: &str = include_str!("../../docs/dupes.schema.json");

const LIVELY: &str = "rescan_minutes = 0\npoll_seconds = 1\nrest_seconds = 0";

/// A file whose name has spaces, quotes, a line break and a tab.
const AWKWARD: &str = "it's a \"copy\"\nof\tit $(x) .jpg";

fn set_age(path: &Path, days: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 - days * 86_400);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

fn copy(from: &Path, to: &Path, days: u64) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
    set_age(to, days);
}

/// Two roots. The first photo has an original, a copy with two names, and a copy in the other
/// root; the second an original and copies of awkward names; the third is alone, and the fourth
/// has two names.
fn library() -> Home {
    let home = Home::new();
    let (photos, other) = (home.photos(), home.path().join("other"));
    home.configure_roots(&format!("[{photos:?}, {other:?}]"), LIVELY);
    let first = photos.join("2001/first.jpg");
    write_small(&first, 1);
    set_age(&first, 50);
    copy(&first, &photos.join("copies/first.jpg"), 10);
    let link = photos.join("copies/zweite.jpg");
    fs::hard_link(photos.join("copies/first.jpg"), link).unwrap();
    copy(&first, &other.join("first, too.jpg"), 30);
    let second = photos.join("2001/second one.jpg");
    write_small(&second, 2);
    set_age(&second, 50);
    copy(&second, &photos.join(AWKWARD), 20);
    copy(&second, &photos.join(OsStr::from_bytes(b"b\xe9te.jpg")), 10);
    write_small(&photos.join("alone.jpg"), 3);
    write_small(&photos.join("linked.jpg"), 4);
    fs::hard_link(photos.join("linked.jpg"), photos.join("linked too.jpg")).unwrap();
    home
}

fn list(home: &Home, arguments: &[&str]) -> Value {
    let mut all = vec!["dupes", "--json"];
    all.extend(arguments);
    let list = serde_json::from_str(&home.ok(&all)).unwrap();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert_valid(&schema, "#", &list);
    list
}

fn groups(home: &Home) -> Vec<Value> {
    let list = list(home, &["--tier", "exact"]);
    list["groups"].as_array().unwrap().clone()
}

fn group<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut groups = list["groups"].as_array().unwrap().iter();
    groups.find(|group| group["name"] == name).unwrap()
}

fn id(list: &Value, name: &str) -> String {
    group(list, name)["id"].as_str().unwrap().to_owned()
}

/// The path of an entry, as the filesystem has it.
fn path(file: &Value) -> PathBuf {
    match file["path_bytes"].as_array() {
        None => file["path"].as_str().unwrap().into(),
        Some(bytes) => {
            let bytes = bytes.iter().map(|byte| byte.as_u64().unwrap() as u8);
            OsString::from_vec(bytes.collect()).into()
        }
    }
}

fn zero_terminated(output: &Output) -> Vec<PathBuf> {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut parts: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
    assert_eq!(parts.pop(), Some(&b""[..]), "a zero byte is behind each");
    let paths = parts.into_iter().map(OsStr::from_bytes).map(PathBuf::from);
    paths.collect()
}

/// What `-0` prints.
fn surplus(home: &Home, arguments: &[&str]) -> BTreeSet<PathBuf> {
    let mut all = vec!["dupes", "--tier", "exact", "-0"];
    all.extend(arguments);
    let paths = zero_terminated(&home.run(&all));
    let different: BTreeSet<PathBuf> = paths.iter().cloned().collect();
    assert_eq!(different.len(), paths.len(), "no file twice");
    different
}

fn set(paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    paths.iter().cloned().collect()
}

#[test]
fn groups_are_told_with_and_without_a_daemon() {
    let home = library();
    home.index();
    let without = list(&home, &[]);
    let groups: Vec<&str> = without["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|group| group["tier"] == "exact")
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        groups.len(),
        2,
        "hard links alone are no duplicates: {groups:?}"
    );
    let first = group(&without, "first");
    let files = first["files"].as_array().unwrap();
    let photos = home.photos();
    let size = fs::metadata(photos.join("2001/first.jpg")).unwrap().len();
    assert_eq!(first["reclaimable"], 2 * size);
    let expected = [
        (0, photos.join("2001/first.jpg")),
        (1, home.path().join("other/first, too.jpg")),
        (2, photos.join("copies/first.jpg")),
        (2, photos.join("copies/zweite.jpg")),
    ];
    let told: Vec<(u64, PathBuf)> = files
        .iter()
        .map(|file| (file["copy"].as_u64().unwrap(), path(file)))
        .collect();
    assert_eq!(told, expected, "the oldest first");
    let best = &files[0];
    assert_eq!(best["keep"], true);
    assert_eq!(best["modified"], 1_000_000_000 - 50 * 86_400);
    assert_eq!((&best["width"], &best["height"]), (&json!(64), &json!(48)));
    assert_eq!(
        (&best["size"], &best["format"]),
        (&json!(size), &json!("jpeg"))
    );
    assert_eq!(best["compared_with"], Value::Null);
    let linked = &files[3];
    assert_eq!(linked["same_file_as"], files[2]["path"]);
    assert_eq!(linked["compared_with"], best["path"]);
    let reason = linked["reason"].as_str().unwrap();
    assert!(reason.starts_with("the same file as /"), "{reason}");
    assert!(files.iter().all(|file| file["reachable"] == true));
    let second = group(&without, "second one")["files"].as_array().unwrap();
    let bytes = second.iter().map(path).collect::<BTreeSet<_>>();
    assert!(bytes.contains(&photos.join(OsStr::from_bytes(b"b\xe9te.jpg"))));

    let text = home.ok(&["dupes", "--tier", "exact", "--keep", "best"]);
    let id = id(&without, "first");
    for words in [
        "exact: 3 copies, ",
        id.as_str(),
        "64x48",
        "the same file as ",
        "  keep ",
        "  surplus ",
        "exact: 2 groups, ",
    ] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    assert!(text.contains("it's a \"copy\"\\nof\\tit"), "{text}");
    let text = home.ok(&["dupes"]);
    assert!(!text.contains("surplus"), "{text}");
    assert!(text.contains("Not to be added up"), "{text}");

    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let with = list(&home, &["--tier", "exact"]);
    let exact = list(&home, &["--tier", "exact"])["groups"].clone();
    assert_eq!(with["groups"], exact);
    for name in ["first", "second one"] {
        assert_eq!(group(&with, name), group(&without, name));
    }
    assert!(home.status().0["duplicates"]["waiting"].is_u64());
    let metrics = fs::read_to_string(home.mount().join(".semfs/metrics")).unwrap();
    assert!(metrics.contains("\nsemfs_uncompared "), "{metrics}");
}

/// The default model has nearly one vector for waves of one width, wherever their crests are;
/// those of 0 and 26 are in nearly the same places.
#[test]
fn photos_of_one_subject_were_lookalikes_however_they_were_laid_out() {
    let home = Home::new();
    write_many(&home.photos(), 20);
    write_small(&home.photos().join("twin.jpg"), 26);
    home.index();
    let list = list(&home, &["--tier", "lookalike"]);
    assert_eq!(list["waiting"], json!(0), "all were compared");
    let groups = list["groups"].as_array().unwrap();
    let names: Vec<BTreeSet<PathBuf>> = groups
        .iter()
        .map(|group| group["files"].as_array().unwrap().iter().map(path))
        .map(Iterator::collect)
        .collect();
    let twins = ["000/00000.jpg", "twin.jpg"].map(|name| home.photos().join(name));
    assert_eq!(names, [set(&twins)]);
}

#[test]
fn what_is_surplus_follows_the_rule_of_what_to_keep() {
    let home = library();
    home.index();
    let (photos, other) = (home.photos(), home.path().join("other"));
    let first = photos.join("2001/first.jpg");
    let (copied, linked) = (
        photos.join("copies/first.jpg"),
        photos.join("copies/zweite.jpg"),
    );
    let too = other.join("first, too.jpg");
    let second = photos.join("2001/second one.jpg");
    let awkward = photos.join(AWKWARD);
    let bytes = photos.join(OsStr::from_bytes(b"b\xe9te.jpg"));

    let by_default = surplus(&home, &[]);
    let rest = [&copied, &linked, &too, &awkward, &bytes].map(Clone::clone);
    assert_eq!(by_default, set(&rest));
    assert_eq!(surplus(&home, &["--keep", "oldest"]), by_default);
    let newest = [&first, &too, &second, &awkward].map(Clone::clone);
    assert_eq!(surplus(&home, &["--keep", "newest"]), set(&newest));
    // Only the first has a copy there; of it, no name of the kept copy is surplus.
    let inside = [&first, &too].map(Clone::clone);
    let rule = format!("in={}", photos.join("copies/../copies").display());
    assert_eq!(surplus(&home, &["--keep", &rule]), set(&inside));
    let relative = home
        .command(&["dupes", "--tier", "exact", "-0", "--keep", "in=copies"])
        .current_dir(&photos)
        .output()
        .unwrap();
    assert_eq!(set(&zero_terminated(&relative)), set(&inside));

    let keep = list(&home, &["--keep", "newest"]);
    let kept: Vec<PathBuf> = group(&keep, "first")["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["keep"] == true)
        .map(path)
        .collect();
    assert_eq!(kept, [copied.clone(), linked]);
    // Pairs: what is kept stands before what is surplus.
    let pairs = home.run(&["dupes", "--tier", "exact", "-0", "--pairs"]);
    let pairs = zero_terminated(&pairs);
    assert_eq!(pairs.len(), 2 * rest.len());
    for pair in pairs.chunks_exact(2) {
        assert!(pair[0] == first || pair[0] == second, "{pair:?}");
        assert_eq!(fs::read(&pair[0]).unwrap(), fs::read(&pair[1]).unwrap());
    }
    // What the index does not know yet is looked at once more.
    fs::remove_file(&second).unwrap();
    assert_eq!(
        surplus(&home, &[]),
        set(&[copied, photos.join("copies/zweite.jpg"), too])
    );
}

#[test]
fn what_makes_no_sense_is_refused_in_a_sentence() {
    let home = library();
    home.index();
    for (arguments, words) in [
        (&["-0"][..], "--tier"),
        (&["--tier", "twins"], "lookalike"),
        (&["--keep", "largest"], "in=FOLDER"),
        (&["--keep", "in=/no/such/folder"], "No such file"),
        (&["--json", "-0", "--tier", "exact"], "cannot be used"),
        (&["--pairs"], "--null"),
        (&["--dismiss", "abc"], "16 hexadecimal digits"),
        (&["--dismiss", "0123456789abcdef"], "`semfs dupes`"),
        (&["--restore", "0123"], "--dismissed"),
    ] {
        let mut all = vec!["dupes"];
        all.extend(arguments);
        let error = home.error(&all);
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

#[test]
fn a_copy_that_is_offline_makes_no_other_surplus() {
    let home = library();
    home.index();
    let (other, away) = (home.path().join("other"), home.path().join("away"));
    let in_other = |home: &Home| {
        let rule = format!("in={}", home.path().display());
        let list = list(home, &["--keep", &rule]);
        let files = group(&list, "first")["files"].as_array().unwrap();
        let file = files.iter().find(|file| path(file).starts_with(&other));
        file.unwrap()["reachable"].as_bool().unwrap()
    };
    assert!(in_other(&home));
    // The only copies that are left are one here and one there.
    for name in ["copies/first.jpg", "copies/zweite.jpg"] {
        fs::remove_file(home.photos().join(name)).unwrap();
    }
    home.index();
    let check = |home: &Home| {
        assert!(!in_other(home), "it is marked");
        for rule in ["best", "oldest", "newest"] {
            let surplus = surplus(home, &["--keep", rule]);
            let first = surplus.iter().filter(|path| path.ends_with("first.jpg"));
            assert_eq!(first.count(), 0, "{rule}");
            assert!(
                surplus.iter().all(|path| !path.starts_with(&other)),
                "{rule}"
            );
            assert_eq!(surplus.len(), 2, "the other group is as it was: {rule}");
        }
    };
    fs::rename(&other, &away).unwrap();
    check(&home);
    // A mount point without its disk.
    fs::create_dir(&other).unwrap();
    check(&home);
    fs::remove_dir(&other).unwrap();
    fs::rename(&away, &other).unwrap();
    assert_eq!(surplus(&home, &[]).len(), 3);
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    fs::rename(&other, &away).unwrap();
    // Readers are told a moment after the root is found to be offline.
    daemon.wait_for("offline", || !in_other(&home));
    check(&home);
    fs::rename(&away, &other).unwrap();
    daemon.wait_for("it is back", || surplus(&home, &[]).len() == 3);
}

/// Dismisses, restores, and checks both, with or without a daemon.
fn decide(home: &Home) {
    assert_eq!(groups(home).len(), 2);
    let id = id(&list(home, &[]), "first");
    let told = home.ok(&["dupes", "--dismiss", &id[..8]]);
    assert!(told.contains(&id), "{told}");
    assert_eq!(groups(home).len(), 1);
    let dismissed = home.ok(&["dupes", "--dismissed"]);
    let line = dismissed.trim_end();
    assert!(line.starts_with(&format!("{id}  exact ")), "{line}");
    assert!(line.ends_with("1 content  first"), "{line}");
    let dismissed: Value =
        serde_json::from_str(&home.ok(&["dupes", "--dismissed", "--json"])).unwrap();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert_valid(&schema, "#/$defs/dismissals", &dismissed);
    assert_eq!(dismissed["dismissed"][0]["id"], id);
    assert!(home.error(&["dupes", "--dismiss", &id]).contains(&id));
    assert!(home.error(&["dupes", "--restore", "ffff"]).contains("ffff"));
    home.ok(&["dupes", "--restore", &id[..4]]);
    assert_eq!(groups(home).len(), 2);
    assert_eq!(home.ok(&["dupes", "--dismissed"]), "");
}

#[test]
fn a_group_is_dismissed_and_restored_with_and_without_a_daemon() {
    let home = library();
    home.index();
    decide(&home);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    decide(&home);
}

#[test]
fn what_is_dismissed_outlives_moves_and_a_rebuilt_index() {
    let home = library();
    home.index();
    let id = id(&list(&home, &[]), "first");
    home.ok(&["dupes", "--dismiss", &id]);
    fs::rename(home.photos().join("2001"), home.photos().join("moved")).unwrap();
    let original = home.photos().join("moved/first.jpg");
    fs::rename(&original, home.photos().join("renamed.jpg")).unwrap();
    home.index();
    assert_eq!(groups(&home).len(), 1);
    home.ok(&["index", "--once", "--rebuild"]);
    assert_eq!(groups(&home).len(), 1);
    // One more copy of the same bytes is what was spoken of.
    copy(
        &home.photos().join("renamed.jpg"),
        &home.photos().join("one more.jpg"),
        1,
    );
    home.index();
    assert_eq!(groups(&home).len(), 1);
    home.ok(&["dupes", "--restore", &id]);
    let list = list(&home, &["--tier", "exact"]);
    assert_eq!(group(&list, "renamed")["id"], id);
}

/// The scripts of the document, by their names, and `semfs` for this home.
fn scripts(home: &Home) -> PathBuf {
    let folder = home.path().join("bin");
    fs::create_dir(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let semfs = env!("CARGO_BIN_EXE_semfs");
    let config = home.config();
    write(
        "semfs",
        &format!(
            "#!/bin/sh\nexec '{semfs}' --config '{}' \"$@\"\n",
            config.display()
        ),
    );
    let blocks = DOCUMENT.split("```bash\n").skip(1);
    let blocks: Vec<&str> = blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 2, "the document has two scripts");
    write("quarantine", blocks[0]);
    write("put-back", blocks[1]);
    folder
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}

#[test]
fn the_scripts_of_the_document_do_what_it_says() {
    let home = library();
    home.index();
    let bin = scripts(&home);
    let run = |script: &str, arguments: &[&OsStr]| {
        let mut path = OsString::from(&bin);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let output = Command::new(bin.join(script))
            .args(arguments)
            .env("PATH", path)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{script}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // A name with a space, and one that the shell must not read.
    let quarantine = home.path().join("quarantine $HOME");
    fs::create_dir(&quarantine).unwrap();
    let all = || {
        let mut all = files(&home.photos());
        all.extend(files(&home.path().join("other")));
        all
    };
    let before = all();
    let expected = surplus(&home, &[]);
    // The dry run changes nothing.
    let told = run("quarantine", &[quarantine.as_os_str()]);
    assert_eq!(
        told.matches("would move: ").count(),
        expected.len(),
        "{told}"
    );
    assert_eq!(all(), before);
    assert_eq!(files(&quarantine).len(), 0);
    // One copy was edited since it was indexed, and is left.
    let edited = home.photos().join(AWKWARD);
    let mut bytes = fs::read(&edited).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&edited, &bytes).unwrap();
    let before = all();
    let told = run(
        "quarantine",
        &[quarantine.as_os_str(), OsStr::new("--move")],
    );
    assert!(told.contains("not equal"), "{told}");
    let gone: BTreeSet<PathBuf> = before
        .difference(&all())
        .map(|(path, _)| path.clone())
        .collect();
    let mut moved = expected.clone();
    moved.remove(&edited);
    assert_eq!(gone, moved, "exactly what was surplus");
    assert!(all().is_subset(&before), "all that is left is as it was");
    let quarantined = files(&quarantine);
    assert_eq!(quarantined.len(), moved.len());
    for path in &moved {
        let inside = quarantine.join(path.strip_prefix("/").unwrap());
        assert!(
            quarantined.iter().any(|(path, _)| *path == inside),
            "{inside:?}"
        );
    }
    // And back.
    assert_eq!(run("put-back", &[quarantine.as_os_str()]), "");
    assert_eq!(all(), before);
    assert_eq!(files(&quarantine).len(), 0);
}
