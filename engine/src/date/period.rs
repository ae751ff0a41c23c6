//! A year, a month or a day: what a date is written with.

use std::fmt;

use super::{Day, Month, Year};

/// A year, a month or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// `2023`
    Year(Year),
    /// `2023-05`
    Month(Month),
    /// `2023-05-17`
    Day(Day),
}

impl Period {
    /// Parses `2023`, `2023-05` or `2023-05-17`. The year has four digits; the month
    /// and the day have one or two.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let year = parts.next().filter(|part| part.len() == 4)?;
        let year = u16::try_from(digits(year)?).ok()?;
        let mut short = || match parts.next() {
            Some(part) if part.len() <= 2 => Some(Some(u8::try_from(digits(part)?).ok()?)),
            Some(_) => None,
            None => Some(None),
        };
        let (month, day) = (short()?, short()?);
        if parts.next().is_some() {
            return None;
        }
        match (month, day) {
            (Some(month), Some(day)) => Day::from_civil(year, month, day).map(Self::Day),
            (Some(month), None) => Month::of(year, month).map(Self::Month),
            (None, _) => Year::of(year).map(Self::Year),
        }
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> Day {
        match self {
            Self::Year(year) => year.first_day(),
            Self::Month(month) => month.first_day(),
            Self::Day(day) => day,
        }
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> Day {
        match self {
            Self::Year(year) => year.last_day(),
            Self::Month(month) => month.last_day(),
            Self::Day(day) => day,
        }
    }

    /// The longest period that begins with a day and is `wanted`.
    pub(super) fn longest(first: Day, wanted: impl Fn(Self) -> bool) -> Option<Self> {
        around(first)
            .into_iter()
            .find(|period| period.first_day() == first && wanted(*period))
    }

    /// The longest period that ends with a day.
    pub(super) fn longest_to(last: Day) -> Self {
        around(last)
            .into_iter()
            .find(|period| period.last_day() == last)
            .unwrap_or(Self::Day(last))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => year.fmt(f),
            Self::Month(month) => month.fmt(f),
            Self::Day(day) => day.fmt(f),
        }
    }
}

/// The year, the month and the day itself.
fn around(day: Day) -> [Period; 3] {
    [
        Period::Year(day.year()),
        Period::Month(day.month()),
        Period::Day(day),
    ]
}

fn digits(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(())?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_printed_as_it_is_written() {
        for text in ["2023", "2023-05", "2023-05-17", "0001", "9999-12-31"] {
            assert_eq!(Period::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn only_a_full_date_is_a_day() {
        assert!(Day::parse("2023-05-17").is_some());
        assert_eq!(Day::parse("2023-05"), None);
        assert_eq!(Day::parse("2023"), None);
    }
}
