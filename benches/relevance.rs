//! How well the default listing ends where matches end: precision and recall of photos
//! whose relevance is at least `CUT`, on photos that people have described.
//!
//! Truth comes from captions. A photo matches words when at least two of its captions have
//! all of them, or synonyms, whatever their endings; "named" also counts photos of which
//! one caption has them, because nobody names everything. A caption as a query has one
//! match, its own photo. Captions of what is in no photo have none.
//!
//! Beside it: the best 200; the cut at one cosine or one z-score for all queries, once as is
//! best for words and phrases on the development split of Flickr8k ("lax"), and once so
//! that few of what is absent are listed there ("strict": about 2.5 of 1,000 photos); and the
//! best cut of relevance for each query, which nobody can know. Precision is of all that was
//! listed for a kind of query; recall and F1 are means over its queries.
//!
//! SEMFS_BENCH_CAPTIONS names a folder with `images/` and `captions.tsv` (file, caption).
//! Without it the photos beside this checkout are used; the model has seen those before.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

#[path = "relevance/queries.rs"]
mod queries;
mod support;

use std::fs;

use queries::{ABSENT, Captions, FEWEST, NOUNS, PHRASES};
use semfs_engine::calibration::{Background, CUT, Calibration};
use semfs_engine::embed::{ImageTower, Model, Runtime, TextTower};
use semfs_engine::media::{self, Target};
use support::{Table, say, skip, timed};

/// What a listing had at most before there was a relevance.
const TOP: usize = 200;

/// The lax and strict cuts at a cosine, and at standard deviations from the mean.
const COSINES: [f32; 2] = [0.27, 0.33];
const DEVIATIONS: [f32; 2] = [2.08, 3.02];

fn main() {
    let (runtime, model) = match support::model() {
        Ok(found) => found,
        Err(reason) => return skip(&reason),
    };
    let captions = match Captions::read() {
        Ok(captions) => captions,
        Err(reason) => return skip(&reason),
    };
    say(&format!("embedding {} photos", captions.files.len()));
    let photos = embed(&captions, &runtime, &model);
    let mut text = TextTower::load(&runtime, &model).unwrap();
    let mut embed = |words: &str| text.embed(words).unwrap();
    let bank: Vec<_> = Calibration::bank()
        .iter()
        .filter_map(|it| embed(it))
        .collect();
    let (seconds, calibration) = timed(|| Calibration::new(bank));
    say(&format!(
        "calibration: {:.2} ms without the text tower",
        seconds * 1e3
    ));
    let kinds = kinds(&captions, &mut embed);
    quality(&calibration, &kinds, &photos);
    sizes(&calibration, &kinds, &photos);
    scale(&calibration, &kinds, &photos);
    say(&format!(
        "{} photos of {}",
        photos.len(),
        captions.folder.display()
    ));
}

// ---- Photos and queries ---------------------------------------------------------------

struct Question {
    vector: Vec<f32>,
    /// Photos that match, and those that someone names.
    matching: Vec<bool>,
    named: Vec<bool>,
}

struct Kind {
    name: &'static str,
    questions: Vec<Question>,
}

/// The vectors of all photos.
fn embed(captions: &Captions, runtime: &Runtime, model: &Model) -> Vec<Vec<f32>> {
    let mut tower = ImageTower::load(runtime, model).unwrap();
    let target = Target {
        preparation: model.preparation(),
        memory: 256 << 20,
    };
    let mut embed = |file: &String| {
        let path = captions.folder.join("images").join(file);
        let bytes = fs::read(&path).unwrap();
        let picture = media::decode(&bytes, &target)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        tower.embed(&[&picture.pixels]).unwrap().remove(0)
    };
    let vectors = captions.files.iter().map(|file| {
        let vector: Option<Vec<f32>> = embed(file);
        vector.unwrap_or_else(|| panic!("{file} has no vector"))
    });
    vectors.collect()
}

fn kinds(captions: &Captions, embed: &mut impl FnMut(&str) -> Option<Vec<f32>>) -> Vec<Kind> {
    let mut ask = |query: &str| {
        let said = captions.said(query);
        Some(Question {
            vector: embed(query)?,
            matching: said.iter().map(|number| *number >= 2).collect(),
            named: said.iter().map(|number| *number >= 1).collect(),
        })
    };
    let mut asked = |list: &str, fits: &dyn Fn(&Question) -> bool| -> Vec<Question> {
        let questions = list.split(", ").filter_map(&mut ask);
        questions.filter(|question| fits(question)).collect()
    };
    let enough = |question: &Question| sum(&question.matching) >= FEWEST;
    let words = asked(NOUNS, &enough);
    let phrases = asked(PHRASES, &enough);
    let absent = asked(ABSENT, &|question| sum(&question.named) == 0);
    // The first caption of each photo finds just that one.
    let whole = captions.texts.iter().enumerate();
    let whole = whole.filter_map(|(photo, texts)| {
        let matching: Vec<bool> = (0..captions.files.len()).map(|it| it == photo).collect();
        Some(Question {
            vector: embed(&texts[0])?,
            named: matching.clone(),
            matching,
        })
    });
    let whole = whole.collect();
    [
        ("words", words),
        ("phrases", phrases),
        ("captions", whole),
        ("absent", absent),
    ]
    .map(|(name, questions)| Kind { name, questions })
    .into()
}

