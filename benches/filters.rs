//! What filters cost, and what they save: the best 200 of 100,000 photos by words, and
//! by the same words among those of a year, a month and a day, which are a tenth, a
//! hundredth and a thousandth of them (`views/library.rs`). From words to paths, texts
//! known; the questions of one round are asked in turn. 1,000,000 photos with
//! SEMFS_BENCH_LARGE=1.
//!
//! "Found": of the photos that a ranking of the whole library has and the filter leaves, the
//! share that was found. What is found must satisfy the filter; that is checked each time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

#[path = "views/library.rs"]
mod library;
mod support;

use std::collections::HashSet;
use std::hint::black_box;
use std::path::Path;

use semfs_engine::catalog::Stamp;
use semfs_engine::index::{Generation, Index};
use semfs_engine::query::Query;
use semfs_engine::question::Question;
use semfs_engine::search::{Searcher, selected};
use support::{Table, folder, median, ms, quantile, ratio, say, skip, timed};

const PHOTOS: usize = 100_000;
const LARGE: usize = 1_000_000;

/// Results of a question.
const TOP: usize = 200;

const FILTERS: [&str; 6] = [
    "",
    "type=png",
    "date=2020",
    "date=2020-03",
    "date=2020-03-05",
    "date=2020-03-05 shape=landscape type=png",
];

/// Rounds that warm up; the rest count.
const WARM_UP: usize = 8;

/// The whole library is ranked for one question of so many.
const CHECK_EVERY: usize = 10;

fn main() {
    let (runtime, model) = match support::model() {
        Ok(found) => found,
        Err(reason) => return skip(&reason),
    };
    let large = std::env::var_os("SEMFS_BENCH_LARGE").is_some();
    let number = if large { LARGE } else { PHOTOS };
    say(&format!("making {number} photos"));
    let state = folder();
    let index = Index::open(&state.path().join("state"), &model).unwrap();
    let (pictures, _) = support::pictures();
    let pictures = library::embed(&pictures, &runtime, &model);
    let stamp = Stamp {
        size: 1,
        modified: 1,
        inode: 1,
    };
    library::fill(&index, Path::new("/photos"), number, &pictures, |_| stamp);
    let searcher = Searcher::load(&runtime, &model).unwrap();
    let generation = index.generation();
    let engine = Engine {
        index: &index,
        generation: &generation,
        searcher: &searcher,
    };
    let mut times: [Vec<f64>; FILTERS.len()] = Default::default();
    let (mut left, mut found) = ([0; FILTERS.len()], [[0; 2]; FILTERS.len()]);
    for (round, words) in words().iter().enumerate() {
        let all = (round % CHECK_EVERY == 0).then(|| engine.search(words, number));
        for (at, filter) in FILTERS.iter().enumerate() {
            let query = Query::parse(&format!("{words} {filter} min=0")).unwrap();
            let rows = selected(&index, &generation, query.filters());
            left[at] = rows.as_ref().map_or(number, |rows| rows.len() as usize);
            let fits = |row: &u32| rows.as_ref().is_none_or(|rows| rows.contains(*row));
            // The text is known from here on.
            searcher.embed(query.terms()).unwrap();
            let question = format!("{words} {filter}");
            let (seconds, hits) = timed(|| black_box(engine.search(&question, TOP)));
            assert!(hits.iter().all(fits), "{question}");
            assert_eq!(hits.len(), TOP.min(left[at]), "{question}");
            if round >= WARM_UP {
                times[at].push(seconds);
            }
            if let Some(all) = &all {
                let wanted: HashSet<u32> = all.iter().copied().filter(fits).take(TOP).collect();
                found[at][0] += hits.iter().filter(|row| wanted.contains(row)).count();
                found[at][1] += wanted.len();
            }
        }
    }
    let heads = [
        "filter",
        "photos left",
        "p50",
        "p99",
        "to no filter",
        "found",
    ];
    let mut table = Table::new(
        format!("words and filters, {number} photos, best {TOP}, ms"),
        &heads,
    );
    for (at, filter) in FILTERS.iter().enumerate() {
        let [right, wanted] = found[at];
        table.row([
            if filter.is_empty() { "none" } else { filter }.to_owned(),
            left[at].to_string(),
            ms(median(&times[at])),
            ms(quantile(&times[at], 0.99)),
            format!("{:.2}", ratio(&times[at], &times[0])),
            format!("{:.4}", right as f64 / wanted as f64),
        ]);
    }
    table.print();
}

struct Engine<'a> {
    index: &'a Index,
    generation: &'a Generation,
    searcher: &'a Searcher,
}

impl Engine<'_> {
    /// The rows that answer a question, best first, however little they fit.
    fn search(&self, words: &str, top: usize) -> Vec<u32> {
        let query = Query::parse(&format!("{words} min=0")).unwrap();
        let question = Question::from(&query);
        let found = self
            .searcher
            .search(self.index, self.generation, &question, top);
        found.unwrap().into_iter().map(|found| found.row).collect()
    }
}

/// Different words that the model knows.
fn words() -> Vec<String> {
    let colours = ["red", "blue", "green", "white", "black"];
    let things = [
        "car", "dog", "boat", "house", "flower", "ball", "bird", "child",
    ];
    let all = things
        .iter()
        .flat_map(|thing| colours.map(|colour| format!("{colour} {thing}")));
    all.collect()
}
