//! Opening files that are not as they should be.

use super::*;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;

/// Changes bytes of a file of the store.
fn scribble(dir: &Path, name: &str, at: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(dir.join(name)).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

#[test]
fn a_store_of_another_kind_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 10, &vectors(1, 5)));
    // With rows committed and without: nobody's rows are written over by mistake.
    for rows in [5, 0] {
        let layout = Layout {
            dim: DIM,
            capacity: 10,
            model: [8; 32],
        };
        let error = VectorStore::open_with(dir.path(), layout, rows).unwrap_err();
        assert!(
            matches!(
                error,
                VectorError::OtherModel {
                    found: MODEL,
                    expected: [8, ..],
                    ..
                }
            ),
            "{error}"
        );
        let error = open(dir.path(), DIM + 1, 10, rows).unwrap_err();
        assert!(
            matches!(error, VectorError::OtherDim { found: DIM, .. }),
            "{error}"
        );
    }
    // A later version, however the rest of its header looks.
    let (name, mut later) = ("full-000000.f16", read(dir.path(), "full-000000.f16"));
    later[8] = 2;
    later[12..100].fill(0xee);
    scribble(dir.path(), name, 0, &later[..100]);
    for rows in [5, 0] {
        let error = open(dir.path(), DIM, 10, rows).unwrap_err();
        assert!(
            matches!(
                error,
                VectorError::Newer {
                    found: 2,
                    supported: 1,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_damaged_header_is_an_error() {
    for at in [0, 5, 13, 20, 26, 40, 61] {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 10, &vectors(1, 5)));
        scribble(dir.path(), "full-000000.f16", at, b"\xaa");
        let error = open(dir.path(), DIM, 10, 5).unwrap_err();
        assert!(
            matches!(error, VectorError::Damaged { .. }),
            "{at}: {error}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 10, &vectors(1, 15)));
    fs::copy(
        dir.path().join("full-000000.f16"),
        dir.path().join("full-000001.f16"),
    )
    .unwrap();
    assert!(matches!(
        open(dir.path(), DIM, 10, 15),
        Err(VectorError::Damaged { .. })
    ));
    assert!(matches!(
        open(dir.path(), DIM, 11, 5),
        Err(VectorError::Damaged { .. })
    ));
}

#[test]
fn missing_rows_are_an_error_that_counts_them() {
    let stride = (32 + 2 * DIM) as u64;
    let name = "full-000001.f16";
    // What is done to the file of rows 10 to 19, and how many rows are left.
    type Harm = (&'static str, fn(&Path, u64), u32);
    let harms: [Harm; 5] = [
        ("removed", |path, _| fs::remove_file(path).unwrap(), 10),
        (
            "emptied",
            |path, _| File::create(path).map(drop).unwrap(),
            10,
        ),
        (
            "cut",
            |path, stride| set_len(path, 4096 + 4 * stride + stride / 2),
            14,
        ),
        (
            "cut and padded",
            |path, stride| {
                let len = fs::metadata(path).unwrap().len();
                set_len(path, 4096 + 3 * stride);
                set_len(path, len);
            },
            13,
        ),
        ("header only", |path, _| set_len(path, 4096), 10),
    ];
    for (what, harm, expected) in harms {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 10, &vectors(1, 25)));
        harm(&dir.path().join(name), stride);
        match open(dir.path(), DIM, 10, 25) {
            Err(VectorError::Incomplete {
                present,
                committed: 25,
                ..
            }) => {
                assert_eq!(present, expected, "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
        // What is left can be had.
        assert_holds(
            &open(dir.path(), DIM, 10, expected).unwrap(),
            &vectors(1, 25)[..expected as usize],
        );
    }
}

fn set_len(path: &Path, len: u64) {
    OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(len)
        .unwrap();
}

#[test]
fn codes_are_rebuilt_as_they_were() {
    let name = "codes-000001.i8";
    type Harm = (&'static str, fn(&Path));
    let harms: [Harm; 5] = [
        ("removed", |dir| {
            fs::remove_file(dir.join("codes-000001.i8")).unwrap()
        }),
        ("cut", |dir| set_len(&dir.join("codes-000001.i8"), 5000)),
        ("header damaged", |dir| {
            scribble(dir, "codes-000001.i8", 30, b"?")
        }),
        ("another's", |dir| {
            fs::copy(dir.join("codes-000000.i8"), dir.join("codes-000001.i8")).unwrap();
        }),
        ("last row lost", |dir| {
            scribble(dir, "codes-000001.i8", 4096 + 9 * 128, &[0; 128])
        }),
    ];
    for (what, harm) in harms {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 10, &vectors(1, 25)));
        let before = read(dir.path(), name);
        harm(dir.path());
        assert!(read_if(dir.path(), name) != before, "{what}");
        let store = open(dir.path(), DIM, 10, 25).unwrap();
        assert_eq!(store.rebuilt_segments(), 1, "{what}");
        assert!(read(dir.path(), name) == before, "{what}");
        assert_holds(&store, &vectors(1, 25));
        drop(store);
        assert_eq!(open(dir.path(), DIM, 10, 25).unwrap().rebuilt_segments(), 0);
    }
}

fn read_if(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(name)).unwrap_or_default()
}

#[test]
fn many_codes_are_rebuilt_in_batches() {
    let dir = tempfile::tempdir().unwrap();
    let all = vectors(1, 600);
    drop(filled(dir.path(), 1000, &all));
    let before = read(dir.path(), "codes-000000.i8");
    fs::remove_file(dir.path().join("codes-000000.i8")).unwrap();
    let store = open(dir.path(), DIM, 1000, 600).unwrap();
    assert!(read(dir.path(), "codes-000000.i8") == before);
    drop(store);
}
