//! How long a question takes. The vectors are made up, but not uniform: clusters of very
//! different sizes around a common direction, as the vectors of real photos lie, and
//! queries that lie a little beside them, as those of words do.
//!
//! The first table is the vector search alone (`Vectors::search`, the best 200) beside the
//! simplest thing that gives the right answer: all dot products in `f32`, on as many
//! threads. "found" is the share of the right 200 that the search gave. The second is the
//! text tower: a text that is new, and one that was asked before. The third is a whole
//! question, from words to paths. 1,000,000 vectors are measured with SEMFS_BENCH_LARGE=1.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::collections::HashSet;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use semfs_engine::catalog::{FileKey, FileRecord, Finding, Stamp};
use semfs_engine::embed::{Model, Runtime};
use semfs_engine::index::Index;
use semfs_engine::media::{Facts, Format};
use semfs_engine::query::Query;
use semfs_engine::question::Question;
use semfs_engine::search::Searcher;
use semfs_engine::vectors::Selection;
use support::{Random, Table, folder, in_parallel, median, ms, quantile, ratio, say, timed};
use tempfile::TempDir;

const SIZES: [usize; 2] = [10_000, 100_000];
const LARGE: usize = 1_000_000;

/// Results of a question, the default of the mount.
const TOP: usize = 200;

const QUERIES: usize = 300;

/// Rows of one commit.
const COMMIT: usize = 20_000;

/// Each thread of the plain scan gets at least so many vectors, as in the product.
const ROWS_PER_THREAD: usize = 25_000;

/// Files in a folder.
const PER_FOLDER: usize = 500;

fn main() {
    let (runtime, model) = match support::model() {
        Ok(found) => found,
        Err(reason) => return support::skip(&reason),
    };
    let mut scan = Table::new(
        format!(
            "vector search: {} dimensions, best {TOP}, ms",
            model.dimension()
        ),
        &[
            "vectors",
            "p50",
            "p99",
            "f32 scan p50",
            "p99",
            "times faster",
            "found",
        ],
    );
    let mut whole = Table::new(
        format!("a question, from words to {TOP} paths, ms"),
        &[
            "photos",
            "new text p50",
            "p99",
            "known text p50",
            "p99",
            "vectors only p50",
            "of known",
        ],
    );
    let large = std::env::var_os("SEMFS_BENCH_LARGE").is_some();
    for number in SIZES.into_iter().chain(large.then_some(LARGE)) {
        say(&format!("making {number} vectors"));
        let data = Data::new(number, &model);
        measure_scan(&data, &mut scan);
        measure_whole(&data, &runtime, &model, &mut whole);
    }
    scan.print();
    measure_text(&runtime, &model);
    whole.print();
}

/// An index of made-up photos, and the same vectors in memory.
struct Data {
    index: Index,
    dimension: usize,
    vectors: Vec<f32>,
    queries: Vec<Vec<f32>>,
    _folder: TempDir,
}

impl Data {
    fn new(number: usize, model: &Model) -> Self {
        let dimension = model.dimension();
        let clusters = Clusters::new(number / 50, dimension);
        let mut random = Random(number as u64);
        let mut vectors = Vec::with_capacity(number * dimension);
        for _ in 0..number {
            vectors.extend(clusters.photo(&mut random));
        }
        let queries = (0..QUERIES).map(|_| clusters.words(&mut random)).collect();
        let folder = folder();
        let index = Index::open(&folder.path().join("state"), model).unwrap();
        fill(&index, &vectors, dimension);
        Self {
            index,
            dimension,
            vectors,
            queries,
            _folder: folder,
        }
    }
}

