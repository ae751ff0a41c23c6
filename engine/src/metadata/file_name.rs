//! The date that phones and programs put into a file's name.
//!
//! A name has no grammar, so a date counts only where it cannot easily be anything else:
//! not within a longer number, a hash or a UUID, not beside other long numbers, not
//! before 1900, not in the future.

use super::taken::{Taken, TakenSource};
use super::time::CivilTime;

/// Words that devices write directly before a date. All others are set off from it.
const PREFIXES: &[&str] = &[
    "burst",
    "c",
    "cam",
    "capture",
    "dsc",
    "dscn",
    "img",
    "image",
    "lrm",
    "mov",
    "movie",
    "mvimg",
    "p",
    "pano",
    "photo",
    "pic",
    "picture",
    "pxl",
    "record",
    "sam",
    "scan",
    "screenshot",
    "screen",
    "signal",
    "snapchat",
    "vid",
    "video",
    "wa",
    "whatsapp",
    "win",
    "wp",
];

/// Words before a number of milliseconds since 1970.
const EPOCH_PREFIXES: &[&str] = &[
    "fb_img_",
    "mmexport",
    "wx_camera_",
    "microvideo_",
    "received_",
];

/// The most characters of a name that are looked at.
const LENGTH: usize = 512;

/// Finds the date in a name that is without folders, at most a day after `now` (seconds
/// since 1970). Pixel phones (`PXL_`) write UTC: their offset is 0; others are unknown.
#[must_use]
pub fn date_in(name: &str, now: i64) -> Option<Taken> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, extension)| {
        // `2023.05.17` ends in no extension.
        if extension.len() <= 5 && extension.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            stem
        } else {
            name
        }
    });
    let lower = stem.to_ascii_lowercase();
    if lower.len() > LENGTH || has_uuid(lower.as_bytes()) {
        return None;
    }
    let taken = |local: CivilTime, offset_minutes| {
        let taken = Taken {
            local,
            offset_minutes,
            source: TakenSource::FileName,
        };
        let plausible = local.year >= 1900 && taken.to_unix() <= now.saturating_add(86_400);
        plausible.then_some(taken)
    };
    let utc = lower.starts_with("pxl_").then_some(0);
    let tokens = tokens(&lower);
    (0..tokens.len())
        .filter_map(|index| joined(&tokens, index).or_else(|| parted(&tokens, index)))
        .find_map(|local| taken(local, utc))
        .or_else(|| taken(of_epoch(&lower)?, Some(0)))
}

/// A stretch of a name: digits, letters, or what stands between them.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Digits(&'a str),
    Letters(&'a str),
    Between(&'a str),
}

fn tokens(name: &str) -> Vec<Token<'_>> {
    let class = |c: char| {
        if c.is_ascii_digit() {
            0
        } else if c.is_alphanumeric() {
            1
        } else {
            2
        }
    };
    let mut tokens = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let kind = class(first);
        let end = rest.find(|c| class(c) != kind).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        tokens.push(match kind {
            0 => Token::Digits(token),
            1 => Token::Letters(token),
            _ => Token::Between(token),
        });
        rest = after;
    }
    tokens
}

