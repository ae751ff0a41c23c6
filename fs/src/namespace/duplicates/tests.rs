use std::collections::BTreeSet;

use semfs_engine::catalog::{RootId, Stamp};
use semfs_engine::index::{Because, DuplicateFile};
use semfs_engine::media::{Facts, Format};

use super::*;

fn content(number: u8) -> ContentHash {
    [number; 32]
}

/// A copy of a content of this size, with these names.
fn copy(number: u8, size: u64, paths: &[&str]) -> DuplicateCopy {
    let files = paths.iter().map(|path| DuplicateFile {
        away: false,
        path: path.into(),
        root: RootId(1),
    });
    DuplicateCopy {
        content: content(number),
        row: 0,
        files: files.collect(),
        stamp: Stamp {
            size,
            ..Stamp::UNKNOWN
        },
        facts: Facts {
            format: Format::Jpeg,
            width: 64,
            height: 48,
        },
        quality: 0,
        because: Because::SameBytes(0),
    }
}

/// A group of so many copies of a content; each takes a hundred thousand bytes.
fn group(number: u8, copies: u8, path: &str) -> DuplicateGroup {
    DuplicateGroup {
        tier: Tier::Exact,
        id: String::new(),
        contents: BTreeSet::from([content(number)]),
        copies: (0..copies)
            .map(|_| copy(number, 100_000, &[path]))
            .collect(),
        reclaimable: 100_000 * (u64::from(copies) - 1),
    }
}

fn known(groups: Vec<DuplicateGroup>, before: Option<&Known>) -> Known {
    let places = groups.iter().enumerate();
    Known {
        generation: 1,
        dismissals: [].into(),
        names: named(&groups, before),
        places: places
            .map(|(place, group)| (*group.contents.first().unwrap(), place))
            .collect(),
        groups: groups.into(),
    }
}

fn names(known: &Known) -> Vec<&str> {
    known.names.iter().map(Name::as_str).collect()
}

#[test]
fn a_folder_says_how_many_copies_what_could_be_freed_and_the_name() {
    let groups = vec![
        group(1, 3, "/p/IMG_1234.JPG"),
        group(2, 2, "/p/what?.v2.jpg"),
        group(3, 2, "/q/what*.v2.png"),
        group(4, 2, "/q/.jpg"),
    ];
    let expected = [
        "3x 200KB IMG_1234",
        "2x 100KB what_.v2",
        "2x 100KB what_.v2 (2)",
        "2x 100KB .jpg",
    ];
    assert_eq!(names(&known(groups, None)), expected);
}

#[test]
fn a_name_stays_with_its_group_while_it_is_true() {
    let before = known((1..=3).map(|at| group(at, 2, "/p/a.jpg")).collect(), None);
    assert_eq!(
        names(&before),
        ["2x 100KB a", "2x 100KB a (2)", "2x 100KB a (3)"]
    );
    // The first is dismissed, another one comes before all.
    let left = vec![
        group(9, 2, "/o/a.jpg"),
        group(2, 2, "/p/a.jpg"),
        group(3, 2, "/p/a.jpg"),
    ];
    let after = known(left, Some(&before));
    assert_eq!(
        names(&after),
        ["2x 100KB a", "2x 100KB a (2)", "2x 100KB a (3)"]
    );
    assert_eq!(after.of(&content(9)).unwrap().1, "2x 100KB a");
    // It grows: the name that it had would be a lie.
    let grown = vec![group(3, 3, "/p/a.jpg"), group(2, 2, "/p/a.jpg")];
    let grown = known(grown, Some(&after));
    assert_eq!(names(&grown), ["3x 200KB a", "2x 100KB a (2)"]);
}

#[test]
fn a_group_is_found_by_any_of_its_contents() {
    let known = known(vec![group(1, 2, "/p/a.jpg"), group(2, 2, "/p/b.jpg")], None);
    assert_eq!(known.of(&content(2)).unwrap().1, "2x 100KB b");
    assert!(known.of(&content(3)).is_none());
}

#[test]
fn why_has_a_line_for_each_name_of_each_copy() {
    let mut group = group(1, 2, "/p/a.jpg");
    group.copies[0].because = Because::Best;
    group.copies[1] = copy(1, 830, &["/p/b.jpg", "/p/c\td.jpg"]);
    group.copies[1].facts.width = 0;
    assert_eq!(
        lines(&group, 0, &group.copies[0]),
        "1\tkeep\t64x48\tthe best copy\t/p/a.jpg\n"
    );
    assert_eq!(
        lines(&group, 1, &group.copies[1]),
        "2\t830\t-\tthe same bytes as /p/a.jpg\t/p/b.jpg\n\
         2\t0\t-\tthe same file as /p/b.jpg\t/p/c d.jpg\n"
    );
}
