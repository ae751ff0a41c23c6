//! How well the model understands pictures, measured through this program: its decoding, its
//! preparation, its tokenizer.
//!
//! Text to photo on photos with captions (each caption is to find its own photo), a table by
//! subject on labelled photos (the label as a user would type it is to find its photos among
//! all), and what words mean beyond things: colours, counts, scenes, order, unknown words.
//!
//! SEMFS_BENCH_CAPTIONS names a folder with `images/` and `captions.tsv` (file, caption),
//! SEMFS_BENCH_LABELS one with a folder for each label (`cat`, `tench, fish`: names separated
//! by commas); `models/mini/train/testset.py` makes both of photos that were not trained on.
//! SEMFS_BENCH_MODELS names folders of models, separated by colons, in the place of the default.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

#[path = "relevance/queries.rs"]
mod queries;
mod support;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use queries::Captions;
use semfs_engine::embed::{ImageTower, Model, Runtime, TextTower};
use semfs_engine::media::{self, Target};
use support::{Table, median, ms, say, skip, timed};

/// Answers that are asked of photos with captions: among the words of a group, which one
/// belongs to a photo? Truth: at least two captions say one of them and none says another.
const CHOICES: [(&str, &[&str]); 5] = [
    (
        "colour of a shirt",
        &[
            "red shirt",
            "blue shirt",
            "white shirt",
            "black shirt",
            "yellow shirt",
            "green shirt",
        ],
    ),
    ("colour of a dog", &["black dog", "white dog", "brown dog"]),
    ("how many dogs", &["one dog", "two dogs", "three dogs"]),
    (
        "how many people",
        &["a man", "two men", "three men", "a group of people"],
    ),
    (
        "scene",
        &[
            "beach",
            "snow",
            "street",
            "field of grass",
            "swimming pool",
            "forest",
            "mountain",
        ],
    ),
];

/// Pairs with the same words that mean something else.
const ORDERS: [[&str; 2]; 4] = [
    ["dog chasing cat", "cat chasing dog"],
    ["man holding a child", "child holding a man"],
    ["red car and blue boat", "blue car and red boat"],
    ["a horse behind a fence", "a fence behind a horse"],
];

/// Words that no dictionary has, beside what they are made of.
const UNKNOWN: [[&str; 2]; 4] = [
    ["snowboardings", "snowboarding"],
    ["doggo", "dog"],
    ["mountainscape", "mountain"],
    ["seaside-beachwalk", "beach"],
];

struct Towers {
    image: ImageTower,
    text: TextTower,
    target: Target,
}

fn main() {
    let (runtime, default) = match support::model() {
        Ok(found) => found,
        Err(reason) => return skip(&reason),
    };
    let models = match env::var("SEMFS_BENCH_MODELS") {
        Ok(folders) => {
            let folders = folders
                .split(':')
                .map(|folder| Model::read(Path::new(folder)));
            folders.collect::<Result<Vec<_>, _>>().unwrap()
        }
        Err(_) => vec![default],
    };
    let captions = Captions::read();
    let labels = env::var_os("SEMFS_BENCH_LABELS").map(PathBuf::from);
    for model in &models {
        let mut towers = load(&runtime, model);
        match &captions {
            Ok(captions) => described(model, &mut towers, captions),
            Err(reason) => skip(reason),
        }
        match &labels {
            Some(folder) => by_subject(model, &mut towers, folder),
            None => skip("SEMFS_BENCH_LABELS names no labelled photos"),
        }
        words(model, &mut towers);
        speed(model, &mut towers);
    }
}

fn load(runtime: &Runtime, model: &Model) -> Towers {
    Towers {
        image: ImageTower::load(runtime, model).unwrap(),
        text: TextTower::load(runtime, model).unwrap(),
        target: Target {
            preparation: model.preparation(),
            memory: 256 << 20,
        },
    }
}

