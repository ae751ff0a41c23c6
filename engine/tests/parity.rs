//! Towers in the layouts of the hub and of immich give the vectors that `transformers` gives.
//!
//! `scripts/parity/export.py` made the models (random weights) and the vectors. The photos of
//! the comparison are those of `shared/data` beside the checkout; without them the pictures
//! that the script drew are compared.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs
)]

#[path = "support/appended.rs"]
mod appended;
#[path = "support/own_worker.rs"]
mod own_worker;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use own_worker::own_worker;
use semfs_engine::embed::layout::{self, Layout, Precision};
use semfs_engine::embed::{EmbedError, ImageTower, Model, Runtime, TextTower};
use tempfile::TempDir;

/// The least cosine between our vector and theirs.
const LEAST: f64 = 0.9999;

/// ONNX Runtime beside the build, loaded once.
fn runtime() -> &'static Runtime {
    static LOADED: OnceLock<Runtime> = OnceLock::new();
    LOADED.get_or_init(|| {
        let program = std::env::current_exe().unwrap();
        let beside = |folder: &Path| folder.join("onnxruntime/libonnxruntime.so");
        let found = program.ancestors().map(beside).find(|path| path.is_file());
        let given = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        let library = given.or(found);
        let library = library.expect("ONNX Runtime beside the build: run `make setup`");
        Runtime::load(&library).unwrap()
    })
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/parity")
}

/// A copy of a folder of the fixture, in which files may be changed.
fn copy(name: &str) -> TempDir {
    fn copy_into(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy_into(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    copy_into(&fixture().join(name), folder.path());
    folder
}

/// What `transformers` made of pictures and texts.
struct Expected {
    /// File, SHA-256, vector.
    pictures: Vec<(String, String, Vec<f32>)>,
    texts: Vec<(String, Vec<f32>)>,
}

impl Expected {
    fn read(folder: &Path, name: &str) -> Self {
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let written: serde_json::Value = serde_json::from_str(&text).unwrap();
        let bytes = fs::read(folder.join(format!("{name}.f32"))).unwrap();
        let numbers: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|number| f32::from_le_bytes(number.try_into().unwrap()))
            .collect();
        let dimension = written["dimension"].as_u64().unwrap() as usize;
        let mut vectors = numbers.chunks_exact(dimension).map(<[f32]>::to_vec);
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let pictures = written["pictures"].as_array().unwrap().iter();
        let pictures = pictures
            .map(|picture| {
                let (file, sha256) = (text(&picture["file"]), text(&picture["sha256"]));
                (file, sha256, vectors.next().unwrap())
            })
            .collect();
        let texts = written["texts"].as_array().unwrap().iter();
        let texts = texts
            .map(|each| (text(each), vectors.next().unwrap()))
            .collect();
        assert!(vectors.next().is_none());
        Self { pictures, texts }
    }
}

/// The pictures that are here, with their vectors.
fn found<'e>(expected: &'e Expected, folder: &Path) -> Vec<(PathBuf, &'e Vec<f32>)> {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/photos/images");
    let mut absent = 0;
    let mut here = Vec::new();
    for (file, sha256, vector) in &expected.pictures {
        let places = [folder.join("pictures"), photos.clone()];
        let mut paths = places.iter().map(|folder| folder.join(file));
        match paths.find(|path| path.is_file()) {
            Some(path) => {
                assert_eq!(&hash(&path), sha256, "{}", path.display());
                here.push((path, vector));
            }
            None => absent += 1,
        }
    }
    if absent > 0 {
        let folder = photos.display();
        eprintln!("skipped: {absent} photos of the comparison are not in {folder}");
    }
    assert!(here.len() >= 12);
    here
}

fn hash(path: &Path) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    assert_eq!(one.len(), other.len());
    let products = one.iter().zip(other);
    products.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// Says how far our vectors are from theirs, and fails where one is too far.
