//! Days of the calendar, and the dates that a query can ask for.
//!
//! A [`Date`] is a condition on the day a photo was taken. This module does not know
//! photos, time zones or where a day comes from; a day is what a calendar on the wall
//! shows.

use std::fmt;
use std::str::FromStr;

pub use self::calendar::{Day, Month, Year};
pub use self::period::Period;

mod calendar;
mod period;

/// A condition on a day.
///
/// Written as a year, a month or a day (`2023`, `2023-05`, `2023-05-17`), as a range of
/// them (`2023-05..2024-01`, `2023..`, `..2023`; both ends belong to it as a whole), or
/// as `unknown`. Printed in the shortest form that means the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Date {
    /// A known day between two days, which belong to it; at least one of them is given,
    /// and `to` is not before `from`. [`Date::between`] checks that.
    Between {
        /// The first day; without it, all before.
        from: Option<Day>,
        /// The last day; without it, all after.
        to: Option<Day>,
    },
    /// No known day.
    Unknown,
}

/// Why a text or a pair of days is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// It is written like nothing that a date is written like, or there is no such day.
    #[error(
        "`{0}` is not a date; write `2023`, `2023-05` or `2023-05-17`, a range such as \
         `2023-05..2024-01`, `2023..` or `..2023`, or `unknown`"
    )]
    NoDate(String),
    /// A range that ends before it begins.
    #[error("the dates `{from}..{to}` end before they begin; write the earlier one first")]
    Backwards {
        /// What is written first.
        from: String,
        /// What is written last.
        to: String,
    },
    /// A range with neither end.
    #[error("a range of dates needs a beginning or an end; write for example `2023..`")]
    NoEnds,
}

impl Date {
    /// The days from `from` to `to`, both included.
    ///
    /// # Errors
    /// Neither is given, or `to` is before `from`.
    pub fn between(from: Option<Day>, to: Option<Day>) -> Result<Self, DateError> {
        match (from, to) {
            (None, None) => Err(DateError::NoEnds),
            (Some(first), Some(last)) if last < first => Err(DateError::Backwards {
                from: first.to_string(),
                to: last.to_string(),
            }),
            _ => Ok(Self::Between { from, to }),
        }
    }

    /// Parses what the type's description shows. Months and days may have one digit;
    /// years have four.
    ///
    /// # Errors
    /// A sentence that says how a date is written.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let period =
            |text: &str| Period::parse(text).ok_or_else(|| DateError::NoDate(text.to_owned()));
        let end = |text: &str| (!text.is_empty()).then(|| period(text)).transpose();
        if text.eq_ignore_ascii_case("unknown") {
            return Ok(Self::Unknown);
        }
        let Some((first, last)) = text.split_once("..") else {
            return period(text).map(Self::from);
        };
        let from = end(first)?.map(Period::first_day);
        let to = end(last)?.map(Period::last_day);
        Self::between(from, to).map_err(|error| match error {
            // In the words of the one who wrote them.
            DateError::Backwards { .. } => DateError::Backwards {
                from: first.to_owned(),
                to: last.to_owned(),
            },
            error => error,
        })
    }

    /// Whether a photo of a known day satisfies it. [`Date::Unknown`] contains no day.
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        self.bounds()
            .is_some_and(|(first, last)| (first..=last).contains(&day))
    }

    /// The first and the last day, both included; [`Day::MIN`] and [`Day::MAX`] for an
    /// end that is not given. Nothing for [`Date::Unknown`].
    #[must_use]
    pub fn bounds(self) -> Option<(Day, Day)> {
        match self {
            Self::Between { from, to } => Some((from.unwrap_or(Day::MIN), to.unwrap_or(Day::MAX))),
            Self::Unknown => None,
        }
    }
}

