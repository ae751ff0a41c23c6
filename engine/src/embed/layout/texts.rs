//! How a model wants its texts, by its own files: how long, and filled up with what.

use std::path::Path;

use serde_json::Value;

use super::Layout;
use super::files::Files;
use super::settings::Settings;
use crate::embed::EmbedError;
use crate::embed::files as hashed;
use crate::embed::hugging_face::HuggingFace;
use crate::embed::manifest::{Attends, Clean, Fill, LONGEST_TEXT, TokenizerKind, TokenizerSection};

/// How texts are prepared.
#[derive(Debug)]
pub(super) struct Texts {
    pub tokenizer: TokenizerSection,
    /// Ids at most, if the files say: a tower of a fixed length knows better.
    pub length: Option<usize>,
    /// On which side shorter texts are filled up, if the tower needs that.
    pub fill: Fill,
    /// With what. An error, where the tokenizer does not know what the files say.
    pub padding: Result<i64, String>,
    /// What a tower that takes a mask is told to look at.
    pub attends: Attends,
}

pub(super) fn read(
    folder: &Path,
    files: &Files,
    config: Option<&Settings>,
) -> Result<Texts, EmbedError> {
    let open = |file: &Option<String>| {
        let settings = file.as_deref().map(|file| Settings::read(folder, file));
        settings.transpose()
    };
    let own = open(&files.tokenizer_config)?;
    let special = open(&files.special_tokens)?;
    let path = folder.join(&files.tokenizer);
    let sha256 = hashed::sha256(&path)?;
    let bytes = hashed::read(&path, &sha256)?;
    let wrong = |reason: String| EmbedError::layout(&path, reason);
    let tokenizer = HuggingFace::parse(&bytes, 64, Clean::None).map_err(wrong)?;
    let clean = clean(files.layout, own.as_ref(), config, tokenizer.lowers());
    let piece = [own.as_ref(), special.as_ref()]
        .into_iter()
        .flatten()
        .find_map(|settings| piece(settings.get(&["pad_token"])?));
    let stated = || {
        let config = config?;
        let id = config.whole(&["text_config", "pad_token_id"]);
        u32::try_from(id.or_else(|| config.whole(&["pad_token_id"]))?).ok()
    };
    let padding = match &piece {
        Some(piece) => tokenizer.id(piece).or_else(stated).ok_or_else(|| {
            format!("it does not know `{piece}`, with which its texts must be filled up")
        }),
        None => Ok(stated().unwrap_or(0)),
    };
    let fill = match own.as_ref().and_then(|own| own.text(&["padding_side"])) {
        Some("left") => Fill::Left,
        _ => Fill::Right,
    };
    Ok(Texts {
        tokenizer: TokenizerSection {
            kind: TokenizerKind::HuggingFace,
            file: files.tokenizer.clone().into(),
            sha256,
            clean,
        },
        length: length(own.as_ref(), config),
        fill,
        padding: padding.map(i64::from),
        attends: attends(own.as_ref()),
    })
}

/// A piece is written by itself, or with what it may stand beside.
fn piece(value: &Value) -> Option<String> {
    let written = value.get("content").unwrap_or(value);
    written.as_str().map(str::to_owned)
}

/// Whether `transformers` hands out a mask beside the ids: it does where the file says nothing.
/// A tower that is given none looks at all ids, and so was SigLIP trained.
fn attends(own: Option<&Settings>) -> Attends {
    let names = own.and_then(|own| own.get(&["model_input_names"])?.as_array());
    match names {
        Some(names) if !names.iter().any(|name| name == "attention_mask") => Attends::All,
        _ => Attends::Text,
    }
}