/// Puts the vectors into an index, each with a photo of its own.
fn fill(index: &Index, vectors: &[f32], dimension: usize) {
    let root = index.root(Path::new("/photos")).unwrap();
    let facts = Facts {
        format: Format::Jpeg,
        width: 4000,
        height: 3000,
    };
    let rows: Vec<(usize, &[f32])> = vectors.chunks_exact(dimension).enumerate().collect();
    for rows in rows.chunks(COMMIT) {
        let mut transaction = index.begin().unwrap();
        for &(row, vector) in rows {
            // Any 32 bytes that are spread like a hash.
            let mut random = Random(row as u64);
            let hash: Vec<u8> = (0..4).flat_map(|_| random.bits().to_le_bytes()).collect();
            let hash = hash.try_into().unwrap();
            transaction.add_content(hash, facts, vector).unwrap();
            let file = FileKey {
                root,
                folder: PathBuf::from(format!("2026/{:05}", row / PER_FOLDER)),
                name: format!("IMG_{row:07}.jpg").into(),
            };
            let stamp = Stamp {
                size: 1,
                modified: 1,
                inode: 1,
            };
            let finding = Finding::Photo(hash);
            transaction
                .put_file(file, FileRecord { stamp, finding })
                .unwrap();
        }
        transaction.commit().unwrap();
    }
}

/// Directions in which photos lie close together.
struct Clusters {
    /// All vectors of a model point a little in one direction.
    common: Vec<f32>,
    centres: Vec<Vec<f32>>,
}

impl Clusters {
    fn new(number: usize, dimension: usize) -> Self {
        let mut random = Random(0);
        let mut some = || {
            (0..dimension)
                .map(|_| random.normal())
                .collect::<Vec<f32>>()
        };
        Self {
            common: some(),
            centres: (0..number.max(1)).map(|_| some()).collect(),
        }
    }

    /// Half of all photos lie in a thirtieth of the clusters.
    fn centre(&self, random: &mut Random) -> &[f32] {
        let at = random.uniform().powi(5) * self.centres.len() as f32;
        &self.centres[(at as usize).min(self.centres.len() - 1)]
    }

    fn photo(&self, random: &mut Random) -> Vec<f32> {
        self.mix(random, [0.7, 1.0, 0.8])
    }

    /// Text lies elsewhere than photos, and closer to nothing in particular.
    fn words(&self, random: &mut Random) -> Vec<f32> {
        self.mix(random, [-0.3, 0.6, 0.8])
    }

    fn mix(&self, random: &mut Random, [common, centre, noise]: [f32; 3]) -> Vec<f32> {
        let near = self.centre(random);
        let both = self.common.iter().zip(near);
        let sum = both.map(|(a, b)| common * a + centre * b + noise * random.normal());
        let sum: Vec<f32> = sum.collect();
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        sum.iter().map(|x| x / length).collect()
    }
}

fn measure_scan(data: &Data, table: &mut Table) {
    let number = data.vectors.len() / data.dimension;
    let threads = (number / ROWS_PER_THREAD).clamp(1, support::threads());
    let generation = data.index.generation();
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    let (mut found, mut wanted) = (0, 0);
    // The first tenth warms up.
    for (at, query) in data.queries.iter().enumerate() {
        let search = || {
            let vectors = generation.vectors();
            vectors.search(query, TOP, &Selection::default()).unwrap()
        };
        let (seconds, hits) = timed(|| black_box(search()));
        let (reference, rows) = timed(|| black_box(data.plain(query, threads)));
        if at < QUERIES / 10 {
            continue;
        }
        ours.push(seconds);
        plain.push(reference);
        let rows: HashSet<u32> = rows.into_iter().collect();
        wanted += rows.len();
        found += hits.iter().filter(|hit| rows.contains(&hit.row)).count();
    }
    table.row([
        number.to_string(),
        ms(median(&ours)),
        ms(quantile(&ours, 0.99)),
        ms(median(&plain)),
        ms(quantile(&plain, 0.99)),
        format!("{:.1}", ratio(&plain, &ours)),
        format!("{:.4}", found as f64 / wanted as f64),
    ]);
}

