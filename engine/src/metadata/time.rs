//! Dates and times as clocks on walls show them, and the ways in which files write them.
//!
//! A [`CivilTime`] has no time zone. Nothing here judges whether a date is plausible:
//! that is `taken.rs`.

use serde::{Deserialize, Serialize};

/// Seconds from the start of 1904, where QuickTime counts from, to that of 1970.
pub(super) const EPOCH_1904: i64 = 2_082_844_800;

/// A date and a time of day, without a zone. Always a day that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CivilTime {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Nanoseconds within the second, where the file gives a part of a second.
    pub nanosecond: Option<u32>,
}

impl CivilTime {
    /// Midnight of a day, if there is such a day.
    #[must_use]
    pub fn date(year: u32, month: u32, day: u32) -> Option<Self> {
        Self::new(year, month, day, 0, 0, 0)
    }

    /// A date and a time of day, if there is such a day and time. A leap second is
    /// taken for the second before.
    #[must_use]
    pub fn new(
        year: u32,
        month: u32,
        day: u32,
        hour: u32,
        minute: u32,
        second: u32,
    ) -> Option<Self> {
        let exists = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        exists.then_some(Self {
            year: year as u16,
            month: month as u8,
            day: day as u8,
            hour: hour as u8,
            minute: minute as u8,
            second: second.min(59) as u8,
            nanosecond: None,
        })
    }

    /// The time that a clock in UTC shows `seconds` after the start of 1970; nothing
    /// beyond the years 1 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let (days, second) = (
            seconds.div_euclid(86_400),
            seconds.rem_euclid(86_400) as u32,
        );
        if !(-719_162..=2_932_896).contains(&days) {
            return None;
        }
        // Days since 1 March of the year 0, in eras of 400 years.
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(
            u32::try_from(year).ok()?,
            month as u32,
            day as u32,
            second / 3600,
            second / 60 % 60,
            second % 60,
        )
    }

    /// Seconds since the start of 1970, if the clock shows UTC.
    #[must_use]
    pub fn to_unix(&self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        days * 86_400
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }

    /// The same with a part of a second, written as the digits after the point.
    #[must_use]
    pub(super) fn with_fraction(mut self, digits: &str) -> Self {
        let digits = digits.trim();
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let mut nanosecond = 0;
            for position in 0..9 {
                let digit = digits
                    .as_bytes()
                    .get(position)
                    .map_or(0, |byte| byte - b'0');
                nanosecond = nanosecond * 10 + u32::from(digit);
            }
            self.nanosecond = Some(nanosecond);
        }
        self
    }
}

impl std::fmt::Display for CivilTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }
}

fn days_of_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads a date as EXIF, XMP, PNG, QuickTime or AVI write it, and its offset from UTC in
/// minutes if it has one.
///
/// `2023:05:17 18:30:00`, `2023-05-17T18:30:00.25+02:00`, `2023-05-17`, `2023-05`,
/// `2023`, `20230517T183000Z`, `Wed May 17 18:30:00 2023`.
pub(super) fn parse(text: &str) -> Option<(CivilTime, Option<i16>)> {
    // All of these are shorter; what is longer is not looked at.
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return parse_named(text).map(|time| (time, None));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match digits {
        8 | 14 => parse_joined(text, digits),
        4 => parse_parted(text),
        _ => None,
    }
}

/// An offset from UTC such as `+02:00`, `-0530`, `Z`, in minutes.
pub(super) fn parse_offset(text: &str) -> Option<i16> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None => (rest.get(..2)?, rest.get(2..)?),
    };
    let hours: i16 = hours
        .parse()
        .ok()
        .filter(|hours| (0..=14).contains(hours))?;
    let minutes: i16 = match minutes {
        "" => 0,
        minutes => minutes
            .get(..2)?
            .parse()
            .ok()
            .filter(|minutes| (0..60).contains(minutes))?,
    };
    Some(sign * (hours * 60 + minutes))
}

/// `20230517T183000Z`, `20230517183000`, `20230517`.
fn parse_joined(text: &str, digits: usize) -> Option<(CivilTime, Option<i16>)> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let date = CivilTime::date(number(0, 4)?, number(4, 6)?, number(6, 8)?)?;
    let clock = if digits == 14 {
        8
    } else {
        match text.as_bytes().get(8) {
            Some(b'T' | b't' | b' ') => 9,
            _ => return Some((date, None)),
        }
    };
    let clocked = || {
        with_clock(
            date,
            number(clock, clock + 2)?,
            number(clock + 2, clock + 4)?,
            number(clock + 4, clock + 6)?,
        )
    };
    match clocked() {
        Some(time) => Some(with_rest(time, text.get(clock + 6..).unwrap_or_default())),
        None => Some((date, None)),
    }
}

/// `2023:05:17 18:30:00` and its relatives.
fn parse_parted(text: &str) -> Option<(CivilTime, Option<i16>)> {
    let mut rest = text;
    let year = take_number(&mut rest)?;
    let mut date = [1, 1];
    for part in &mut date {
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix([':', '-', '/', '.'])?.trim_start();
        *part = take_number(&mut rest)?;
    }
    let date = CivilTime::date(year, date[0], date[1])?;
    let clock = rest.trim_start_matches([' ', 'T', 't', ':']);
    rest = clock;
    let Some(hour) = take_number(&mut rest) else {
        return Some((date, None));
    };
    let mut parts = [0, 0];
    for part in &mut parts {
        let Some(after) = rest.strip_prefix([':', '.']) else {
            break;
        };
        rest = after.trim_start();
        *part = take_number(&mut rest).unwrap_or(0);
    }
    // A day is worth keeping though its time makes no sense (`24:00:00`, `99:99:99`).
    match with_clock(date, hour, parts[0], parts[1]) {
        Some(time) => Some(with_rest(time, rest)),
        None => Some((date, None)),
    }
}

/// `Wed May 17 18:30:00 2023`, as the C library writes it and old cameras do.
fn parse_named(text: &str) -> Option<CivilTime> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let mut words = text.split_ascii_whitespace();
    words.next()?;
    let month = words.next()?.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|known| *known == month)? as u32 + 1;
    let day = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(str::parse::<u32>);
    let mut part = || clock.next().and_then(Result::ok);
    let (hour, minute, second) = (part()?, part()?, part().unwrap_or(0));
    let year = words.next()?.parse().ok()?;
    CivilTime::new(year, month, day, hour, minute, second)
}

fn with_clock(date: CivilTime, hour: u32, minute: u32, second: u32) -> Option<CivilTime> {
    CivilTime::new(
        date.year.into(),
        date.month.into(),
        date.day.into(),
        hour,
        minute,
        second,
    )
}

/// The part of a second and the offset that may stand behind a time.
fn with_rest(time: CivilTime, rest: &str) -> (CivilTime, Option<i16>) {
    let mut rest = rest.trim_start();
    let mut time = time;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let end = fraction.bytes().take_while(u8::is_ascii_digit).count();
        time = time.with_fraction(&fraction[..end]);
        rest = &fraction[end..];
    }
    (time, parse_offset(rest))
}

/// Takes up to four digits from the front of an ASCII text.
fn take_number(rest: &mut &str) -> Option<u32> {
    let end = rest.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let number = rest.get(..end)?.parse().ok()?;
    *rest = rest.get(end..)?;
    Some(number)
}

#[cfg(test)]
mod tests;
