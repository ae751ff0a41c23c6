//! How well a caption finds its photo, on real photos with human captions.

use std::collections::HashMap;
use std::fs;

use crate::support::{Daemon, Home, shared_data};

/// Mean rank of a photo among 320 for its first caption. Chance is 160.5; the default
/// model reaches 3.2 (it was trained on these photos, so this is no measure of quality,
/// but of the way through decoder, model and index). The rest is margin for other
/// processors.
const MEAN_RANK: f64 = 6.0;

/// Share of captions whose photo is among the first ten. Chance is 3%, measured are 94%.
const AMONG_TEN: f64 = 0.85;

#[test]
fn a_caption_ranks_its_own_photo_far_better_than_chance() {
    let Some(photos) = shared_data("photos") else {
        return;
    };
    let home = Home::new();
    for entry in fs::read_dir(photos.join("images")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), home.photos().join(entry.file_name())).unwrap();
    }
    // Through the daemon where there can be one: it keeps the model loaded.
    let _daemon = Daemon::start(&home);
    if _daemon.is_none() {
        home.index();
    }
    assert_eq!(home.status().number("photos"), 320);

    let captions = fs::read_to_string(photos.join("captions.tsv")).unwrap();
    let mut first: HashMap<&str, &str> = HashMap::new();
    for line in captions.lines() {
        if let Some((file, caption)) = line.split_once('\t') {
            first.entry(file).or_insert(caption);
        }
    }
    let mut ranks = Vec::new();
    for (file, caption) in first {
        let caption = caption.replace([' ', '='], " ");
        let found = home.search(caption.trim(), 320);
        let rank = found
            .iter()
            .position(|path| path.ends_with(file.trim_start_matches("images/")));
        if let Some(rank) = rank {
            ranks.push(rank + 1);
        }
    }
    assert!(ranks.len() >= 310, "{} captions were answered", ranks.len());
    let mean = ranks.iter().sum::<usize>() as f64 / ranks.len() as f64;
    let ten = ranks.iter().filter(|rank| **rank <= 10).count() as f64 / ranks.len() as f64;
    println!(
        "mean rank {mean:.1} of 320, {:.0}% among the first ten",
        ten * 100.0
    );
    assert!(mean < MEAN_RANK, "mean rank {mean}");
    assert!(ten > AMONG_TEN, "{ten} among the first ten");
}
