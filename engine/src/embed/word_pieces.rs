//! Text to the ids of word pieces.
//!
//! The pieces are a subset of BERT's uncased WordPiece vocabulary (Devlin et al. 2018):
//! a word is cut greedily into the longest pieces from its start, those after the first
//! written with `##`. The id of a piece is its index in the vocabulary file plus one;
//! 0 is padding.

use std::collections::HashMap;

#[derive(Debug)]
pub(super) struct WordPieces {
    ids: HashMap<String, i64>,
    longest: usize,
}

impl WordPieces {
    /// Parses a vocabulary: a JSON list of pieces.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let pieces: Vec<String> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let longest = pieces.iter().map(String::len).max().unwrap_or(0);
        let ids = pieces.into_iter().zip(1..).collect();
        Ok(Self { ids, longest })
    }

    /// The ids of a text, without padding and of any length. Words that cannot be cut
    /// into known pieces are left out.
    pub(super) fn ids(&self, text: &str) -> Vec<i64> {
        words(text).iter().flat_map(|word| self.cut(word)).collect()
    }

    fn cut(&self, word: &str) -> Vec<i64> {
        let mut ids = Vec::new();
        let mut start = 0;
        while start < word.len() {
            let longest = word.len().min(start + self.longest);
            let found = (start + 1..=longest).rev().find_map(|end| {
                let piece = &word[start..end];
                let id = if start == 0 {
                    self.ids.get(piece)
                } else {
                    self.ids.get(&format!("##{piece}"))
                };
                id.map(|id| (*id, end))
            });
            let Some((id, end)) = found else {
                return Vec::new();
            };
            ids.push(id);
            start = end;
        }
        ids
    }
}

/// Lower-case words of a-z and 0-9; `'` and `-` are words of their own, and everything
/// else separates. The result is ASCII, so pieces may be cut at any byte.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'a'..='z' | '0'..='9' => {
                if let Some(word) = words.last_mut() {
                    word.push(character);
                }
            }
            '\'' | '-' => words.extend([character.to_string(), String::new()]),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> WordPieces {
        WordPieces::parse(br###"["'", "-", "dog", "play", "##ing", "##s", "red", "##d"]"###)
            .unwrap()
    }

    #[test]
    fn words_are_cut_greedily_into_pieces() {
        assert_eq!(tokenizer().ids("Dogs playing"), [3, 6, 4, 5]);
        assert_eq!(tokenizer().ids("  RED\tdog, red. "), [7, 3, 7]);
        assert_eq!(tokenizer().ids("dog's red-dog"), [3, 1, 7, 2, 3]);
    }

    #[test]
    fn unknown_words_are_left_out() {
        assert_eq!(tokenizer().ids("zebra dog"), [3]);
        assert!(tokenizer().ids("").is_empty());
        assert!(tokenizer().ids("日本 🐕 ...").is_empty());
    }

    #[test]
    fn any_text_is_cut_without_a_panic() {
        let long = "doging".repeat(10_000);
        for text in ["é", "İstanbul", "\0", "dog\u{301}", long.as_str()] {
            tokenizer().ids(text);
        }
    }
}
