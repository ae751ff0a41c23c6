//! Models from a hub, from folders, chosen and removed: against a server that does everything
//! that can go wrong.

mod choosing;
mod failing;
mod hubs;
mod layouts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::support::Home;
use crate::support::hub::{Hub, Repository};

/// The repository that most of these tests pull: the model that comes with semfs.
const REPOSITORY: &str = "me/Copy";

/// What it is called.
const NAME: &str = "copy";

/// A home, and a hub with one repository.
fn home_and_hub() -> (Home, Hub) {
    let (home, hub) = (Home::new(), Hub::start());
    hub.put(REPOSITORY, mini());
    (home, hub)
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini")
}

/// The names of its image tower, text tower and vocabulary.
static FILES: LazyLock<[String; 3]> = LazyLock::new(|| {
    let manifest = fs::read_to_string(shipped().join("manifest.toml")).unwrap();
    let lines = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("file = \""));
    let files: Vec<String> = lines
        .map(|rest| rest.split('"').next().unwrap().into())
        .collect();
    files.try_into().unwrap()
});

fn image() -> &'static str {
    &FILES[0]
}

fn text() -> &'static str {
    &FILES[1]
}

fn vocabulary() -> &'static str {
    &FILES[2]
}

/// The model that comes with semfs, as a repository.
fn mini() -> Repository {
    folder_as_repository(&shipped())
}

fn folder_as_repository(folder: &Path) -> Repository {
    let files = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap);
    let files = files.filter(|file| file.file_type().is_file());
    let files = files.map(|file| {
        let path = file.path().strip_prefix(folder).unwrap();
        let is_large = path.extension().is_some_and(|ending| ending == "onnx");
        let bytes = fs::read(file.path()).unwrap();
        (path.to_str().unwrap().to_owned(), (bytes, is_large))
    });
    files.collect()
}

/// The program with a hub, and no proxy of the machine.
fn command(home: &Home, hub: &Hub, arguments: &[&str]) -> Command {
    let mut command = home.command(arguments);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
        .env_remove("XDG_DATA_HOME")
        .env_remove("HF_TOKEN")
        .env_remove("HF_HUB_OFFLINE")
        .env("HF_ENDPOINT", hub.endpoint())
        .env("HF_HUB_DOWNLOAD_TIMEOUT", "5");
    command
}

/// Runs it: whether it succeeded, and all that it said.
fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    (output.status.success(), format!("{out}{error}"))
}

fn ok(command: &mut Command) -> String {
    let (ok, words) = said(command);
    assert!(ok, "{words}");
    words
}

fn error(command: &mut Command) -> String {
    let (ok, words) = said(command);
    assert!(!ok, "{words}");
    assert!(!words.contains("panicked"), "{words}");
    words
}

fn pull(home: &Home, hub: &Hub) -> Command {
    command(home, hub, &["model", "pull", REPOSITORY])
}

/// The folder of models.
fn store(home: &Home) -> PathBuf {
    home.path().join(".local/share/semfs/models")
}

/// Puts a picture into the photos of a home.
fn draw(home: &Home) {
    let colour = |x, y| image::Rgb([(x * 4) as u8, (y * 5) as u8, 90]);
    let picture = image::RgbImage::from_fn(60, 40, colour);
    picture.save(home.photos().join("drawn.png")).unwrap();
}

/// A model in `semfs model list --json`.
fn listed(home: &Home, name: &str) -> Option<serde_json::Value> {
    let list = home.ok(&["model", "list", "--json", "--verify"]);
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    list.into_iter().find(|model| model["name"] == name)
}

fn state_of(home: &Home, name: &str) -> String {
    let model = listed(home, name).unwrap_or_default();
    model["state"].as_str().unwrap_or_default().to_owned()
}

/// What is in the folder of models, hidden folders as well.
fn in_store(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(store(home)).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_model_is_pulled_with_the_files_that_it_needs_and_no_others() {
    let (home, hub) = home_and_hub();
    let words = ok(pull(&home, &hub).env("HF_TOKEN", "hf_secret"));
    assert!(
        words.contains("copy is here: me/Copy@0123456789ab"),
        "{words}"
    );
    let model = listed(&home, NAME).unwrap();
    assert_eq!(model["state"], "installed");
    assert_eq!(
        model["dimension"],
        listed(&home, "mini").unwrap()["dimension"]
    );
    let lock = fs::read_to_string(store(&home).join("copy/semfs-model.lock")).unwrap();
    assert!(
        lock.contains("sha256 = ") && lock.contains("git = "),
        "{lock}"
    );
    let requests = hub.requests();
    let asked = |end: &str| requests.iter().any(|request| request.path.contains(end));
    assert!(asked(image()) && asked(vocabulary()));
    assert!(!asked("README.md"), "nobody needs it");
    for request in &requests {
        // The token is for the hub, and for nobody that it sends us to.
        let token = request.token.as_deref();
        assert_eq!(token.is_some(), !request.is_store, "{request:?}");
    }
    let words = ok(&mut pull(&home, &hub));
    assert!(words.contains("here already"), "{words}");
    assert!(
        hub.requests().is_empty(),
        "a model that is here asks nobody"
    );
}

#[test]
fn nothing_is_asked_for_where_the_environment_says_so() {
    let (home, hub) = home_and_hub();
    let words = error(pull(&home, &hub).env("HF_HUB_OFFLINE", "1"));
    assert!(words.contains("HF_HUB_OFFLINE"), "{words}");
    assert!(hub.requests().is_empty());
}

#[test]
fn a_model_comes_through_a_proxy() {
    let (home, hub) = home_and_hub();
    let proxy = hub.endpoint();
    let nowhere = "http://hub.invalid";
    let through = pull(&home, &hub)
        .env("HF_ENDPOINT", nowhere)
        .env("HTTP_PROXY", &proxy)
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&through.stderr);
    assert!(through.status.success(), "{words}");
    let requests = hub.requests();
    let to_proxy = |request: &crate::support::hub::Request| request.method == "CONNECT";
    assert!(requests.iter().any(to_proxy), "{requests:?}");
    // The store of large files is an exception here.
    assert!(
        !requests
            .iter()
            .any(|request| request.is_store && to_proxy(request))
    );
}

#[test]
fn what_is_no_name_and_no_repository_is_said_to_be_none() {
    let (home, hub) = home_and_hub();
    for (name, part) in [
        ("nobody", "semfs model list"),
        ("../x", "neither a model's name nor a repository"),
        ("me/Nothing", "no such repository"),
    ] {
        let words = error(&mut command(&home, &hub, &["model", "pull", name]));
        assert!(words.contains(part), "{name}: {words}");
    }
    let precise = ["model", "pull", REPOSITORY, "--precision", "int8"];
    let words = error(&mut command(&home, &hub, &precise));
    assert!(words.contains("no choice of weights"), "{words}");
    let words = home.ok(&["model", "list"]);
    assert!(
        words.contains("siglip2-base") && words.contains("mini"),
        "{words}"
    );
}
