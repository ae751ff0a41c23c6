//! Appending, forgetting and reading rows, and what the files then look like.

use super::*;
use crate::vectors::Selection;
use std::fs::{self, File, OpenOptions};

#[test]
fn rows_cross_segments_and_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let all = vectors(1, 25);
    // 20 is the end of a segment.
    for split in [1, 10, 20, 25] {
        let dir = dir.path().join(split.to_string());
        drop(filled(&dir, 10, &all[..split]));
        let mut store = open(&dir, DIM, 10, split as u32).unwrap();
        append(&mut store, &all[split..]);
        assert_holds(&store, &all);
        assert_eq!(store.rebuilt_segments(), 0);
    }
}

#[test]
fn rows_that_were_not_committed_are_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (vectors(1, 35), vectors(2, 35));
    drop(filled(dir.path(), 10, &old));
    let mut store = open(dir.path(), DIM, 10, 7).unwrap();
    assert_holds(&store, &old[..7]);
    append(&mut store, &new[7..]);
    let expected = [&old[..7], &new[7..]].concat();
    assert_holds(&store, &expected);
    store.sync().unwrap();
    drop(store);
    assert_holds(&open(dir.path(), DIM, 10, 35).unwrap(), &expected);
}

#[test]
fn nothing_committed_starts_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 10, &vectors(1, 5)));
    // As a crash leaves it that came while the files were made.
    File::create(dir.path().join("full-000000.f16")).unwrap();
    assert_holds(&open(dir.path(), DIM, 10, 0).unwrap(), &[]);
    drop(filled(dir.path(), 10, &vectors(2, 5)));
    assert_holds(&open(dir.path(), DIM, 10, 5).unwrap(), &vectors(2, 5));
}

#[test]
fn a_snapshot_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let all = vectors(1, 25);
    let mut store = filled(dir.path(), 10, &all[..12]);
    let view = store.snapshot();
    append(&mut store, &all[12..]);
    assert_eq!(
        (view.len(), view.content(12), view.vector(12)),
        (12, None, None)
    );
    let found = view.search(&all[20], 100, &Default::default()).unwrap();
    assert_eq!(found.len(), 12);
    assert!(matches!(
        store.truncate(11),
        Err(VectorError::Shown { row: 11, .. })
    ));
    assert_eq!(store.rows(), 25);
    store.truncate(12).unwrap();
    append(&mut store, &vectors(2, 1));
    assert_holds(&store, &[&all[..12], &vectors(2, 1)].concat());
}

#[test]
fn a_segment_writes_no_row_that_a_view_shows() {
    // Whatever the store asks of it: that the views are sound rests on this.
    let dir = tempfile::tempdir().unwrap();
    let all = vectors(1, 6);
    let mut store = filled(dir.path(), 10, &all[..5]);
    let view = store.snapshot();
    let mut write = |row| store.segments[0].write(row, &hash(9), &all[5]).unwrap();
    assert!(!write(0) && !write(4) && write(5) && !write(10));
    assert_eq!(view.content(4), Some(hash(4)));
}

#[test]
fn truncated_rows_are_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (vectors(1, 35), vectors(2, 35));
    let mut store = filled(dir.path(), 10, &old);
    store.truncate(40).unwrap();
    assert_eq!(store.rows(), 35);
    store.truncate(3).unwrap();
    append(&mut store, &new[3..]);
    assert_holds(&store, &[&old[..3], &new[3..]].concat());
}

#[test]
fn after_a_failed_sync_the_rows_must_be_appended_again() {
    let dir = tempfile::tempdir().unwrap();
    let all = vectors(1, 8);
    let mut store = filled(dir.path(), 10, &all[..5]);
    append(&mut store, &all[5..]);
    // /dev/null takes any write and refuses fdatasync.
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .unwrap();
    let real = store.segments[0].swap_file(null);
    assert!(matches!(
        store.sync(),
        Err(VectorError::Io { action: "sync", .. })
    ));
    store.segments[0].swap_file(real);
    assert!(matches!(
        store.sync(),
        Err(VectorError::SyncFailed { synced: 5, .. })
    ));
    store.truncate(6).unwrap();
    assert!(matches!(
        store.sync(),
        Err(VectorError::SyncFailed { synced: 5, .. })
    ));
    store.truncate(5).unwrap();
    append(&mut store, &all[5..]);
    store.sync().unwrap();
    assert_holds(&store, &all);
}

#[test]
fn a_full_disk_is_an_error_and_adds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let all = vectors(1, 6);
    let mut store = filled(dir.path(), 10, &all[..5]);
    let real =
        store.segments[0].swap_file(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let error = store.append(&hash(5), &all[5]).unwrap_err();
    assert!(
        matches!(&error, VectorError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    store.segments[0].swap_file(real);
    append(&mut store, &all[5..]);
    assert_holds(&store, &all);
}

#[test]
fn bad_vectors_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 2, 10, 0).unwrap();
    let mut try_it = |vector: &[f32]| store.append(&hash(0), vector).unwrap_err();
    assert!(matches!(
        try_it(&[1.0]),
        VectorError::WrongLength {
            found: 1,
            expected: 2
        }
    ));
    for vector in [
        [0.0, 0.0],
        [f32::NAN, 1.0],
        [f32::INFINITY, 0.0],
        [0.9, 0.0],
        [0.8, 0.8],
    ] {
        assert!(
            matches!(try_it(&vector), VectorError::NotUnit { .. }),
            "{vector:?}"
        );
    }
    assert_eq!(store.rows(), 0);
    for dim in [0, 4097] {
        assert!(matches!(
            open(dir.path(), dim, 10, 0),
            Err(VectorError::BadDim { .. })
        ));
    }
}