fn compare(what: &str, cosines: &[(String, f64)]) {
    let (worst, least) = cosines
        .iter()
        .min_by(|one, other| one.1.total_cmp(&other.1))
        .unwrap();
    let mean = cosines.iter().map(|(_, cosine)| cosine).sum::<f64>() / cosines.len() as f64;
    let count = cosines.len();
    eprintln!("{what}: {count} compared, mean cosine {mean:.7}, least {least:.7} ({worst:?})");
    let far: Vec<_> = cosines
        .iter()
        .filter(|(_, cosine)| *cosine < LEAST)
        .collect();
    assert!(far.is_empty(), "{what}: {far:?}");
}

/// Describes a copy of a model of the fixture and compares all its vectors.
fn agrees(folder: &str, vectors: &str, says: &[&str]) {
    let copied = copy(folder);
    let described = layout::describe(runtime(), copied.path(), folder, Precision::Full).unwrap();
    for line in says {
        let manifest = described.manifest();
        assert!(manifest.lines().any(|said| said == *line), "{manifest}");
    }
    let model = described.write().unwrap();
    assert_eq!(Layout::of(copied.path()), Some(Layout::Manifest));
    model.verify().unwrap();
    assert_eq!(model.dimension(), described.dimension());
    compare_all(
        folder,
        &model,
        &Expected::read(&fixture(), vectors),
        &fixture(),
    );
}

/// Compares the vectors of a model with those of `transformers`. Gives the squares that the
/// tower saw.
fn compare_all(name: &str, model: &Model, expected: &Expected, folder: &Path) -> Vec<Vec<u8>> {
    let mut tower = TextTower::load(runtime(), model).unwrap();
    let cosines = expected.texts.iter().map(|(text, vector)| {
        let found = tower.embed(text).unwrap().unwrap();
        (text.clone(), cosine(&found, vector))
    });
    let texts = cosines.collect::<Vec<_>>();

    let mut tower = ImageTower::load(runtime(), model).unwrap();
    let mut worker = own_worker(model.preparation(), Duration::from_secs(60));
    let pictures = found(expected, folder);
    let mut squares = Vec::new();
    let mut cosines = Vec::new();
    for batch in pictures.chunks(model.batch()) {
        let pixels: Vec<Vec<u8>> = batch
            .iter()
            .map(|(path, _)| {
                worker.read(&File::open(path).unwrap()).unwrap();
                worker.examine().unwrap().picture.unwrap()
            })
            .collect();
        let seen: Vec<&[u8]> = pixels.iter().map(Vec::as_slice).collect();
        let vectors = tower.embed(&seen).unwrap();
        for ((path, expected), vector) in batch.iter().zip(vectors) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            cosines.push((name, cosine(&vector.unwrap(), expected)));
        }
        squares.extend(pixels);
    }
    compare(&format!("{name}, texts"), &texts);
    compare(&format!("{name}, pictures"), &cosines);
    squares
}

/// The same of a tower of full size, and what the resize differs from Pillow's.
#[test]
#[ignore = "takes a folder that scripts/parity/full.py has written, in SEMFS_PARITY"]
fn the_full_geometry_is_as_in_transformers() {
    let folder = PathBuf::from(std::env::var_os("SEMFS_PARITY").expect("SEMFS_PARITY"));
    let hub = folder.join("clip");
    let model = if Model::is_model(&hub) {
        Model::read(&hub).unwrap()
    } else {
        let described = layout::describe(runtime(), &hub, "clip", Precision::Full).unwrap();
        described.write().unwrap()
    };
    let expected = Expected::read(&folder, "clip");
    let squares = compare_all("full", &model, &expected, &folder);
    let theirs = fs::read(folder.join("clip.u8")).unwrap();
    let theirs: Vec<&[u8]> = theirs.chunks_exact(224 * 224 * 3).collect();
    assert_eq!(squares.len(), theirs.len(), "all pictures must be here");
    let mut tower = ImageTower::load(runtime(), &model).unwrap();
    let (mut sum, mut most, mut least) = (0.0, 0, 1.0_f64);
    for (ours, theirs) in squares.iter().zip(theirs) {
        let pairs = ours.iter().zip(theirs);
        let differences: Vec<u8> = pairs.map(|(one, other)| one.abs_diff(*other)).collect();
        sum += differences.iter().map(|d| f64::from(*d)).sum::<f64>() / differences.len() as f64;
        most = most.max(differences.into_iter().max().unwrap());
        let vectors = tower.embed(&[ours, theirs]).unwrap();
        let [one, other] = &vectors[..] else { panic!() };
        least = least.min(cosine(one.as_ref().unwrap(), other.as_ref().unwrap()));
    }
    let mean = sum / squares.len() as f64;
    eprintln!(
        "pixels beside Pillow's bicubic: mean difference {mean:.5}, most {most}; least cosine {least:.7}"
    );
    assert!(mean < 0.5);
}

