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
//! that what is absent lists as few there as by relevance ("strict"); and the best cut of
//! relevance for each query, which nobody can know. Precision is of all that was listed for a kind of
//! query; recall and F1 are means over its queries.
//!
//! SEMFS_BENCH_CAPTIONS names a folder with `images/` and `captions.tsv` (file, caption).
//! Without it the photos beside this checkout are used; the model has seen those before.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use semfs_engine::calibration::{Background, CUT, Calibration};
use semfs_engine::embed::{ImageTower, Model, Runtime, TextTower};
use semfs_engine::media::{self, Target};
use support::{Table, say, skip, timed};

const PHOTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/photos");

/// What a listing had at most before there was a relevance.
const TOP: usize = 200;

/// The lax and strict cuts at a cosine, and at standard deviations from the mean.
const COSINES: [f32; 2] = [0.27, 0.33];
const DEVIATIONS: [f32; 2] = [2.08, 3.02];

/// Queries with fewer matches say little.
const FEWEST: usize = 3;

/// Words that say nothing of a picture.
const SMALL: [&str; 20] = [
    "a", "an", "the", "in", "on", "of", "at", "with", "and", "is", "are", "to", "over", "into",
    "from", "through", "under", "by", "her", "his",
];

/// Single words.
const NOUNS: &str = "\
    dog, cat, man, woman, boy, girl, child, baby, snow, grass, beach, water, ball, mountain, \
    rock, bicycle, skateboard, soccer, basketball, football, baseball, tennis, hockey, \
    swimming pool, ocean, lake, river, boat, kayak, surfer, wave, skier, snowboarder, sled, \
    climber, motorcycle, car, bus, street, city, road, sidewalk, building, wall, fence, \
    bench, tree, forest, field, sand, desert, sunset, night, hat, helmet, sunglasses, \
    jacket, dress, shirt, bikini, costume, mask, guitar, microphone, camera, phone, book, \
    flag, crowd, swing, slide, trampoline, playground, fountain, waterfall, frisbee, stick, \
    toy, bird, horse, flower, table, chair, couch, bed, window, stairs, bridge, tent, fire, \
    ice cream, food, drink, beer, cake, umbrella, balloon, bubbles, kite, graffiti, shopping \
    cart, train, leash, running, jumping, swimming, climbing, sleeping, dancing, smiling, \
    eating, reading, fishing, kissing";

/// A few words.
const PHRASES: &str = "\
    black dog, brown dog, white dog, two dogs, three dogs, dog running on grass, dog in \
    snow, dog on the beach, dog in water, dog swimming, dog with a ball, dog jumping, dog \
    with a stick, dog catching a frisbee, black and white dog, dogs playing, dogs fighting, \
    two children, two women, two men, three people, group of people, little girl, little \
    boy, girl in a pink dress, girl in a red dress, girl on a swing, girl with sunglasses, \
    boy in a blue shirt, boy in a red shirt, boy with a ball, boy jumping, boy on a slide, \
    child on a trampoline, child on a swing, child in a swimming pool, children in water, \
    children playing, children running, child eating, baby in a bath, baby smiling, man in a \
    red shirt, man with a hat, man in a black shirt, man with a beard, man on a bench, man \
    with a guitar, man on a bicycle, man on a skateboard, man riding a wave, man climbing a \
    rock, man with a camera, man on a mountain, man in a boat, man on a motorcycle, man with \
    a dog, man and woman, man in a suit, man sitting, old man, woman in a white dress, woman \
    with a hat, woman in black, woman sitting on a bench, woman with a camera, woman with \
    sunglasses, woman with a child, woman smiling, young woman, asian woman, red jacket, \
    blue jacket, yellow shirt, orange shirt, pink shirt, red car, red hat, green grass, dirt \
    bike, bike race, bike jump, skateboard trick, skateboard ramp, snow mountain, snowy \
    hill, soccer player, football player, basketball player, tennis player, baseball player, \
    hockey player, football game, soccer ball, tennis ball, rock climber, person on a beach, \
    people at the beach, people on the street, people in the snow, people sitting at a \
    table, person jumping into water, person on a snowboard, skier in the air, snowboarder \
    in the air, surfer on a wave, person on a mountain, people in costumes, people dancing, \
    people walking, brick wall, horse race, dog race, red kayak";

