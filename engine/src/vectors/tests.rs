//! Tests of the store as its users see it, with small segments, so that a few
//! rows cross their boundaries.

mod opening;
mod search;
mod store;

use super::layout::Layout;
use super::{VectorError, VectorStore};
use std::path::Path;

/// Components of most vectors here: not a multiple of anything.
const DIM: usize = 70;
const MODEL: [u8; 32] = [7; 32];

/// Numbers that look random, the same each time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// About normal, mean 0.
    fn normal(&mut self) -> f32 {
        (0..6)
            .map(|_| (self.next() >> 40) as f32 / (1 << 24) as f32 - 0.5)
            .sum()
    }

    fn unit(&mut self, dim: usize) -> Vec<f32> {
        unit((0..dim).map(|_| self.normal()).collect())
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|v| *v /= norm);
    vector
}

/// A content hash that tells its row.
fn hash(row: u32) -> [u8; 32] {
    let mut hash = [1; 32];
    hash[..4].copy_from_slice(&row.to_le_bytes());
    hash
}

fn open(dir: &Path, dim: usize, capacity: u32, rows: u32) -> Result<VectorStore, VectorError> {
    VectorStore::open_with(
        dir,
        Layout {
            dim,
            capacity,
            model: MODEL,
        },
        rows,
    )
}

/// A store of these vectors, synced.
fn filled(dir: &Path, capacity: u32, vectors: &[Vec<f32>]) -> VectorStore {
    let mut store = open(dir, vectors[0].len(), capacity, 0).unwrap();
    append(&mut store, vectors);
    store.sync().unwrap();
    store
}

fn append(store: &mut VectorStore, vectors: &[Vec<f32>]) {
    for vector in vectors {
        let row = store.rows();
        assert_eq!(store.append(&hash(row), vector).unwrap(), row);
    }
}

fn vectors(seed: u64, count: usize) -> Vec<Vec<f32>> {
    let mut noise = Noise(seed);
    (0..count).map(|_| noise.unit(DIM)).collect()
}

/// What a reader sees of the store is these vectors, and each finds itself.
fn assert_holds(store: &VectorStore, vectors: &[Vec<f32>]) {
    let view = store.snapshot();
    assert_eq!(view.len() as usize, vectors.len());
    for (row, vector) in (0..).zip(vectors) {
        assert_eq!(view.content(row), Some(hash(row)), "row {row}");
        let stored = view.vector(row).unwrap();
        assert!(
            stored.iter().zip(vector).all(|(a, b)| (a - b).abs() < 1e-3),
            "row {row}"
        );
        assert_eq!(
            view.search(vector, 1, &Default::default()).unwrap()[0].row,
            row
        );
    }
    assert_eq!(view.content(view.len()), None);
    assert_eq!(view.vector(view.len()), None);
}

fn read(dir: &Path, name: &str) -> Vec<u8> {
    std::fs::read(dir.join(name)).unwrap()
}