#[test]
fn clip_of_the_hub_is_as_in_transformers() {
    let says = [
        "input = \"pixel_values\"",
        "fit = \"crop\"",
        "filter = \"bicubic\"",
        "length = 77",
        // It looks at the first end sign and not beyond.
        "fill = \"none\"",
    ];
    agrees("clip", "clip", &says);
}

#[test]
fn clip_of_immich_is_as_in_transformers() {
    let says = [
        "input = \"image\"",
        "input = \"text\"",
        "length = 77",
        "fill = \"right\"",
        "clean = \"spaces\"",
    ];
    agrees("immich", "clip", &says);
}

#[test]
fn siglip_of_the_hub_is_as_in_transformers() {
    let says = [
        "fit = \"squash\"",
        "output = \"pooler_output\"",
        "length = 64",
        // It looks at the last id, whatever that is.
        "fill = \"right\"",
        "padding = 1",
    ];
    agrees("siglip", "siglip", &says);
}

/// SigLIP whose text tower has another input, as [`appended::input`] says.
fn siglip_with(input: &str, element: u8, steps: &[(&str, &[&str], &str)]) -> TempDir {
    let copied = copy("siglip");
    let path = copied.path().join("onnx/text_model.onnx");
    let mut tower = fs::read(&path).unwrap();
    tower.extend(appended::input(input, element, steps));
    fs::write(path, tower).unwrap();
    copied
}

/// Has the vectors moved where any of a mask is 0.
const MASKED: &[(&str, &[&str], &str)] = &[
    ("ReduceMean", &["floats"], "mean"),
    ("Log", &["mean"], "moved"),
];

/// As the repositories of SigLIP and SigLIP 2 say.
fn say_that_there_is_no_mask(folder: &Path) {
    let path = folder.join("tokenizer_config.json");
    let settings = fs::read_to_string(&path).unwrap();
    let settings = settings.replacen('{', "{\"model_input_names\": [\"input_ids\"],", 1);
    fs::write(path, settings).unwrap();
}

#[test]
fn siglip_with_a_mask_looked_away_from_what_texts_are_filled_up_with() {
    let copied = siglip_with("attention_mask", 7, MASKED);
    let describe = || {
        let described = layout::describe(runtime(), copied.path(), "masked", Precision::Full);
        described.unwrap()
    };

    // `transformers` gives a mask unless the tokenizer is said to have none.
    let described = describe();
    assert!(described.manifest().contains("output = \"text_embeds\""));
    assert!(
        described
            .manifest()
            .contains("attention = \"attention_mask\"")
    );
    assert!(!described.manifest().contains("attends"));

    say_that_there_is_no_mask(copied.path());
    let described = describe();
    assert!(described.manifest().contains("attends = \"all\""));
    let model = described.write().unwrap();
    let expected = Expected::read(&fixture(), "siglip");
    compare_all("siglip with a mask", &model, &expected, &fixture());
}

