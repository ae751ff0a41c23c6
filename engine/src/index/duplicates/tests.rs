//! An index of made-up files: content `n` is 32 bytes of `n`, and its pictures are never looked
//! at.

use std::path::Path;

use super::*;
use crate::catalog::{FileKey, FileRecord, Finding, FingerprintRecord};
use crate::duplicates::{Evidence, Fingerprint, Turn};
use crate::index::tests::{axis, open};
use crate::index::{Away, Transaction};
use crate::media::Format;

struct Library {
    _folder: tempfile::TempDir,
    index: Index,
}

/// A file: its root, its name, and a stamp.
struct Put(&'static str, &'static str, Stamp);

fn stamp(size: u64, modified: i64, inode: u64) -> Stamp {
    Stamp {
        size,
        modified,
        inode,
    }
}

impl Library {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = open(folder.path());
        Self {
            _folder: folder,
            index,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Transaction<'_>)) {
        let mut transaction = self.index.begin().unwrap();
        change(&mut transaction);
        transaction.commit().unwrap();
    }

    /// A content of so many pixels, and its files.
    fn put(&self, number: u8, width: u32, files: &[Put]) {
        let roots: Vec<_> = files
            .iter()
            .map(|Put(root, ..)| self.index.root(Path::new(root)).unwrap())
            .collect();
        self.change(|transaction| {
            let facts = Facts {
                format: Format::Jpeg,
                width,
                height: 1,
            };
            let content = [number; 32];
            transaction
                .add_content(content, facts, &axis(number))
                .unwrap();
            for (Put(_, name, stamp), root) in files.iter().zip(roots) {
                let file = FileKey {
                    root,
                    folder: "".into(),
                    name: (*name).into(),
                };
                let record = FileRecord {
                    stamp: *stamp,
                    finding: Finding::Photo(content),
                };
                transaction.put_file(file, record).unwrap();
            }
        });
    }

    fn put_quality(&self, number: u8, quality: u8) {
        self.change(|transaction| {
            let record = FingerprintRecord {
                fingerprint: Fingerprint::of_square(&[], 64),
                quality,
            };
            let catalog = transaction.catalog().unwrap();
            catalog.put_fingerprint(&[number; 32], &record).unwrap();
        });
    }

    fn pair(&self, a: u8, b: u8, pair: &Pair) {
        self.change(|transaction| {
            let catalog = transaction.catalog().unwrap();
            catalog.put_pair(&[a; 32], &[b; 32], pair).unwrap();
        });
    }

    fn away(&self, root: &str, hidden: bool) {
        let roots = [self.index.root(Path::new(root)).unwrap()].into();
        self.index.set_away(Away { roots, hidden }).unwrap();
    }

    fn groups(&self, tier: Tier) -> Vec<DuplicateGroup> {
        let generation = self.index.generation();
        let groups = self.index.duplicates(&generation, tier, &[]).unwrap();
        groups.to_vec()
    }

    fn only(&self, tier: Tier) -> DuplicateGroup {
        let mut groups = self.groups(tier);
        assert_eq!(groups.len(), 1, "{groups:?}");
        groups.remove(0)
    }
}

/// The first of them is twice as large, by its sides, as the second.
fn same_photo() -> Pair {
    Pair::SamePhoto(Evidence {
        turn: Turn::NONE,
        scale: 2.0,
        first_shown: 1.0,
        second_shown: 1.0,
        correlation: 0.99,
        agreeing: 40,
        blocks: 41,
        toned: 0.0,
        one_is_grey: false,
    })
}

fn lookalike() -> Pair {
    Pair::Lookalike {
        cosine: 0.97,
        seconds: Some(1),
    }
}

/// The names of each copy.
fn names(group: &DuplicateGroup) -> Vec<Vec<String>> {
    let of = |copy: &DuplicateCopy| {
        let names = copy
            .files
            .iter()
            .map(|file| file.path.display().to_string());
        names.collect()
    };
    group.copies.iter().map(of).collect()
}

#[test]
fn copies_take_room_and_other_names_of_one_file_do_not() {
    let library = Library::new();
    library.put(
        1,
        10,
        &[
            Put("/a", "copy.jpg", stamp(5, 30, 1)),
            Put("/a", "link.jpg", stamp(5, 20, 2)),
            Put("/a", "original.jpg", stamp(5, 20, 2)),
            // The same file, reached through another root.
            Put("/b", "again.jpg", stamp(5, 20, 2)),
        ],
    );
    let linked = stamp(7, 1, 9);
    library.put(
        2,
        10,
        &[Put("/a", "x.jpg", linked), Put("/b", "y.jpg", linked)],
    );
    library.put(3, 10, &[Put("/a", "alone.jpg", stamp(5, 30, 3))]);
    let group = library.only(Tier::Exact);
    assert_eq!(
        names(&group),
        [
            vec!["/a/link.jpg", "/a/original.jpg", "/b/again.jpg"],
            vec!["/a/copy.jpg"]
        ],
        "the oldest first"
    );
    assert_eq!((group.reclaimable, group.name().as_str()), (5, "link"));
    assert_eq!(group.copies[0].because, Because::Best);
    assert_eq!(group.reason(1).unwrap(), "the same bytes as /a/link.jpg");
    assert_eq!(group.reason(2), None);
    assert!(library.groups(Tier::SamePhoto).is_empty());
    assert!(library.groups(Tier::Lookalike).is_empty());
}

