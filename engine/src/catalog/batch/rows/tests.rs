use crate::catalog::{
    Catalog, ContentRecord, FileKey, FileRecord, Finding, Knowledge, MetadataRecord, RootId, Stamp,
};
use crate::facets::RowFacts;
use crate::media::{Facts, Format};
use crate::metadata::{self, Metadata};
use crate::problem::{Problem, ProblemKind};

const HASH: [u8; 32] = [7; 32];
const ROW: u32 = 0;

fn file(folder: &str, name: &str) -> FileKey {
    FileKey {
        root: RootId(0),
        folder: folder.into(),
        name: name.into(),
    }
}

fn record(finding: Finding) -> FileRecord {
    let stamp = Stamp {
        size: 1,
        modified: 2_000_000_000,
        inode: 3,
    };
    FileRecord { stamp, finding }
}

fn content(row: u32) -> ContentRecord {
    let facts = Facts {
        format: Format::Jpeg,
        width: 4,
        height: 3,
    };
    ContentRecord { row, facts }
}

fn sidecar(keyword: &str, rating: u8) -> FileRecord {
    let metadata = Metadata {
        keywords: vec![keyword.to_owned()],
        rating: Some(rating),
        ..Metadata::default()
    };
    record(Finding::Sidecar(Box::new(metadata), metadata::VERSION))
}

fn described(keyword: &str) -> MetadataRecord {
    let metadata = Metadata {
        keywords: vec![keyword.to_owned()],
        ..Metadata::default()
    };
    MetadataRecord::new(metadata, None)
}

fn open() -> (tempfile::TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path()).unwrap();
    (folder, catalog)
}

/// A catalogue of one photo in these files.
fn with_photo(catalog: &Catalog, files: &[FileKey]) {
    let mut batch = catalog.batch().unwrap();
    batch.add_content(HASH, content(ROW)).unwrap();
    batch.put_metadata(HASH, described("own")).unwrap();
    for file in files {
        let photo = record(Finding::Photo(HASH));
        batch.put_file(file.clone(), photo).unwrap();
    }
    batch.commit().unwrap();
}

fn put(catalog: &Catalog, file: FileKey, record: FileRecord) {
    let mut batch = catalog.batch().unwrap();
    batch.put_file(file, record).unwrap();
    batch.commit().unwrap();
}

fn remove(catalog: &Catalog, file: FileKey) {
    let mut batch = catalog.batch().unwrap();
    batch.remove_file(file).unwrap();
    batch.commit().unwrap();
}

fn facts(catalog: &Catalog) -> RowFacts {
    catalog.row_facts(ROW).unwrap().unwrap()
}

#[test]
fn a_sidecar_that_comes_changes_and_goes_changes_the_facts_of_its_photo() {
    let (_folder, catalog) = open();
    with_photo(&catalog, &[file("a", "1.jpg")]);
    assert_eq!(facts(&catalog).keywords, ["own"]);
    for name in ["1.xmp", "1.XMP", "1.jpg.xmp"] {
        put(&catalog, file("a", name), sidecar("sea", 3));
        let known = facts(&catalog);
        assert_eq!(known.keywords, ["own", "sea"], "{name}");
        assert_eq!(known.rating, Some(3), "{name}");
        put(&catalog, file("a", name), sidecar("snow", 5));
        assert_eq!(facts(&catalog).keywords, ["own", "snow"], "{name}");
        remove(&catalog, file("a", name));
        assert_eq!(facts(&catalog).keywords, ["own"], "{name}");
    }
    for other in [
        file("a", "1.png.xmp"),
        file("", "1.xmp"),
        file("a", "10.xmp"),
    ] {
        put(&catalog, other, sidecar("sea", 3));
        assert_eq!(facts(&catalog).keywords, ["own"]);
    }
}