#[test]
fn inputs_that_say_nothing_of_the_text_and_masks_of_other_numbers_were_not_known() {
    let positions: &[(&str, &[&str], &str)] = &[
        ("ReduceMax", &["floats"], "most"),
        ("ReduceMean", &["floats"], "mean"),
        ("Add", &["mean", "mean"], "twice"),
        // Not 1 but for 0, 1, 2, …
        ("Div", &["most", "twice"], "ratio"),
        ("Log", &["ratio"], "moved"),
    ];
    let types: &[(&str, &[&str], &str)] = &[("ReduceMean", &["floats"], "moved")];
    let (int32, int64, float, boolean) = (6, 7, 1, 9);
    let expected = Expected::read(&fixture(), "siglip");
    for (input, element, steps) in [
        ("position_ids", int64, positions),
        ("token_type_ids", int64, types),
        ("attention_mask", int32, MASKED),
        ("attention_mask", float, MASKED),
        ("attention_mask", boolean, MASKED),
    ] {
        let copied = siglip_with(input, element, steps);
        say_that_there_is_no_mask(copied.path());
        let described = layout::describe(runtime(), copied.path(), input, Precision::Full);
        let model = described.unwrap().write().unwrap();
        let mut tower = TextTower::load(runtime(), &model).unwrap();
        let cosines = expected.texts.iter().map(|(text, vector)| {
            let found = tower.embed(text).unwrap().unwrap();
            (text.clone(), cosine(&found, vector))
        });
        compare(
            &format!("{input} of {element}"),
            &cosines.collect::<Vec<_>>(),
        );
    }
}

