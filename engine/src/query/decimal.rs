//! Numbers with few decimals, kept as whole numbers of their smallest part: so that
//! equal numbers are equal when printed and parsed again.

use std::fmt;

/// Whether a text is digits with at most one point.
pub(super) fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// A number in parts of 10^-`places`, rounded. Numbers too large for the type are its
/// greatest.
pub(super) fn parse(text: &str, places: usize) -> Option<u32> {
    if !is_decimal(text) {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(places);
    let parts = whole.bytes().chain(kept).fold(0_u32, |parts, digit| {
        parts
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'))
    });
    let rounds_up = fraction
        .as_bytes()
        .get(places)
        .is_some_and(|digit| *digit >= b'5');
    Some(parts.saturating_add(u32::from(rounds_up)))
}

/// Writes a number that is given in parts of 10^-`places`, without superfluous zeros.
pub(super) fn write(f: &mut fmt::Formatter<'_>, parts: u32, places: usize) -> fmt::Result {
    let digits = format!("{parts:0width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => f.write_str(whole),
        fraction => write!(f, "{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_with_a_point_are_a_number_in_its_parts() {
        for (text, parts) in [
            ("2", 200),
            ("0.5", 50),
            (".5", 50),
            ("5.", 500),
            ("0.125", 13),
            ("0.124", 12),
            ("007", 700),
            ("0.009", 1),
            ("99999999999999", u32::MAX),
        ] {
            assert_eq!(parse(text, 2), Some(parts), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_number() {
        for text in ["", ".", "1.2.3", "5c", "-1", "+1", "1e3", "½", "٢"] {
            assert_eq!(parse(text, 2), None, "{text}");
        }
    }
}
