//! The words of a query, parsed once.
//!
//! A query is a folder name, so its language is what can be typed there:
//!
//! | write | meaning |
//! |---|---|
//! | `red car` | photos that look like that |
//! | `cat + snow - dog` | text arithmetic; signs stand between spaces |
//! | `top=50` | at most so many |
//!
//! Filters (`date=…`, `camera=…` and so on) belong to the language but not to this
//! version; using one is an error, because ignoring it would give a wrong answer.

use std::fmt;

/// Queries longer than this are refused, in bytes: a folder name has no more.
pub const LONGEST_QUERY: usize = 255;

/// The most results that can be asked for.
pub const MOST_RESULTS: usize = 10_000;

/// Attributes that the language reserves for filters.
const FILTERS: &[&str] = &[
    "date", "camera", "place", "type", "tag", "in", "shape", "min",
];

/// A parsed query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    terms: Vec<Term>,
    top: Option<usize>,
}

/// A text with its sign.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    /// Whether it counts for or against.
    pub sign: Sign,
    /// The words, separated by single spaces.
    pub text: String,
}

/// Whether a term counts for or against a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// More like this.
    Plus,
    /// Less like this.
    Minus,
}

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It has no words.
    #[error("the query has no words")]
    Empty,
    /// It is too long.
    #[error("the query has {0} bytes; at most {LONGEST_QUERY} are allowed")]
    TooLong(usize),
    /// All words count against.
    #[error("the query says only what is not wanted: write something before `- `")]
    OnlyMinus,
    /// A sign with nothing after it.
    #[error("a sign has no words after it")]
    EmptyTerm,
    /// `top=` with something that is no number.
    #[error("`top={0}` is not a number from 1 to {MOST_RESULTS}")]
    Top(String),
    /// A filter that this version does not have.
    #[error("the filter `{0}=` is not in this version of semfs; leave it out")]
    Filter(String),
    /// `word=value` with a word that is no filter.
    #[error("`{0}=` is not a filter that semfs knows")]
    UnknownFilter(String),
    /// The model knows none of the words.
    #[error("the model knows no word of {0:?}; it speaks English")]
    UnknownWords(String),
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > LONGEST_QUERY {
            return Err(QueryError::TooLong(text.len()));
        }
        let mut top = None;
        let mut terms = vec![(Sign::Plus, Vec::new())];
        for word in text.split_whitespace() {
            match word {
                "+" => terms.push((Sign::Plus, Vec::new())),
                "-" => terms.push((Sign::Minus, Vec::new())),
                _ => match word.split_once('=') {
                    Some(("top", value)) => top = Some(parse_top(value)?),
                    Some((key, _)) if FILTERS.contains(&key) => {
                        return Err(QueryError::Filter(key.to_owned()));
                    }
                    Some((key, _)) => return Err(QueryError::UnknownFilter(key.to_owned())),
                    None => {
                        if let Some((_, words)) = terms.last_mut() {
                            words.push(word);
                        }
                    }
                },
            }
        }
        if terms.iter().all(|(_, words)| words.is_empty()) {
            return Err(QueryError::Empty);
        }
        // Nothing before a leading sign is no term: `- dog` is only a minus.
        if terms[0].1.is_empty() {
            terms.remove(0);
        }
        if terms.iter().any(|(_, words)| words.is_empty()) {
            return Err(QueryError::EmptyTerm);
        }
        if terms.iter().all(|(sign, _)| *sign == Sign::Minus) {
            return Err(QueryError::OnlyMinus);
        }
        let terms = terms.into_iter().map(|(sign, words)| Term {
            sign,
            text: words.join(" "),
        });
        Ok(Self {
            terms: terms.collect(),
            top,
        })
    }

    /// The texts with their signs; at least one of them counts for.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// At most so many results, if the query says it; from 1 to [`MOST_RESULTS`].
    #[must_use]
    pub fn top(&self) -> Option<usize> {
        self.top
    }
}

fn parse_top(value: &str) -> Result<usize, QueryError> {
    let number = value.parse().ok();
    number
        .filter(|number| (1..=MOST_RESULTS).contains(number))
        .ok_or_else(|| QueryError::Top(value.to_owned()))
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, term) in self.terms.iter().enumerate() {
            match (number, term.sign) {
                (0, Sign::Plus) => {}
                (0, Sign::Minus) => f.write_str("- ")?,
                (_, Sign::Plus) => f.write_str(" + ")?,
                (_, Sign::Minus) => f.write_str(" - ")?,
            }
            f.write_str(&term.text)?;
        }
        match self.top {
            Some(top) => write!(f, " top={top}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> String {
        Query::parse(text).unwrap().to_string()
    }

    #[test]
    fn words_and_signs() {
        assert_eq!(parsed("  red   car "), "red car");
        assert_eq!(parsed("cat + snow - dog"), "cat + snow - dog");
        assert_eq!(parsed("- dog + cat"), "- dog + cat");
        assert_eq!(parsed("well-known man's hat"), "well-known man's hat");
        assert_eq!(parsed("beach top=50"), "beach top=50");
    }

    #[test]
    fn what_is_no_query_says_why() {
        let error = |text: &str| Query::parse(text).unwrap_err();
        assert_eq!(error(" "), QueryError::Empty);
        assert_eq!(error("top=3"), QueryError::Empty);
        assert_eq!(error("- dog"), QueryError::OnlyMinus);
        assert_eq!(error("dog + "), QueryError::EmptyTerm);
        assert_eq!(error("dog top=lots"), QueryError::Top("lots".into()));
        assert_eq!(error("dog top=0"), QueryError::Top("0".into()));
        assert_eq!(error("dog date=2023"), QueryError::Filter("date".into()));
        assert_eq!(
            error("dog colour=red"),
            QueryError::UnknownFilter("colour".into())
        );
        assert_eq!(error(&"x".repeat(256)), QueryError::TooLong(256));
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(text in "[a-z+\\- ]{0,40}( top=[0-9]{1,3})?") {
            if let Ok(query) = Query::parse(&text) {
                prop_assert_eq!(Query::parse(&query.to_string()), Ok(query));
            }
        }

        #[test]
        fn any_text_is_a_query_or_a_sentence(text in "\\PC{0,80}") {
            if let Err(error) = Query::parse(&text) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