/// `20230517`, `20230517_183000`, `20230517183000`, `20230517T183000`.
fn joined(tokens: &[Token<'_>], index: usize) -> Option<CivilTime> {
    let Token::Digits(digits) = tokens[index] else {
        return None;
    };
    if !matches!(digits.len(), 8 | 14 | 17) || !begins_well(tokens, index) {
        return None;
    }
    let date = CivilTime::date(
        number(digits, 0, 4)?,
        number(digits, 4, 6)?,
        number(digits, 6, 8)?,
    )?;
    if digits.len() > 8 {
        return with_clock(date, &digits[8..]);
    }
    // One character, or a few letters, between date and time.
    let clock = match tokens.get(index + 1..).unwrap_or_default() {
        [
            Token::Between("_" | "-" | " " | "." | " - "),
            Token::Digits(clock),
            ..,
        ]
        | [Token::Letters("t"), Token::Digits(clock), ..] => Some(*clock),
        _ => None,
    };
    if let Some(time) = clock.and_then(|clock| with_clock(date, clock)) {
        return Some(time);
    }
    if let [Token::Between(_), rest @ ..] = tokens.get(index + 1..).unwrap_or_default()
        && let Some(time) = parted_clock(date, rest)
    {
        return Some(time);
    }
    // A date alone: what is beside it must not be a number of its own.
    let before = index.checked_sub(2).map(|index| tokens[index]);
    let number_before = matches!(before, Some(Token::Digits(_)));
    let after = tokens.get(index + 1..).unwrap_or_default();
    let number_after = match after {
        [] => false,
        [Token::Between(_), Token::Digits(counter), ..] => counter.len() > 4,
        [Token::Between(_), ..] => false,
        _ => true,
    };
    (!number_before && !number_after).then_some(date)
}

/// `2023-05-17`, with a time behind it or not.
fn parted(tokens: &[Token<'_>], index: usize) -> Option<CivilTime> {
    let [
        Token::Digits(year),
        Token::Between(first),
        Token::Digits(month),
        Token::Between(second),
        Token::Digits(day),
        rest @ ..,
    ] = &tokens[index..]
    else {
        return None;
    };
    let shaped = year.len() == 4
        && month.len() == 2
        && day.len() == 2
        && first == second
        && matches!(*first, "-" | "_" | "." | ":");
    if !shaped || !begins_well(tokens, index) {
        return None;
    }
    let date = CivilTime::date(
        number(year, 0, 4)?,
        number(month, 0, 2)?,
        number(day, 0, 2)?,
    )?;
    let clock = match rest {
        [Token::Letters("t"), clock @ ..]
        | [
            Token::Between(" "),
            Token::Letters("at"),
            Token::Between(" "),
            clock @ ..,
        ]
        | [Token::Between(_), clock @ ..] => clock,
        [] => return Some(date),
        // Letters directly behind a day: no date.
        _ => return None,
    };
    let joined = match clock.first() {
        Some(Token::Digits(digits)) if digits.len() >= 6 => with_clock(date, digits),
        _ => None,
    };
    Some(joined.or_else(|| parted_clock(date, clock)).unwrap_or(date))
}

/// `18.30.00`, `6.30.00 pm`, `18h30m00`, `18-30-00-123`.
fn parted_clock(date: CivilTime, tokens: &[Token<'_>]) -> Option<CivilTime> {
    let [
        Token::Digits(hour),
        Token::Between(_) | Token::Letters("h"),
        Token::Digits(minute),
        Token::Between(_) | Token::Letters("m"),
        Token::Digits(second),
        rest @ ..,
    ] = tokens
    else {
        return None;
    };
    if hour.len() > 2 || minute.len() != 2 || second.len() != 2 {
        return None;
    }
    let mut hour: u32 = hour.parse().ok()?;
    let half = match rest {
        [Token::Letters(half), ..] | [Token::Between(_), Token::Letters(half), ..] => *half,
        _ => "",
    };
    match half {
        "pm" if hour < 12 => hour += 12,
        "am" if hour == 12 => hour = 0,
        _ => {}
    }
    let time = CivilTime::new(
        date.year.into(),
        date.month.into(),
        date.day.into(),
        hour,
        minute.parse().ok()?,
        second.parse().ok()?,
    )?;
    Some(match rest {
        [Token::Between("." | "-" | "_"), Token::Digits(fraction), ..] if fraction.len() == 3 => {
            time.with_fraction(fraction)
        }
        _ => time,
    })
}

/// `183000` or `183000123` behind a date.
fn with_clock(date: CivilTime, clock: &str) -> Option<CivilTime> {
    if !matches!(clock.len(), 6 | 8 | 9) {
        return None;
    }
    let time = CivilTime::new(
        date.year.into(),
        date.month.into(),
        date.day.into(),
        number(clock, 0, 2)?,
        number(clock, 2, 4)?,
        number(clock, 4, 6)?,
    )?;
    Some(time.with_fraction(&clock[6..]))
}

/// Whether what stands directly before the digits lets a date begin there.
fn begins_well(tokens: &[Token<'_>], index: usize) -> bool {
    match index.checked_sub(1).map(|before| tokens[before]) {
        None | Some(Token::Between(_)) => true,
        Some(Token::Letters(word)) => {
            let alone = match index.checked_sub(2).map(|before| tokens[before]) {
                None | Some(Token::Between(_)) => true,
                Some(_) => false,
            };
            alone && PREFIXES.contains(&word)
        }
        Some(Token::Digits(_)) => false,
    }
}

/// Thirteen digits of milliseconds behind the word of a program that writes them.
fn of_epoch(name: &str) -> Option<CivilTime> {
    let digits = EPOCH_PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))?;
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    if end != 13 {
        return None;
    }
    let time = CivilTime::from_unix(digits[..10].parse().ok()?)?;
    // Programs that count thus are younger than this.
    (time.year >= 2005).then(|| time.with_fraction(&digits[10..13]))
}

/// Whether a name holds 8-4-4-4-12 digits in base 16.
fn has_uuid(name: &[u8]) -> bool {
    name.windows(36).any(|window| {
        window.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

fn number(digits: &str, from: usize, to: usize) -> Option<u32> {
    digits.get(from..to)?.parse().ok()
}

#[cfg(test)]
mod tests;