#[test]
fn where_inodes_say_nothing_the_path_tells_files_apart() {
    let library = Library::new();
    let unknown = stamp(5, 1, 0);
    library.put(
        1,
        10,
        &[
            Put("/a", "b/1.jpg", unknown),
            // The same path, through a root below.
            Put("/a/b", "1.jpg", unknown),
            Put("/a", "2.jpg", unknown),
        ],
    );
    let group = library.only(Tier::Exact);
    assert_eq!(names(&group), [["/a/2.jpg"], ["/a/b/1.jpg"]]);
}

#[test]
fn the_largest_saving_comes_first_then_the_path() {
    let library = Library::new();
    for (number, size, names) in [
        (1, 5, ["d", "e"]),
        (2, 5, ["b", "c"]),
        (3, 9, ["y", "z"]),
        (4, 1, ["a", "f"]),
    ] {
        let inode = u64::from(number) * 10;
        let files = [
            Put("/r", names[0], stamp(size, 1, inode)),
            Put("/r", names[1], stamp(size, 2, inode + 1)),
        ];
        library.put(number, 10, &files);
    }
    let groups = library.groups(Tier::Exact);
    let order: Vec<String> = groups.iter().map(DuplicateGroup::name).collect();
    assert_eq!(order, ["y", "b", "d", "a"]);
}

/// Contents 1 (small, twice), 2 (large) and 3 (as large, better written), in a chain 1-2-3.
fn chain() -> Library {
    let library = Library::new();
    library.put(
        1,
        10,
        &[
            Put("/r", "small.jpg", stamp(1, 1, 11)),
            Put("/r", "small too.jpg", stamp(1, 2, 12)),
        ],
    );
    library.put(2, 20, &[Put("/r", "large.jpg", stamp(4, 1, 13))]);
    library.put(3, 20, &[Put("/r", "best.jpg", stamp(8, 9, 14))]);
    library.put_quality(2, 70);
    library.put_quality(3, 95);
    library.pair(1, 2, &same_photo());
    library.pair(2, 3, &same_photo());
    library
}

#[test]
fn a_chain_of_pairs_is_one_group_of_all_copies_the_best_first() {
    let group = chain().only(Tier::SamePhoto);
    assert_eq!(
        names(&group),
        [
            ["/r/best.jpg"],
            ["/r/large.jpg"],
            ["/r/small.jpg"],
            ["/r/small too.jpg"]
        ]
    );
    assert_eq!(group.reclaimable, 4 + 1 + 1);
    assert_eq!(group.contents, BTreeSet::from([[1; 32], [2; 32], [3; 32]]));
    let because: Vec<_> = group.copies.iter().map(|copy| &copy.because).collect();
    // Each is told as it is seen from itself.
    assert!(matches!(because[0], Because::Best));
    assert!(matches!(because[1], Because::Compared(0, Pair::SamePhoto(it)) if it.scale == 2.0));
    assert!(matches!(because[2], Because::Compared(1, Pair::SamePhoto(it)) if it.scale == 2.0));
    assert!(matches!(because[3], Because::SameBytes(2)));
    let reason = group.reason(2).unwrap();
    assert!(
        reason.starts_with("the same shot at 200 % of the size"),
        "{reason}"
    );
    assert!(reason.ends_with("compared with /r/large.jpg"), "{reason}");
    assert_eq!(group.reason(3).unwrap(), "the same bytes as /r/small.jpg");
}

#[test]
fn the_evidence_of_a_pair_is_told_from_the_side_of_the_copy() {
    let library = Library::new();
    library.put(1, 20, &[Put("/r", "large.jpg", stamp(4, 1, 1))]);
    library.put(2, 10, &[Put("/r", "half.jpg", stamp(1, 1, 2))]);
    library.pair(1, 2, &same_photo());
    let group = library.only(Tier::SamePhoto);
    let reason = group.reason(1).unwrap();
    assert!(
        reason.starts_with("the same shot at 50 % of the size"),
        "{reason}"
    );
}

#[test]
fn lookalikes_are_shown_by_the_best_copy_of_each_photo() {
    let library = chain();
    library.put(
        4,
        15,
        &[
            Put("/r", "next.jpg", stamp(3, 2, 15)),
            Put("/r", "next too.jpg", stamp(3, 3, 16)),
        ],
    );
    // Likeness was found with the small copy; the best one stands for it.
    library.pair(1, 4, &lookalike());
    let group = library.only(Tier::Lookalike);
    assert_eq!(names(&group), [["/r/best.jpg"], ["/r/next.jpg"]]);
    assert_eq!(group.contents, BTreeSet::from([[3; 32], [4; 32]]));
    assert_eq!(group.reclaimable, 3);
    let reason = group.reason(1).unwrap();
    assert_eq!(
        reason,
        "looks like /r/best.jpg (cosine 0.970), taken 1 second apart"
    );
}

