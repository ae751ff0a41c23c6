use std::fs;
use std::path::Path;

use super::super::tests::{FACTS, axis, open, put, search};
use super::*;
use crate::vectors::VectorStore;

/// A model whose vectors are others than those of the usual one.
fn other() -> Model {
    let folder = tempfile::tempdir().unwrap();
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/mini/manifest.toml");
    let manifest = fs::read_to_string(mini).unwrap();
    let manifest = manifest.replace("scale = 1.0", "scale = 0.5");
    fs::write(folder.path().join("manifest.toml"), manifest).unwrap();
    Model::read(folder.path()).unwrap()
}

/// An index with photos 1 to `photos`; it lies with the vector along the axis of its number.
fn index_of(state: &Path, photos: u8) -> Index {
    let index = open(state);
    let root = index.root(Path::new("/photos")).unwrap();
    let mut transaction = index.begin().unwrap();
    for number in 1..=photos {
        put(&mut transaction, root, number);
    }
    transaction.commit().unwrap();
    index
}

/// To the other model each photo lies along the axis that is 100 further.
fn seen_by_other(row: u32) -> (ContentHash, NextRow) {
    let number = row as u8 + 1;
    ([number; 32], NextRow::Vector(axis(number + 100)))
}

fn fill(index: &Index, rows: std::ops::Range<u32>) -> bool {
    let first = rows.start;
    let rows: Vec<_> = rows.map(seen_by_other).collect();
    let mut transaction = index.begin().unwrap();
    let added = transaction.append_next(other().fingerprint(), first, &rows);
    let added = added.unwrap();
    transaction.commit().unwrap();
    added
}

fn swap(index: &Index) -> bool {
    let mut transaction = index.begin().unwrap();
    let swapped = transaction.swap(other().fingerprint()).unwrap();
    if swapped {
        transaction.commit().unwrap();
    }
    swapped
}

fn filled(index: &Index) -> Option<u32> {
    index.next_store().unwrap().map(|next| next.rows)
}

fn path(number: u8) -> String {
    format!("/photos/a/{number}.jpg")
}

#[test]
fn the_next_store_takes_the_place_of_the_other_when_it_has_all_rows() {
    let state = tempfile::tempdir().unwrap();
    let index = index_of(state.path(), 4);
    assert!(index.want(&other()).unwrap());
    assert!(fill(&index, 0..3));
    assert!(!fill(&index, 2..4), "these are not its next rows");
    assert!(!swap(&index), "a row is missing");
    let before = index.generation();
    assert_eq!(search(&index, 2)[0], Path::new(&path(2)));
    assert!(fill(&index, 3..4));
    assert!(swap(&index));
    let after = index.generation();
    assert!(after.number() > before.number());
    assert_eq!(after.model().fingerprint, other().fingerprint());
    assert_eq!(search(&index, 102)[0], Path::new(&path(2)));
    // A reader keeps its vectors, although their files are gone.
    assert_eq!(before.vectors().vector(1).unwrap(), axis(2));
    assert!(!state.path().join("vectors").exists());
    assert_eq!(filled(&index), None);
    assert!(!index.want(&other()).unwrap());
    drop((before, after, index));
    // The model that is wanted now has its name in the index.
    let index = Index::open(state.path(), &other()).unwrap();
    assert_eq!(search(&index, 102)[0], Path::new(&path(2)));
    let mut transaction = index.begin().unwrap();
    let hash = [5; 32];
    transaction.add_content(hash, FACTS, &axis(105)).unwrap();
    transaction.commit().unwrap();
    assert_eq!(index.generation().vectors().content(4), Some(hash));
}

#[test]
fn rows_that_no_commit_counted_are_filled_again() {
    let state = tempfile::tempdir().unwrap();
    {
        let index = index_of(state.path(), 4);
        index.want(&other()).unwrap();
        fill(&index, 0..2);
        let mut transaction = index.begin().unwrap();
        let rows = [seen_by_other(3)];
        transaction
            .append_next(other().fingerprint(), 2, &rows)
            .unwrap();
        // Dropped: as if the process had ended before the catalogue knew.
    }
    // And a power cut that leaves more in the files than the catalogue counts.
    let other_print = other().fingerprint().0;
    let folder = state.path().join("vectors-1");
    let mut store = VectorStore::open(&folder, &other_print, 256, 2).unwrap();
    store.append(&[9; 32], &axis(9)).unwrap();
    store.sync().unwrap();
    drop(store);
    let index = open(state.path());
    assert_eq!(filled(&index), Some(2));
    assert!(fill(&index, 2..4) && swap(&index));
    for number in 1..=4 {
        assert_eq!(search(&index, number + 100)[0], Path::new(&path(number)));
    }
}

#[test]
fn what_a_crash_left_of_stores_goes_when_the_index_is_opened() {
    let state = tempfile::tempdir().unwrap();
    {
        let index = index_of(state.path(), 2);
        index.want(&other()).unwrap();
        fill(&index, 0..2);
        // As it was before its old vectors were removed.
        let (from, to) = (state.path().join("vectors"), state.path().join("kept"));
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(&from).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        assert!(swap(&index));
        fs::rename(to, from).unwrap();
    }
    fs::create_dir(state.path().join("vectors-7")).unwrap();
    fs::create_dir(state.path().join("vectors-of-mine")).unwrap();
    let index = open(state.path());
    assert_eq!(search(&index, 101)[0], Path::new(&path(1)));
    for (name, stays) in [
        ("vectors", false),
        ("vectors-1", true),
        ("vectors-7", false),
        ("vectors-of-mine", true),
    ] {
        assert_eq!(state.path().join(name).exists(), stays, "{name}");
    }
}