impl Data {
    /// The best rows by all dot products, in no order.
    fn plain(&self, query: &[f32], threads: usize) -> Vec<u32> {
        let rows = self.vectors.len() / self.dimension;
        let share = rows.div_ceil(threads);
        let parts: Vec<usize> = (0..threads).collect();
        let scores = in_parallel(&parts, threads, |part| {
            let from = part * share;
            let here = from..rows.min(from + share);
            let vectors = &self.vectors[here.start * self.dimension..here.end * self.dimension];
            let vectors = vectors.chunks_exact(self.dimension);
            let scored = vectors
                .zip(here)
                .map(|(vector, row)| (dot(query, vector), row as u32));
            best(scored.collect())
        });
        let best = best(scores.into_iter().flatten().collect());
        best.into_iter().map(|(_, row)| row).collect()
    }
}

fn best(mut scored: Vec<(f32, u32)>) -> Vec<(f32, u32)> {
    if scored.len() > TOP {
        scored.select_nth_unstable_by(TOP, |a, b| b.0.total_cmp(&a.0));
        scored.truncate(TOP);
    }
    scored
}

/// Sixteen sums side by side, which the compiler makes vector instructions of.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// Different questions of a few words that the model knows.
fn questions() -> Vec<String> {
    let colours = ["red", "blue", "green", "white", "black", "yellow"];
    let things = [
        "car", "dog", "boat", "house", "flower", "ball", "bird", "child",
    ];
    let places = [
        "in the snow",
        "on the beach",
        "at night",
        "in the grass",
        "by the water",
    ];
    let all = things.iter().flat_map(|thing| {
        places
            .iter()
            .flat_map(move |place| colours.map(|colour| format!("a {colour} {thing} {place}")))
    });
    all.collect()
}

fn measure_text(runtime: &Runtime, model: &Model) {
    let searcher = Searcher::load(runtime, model).unwrap();
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for (at, question) in questions().iter().enumerate() {
        let query = Query::parse(question).unwrap();
        let (first, _) = timed(|| black_box(searcher.embed(query.terms()).unwrap()));
        let (again, _) = timed(|| black_box(searcher.embed(query.terms()).unwrap()));
        if at >= 20 {
            new.push(first);
            known.push(again);
        }
    }
    let mut table = Table::new(
        "text to vector, 5 to 7 words, microseconds",
        &["text", "p50", "p99", "times faster"],
    );
    let microseconds = |seconds: f64| format!("{:.2}", seconds * 1e6);
    let mut row = |words: &str, seconds: &[f64]| {
        table.row([
            words.to_owned(),
            microseconds(median(seconds)),
            microseconds(quantile(seconds, 0.99)),
            format!("{:.0}", ratio(&new, seconds)),
        ]);
    };
    row("new", &new);
    row("known", &known);
    table.print();
}

fn measure_whole(data: &Data, runtime: &Runtime, model: &Model, table: &mut Table) {
    let searcher = Searcher::load(runtime, model).unwrap();
    let generation = data.index.generation();
    let search = |query: &Query| {
        let found = searcher
            .search(&data.index, &generation, &Question::from(query), TOP)
            .unwrap();
        assert_eq!(found.len(), TOP);
    };
    let (mut new, mut known, mut vectors) = (Vec::new(), Vec::new(), Vec::new());
    for (at, question) in questions().iter().enumerate() {
        let query = Query::parse(&format!("{question} min=0")).unwrap();
        let (first, ()) = timed(|| search(&query));
        let (again, ()) = timed(|| search(&query));
        let vector = searcher.embed(query.terms()).unwrap().unwrap();
        let rows = generation.alive();
        let (only, _) = timed(|| black_box(generation.vectors().search(&vector, TOP, &rows)));
        if at >= 20 {
            new.push(first);
            known.push(again);
            vectors.push(only);
        }
    }
    table.row([
        (data.vectors.len() / data.dimension).to_string(),
        ms(median(&new)),
        ms(quantile(&new, 0.99)),
        ms(median(&known)),
        ms(quantile(&known, 0.99)),
        ms(median(&vectors)),
        format!("{:.2}", ratio(&vectors, &known)),
    ]);
}