impl Towers {
    fn photos(&mut self, paths: &[PathBuf]) -> Vec<Vec<f32>> {
        say(&format!("embedding {} photos", paths.len()));
        let embed = |path: &PathBuf| {
            let bytes = fs::read(path).unwrap();
            let picture = media::decode(&bytes, &self.target)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let vector = self.image.embed(&[&picture.pixels]).unwrap().remove(0);
            vector.unwrap_or_else(|| panic!("{} has no vector", path.display()))
        };
        paths.iter().map(embed).collect()
    }

    fn text(&mut self, words: &str) -> Vec<f32> {
        let vector = self.text.embed(words).unwrap();
        vector.unwrap_or_else(|| panic!("`{words}` has no vector"))
    }
}

// ---- Photos with captions --------------------------------------------------------------

fn described(model: &Model, towers: &mut Towers, captions: &Captions) {
    let paths: Vec<PathBuf> = captions
        .files
        .iter()
        .map(|file| captions.folder.join("images").join(file))
        .collect();
    let photos = towers.photos(&paths);
    let mut ranks = Vec::new();
    for (own, texts) in captions.texts.iter().enumerate() {
        for text in texts {
            let query = towers.text(text);
            let mine = dot(&query, &photos[own]);
            ranks.push(
                photos
                    .iter()
                    .filter(|photo| dot(&query, photo) > mine)
                    .count(),
            );
        }
    }
    let within = |k: usize| share(ranks.iter().filter(|rank| **rank < k).count(), ranks.len());
    let chance = |k: usize| share(k, photos.len());
    let mut table = Table::new(
        format!(
            "{}: text to photo, {} captions, {} photos of {}",
            model.name(),
            ranks.len(),
            photos.len(),
            captions.folder.display()
        ),
        &["", "R@1", "R@5", "R@10", "median rank"],
    );
    let middle = median(
        &ranks
            .iter()
            .map(|rank| *rank as f64 + 1.0)
            .collect::<Vec<_>>(),
    );
    table.row([
        model.name(),
        within(1),
        within(5),
        within(10),
        format!("{middle:.0}"),
    ]);
    table.row([
        "chance".to_owned(),
        chance(1),
        chance(5),
        chance(10),
        format!("{}", photos.len() / 2),
    ]);
    table.print();
    choices(model, towers, captions, &photos);
}