/// What is done to texts that `tokenizer.json` does not do itself; `lowers`: it lower-cases.
fn clean(layout: Layout, own: Option<&Settings>, config: Option<&Settings>, lowers: bool) -> Clean {
    if layout == Layout::Immich {
        // What open_clip calls it.
        let asked = config.and_then(|config| {
            config
                .text(&["text_cfg", "tokenizer_kwargs", "clean"])
                .or_else(|| config.text(&["model_cfg", "text_cfg", "tokenizer_kwargs", "clean"]))
        });
        return match asked {
            Some("canonicalize") => Clean::Canonical,
            _ => Clean::Spaces,
        };
    }
    let class = own.and_then(|own| own.text(&["tokenizer_class"]));
    let asked = own.and_then(|own| own.get(&["do_lower_case"])?.as_bool()) == Some(true);
    // SigLIP 2 was trained on lower-case texts, but cuts them with Gemma's tokenizer, which
    // knows upper case; `transformers` lower-cases for it whatever that says.
    let second = config.and_then(|config| config.text(&["model_type"])) == Some("siglip2");
    let asked = asked || second || class.is_some_and(|class| class.starts_with("Siglip2"));
    if asked && !lowers {
        Clean::LowerCase
    } else {
        Clean::None
    }
}

/// The longest text in ids.
fn length(own: Option<&Settings>, config: Option<&Settings>) -> Option<usize> {
    let keys: [&[&str]; 4] = [
        &["text_config", "max_position_embeddings"],
        &["text_cfg", "context_length"],
        &["model_cfg", "text_cfg", "context_length"],
        &["max_position_embeddings"],
    ];
    // Files say 10^30 where they mean none.
    let usable = |length: &u64| (1..=LONGEST_TEXT as u64).contains(length);
    let positions = config.and_then(|config| keys.iter().find_map(|key| config.whole(key)));
    let most = own.and_then(|own| own.whole(&["model_max_length"]));
    let said = [positions, most].into_iter().flatten().filter(usable).min();
    let by_kind = || match config?.text(&["model_type"])? {
        "clip" => Some(77),
        "siglip" | "siglip2" => Some(64),
        // immich's open_clip.
        _ => None,
    };
    let default = || {
        let is_open_clip = config.is_some_and(|config| {
            config.get(&["text_cfg"]).is_some() || config.get(&["model_cfg"]).is_some()
        });
        is_open_clip.then_some(77)
    };
    usize::try_from(said.or_else(by_kind).or_else(default)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), json).unwrap();
        Settings::read(folder.path(), "a.json").unwrap()
    }

    #[test]
    fn the_length_is_the_shorter_of_those_that_make_sense() {
        let of = |own: &str, config: &str| length(Some(&settings(own)), Some(&settings(config)));
        let clip = r#"{"model_type": "clip", "text_config": {"max_position_embeddings": 77}}"#;
        assert_eq!(of(r#"{"model_max_length": 77}"#, clip), Some(77));
        assert_eq!(of(r#"{"model_max_length": 64}"#, clip), Some(64));
        let endless = r#"{"model_max_length": 1000000000000000019884624838656}"#;
        assert_eq!(of(endless, clip), Some(77));
        let second = r#"{"model_type": "siglip2", "text_config": {"hidden_size": 768}}"#;
        assert_eq!(of(endless, second), Some(64));
        assert_eq!(
            of("{}", r#"{"text_cfg": {"context_length": 64}}"#),
            Some(64)
        );
        assert_eq!(of("{}", r#"{"text_cfg": {"vocab_size": 7}}"#), Some(77));
        assert_eq!(of(endless, "{}"), None);
    }

    #[test]
    fn texts_are_cleaned_only_where_the_files_say_so() {
        let of = |layout, own: &str, config: &str| {
            clean(layout, Some(&settings(own)), Some(&settings(config)), false)
        };
        let clip = r#"{"model_type": "clip"}"#;
        assert_eq!(of(Layout::Hub, "{}", clip), Clean::None);
        let lower = r#"{"do_lower_case": true}"#;
        assert_eq!(of(Layout::Hub, lower, clip), Clean::LowerCase);
        // `transformers` lets the tokenizer alone do it.
        let lowers = clean(Layout::Hub, Some(&settings(lower)), None, true);
        assert_eq!(lowers, Clean::None);
        let gemma = r#"{"tokenizer_class": "GemmaTokenizer"}"#;
        let second = r#"{"model_type": "siglip2"}"#;
        assert_eq!(of(Layout::Hub, gemma, second), Clean::LowerCase);
        assert_eq!(of(Layout::Immich, "{}", "{}"), Clean::Spaces);
        let canonical = r#"{"text_cfg": {"tokenizer_kwargs": {"clean": "canonicalize"}}}"#;
        assert_eq!(of(Layout::Immich, "{}", canonical), Clean::Canonical);
    }
}
