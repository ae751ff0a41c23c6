//! Cuts the text of a query into words, and knows what a word looks like.

use super::decimal::is_decimal;
use super::key::Key;
use super::{QueryError, Sign, Weight};

/// What a word is by its looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Word<'a> {
    /// `+`, `-`, `+0.5`: begins a term.
    Sign(Sign, Weight),
    /// `key=value`; the key may be none that is known.
    Pair(&'a str, &'a str),
    /// Any other, a part of a text or of a value.
    Plain(&'a str),
}

impl<'a> Word<'a> {
    /// What a word is, or the error if it is a sign with a number that is no weight.
    pub(super) fn of(word: &'a str) -> Result<Self, QueryError> {
        if let Some((key, value)) = word.split_once('=') {
            return Ok(Self::Pair(key, value));
        }
        let (sign, number) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
            (Some(number), _) => (Sign::Plus, number),
            (None, Some(number)) => (Sign::Minus, number),
            (None, None) => return Ok(Self::Plain(word)),
        };
        if number.is_empty() {
            Ok(Self::Sign(sign, Weight::ONE))
        } else if is_decimal(number) {
            let weight = Weight::parse(number);
            let weight = weight.ok_or_else(|| QueryError::Weight(word.to_owned()))?;
            Ok(Self::Sign(sign, weight))
        } else {
            Ok(Self::Plain(word))
        }
    }
}

/// Whether a word is neither a sign nor a filter, nor looks like one.
pub(super) fn is_plain(word: &str) -> bool {
    matches!(Word::of(word), Ok(Word::Plain(_)))
}

/// Words, separated by single spaces.
pub(super) fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a query that were not read yet.
pub(super) struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The text from the next word on, and how many bytes that word has.
    fn peek(&self) -> Option<(&'a str, usize)> {
        let rest = self.rest.trim_start();
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        (length > 0).then_some((rest, length))
    }

    /// The next word.
    pub(super) fn next_word(&mut self) -> Option<&'a str> {
        let (rest, length) = self.peek()?;
        let (word, rest) = rest.split_at(length);
        self.rest = rest;
        Some(word)
    }

    /// The whole value of a filter, of which `first` was read as the end of a word.
    pub(super) fn value(&mut self, key: Key, first: &'a str) -> Result<String, QueryError> {
        if first.is_empty() {
            return Err(QueryError::no_value(key));
        }
        if !key.is_free() {
            return Ok(first.to_owned());
        }
        if let Some(first) = first.strip_prefix('"') {
            return self.quoted(key, first);
        }
        let mut value = first.to_owned();
        while let Some((rest, length)) = self.peek() {
            let (word, rest) = rest.split_at(length);
            if !is_plain(word) {
                break;
            }
            value.push(' ');
            value.push_str(word);
            self.rest = rest;
        }
        Ok(value)
    }

    /// A value up to its closing quote; a doubled quote is one of the value.
    fn quoted(&mut self, key: Key, first: &'a str) -> Result<String, QueryError> {
        let mut value = String::new();
        let mut part = first;
        loop {
            let Some((before, after)) = part.split_once('"') else {
                value.push_str(part);
                value.push(' ');
                part = self
                    .next_word()
                    .ok_or_else(|| QueryError::OpenQuote(key.name()))?;
                continue;
            };
            value.push_str(before);
            if let Some(after) = after.strip_prefix('"') {
                value.push('"');
                part = after;
            } else if after.is_empty() {
                return Ok(value);
            } else {
                return Err(QueryError::AfterQuote(key.name()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_a_sign_only_alone_or_with_a_number() {
        for word in [
            "well-known",
            "c++",
            "-5c",
            "+1-",
            "--",
            "+-",
            "-.",
            "+.",
            "5",
            "−2",
            "-1e3",
        ] {
            assert!(is_plain(word), "{word}");
        }
        for word in [
            "+",
            "-",
            "+0.5",
            "-2",
            "+.5",
            "-5.",
            "+101",
            "a=b",
            "=",
            "date=2023",
        ] {
            assert!(!is_plain(word), "{word}");
        }
    }
}
