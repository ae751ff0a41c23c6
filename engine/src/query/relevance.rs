//! How relevant a photo must be.

use std::fmt;

use super::{QueryError, decimal};

/// A calibrated relevance from 0 to 1, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relevance(u16);

impl Relevance {
    /// A relevance from its thousandths, from 0 to 1000.
    #[must_use]
    pub fn of_thousandths(thousandths: u16) -> Option<Self> {
        (thousandths <= 1000).then_some(Self(thousandths))
    }

    /// In thousandths, from 0 to 1000.
    #[must_use]
    pub fn thousandths(self) -> u16 {
        self.0
    }

    /// From 0 to 1.
    #[must_use]
    pub fn value(self) -> f32 {
        f32::from(self.0) / 1000.0
    }

    /// Parses `0.6`, `.6` or `60%`, rounded to thousandths.
    ///
    /// # Errors
    /// It is no number from 0 to 1, or from 0 to 100 with `%`.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let thousandths = match text.strip_suffix('%') {
            Some(percent) => decimal::parse(percent, 1),
            None => decimal::parse(text, 3),
        };
        let thousandths = thousandths.and_then(|thousandths| u16::try_from(thousandths).ok());
        thousandths
            .and_then(Self::of_thousandths)
            .ok_or_else(|| QueryError::Min(text.to_owned()))
    }
}

/// As a number from 0 to 1 without superfluous zeros: `0.6`.
impl fmt::Display for Relevance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, u32::from(self.0), 3)
    }
}
