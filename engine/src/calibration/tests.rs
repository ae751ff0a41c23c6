use super::statistics::{dot, unit};
use super::*;

const DIMENSION: usize = 64;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn normal(&mut self) -> f32 {
        let mut sum = 0.0;
        for _ in 0..12 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            sum += ((z ^ (z >> 31)) >> 40) as f32 / (1_u32 << 24) as f32;
        }
        sum - 6.0
    }

    /// A direction, with `share` of `towards` in it.
    fn near(&mut self, towards: &[f32], share: f32) -> Vec<f32> {
        let noise = unit((0..DIMENSION).map(|_| self.normal()).collect()).unwrap();
        let mixed = towards.iter().zip(&noise).map(|(t, n)| share * t + n);
        unit(mixed.collect()).unwrap()
    }

    fn direction(&mut self) -> Vec<f32> {
        self.near(&[0.0; DIMENSION], 0.0)
    }
}

/// A model: all texts share a direction, and all photos another one.
struct World {
    random: Random,
    texts: Vec<f32>,
    photos: Vec<f32>,
    calibration: Calibration,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let (texts, photos) = (random.direction(), random.direction());
        let bank = (0..200).map(|_| random.near(&texts, 0.5)).collect();
        let calibration = Calibration::new(bank);
        Self {
            random,
            texts,
            photos,
            calibration,
        }
    }

    fn text(&mut self) -> Vec<f32> {
        let common = self.texts.clone();
        self.random.near(&common, 0.5)
    }

    /// Photos of no subject.
    fn any(&mut self, number: usize) -> Vec<Vec<f32>> {
        let common = self.photos.clone();
        (0..number)
            .map(|_| self.random.near(&common, 0.3))
            .collect()
    }

    /// Photos that show what a text says.
    fn showing(&mut self, text: &[f32], number: usize) -> Vec<Vec<f32>> {
        let any = self.any(number);
        any.iter()
            .map(|photo| self.random.near(text, 1.2).into_iter().zip(photo))
            .map(|both| unit(both.map(|(a, b)| a + 0.5 * b).collect()).unwrap())
            .collect()
    }

    fn background(&self, query: &[f32], photos: &[Vec<f32>]) -> Background {
        let sample = photos.iter().map(Vec::as_slice);
        let library = self.calibration.library(sample, photos.len() as u64);
        self.calibration.background(&library, query)
    }
}

fn listed(background: &Background, photos: &[Vec<f32>]) -> usize {
    let relevances = photos.iter().map(|photo| background.relevance_of(photo));
    relevances.filter(|relevance| *relevance >= CUT).count()
}

/// `matching` photos of `number` show the query: listed of those, and of the others.
fn listed_of(seed: u64, matching: usize, number: usize) -> (usize, usize) {
    let mut world = World::new(seed);
    let query = world.text();
    let shown = world.showing(&query, matching);
    let others = world.any(number - matching);
    let background = world.background(&query, &[shown.clone(), others.clone()].concat());
    (listed(&background, &shown), listed(&background, &others))
}

#[test]
fn relevance_lies_from_0_to_1_and_never_falls_with_the_score() {
    let mut world = World::new(1);
    let (query, photos) = (world.text(), world.any(700));
    let background = world.background(&query, &photos);
    let mut before = 0.0;
    for step in -1000..=1000 {
        let relevance = background.relevance(step as f32 / 1000.0);
        assert!((before..=1.0).contains(&relevance), "{step}: {relevance}");
        before = relevance;
    }
    assert!(background.relevance(-1.0) < 0.01 && before > 0.99);
}

#[test]
fn what_is_in_no_photo_lists_few_or_none() {
    for (seed, photos) in [(2, 30), (3, 1000), (4, 6000)] {
        let mut world = World::new(seed);
        let photos = world.any(photos);
        let mut all = 0;
        for _ in 0..20 {
            let query = world.text();
            let number = listed(&world.background(&query, &photos), &photos);
            assert!(number <= 5, "{number} of {}", photos.len());
            all += number;
        }
        assert!(all <= 20, "{all} of {} for 20 queries", photos.len());
    }
}

#[test]
fn few_matches_among_many_photos_are_most_of_the_listing() {
    let lists = (10..20).map(|seed| listed_of(seed, 20, 2000));
    let (found, wrong) = lists.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    assert!(found >= 190, "{found} of 200");
    assert!(wrong <= 150, "{wrong} of 19,800 others");
}

