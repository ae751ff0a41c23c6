//! From one model to another: the index goes on answering, and nothing but vectors changes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Daemon, Home, names};

/// A root that changes is looked at again within a second.
const LIVELY: &str = "rescan_minutes = 0\npoll_seconds = 1\nrest_seconds = 0";

const SUBJECTS: &[&str] = semfs_samples::SUBJECTS;

/// Draws `count` photos into a folder, numbered from `first`.
fn draw(folder: &Path, first: usize, count: usize) {
    fs::create_dir_all(folder).unwrap();
    for number in first..first + count {
        let subject = SUBJECTS[number % SUBJECTS.len()];
        let photo = semfs_samples::draw(subject, number as u64, 320, 240).unwrap();
        photo.save(folder.join(format!("{number:03}.jpg"))).unwrap();
    }
}

/// A model with the weights of the one that is shipped and another preprocessing: its vectors
/// are others, and still mean something.
fn other_model(home: &Home, name: &str, scale: &str) -> PathBuf {
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini");
    let other = home.path().join(name);
    fs::create_dir(&other).unwrap();
    for entry in fs::read_dir(mini).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), other.join(entry.file_name())).unwrap();
        }
    }
    let manifest = fs::read_to_string(other.join("manifest.toml")).unwrap();
    let version = manifest.lines().find(|line| line.starts_with("version"));
    let changed = manifest
        .replace("scale = 1.0", &format!("scale = {scale}"))
        .replace(version.unwrap(), "version = 1")
        .replace("semfs-mini", name);
    assert_ne!(manifest, changed);
    fs::write(other.join("manifest.toml"), changed).unwrap();
    other
}

fn want(home: &Home, model: &Path) {
    home.configure(&format!("model = {model:?}"));
}

/// The name of the model whose vectors are searched.
fn model(home: &Home) -> String {
    let status = home.status();
    status.0["model"]["name"].as_str().unwrap().to_owned()
}

/// What an index of the same photos with this model, made anew, gives for some questions.
fn fresh(home: &Home, model: &Path) -> Vec<Vec<PathBuf>> {
    let other = Home::new();
    let roots = format!("[{:?}]", home.photos());
    other.configure_roots(&roots, &format!("model = {model:?}"));
    other.ok(&["index"]);
    answers(&other)
}

const QUESTIONS: &[&str] = &[
    "red car",
    "sunset over the sea",
    "a dog in the snow",
    "a tree",
];

fn answers(home: &Home) -> Vec<Vec<PathBuf>> {
    let all = QUESTIONS.iter();
    all.map(|question| home.search(question, 10)).collect()
}

fn groups(home: &Home, tier: &str) -> BTreeSet<BTreeSet<String>> {
    let printed = home.ok(&["dupes", "--json", "--tier", tier]);
    let report: Value = serde_json::from_str(&printed).unwrap();
    let groups = report["groups"].as_array().unwrap().clone().into_iter();
    groups
        .map(|group| {
            let files = group["files"].as_array().unwrap().iter();
            files.map(|file| file["path"].to_string()).collect()
        })
        .collect()
}

#[test]
fn without_a_daemon_an_index_gets_the_vectors_of_another_model_and_of_it_alone() {
    let home = Home::new();
    draw(&home.photos(), 0, 30);
    home.index();
    let before = answers(&home);
    let other = other_model(&home, "darker", "0.5");
    let expected = fresh(&home, &other);
    assert_ne!(
        before, expected,
        "the two models see the same: nothing is tested"
    );
    want(&home, &other);
    // Asking changes nothing: the model before answers.
    assert_eq!(answers(&home), before);
    let status = home.ok(&["status"]);
    assert!(status.contains("model       semfs-mini"), "{status}");
    assert!(status.contains("darker 1, 0 of 30 photos, 0 %"), "{status}");
    let printed = home.ok(&["index", "--once"]);
    assert!(
        printed.starts_with("0 new, 0 moved or copied, 30 unchanged"),
        "{printed}"
    );
    assert!(
        printed.contains("30 photos were looked at again"),
        "{printed}"
    );
    assert_eq!(answers(&home), expected);
    assert_eq!(model(&home), "darker 1");
    assert!(home.status().0["next"].is_null());
    assert_eq!(stores(&home), ["vectors-1"]);
    let again = home.ok(&["index", "--once"]);
    assert!(!again.contains("looked at again"), "{again}");
    // And back.
    home.configure("");
    home.ok(&["index", "--once"]);
    assert_eq!(answers(&home), before);
}

/// The folders of vectors.
fn stores(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.state()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("vectors")).collect();
    names.sort();
    names
}

