//! The words that stand before `=`.

use super::QueryError;

/// A word that can stand before `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Date,
    Camera,
    Place,
    Type,
    Tag,
    In,
    Shape,
    Top,
    Min,
}

impl Key {
    const ALL: [Self; 9] = [
        Self::Date,
        Self::Camera,
        Self::Place,
        Self::Type,
        Self::Tag,
        Self::In,
        Self::Shape,
        Self::Top,
        Self::Min,
    ];

    /// Finds the key of a name.
    pub(super) fn of(name: &str) -> Result<Self, QueryError> {
        let found = Self::ALL
            .into_iter()
            .find(|key| key.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| QueryError::UnknownFilter(name.to_owned()))
    }

    /// How it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Camera => "camera",
            Self::Place => "place",
            Self::Type => "type",
            Self::Tag => "tag",
            Self::In => "in",
            Self::Shape => "shape",
            Self::Top => "top",
            Self::Min => "min",
        }
    }

    /// How it is written with a value.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Date => "date=2023-05",
            Self::Camera => "camera=nikon",
            Self::Place => "place=paris",
            Self::Type => "type=jpeg",
            Self::Tag => "tag=family",
            Self::In => "in=holiday∕2019",
            Self::Shape => "shape=portrait",
            Self::Top => "top=50",
            Self::Min => "min=0.6",
        }
    }

    /// Whether its value goes on over the following words.
    pub(super) fn is_free(self) -> bool {
        matches!(self, Self::Camera | Self::Place | Self::Tag | Self::In)
    }
}

/// All keys, for a sentence.
pub(super) fn known() -> String {
    Key::ALL.map(|key| format!("`{}=`", key.name())).join(", ")
}
