//! Words that people and programs wrote into a file: decoded, cleaned, cut to a length.
//!
//! It knows nothing of where the words stood.

use std::collections::HashSet;

/// The most characters that a name, a keyword or a title keeps.
pub(super) const NAME: usize = 256;

/// The most characters that a description keeps.
pub(super) const DESCRIPTION: usize = 4096;

/// The most keywords, and the most people, that one file keeps.
pub(super) const MANY: usize = 1000;

/// Words in UTF-8, or, where they are none, in Latin-1. They end at the first zero byte.
pub(super) fn decode(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    let bytes = &bytes[..end.unwrap_or(bytes.len())];
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => latin1(bytes),
    }
}

/// Words in Latin-1.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Words in UTF-16 with the least significant byte first, up to the first zero.
pub(super) fn utf16_little(bytes: &[u8]) -> String {
    utf16(bytes, u16::from_le_bytes)
}

/// Words in UTF-16 with the most significant byte first, up to the first zero.
pub(super) fn utf16_big(bytes: &[u8]) -> String {
    utf16(bytes, u16::from_be_bytes)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes
        .chunks_exact(2)
        .map(|pair| unit([pair[0], pair[1]]))
        .take_while(|&unit| unit != 0);
    char::decode_utf16(units)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The words without control characters, with single spaces, at most `limit`
/// characters; nothing if nothing is left.
pub(super) fn clean(text: &str, limit: usize) -> Option<String> {
    let mut cleaned = String::new();
    let mut length = 0;
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
        .filter(|word| !word.is_empty())
    {
        if length > 0 && length < limit {
            cleaned.push(' ');
            length += 1;
        }
        for character in word.chars() {
            if length >= limit {
                break;
            }
            cleaned.push(character);
            length += 1;
        }
        if length >= limit {
            break;
        }
    }
    let end = cleaned.trim_end().len();
    cleaned.truncate(end);
    (!cleaned.is_empty()).then_some(cleaned)
}

/// A mark of byte order, or a change of the direction of writing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{FEFF}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Adds `text`, cleaned, to a list of names that is made distinct later.
pub(super) fn add_name(names: &mut Vec<String>, text: &str) {
    if names.len() < 4 * MANY {
        names.extend(clean(text, NAME));
    }
}

/// All names of several lists in their order, each once in whatever case.
pub(super) fn distinct(lists: impl IntoIterator<Item = Vec<String>>) -> Vec<String> {
    let mut seen = HashSet::new();
    lists
        .into_iter()
        .flatten()
        .filter(|name| seen.insert(name.to_lowercase()))
        .take(MANY)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cleaned_and_cut() {
        assert_eq!(clean("  a \0\n b\t", 9).as_deref(), Some("a b"));
        assert_eq!(clean("äöü", 2).as_deref(), Some("äö"));
        assert_eq!(clean("ab cd", 3).as_deref(), Some("ab"));
        assert_eq!(clean(" \0 \u{202E}", 9), None);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin1() {
        assert_eq!(decode("Zoë\0rest".as_bytes()), "Zoë");
        assert_eq!(decode(b"Zo\xEB"), "Zoë");
    }

    #[test]
    fn a_name_is_kept_once_whatever_its_case() {
        let mut names = Vec::new();
        add_name(&mut names, "Beach");
        add_name(&mut names, "beach ");
        add_name(&mut names, "");
        assert_eq!(distinct([names, vec!["Sea".into()]]), ["Beach", "Sea"]);
    }
}