/// Things that people rarely photograph in the street. Those of which a caption speaks are left out.
const ABSENT: &str = "\
    elephant, aeroplane cockpit, invoice, sushi, giraffe, zebra, rhinoceros, penguin, whale, \
    shark, octopus, jellyfish, lobster, crocodile, kangaroo, koala, camel, scorpion, \
    dinosaur skeleton, microscope, x-ray of a chest, satellite image, bar chart, screenshot \
    of a website, passport, receipt, business card, crossword puzzle, piano, violin, cello, \
    saxophone, harp, chess board, typewriter, washing machine, refrigerator, microwave oven, \
    dishwasher, toaster, spaghetti, fried eggs, pancakes, hamburger, strawberries, \
    pineapple, broccoli, cheese, wedding cake, northern lights, volcano erupting, rocket \
    launch, space station, solar panels, wind turbine, oil rig, nuclear power plant, \
    submarine, aircraft carrier, fighter jet, combine harvester, printed circuit board, \
    keyboard, toothbrush, lipstick, wristwatch, diamond ring, perfume bottle, mosque, \
    pyramid, castle on a hill, lighthouse, igloo, cemetery, dentist, courtroom, bowling \
    alley, casino, laundromat, attic, wine cellar, greenhouse, beehive, mushrooms, cactus, \
    bonsai, orchid, caterpillar, ladybird, moth, galaxy, eclipse, lightning, rainbow";

/// A word, and those that say it too.
const SYNONYMS: &str = "\
    dog puppy canine, cat kitten, man men guy, woman women lady ladies, child children kid \
    boy girl toddler baby, baby infant toddler, boy boys, girl girls, grass grassy lawn, \
    snow snowy, beach shore seashore, water ocean lake river pool sea wave stream pond surf \
    creek, ball soccerball basketball football baseball, mountain mountains hill cliff peak, \
    rock rocks rocky boulder cliff, bicycle bike bicyclist cyclist biker biking cycling, \
    bike bicycle bicyclist cyclist biker biking motorcycle cycling, dirt dirtbike motocross, \
    skateboard skateboarder skateboarding, ocean sea surf, lake pond, river stream creek, \
    boat kayak canoe raft sailboat, kayak kayaker canoe kayaking, surfer surfing surfboard \
    surf surfs, wave waves, skier ski skis skiing, snowboarder snowboard snowboarding, \
    snowboard snowboarder snowboarding, sled sledding, climber climbing climbs climb climbed \
    rappelling, climbing climber climbs climb climbed, motorcycle motorbike motorcyclist \
    dirtbike motocross, car truck vehicle suv van, street road sidewalk, road street, \
    building buildings house, tree trees wood forest, forest wood woods trees, sand sandy \
    beach, hat cap, jacket coat, dress gown, shirt t-shirt tshirt top jersey, bikini \
    swimsuit bathing, costume costumes dressed outfit, phone cellphone telephone, crowd \
    crowded crowds, playground swing slide, flower flowers, couch sofa, stairs steps \
    staircase stair, bird birds duck seagull, fire flame campfire, drink drinking beer soda \
    beverage, eating eats eat, running runs run runner ran, jumping jumps jump leaping leaps \
    leap midair, jump jumping jumps leaping leaps midair, swimming swims swim swimmer pool, \
    dancing dance dances dancer, smiling smiles smile, reading reads read, kissing kiss \
    kisses, sleeping sleep sleeps asleep, person people man men woman women boy girl child \
    children lady guy someone player skier snowboarder surfer climber adult, people men \
    women children person boys girls kids crowd group, playing plays play, race racing races \
    racer, player players, old older elderly, little small young, brown tan, air midair, \
    bath tub bathtub, riding rides ride, fighting fight wrestle wrestling biting, catching \
    catches catch, walking walk walks, sitting sits sit seated, group crowd";

fn main() {
    let folder = std::env::var_os("SEMFS_BENCH_CAPTIONS").map_or(PHOTOS.into(), PathBuf::from);
    let (runtime, model) = match support::model() {
        Ok(found) => found,
        Err(reason) => return skip(&reason),
    };
    let album = match Album::read(&folder, &runtime, &model) {
        Ok(album) => album,
        Err(reason) => return skip(&reason),
    };
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
    let kinds = album.kinds(&mut embed);
    let number = album.photos.len();
    quality(&calibration, &kinds, &album.photos);
    sizes(&calibration, &kinds, &album.photos);
    scale(&calibration, &kinds, &album.photos);
    say(&format!("{number} photos of {}", folder.display()));
}

