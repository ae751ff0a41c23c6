//! Whether words of folders and looks together find more than looks alone: the same photos
//! that people have described, in four arrangements, asked through `semfs search`.
//!
//! *flat*: one folder, meaningless names, so that only looks count. *albums*: a third of the
//! photos lie in folders named by a word that their captions say, as in albums that somebody
//! has made; the others as before. *wrong albums*: the same third lies in folders named by
//! words that none of their captions say, which nobody does, so that it is the worst that
//! words can do. *mixed*: of each four photos in albums one lies in a wrong one.
//!
//! Truth is what captions say (`relevance/queries.rs`). Precision is of all that was listed;
//! recall and F1 are means over the queries. "Recall at 50": of the best 50 (`min=0 top=50`)
//! those that match, to those that could. "Outside albums": the recall of the default listing
//! among the photos that lie flat in all arrangements.
//!
//! Words are those by which albums are named; phrases are mostly longer, and albums are named
//! by a part of them. SEMFS_BENCH_CAPTIONS names the photos, as for `relevance`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

#[path = "relevance/queries.rs"]
mod queries;
mod support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use queries::{Captions, FEWEST, NOUNS, PHRASES};
use support::{Daemon, Random, State, Table, folder, in_parallel, say, skip};

/// Queries of each kind, as many as have enough matches at most.
const QUERIES: usize = 60;

/// One photo of so many lies in an album.
const SHARE: u64 = 3;

/// "Recall at".
const BEST: usize = 50;

const ARRANGEMENTS: [&str; 4] = ["flat", "albums", "mixed", "wrong albums"];

fn main() {
    if let Err(reason) = support::model() {
        return skip(&reason);
    }
    let captions = match Captions::read() {
        Ok(captions) => captions,
        Err(reason) => return skip(&reason),
    };
    let words = Query::choose(&captions, NOUNS);
    let phrases = Query::choose(&captions, PHRASES);
    let albums = Albums::choose(&captions, &words);
    let in_albums = albums.right.iter().flatten().count();
    let number = captions.files.len();
    let heads = [
        "queries",
        "photos",
        "number",
        "listed",
        "precision",
        "recall",
        "F1",
        "recall at 50",
        "outside albums",
    ];
    let title = format!("words and looks: {number} photos, {in_albums} of them in albums");
    let mut rows = [Vec::new(), Vec::new()];
    for arrangement in ARRANGEMENTS {
        say(&format!("indexing {number} photos: {arrangement}"));
        let tree = folder();
        let places = albums.arrange(&captions, arrangement, tree.path());
        let state = State::new();
        let (_, summary) = state.index(tree.path());
        // Pictures that are the same byte for byte are one.
        assert!(summary.new <= number && summary.new * 20 > number * 19);
        // It answers sooner than a program that opens the index itself; the same, otherwise.
        let daemon = Daemon::start(&state, tree.path());
        if let Err(reason) = &daemon {
            say(&format!("without a daemon: {reason}"));
        }
        for (kind, rows) in [&words, &phrases].into_iter().zip(&mut rows) {
            let of = in_parallel(kind, 2, |query| query.ask(&state, &places, &albums));
            rows.push((arrangement, Figures::of(&of)));
        }
        drop(daemon);
    }
    let mut table = Table::new(title, &heads);
    for ((kind, number), rows) in [("words", words.len()), ("phrases", phrases.len())]
        .into_iter()
        .zip(rows)
    {
        for (arrangement, figures) in rows {
            table.row([
                kind.to_owned(),
                arrangement.to_owned(),
                number.to_string(),
                format!("{:.1}", figures.listed),
                format!("{:.3}", figures.precision),
                format!("{:.3}", figures.recall),
                format!("{:.3}", figures.f1),
                format!("{:.3}", figures.at_best),
                format!("{:.3}", figures.elsewhere),
            ]);
        }
    }
    table.print();
}

struct Query {
    text: String,
    /// Whether each photo matches, and how many captions say so.
    matching: Vec<bool>,
    said: Vec<usize>,
}

impl Query {
    /// Those with enough matches, from all over the list.
    fn choose(captions: &Captions, list: &str) -> Vec<Self> {
        let all = list.split(", ").map(|text| {
            let said = captions.said(text);
            Self {
                text: text.to_owned(),
                matching: said.iter().map(|captions| *captions >= 2).collect(),
                said,
            }
        });
        let enough = |query: &Self| query.matching.iter().filter(|it| **it).count() >= FEWEST;
        let all: Vec<Self> = all.filter(enough).collect();
        let (number, wanted) = (all.len(), QUERIES.min(all.len()));
        let chosen = |at: &usize| (at * wanted) % number < wanted;
        let all = all.into_iter().enumerate();
        all.filter(|(at, _)| chosen(at)).map(|it| it.1).collect()
    }

