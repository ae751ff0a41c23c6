//! Finding the neighbours of photos that have just come: for each the twelve nearest vectors,
//! as `semfs index` asks for them when it looks for lookalikes (`Vectors::search`), beside a
//! graph (`hnsw_rs`), which has to be built first, and beside the simplest thing that gives
//! the right answer, all dot products in `f32`. All of them use one thread for each photo and
//! as many photos at once as there are cores.
//!
//! "Found" is the share of the right twelve. "Pays after" is the number of photos after which
//! a graph has won back its building: its cost, divided by what a photo costs less. Building
//! is a cost of each start, unless the graph is kept on the disk besides.
//!
//! Memory is that of the process itself; the vectors that semfs searches are files, mapped
//! and shared with the page cache. The graph keeps its own copy of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod clusters;
mod support;

use std::collections::HashSet;
use std::fs;
use std::hint::black_box;

use clusters::{Clusters, dot};
use hnsw_rs::prelude::{DistL2, Hnsw};
use semfs_engine::vectors::{Selection, VectorStore, Vectors};
use support::{Costs, Random, Table, folder, in_parallel, in_turn, median, say, timed};

const SIZES: [usize; 2] = [10_000, 100_000];

/// Components of a vector, as the default model has them.
const DIMENSION: usize = 256;

/// Photos that have just come, and how many neighbours of each are asked for.
const NEW: usize = 1_000;
const NEIGHBOURS: usize = 12;

/// What the authors of the graph recommend: links of a node, nodes that are looked at while
/// it is built.
const LINKS: usize = 24;
const BUILT_WITH: usize = 200;

/// Nodes that are looked at for a photo.
const BREADTHS: [usize; 3] = [24, 64, 256];

const ROUNDS: usize = 3;

fn main() {
    let mut table = Table::new(
        format!("neighbours: {NEIGHBOURS} of each of {NEW} new photos, {DIMENSION} dimensions"),
        &[
            "vectors",
            "by",
            "ready after s",
            "MiB",
            "photos/s",
            "processor ms each",
            "to semfs",
            "found",
            "pays after",
        ],
    );
    for number in SIZES {
        say(&format!("{number} vectors"));
        measure(number, &mut table);
    }
    table.print();
}

fn measure(number: usize, table: &mut Table) {
    let clusters = Clusters::new(number / 50, DIMENSION);
    let mut random = Random(number as u64);
    let vectors: Vec<Vec<f32>> = (0..number).map(|_| clusters.photo(&mut random)).collect();
    let new: Vec<Vec<f32>> = (0..NEW).map(|_| clusters.photo(&mut random)).collect();
    let threads = support::threads();

    let folder = folder();
    let before = memory();
    let (filling, store) = timed(|| {
        let mut store = VectorStore::open(folder.path(), &[0; 32], DIMENSION, 0).unwrap();
        for (row, vector) in vectors.iter().enumerate() {
            store.append(&name(row), vector).unwrap();
        }
        store.sync().unwrap();
        store
    });
    let ours: Vectors = store.snapshot();
    let ours_memory = memory() - before;

    say("building the graph");
    let before = memory();
    let (building, graph) = timed(|| {
        let graph = Hnsw::<f32, DistL2>::new(LINKS, number, 16, BUILT_WITH, DistL2);
        let numbered: Vec<(&Vec<f32>, usize)> = vectors.iter().zip(0..).collect();
        graph.parallel_insert(&numbered);
        graph
    });
    let graph_memory = memory() - before;

    let exact = |photo: &Vec<f32>| nearest(&vectors, photo);
    let scan = |photo: &Vec<f32>| {
        let hits = ours.search(photo, NEIGHBOURS, &Selection::default());
        hits.unwrap().iter().map(|hit| hit.row).collect::<Vec<_>>()
    };
    let walk = |photo: &Vec<f32>, breadth: usize| {
        let found = graph.search(photo, NEIGHBOURS, breadth);
        found.iter().map(|found| found.d_id as u32).collect()
    };
    say("asking");
    let (exactly, right) = timed(|| in_parallel(&new, threads, exact));
    let all = |find: &(dyn Fn(&Vec<f32>) -> Vec<u32> + Sync)| {
        timed(|| black_box(in_parallel(&new, threads, find))).0
    };
    let [scanning, narrow, middle, wide] = in_turn(
        ROUNDS,
        [
            &mut || all(&scan),
            &mut || all(&|photo| walk(photo, BREADTHS[0])),
            &mut || all(&|photo| walk(photo, BREADTHS[1])),
            &mut || all(&|photo| walk(photo, BREADTHS[2])),
        ],
    );
    let found = |find: &(dyn Fn(&Vec<f32>) -> Vec<u32> + Sync)| {
        let found = in_parallel(&new, threads, find);
        let hits = found.iter().zip(&right).map(|(found, right)| {
            let right: HashSet<_> = right.iter().collect();
            found.iter().filter(|row| right.contains(row)).count()
        });
        hits.sum::<usize>() as f64 / (NEW * NEIGHBOURS) as f64
    };
    let each = |costs: &Costs| median(&costs.processor) / NEW as f64;
    let rate = |seconds: f64| format!("{:.0}", NEW as f64 / seconds);
    table.row([
        number.to_string(),
        "all dot products".to_owned(),
        "0".to_owned(),
        String::new(),
        rate(exactly),
        String::new(),
        format!("{:.2}", median(&scanning.seconds) / exactly),
        "1.0000".to_owned(),
        String::new(),
    ]);
    table.row([
        number.to_string(),
        "semfs".to_owned(),
        format!("{filling:.1}"),
        format!("{ours_memory:.0}"),
        rate(median(&scanning.seconds)),
        format!("{:.3}", 1e3 * each(&scanning)),
        "1.00".to_owned(),
        format!("{:.4}", found(&scan)),
        String::new(),
    ]);
    for (breadth, costs) in BREADTHS.into_iter().zip([narrow, middle, wide]) {
        // The processors' time, that of building being spread over all of them.
        let saved = each(&scanning) - each(&costs);
        let pays = building * threads as f64 / saved;
        table.row([
            number.to_string(),
            format!("graph, {breadth} looked at"),
            format!("{building:.1}"),
            format!("{graph_memory:.0}"),
            rate(median(&costs.seconds)),
            format!("{:.3}", 1e3 * each(&costs)),
            format!("{:.2}", support::ratio(&scanning.seconds, &costs.seconds)),
            format!("{:.4}", found(&|photo| walk(photo, breadth))),
            if saved > 0.0 {
                format!("{pays:.0}")
            } else {
                "never".to_owned()
            },
        ]);
    }
}

/// The nearest by all dot products, in no order.
fn nearest(vectors: &[Vec<f32>], photo: &[f32]) -> Vec<u32> {
    let scored = vectors.iter().zip(0..);
    let mut scored: Vec<(f32, u32)> = scored
        .map(|(vector, row)| (dot(photo, vector), row))
        .collect();
    scored.select_nth_unstable_by(NEIGHBOURS, |a, b| b.0.total_cmp(&a.0));
    scored.truncate(NEIGHBOURS);
    scored.into_iter().map(|(_, row)| row).collect()
}

/// Any 32 bytes that no other row has.
fn name(row: usize) -> [u8; 32] {
    let mut random = Random(row as u64);
    let mut name = [0; 32];
    for part in name.chunks_exact_mut(8) {
        part.copy_from_slice(&random.bits().to_le_bytes());
    }
    name
}

/// Memory of this process that is no file's, in MiB.
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.map_or(f64::NAN, |kib: f64| kib / 1024.0)
}
