//! When a photo was taken: one answer out of several statements.
//!
//! It knows which statements are worth more and which dates cannot be; it reads nothing.

use serde::{Deserialize, Serialize};

use super::time::CivilTime;
use super::{Metadata, file_name};

/// When a photo was taken, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// What a clock at the place showed; or in UTC, when the offset is 0.
    pub local: CivilTime,
    /// Minutes that the clock was ahead of UTC, where that is stated.
    pub offset_minutes: Option<i16>,
    /// Who said so.
    pub source: TakenSource,
}

/// Who said when a photo was taken; the most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TakenSource {
    /// The camera, in EXIF.
    Exif,
    /// A program or a person, in XMP, in the file or beside it.
    Xmp,
    /// A program or a person, in IPTC.
    Iptc,
    /// The container: QuickTime, MP4, AVI, PNG.
    Container,
    /// The name of the file.
    FileName,
    /// The file's modification time.
    FileTime,
}

impl Taken {
    /// Seconds since the start of 1970: exact where the offset is known, and as if the
    /// clock had shown UTC where not.
    #[must_use]
    pub fn to_unix(&self) -> i64 {
        self.local.to_unix() - i64::from(self.offset_minutes.unwrap_or(0)) * 60
    }
}

/// How far a date may be believed.
#[derive(Debug, PartialEq, Eq)]
enum Trust {
    /// It may well be.
    Plausible,
    /// It is what a clock shows that was never set: better than the file's time only.
    Doubtful,
    /// It cannot be.
    Impossible,
}

/// Decides when a photo was taken: by its metadata, else by its name, else by
/// `modified`, its modification time. Dates that cannot be, seen from `now`, do not count.
///
/// `file_name` is the name without folders. Both times are seconds since the start of
/// 1970; the answer from `modified` is in UTC (offset 0).
#[must_use]
pub fn taken(metadata: &Metadata, file_name: &str, modified: i64, now: i64) -> Taken {
    let mut doubtful = None;
    for date in &metadata.dates {
        match trust(date, now) {
            Trust::Plausible => return *date,
            Trust::Doubtful => doubtful = doubtful.or(Some(*date)),
            Trust::Impossible => {}
        }
    }
    file_name::date_in(file_name, now)
        .or(doubtful)
        .unwrap_or_else(|| of_file_time(modified))
}

fn of_file_time(modified: i64) -> Taken {
    // Times beyond the calendar do not come from a clock; the start of 1970 stands for them.
    let local = CivilTime::from_unix(modified).unwrap_or(CivilTime {
        year: 1970,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: None,
    });
    Taken {
        local,
        offset_minutes: Some(0),
        source: TakenSource::FileTime,
    }
}

fn trust(date: &Taken, now: i64) -> Trust {
    let local = &date.local;
    // A day's grace: clocks on walls run up to 14 hours ahead of UTC.
    if local.year < 1800 || date.to_unix() > now.saturating_add(86_400) {
        return Trust::Impossible;
    }
    let new_year = local.month == 1 && local.day == 1;
    let midnight = new_year && (local.hour, local.minute, local.second) == (0, 0, 0);
    match local.year {
        // Where computers and QuickTime begin to count.
        1970 | 1904 if midnight => Trust::Impossible,
        // What cameras show after their battery was out.
        1980 if new_year => Trust::Doubtful,
        _ if midnight => Trust::Doubtful,
        _ => Trust::Plausible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000; // 2023-11-14 22:13:20

    fn date(text: &str, source: TakenSource) -> Taken {
        let (local, offset_minutes) = super::super::time::parse(text).unwrap();
        Taken {
            local,
            offset_minutes,
            source,
        }
    }

    fn decide(dates: &[(&str, TakenSource)], name: &str) -> (String, TakenSource) {
        let metadata = Metadata {
            dates: dates
                .iter()
                .map(|(text, source)| date(text, *source))
                .collect(),
            ..Metadata::default()
        };
        let taken = taken(&metadata, name, 1_600_000_000, NOW);
        (taken.local.to_string(), taken.source)
    }

    #[test]
    fn the_first_plausible_statement_counts() {
        use TakenSource::{Container, Exif, FileName, FileTime, Xmp};
        let name = "IMG_20230517_183000.jpg";
        let xmp = ("2021-01-02T03:04:05", Xmp);
        assert_eq!(decide(&[("2020:05:06 07:08:09", Exif), xmp], name).1, Exif);
        assert_eq!(decide(&[("2024:05:06 07:08:09", Exif), xmp], name).1, Xmp);
        assert_eq!(decide(&[("1970:01:01 00:00:00", Exif), xmp], name).1, Xmp);
        assert_eq!(
            decide(&[("1904-01-01T00:00:00", Container)], name).1,
            FileName
        );
        assert_eq!(decide(&[], name), ("2023-05-17 18:30:00".into(), FileName));
        assert_eq!(
            decide(&[], "a.jpg"),
            ("2020-09-13 12:26:40".into(), FileTime)
        );
    }

    #[test]
    fn the_date_of_a_camera_that_was_reset_is_better_than_the_time_of_the_file_only() {
        use TakenSource::{Exif, FileName};
        let reset = [("1980:01:01 00:13:00", Exif)];
        assert_eq!(
            decide(&reset, "a.jpg"),
            ("1980-01-01 00:13:00".into(), Exif)
        );
        assert_eq!(decide(&reset, "2023-05-17.jpg").1, FileName);
    }

    #[test]
    fn a_clock_that_is_ahead_by_a_time_zone_is_not_in_the_future() {
        use TakenSource::{Exif, FileTime};
        assert_eq!(decide(&[("2023:11:15 12:00:00", Exif)], "a.jpg").1, Exif);
        assert_eq!(
            decide(&[("2023:11:16 12:00:00", Exif)], "a.jpg").1,
            FileTime
        );
    }

    #[test]
    fn a_file_time_beyond_the_calendar_does_no_harm() {
        let metadata = Metadata::default();
        assert_eq!(taken(&metadata, "", i64::MAX, i64::MAX).local.year, 1970);
        assert_eq!(taken(&metadata, "", i64::MIN, i64::MIN).local.year, 1970);
    }
}
