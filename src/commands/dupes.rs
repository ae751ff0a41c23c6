//! `semfs dupes`: groups of duplicates for people, for programs, for `xargs -0`; and what their
//! owner decided of them. Nothing is deleted, moved or changed.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;

use semfs_daemon::{Config, DismissedGroup, DuplicateList, Environment, ListedFile, ListedGroup};
use semfs_engine::date::Day;
use semfs_engine::duplicates::Tier;

use crate::cli::Dupes;

pub(crate) fn run(config: &Config, environment: &Environment, dupes: &Dupes) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if let Some(name) = &dupes.dismiss {
        let group = semfs_daemon::dismiss(config, environment, name)?;
        let id = &group.id;
        writeln!(
            out,
            "{} is dismissed; `semfs dupes --restore {id}` undoes it",
            told(&group)
        )?;
    } else if let Some(name) = &dupes.restore {
        let group = semfs_daemon::restore(config, environment, name)?;
        writeln!(out, "{} is shown again", told(&group))?;
    } else if dupes.dismissed {
        print_dismissed(
            &mut out,
            &semfs_daemon::dismissed(config, environment)?,
            dupes.json,
        )?;
    } else {
        let keep = dupes.keep.as_deref();
        let keep = semfs_daemon::keep(keep.unwrap_or("best".as_ref()))?;
        let list = semfs_daemon::duplicates(config, environment, dupes.tier, &keep)?;
        // Copies of the same bytes are known without comparing.
        if list.waiting > 0 && dupes.tier != Some(Tier::Exact) {
            let waiting = list.waiting;
            let photos = if waiting == 1 {
                "photo waits"
            } else {
                "photos wait"
            };
            // Nothing can be done about a standard error that is closed.
            let _ = writeln!(
                io::stderr(),
                "semfs: {waiting} {photos} to be compared with others, so there may be more \
                 groups; the daemon goes on with that, or `semfs index`"
            );
        }
        if dupes.json {
            serde_json::to_writer_pretty(&mut out, &list)?;
            writeln!(out)?;
        } else if dupes.null {
            print_surplus(&mut out, &list, dupes.pairs)?;
        } else {
            print_groups(&mut out, &list, dupes)?;
        }
    }
    Ok(out.flush()?)
}

/// All names of surplus copies, each followed by a zero byte; before each the file that is kept
/// instead, if that is asked for. What is printed may be removed by who reads it, so a last look
/// is taken at the file that is kept.
fn print_surplus(out: &mut impl Write, list: &DuplicateList, pairs: bool) -> io::Result<()> {
    let mut left = 0_u64;
    for group in &list.groups {
        for file in group.files.iter().filter(|file| !file.keep) {
            let Some(kept) = kept_instead(group, file).filter(|kept| is_there(kept)) else {
                left += 1;
                continue;
            };
            for file in [pairs.then_some(kept), Some(file)].into_iter().flatten() {
                out.write_all(file.path().as_os_str().as_bytes())?;
                out.write_all(b"\0")?;
            }
        }
    }
    if left > 0 {
        // Nothing can be done about a standard error that is closed.
        let _ = writeln!(
            io::stderr(),
            "semfs: {left} surplus files are left out, because the copy to keep is not as the \
             index knows it; the daemon, or `semfs index`, looks again"
        );
    }
    Ok(())
}

/// The first name of a copy that is kept and can be reached; one of the same bytes, if there is.
fn kept_instead<'a>(group: &'a ListedGroup, surplus: &ListedFile) -> Option<&'a ListedFile> {
    let mut kept = group
        .files
        .iter()
        .filter(|file| file.keep && file.reachable);
    let same = kept.clone().find(|file| file.content == surplus.content);
    same.or_else(|| kept.next())
}

/// Whether a regular file of its size is there.
fn is_there(file: &ListedFile) -> bool {
    let found = fs::symlink_metadata(file.path());
    found.is_ok_and(|found| found.is_file() && found.len() == file.size)
}