// ---- Measuring ------------------------------------------------------------------------

/// What a way of cutting lists, photo by photo.
type Cut<'a> = (&'static str, Box<dyn Fn(&Question) -> Vec<bool> + 'a>);

fn quality(calibration: &Calibration, kinds: &[Kind], photos: &[Vec<f32>]) {
    let sample = || photos.iter().map(Vec::as_slice);
    let (seconds, library) = timed(|| calibration.library(sample(), photos.len() as u64));
    say(&format!("library: {:.1} ms", seconds * 1e3));
    let query = &kinds[0].questions[0].vector;
    let (seconds, background) = timed(|| calibration.background(&library, query));
    say(&format!("background: {:.2} ms", seconds * 1e3));
    let (seconds, all) = timed(|| relevances(&background, photos).len());
    say(&format!(
        "relevance: {:.0} ns a photo",
        seconds * 1e9 / all as f64
    ));
    let cosines = |question: &Question| -> Vec<f32> {
        photos
            .iter()
            .map(|photo| dot(photo, &question.vector))
            .collect()
    };
    let relevant = |question: &Question| {
        let background = calibration.background(&library, &question.vector);
        relevances(&background, photos)
    };
    let cosine = |least: f32| move |it: &Question| above(&cosines(it), least);
    let deviation = |least: f32| move |it: &Question| above(&deviations(&cosines(it)), least);
    let cuts: [Cut; 7] = [
        ("relevance", Box::new(|it| above(&relevant(it), CUT))),
        ("best 200", Box::new(|it| best(&cosines(it), TOP))),
        ("cosine, lax", Box::new(cosine(COSINES[0]))),
        ("cosine, strict", Box::new(cosine(COSINES[1]))),
        ("z-score, lax", Box::new(deviation(DEVIATIONS[0]))),
        ("z-score, strict", Box::new(deviation(DEVIATIONS[1]))),
        (
            "best possible",
            Box::new(|it| best_cut(&relevant(it), &it.matching)),
        ),
    ];
    let title = format!("the default listing of {} photos", photos.len());
    let heads = [
        "queries",
        "cut",
        "number",
        "match",
        "listed",
        "(median)",
        "nothing listed",
    ];
    let heads = [&heads[..], &["precision", "named", "recall", "F1"]].concat();
    let mut table = Table::new(title, &heads);
    for kind in kinds {
        for (name, cut) in &cuts {
            let figures = Figures::of(kind.questions.iter().map(|it| (cut(it), it)));
            let present = kind.name != "absent";
            if !present && *name == "best possible" {
                continue;
            }
            let or_none = |figure: f64| {
                if present {
                    share(figure)
                } else {
                    "-".to_owned()
                }
            };
            table.row([
                kind.name.to_owned(),
                (*name).to_owned(),
                kind.questions.len().to_string(),
                format!("{:.1}", figures.matching),
                format!("{:.1}", figures.listed),
                figures.median.to_string(),
                share(figures.nothing),
                or_none(figures.precision),
                or_none(figures.named),
                or_none(figures.recall),
                or_none(figures.f1),
            ]);
        }
    }
    table.print();
}

/// The same in smaller libraries: the photos in parts.
fn sizes(calibration: &Calibration, kinds: &[Kind], photos: &[Vec<f32>]) {
    let heads = [
        "photos",
        "F1 of words",
        "of phrases",
        "best 200: words",
        "phrases",
    ];
    let heads = [&heads[..], &["caption finds its photo", "absent: listed"]].concat();
    let mut table = Table::new("the default listing of smaller libraries", &heads);
    for size in [30, 100, 300, photos.len()] {
        let mut figures: Vec<Vec<[f64; 2]>> = vec![Vec::new(); kinds.len()];
        // A few parts of each size are enough.
        for (part, photos) in photos.chunks_exact(size).enumerate().take(5) {
            let library = calibration.library(photos.iter().map(Vec::as_slice), size as u64);
            let here = part * size..(part + 1) * size;
            for (kind, figures) in kinds.iter().zip(&mut figures) {
                let questions = kind.questions.iter().map(|it| Question {
                    vector: it.vector.clone(),
                    matching: it.matching[here.clone()].to_vec(),
                    named: it.named[here.clone()].to_vec(),
                });
                let present = |it: &Question| kind.name == "absent" || sum(&it.matching) > 0;
                for question in questions.filter(present) {
                    let background = calibration.background(&library, &question.vector);
                    let listed = above(&relevances(&background, photos), CUT);
                    let one = Figures::of([(listed, &question)].into_iter());
                    let cosines = photos.iter().map(|it| dot(it, &question.vector));
                    let plain = best(&cosines.collect::<Vec<_>>(), TOP);
                    let plain = Figures::of([(plain, &question)].into_iter());
                    let value = match kind.name {
                        "absent" => one.listed,
                        "captions" => one.recall,
                        _ => one.f1,
                    };
                    figures.push([value, plain.f1]);
                }
            }
        }
        let cell = |kind: usize, at: usize| mean(figures[kind].iter().map(|it| it[at]));
        table.row([
            size.to_string(),
            share(cell(0, 0)),
            share(cell(1, 0)),
            share(cell(0, 1)),
            share(cell(1, 1)),
            share(cell(2, 0)),
            format!("{:.1}", cell(3, 0)),
        ]);
    }
    table.print();
}