#[test]
fn one_store_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path(), 10, &vectors(1, 5));
    let locked = |dir: &Path| matches!(open(dir, DIM, 10, 5), Err(VectorError::Locked { .. }));
    assert!(locked(dir.path()));
    let view = store.snapshot();
    drop(store);
    assert!(locked(dir.path()), "a view still reads the files");
    drop(view);
    assert!(!locked(dir.path()));
}

#[test]
fn unwritten_rows_take_no_disk_space() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let mut store = VectorStore::open(dir.path(), &MODEL, DIM, 0).unwrap();
    append(&mut store, &vectors(1, 1));
    store.sync().unwrap();
    for name in ["full-000000.f16", "codes-000000.i8"] {
        let metadata = fs::metadata(dir.path().join(name)).unwrap();
        assert!(
            metadata.len() > 1 << 20 && metadata.blocks() * 512 < 1 << 16,
            "{metadata:?}"
        );
    }
}

#[test]
fn the_files_are_as_described() {
    // docs/format-vectors.md, by hand: breaking this is a new format version.
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 3, 4, 0).unwrap();
    store.append(&[0xab; 32], &[0.0, 0.6, -0.8]).unwrap();
    let full = read(dir.path(), "full-000000.f16");
    assert_eq!(full.len(), 4096 + 4 * (32 + 6));
    assert_eq!(
        &full[..28],
        b"semfsvec\x01\0\0\0f16 \x03\0\0\0\x04\0\0\0\0\0\0\0"
    );
    assert_eq!(full[28..60], MODEL);
    assert_eq!(full[60..64], crc32fast::hash(&full[..60]).to_le_bytes());
    assert!(full[64..4096].iter().all(|&byte| byte == 0));
    assert_eq!(full[4096..4128], [0xab; 32]);
    // 0.6 and -0.8 as f16: 0x38cd and 0xba66.
    assert_eq!(full[4128..4134], [0, 0, 0xcd, 0x38, 0x66, 0xba]);
    let codes = read(dir.path(), "codes-000000.i8");
    assert_eq!(codes.len(), 4096 + 4 * 64 + 4 * 4);
    assert_eq!(codes[12..16], *b"i8  ");
    assert_eq!(codes[4096..4100], [0, 95, -127i8 as u8, 0]);
    let scale = f32::from_le_bytes([codes[4352], codes[4353], codes[4354], codes[4355]]);
    assert!((scale - 0.8 / 127.0).abs() < 1e-5);
}

#[test]
fn a_row_without_a_vector_is_there_and_is_never_found() {
    let dir = tempfile::tempdir().unwrap();
    let all = vectors(1, 3);
    let mut store = filled(dir.path(), 10, &all[..1]);
    assert_eq!(store.append_blank(&hash(1)).unwrap(), 1);
    append_at(&mut store, 2, &all[2]);
    assert_eq!(store.append_blank(&hash(3)).unwrap(), 3);
    store.sync().unwrap();
    drop(store);
    for remove_codes in [false, true] {
        if remove_codes {
            fs::remove_file(dir.path().join("codes-000000.i8")).unwrap();
        }
        let store = open(dir.path(), DIM, 10, 4).unwrap();
        assert_eq!(store.rebuilt_segments(), u32::from(remove_codes));
        let view = store.snapshot();
        assert_eq!((view.content(3), view.vector(3)), (Some(hash(3)), None));
        assert_eq!(view.segments[0].scales(1..2)[0], f32::NAN.to_le_bytes());
        let opposite: Vec<f32> = all[0].iter().map(|value| -value).collect();
        let only = (0..4).collect();
        for selected in [None, Some(&only)] {
            let selection = Selection {
                only: selected,
                except: None,
            };
            let found = view.search(&opposite, 10, &selection).unwrap();
            let mut rows: Vec<u32> = found.iter().map(|hit| hit.row).collect();
            rows.sort_unstable();
            assert_eq!(rows, [0, 2]);
        }
    }
}

/// With more rows than a search chooses candidates from, nearly all of them blank and all
/// others worse than nothing.
#[test]
fn rows_without_a_vector_take_no_place_among_the_candidates() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 3, 1000, 0).unwrap();
    for row in 0..500 {
        if row % 50 == 0 {
            append_at(&mut store, row, &[-1.0, 0.0, 0.0]);
        } else {
            store.append_blank(&hash(row)).unwrap();
        }
    }
    let found = store
        .snapshot()
        .search(&[1.0, 0.0, 0.0], 10, &Selection::default());
    let rows: Vec<u32> = found.unwrap().iter().map(|hit| hit.row).collect();
    assert_eq!(rows, (0..10).map(|row| row * 50).collect::<Vec<u32>>());
}

fn append_at(store: &mut VectorStore, row: u32, vector: &[f32]) {
    assert_eq!(store.append(&hash(row), vector).unwrap(), row);
}
