use std::collections::BTreeSet;

use super::*;
use crate::media::{Facts, Format};
use crate::problem::{Problem, ProblemKind};

fn record(finding: Finding) -> FileRecord {
    let stamp = Stamp {
        size: 1,
        modified: 2,
        inode: 3,
    };
    FileRecord { stamp, finding }
}

fn file(folder: &str, name: &str) -> FileKey {
    FileKey {
        root: RootId(0),
        folder: folder.into(),
        name: name.into(),
    }
}

fn content(row: u32) -> ContentRecord {
    ContentRecord {
        row,
        facts: Facts {
            format: Format::Jpeg,
            width: 4,
            height: 3,
        },
    }
}

fn problem() -> Finding {
    Finding::Problem(Problem::new(ProblemKind::Damaged, "it is damaged"), 0)
}

fn add(catalog: &Catalog, hash: ContentHash, row: u32, files: &[FileKey]) {
    let mut batch = catalog.batch().unwrap();
    batch.add_content(hash, content(row)).unwrap();
    for file in files {
        let photo = record(Finding::Photo(hash));
        batch.put_file(file.clone(), photo).unwrap();
    }
    batch.commit().unwrap();
}

#[test]
fn a_content_in_two_files_is_one_photo() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path()).unwrap();
    let files = [file("a", "1.jpg"), file("b", "2.jpg")];
    add(&catalog, [7; 32], 0, &files);
    let totals = catalog.totals().unwrap();
    assert_eq!((totals.files, totals.photos, totals.rows), (2, 1, 1));
    let found: Vec<_> = catalog.files_of(&[7; 32]).map(Result::unwrap).collect();
    assert_eq!(found, files);
}

#[test]
fn a_row_dies_with_its_last_file_and_comes_back_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path()).unwrap();
    let (one, two) = (file("", "1.jpg"), file("", "2.jpg"));
    add(&catalog, [7; 32], 0, &[one.clone(), two.clone()]);

    let mut batch = catalog.batch().unwrap();
    batch.remove_file(one.clone()).unwrap();
    assert!(batch.commit().unwrap().died.is_empty());
    let mut batch = catalog.batch().unwrap();
    batch.remove_file(two).unwrap();
    assert_eq!(batch.commit().unwrap().died, [0]);
    assert!(catalog.dead_rows().unwrap().contains(0));
    assert_eq!(catalog.totals().unwrap().photos, 0);

    let mut batch = catalog.batch().unwrap();
    batch
        .put_file(one, record(Finding::Photo([7; 32])))
        .unwrap();
    assert_eq!(batch.commit().unwrap().revived, [0]);
    assert!(catalog.dead_rows().unwrap().is_empty());
}

#[test]
fn a_move_in_one_batch_keeps_the_row_alive_in_either_order() {
    for added_first in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        let (old, new) = (file("old", "1.jpg"), file("new", "1.jpg"));
        add(&catalog, [7; 32], 0, std::slice::from_ref(&old));
        let mut batch = catalog.batch().unwrap();
        let photo = record(Finding::Photo([7; 32]));
        if added_first {
            batch.put_file(new.clone(), photo).unwrap();
            batch.remove_file(old).unwrap();
        } else {
            batch.remove_file(old).unwrap();
            batch.put_file(new.clone(), photo).unwrap();
        }
        let committed = batch.commit().unwrap();
        assert_eq!(
            (committed.died, committed.revived),
            (Vec::<u32>::new(), Vec::<u32>::new())
        );
        assert_eq!(committed.totals.files, 1);
        let found: Vec<_> = catalog.files_of(&[7; 32]).map(Result::unwrap).collect();
        assert_eq!(found, [new]);
    }
}

#[test]
fn a_problem_is_listed_until_the_file_is_a_photo() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path()).unwrap();
    let bad = file("x", "bad.jpg");
    let mut batch = catalog.batch().unwrap();
    batch.put_file(bad.clone(), record(problem())).unwrap();
    batch.commit().unwrap();
    let listed: Vec<_> = catalog.problems().map(|entry| entry.unwrap().0).collect();
    assert_eq!(listed, std::slice::from_ref(&bad));
    add(&catalog, [1; 32], 0, &[bad]);
    assert_eq!(catalog.problems().count(), 0);
    let totals = catalog.totals().unwrap();
    assert_eq!((totals.files, totals.problems), (1, 0));
}

#[test]
fn a_folder_lists_its_own_files_only() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path()).unwrap();
    let files = [
        file("", "top.jpg"),
        file("a", "1.jpg"),
        file("a", "2.jpg"),
        file("a/b", "3.jpg"),
        file("ab", "4.jpg"),
    ];
    add(&catalog, [1; 32], 0, &files);
    let names = |folder: &str| -> BTreeSet<_> {
        catalog
            .folder(RootId(0), Path::new(folder))
            .map(|entry| entry.unwrap().0.name)
            .collect()
    };
    assert_eq!(names("a"), ["1.jpg".into(), "2.jpg".into()].into());
    assert_eq!(names(""), ["top.jpg".into()].into());
}

#[test]
fn an_uncommitted_batch_leaves_no_trace_and_a_committed_one_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    {
        let catalog = Catalog::open(folder.path()).unwrap();
        add(&catalog, [1; 32], 0, &[file("", "kept.jpg")]);
        let mut batch = catalog.batch().unwrap();
        batch
            .put_file(file("", "lost.jpg"), record(problem()))
            .unwrap();
        drop(batch);
    }
    let catalog = Catalog::open(folder.path()).unwrap();
    let totals = catalog.totals().unwrap();
    assert_eq!(
        (totals.files, totals.problems, totals.generation),
        (1, 0, 1)
    );
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    {
        let catalog = Catalog::open(folder.path()).unwrap();
        catalog.put(keys::META, &Meta::empty(VERSION + 1)).unwrap();
        catalog.sync().unwrap();
    }
    let error = Catalog::open(folder.path()).unwrap_err();
    assert!(matches!(error, CatalogError::Newer { .. }), "{error}");
}

#[test]
fn roots_keep_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path()).unwrap();
    let (a, b) = (Path::new("/photos/z"), Path::new("/photos/a"));
    let ids = [catalog.root(a).unwrap(), catalog.root(b).unwrap()];
    assert_eq!(ids, [RootId(0), RootId(1)]);
    assert_eq!(catalog.root(a).unwrap(), RootId(0));
    assert_eq!(
        catalog.roots().unwrap(),
        [(RootId(0), a.into()), (RootId(1), b.into())]
    );
}