impl From<Period> for Date {
    fn from(period: Period) -> Self {
        Self::Between {
            from: Some(period.first_day()),
            to: Some(period.last_day()),
        }
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        Self::parse(text)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = match *self {
            Self::Unknown => return f.write_str("unknown"),
            Self::Between { from, to } => (from, to),
        };
        if let (Some(first), Some(last)) = (from, to)
            && let Some(period) = Period::longest(first, |period| period.last_day() == last)
        {
            return period.fmt(f);
        }
        if let Some(period) = from.and_then(|day| Period::longest(day, |_| true)) {
            period.fmt(f)?;
        }
        f.write_str("..")?;
        match to.map(Period::longest_to) {
            Some(period) => period.fmt(f),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn bounds(text: &str) -> (Day, Day) {
        Date::parse(text).unwrap().bounds().unwrap()
    }

    fn printed(text: &str) -> String {
        Date::parse(text).unwrap().to_string()
    }

    #[test]
    fn a_year_a_month_and_a_day_are_whole_periods() {
        assert_eq!(bounds("2023"), (day("2023-01-01"), day("2023-12-31")));
        assert_eq!(bounds("2024-2"), (day("2024-02-01"), day("2024-02-29")));
        assert_eq!(bounds("2023-5-7"), (day("2023-05-07"), day("2023-05-07")));
    }

    #[test]
    fn a_range_includes_both_of_its_ends_as_whole_periods() {
        let range = Date::parse("2023-05..2024-01").unwrap();
        assert_eq!(range.bounds(), Some((day("2023-05-01"), day("2024-01-31"))));
        assert!(range.contains(day("2023-05-01")) && range.contains(day("2024-01-31")));
        assert!(!range.contains(day("2023-04-30")) && !range.contains(day("2024-02-01")));
    }

    #[test]
    fn an_open_range_has_no_end() {
        assert_eq!(bounds("2023-05.."), (day("2023-05-01"), Day::MAX));
        assert_eq!(bounds("..2023-05"), (Day::MIN, day("2023-05-31")));
    }

    #[test]
    fn an_unknown_date_contains_no_day() {
        let unknown = Date::parse("unknown").unwrap();
        assert_eq!(unknown.bounds(), None);
        assert!(!unknown.contains(day("2023-05-17")));
    }

    #[test]
    fn a_date_is_printed_in_its_shortest_form() {
        for (written, shortest) in [
            ("2023-01-01..2023-12-31", "2023"),
            ("2023-1..2023-12", "2023"),
            ("2024-02-01..2024-02-29", "2024-02"),
            ("2023-02-01..2023-02-28", "2023-02"),
            ("2023-5-17..2023-5-17", "2023-05-17"),
            ("2023-05-17..2023-05-18", "2023-05-17..2023-05-18"),
            ("2023-05..2024-1", "2023-05..2024-01"),
            ("2022-01-01..2023-12-31", "2022..2023"),
            ("2023-05-01..", "2023-05.."),
            ("..2023-12-31", "..2023"),
            ("2023-01-01..2023-01-02", "2023..2023-01-02"),
            ("UNKNOWN", "unknown"),
            ("0001..9999", "0001..9999"),
        ] {
            assert_eq!(printed(written), shortest);
        }
    }

    #[test]
    fn what_is_no_date_says_how_to_write_one() {
        for text in [
            "32",
            "2023-13",
            "2023-00",
            "2023-02-30",
            "2023-05-",
            "2023-05-00",
            "0000",
            "02023",
            "2023-005",
            "2023-05-17-01",
            "+2023",
            "2023...2024",
            "2023..32",
            "٢٠٢٣",
            "may",
            "",
        ] {
            let error = Date::parse(text).unwrap_err();
            assert!(matches!(error, DateError::NoDate(_)), "{text}: {error:?}");
            assert!(error.to_string().contains("write `2023`"));
        }
        assert_eq!(Date::parse(".."), Err(DateError::NoEnds));
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_an_error() {
        let error = Date::parse("2023-05..2023-4").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the dates `2023-05..2023-4` end before they begin; write the earlier one first"
        );
        // The end of the later written year is after the beginning of the month.
        assert!(Date::parse("2023-05..2023").is_ok());
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(
            one in 1..=9999_u16, other in 0..1500_i32, month in 1..=12_u8, end in 0..4_u8,
        ) {
            let first = Day::from_civil(one, month, 1).unwrap();
            let last = Day::of_number(first.number() + other).unwrap_or(Day::MAX);
            let date = match end {
                0 => Date::between(Some(first), Some(last)),
                1 => Date::between(Some(last), None),
                2 => Date::between(None, Some(last)),
                _ => Date::between(Some(last), Some(last)),
            };
            let date = date.unwrap();
            prop_assert_eq!(Date::parse(&date.to_string()), Ok(date));
        }

        #[test]
        fn any_text_is_a_date_or_a_sentence(text in "[0-9.\\-]{0,12}|\\PC{0,10}") {
            match Date::parse(&text) {
                Ok(date) => prop_assert_eq!(Date::parse(&date.to_string()), Ok(date)),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}