#[test]
fn a_daemon_answers_all_the_time_and_keeps_all_but_the_vectors() {
    let home = Home::new();
    draw(&home.photos(), 0, 150);
    // A copy, and an edit of another one.
    fs::copy(
        home.photos().join("003.jpg"),
        home.photos().join("copy.jpg"),
    )
    .unwrap();
    let edited = image::open(home.photos().join("004.jpg")).unwrap();
    edited
        .fliph()
        .save(home.photos().join("edited.jpg"))
        .unwrap();
    home.ok(&["index"]);
    home.ok(&["pin", "red car"]);
    let (bytes, same) = (groups(&home, "exact"), groups(&home, "same-photo"));
    assert_eq!((bytes.len(), same.len()), (1, 1));
    let other = other_model(&home, "darker", "0.5");
    want(&home, &other);
    let Some(daemon) = Daemon::spawn(&home) else {
        return;
    };
    let (mut asked, mut arrived) = (0, false);
    let began = Instant::now();
    while model(&home) != "darker 1" {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "{}",
            home.ok(&["status"])
        );
        for question in QUESTIONS {
            assert_eq!(home.search(question, 5).len(), 5);
            let listed = fs::read_dir(home.mount().join("search").join(question)).unwrap();
            assert!(listed.count() < 100);
            asked += 1;
        }
        if !arrived {
            arrived = true;
            draw(&home.photos(), 200, 3);
        }
    }
    assert!(asked > 0, "it was done before anything was asked");
    daemon.wait_for("what arrived", || home.status().number("files") == 155);
    daemon.wait_for("the pairs", || {
        home.status().0["duplicates"]["waiting"] == 0
    });
    let expected = fresh(&home, &other);
    assert_eq!(answers(&home), expected);
    assert_eq!(home.ok(&["pins"]).trim(), "red car");
    assert_eq!(groups(&home, "exact"), bytes);
    assert_eq!(groups(&home, "same-photo"), same);
    daemon.wait_for("the old vectors to go", || stores(&home) == ["vectors-1"]);
}

#[test]
fn a_power_cut_costs_a_few_photos_and_never_the_answers() {
    let home = Home::new();
    draw(&home.photos(), 0, 120);
    home.ok(&["index"]);
    let before = answers(&home);
    let other = other_model(&home, "darker", "0.5");
    let expected = fresh(&home, &other);
    want(&home, &other);
    let mut done = 0;
    for cuts in 0.. {
        let Some(daemon) = Daemon::spawn(&home) else {
            return;
        };
        let began = Instant::now();
        let mut swapped = false;
        // Each time a little later.
        while began.elapsed() < Duration::from_millis(100 + 200 * cuts) && !swapped {
            let status = home.status();
            let now = status.0["next"]["done"].as_u64();
            swapped = now.is_none();
            let now = now.unwrap_or(120);
            assert!(now >= done, "it began again: {now} after {done}");
            done = now;
        }
        if swapped {
            assert_eq!(answers(&home), expected);
            break;
        }
        assert!(cuts < 60, "it gets nowhere");
        assert!(home.search(QUESTIONS[0], 5).len() == 5);
        drop(daemon.kill());
        let answered = answers(&home);
        assert!(answered == before || answered == expected);
    }
}

#[test]
fn without_the_model_of_its_vectors_an_index_tells_what_it_waits_for() {
    let home = Home::new();
    draw(&home.photos().join("holiday"), 0, 10);
    draw(&home.photos().join("work"), 100, 30);
    let gone = other_model(&home, "darker", "0.5");
    want(&home, &gone);
    home.ok(&["index"]);
    fs::remove_dir_all(&gone).unwrap();
    home.configure("");
    let error = home.error(&["search", "red car"]);
    assert!(
        error.contains("darker 1") && error.contains("semfs-mini"),
        "{error}"
    );
    // What needs no model is there.
    assert_eq!(home.search("in=holiday", 50).len(), 10);
    let filed = home.search("holiday", 10);
    assert_eq!(filed.len(), 10);
    assert!(
        filed
            .iter()
            .all(|path| path.starts_with(home.photos().join("holiday")))
    );
    // What comes now, too; and then all of it is looked at.
    draw(&home.photos().join("holiday"), 20, 5);
    let printed = home.ok(&["index", "--once"]);
    assert!(printed.starts_with("5 new"), "{printed}");
    assert_eq!(model(&home).split(' ').next(), Some("semfs-mini"));
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini");
    assert_eq!(answers(&home), fresh(&home, &mini));
    assert_eq!(home.index().unchanged, 45);
}