    /// What `semfs search` answers, photo by photo: the default listing, and the best.
    fn ask(&self, state: &State, places: &HashMap<String, usize>, albums: &Albums) -> Answer {
        let listed = search(state, places, &self.text);
        let best = search(state, places, &format!("{} min=0 top={BEST}", self.text));
        let right = |list: &[usize]| list.iter().filter(|photo| self.matching[**photo]).count();
        let all: Vec<usize> = (0..self.matching.len()).collect();
        let flat = |list: &[usize]| -> Vec<usize> {
            let flat = list.iter().filter(|photo| albums.right[**photo].is_none());
            flat.copied().collect()
        };
        let matching = right(&all);
        Answer {
            listed: listed.len(),
            matching,
            right: right(&listed),
            at_best: right(&best) as f64 / matching.min(BEST) as f64,
            elsewhere: right(&flat(&listed)) as f64 / right(&flat(&all)).max(1) as f64,
        }
    }
}

/// The photos that a query lists, best first.
fn search(state: &State, places: &HashMap<String, usize>, query: &str) -> Vec<usize> {
    let mut semfs = state.semfs();
    let output = semfs.args(["search", "--json", query]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{query}: {errors}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let paths = found.as_array().unwrap().iter();
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    paths
        .map(|found| places[&name(found["path"].as_str().unwrap())])
        .collect()
}

/// Which album each photo lies in, if it lies in one.
struct Albums<'a> {
    right: Vec<Option<&'a str>>,
    wrong: Vec<Option<&'a str>>,
}

impl<'a> Albums<'a> {
    fn choose(captions: &Captions, words: &'a [Query]) -> Self {
        let mut random = Random(7);
        let mut albums = Self {
            right: vec![None; captions.files.len()],
            wrong: vec![None; captions.files.len()],
        };
        for photo in 0..captions.files.len() {
            let mut pick = |fits: &dyn Fn(&Query) -> bool| {
                let fitting: Vec<&Query> = words.iter().filter(|query| fits(query)).collect();
                let at = random.bits() as usize % fitting.len().max(1);
                fitting.get(at).map(|query| query.text.as_str())
            };
            let right = pick(&|query| query.matching[photo]);
            let wrong = pick(&|query| query.said[photo] == 0);
            if random.bits().is_multiple_of(SHARE) && right.is_some() {
                (albums.right[photo], albums.wrong[photo]) = (right, wrong);
            }
        }
        albums
    }

    /// Lays the photos out in a folder; which file name is which photo.
    fn arrange(&self, captions: &Captions, how: &str, tree: &Path) -> HashMap<String, usize> {
        let mut places = HashMap::new();
        for (photo, file) in captions.files.iter().enumerate() {
            let album = match how {
                "albums" => self.right[photo],
                "wrong albums" => self.wrong[photo],
                "mixed" if photo.is_multiple_of(4) => self.wrong[photo],
                "mixed" => self.right[photo],
                _ => None,
            };
            let folder = album.map_or(tree.to_path_buf(), |album| tree.join(album));
            fs::create_dir_all(&folder).unwrap();
            let name = format!("{photo:06}.jpg");
            fs::copy(
                captions.folder.join("images").join(file),
                folder.join(&name),
            )
            .unwrap();
            places.insert(name, photo);
        }
        places
    }
}

/// How one query was answered.
struct Answer {
    listed: usize,
    matching: usize,
    right: usize,
    at_best: f64,
    elsewhere: f64,
}

/// How all of them were.
struct Figures {
    listed: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    at_best: f64,
    elsewhere: f64,
}

impl Figures {
    fn of(answers: &[Answer]) -> Self {
        let number = answers.len().max(1) as f64;
        let mean = |value: &dyn Fn(&Answer) -> f64| answers.iter().map(value).sum::<f64>() / number;
        let listed = mean(&|it| it.listed as f64);
        let right = mean(&|it| it.right as f64);
        Self {
            listed,
            precision: right / listed,
            recall: mean(&|it| it.right as f64 / it.matching as f64),
            f1: mean(&|it| 2.0 * it.right as f64 / (it.listed + it.matching) as f64),
            at_best: mean(&|it| it.at_best),
            elsewhere: mean(&|it| it.elsewhere),
        }
    }
}
