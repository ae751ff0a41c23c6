//! Which copies are found, and what is called a copy that is none: the truth, through the
//! real program. The photos of `../shared` with a copy of each by each kind of edit
//! (`semfs_samples::edits`) are indexed by `semfs index --once`, and the groups are read.
//!
//! *Recall* is the share of the copies that are in the group of their original. *Precision*
//! is the share of the copies in a group whose group has nothing of another photo in it.
//! Twins (`semfs_samples::twins`) look alike and are not the same photo: none may be in the
//! group of its twin, or of any other. Each kind is an index of its own, because two twins
//! of a photo are both copies of that photo.
//!
//! The last table is what it costs: photos a second with and without the comparing. Beside
//! it the same photos once, none of which is a copy.
//!
//! SEMFS_TRUTH_PHOTOS limits the photos, for a quick look.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use semfs_samples::edits::EDITS;
use semfs_samples::twins::TWINS;
use support::{State, Summary, Table, folder, in_parallel, say, skip};
use truth::{EXACT, Groups, LOOKALIKE, SAME_PHOTO};

/// Twins are made of one photo in so many.
const TWIN_STEP: usize = 4;

/// Groups of a collection of near duplicates that others have made.
const NEARDUP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/neardup");

fn main() {
    if let Err(reason) = support::model() {
        return skip(&reason);
    }
    let mut photos = support::photos();
    if photos.is_empty() {
        return skip("there are no photos beside this checkout (../shared/data/photos/images)");
    }
    let limit = std::env::var("SEMFS_TRUTH_PHOTOS").ok();
    if let Some(limit) = limit.and_then(|limit| limit.parse().ok()) {
        photos.truncate(limit);
    }
    let images = in_parallel(&photos, support::threads(), |path| {
        image::open(path).expect("a photo").into_rgb8()
    });
    let mut costs = Table::new(
        "indexing with copies",
        &[
            "folder",
            "files",
            "photos/s",
            "without comparing",
            "of it",
            "comparing ms a photo",
        ],
    );
    edits(&photos, &images, &mut costs);
    neardup();
    twins(&images);
    costs.print();
}

/// Indexes a folder; a row of the table of costs.
fn index(name: &str, root: &Path, costs: Option<&mut Table>) -> State {
    let state = State::new();
    let (seconds, summary) = state.index(root);
    if let Some(costs) = costs {
        costs.row(cost(name, seconds, &summary));
    }
    state
}

fn cost(name: &str, seconds: f64, summary: &Summary) -> [String; 6] {
    let files = summary.new as f64;
    let without = files / summary.rate;
    [
        name.to_owned(),
        summary.new.to_string(),
        format!("{:.0}", files / seconds),
        format!("{:.0}", summary.rate),
        format!("{:.2}", without / seconds),
        format!("{:.2}", 1e3 * (seconds - without) / files),
    ]
}

/// A copy that was written.
struct Copy {
    photo: usize,
    kind: usize,
    path: PathBuf,
}

