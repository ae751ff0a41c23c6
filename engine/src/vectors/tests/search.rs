//! What a search finds, against brute force.

use super::super::scan;
use super::*;
use crate::vectors::{Hit, Selection, Vectors};
use proptest::prelude::*;
use roaring::RoaringBitmap;

/// All rows by their exact scores, in f64.
fn brute(view: &Vectors, query: &[f32], top: usize, rows: &Selection<'_>) -> Vec<Hit> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    let mut hits: Vec<Hit> = (0..view.len())
        .filter(|&row| rows.only.is_none_or(|only| only.contains(row)))
        .filter(|&row| rows.except.is_none_or(|except| !except.contains(row)))
        .map(|row| {
            let vector = view.vector(row).unwrap();
            let norms = (dot(query, query) * dot(&vector, &vector)).sqrt();
            Hit {
                row,
                score: (dot(query, &vector) / norms) as f32,
            }
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    hits.truncate(top);
    hits
}

/// The same scores at the same ranks; and only allowed rows, each once. (Rows
/// may differ where scores are equal but for rounding.)
fn assert_same(found: &[Hit], expected: &[Hit], rows: &Selection<'_>) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found.score - expected.score).abs() < 2e-6,
            "{found:?} {expected:?}"
        );
    }
    let distinct: RoaringBitmap = found.iter().map(|hit| hit.row).collect();
    assert_eq!(distinct.len(), found.len() as u64);
    assert!(distinct.iter().all(|row| rows.allows(row)));
}