#[test]
fn who_changes_their_mind_gets_the_model_that_they_wanted_last() {
    let home = Home::new();
    draw(&home.photos(), 0, 40);
    home.ok(&["index"]);
    let before = answers(&home);
    let (b, c) = (
        other_model(&home, "darker", "0.5"),
        other_model(&home, "dark", "0.25"),
    );
    want(&home, &b);
    let Some(daemon) = Daemon::spawn(&home) else {
        return;
    };
    drop(daemon);
    want(&home, &c);
    let expected = fresh(&home, &c);
    let daemon = Daemon::start(&home).unwrap();
    daemon.wait_for("the model", || model(&home) == "dark 1");
    assert_eq!(answers(&home), expected);
    drop(daemon);
    want(&home, &b);
    drop(Daemon::spawn(&home).unwrap());
    home.configure("");
    let daemon = Daemon::start(&home).unwrap();
    daemon.wait_for("the first model", || model(&home).starts_with("semfs-mini"));
    daemon.wait_for("its end", || home.status().0["next"].is_null());
    assert_eq!(answers(&home), before);
}

#[test]
fn a_disk_that_is_away_holds_nothing_up_and_follows_when_it_is_back() {
    let home = Home::new();
    let (here, disk) = (home.path().join("here"), home.path().join("disk"));
    draw(&here, 0, 40);
    draw(&disk, 100, 2);
    let other = other_model(&home, "darker", "0.5");
    let roots = format!("[{here:?}, {disk:?}]");
    home.configure_roots(&roots, "");
    home.ok(&["index"]);
    fs::rename(&disk, home.path().join("away")).unwrap();
    fs::create_dir(&disk).unwrap();
    home.configure_roots(&roots, &format!("model = {other:?}\n{LIVELY}"));
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    daemon.wait_for("the disk to be waited for", || {
        let status = home.status();
        status.0["next"]["waits"].is_string() || status.0["next"].is_null()
    });
    daemon.wait_for("the model", || model(&home) == "darker 1");
    let all = home.search("red car", 100);
    assert_eq!(all.len(), 42, "what has no vector is found by what it is");
    fs::remove_dir(&disk).unwrap();
    fs::rename(home.path().join("away"), &disk).unwrap();
    let example = disk.join("100.jpg");
    let example = example.to_str().unwrap();
    let is_seen = || home.run(&["similar", example]).status.success();
    daemon.wait_for("the disk to be looked at", is_seen);
    drop(daemon);
    let settings = format!("model = {other:?}");
    let anew = Home::new();
    anew.configure_roots(&roots, &settings);
    anew.ok(&["index"]);
    // In another order where photos are worth the same.
    let all: BTreeSet<PathBuf> = home.search("red car", 10).into_iter().collect();
    assert_eq!(all, anew.search("red car", 10).into_iter().collect());
}

#[test]
fn a_wanted_model_that_was_not_there_stopped_status_search_and_daemon() {
    let home = Home::new();
    // So many that it can be stopped between its first vectors and its last.
    draw(&home.photos(), 0, 400);
    home.ok(&["index"]);
    let before = answers(&home);
    let other = other_model(&home, "darker", "0.5");
    let aside = home.path().join("unmounted");
    want(&home, &other);
    // A part of its vectors is there when it goes.
    let Some(daemon) = Daemon::spawn(&home) else {
        return;
    };
    let begun = || home.status().0["next"]["done"].as_u64();
    daemon.wait_for("its first vectors", || begun() > Some(0));
    drop(daemon.kill());
    let done = begun().expect("it was done before it could be taken away");
    fs::rename(&other, &aside).unwrap();

    assert_eq!(answers(&home), before);
    let status = home.status();
    let error = status.0["last_error"].as_str().unwrap();
    assert!(error.contains("darker"), "{error}");
    assert!(status.0["next"].is_null());
    draw(&home.photos(), 400, 1);
    let printed = home.ok(&["index", "--once"]);
    assert!(printed.starts_with("1 new"), "{printed}");
    let daemon = Daemon::start(&home).unwrap();
    let listed = home.mount().join("search/red car");
    assert!(fs::read_dir(&listed).unwrap().count() > 0);
    daemon.wait_for("the error", || {
        let error = home.status().0["last_error"].clone();
        error.as_str().is_some_and(|error| error.contains("darker"))
    });
    drop(daemon);

    // It goes on where it was.
    fs::rename(&aside, &other).unwrap();
    assert!(begun() >= Some(done), "{:?} after {done}", begun());
    home.ok(&["index"]);
    assert_eq!(model(&home), "darker 1");
}