#[test]
fn a_sidecar_that_was_there_first_counts_when_its_photo_comes() {
    let (_folder, catalog) = open();
    put(&catalog, file("a", "1.xmp"), sidecar("sea", 3));
    with_photo(&catalog, &[file("a", "1.jpg")]);
    assert_eq!(facts(&catalog).keywords, ["own", "sea"]);
    // And not where the photo is moved to without it.
    let mut batch = catalog.batch().unwrap();
    batch.remove_file(file("a", "1.jpg")).unwrap();
    let photo = record(Finding::Photo(HASH));
    batch.put_file(file("b", "1.jpg"), photo).unwrap();
    batch.commit().unwrap();
    let known = facts(&catalog);
    assert_eq!(known.keywords, ["own"]);
    assert_eq!(known.folders, [(0, "b".to_owned())]);
}

#[test]
fn a_sidecar_of_the_same_batch_counts_whatever_comes_first() {
    for sidecar_first in [true, false] {
        let (_folder, catalog) = open();
        let mut batch = catalog.batch().unwrap();
        let beside = file("a", "1.jpg.xmp");
        if sidecar_first {
            batch.put_file(beside.clone(), sidecar("sea", 3)).unwrap();
        }
        batch.add_content(HASH, content(ROW)).unwrap();
        let photo = record(Finding::Photo(HASH));
        batch.put_file(file("a", "1.jpg"), photo).unwrap();
        if !sidecar_first {
            batch.put_file(beside, sidecar("sea", 3)).unwrap();
        }
        batch.commit().unwrap();
        assert_eq!(facts(&catalog).keywords, ["sea"]);
    }
}

#[test]
fn of_two_sidecars_the_one_that_names_the_photo_counts_for_more() {
    let (_folder, catalog) = open();
    with_photo(&catalog, &[file("a", "1.jpg"), file("a", "1.png")]);
    put(&catalog, file("a", "1.xmp"), sidecar("both", 2));
    put(&catalog, file("a", "1.jpg.xmp"), sidecar("one", 4));
    assert_eq!(facts(&catalog).keywords, ["own", "both", "one"]);
    remove(&catalog, file("a", "1.png"));
    assert_eq!(facts(&catalog).rating, Some(4));
}

#[test]
fn sidecars_are_no_photos_no_problems_and_are_not_counted() {
    let (_folder, catalog) = open();
    with_photo(&catalog, &[file("a", "1.jpg")]);
    let before = catalog.totals().unwrap();
    put(&catalog, file("a", "1.xmp"), sidecar("sea", 3));
    let totals = catalog.totals().unwrap();
    assert_eq!(
        (totals.files, totals.photos, totals.problems),
        (before.files, before.photos, before.problems)
    );
    assert_eq!(catalog.recorded(RootId(0)).unwrap(), 1);
    assert_eq!(catalog.problems().count(), 0);
    // A name may become something else.
    let problem = Problem::new(ProblemKind::Empty, "it is empty");
    put(
        &catalog,
        file("a", "1.xmp"),
        record(Finding::Problem(problem, 0)),
    );
    assert_eq!(catalog.recorded(RootId(0)).unwrap(), 2);
    put(&catalog, file("a", "1.xmp"), sidecar("sea", 3));
    remove(&catalog, file("a", "1.xmp"));
    assert_eq!(catalog.recorded(RootId(0)).unwrap(), 1);
    assert_eq!(catalog.totals().unwrap().problems, 0);
}

#[test]
fn a_row_has_facts_as_long_as_it_belongs_to_a_photo() {
    let (_folder, catalog) = open();
    with_photo(&catalog, &[file("a", "1.jpg")]);
    let mut batch = catalog.batch().unwrap();
    batch.remove_file(file("a", "1.jpg")).unwrap();
    let committed = batch.commit().unwrap();
    assert_eq!(catalog.row_facts(ROW).unwrap(), None);
    assert_eq!(committed.facts.len(), 1);
    assert!(committed.facts[0].before.is_some() && committed.facts[0].after.is_none());
    put(&catalog, file("b", "2.jpg"), record(Finding::Photo(HASH)));
    let known = facts(&catalog);
    assert_eq!(known.keywords, ["own"]);
    assert_eq!(known.names, ["2"]);
    let all: Vec<_> = catalog.all_row_facts().map(Result::unwrap).collect();
    assert_eq!(all, [(ROW, known)]);
}