#[test]
fn a_library_of_which_half_or_nearly_all_match_lists_them() {
    for (seed, matching) in [(20, 500), (21, 900), (22, 1000)] {
        let (found, wrong) = listed_of(seed, matching, 1000);
        assert!(found >= matching * 9 / 10, "{found} of {matching}");
        assert!(wrong <= 20, "{wrong} others");
    }
}

#[test]
fn a_tiny_library_leans_on_the_bank() {
    for seed in 30..35 {
        let (found, wrong) = listed_of(seed, 4, 12);
        assert!(found >= 3 && wrong <= 1, "{found} of 4, and {wrong}");
        let (found, _) = listed_of(seed, 1, 1);
        assert_eq!(found, 1);
    }
}

#[test]
fn terms_with_signs_have_a_background_too() {
    let mut world = World::new(40);
    let (wanted, unwanted) = (world.text(), world.text());
    let difference = wanted.iter().zip(&unwanted).map(|(a, b)| a - b);
    let query = unit(difference.collect()).unwrap();
    let (shown, others) = (world.showing(&wanted, 20), world.showing(&unwanted, 20));
    let photos = [world.any(1000), shown.clone(), others.clone()].concat();
    let background = world.background(&query, &photos);
    let (found, wrong) = (listed(&background, &shown), listed(&background, &others));
    assert!(found >= 14 && wrong == 0, "{found} of 20, and {wrong}");
}

#[test]
fn a_larger_library_asks_for_more() {
    let mut world = World::new(50);
    let (query, photos) = (world.text(), world.any(1000));
    let least = |photos_in_all| {
        let sample = photos.iter().map(Vec::as_slice);
        let library = world.calibration.library(sample, photos_in_all);
        let background = world.calibration.background(&library, &query);
        background.least_score(CUT).unwrap()
    };
    assert!(least(1_000_000) > least(1000) + 0.05);
}

#[test]
fn the_least_score_has_its_relevance_and_a_lower_one_has_not() {
    let mut world = World::new(60);
    let (query, photos) = (world.text(), world.any(300));
    let background = world.background(&query, &photos);
    for relevance in [0.1, CUT, 0.9] {
        let least = background.least_score(relevance).unwrap();
        assert!(background.relevance(least) >= relevance);
        assert!(background.relevance(least - 1e-4) < relevance);
    }
    assert_eq!(background.least_score(0.0), Some(-1.0));
    assert_eq!(background.least_score(1.5), None);
}

#[test]
fn the_direction_has_nothing_of_what_all_texts_share() {
    let mut world = World::new(70);
    let (query, photos) = (world.text(), world.any(100));
    let background = world.background(&query, &photos);
    let common = world.calibration.common.clone().unwrap();
    assert!(dot(&query, &common) > 0.3);
    assert!(dot(background.direction(), &common).abs() < 1e-5);
    let score = dot(background.direction(), &photos[0]);
    assert_eq!(
        background.relevance_of(&photos[0]),
        background.relevance(score)
    );
}

#[test]
fn odd_inputs_give_no_relevance_and_no_panic() {
    let nothing = Calibration::new(Vec::new());
    let library = nothing.library([], 0);
    let background = nothing.background(&library, &[1.0, 0.0]);
    assert_eq!(background.relevance(f32::NAN), 0.0);
    assert_eq!(background.relevance_of(&[1.0]), 0.0);
    assert!((0.0..=1.0).contains(&background.relevance(0.3)));

    // Photos that are all the same, and vectors that are none.
    let odd = Calibration::new(vec![vec![1.0, 0.0], vec![f32::NAN, 0.0], vec![1.0]]);
    let same: [&[f32]; 4] = [&[0.6, 0.8], &[0.6, 0.8], &[f32::NAN, 1.0], &[1.0]];
    let library = odd.library(same, 1);
    assert_eq!(library.photos(), 2);
    let background = odd.background(&library, &[0.0, 1.0]);
    assert!((0.0..=1.0).contains(&background.relevance(0.8)));
}

#[test]
fn the_bank_has_short_texts_and_none_twice() {
    let bank = Calibration::bank();
    let different: std::collections::HashSet<_> = bank.iter().collect();
    assert!(bank.len() >= 300 && different.len() == bank.len());
    assert!(bank.iter().all(|text| (3..=60).contains(&text.len())));
}
