//! The texts of a query, their signs and weights.

use std::fmt;

use super::words::{is_plain, single_spaced};
use super::{QueryError, decimal};

/// A text with its sign and weight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    /// Whether it counts for or against.
    pub sign: Sign,
    /// How much it counts.
    pub weight: Weight,
    /// The words, separated by single spaces. None has a `/`, or looks like a sign or a
    /// filter.
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

/// How much a term counts, from 0.01 to 100, with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

impl Term {
    /// A term; white space in its text becomes single spaces.
    ///
    /// # Errors
    /// The text is empty, or a word of it has a `/` or looks like a sign or a filter.
    pub fn new(sign: Sign, weight: Weight, text: &str) -> Result<Self, QueryError> {
        let text = single_spaced(text);
        if text.is_empty() {
            return Err(QueryError::EmptyTerm);
        }
        for word in text.split(' ') {
            if word.contains('/') {
                return Err(QueryError::Slash(word.to_owned()));
            }
            if !is_plain(word) {
                return Err(QueryError::NoText(word.to_owned()));
            }
        }
        Ok(Self { sign, weight, text })
    }

    /// The same term, as its constructor would have made it.
    pub(super) fn normal(self) -> Result<Self, QueryError> {
        Self::new(self.sign, self.weight, &self.text)
    }
}

/// With its sign, and with its weight unless it is 1: `+ snow`, `-2 dog`.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.sign {
            Sign::Plus => "+",
            Sign::Minus => "-",
        })?;
        if self.weight != Weight::ONE {
            self.weight.fmt(f)?;
        }
        write!(f, " {}", self.text)
    }
}

impl Weight {
    /// What a term counts that says nothing else.
    pub const ONE: Self = Self(100);

    /// A weight from its hundredths, from 1 to 10 000.
    #[must_use]
    pub fn of_hundredths(hundredths: u16) -> Option<Self> {
        (1..=10_000)
            .contains(&hundredths)
            .then_some(Self(hundredths))
    }

    /// In hundredths, from 1 to 10 000.
    #[must_use]
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// As a factor, from 0.01 to 100.
    #[must_use]
    pub fn factor(self) -> f32 {
        f32::from(self.0) / 100.0
    }

    /// Parses a number without a sign, rounded to two decimals.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let hundredths = decimal::parse(text, 2)?;
        Self::of_hundredths(u16::try_from(hundredths).ok()?)
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::ONE
    }
}

/// As a number without superfluous zeros: `0.5`.
impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, u32::from(self.0), 2)
    }
}
