//! Days, months and years of the Gregorian calendar, from the year 1 to 9999.
//!
//! The calendar is taken to have been valid always (proleptic). Nothing here knows
//! times of the day.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Period;

const SECONDS_OF_A_DAY: i64 = 86_400;

/// A day, as the number of days since 1 January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct Day(i32);

impl Day {
    /// 1 January of the year 1.
    pub const MIN: Self = Self(-719_162);
    /// 31 December 9999.
    pub const MAX: Self = Self(2_932_896);

    /// The day that is `number` days after 1 January 1970; before it, if negative.
    /// Nothing beyond the years 1 to 9999.
    #[must_use]
    pub fn of_number(number: i32) -> Option<Self> {
        (Self::MIN..=Self::MAX)
            .contains(&Self(number))
            .then_some(Self(number))
    }

    /// Days since 1 January 1970.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// The day of a moment that is `seconds` after the start of 1970, in the zone that
    /// the seconds are counted in. Nothing beyond the years 1 to 9999.
    #[must_use]
    pub fn of_unix(seconds: i64) -> Option<Self> {
        let number = i32::try_from(seconds.div_euclid(SECONDS_OF_A_DAY)).ok()?;
        Self::of_number(number)
    }

    /// A day by its year (1 to 9999), month (1 to 12) and day of the month, if there is
    /// such a day.
    #[must_use]
    pub fn from_civil(year: u16, month: u8, day: u8) -> Option<Self> {
        let month = Month::of(year, month)?;
        let number = month.first_day().0 + i32::from(day) - 1;
        (day >= 1 && number <= month.last_day().0).then_some(Self(number))
    }

    /// The year, the month (1 to 12) and the day of the month (1 to 31).
    #[must_use]
    pub fn civil(self) -> (u16, u8, u8) {
        // Days since 1 March of the year 0, in eras of 400 years: so a leap day is the
        // last of its year. Days before that March do not exist here.
        let days = self.0 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let (month, years) = if month_from_march < 10 {
            (month_from_march + 3, 0)
        } else {
            (month_from_march - 9, 1)
        };
        let year = era * 400 + year_of_era + years;
        (year as u16, month as u8, day as u8)
    }

    /// The month that it lies in.
    #[must_use]
    pub fn month(self) -> Month {
        let (year, month, _) = self.civil();
        Month { year, month }
    }

    /// The year that it lies in.
    #[must_use]
    pub fn year(self) -> Year {
        Year(self.civil().0)
    }

    /// Parses `2023-05-17` or `2023-5-17`, if there is such a day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match Period::parse(text)? {
            Period::Day(day) => Some(day),
            Period::Month(_) | Period::Year(_) => None,
        }
    }
}

impl TryFrom<i32> for Day {
    type Error = &'static str;

    fn try_from(number: i32) -> Result<Self, Self::Error> {
        Self::of_number(number).ok_or("a day beyond the years 1 to 9999")
    }
}

impl From<Day> for i32 {
    fn from(day: Day) -> Self {
        day.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u16,
    month: u8,
}

impl Month {
    /// A month by its year (1 to 9999) and number (1 to 12), if there is such a month.
    #[must_use]
    pub fn of(year: u16, month: u8) -> Option<Self> {
        let Year(year) = Year::of(year)?;
        (1..=12).contains(&month).then_some(Self { year, month })
    }

    /// The year that it lies in.
    #[must_use]
    pub fn year(self) -> Year {
        Year(self.year)
    }

    /// 1 to 12.
    #[must_use]
    pub fn number(self) -> u8 {
        self.month
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> Day {
        Day(days_before(self.year, self.month))
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> Day {
        match self.month {
            12 => Day(days_before(self.year + 1, 1) - 1),
            month => Day(days_before(self.year, month + 1) - 1),
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A year from 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Year(u16);

impl Year {
    /// A year from 1 to 9999.
    #[must_use]
    pub fn of(year: u16) -> Option<Self> {
        (1..=9999).contains(&year).then_some(Self(year))
    }

    /// 1 to 9999.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// 1 January.
    #[must_use]
    pub fn first_day(self) -> Day {
        Day(days_before(self.0, 1))
    }

    /// 31 December.
    #[must_use]
    pub fn last_day(self) -> Day {
        Day(days_before(self.0 + 1, 1) - 1)
    }
}

impl fmt::Display for Year {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// Days from 1 January 1970 to the first day of a month.
fn days_before(year: u16, month: u8) -> i32 {
    // Years and months are counted from March: so a leap day is the last of its year.
    let (year, month) = (i32::from(year), i32::from(month));
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_have_their_numbers() {
        for (text, number) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2023-05-17", 19_494),
            ("0001-01-01", Day::MIN.number()),
            ("9999-12-31", Day::MAX.number()),
        ] {
            let day = Day::parse(text).unwrap();
            assert_eq!(day.number(), number, "{text}");
            assert_eq!(day.to_string(), text);
        }
    }

    #[test]
    fn every_day_from_the_year_1_to_9999_follows_the_one_before() {
        let mut expected = (1, 1, 1);
        for number in Day::MIN.number()..=Day::MAX.number() {
            let day = Day::of_number(number).unwrap();
            assert_eq!(day.civil(), expected);
            let (year, month, of_month) = expected;
            assert_eq!(Day::from_civil(year, month, of_month), Some(day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let ends = of_month == length;
            assert_eq!(day.month().last_day() == day, ends);
            assert_eq!(day.year().last_day() == day, ends && month == 12);
            expected = match (ends, month) {
                (false, _) => (year, month, of_month + 1),
                (true, 12) => (year + 1, 1, 1),
                (true, _) => (year, month + 1, 1),
            };
        }
        assert_eq!(expected, (10_000, 1, 1));
    }

    #[test]
    fn days_that_do_not_exist_are_none() {
        for (year, month, day) in [
            (2023, 2, 29),
            (1900, 2, 29),
            (2023, 4, 31),
            (2023, 13, 1),
            (2023, 0, 1),
            (2023, 1, 0),
            (0, 1, 1),
            (10_000, 1, 1),
            (2023, 1, 255),
        ] {
            assert_eq!(Day::from_civil(year, month, day), None);
        }
        assert_eq!(Day::of_number(Day::MAX.number() + 1), None);
        assert_eq!(Day::of_number(Day::MIN.number() - 1), None);
    }

    #[test]
    fn a_moment_before_1970_belongs_to_the_day_that_it_lies_in() {
        let day = |seconds| Day::of_unix(seconds).map(|day| day.to_string());
        assert_eq!(day(-1).as_deref(), Some("1969-12-31"));
        assert_eq!(day(0).as_deref(), Some("1970-01-01"));
        assert_eq!(day(86_399).as_deref(), Some("1970-01-01"));
        assert_eq!(day(1_684_281_600).as_deref(), Some("2023-05-17"));
        assert_eq!(day(i64::MAX), None);
        assert_eq!(day(i64::MIN), None);
    }

    #[test]
    fn a_day_is_stored_as_its_number_and_read_back_only_if_it_exists() {
        let day = Day::parse("2023-05-17").unwrap();
        assert_eq!(serde_json::to_string(&day).unwrap(), "19494");
        assert_eq!(serde_json::from_str::<Day>("19494").unwrap(), day);
        assert!(serde_json::from_str::<Day>("3000000").is_err());
    }
}