#[test]
fn a_next_store_that_is_damaged_is_begun_again_and_the_index_opens() {
    let state = tempfile::tempdir().unwrap();
    {
        let index = index_of(state.path(), 2);
        index.want(&other()).unwrap();
        fill(&index, 0..2);
    }
    fs::remove_file(state.path().join("vectors-1/full-000000.f16")).unwrap();
    let index = open(state.path());
    assert_eq!(search(&index, 1)[0], Path::new(&path(1)));
    assert_eq!(filled(&index), None);
    assert!(index.want(&other()).unwrap());
    assert!(fill(&index, 0..2) && swap(&index));
}

#[test]
fn who_wants_the_first_model_again_has_it_at_once() {
    let state = tempfile::tempdir().unwrap();
    let index = index_of(state.path(), 2);
    index.want(&other()).unwrap();
    fill(&index, 0..1);
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/mini");
    assert!(!index.want(&Model::read(&mini).unwrap()).unwrap());
    assert_eq!(filled(&index), None);
    assert!(!state.path().join("vectors-1").exists());
    assert!(!swap(&index));
    assert_eq!(search(&index, 1)[0], Path::new(&path(1)));
}

#[test]
fn a_row_that_was_left_is_mended_or_owed_to_its_photo() {
    let state = tempfile::tempdir().unwrap();
    let index = index_of(state.path(), 3);
    index.want(&other()).unwrap();
    let fingerprint = other().fingerprint();
    let rows = [
        seen_by_other(0),
        ([2; 32], NextRow::Left),
        ([3; 32], NextRow::Left),
    ];
    let mut transaction = index.begin().unwrap();
    assert!(transaction.append_next(fingerprint, 0, &rows).unwrap());
    transaction.commit().unwrap();
    let (hash, vector) = seen_by_other(1);
    let mut transaction = index.begin().unwrap();
    let mended = [(1, hash, vector), (2, [3; 32], NextRow::Left)];
    assert!(transaction.mend_next(fingerprint, &mended).unwrap());
    transaction.commit().unwrap();
    let next = index.next_store().unwrap().unwrap();
    assert_eq!(next.left().iter().collect::<Vec<_>>(), [2]);
    assert!(swap(&index));
    assert_eq!(search(&index, 102)[0], Path::new(&path(2)));
    let generation = index.generation();
    assert_eq!(generation.facets().blank().iter().collect::<Vec<_>>(), [2]);
    assert!(index.is_owed_a_vector(&[3; 32]).unwrap());
    // Whatever the conditions, the next pass reads it.
    assert!(!index.catalog().is_current(&[3; 32], 7).unwrap());
    // It gets a row with a vector, and is itself again.
    let mut transaction = index.begin().unwrap();
    transaction.add_content([3; 32], FACTS, &axis(103)).unwrap();
    let record = MetadataRecord::new(Metadata::default(), None);
    transaction.put_metadata([3; 32], record).unwrap();
    transaction.commit().unwrap();
    assert_eq!(search(&index, 103)[0], Path::new(&path(3)));
    assert!(index.generation().is_dead(2));
    assert!(!index.is_owed_a_vector(&[3; 32]).unwrap());
}

#[test]
fn an_index_of_a_version_that_kept_no_record_tells_its_model_by_its_vectors() {
    let state = tempfile::tempdir().unwrap();
    drop(index_of(state.path(), 2));
    let catalog = crate::catalog::Catalog::open(&state.path().join("catalog")).unwrap();
    catalog.forget_stores();
    drop(catalog);
    let index = Index::open(state.path(), &other()).unwrap();
    let generation = index.generation();
    assert_ne!(generation.model().fingerprint, other().fingerprint());
    assert_eq!(search(&index, 1)[0], Path::new(&path(1)));
    assert!(index.want(&other()).unwrap());
    assert!(fill(&index, 0..2) && swap(&index));
}

#[test]
fn pairs_by_likeness_go_with_the_vectors_and_all_wait_to_be_compared() {
    let state = tempfile::tempdir().unwrap();
    let index = index_of(state.path(), 3);
    let mut transaction = index.begin().unwrap();
    let batch = transaction.catalog().unwrap();
    let alike = crate::catalog::Pair::Lookalike {
        cosine: 0.99,
        seconds: None,
    };
    batch.put_pair(&[1; 32], &[2; 32], &alike).unwrap();
    for row in 0..3 {
        batch.set_uncompared(row, false);
    }
    transaction.commit().unwrap();
    assert_eq!(index.catalog().uncompared_count(), 0);
    index.want(&other()).unwrap();
    assert!(fill(&index, 0..3) && swap(&index));
    assert_eq!(index.catalog().pairs().count(), 0);
    assert_eq!(index.catalog().uncompared_count(), 3);
}
