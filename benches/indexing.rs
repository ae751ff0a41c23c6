//! How fast photos are taken in: `semfs index --once`, from the start of the process to
//! its end, with a new index each time. Beside it, in the same run and on the same files
//! and threads, the two things that cannot be left out: the model alone on pictures that
//! are decoded already, and the decoder alone. The *bound* is what these two add up to
//! when they share the cores and all else is free, `1 / (1/model + 1/decode)`.
//!
//! "of model" says how much of the model's speed is left; "of bound" how much is lost to
//! semfs itself: starting, walking, hashing, worker processes, committing to the disk, and
//! comparing the photos with each other. "Taken in" is the speed without that comparison, as
//! `semfs index` says it. No two files show the same: copies are compared pixel by pixel, and a
//! folder of nothing but copies is what `duplicates` measures. SEMFS_BENCH_PHOTOS names a folder
//! of photos to take instead of those beside this checkout.
//! The second table says the same as processor time a picture, which holds on a machine
//! that others use as well; "the rest" is what semfs adds. The third is a second run over
//! the same folder, in which nothing is new.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use semfs_engine::embed::{ImageTower, Model, Runtime};
use semfs_engine::media::{Target, decode};
use support::{State, Table, folder, in_parallel, in_turn, median, ms, rate, ratio, say, timed};
use tempfile::TempDir;

/// Files of ordinary size, at most.
const PICTURES: usize = 2_000;

/// Files of twelve megapixels.
const LARGE_PICTURES: usize = 96;

const ROUNDS: usize = 3;

/// Pictures that go through the model together, as in the product.
const BATCH: usize = 8;

/// Memory that a decoder may use for one picture.
const MEMORY: u64 = 512 << 20;

fn main() {
    let (runtime, model) = match support::model() {
        Ok(found) => found,
        Err(reason) => return support::skip(&reason),
    };
    let mut tables = [
        Table::new(
            "indexing: pictures/s",
            &[
                "pictures",
                "number",
                "end to end",
                "taken in",
                "model alone",
                "decode alone",
                "bound",
                "of model",
                "of bound",
            ],
        ),
        Table::new(
            "indexing: processor time a picture, ms",
            &[
                "pictures",
                "end to end",
                "model alone",
                "decode alone",
                "the rest",
                "the rest, share",
            ],
        ),
        Table::new(
            "indexing again, nothing new",
            &["pictures", "number", "files/s", "ms", "opened", "embedded"],
        ),
    ];
    let (mut pictures, words) = support::pictures();
    pictures.truncate(PICTURES);
    let corpus = Corpus::write(words, &pictures);
    measure(&corpus, &runtime, &model, &mut tables);
    drop(corpus);
    say("drawing pictures of 12 megapixels");
    let pictures = support::draw(LARGE_PICTURES, 4000, 3000);
    let corpus = Corpus::write("drawn, 4000x3000", &pictures);
    measure(&corpus, &runtime, &model, &mut tables);
    for table in &tables {
        table.print();
    }
}

/// Files to index.
struct Corpus {
    folder: TempDir,
    files: Vec<PathBuf>,
    words: String,
}

impl Corpus {
    fn write(words: &str, pictures: &[Vec<u8>]) -> Self {
        let (folder, number) = (folder(), pictures.len());
        let files = support::write_variants(folder.path(), pictures, number);
        let bytes: u64 = files
            .iter()
            .map(|file| fs::metadata(file).unwrap().len())
            .sum();
        Self {
            folder,
            words: format!("{words}, {} kB each", bytes / 1000 / number as u64),
            files,
        }
    }
}

fn measure(
    corpus: &Corpus,
    runtime: &Runtime,
    model: &Model,
    [speeds, shares, second]: &mut [Table; 3],
) {
    let threads = support::threads();
    let number = corpus.files.len();
    let target = Target {
        preparation: model.preparation(),
        memory: MEMORY,
    };
    let decode_all = || {
        timed(|| {
            in_parallel(&corpus.files, threads, |file| {
                let bytes = fs::read(file).unwrap();
                decode(&bytes, &target).unwrap().pixels
            })
        })
    };
    let (_, pictures) = decode_all();
    let batches: Vec<&[Vec<u8>]> = pictures.chunks(BATCH).collect();
    let towers: Vec<Mutex<ImageTower>> = (0..threads)
        .map(|_| Mutex::new(ImageTower::load(runtime, model).unwrap()))
        .collect();
    let indexed = RefCell::new(State::new());
    let (mut opened, mut embedded) = (0, 0);
    let mut taken_in = Vec::new();
    say(&format!("indexing {number} files {} times", ROUNDS + 1));
    let [end_to_end, alone, decoding, again] = in_turn(
        ROUNDS,
        [
            &mut || {
                let state = State::new();
                let (seconds, summary) = state.index(corpus.folder.path());
                assert_eq!(summary.new, number, "{summary:?}");
                indexed.replace(state);
                taken_in.push(summary.rate);
                seconds
            },
            &mut || embed_all(&batches, &towers),
            &mut || decode_all().0,
            &mut || {
                let (seconds, summary) = indexed.borrow().index(corpus.folder.path());
                opened += number - summary.unchanged;
                embedded += summary.new;
                seconds
            },
        ],
    );
    // Both share the cores, so their times add up.
    let bound = alone.with(&decoding, |model, decode| model + decode);
    let rest = end_to_end.with(&bound, |all, bound| all - bound);
    speeds.row([
        corpus.words.clone(),
        number.to_string(),
        rate(number, median(&end_to_end.seconds)),
        format!("{:.0}", median(&taken_in)),
        rate(number, median(&alone.seconds)),
        rate(number, median(&decoding.seconds)),
        rate(number, median(&bound.seconds)),
        format!("{:.2}", ratio(&alone.seconds, &end_to_end.seconds)),
        format!("{:.2}", ratio(&bound.seconds, &end_to_end.seconds)),
    ]);
    let each = |seconds: &[f64]| ms(median(seconds) / number as f64);
    shares.row([
        corpus.words.clone(),
        each(&end_to_end.processor),
        each(&alone.processor),
        each(&decoding.processor),
        each(&rest.processor),
        format!("{:.2}", ratio(&rest.processor, &end_to_end.processor)),
    ]);
    second.row([
        corpus.words.clone(),
        number.to_string(),
        rate(number, median(&again.seconds)),
        ms(median(&again.seconds)),
        opened.to_string(),
        embedded.to_string(),
    ]);
}

/// All batches through the model, one session for each thread.
fn embed_all(batches: &[&[Vec<u8>]], towers: &[Mutex<ImageTower>]) -> f64 {
    let (seconds, vectors) = timed(|| {
        in_parallel(batches, towers.len(), |batch| {
            let pixels: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
            // There are as many towers as threads, so one is always free.
            let mut tower = towers.iter().find_map(|tower| tower.try_lock().ok());
            tower.as_mut().unwrap().embed(&pixels).unwrap()
        })
    });
    assert!(vectors.iter().flatten().all(Option::is_some));
    seconds
}
