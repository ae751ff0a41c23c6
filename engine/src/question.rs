//! A question: what a folder of the mount, a command or another program asks of the index.
//!
//! Queries, filters and examples joined by AND, in the way in which folders compose by
//! nesting. It is a value: it can be compared, hashed and kept, and it knows no photos.

use crate::query::{Filter, MOST_RESULTS, Query, Relevance, Term};
use crate::worker::ContentHash;

/// What is asked. The default asks for all photos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Question {
    texts: Vec<Vec<Term>>,
    examples: Vec<ContentHash>,
    filters: Vec<Filter>,
    top: Option<usize>,
    min: Option<Relevance>,
}

impl From<&Query> for Question {
    fn from(query: &Query) -> Self {
        Self::default().and_query(query)
    }
}

impl Question {
    /// This question, and a query as well: its texts, its filters, the lesser `top` and the
    /// greater `min`.
    #[must_use]
    pub fn and_query(&self, query: &Query) -> Self {
        let mut question = self.clone();
        let text = query.terms().to_vec();
        if !text.is_empty() && !question.texts.contains(&text) {
            question.texts.push(text);
        }
        for filter in query.filters() {
            question = question.and_filter(filter.clone());
        }
        question.top = match (self.top, query.top()) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        question.min = self.min.max(query.min());
        question
    }

    /// This question, and a filter as well, which is the last one then: what is asked below it
    /// is asked of it.
    #[must_use]
    pub fn and_filter(&self, filter: Filter) -> Self {
        let mut question = self.clone();
        question.filters.retain(|known| *known != filter);
        question.filters.push(filter);
        question
    }

    /// This question, and at most so many photos. It does not change how many a question by
    /// words shows if that is less.
    #[must_use]
    pub fn at_most(&self, top: usize) -> Self {
        let mut question = self.clone();
        let is_less = |known: usize| known <= top;
        if !question.top.is_some_and(is_less) && (!question.is_ranked() || top < MOST_RESULTS) {
            question.top = Some(top);
        }
        question
    }

    /// This question, and likeness to the photo of this content.
    #[must_use]
    pub fn and_like(&self, content: ContentHash) -> Self {
        let mut question = self.clone();
        if !question.examples.contains(&content) {
            question.examples.push(content);
        }
        question
    }

    /// Whether its answer has an order of relevance: it has words or examples, not filters
    /// alone.
    #[must_use]
    pub fn is_ranked(&self) -> bool {
        !self.texts.is_empty() || !self.examples.is_empty()
    }

    /// Texts of terms with signs; a photo is to fit each text.
    #[must_use]
    pub fn texts(&self) -> &[Vec<Term>] {
        &self.texts
    }

    /// Contents that a photo is to be like.
    #[must_use]
    pub fn examples(&self) -> &[ContentHash] {
        &self.examples
    }

    /// Filters, all of which are to hold.
    #[must_use]
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// At most so many photos, if it says so.
    #[must_use]
    pub fn top(&self) -> Option<usize> {
        self.top
    }

    /// The least relevance, if it says so.
    #[must_use]
    pub fn min(&self) -> Option<Relevance> {
        self.min
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &str) -> Question {
        Question::from(&Query::parse(text).unwrap())
    }

    #[test]
    fn nesting_means_and() {
        let outer = question("beach date=2023 top=50 min=0.2");
        let inner = Query::parse("snow camera=nikon date=2023 top=20 min=0.1").unwrap();
        let both = outer.and_query(&inner);
        assert_eq!(both.texts().len(), 2);
        assert_eq!(both.filters().len(), 2);
        assert_eq!(both.top(), Some(20));
        assert_eq!(both.min().map(|min| min.thousandths()), Some(200));
    }

    #[test]
    fn a_filter_may_be_nested_or_written() {
        let written = question("beach camera=nikon d90");
        let nested = question("beach").and_filter(Filter::camera("nikon d90").unwrap());
        assert_eq!(written, nested);
        assert!(written.is_ranked());
        assert!(!question("camera=nikon").is_ranked());
    }
}
