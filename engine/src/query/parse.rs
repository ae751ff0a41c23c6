//! Reads the text of a query, word by word.

use super::key::Key;
use super::words::{Word, Words};
use super::{Filter, MOST_RESULTS, Query, QueryError, Relevance, Sign, Term, Weight};

/// Parses a query of any length.
pub(super) fn parse(text: &str) -> Result<Query, QueryError> {
    // Words before the first sign are a term that counts for.
    let mut terms = vec![(Sign::Plus, Weight::ONE, Vec::new())];
    let mut filters = Vec::new();
    let (mut top, mut min) = (None, None);
    let mut words = Words::new(text);
    while let Some(word) = words.next_word() {
        match Word::of(word)? {
            Word::Sign(sign, weight) => terms.push((sign, weight, Vec::new())),
            Word::Plain(word) => {
                if let Some((_, _, words)) = terms.last_mut() {
                    words.push(word);
                }
            }
            Word::Pair(key, first) => {
                let key = Key::of(key)?;
                let value = words.value(key, first)?;
                match key {
                    Key::Date => filters.push(Filter::date(&value)?),
                    Key::Camera => filters.push(Filter::camera(&value)?),
                    Key::Place => filters.push(Filter::place(&value)?),
                    Key::Type => filters.push(Filter::file_type(&value)?),
                    Key::Tag => filters.push(Filter::tag(&value)?),
                    Key::In => filters.push(Filter::folder(&value)?),
                    Key::Shape => filters.push(Filter::shape(&value)?),
                    // Of several limits the strictest counts.
                    Key::Top => top = Some(parse_top(&value)?.min(top.unwrap_or(MOST_RESULTS))),
                    Key::Min => min = min.max(Some(Relevance::parse(&value)?)),
                }
            }
        }
    }
    // Nothing before a leading sign is no term: `- dog` is only a minus.
    if terms.first().is_some_and(|(_, _, words)| words.is_empty()) {
        terms.remove(0);
    }
    let terms = terms
        .into_iter()
        .map(|(sign, weight, words)| Term::new(sign, weight, &words.join(" ")));
    Query::of(terms.collect::<Result<_, _>>()?, filters, top, min)
}

fn parse_top(value: &str) -> Result<usize, QueryError> {
    let number = value.parse().ok();
    number
        .filter(|number| (1..=MOST_RESULTS).contains(number))
        .ok_or_else(|| QueryError::Top(value.to_owned()))
}