#[test]
fn what_changes_nothing_for_readers_is_no_change_of_facts() {
    let (_folder, catalog) = open();
    with_photo(&catalog, &[file("a", "1.jpg")]);
    let mut batch = catalog.batch().unwrap();
    batch.put_metadata(HASH, described("own")).unwrap();
    let photo = record(Finding::Photo(HASH));
    batch.put_file(file("a", "1.jpg"), photo).unwrap();
    assert_eq!(batch.commit().unwrap().facts, []);
}

#[test]
fn a_content_that_gets_another_row_keeps_its_files_and_its_old_row_dies() {
    let (_folder, catalog) = open();
    with_photo(&catalog, &[file("a", "1.jpg")]);
    let mut batch = catalog.batch().unwrap();
    batch.add_content(HASH, content(1)).unwrap();
    batch.put_metadata(HASH, described("new")).unwrap();
    let committed = batch.commit().unwrap();
    assert_eq!(committed.died, [ROW]);
    assert_eq!((committed.totals.photos, committed.totals.rows), (1, 2));
    assert!(catalog.dead_rows().unwrap().contains(ROW));
    assert_eq!(catalog.row_facts(ROW).unwrap(), None);
    assert_eq!(catalog.row_facts(1).unwrap().unwrap().keywords, ["new"]);
    // Nothing of it is left to be forgotten later.
    assert_eq!(catalog.dead_before(u64::MAX).unwrap(), [0_u32; 0]);
}

#[test]
fn a_content_is_read_again_when_that_may_say_more() {
    let (_folder, catalog) = open();
    let knowledge = |conditions| catalog.knowledge(&HASH, conditions).unwrap();
    assert_eq!(knowledge(1), Knowledge::None);
    let put = |record: Option<MetadataRecord>| {
        let mut batch = catalog.batch().unwrap();
        batch.add_content(HASH, content(ROW)).unwrap();
        if let Some(record) = record {
            batch.put_metadata(HASH, record).unwrap();
        }
        batch.commit().unwrap();
    };
    // As an index of before there was metadata has it.
    put(None);
    assert_eq!(knowledge(1), Knowledge::Outdated);
    put(Some(described("own")));
    assert_eq!(
        (knowledge(1), knowledge(2)),
        (Knowledge::Current, Knowledge::Current)
    );
    let older = MetadataRecord {
        version: metadata::VERSION - 1,
        ..described("own")
    };
    put(Some(older));
    assert_eq!(knowledge(1), Knowledge::Outdated);
    let problem = Problem::new(ProblemKind::Unsupported, "nobody decodes it");
    put(Some(MetadataRecord::new(
        Metadata::default(),
        Some((problem, 1)),
    )));
    assert_eq!(
        (knowledge(1), knowledge(2)),
        (Knowledge::Current, Knowledge::Unseen)
    );
}

#[test]
fn names_that_are_not_utf8_do_no_harm() {
    use std::os::unix::ffi::OsStrExt;
    let (_folder, catalog) = open();
    let name = |bytes: &[u8]| FileKey {
        name: std::ffi::OsStr::from_bytes(bytes).to_owned(),
        ..file("", "")
    };
    with_photo(&catalog, &[name(b"\xff.jpg")]);
    put(&catalog, name(b"\xff.xmp"), sidecar("sea", 3));
    assert_eq!(facts(&catalog).keywords, ["own", "sea"]);
    assert_eq!(facts(&catalog).names, ["\u{fffd}"]);
}