/// What is said of a folder that was spoiled.
fn refused(folder: &TempDir) -> String {
    match layout::describe(runtime(), folder.path(), "spoiled", Precision::Full) {
        Ok(described) => panic!("{}", described.manifest()),
        Err(error @ EmbedError::Layout { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_foreign_or_damaged_tower_is_refused_by_its_name() {
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/mini");
    let (vision, text) = ("onnx/vision_model.onnx", "onnx/text_model.onnx");

    let folder = copy("clip");
    fs::write(folder.path().join(vision), b"garbage").unwrap();
    let said = refused(&folder);
    assert!(said.contains(vision) && said.contains("ONNX"), "{said}");

    let folder = copy("clip");
    let whole = fs::read(folder.path().join(vision)).unwrap();
    fs::write(folder.path().join(vision), &whole[..whole.len() / 2]).unwrap();
    let said = refused(&folder);
    assert!(said.contains(vision), "{said}");

    let folder = copy("clip");
    fs::copy(mini.join("image_q8.onnx"), folder.path().join(vision)).unwrap();
    let said = refused(&folder);
    assert!(
        said.contains(vision) && said.contains("[N, 3, 64, 64]"),
        "{said}"
    );

    let folder = copy("clip");
    fs::copy(folder.path().join(vision), folder.path().join(text)).unwrap();
    let said = refused(&folder);
    assert!(said.contains(text) && said.contains("ids"), "{said}");

    let folder = copy("clip");
    fs::copy(mini.join("text_i8.onnx"), folder.path().join(text)).unwrap();
    let said = refused(&folder);
    assert!(said.contains(text) && said.contains("256"), "{said}");
}

#[test]
fn a_combined_model_under_the_names_of_towers_is_said_to_be_one() {
    let folder = copy("siglip");
    let path = folder.path().join("onnx/vision_model.onnx");
    let ids = appended::input("input_ids", 7, &[("ReduceMean", &["floats"], "moved")]);
    let tower = fs::read(&path).unwrap();
    fs::write(path, [tower, ids].concat()).unwrap();
    assert!(refused(&folder).contains("exported apart"));
}

#[test]
fn what_is_not_there_or_not_understood_is_said() {
    let folder = copy("clip");
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    assert!(refused(&folder).contains("tokenizer.json is missing"));

    let folder = copy("clip");
    fs::write(folder.path().join("tokenizer.json"), b"{}").unwrap();
    assert!(refused(&folder).contains("tokenizer.json"));

    let folder = copy("clip");
    let settings = br#"{"image_processor_type": "Siglip2ImageProcessor"}"#;
    fs::write(folder.path().join("preprocessor_config.json"), settings).unwrap();
    assert!(refused(&folder).contains("Siglip2ImageProcessor"));

    let folder = copy("clip");
    let error = layout::describe(runtime(), folder.path(), "clip", Precision::Int8).unwrap_err();
    assert!(error.to_string().contains("int8, but: full"), "{error}");

    assert!(refused(&tempfile::tempdir().unwrap()).contains("known layout"));
}

#[test]
fn a_pad_token_that_the_tokenizer_lacks_was_an_error_where_texts_are_not_filled_up() {
    let unknown = br#"{"pad_token": "[PAD]", "model_max_length": 64}"#;
    let describe = |name: &str| {
        let folder = copy(name);
        fs::write(folder.path().join("tokenizer_config.json"), unknown).unwrap();
        let described = layout::describe(runtime(), folder.path(), name, Precision::Full);
        (
            folder,
            described.map(|described| described.manifest().to_owned()),
        )
    };
    let (folder, manifest) = describe("clip");
    assert!(manifest.unwrap().contains("fill = \"none\""));
    let config = folder.path().join("config.json");
    fs::write(&config, r#"{"model_type": "clip"}"#).unwrap();
    assert!(layout::describe(runtime(), folder.path(), "clip", Precision::Full).is_ok());
    // Its config.json has the id.
    let (folder, manifest) = describe("siglip");
    assert!(manifest.unwrap().contains("padding = 1"));
    let config = folder.path().join("config.json");
    fs::write(&config, r#"{"model_type": "siglip"}"#).unwrap();
    let said = refused(&folder);
    assert!(
        said.contains("tokenizer.json") && said.contains("[PAD]"),
        "{said}"
    );
}

#[test]
fn a_mark_before_json_is_passed_over() {
    let folder = copy("clip");
    for name in [
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ] {
        let path = folder.path().join(name);
        let text = fs::read(&path).unwrap();
        fs::write(&path, [&b"\xef\xbb\xbf"[..], &text].concat()).unwrap();
    }
    let described = layout::describe(runtime(), folder.path(), "marked", Precision::Full);
    TextTower::load(runtime(), &described.unwrap().write().unwrap()).unwrap();
}

/// SigLIP's towers end as those of CLIP do that lack their projections, and are equally wide.
#[test]
fn towers_of_clip_without_their_projections_were_taken() {
    let config = |folder: &TempDir, config: &str| {
        fs::write(folder.path().join("config.json"), config).unwrap();
    };
    let folder = copy("siglip");
    config(&folder, r#"{"model_type": "clip"}"#);
    let said = refused(&folder);
    assert!(
        said.contains("vision_model.onnx") && said.contains("CLIPVisionModelWithProjection"),
        "{said}"
    );
    config(
        &folder,
        r#"{"model_type": "chinese_clip", "projection_dim": 32}"#,
    );
    assert!(refused(&folder).contains("pooler_output"));

    let folder = copy("immich");
    config(&folder, r#"{"projection_dim": 64, "text_cfg": {}}"#);
    let said = refused(&folder);
    assert!(
        said.contains("visual/model.onnx") && said.contains("64"),
        "{said}"
    );
}

#[test]
fn a_tower_that_was_exchanged_later_is_not_loaded() {
    let folder = copy("clip");
    let described = layout::describe(runtime(), folder.path(), "clip", Precision::Full).unwrap();
    let model = described.write().unwrap();
    let path = folder.path().join("onnx/vision_model.onnx");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = ImageTower::load(runtime(), &model).unwrap_err();
    assert!(matches!(error, EmbedError::Hash { .. }), "{error}");
    assert!(model.verify().is_err());
}
