//! Why a text is no query, in sentences for the one who wrote it.

use super::key::{self, Key};
use super::{LONGEST_QUERY, MOST_RESULTS, filter};
use crate::date::DateError;

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
    /// Words that count against are the same as those that count for.
    #[error("the words of the query cancel each other out, so nothing is left to look for")]
    Cancelled,
    /// `top=` or `min=` without anything to look for.
    #[error(
        "`top=` and `min=` say only how many photos are wanted: write before them which, \
         for example `beach top=50`"
    )]
    OnlyLimits,
    /// A sign with nothing after it.
    #[error("a sign has no words after it")]
    EmptyTerm,
    /// A sign with a number that is no weight.
    #[error("`{0}` is not a weight from 0.01 to 100, such as `+0.5` or `-2`")]
    Weight(String),
    /// A word of a text has a slash, which no folder name can have.
    #[error("`{0}` has a `/`, which the name of a folder cannot have; write a space instead")]
    Slash(String),
    /// A word of a text, given by a program, that would be read as a sign or a filter.
    #[error("`{0}` cannot be a word of a text: it is written like a sign or a filter")]
    NoText(String),
    /// `top=` with something that is no number.
    #[error("`top={0}` is not a number from 1 to {MOST_RESULTS}")]
    Top(String),
    /// `min=` with something that is no relevance.
    #[error("`min={0}` is not a relevance from 0 to 1; write for example `min=0.6` or `min=60%`")]
    Min(String),
    /// `date=` with something that is no date.
    #[error("`date=`: {0}")]
    Date(#[from] DateError),
    /// `type=` with something that is no type.
    #[error("`type={0}` is not a type of file; write one of {types}", types = filter::types())]
    Type(String),
    /// `shape=` with something that is no shape.
    #[error("`shape={0}` is not a shape; write `portrait`, `landscape` or `square`")]
    Shape(String),
    /// `in=` with a path that is not one of plain folders.
    #[error("`in={0}` must name folders from the top of a root, without `.` and `..`")]
    Folder(String),
    /// A filter without a value.
    #[error("`{key}=` has no value right after it; write for example `{example}`")]
    NoValue {
        /// The word before `=`.
        key: &'static str,
        /// A filter as it should be.
        example: &'static str,
    },
    /// A value with a quote that opens only.
    #[error("the value of `{0}=` begins with a double quote that nothing ends; write another one")]
    OpenQuote(&'static str),
    /// A value with something at its closing quote.
    #[error("write a space after the double quote that ends the value of `{0}=`")]
    AfterQuote(&'static str),
    /// `word=value` with a word that is no filter.
    #[error("`{0}=` is not a filter; semfs knows {known}", known = key::known())]
    UnknownFilter(String),
    /// The model knows none of the words.
    #[error("the model knows no word of {0:?}; it speaks English")]
    UnknownWords(String),
    /// The model is not there that would know what the words mean; why not.
    #[error("{0:?} cannot be looked for in what photos show: {1}")]
    NoModel(String, String),
}

impl QueryError {
    /// The error of a filter without a value.
    pub(super) fn no_value(key: Key) -> Self {
        Self::NoValue {
            key: key.name(),
            example: key.example(),
        }
    }
}