#[test]
fn lookalikes_that_are_copies_of_one_photo_are_no_group() {
    let library = chain();
    library.pair(1, 3, &lookalike());
    assert!(library.groups(Tier::Lookalike).is_empty());
}

#[test]
fn hidden_files_are_no_copies_and_offline_ones_are_marked() {
    let library = Library::new();
    let one = [
        Put("/here", "1.jpg", stamp(5, 1, 1)),
        Put("/there", "1.jpg", stamp(5, 0, 2)),
    ];
    library.put(1, 10, &one);
    library.put(2, 20, &[Put("/there", "large.jpg", stamp(5, 1, 3))]);
    library.pair(1, 2, &same_photo());
    library.away("/there", false);
    let group = library.only(Tier::Exact);
    let away: Vec<bool> = group.copies.iter().map(|copy| copy.files[0].away).collect();
    assert_eq!(away, [true, false]);
    assert_eq!(library.only(Tier::SamePhoto).copies.len(), 3);
    library.away("/there", true);
    for tier in Tier::ALL {
        assert!(library.groups(tier).is_empty(), "{tier}");
    }
}

#[test]
fn what_is_dismissed_is_shown_again_when_a_photo_joins() {
    let library = chain();
    let group = library.only(Tier::SamePhoto);
    let dismissals = [group.dismissal()];
    assert_eq!(dismissals[0].id(), group.id);
    let shown = |tier| {
        let generation = library.index.generation();
        let groups = library.index.duplicates(&generation, tier, &dismissals);
        groups.unwrap().len()
    };
    assert_eq!(shown(Tier::SamePhoto), 0);
    assert_eq!(
        shown(Tier::Exact),
        1,
        "the copies of one content are another group"
    );
    library.put(5, 5, &[Put("/r", "tiny.jpg", stamp(1, 1, 20))]);
    library.pair(2, 5, &same_photo());
    assert_eq!(shown(Tier::SamePhoto), 1);
}

/// A group of copies with a time and names each, all others than in `away` reachable.
fn group_of(copies: &[(i64, &[&str])], away: &[&str]) -> DuplicateGroup {
    let copies = copies.iter().map(|(modified, names)| DuplicateCopy {
        content: [1; 32],
        row: 0,
        files: names
            .iter()
            .map(|name| DuplicateFile {
                away: away.contains(name),
                path: name.into(),
                root: RootId(1),
            })
            .collect(),
        stamp: stamp(1, *modified, 0),
        facts: Facts {
            format: Format::Jpeg,
            width: 1,
            height: 1,
        },
        quality: 0,
        because: Because::Best,
    });
    group(Tier::Exact, BTreeSet::from([[1; 32]]), copies.collect()).unwrap()
}

#[test]
fn one_copy_is_kept_by_worth_or_age() {
    let group = group_of(
        &[(5, &["/a"]), (1, &["/b"]), (9, &["/c"]), (1, &["/d"])],
        &[],
    );
    assert_eq!(Keep::Best.choose(&group), [true, false, false, false]);
    assert_eq!(Keep::Oldest.choose(&group), [false, true, false, false]);
    assert_eq!(Keep::Newest.choose(&group), [false, false, true, false]);
}

#[test]
fn all_copies_with_a_name_in_the_folder_are_kept_or_else_all() {
    let copies: &[(i64, &[&str])] = &[
        (1, &["/x/1", "/keep/1"]),
        (2, &["/x/2"]),
        (3, &["/keep/deep/3"]),
        (4, &["/keeper/4"]),
    ];
    let group = group_of(copies, &[]);
    let inside = |folder: &str| Keep::In(folder.into()).choose(&group);
    assert_eq!(inside("/keep"), [true, false, true, false]);
    assert_eq!(inside("/nowhere"), [true; 4]);
    assert_eq!(inside("/"), [true; 4]);
}

#[test]
fn what_cannot_be_reached_is_kept_and_makes_nothing_surplus() {
    let copies: &[(i64, &[&str])] = &[(1, &["/away/1"]), (2, &["/b"]), (3, &["/c", "/away/3"])];
    let group = group_of(copies, &["/away/1", "/away/3"]);
    // The second is the best and only one of which all names are there.
    for keep in [Keep::Best, Keep::Oldest, Keep::Newest] {
        assert_eq!(keep.choose(&group), [true; 3], "{keep:?}");
    }
    assert_eq!(Keep::In("/away".into()).choose(&group), [true; 3]);
    let more = group_of(
        &[(1, &["/away/1"]), (2, &["/b"]), (3, &["/c"])],
        &["/away/1"],
    );
    assert_eq!(Keep::Best.choose(&more), [true, true, false]);
    assert_eq!(Keep::Newest.choose(&more), [true, false, true]);
    let none = group_of(&[(1, &["/away/1"]), (2, &["/b"])], &["/away/1", "/b"]);
    assert_eq!(Keep::Best.choose(&none), [true, true]);
}