// ---- Photos and queries ---------------------------------------------------------------

struct Album {
    photos: Vec<Vec<f32>>,
    captions: Vec<Vec<String>>,
}

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

impl Album {
    fn read(folder: &Path, runtime: &Runtime, model: &Model) -> Result<Self, String> {
        let list = folder.join("captions.tsv");
        let lines = fs::read_to_string(&list)
            .map_err(|error| format!("{}: {error}; there are no captions", list.display()))?;
        let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (file, caption) in lines.lines().filter_map(|line| line.split_once('\t')) {
            files.entry(file).or_default().push(caption.to_owned());
        }
        say(&format!("embedding {} photos", files.len()));
        let mut tower = ImageTower::load(runtime, model).map_err(|error| error.to_string())?;
        let target = Target {
            size: model.image_size(),
            fit: model.image_fit(),
            memory: 256 << 20,
        };
        let mut embed = |file: &str| {
            let bytes = fs::read(folder.join("images").join(file)).ok()?;
            let picture = media::decode(&bytes, &target).ok()?;
            tower.embed(&[&picture.pixels]).unwrap().pop()?
        };
        let (mut photos, mut captions) = (Vec::new(), Vec::new());
        for (file, words) in files {
            if let Some(vector) = embed(file) {
                photos.push(vector);
                captions.push(words);
            }
        }
        match photos.len() {
            0..100 => Err(format!("{} has fewer than 100 photos", folder.display())),
            _ => Ok(Self { photos, captions }),
        }
    }

    fn kinds(&self, embed: &mut impl FnMut(&str) -> Option<Vec<f32>>) -> Vec<Kind> {
        let stems: Vec<Vec<HashSet<String>>> = self
            .captions
            .iter()
            .map(|captions| captions.iter().map(|it| words(it).collect()).collect())
            .collect();
        let synonyms: HashMap<String, Vec<String>> = SYNONYMS
            .split(',')
            .map(|line| words(line).collect::<Vec<_>>())
            .map(|line| (line[0].clone(), line))
            .collect();
        // For each photo, how many captions say it.
        let said = |query: &str| -> Vec<usize> {
            let wanted = words(query).filter(|word| !SMALL.contains(&word.as_str()));
            let wanted: Vec<Vec<String>> = wanted
                .map(|word| synonyms.get(&word).cloned().unwrap_or(vec![word]))
                .collect();
            let says = |caption: &HashSet<String>| {
                let mut wanted = wanted.iter();
                wanted.all(|any| any.iter().any(|word| caption.contains(word)))
            };
            let count = |photo: &Vec<HashSet<String>>| photo.iter().filter(|it| says(it)).count();
            stems.iter().map(count).collect()
        };
        let mut ask = |query: &str| {
            let said = said(query);
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
        let nouns = asked(NOUNS, &enough);
        let phrases = asked(PHRASES, &enough);
        let absent = asked(ABSENT, &|question| sum(&question.named) == 0);
        let captions = self
            .captions
            .iter()
            .enumerate()
            .filter_map(|(photo, texts)| {
                let matching: Vec<bool> = (0..self.photos.len()).map(|it| it == photo).collect();
                Some(Question {
                    vector: embed(&texts[0])?,
                    named: matching.clone(),
                    matching,
                })
            });
        let captions = captions.collect();
        [
            ("words", nouns),
            ("phrases", phrases),
            ("captions", captions),
            ("absent", absent),
        ]
        .map(|(name, questions)| Kind { name, questions })
        .into()
    }
}

/// The words of a text without their endings.
fn words(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let words: Vec<String> = lower
        .split(|c: char| !c.is_ascii_lowercase() && c != '-')
        .filter(|word| !word.is_empty())
        .map(stem)
        .collect();
    words.into_iter()
}

fn stem(word: &str) -> String {
    let cut = ["ing", "ed", "es", "s"]
        .iter()
        .filter_map(|ending| word.strip_suffix(ending))
        .find(|rest| rest.len() >= 3 && !word.ends_with("ss"));
    let mut word = cut.unwrap_or(word).to_owned();
    let last: Vec<u8> = word.bytes().rev().take(2).collect();
    if word.len() > 3 && last[0] == last[1] && !b"sl".contains(&last[0]) {
        word.pop();
    }
    if word.len() > 3 && word.ends_with('e') {
        word.pop();
    }
    word
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
