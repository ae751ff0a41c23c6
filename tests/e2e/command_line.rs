//! The command line: help, errors, formats.

use std::fs;

use crate::pictures::write_many;
use crate::support::{Daemon, Home};

#[test]
fn help_man_page_and_completions_come_from_one_definition() {
    let home = Home::new();
    let help = home.ok(&["--help"]);
    let man = home.ok(&["man"]);
    for command in ["index", "daemon", "search", "status"] {
        assert!(help.contains(command), "{command}");
        assert!(man.contains(&command.to_uppercase()), "{command}");
    }
    assert!(!help.contains("worker"), "the worker is nobody's command");
    for shell in ["bash", "zsh", "fish"] {
        let script = home.ok(&["completions", shell]);
        assert!(
            script.contains("problems") && script.contains("semfs"),
            "{shell}"
        );
    }
}

#[test]
fn an_unknown_key_is_an_error_with_its_line() {
    let home = Home::new();
    home.configure("rescan = 3");
    let error = home.error(&["status"]);
    assert!(
        error.contains("semfs.toml") && error.contains("line 4"),
        "{error}"
    );
    assert!(error.contains("rescan"), "{error}");
}

#[test]
fn a_configuration_that_is_named_must_be_there() {
    let home = Home::new();
    fs::remove_file(home.config()).unwrap();
    let error = home.error(&["status"]);
    assert!(
        error.contains("semfs.toml") && error.contains("No such file"),
        "{error}"
    );
}

#[test]
fn no_root_and_nested_roots_are_errors_that_say_what_to_do() {
    let home = Home::new();
    fs::write(home.config(), format!("state = {:?}\n", home.state())).unwrap();
    assert!(home.error(&["index"]).contains("roots = "));
    let inner = home.photos().join("inner");
    fs::create_dir(&inner).unwrap();
    let (outer, inner) = (home.photos(), inner);
    let error = home.error(&["index", outer.to_str().unwrap(), inner.to_str().unwrap()]);
    assert!(error.contains("inside the other"), "{error}");
}

#[test]
fn a_query_that_makes_no_sense_is_explained() {
    let home = Home::new();
    write_many(&home.photos(), 3);
    home.index();
    for (query, word) in [
        ("date=32", "date="),
        ("dog top=many", "top=many"),
        ("- dog", "not wanted"),
        ("日本", "English"),
    ] {
        let error = home.error(&["search", "--", query]);
        assert!(error.contains(word), "{query}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn results_come_as_text_json_and_zero_terminated() {
    let home = Home::new();
    write_many(&home.photos(), 12);
    home.index();
    let text = home.ok(&["search", "-n", "3", "blue", "waves", "min=0"]);
    assert_eq!(text.lines().count(), 3);
    let json = home.ok(&["search", "-n", "3", "--json", "blue waves min=0"]);
    let found: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let paths = home.search("blue waves", 3);
    assert_eq!(found.len(), 3);
    for (rank, (found, path)) in found.iter().zip(&paths).enumerate() {
        assert_eq!(found["rank"], rank + 1);
        assert_eq!(found["path"].as_str(), path.to_str());
        assert!(
            text.lines()
                .nth(rank)
                .unwrap()
                .ends_with(path.to_str().unwrap())
        );
    }
    let scores: Vec<f64> = found
        .iter()
        .map(|found| found["score"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
}

#[test]
fn a_search_of_no_index_finds_nothing_and_is_no_error() {
    let home = Home::new();
    assert_eq!(home.ok(&["search", "dog"]), "");
}

#[test]
fn any_picture_is_compared_with_those_of_the_index() {
    let home = Home::new();
    write_many(&home.photos(), 12);
    let own = home.photos().join("000").join("00003.jpg");
    let elsewhere = home.path().join("elsewhere.jpg");
    fs::copy(&own, &elsewhere).unwrap();
    // The same picture with other bytes: no content of the index.
    let mut bytes = fs::read(&own).unwrap();
    bytes.extend_from_slice(b"\0\0");
    let changed = home.path().join("changed.jpg");
    fs::write(&changed, bytes).unwrap();
    fs::write(home.path().join("text.jpg"), "no picture").unwrap();
    home.index();
    let ask = |daemon: &str| {
        let similar = |path: &std::path::Path| {
            let json = home.ok(&["similar", "--json", path.to_str().unwrap()]);
            serde_json::from_str::<Vec<serde_json::Value>>(&json).unwrap()
        };
        let first = &similar(&changed)[0];
        assert_eq!(first["path"].as_str(), own.to_str(), "{daemon}");
        assert!(first["relevance"].as_f64().unwrap() > 0.95, "{first}");
        let copied = &similar(&elsewhere)[0];
        assert_eq!(copied["path"].as_str(), own.to_str(), "{daemon}");
        let others = similar(&own);
        assert!(
            others
                .iter()
                .all(|found| found["path"].as_str() != own.to_str()),
            "a photo is not similar to itself, {daemon}"
        );
        for (name, word) in [("text.jpg", "not a picture"), ("none.jpg", "No such file")] {
            let error = home.error(&["similar", home.path().join(name).to_str().unwrap()]);
            assert!(error.contains(word) && error.contains(name), "{error}");
        }
    };
    ask("without a daemon");
    if let Some(_daemon) = Daemon::start(&home) {
        ask("with a daemon");
    }
}