fn choices(model: &Model, towers: &mut Towers, captions: &Captions, photos: &[Vec<f32>]) {
    let mut table = Table::new(
        format!(
            "{}: which of these words belongs to the photo",
            model.name()
        ),
        &[
            "asked",
            "answers",
            "photos",
            "right %",
            "always the commonest %",
        ],
    );
    for (asked, answers) in CHOICES {
        let said: Vec<Vec<usize>> = answers.iter().map(|answer| captions.said(answer)).collect();
        let vectors: Vec<Vec<f32>> = answers.iter().map(|answer| towers.text(answer)).collect();
        let (mut right, mut each) = (0, vec![0_usize; answers.len()]);
        for (number, photo) in photos.iter().enumerate() {
            let mut told = (0..answers.len()).filter(|answer| said[*answer][number] > 0);
            let (Some(truth), None) = (told.next(), told.next()) else {
                continue;
            };
            if said[truth][number] < 2 {
                continue;
            }
            each[truth] += 1;
            let scores: Vec<f32> = vectors.iter().map(|vector| dot(vector, photo)).collect();
            let best = (0..answers.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
            right += usize::from(best == Some(truth));
        }
        let all: usize = each.iter().sum();
        let commonest = each.iter().max().copied().unwrap_or(0);
        table.row([
            asked.to_owned(),
            answers.len().to_string(),
            all.to_string(),
            share(right, all),
            share(commonest, all),
        ]);
    }
    table.print();
}

// ---- Labelled photos -------------------------------------------------------------------

fn by_subject(model: &Model, towers: &mut Towers, folder: &Path) {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let label = entry.file_name().to_string_lossy().into_owned();
        let photos = fs::read_dir(entry.path()).unwrap().flatten();
        files
            .entry(label)
            .or_default()
            .extend(photos.map(|photo| photo.path()));
    }
    let paths: Vec<PathBuf> = files.values().flatten().cloned().collect();
    let labels: Vec<&str> = files
        .iter()
        .flat_map(|(label, files)| vec![label.as_str(); files.len()])
        .collect();
    let photos = towers.photos(&paths);
    // Every name of every label is asked; whatever carries that name among its own is right.
    let names = |label: &str| label.split(", ").map(str::to_owned).collect::<Vec<_>>();
    let mut asked: Vec<String> = files.keys().flat_map(|label| names(label)).collect();
    asked.sort();
    asked.dedup();
    let mut table = Table::new(
        format!(
            "{}: {} labelled photos of {}, found by name",
            model.name(),
            photos.len(),
            folder.display()
        ),
        &[
            "asked",
            "photos",
            "right of first 10",
            "average precision",
            "by chance",
        ],
    );
    let mut mean = Vec::new();
    for name in asked {
        let truth: Vec<bool> = labels
            .iter()
            .map(|label| names(label).iter().any(|own| says(own, &name)))
            .collect();
        let number = truth.iter().filter(|it| **it).count();
        if number < 5 {
            continue;
        }
        let query = towers.text(&name);
        let mut order: Vec<usize> = (0..photos.len()).collect();
        let scores: Vec<f32> = photos.iter().map(|photo| dot(&query, photo)).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let ten = order.iter().take(10).filter(|photo| truth[**photo]).count();
        let (mut found, mut precision) = (0, 0.0);
        for (rank, photo) in order.iter().enumerate() {
            if truth[*photo] {
                found += 1;
                precision += f64::from(found) / (rank + 1) as f64;
            }
        }
        let precision = precision / number as f64;
        mean.push(precision);
        table.row([
            name,
            number.to_string(),
            ten.to_string(),
            format!("{precision:.3}"),
            format!("{:.3}", number as f64 / photos.len() as f64),
        ]);
    }
    let all = mean.iter().sum::<f64>() / mean.len() as f64;
    table.row([
        "mean".to_owned(),
        String::new(),
        String::new(),
        format!("{all:.3}"),
        String::new(),
    ]);
    table.print();
}

/// Whether a name has all words of another: a "beet salad" is a "salad".
fn says(name: &str, asked: &str) -> bool {
    asked
        .split(' ')
        .all(|word| name.split(' ').any(|own| own == word))
}

// ---- Words -----------------------------------------------------------------------------

fn words(model: &Model, towers: &mut Towers) {
    let mut table = Table::new(
        format!("{}: cosine between texts", model.name()),
        &["one", "other", "cosine"],
    );
    for [one, other] in ORDERS.into_iter().chain(UNKNOWN) {
        let cosine = dot(&towers.text(one), &towers.text(other));
        table.row([one.to_owned(), other.to_owned(), format!("{cosine:.3}")]);
    }
    table.print();
}

// ---- Speed -----------------------------------------------------------------------------

fn speed(model: &Model, towers: &mut Towers) {
    const BATCH: usize = 8;
    let side = model.preparation().size as usize;
    let pixels: Vec<u8> = (0..side * side * 3)
        .map(|at| (at * 31 % 251) as u8)
        .collect();
    let batch = [pixels.as_slice(); BATCH];
    let image: Vec<f64> = (0..30)
        .map(|_| timed(|| black_box(towers.image.embed(&batch).unwrap())).0)
        .collect();
    let text: Vec<f64> = (0..200)
        .map(|_| timed(|| black_box(towers.text.embed("two dogs playing in the snow").unwrap())).0)
        .collect();
    println!(
        "{}: {} ms a photo (batches of {BATCH}, one thread, without decoding), {} ms a text; medians",
        model.name(),
        ms(median(&image) / BATCH as f64),
        ms(median(&text)),
    );
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn share(part: usize, whole: usize) -> String {
    format!("{:.1}", 100.0 * part as f64 / whole.max(1) as f64)
}
