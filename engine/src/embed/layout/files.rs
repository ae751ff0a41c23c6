//! Which files of a folder, or of a listing of one, a model is made of. By their names alone.

use std::io;
use std::path::Path;

use walkdir::WalkDir;

use super::{Layout, Precision};
use crate::embed::manifest::MANIFEST;

/// A folder with more files than this is no model's.
const MOST_FILES: usize = 10_000;

/// Ends of the names of towers, for each precision the best first. Quantised by the hub's
/// converter, `_quantized` is of the kind that runs everywhere; convolutions do not in `_int8`.
fn suffixes(precision: Precision) -> &'static [&'static str] {
    match precision {
        Precision::Full => &[""],
        Precision::Half => &["_fp16"],
        Precision::Int8 => &["_quantized", "_uint8", "_int8"],
    }
}

/// The files of one model, by their paths within the folder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Files {
    pub layout: Layout,
    pub precision: Precision,
    pub image: String,
    pub text: String,
    /// How pictures are prepared.
    pub pictures: String,
    pub tokenizer: String,
    pub tokenizer_config: Option<String>,
    pub special_tokens: Option<String>,
    pub config: Option<String>,
}

/// The layout of a folder with these files, by paths from it with `/`.
#[must_use]
pub fn layout_of(paths: &[impl AsRef<str>]) -> Option<Layout> {
    let has = |wanted: &str| paths.iter().any(|path| path.as_ref() == wanted);
    let is_tower = |path: &str, tower: &str| {
        let name = path.strip_prefix("onnx/").unwrap_or(path);
        name.strip_prefix(tower)
            .is_some_and(|end| end.ends_with(".onnx") && !end.contains('/'))
    };
    let has_tower = |tower| paths.iter().any(|path| is_tower(path.as_ref(), tower));
    if has(MANIFEST) {
        Some(Layout::Manifest)
    } else if has("visual/model.onnx") || has("textual/model.onnx") {
        Some(Layout::Immich)
    } else if has_tower("vision_model") || has_tower("text_model") {
        Some(Layout::Hub)
    } else {
        None
    }
}

/// The precisions that both towers of a listing can be had in, best first.
#[must_use]
pub fn precisions_of(paths: &[impl AsRef<str>]) -> Vec<Precision> {
    [Precision::Full, Precision::Half, Precision::Int8]
        .into_iter()
        .filter(|precision| towers(paths, *precision).is_some())
        .collect()
}

/// Which files of a listing are needed for a model of this precision: the towers with their
/// weights, and what says how pictures and texts are prepared.
///
/// # Errors
/// Says which file is missing.
pub fn needed(paths: &[impl AsRef<str>], precision: Precision) -> Result<Vec<String>, String> {
    let files = Files::choose(paths, precision)?;
    let data = paths.iter().map(AsRef::as_ref).filter(|path| {
        [&files.image, &files.text].into_iter().any(|tower| {
            let end = path.strip_prefix(tower.as_str());
            end.is_some_and(|end| end.starts_with("_data") || end.starts_with(".data"))
        })
    });
    let data: Vec<String> = data.map(str::to_owned).collect();
    let Files {
        image,
        text,
        pictures,
        tokenizer,
        tokenizer_config,
        special_tokens,
        config,
        ..
    } = files;
    let small = [tokenizer_config, special_tokens, config];
    let all = [image, text, pictures, tokenizer].into_iter();
    Ok(all.chain(small.into_iter().flatten()).chain(data).collect())
}

impl Files {
    pub(super) fn choose(paths: &[impl AsRef<str>], precision: Precision) -> Result<Self, String> {
        let layout = match layout_of(paths) {
            Some(Layout::Manifest) => return Err("it has a manifest.toml already".to_owned()),
            Some(layout) => layout,
            None => return Err(unknown(paths)),
        };
        let (image, text) = towers(paths, precision).ok_or_else(|| lacking(paths, precision))?;
        let has = |wanted: &str| paths.iter().any(|path| path.as_ref() == wanted);
        let within = |name: &str| match layout {
            Layout::Immich => format!("textual/{name}"),
            Layout::Hub | Layout::Manifest => name.to_owned(),
        };
        let one_of = |names: &[&str]| {
            let found = names.iter().find(|name| has(name));
            let missing = || format!("{} is missing", names[0]);
            found.map(|name| (*name).to_owned()).ok_or_else(missing)
        };
        let pictures = match layout {
            Layout::Immich => one_of(&["visual/preprocess_cfg.json"])?,
            Layout::Hub | Layout::Manifest => {
                one_of(&["preprocessor_config.json", "processor_config.json"])?
            }
        };
        let perhaps = |name: String| has(&name).then_some(name);
        Ok(Self {
            layout,
            precision,
            image,
            text,
            pictures,
            tokenizer: one_of(&[&within("tokenizer.json")])?,
            tokenizer_config: perhaps(within("tokenizer_config.json")),
            special_tokens: perhaps(within("special_tokens_map.json")),
            config: perhaps("config.json".to_owned()),
        })
    }
}

/// The towers of a precision.
fn towers(paths: &[impl AsRef<str>], precision: Precision) -> Option<(String, String)> {
    let has = |wanted: &str| paths.iter().any(|path| path.as_ref() == wanted);
    if layout_of(paths)? == Layout::Immich {
        let (image, text) = ("visual/model.onnx", "textual/model.onnx");
        let both = precision == Precision::Full && has(image) && has(text);
        return both.then(|| (image.to_owned(), text.to_owned()));
    }
    let tower = |name: &str| {
        suffixes(precision).iter().find_map(|suffix| {
            let paths = ["onnx/", ""].map(|folder| format!("{folder}{name}{suffix}.onnx"));
            paths.into_iter().find(|path| has(path))
        })
    };
    Some((tower("vision_model")?, tower("text_model")?))
}

