//! The words of a text, as they are compared.

use super::labels::comparable;

/// The words of a text in lower case: runs of letters, and runs of digits, so `IMG_1234` and
/// `holiday2019` have two each. A plural loses its `s`, so `dogs` is found by `dog`.
pub fn words(text: &str) -> impl Iterator<Item = String> + use<> {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Letters,
        Digits,
        Other,
    }
    let kind = |character: char| {
        if character.is_alphabetic() {
            Kind::Letters
        } else if character.is_numeric() {
            Kind::Digits
        } else {
            Kind::Other
        }
    };
    let mut found = Vec::new();
    let mut word = String::new();
    let mut before = Kind::Other;
    for character in comparable(text).chars() {
        // A combining mark (an accent) belongs to its letter.
        let mark = matches!(character, '\u{300}'..='\u{36f}' | '\'' | '\u{2019}');
        let now = if mark { before } else { kind(character) };
        if now != before && !word.is_empty() {
            found.push(std::mem::take(&mut word));
        }
        if now != Kind::Other && !matches!(character, '\'' | '\u{2019}') {
            word.push(character);
        }
        before = now;
    }
    if !word.is_empty() {
        found.push(word);
    }
    found.into_iter().map(singular)
}

fn singular(mut word: String) -> String {
    let is_plural = word.len() > 3
        && word.ends_with('s')
        && !["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    if is_plural {
        word.pop();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn letters_and_digits_are_words_of_their_own() {
        assert_eq!(
            all("Wedding 2019/IMG_1234"),
            ["wedding", "2019", "img", "1234"]
        );
        assert_eq!(all("holiday2019-Zürich"), ["holiday", "2019", "zürich"]);
        assert_eq!(all("  -_ "), Vec::<String>::new());
    }

    #[test]
    fn a_plural_is_its_singular_and_other_words_keep_their_end() {
        assert_eq!(
            all("Dogs' bus, glass; Paris"),
            ["dog", "bus", "glass", "paris"]
        );
        assert_eq!(all("grandma's"), ["grandma"]);
    }
}
