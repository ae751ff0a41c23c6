//! Text to ids as a `tokenizer.json` says: the byte pairs of CLIP, the pieces of SigLIP and
//! of Gemma, and whatever else the crate `tokenizers` knows.
//!
//! The file itself says how a text is normalised and which special ids come before and
//! after it. What it is filled up with is the text tower's.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::{Tokenizer, TruncationParams};

use super::files::without_mark;
use super::manifest::Clean;

pub(super) struct HuggingFace {
    tokenizer: Tokenizer,
    clean: Clean,
    /// The id of what it does not know, if it has one that is nothing else.
    unknown: Option<u32>,
}

impl HuggingFace {
    /// Parses a `tokenizer.json`. Texts are cut so that no more than `length` ids come out,
    /// of which the special ones are always there.
    pub(super) fn parse(json: &[u8], length: usize, clean: Clean) -> Result<Self, String> {
        let sentence = |error: tokenizers::Error| format!("it is not a tokenizer: {error}");
        // The crate asserts some of what a file says.
        let parsed = panic::catch_unwind(AssertUnwindSafe(|| {
            Tokenizer::from_bytes(without_mark(json))
        }));
        let mut tokenizer = parsed
            .map_err(|_| "it is not a tokenizer that makes sense".to_owned())?
            .map_err(sentence)?;
        let truncation = TruncationParams {
            max_length: length,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(sentence)?
            .with_padding(None);
        let unknown = ["<unk>", "[UNK]"];
        let unknown = unknown.iter().find_map(|name| tokenizer.token_to_id(name));
        Ok(Self {
            tokenizer,
            clean,
            unknown,
        })
    }

    /// The id of a piece.
    pub(super) fn id(&self, piece: &str) -> Option<u32> {
        self.tokenizer.token_to_id(piece)
    }

    /// Whether it lower-cases texts by itself.
    pub(super) fn lowers(&self) -> bool {
        fn lowers(normalizer: &NormalizerWrapper) -> bool {
            match normalizer {
                NormalizerWrapper::Lowercase(_) => true,
                NormalizerWrapper::BertNormalizer(bert) => bert.lowercase,
                NormalizerWrapper::Sequence(all) => all.as_ref().iter().any(lowers),
                _ => false,
            }
        }
        self.tokenizer.get_normalizer().is_some_and(lowers)
    }

    pub(super) fn ids(&self, text: &str) -> Result<Vec<i64>, String> {
        let text = cleaned(text, self.clean);
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| format!("a text cannot be cut into pieces: {error}"))?;
        Ok(encoding.get_ids().iter().copied().map(i64::from).collect())
    }

    pub(super) fn knows(&self, text: &str) -> bool {
        let says_something =
            |sign: char| sign.is_alphanumeric() || !(sign.is_ascii() || sign.is_whitespace());
        if !text.contains(says_something) {
            return false;
        }
        let cut = self.tokenizer.encode_fast(cleaned(text, self.clean), false);
        cut.is_ok_and(|encoding| {
            let mut ids = encoding.get_ids().iter();
            ids.any(|id| Some(*id) != self.unknown)
        })
    }
}

