//! Importing, choosing, measuring and removing models.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::support::Daemon;
use crate::support::hub::Fault;

/// A folder with a copy of the model that comes with semfs, one file of it a link, as in the
/// cache of the hub's own tools.
fn copy_by_hand(home: &Home) -> PathBuf {
    let folder = home.path().join("By Hand");
    fs::create_dir(&folder).unwrap();
    for name in ["manifest.toml", image(), text()] {
        fs::copy(shipped().join(name), folder.join(name)).unwrap();
    }
    symlink(shipped().join(vocabulary()), folder.join(vocabulary())).unwrap();
    // Another model: other vectors.
    let manifest = fs::read_to_string(folder.join("manifest.toml")).unwrap();
    let lines = manifest
        .lines()
        .map(|line| match line.starts_with("std = ") {
            true => "std = [1.0, 1.0, 1.01]",
            false => line,
        });
    let manifest = lines.collect::<Vec<_>>().join("\n");
    fs::write(folder.join("manifest.toml"), manifest).unwrap();
    folder
}

#[test]
fn a_folder_is_imported_chosen_and_removed_and_stays_as_it_is() {
    let home = Home::new();
    let folder = copy_by_hand(&home);
    let before = folder_as_repository(&folder);
    home.ok(&["model", "import", folder.to_str().unwrap()]);
    let model = listed(&home, "by-hand").unwrap();
    assert_eq!(model["state"], "installed");
    assert_eq!(model["wanted"], false);
    assert!(
        store(&home)
            .join("by-hand")
            .join(vocabulary())
            .symlink_metadata()
            .unwrap()
            .is_file()
    );
    assert!(folder_as_repository(&folder) == before);
    let again = home.error(&["model", "import", folder.to_str().unwrap()]);
    assert!(again.contains("--name"), "{again}");

    let words = home.ok(&["model", "use", "by-hand"]);
    assert!(
        words.contains("by-hand is chosen; before, it was mini"),
        "{words}"
    );
    let decisions = fs::read_to_string(home.state().join("decisions.toml")).unwrap();
    assert!(decisions.contains("model = \"by-hand\""), "{decisions}");
    assert_eq!(listed(&home, "by-hand").unwrap()["wanted"], true);
    let words = home.error(&["model", "rm", "by-hand"]);
    assert!(words.contains("it was chosen"), "{words}");
    let words = home.error(&["model", "rm", "mini"]);
    assert!(words.contains("came with semfs"), "{words}");
    draw(&home);
    // The first index is of the model that was chosen, and needs it.
    home.index();
    assert_eq!(listed(&home, "by-hand").unwrap()["in_use"], true);
    home.ok(&["model", "use", "mini"]);
    let words = home.error(&["model", "rm", "by-hand"]);
    assert!(words.contains("still answers with it"), "{words}");
    fs::remove_dir_all(home.state().join("vectors")).unwrap();
    home.ok(&["model", "rm", "by-hand"]);
    assert!(in_store(&home).is_empty());
}

#[test]
fn a_model_that_semfs_toml_names_is_not_chosen_otherwise() {
    let home = Home::new();
    home.configure("model = \"mini\"");
    let words = home.error(&["model", "use", "mini"]);
    assert!(
        words.contains("semfs.toml says `model = \"mini\"`"),
        "{words}"
    );
    home.configure("");
    for (name, part) in [("nobody", "no model"), ("siglip-base", "not installed")] {
        let words = home.error(&["model", "use", name]);
        assert!(words.contains(part), "{words}");
    }
    assert!(!home.state().join("decisions.toml").exists());
}

#[test]
fn a_broken_model_is_listed_not_used_and_mended_by_what_is_missing() {
    let (home, hub) = home_and_hub();
    ok(&mut pull(&home, &hub));
    hub.requests();
    let damaged = store(&home).join(NAME).join(vocabulary());
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[100] ^= 1;
    fs::write(&damaged, &bytes).unwrap();
    let model = listed(&home, NAME).unwrap();
    assert_eq!(model["state"], "broken");
    assert!(model["reason"].as_str().unwrap().contains("has the hash"));
    home.error(&["model", "use", NAME]);
    fs::write(&damaged, "").unwrap();
    let words = home.error(&["model", "use", NAME]);
    assert!(
        words.contains("broken") && words.contains("semfs model pull me/Copy"),
        "{words}"
    );
    fs::create_dir_all(store(&home).join("stray")).unwrap();
    assert_eq!(state_of(&home, "stray"), "broken");
    home.ok(&["model", "rm", "stray"]);
    // Everything else goes on, and only what is wrong is fetched.
    home.index();
    hub.fail(image(), Fault::Status(500));
    ok(&mut pull(&home, &hub));
    assert_eq!(state_of(&home, NAME), "installed");
    assert_eq!(in_store(&home), [NAME]);
    home.ok(&["model", "use", NAME]);
}

#[test]
fn models_are_measured() {
    let home = Home::new();
    let measured = home.ok(&["model", "bench", "mini", "--json"]);
    let measured: serde_json::Value = serde_json::from_str(&measured).unwrap();
    let model = &measured[0];
    assert_eq!(model["name"], "mini");
    for key in ["photos_per_second", "text_milliseconds", "peak_bytes"] {
        assert!(model[key].as_f64().unwrap() > 0.0, "{model}");
    }
    assert!(model.get("vectors").is_none());
    let table = home.ok(&["model", "bench", "mini"]);
    assert!(
        table.lines().count() == 2 && table.contains("photos/s"),
        "{table}"
    );
}

#[test]
fn a_running_daemon_is_told_which_model_is_wanted() {
    let home = Home::new();
    let folder = copy_by_hand(&home);
    home.ok(&[
        "model",
        "import",
        folder.to_str().unwrap(),
        "--name",
        "other",
    ]);
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    let words = home.ok(&["model", "use", "other"]);
    assert!(
        words.contains("other is chosen; before, it was mini"),
        "{words}"
    );
    let decisions = fs::read_to_string(home.state().join("decisions.toml")).unwrap();
    assert!(decisions.contains("model = \"other\""), "{decisions}");
}