/// Vectors in clusters, with one component much larger than the others, as CLIP
/// has it, which makes the int8 steps coarse.
fn clustered(noise: &mut Noise, dim: usize, count: usize) -> Vec<Vec<f32>> {
    let mut centres: Vec<Vec<f32>> = (0..50).map(|_| noise.unit(dim)).collect();
    centres.iter_mut().for_each(|centre| centre[dim / 3] += 0.7);
    (0..count)
        .map(|_| {
            // Small cluster numbers are likelier.
            let bound = 1 + noise.next() % 50;
            let centre = &centres[(noise.next() % bound) as usize];
            let spread = noise.unit(dim);
            unit(
                centre
                    .iter()
                    .zip(spread)
                    .map(|(c, s)| c + 0.5 * s)
                    .collect(),
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn finds_what_brute_force_finds(
        seed in any::<u64>(),
        dim in 1usize..100,
        count in 1usize..400,
        top in 1usize..40,
        keep in 0u64..=100,
        drop in 0u64..=100,
        filtered in 0usize..4,
    ) {
        let mut noise = Noise(seed);
        let dir = tempfile::tempdir().unwrap();
        let vectors: Vec<_> = (0..count).map(|_| noise.unit(dim)).collect();
        let view = filled(dir.path(), 100, &vectors).snapshot();
        // Also of rows that do not exist.
        let mut some = |percent| -> RoaringBitmap {
            (0..500).filter(|_| noise.next() % 100 < percent).collect()
        };
        let (only, except) = (some(keep), some(drop));
        let rows = Selection {
            only: (filtered & 1 != 0).then_some(&only),
            except: (filtered & 2 != 0).then_some(&except),
        };
        let query: Vec<f32> = noise.unit(dim).iter().map(|v| v * 37.5).collect();
        let found = view.search(&query, top, &rows).unwrap();
        assert_same(&found, &brute(&view, &query, top, &rows), &rows);
    }
}

/// Large enough for chunks, threads, the look-up of sparse rows, and for
/// candidates to be a choice.
#[test]
fn finds_in_many_rows_however_many_threads() {
    let mut noise = Noise(3);
    let dir = tempfile::tempdir().unwrap();
    let vectors = clustered(&mut noise, 32, 13_000);
    let view = filled(dir.path(), 5000, &vectors).snapshot();
    let multiples =
        |of: u32| -> RoaringBitmap { (0..20_000).filter(|row| row % of == 0).collect() };
    let (half, sparse, tail) = (
        multiples(2),
        multiples(31),
        RoaringBitmap::from_iter(9_000..20_000),
    );
    let selections = [
        Selection::default(),
        Selection {
            only: Some(&half),
            except: None,
        },
        Selection {
            only: Some(&sparse),
            except: None,
        },
        Selection {
            only: None,
            except: Some(&half),
        },
        Selection {
            only: Some(&half),
            except: Some(&tail),
        },
        Selection {
            only: Some(&sparse),
            except: Some(&half),
        },
        Selection {
            only: Some(&half),
            except: Some(&half),
        },
    ];
    for (i, rows) in selections.iter().enumerate() {
        let query = noise.unit(32);
        let expected = brute(&view, &query, 10, rows);
        for threads in [None, Some(1), Some(2), Some(3), Some(50)] {
            let found = scan::search(&view, &query, 10, rows, threads).unwrap();
            assert_same(&found, &expected, rows);
            let one = scan::search(&view, &query, 10, rows, Some(1)).unwrap();
            assert_eq!(found, one, "selection {i}, {threads:?} threads");
        }
        // The rows that would be best are all left out.
        let best: RoaringBitmap = view
            .search(&query, 2000, &Selection::default())
            .unwrap()
            .iter()
            .map(|hit| hit.row)
            .collect();
        let rest = Selection {
            except: Some(&best),
            ..Selection::default()
        };
        assert_same(
            &view.search(&query, 10, &rest).unwrap(),
            &brute(&view, &query, 10, &rest),
            &rest,
        );
    }
    let all = view
        .search(&vectors[0], usize::MAX, &Selection::default())
        .unwrap();
    assert_same(
        &all,
        &brute(&view, &vectors[0], 20_000, &Selection::default()),
        &Selection::default(),
    );
}

#[test]
fn recall_on_clustered_vectors() {
    let mut noise = Noise(4);
    let dir = tempfile::tempdir().unwrap();
    let vectors = clustered(&mut noise, 256, 6000);
    let view = filled(dir.path(), 5000, &vectors).snapshot();
    let (mut right, mut total) = (0, 0);
    for top in [1, 10, 100] {
        for i in 0..5 {
            // Off the distribution, as texts are; the last ones near a row.
            let away = noise.unit(256);
            let query = vectors[i * 100]
                .iter()
                .zip(away)
                .map(|(v, a)| v * i as f32 * 0.3 + a);
            let query: Vec<f32> = query.collect();
            let expected: RoaringBitmap = brute(&view, &query, top, &Selection::default())
                .iter()
                .map(|hit| hit.row)
                .collect();
            let found = view.search(&query, top, &Selection::default()).unwrap();
            right += found
                .iter()
                .filter(|hit| expected.contains(hit.row))
                .count();
            total += top;
        }
    }
    assert!(right * 1000 >= total * 999, "{right} of {total}");
}

#[test]
fn equal_scores_come_by_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut noise = Noise(5);
    let (same, other) = (noise.unit(8), noise.unit(8));
    let mut vectors = vec![same.clone(); 9000];
    (0..9000)
        .step_by(7)
        .for_each(|i| vectors[i] = other.clone());
    let view = filled(dir.path(), 5000, &vectors).snapshot();
    let expected: Vec<u32> = (0..9000).filter(|row| row % 7 != 0).take(50).collect();
    for threads in [1, 2, 3] {
        let found = scan::search(&view, &same, 50, &Selection::default(), Some(threads)).unwrap();
        let found: Vec<u32> = found.iter().map(|hit| hit.row).collect();
        assert_eq!(found, expected, "{threads} threads");
    }
}

#[test]
fn odd_queries_are_answered_without_panic() {
    let dir = tempfile::tempdir().unwrap();
    let view = filled(dir.path(), 10, &[vec![1.0, 0.0], vec![0.0, 1.0]]).snapshot();
    let all = Selection::default();
    for query in [[0.0, 0.0], [f32::NAN, 1.0], [1.0, f32::INFINITY]] {
        assert!(
            matches!(view.search(&query, 1, &all), Err(VectorError::NoDirection)),
            "{query:?}"
        );
    }
    for query in [&[][..], &[1.0], &[1.0; 3]] {
        assert!(matches!(
            view.search(query, 1, &all),
            Err(VectorError::WrongLength { .. })
        ));
    }
    for query in [[f32::MAX, -f32::MAX], [f32::MIN_POSITIVE / 4.0, 0.0]] {
        let found = view.search(&query, 9, &all).unwrap();
        let score = 1.0 / if query[1] == 0.0 { 1.0 } else { 2.0f32.sqrt() };
        assert_eq!((found.len(), found[0].row), (2, 0), "{query:?}");
        assert!((found[0].score - score).abs() < 1e-6);
    }
    assert!(view.search(&[1.0, 0.0], 0, &all).unwrap().is_empty());
    let none = RoaringBitmap::new();
    let rows = Selection {
        only: Some(&none),
        except: None,
    };
    assert!(view.search(&[1.0, 0.0], 5, &rows).unwrap().is_empty());
    let empty = open(&dir.path().join("empty"), 2, 10, 0)
        .unwrap()
        .snapshot();
    assert!(empty.is_empty() && empty.search(&[1.0, 0.0], 5, &all).unwrap().is_empty());
}

#[test]
fn damaged_vectors_are_not_found() {
    use std::os::unix::fs::FileExt;
    let dir = tempfile::tempdir().unwrap();
    let mut noise = Noise(6);
    let vectors: Vec<_> = (0..20).map(|_| noise.unit(4)).collect();
    drop(filled(dir.path(), 100, &vectors));
    let path = dir.path().join("full-000000.f16");
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    // Row 3 becomes NaN, row 4 zero.
    file.write_all_at(&[0xff; 8], 4096 + 3 * 40 + 32).unwrap();
    file.write_all_at(&[0; 8], 4096 + 4 * 40 + 32).unwrap();
    std::fs::remove_file(dir.path().join("codes-000000.i8")).unwrap();
    let view = open(dir.path(), 4, 100, 20).unwrap().snapshot();
    let found = view.search(&vectors[3], 20, &Selection::default()).unwrap();
    assert_eq!(found.len(), 18);
    assert!(
        found
            .iter()
            .all(|hit| hit.score.is_finite() && hit.row != 3 && hit.row != 4)
    );
}