/// What share of the photos of a relevance do match.
fn scale(calibration: &Calibration, kinds: &[Kind], photos: &[Vec<f32>]) {
    const BANDS: [f32; 8] = [0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9];
    let library = calibration.library(photos.iter().map(Vec::as_slice), photos.len() as u64);
    let mut counts = [[0_usize; 3]; BANDS.len()];
    for question in kinds[..2].iter().flat_map(|kind| &kind.questions) {
        let background = calibration.background(&library, &question.vector);
        for (photo, relevance) in relevances(&background, photos).into_iter().enumerate() {
            let band = BANDS.partition_point(|least| *least <= relevance) - 1;
            counts[band][0] += 1;
            counts[band][1] += usize::from(question.matching[photo]);
            counts[band][2] += usize::from(question.named[photo]);
        }
    }
    let heads = ["relevance from", "photos a query", "match", "named"];
    let mut table = Table::new("what a relevance is worth (words and phrases)", &heads);
    let queries = (kinds[0].questions.len() + kinds[1].questions.len()) as f64;
    for (band, [all, matching, named]) in BANDS.iter().zip(counts) {
        table.row([
            format!("{band:.1}"),
            format!("{:.1}", all as f64 / queries),
            share(matching as f64 / all.max(1) as f64),
            share(named as f64 / all.max(1) as f64),
        ]);
    }
    table.print();
}

struct Figures {
    matching: f64,
    listed: f64,
    median: usize,
    nothing: f64,
    precision: f64,
    named: f64,
    recall: f64,
    f1: f64,
}

impl Figures {
    fn of<'a>(lists: impl Iterator<Item = (Vec<bool>, &'a Question)>) -> Self {
        let both = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| **a && **b).count();
        let rows: Vec<[usize; 4]> = lists
            .map(|(listed, question)| {
                let right = both(&listed, &question.matching);
                let named = both(&listed, &question.named);
                [sum(&listed), sum(&question.matching), right, named]
            })
            .collect();
        let all = |column: usize| rows.iter().map(|row| row[column]).sum::<usize>() as f64;
        let per_query = |value: &dyn Fn(&[usize; 4]) -> f64| mean(rows.iter().map(value));
        let mut lengths: Vec<usize> = rows.iter().map(|row| row[0]).collect();
        lengths.sort_unstable();
        Self {
            matching: per_query(&|row| row[1] as f64),
            listed: per_query(&|row| row[0] as f64),
            median: lengths.get(lengths.len() / 2).copied().unwrap_or(0),
            nothing: per_query(&|row| f64::from(u8::from(row[0] == 0))),
            precision: all(2) / all(0).max(1.0),
            named: all(3) / all(0).max(1.0),
            recall: per_query(&|row| row[2] as f64 / row[1].max(1) as f64),
            f1: per_query(&|row| 2.0 * row[2] as f64 / (row[0] + row[1]).max(1) as f64),
        }
    }
}

fn relevances(background: &Background, photos: &[Vec<f32>]) -> Vec<f32> {
    photos
        .iter()
        .map(|photo| background.relevance_of(photo))
        .collect()
}

fn above(scores: &[f32], least: f32) -> Vec<bool> {
    scores.iter().map(|score| *score >= least).collect()
}

fn sorted(scores: &[f32]) -> Vec<f32> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted
}

fn best(scores: &[f32], number: usize) -> Vec<bool> {
    let sorted = sorted(scores);
    above(scores, sorted[number.min(sorted.len()) - 1])
}

fn best_cut(scores: &[f32], matching: &[bool]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let (mut right, mut most, mut least) = (0, 0.0, f32::INFINITY);
    for (rank, photo) in order.into_iter().enumerate() {
        right += usize::from(matching[photo]);
        let f1 = 2.0 * right as f64 / (rank + 1 + sum(matching)) as f64;
        if f1 > most {
            (most, least) = (f1, scores[photo]);
        }
    }
    above(scores, least)
}

fn deviations(scores: &[f32]) -> Vec<f32> {
    let number = scores.len() as f32;
    let mean = scores.iter().sum::<f32>() / number;
    let variance = scores.iter().map(|it| (it - mean).powi(2)).sum::<f32>() / number;
    scores
        .iter()
        .map(|it| (it - mean) / variance.sqrt())
        .collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sum(flags: &[bool]) -> usize {
    flags.iter().filter(|flag| **flag).count()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, number) = values.fold((0.0, 0), |(sum, number), it| (sum + it, number + 1));
    sum / f64::from(number.max(1))
}

fn share(value: f64) -> String {
    format!("{value:.2}")
}
