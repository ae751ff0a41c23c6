//! Models of other layouts than ours, and files that are no models.

use super::*;
use crate::support::skipped;

/// A small model in the layout of the hub (`clip`, `siglip`) or of immich (`immich`).
fn fixture(name: &str) -> Option<Repository> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/parity")
        .join(name);
    if folder.is_dir() {
        return Some(folder_as_repository(&folder));
    }
    skipped!("{} is not there", folder.display());
    None
}

#[test]
fn models_of_the_layouts_of_the_hub_and_of_immich_are_pulled_and_used() {
    for name in ["clip", "siglip", "immich"] {
        let Some(mut repository) = fixture(name) else {
            continue;
        };
        let (home, hub) = home_and_hub();
        // What the real ones have besides.
        let more = ["README.md", ".gitattributes", "onnx/vision_model_q4.onnx"];
        for path in more {
            repository.insert(path.to_owned(), (b"not needed".to_vec(), false));
        }
        let model = format!("them/{name}");
        hub.put(&model, repository);
        ok(&mut command(&home, &hub, &["model", "pull", &model]));
        let requests = hub.requests();
        assert!(
            !requests
                .iter()
                .any(|asked| more.iter().any(|path| asked.path.ends_with(path)))
        );
        assert_eq!(state_of(&home, name), "installed");
        assert!(store(&home).join(name).join("manifest.toml").is_file());
        ok(&mut command(&home, &hub, &["model", "use", name]));
        draw(&home);
        home.index();
        assert_eq!(listed(&home, name).unwrap()["in_use"], true);
    }
}

#[test]
fn foreign_files_are_no_model_and_are_named() {
    let (home, hub) = home_and_hub();
    let mut repository = Repository::new();
    for path in ["config.json", "tokenizer.json", "preprocessor_config.json"] {
        repository.insert(path.to_owned(), (b"{}".to_vec(), false));
    }
    hub.put("them/Bert", repository.clone());
    let words = error(&mut command(&home, &hub, &["model", "pull", "them/Bert"]));
    assert!(words.contains("known layout"), "{words}");
    for path in ["onnx/vision_model.onnx", "onnx/text_model.onnx"] {
        repository.insert(path.to_owned(), (vec![7; 5_000], true));
    }
    hub.put("them/Garbage", repository);
    let words = error(&mut command(
        &home,
        &hub,
        &["model", "pull", "them/Garbage"],
    ));
    assert!(
        words.contains(".json") || words.contains(".onnx"),
        "{words}"
    );
    // The shipped image tower as both: it loads, and is not what was asked for.
    let mut repository = mini();
    let tower = repository[image()].clone();
    repository.insert(text().to_owned(), tower);
    hub.put("them/Twice", repository);
    let words = error(&mut command(&home, &hub, &["model", "pull", "them/Twice"]));
    assert!(words.contains(text()), "{words}");
    assert!(
        in_store(&home).is_empty(),
        "nothing is left of what is no model"
    );
    assert_eq!(home.index().problems, 0);
}
