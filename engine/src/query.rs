//! The words of a query, parsed once.
//!
//! A query is a folder name, so its language is what can be typed there:
//!
//! | write | meaning |
//! |---|---|
//! | `red car` | photos that look like that |
//! | `cat + snow - dog` | text arithmetic; signs stand between spaces |
//! | `cat +0.5 snow -2 dog` | the same with weights, from 0.01 to 100 |
//! | `date=2023`, `date=2023-05..2024-01`, `date=unknown` | and taken then |
//! | `camera=nikon d90`, `place=paris`, `tag=family` | and with that attribute |
//! | `type=raw` | and of that type of file |
//! | `in=holiday∕2019` | and in that folder of a root; `:` is `∕` as well |
//! | `shape=portrait` | and of that shape; `landscape` and `square` are the others |
//! | `top=50` | at most so many |
//! | `min=0.6`, `min=60%` | relevance at least that |
//!
//! The value of `camera=`, `place=`, `tag=` and `in=` goes on over the following words
//! until the next filter or sign; double quotes end it earlier: `camera="nikon d90" beach`.
//! All filters must hold, also several of one kind. Filters alone are a query.
//!
//! What is parsed and printed again is the same query. This module does not know photos,
//! nor what a relevance or a place is: only what can be asked.

use std::fmt;
use std::str::FromStr;

pub use self::error::QueryError;
pub use self::filter::{Filter, Shape};
pub use self::relevance::Relevance;
pub use self::term::{Sign, Term, Weight};

mod decimal;
mod error;
mod filter;
mod key;
mod parse;
mod relevance;
mod term;
#[cfg(test)]
mod tests;
mod words;

/// Queries longer than this are not parsed, in bytes: a folder name has no more. One
/// that was put together by nesting may be longer when printed.
pub const LONGEST_QUERY: usize = 255;

/// The most results that can be asked for.
pub const MOST_RESULTS: usize = 10_000;

/// A query: texts, filters and limits.
///
/// It has a term that counts for, or no terms but a filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    terms: Vec<Term>,
    filters: Vec<Filter>,
    top: Option<usize>,
    min: Option<Relevance>,
}

impl Query {
    /// Parses a query of at most [`LONGEST_QUERY`] bytes.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > LONGEST_QUERY {
            return Err(QueryError::TooLong(text.len()));
        }
        parse::parse(text)
    }

    /// A query of its parts, under the rules of [`Query::parse`] except for the length.
    ///
    /// Texts and values are normalised as [`Term::new`] and the constructors of
    /// [`Filter`] do; of equal filters the first stays.
    ///
    /// # Errors
    /// A part is none that could be written, all terms count against, `top` is not from
    /// 1 to [`MOST_RESULTS`], or there is neither a term nor a filter.
    pub fn of(
        terms: Vec<Term>,
        filters: Vec<Filter>,
        top: Option<usize>,
        min: Option<Relevance>,
    ) -> Result<Self, QueryError> {
        let terms = terms.into_iter().map(Term::normal);
        let terms: Vec<Term> = terms.collect::<Result<_, _>>()?;
        let mut query = Self {
            terms,
            filters: Vec::new(),
            top,
            min,
        };
        for filter in filters {
            query.add(filter.normal()?);
        }
        if let Some(top) = top
            && !(1..=MOST_RESULTS).contains(&top)
        {
            return Err(QueryError::Top(top.to_string()));
        }
        let only_minus = query.terms.iter().all(|term| term.sign == Sign::Minus);
        match (query.terms.is_empty(), query.filters.is_empty()) {
            (true, true) if top.is_some() || min.is_some() => Err(QueryError::OnlyLimits),
            (true, true) => Err(QueryError::Empty),
            (false, _) if only_minus => Err(QueryError::OnlyMinus),
            _ => Ok(query),
        }
    }

    /// This query with one more filter, unless it has an equal one. The filter is
    /// normalised as by its constructor. One that its constructor would refuse (an empty
    /// value) is taken as it is; the query that is printed then cannot be parsed.
    #[must_use]
    pub fn and(&self, filter: Filter) -> Self {
        let mut query = self.clone();
        query.add(filter.clone().normal().unwrap_or(filter));
        query
    }

    fn add(&mut self, filter: Filter) {
        if !self.filters.contains(&filter) {
            self.filters.push(filter);
        }
    }

    /// The texts with their signs and weights. Either there are none, or at least one
    /// of them counts for.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The filters, in the order in which they were written; no two are equal. All of
    /// them must hold.
    #[must_use]
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// At most so many results, if the query says it; from 1 to [`MOST_RESULTS`].
    #[must_use]
    pub fn top(&self) -> Option<usize> {
        self.top
    }

    /// The least relevance of a result, if the query says it.
    #[must_use]
    pub fn min(&self) -> Option<Relevance> {
        self.min
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}

/// Texts come first: a value without quotes goes on until the next filter.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for term in &self.terms {
            f.write_str(space)?;
            let silent = space.is_empty() && term.sign == Sign::Plus && term.weight == Weight::ONE;
            if silent {
                f.write_str(&term.text)?;
            } else {
                term.fmt(f)?;
            }
            space = " ";
        }
        for filter in &self.filters {
            write!(f, "{space}{filter}")?;
            space = " ";
        }
        if let Some(top) = self.top {
            write!(f, " top={top}")?;
        }
        if let Some(min) = self.min {
            write!(f, " min={min}")?;
        }
        Ok(())
    }
}
