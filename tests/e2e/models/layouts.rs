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
    assert!(words.contains("them/Garbage/"), "{words}");
    // The shipped image tower as both: it loads, and is not what was asked for.
    let mut repository = mini();
    let tower = repository[image()].clone();
    repository.insert(text().to_owned(), tower);
    hub.put("them/Twice", repository);
    let words = error(&mut command(&home, &hub, &["model", "pull", "them/Twice"]));
    assert!(words.contains(&format!("them/Twice/{}", text())), "{words}");
    assert!(
        in_store(&home).is_empty(),
        "nothing is left of what is no model"
    );
    assert_eq!(home.index().problems, 0);
}

/// Has a tower of a repository keep one number, which nothing depends on, in a file beside it.
/// What is appended to an ONNX file is part of its graph: so are protocol buffers merged.
fn with_weights_in(repository: &mut Repository, tower: &str, file: &str) {
    let field = |number: u8, bytes: &[u8]| {
        assert!(bytes.len() < 128);
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    };
    let location = [field(1, b"location"), field(2, file.as_bytes())].concat();
    let tensor = [
        vec![1 << 3, 1, 2 << 3, 1],
        field(8, b"kept_elsewhere"),
        field(13, &location),
        vec![14 << 3, 1],
    ];
    let graph = field(7, &field(5, &tensor.concat()));
    repository.get_mut(tower).unwrap().0.extend(graph);
    let (beside, _) = tower.rsplit_once('/').unwrap();
    let weights = (1_f32.to_le_bytes().to_vec(), true);
    repository.insert(format!("{beside}/{file}"), weights);
}

fn write(repository: &Repository, folder: &Path) {
    for (path, (bytes, _)) in repository {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn weights_were_taken_only_from_files_that_are_called_like_their_tower() {
    let Some(mut repository) = fixture("clip") else {
        return;
    };
    let (home, hub) = home_and_hub();
    let tower = "onnx/vision_model.onnx";
    with_weights_in(&mut repository, tower, "vision_model_weights.bin");
    with_weights_in(&mut repository, "onnx/text_model.onnx", "onnx__MatMul_7");
    hub.put("them/clip", repository.clone());
    ok(&mut command(&home, &hub, &["model", "pull", "them/clip"]));
    let folder = home.path().join("By Hand");
    write(&repository, &folder);
    let folder = folder.to_str().unwrap();
    home.ok(&["model", "import", folder]);
    for name in ["clip", "by-hand"] {
        assert_eq!(state_of(&home, name), "installed");
        for file in ["vision_model_weights.bin", "onnx__MatMul_7"] {
            let path = store(&home).join(name).join("onnx").join(file);
            assert!(path.is_file(), "{}", path.display());
        }
        ok(&mut command(&home, &hub, &["model", "use", name]));
    }

    let missing = "onnx/vision_model_weights.bin";
    fs::remove_file(Path::new(folder).join(missing)).unwrap();
    let words = home.error(&["model", "import", folder, "--name", "torn"]);
    assert!(words.contains(missing) && words.contains(folder), "{words}");
    repository.remove(missing);
    hub.put("them/torn", repository.clone());
    let words = error(&mut command(&home, &hub, &["model", "pull", "them/torn"]));
    assert!(words.contains(missing), "{words}");
    with_weights_in(&mut repository, tower, "../../stolen.bin");
    repository.remove("onnx/../../stolen.bin");
    hub.put("them/thief", repository);
    let words = error(&mut command(&home, &hub, &["model", "pull", "them/thief"]));
    assert!(words.contains("not a file beside it"), "{words}");
    assert_eq!(in_store(&home), ["by-hand", "clip"]);
}

#[test]
fn a_folder_of_the_hubs_own_cache_is_imported_by_the_snapshot_in_it() {
    let Some(repository) = fixture("clip") else {
        return;
    };
    let home = Home::new();
    let cache = home.path().join("models--me--Cached");
    write(&repository, &cache.join("snapshots/0123"));
    fs::create_dir(cache.join("refs")).unwrap();
    home.ok(&["model", "import", cache.to_str().unwrap()]);
    assert_eq!(state_of(&home, "cached"), "installed");
    fs::create_dir(cache.join("snapshots/4567")).unwrap();
    let words = home.error(&["model", "import", cache.to_str().unwrap(), "--name", "b"]);
    assert!(words.contains("name the one that is meant"), "{words}");
}

#[test]
fn an_import_that_failed_named_the_copy_that_was_gone_by_then() {
    let Some(repository) = fixture("clip") else {
        return;
    };
    let home = Home::new();
    let folder = home.path().join("spoiled");
    write(&repository, &folder);
    let tower = "onnx/vision_model.onnx";
    for (file, bytes) in [
        ("tokenizer.json", &b"{}"[..]),
        // It has a graph, and nothing that runs.
        (tower, b"\x3a\x00"),
    ] {
        fs::write(folder.join(file), bytes).unwrap();
        let words = home.error(&["model", "import", folder.to_str().unwrap()]);
        let source = folder.join(file);
        assert!(words.contains(source.to_str().unwrap()), "{words}");
        assert!(!words.contains(".pull-"), "{words}");
        fs::write(folder.join(file), &repository[file].0).unwrap();
    }
    assert!(in_store(&home).is_empty());
}