/// Why a listing is that of no model.
fn unknown(paths: &[impl AsRef<str>]) -> String {
    let whole = paths.iter().map(AsRef::as_ref).find(|path| {
        let name = path.strip_prefix("onnx/").unwrap_or(path);
        name.starts_with("model") && name.ends_with(".onnx")
    });
    match whole {
        Some(whole) => format!(
            "it has one model for everything, {whole}. A tower for pictures and one for texts \
             are needed, exported apart: onnx/vision_model.onnx and onnx/text_model.onnx"
        ),
        None => "it is no model of a known layout: neither onnx/vision_model.onnx and \
                 onnx/text_model.onnx, nor visual/model.onnx and textual/model.onnx, nor a \
                 manifest.toml"
            .to_owned(),
    }
}

/// Why there are no towers of a precision.
fn lacking(paths: &[impl AsRef<str>], precision: Precision) -> String {
    let others = precisions_of(paths);
    let others: Vec<String> = others.iter().map(ToString::to_string).collect();
    if others.is_empty() {
        let wanted = match layout_of(paths) {
            Some(Layout::Immich) => "visual/model.onnx and textual/model.onnx",
            _ => "onnx/vision_model.onnx and onnx/text_model.onnx",
        };
        return format!("it has not both towers: {wanted} were expected");
    }
    format!(
        "it has no towers of the precision {precision}, but: {}",
        others.join(", ")
    )
}

/// The files of a folder and of those in it, with `/`, in order.
pub(super) fn listing(folder: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    let walk = WalkDir::new(folder).max_depth(2).sort_by_file_name();
    for entry in walk.into_iter().take(MOST_FILES) {
        let entry = entry.map_err(io::Error::from)?;
        let path = entry.path().strip_prefix(folder).ok();
        // Models of the hub's own cache are links.
        if let Some(path) = path.and_then(Path::to_str)
            && entry.path().is_file()
        {
            paths.push(path.to_owned());
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &[&str] = &[
        ".gitattributes",
        "README.md",
        "config.json",
        "merges.txt",
        "onnx/model.onnx",
        "onnx/text_model.onnx",
        "onnx/text_model_bnb4.onnx",
        "onnx/text_model_fp16.onnx",
        "onnx/text_model_int8.onnx",
        "onnx/text_model_quantized.onnx",
        "onnx/vision_model.onnx",
        "onnx/vision_model.onnx_data",
        "onnx/vision_model_int8.onnx",
        "onnx/vision_model_q4.onnx",
        "onnx/vision_model_uint8.onnx",
        "preprocessor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];

    const IMMICH: &[&str] = &[
        "config.json",
        "textual/model.onnx",
        "textual/tokenizer.json",
        "textual/tokenizer_config.json",
        "visual/model.onnx",
        "visual/preprocess_cfg.json",
    ];

    #[test]
    fn layouts_are_known_by_their_files() {
        assert_eq!(layout_of(HUB), Some(Layout::Hub));
        assert_eq!(layout_of(IMMICH), Some(Layout::Immich));
        assert_eq!(layout_of(&["manifest.toml"]), Some(Layout::Manifest));
        assert_eq!(layout_of(&["pytorch_model.bin", "config.json"]), None);
    }

    #[test]
    fn a_precision_is_there_if_both_towers_have_it() {
        assert_eq!(precisions_of(HUB), [Precision::Full, Precision::Int8]);
        assert_eq!(precisions_of(IMMICH), [Precision::Full]);
        let error = needed(HUB, Precision::Half).unwrap_err();
        assert!(
            error.contains("half") && error.contains("full, int8"),
            "{error}"
        );
    }

    #[test]
    fn what_is_needed_is_the_towers_and_what_says_how_to_use_them() {
        let full = needed(HUB, Precision::Full).unwrap();
        assert_eq!(
            full,
            [
                "onnx/vision_model.onnx",
                "onnx/text_model.onnx",
                "preprocessor_config.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "special_tokens_map.json",
                "config.json",
                "onnx/vision_model.onnx_data",
            ]
        );
        let int8 = needed(HUB, Precision::Int8).unwrap();
        assert_eq!(
            int8[..2],
            [
                "onnx/vision_model_uint8.onnx",
                "onnx/text_model_quantized.onnx"
            ]
        );
        assert_eq!(needed(IMMICH, Precision::Full).unwrap().len(), 6);
    }

    #[test]
    fn what_is_missing_is_named() {
        let without = |name: &str| {
            let paths: Vec<&str> = HUB.iter().copied().filter(|path| *path != name).collect();
            needed(&paths, Precision::Full).unwrap_err()
        };
        assert!(without("tokenizer.json").contains("tokenizer.json"));
        assert!(without("preprocessor_config.json").contains("preprocessor_config.json"));
    }

    #[test]
    fn a_combined_model_was_not_told_from_no_model() {
        for path in ["model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx"] {
            let error = needed(&["config.json", path], Precision::Full).unwrap_err();
            assert!(error.contains(path) && error.contains("apart"), "{error}");
        }
        let error = needed(&["config.json", "onnx/decoder.onnx"], Precision::Full).unwrap_err();
        assert!(error.contains("known layout"), "{error}");
    }
}
