//! Sizes in words: decimal units, three digits or so, as short as a name wants them.

/// What a thousand, a million and so on bytes are called.
const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];

/// `830B`, `12.4KB`, `340MB`: with one digit after the point below a hundred of a unit, rounded.
pub(crate) fn in_words(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes}B");
    }
    let bytes = u128::from(bytes);
    let mut unit = 1000;
    for name in UNITS {
        let tenths = (bytes * 10 + unit / 2) / unit;
        if tenths < 1000 {
            return format!("{}.{}{name}", tenths / 10, tenths % 10);
        }
        let whole = (bytes + unit / 2) / unit;
        if whole < 1000 {
            return format!("{whole}{name}");
        }
        unit *= 1000;
    }
    // More than 64 bits can say.
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_rounded() {
        for (bytes, words) in [
            (0, "0B"),
            (830, "830B"),
            (999, "999B"),
            (1000, "1.0KB"),
            (12_449, "12.4KB"),
            (12_450, "12.5KB"),
            (99_949, "99.9KB"),
            (99_950, "100KB"),
            (340_499, "340KB"),
            (999_499, "999KB"),
            (999_500, "1.0MB"),
            (12_400_000, "12.4MB"),
            (1_230_000_000, "1.2GB"),
            (u64::MAX, "18.4EB"),
        ] {
            assert_eq!(in_words(bytes), words);
        }
    }
}