fn cleaned(text: &str, clean: Clean) -> String {
    match clean {
        Clean::None => text.to_owned(),
        // Letter by letter, as the crate's own normaliser does: a word's last Σ is a σ.
        Clean::LowerCase => text.chars().flat_map(char::to_lowercase).collect(),
        Clean::Spaces => spaced(text),
        Clean::Canonical => {
            let text = text.replace('_', " ");
            let text: String = text
                .chars()
                .filter(|sign| !sign.is_ascii_punctuation())
                .collect();
            spaced(&text.to_lowercase())
        }
    }
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Debug for HuggingFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HuggingFace")
            .field("pieces", &self.tokenizer.get_vocab_size(true))
            .field("clean", &self.clean)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CLIP's kind, with a handful of pieces.
    const TINY: &str = r#"{
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [
            {"id": 0, "content": "<s>", "single_word": false, "lstrip": false,
             "rstrip": false, "normalized": false, "special": true},
            {"id": 1, "content": "</s>", "single_word": false, "lstrip": false,
             "rstrip": false, "normalized": false, "special": true}],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0],
            "trim_offsets": false, "add_prefix_space": false},
        "decoder": null,
        "model": {"type": "WordLevel", "unk_token": "<unk>",
            "vocab": {"<s>": 0, "</s>": 1, "<unk>": 2, "red": 3, "dog": 4, "!": 5}}
    }"#;

    fn tiny(length: usize, clean: Clean) -> HuggingFace {
        HuggingFace::parse(TINY.as_bytes(), length, clean).unwrap()
    }

    #[test]
    fn the_special_ids_are_there_however_long_the_text() {
        let tokenizer = tiny(4, Clean::None);
        assert_eq!(tokenizer.ids("").unwrap(), [0, 1]);
        assert_eq!(tokenizer.ids("Red dog").unwrap(), [0, 3, 4, 1]);
        assert_eq!(tokenizer.ids("red red red dog dog").unwrap(), [0, 3, 3, 1]);
    }

    #[test]
    fn what_says_nothing_is_not_known() {
        let tokenizer = tiny(8, Clean::None);
        assert!(tokenizer.knows("a dog"));
        for text in ["", " ", "zebra", "!", "?"] {
            assert!(!tokenizer.knows(text), "{text}");
        }
    }

    #[test]
    fn texts_are_cleaned_as_asked() {
        assert_eq!(cleaned(" A_red,  DOG! ", Clean::Canonical), "a red dog");
        assert_eq!(cleaned(" A \t dog ", Clean::Spaces), "A dog");
        assert_eq!(cleaned(" A Dög", Clean::LowerCase), " a dög");
        assert_eq!(cleaned(" A Dög", Clean::None), " A Dög");
    }

    #[test]
    fn a_last_sigma_was_lowered_to_another_letter_than_the_normaliser_has() {
        use tokenizers::{NormalizedString, Normalizer};
        for text in ["ΟΔΟΣ ΑΘΗΝΑΣ", "İstanbul", "STRASSE ẞ", "a Dög"] {
            let mut theirs = NormalizedString::from(text);
            let normaliser = tokenizers::normalizers::Lowercase;
            normaliser.normalize(&mut theirs).unwrap();
            assert_eq!(cleaned(text, Clean::LowerCase), theirs.get());
        }
    }

    #[test]
    fn a_tokenizer_that_lowers_is_known_wherever_its_file_says_so() {
        let with = |normalizer: &str| {
            let json = TINY.replace(r#"{"type": "Lowercase"}"#, normalizer);
            HuggingFace::parse(json.as_bytes(), 8, Clean::None).unwrap()
        };
        let bert = |lowers: bool| {
            format!(
                r#"{{"type": "BertNormalizer", "clean_text": true,
                "handle_chinese_chars": true, "strip_accents": null, "lowercase": {lowers}}}"#
            )
        };
        let sequence = |normalizer: &str| {
            format!(
                r#"{{"type": "Sequence", "normalizers": [{{"type": "NFC"}},
                {{"type": "Sequence", "normalizers": [{normalizer}]}}]}}"#
            )
        };
        let lower = r#"{"type": "Lowercase"}"#;
        assert!(with(lower).lowers() && with(&sequence(lower)).lowers());
        assert!(with(&bert(true)).lowers() && !with(&bert(false)).lowers());
        assert!(!with("null").lowers() && !with(&sequence("")).lowers());
    }

    #[test]
    fn what_is_no_tokenizer_is_an_error() {
        for json in ["", "[]", "{\"model\": 7}", "\u{0}\u{1}"] {
            assert!(HuggingFace::parse(json.as_bytes(), 8, Clean::None).is_err());
        }
    }
}