#[test]
fn without_any_model_of_its_own_an_index_still_tells_what_needs_none() {
    let home = Home::new();
    draw(&home.photos().join("holiday"), 0, 10);
    let gone = other_model(&home, "darker", "0.5");
    let aside = home.path().join("unmounted");
    want(&home, &gone);
    home.ok(&["index"]);
    let before = answers(&home);
    fs::rename(&gone, &aside).unwrap();
    let error = home.error(&["search", "red car"]);
    assert!(
        error.contains("darker 1") && error.contains("cannot be used"),
        "{error}"
    );
    assert!(!error.contains("semfs-mini"), "{error}");
    let status = home.status();
    assert_eq!(status.0["model"]["name"], "darker 1");
    assert!(status.0["next"].is_null());
    assert_eq!(home.search("in=holiday", 50).len(), 10);
    // What comes meanwhile gets no vectors of another model, and its own when that is back.
    draw(&home.photos().join("holiday"), 10, 1);
    home.ok(&["index", "--once"]);
    if let Some(daemon) = Daemon::start(&home) {
        let listed = names(&home.mount().join("search/in=holiday"));
        let photos = listed.iter().filter(|name| name.ends_with(".jpg"));
        assert_eq!(photos.count(), 11, "{listed:?}");
        drop(daemon);
    }
    fs::rename(&aside, &gone).unwrap();
    home.ok(&["index"]);
    assert_eq!(model(&home), "darker 1");
    assert_eq!(answers(&home), fresh(&home, &gone));
    fs::remove_file(home.photos().join("holiday/010.jpg")).unwrap();
    home.ok(&["index", "--once"]);
    assert_eq!(answers(&home), before);
    // Where there are no vectors yet, nobody chooses for the owner.
    let empty = Home::new();
    want(&empty, &aside);
    let error = empty.error(&["index"]);
    assert!(error.contains("unmounted"), "{error}");
}

#[test]
fn a_damaged_tower_or_a_missing_model_cost_more_than_the_words() {
    let home = Home::new();
    draw(&home.photos().join("holiday"), 0, 6);
    let other = other_model(&home, "darker", "0.5");
    want(&home, &other);
    home.ok(&["index"]);
    let before = answers(&home);
    // The vectors are gone only when there can be others.
    let aside = home.path().join("unmounted");
    fs::rename(&other, &aside).unwrap();
    let error = home.error(&["index", "--rebuild"]);
    assert!(error.contains("darker"), "{error}");
    fs::rename(&aside, &other).unwrap();
    assert_eq!(answers(&home), before);

    let tower = other.join("text_i8.onnx");
    let whole = fs::read(&tower).unwrap();
    fs::write(&tower, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(home.search("in=holiday", 50).len(), 6);
    let error = home.error(&["search", "red car"]);
    assert!(error.contains("text_i8.onnx"), "{error}");
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let listed = names(&home.mount().join("search/in=holiday"));
    assert!(
        listed.iter().any(|name| name.ends_with(".jpg")),
        "{listed:?}"
    );
    daemon.wait_for("the error", || {
        let error = home.status().0["last_error"].clone();
        error
            .as_str()
            .is_some_and(|error| error.contains("text_i8"))
    });
    drop(daemon);
    fs::write(&tower, whole).unwrap();
    assert_eq!(answers(&home), before);
}

#[test]
fn choosing_named_the_model_chosen_before_as_the_one_that_answers() {
    let home = Home::new();
    draw(&home.photos(), 0, 6);
    home.ok(&["index"]);
    for (name, scale) in [("darker", "0.5"), ("dark", "0.25")] {
        let folder = other_model(&home, name, scale);
        home.ok(&["model", "import", folder.to_str().unwrap()]);
    }
    let answering = "queries are answered with semfs-mini";
    let printed = home.ok(&["model", "use", "darker"]);
    assert!(printed.contains("6 photos: "), "{printed}");
    assert!(printed.contains(answering), "{printed}");
    // Nothing was looked at yet.
    let printed = home.ok(&["model", "use", "dark"]);
    assert!(printed.contains("before, it was darker"), "{printed}");
    assert!(printed.contains(answering), "{printed}");
    let printed = home.ok(&["model", "use", "mini"]);
    assert!(printed.contains("has its vectors already"), "{printed}");
    let Some(daemon) = Daemon::start(&home) else {
        return;
    };
    let printed = home.ok(&["model", "use", "darker"]);
    assert!(printed.contains(answering), "{printed}");
    daemon.wait_for("the model", || model(&home) == "darker 1");
    // Small weights that are not here are no error.
    let printed = home.ok(&["model", "use", "dark", "--precision", "auto"]);
    assert!(printed.contains("dark-int8 is not here"), "{printed}");
    assert!(printed.contains("dark is chosen"), "{printed}");
}