fn print_groups(out: &mut impl Write, list: &DuplicateList, dupes: &Dupes) -> io::Result<()> {
    let marked = dupes.keep.is_some();
    for group in &list.groups {
        let copies = group.files.iter().map(|file| file.copy + 1).max();
        writeln!(
            out,
            "{}: {} copies, {} could be freed, {:?}, {}",
            group.tier,
            copies.unwrap_or_default(),
            bytes(group.reclaimable),
            group.name,
            group.id
        )?;
        for file in &group.files {
            write!(out, "  ")?;
            if marked {
                write!(out, "{:9}", if file.keep { "keep" } else { "surplus" })?;
            }
            let dimensions = match (file.width, file.height) {
                (Some(width), Some(height)) => format!("{width}x{height}"),
                _ => "-".to_owned(),
            };
            let away = if file.reachable { "" } else { " (offline)" };
            writeln!(
                out,
                "{:>9} {dimensions:>11}  {}{away}: {}",
                bytes(file.size),
                on_one_line(&file.path),
                on_one_line(&file.reason)
            )?;
        }
        writeln!(out)?;
    }
    print_totals(out, list, dupes)
}

/// What could be freed, for each tier by itself.
fn print_totals(out: &mut impl Write, list: &DuplicateList, dupes: &Dupes) -> io::Result<()> {
    let marked = dupes.keep.is_some();
    let tiers = Tier::ALL.into_iter();
    for tier in tiers.filter(|tier| dupes.tier.is_none_or(|only| only == *tier)) {
        let groups = list.groups.iter().filter(|group| group.tier == tier);
        let number = groups.clone().count();
        let freed: u64 = match marked {
            false => groups.map(|group| group.reclaimable).sum(),
            true => {
                let files = groups.flat_map(|group| &group.files);
                // A copy with several names takes its room once.
                let surplus = files.filter(|file| !file.keep && file.same_file_as.is_none());
                surplus.map(|file| file.size).sum()
            }
        };
        let plural = if number == 1 { "" } else { "s" };
        writeln!(
            out,
            "{tier}: {number} group{plural}, {} could be freed",
            bytes(freed)
        )?;
    }
    if dupes.tier.is_none() && !list.groups.is_empty() {
        writeln!(
            out,
            "Not to be added up: a file may be counted as more than one kind of duplicate."
        )?;
    }
    Ok(())
}

fn print_dismissed(
    out: &mut impl Write,
    groups: &[DismissedGroup],
    json: bool,
) -> anyhow::Result<()> {
    if json {
        let list = serde_json::json!({ "version": 1, "dismissed": groups });
        serde_json::to_writer_pretty(&mut *out, &list)?;
        writeln!(out)?;
        return Ok(());
    }
    for group in groups {
        let (id, tier, contents) = (&group.id, group.tier, group.contents);
        let plural = if contents == 1 { "" } else { "s" };
        let since = moment(group.since);
        let name = on_one_line(&group.name);
        writeln!(
            out,
            "{id}  {tier:10}  {since}  {contents} content{plural}  {name}"
        )?;
    }
    Ok(())
}

/// A group in words.
fn told(group: &DismissedGroup) -> String {
    let DismissedGroup { id, tier, name, .. } = group;
    format!("{tier} group {id} ({})", on_one_line(name))
}

/// A number of bytes as people read it, in units of a thousand as disks are sold.
fn bytes(number: u64) -> String {
    let mut size = number as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        // What would be shown as 1000.0 is one of the next unit.
        if size < 999.95 {
            return match unit {
                "B" => format!("{number} B"),
                unit => format!("{size:.1} {unit}"),
            };
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

/// A moment in universal time, such as `2026-05-17 18:30:00Z`.
fn moment(seconds: u64) -> String {
    let day = i64::try_from(seconds).ok().and_then(Day::of_unix);
    let Some((year, month, day)) = day.map(Day::civil) else {
        return seconds.to_string();
    };
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// Text of strangers, such as a file's name: nothing in it begins a line or speaks to the
/// terminal.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_moments_are_told_as_people_read_them() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_960, "1.0 MB"),
            (12_440_000, "12.4 MB"),
            (5_000_000_000_000, "5.0 TB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(moment(1_684_348_200), "2023-05-17 18:30:00Z");
    }

    #[test]
    fn names_cannot_speak_to_the_terminal() {
        assert_eq!(on_one_line("a\nb\u{1b}[2Jé"), "a\\nb\\u{1b}[2Jé");
    }
}