fn edits(photos: &[PathBuf], images: &[RgbImage], costs: &mut Table) {
    let folder = folder();
    let originals = folder.path().join("originals");
    fs::create_dir(&originals).unwrap();
    let paths = photos.iter().map(|photo| {
        let path = originals.join(photo.file_name().expect("a name"));
        fs::copy(photo, &path).expect("copying a photo");
        path
    });
    let paths: Vec<PathBuf> = paths.collect();
    index("the photos alone", folder.path(), Some(costs));
    say(&format!("making {} copies", photos.len() * EDITS.len()));
    let numbers: Vec<usize> = (0..photos.len()).collect();
    let copies: Vec<Copy> = in_parallel(&numbers, support::threads(), |&photo| {
        let make = |kind: usize| {
            let edit = &EDITS[kind];
            let bytes = edit.of(&images[photo], photo as u64).expect("a copy");
            let name = format!("{photo:04}-{kind:02}.{}", edit.extension);
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("writing a copy");
            Copy { photo, kind, path }
        };
        (0..EDITS.len()).map(make).collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    say("indexing");
    let state = index("with their copies", folder.path(), Some(costs));
    let groups = Groups::read(&state, &[EXACT, SAME_PHOTO]);
    // What each group has of which photos.
    let mut photos_of: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let all = copies.iter().map(|copy| (copy.photo, &copy.path));
    for (photo, path) in paths.iter().enumerate().chain(all) {
        if let Some(group) = groups.of(path) {
            photos_of.entry(group).or_default().insert(photo);
        }
    }
    let mut table = Table::new(
        format!("truth: {} photos and their copies", photos.len()),
        &["kind of copy", "copies", "recall", "precision"],
    );
    let mut sums = [[0; 4]; 3];
    for (kind, edit) in EDITS.iter().enumerate() {
        let [mut made, mut found, mut grouped, mut right] = [0; 4];
        for copy in copies.iter().filter(|copy| copy.kind == kind) {
            made += 1;
            let Some(group) = groups.of(&copy.path) else {
                continue;
            };
            grouped += 1;
            found += usize::from(groups.of(&paths[copy.photo]) == Some(group));
            right += usize::from(photos_of[&group].len() == 1);
        }
        let counts = [made, found, grouped, right];
        for sum in [if edit.is_listed { 0 } else { 1 }, 2] {
            for (sum, count) in sums[sum].iter_mut().zip(counts) {
                *sum += count;
            }
        }
        table.row(line(edit.name, counts));
    }
    for (name, counts) in ["all that are promised", "all others", "all"]
        .iter()
        .zip(sums)
    {
        table.row(line(name, counts));
    }
    table.print();
    for (group, photos) in photos_of.iter().filter(|(_, photos)| photos.len() > 1) {
        println!("FALSE: group {group} has photos {photos:?}:");
        for reason in groups.reasons(*group) {
            println!("  {reason}");
        }
    }
}

fn line(name: &str, [made, found, grouped, right]: [usize; 4]) -> [String; 4] {
    let share = |part: usize, of: usize| format!("{:.4}", part as f64 / of.max(1) as f64);
    let precision = if grouped == 0 {
        String::new()
    } else {
        share(right, grouped)
    };
    [
        name.to_owned(),
        made.to_string(),
        share(found, made),
        precision,
    ]
}

/// A picture of the collection of others.
struct Item {
    group: String,
    relation: String,
    difficulty: String,
    place: Option<usize>,
}

fn neardup() {
    let Ok(table) = fs::read_to_string(Path::new(NEARDUP).join("groups.csv")) else {
        return skip("there is no ../shared/data/neardup");
    };
    let root = fs::canonicalize(NEARDUP).expect("a folder");
    let state = index("neardup", &root, None);
    let groups = Groups::read(&state, &[EXACT, SAME_PHOTO]);
    let items: Vec<Item> = table
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            Item {
                group: cells[0].to_owned(),
                relation: cells[2].to_owned(),
                difficulty: cells[3].to_owned(),
                place: groups.of(&root.join(cells[1])),
            }
        })
        .collect();
    let mut by_group: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in &items {
        by_group.entry(&item.group).or_default().push(item);
    }
    let mut by_difficulty: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut apart: Vec<String> = Vec::new();
    for (group, items) in &by_group {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for place in items.iter().filter_map(|item| item.place) {
            *counts.entry(place).or_default() += 1;
        }
        let largest = counts.iter().max_by_key(|(_, count)| **count);
        let largest = largest.map(|(place, _)| *place);
        for item in items {
            let counts = by_difficulty.entry(&item.difficulty).or_default();
            counts[0] += 1;
            if item.place.is_some() && item.place == largest {
                counts[1] += 1;
            } else {
                apart.push(format!("{group}: {}, {}", item.relation, item.difficulty));
            }
        }
    }
    let mut groups_of_place: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for item in &items {
        if let Some(place) = item.place {
            groups_of_place
                .entry(place)
                .or_default()
                .insert(&item.group);
        }
    }
    let mixed = groups_of_place.values().filter(|groups| groups.len() > 1);
    let mut table = Table::new(
        format!(
            "neardup: {} pictures in {} groups; groups of semfs that mix them: {}",
            items.len(),
            by_group.len(),
            mixed.count()
        ),
        &["difficulty", "pictures", "together", "share"],
    );
    for (difficulty, [all, together]) in by_difficulty {
        table.row([
            difficulty.to_owned(),
            all.to_string(),
            together.to_string(),
            format!("{:.4}", together as f64 / all as f64),
        ]);
    }
    table.print();
    println!("\nnot with the largest part of their group:");
    for words in apart {
        println!("- {words}");
    }
    for groups in groups_of_place.values().filter(|groups| groups.len() > 1) {
        println!("FALSE: one group has {groups:?}");
    }
}

fn twins(images: &[RgbImage]) {
    say("twins");
    let mut table = Table::new(
        "twins: pictures that look alike and are not the same photo",
        &["kind", "pairs", "called the same", "lookalikes"],
    );
    let numbers: Vec<usize> = (0..images.len()).step_by(TWIN_STEP).collect();
    let (mut wrong, mut all) = (0, 0);
    for twins in TWINS {
        let folder = folder();
        let pairs = in_parallel(&numbers, support::threads(), |&number| {
            let (first, second) = twins.of(&images[number], number as u64).expect("twins");
            let write = |name: &str, bytes: Vec<u8>| {
                let path = folder.path().join(format!("{number:04}{name}.jpg"));
                fs::write(&path, bytes).expect("writing a twin");
                path
            };
            (write("a", first), write("b", second))
        });
        let state = index(twins.name, folder.path(), None);
        let same = Groups::read(&state, &[EXACT, SAME_PHOTO]);
        let alike = Groups::read(&state, &[LOOKALIKE]);
        let called = |groups: &Groups| {
            let together = pairs.iter().filter(|(first, second)| {
                groups.of(first).is_some() && groups.of(first) == groups.of(second)
            });
            together.count()
        };
        // Any group at all is wrong here, also one of two different products.
        let grouped = pairs.iter().flat_map(|(first, second)| [first, second]);
        let grouped: BTreeSet<usize> = grouped.filter_map(|path| same.of(path)).collect();
        wrong += called(&same).max(grouped.len());
        all += pairs.len();
        table.row([
            twins.name.to_owned(),
            pairs.len().to_string(),
            called(&same).max(grouped.len()).to_string(),
            called(&alike).to_string(),
        ]);
        for group in grouped {
            for reason in same.reasons(group) {
                println!("FALSE: {}: {reason}", twins.name);
            }
        }
    }
    table.row([
        "all".to_owned(),
        all.to_string(),
        wrong.to_string(),
        String::new(),
    ]);
    table.print();
}
