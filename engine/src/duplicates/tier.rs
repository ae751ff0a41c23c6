//! The three kinds of sameness.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which kind of sameness a group claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The same bytes.
    Exact,
    /// The same shot, by [`super::compare`].
    SamePhoto,
    /// Much alike: a burst, or twins. Not the same, and never called so.
    Lookalike,
}

/// It is none of the three.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of duplicates: there are `exact`, `same-photo` and `lookalike`")]
pub struct TierError(String);

impl Tier {
    /// All, the surest first.
    pub const ALL: [Self; 3] = [Self::Exact, Self::SamePhoto, Self::Lookalike];

    /// Its name, in folders and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::SamePhoto => "same-photo",
            Self::Lookalike => "lookalike",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Tier {
    type Err = TierError;

    fn from_str(name: &str) -> Result<Self, TierError> {
        let found = Self::ALL.into_iter().find(|tier| tier.name() == name);
        found.ok_or_else(|| TierError(name.to_owned()))
    }
}
