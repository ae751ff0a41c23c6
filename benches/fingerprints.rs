//! Finding those that may be copies of a photo among a million: `Candidates`, the index of
//! fingerprints. The fingerprints are made up with waves as those of photos; 800 of them have
//! a copy whose waves are a little different, and the copies are looked for.
//!
//! The first table is the cost: of adding, of memory, of a look-up, and how much a look-up
//! costs more than in the smallest collection ("growth"; a look at all of them would be 10 and
//! 100). Beside it, in the same run, a look at all of them, laid in all eight ways, on a
//! sample of the same copies. "Offered" are the others that come with the one that is looked
//! for; only those of at least so much likeness (0.65) would cost a look at pixels.
//!
//! The second table is how many copies were found, by how different their waves are, in
//! parts of the usual size of a wave. The third is the worst that collections have: a
//! twentieth of them are scans of pages, which are nearly the same fingerprint.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::panic, clippy::print_stderr)]

mod support;

use std::hint::black_box;

use semfs_engine::duplicates::{Candidates, Fingerprint, Turn};
use support::{Random, Table, say, timed};

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

/// Copies that are looked for.
const COPIES: usize = 800;

/// Comparisons with all that are made for the reference, more in smaller collections.
const COMPARED: usize = 4_000_000;

/// How different the waves of copies are; a wave of the usual size is 32.
const NOISES: [f32; 4] = [1.5, 3.0, 5.0, 8.0];

/// Candidates that are asked for, as `semfs index` does.
const LIMIT: usize = 64;

/// Fingerprints that are less alike are not looked at further.
const LEAST_LIKENESS: f32 = 0.65;

/// One fingerprint of so many is a scan of a page.
const SCANS: usize = 20;

/// How different two scans of pages are.
const SCAN_NOISE: f32 = 3.0;

/// Waves of a window, and windows.
const WAVES: usize = 64;
const WINDOWS: usize = 3;

fn main() {
    let mut costs = Table::new(
        "fingerprints: finding copies",
        &[
            "fingerprints",
            "adding s",
            "bytes each",
            "look-ups/s",
            "ms each",
            "growth",
            "looking at all, ms",
            "times faster",
            "offered",
            "alike",
        ],
    );
    let percent = |noise: &f32| format!("{:.0} % noise", noise / 0.32);
    let names: Vec<String> = NOISES.iter().map(percent).collect();
    let mut columns = vec!["fingerprints"];
    columns.extend(names.iter().map(String::as_str));
    columns.extend(["all", "of those looking at all finds"]);
    let mut recall = Table::new("fingerprints: share of the copies that are found", &columns);
    let mut crowd = Table::new(
        "fingerprints: a twentieth are scans of pages",
        &[
            "fingerprints",
            "photo ms each",
            "to none",
            "photos found",
            "scan ms each",
            "offered",
        ],
    );
    let mut least = None;
    for number in SIZES {
        say(&format!("adding {number} fingerprints"));
        let alone = Collection::new(number, false);
        let found = alone.look_up(&alone.copies);
        let first = *least.get_or_insert(found.seconds);
        let compared = (COMPARED / number).clamp(4, COPIES);
        say(&format!("comparing {compared} copies with all"));
        let sample: Vec<&Copy> = alone.copies.iter().step_by(COPIES / compared).collect();
        let (seconds, right) = timed(|| {
            let nearest = sample.iter().map(|copy| alone.nearest(&copy.fingerprint));
            let both = nearest.zip(&sample);
            both.filter(|(nearest, copy)| *nearest == copy.original)
                .count()
        });
        let reference = seconds / sample.len() as f64;
        costs.row([
            number.to_string(),
            format!("{:.2}", alone.adding),
            format!("{:.1}", alone.candidates.memory() as f64 / number as f64),
            format!("{:.0}", 1.0 / found.seconds),
            format!("{:.3}", 1e3 * found.seconds),
            format!("{:.1}", found.seconds / first),
            format!("{:.1}", 1e3 * reference),
            format!("{:.0}", reference / found.seconds),
            format!("{:.2}", found.offered),
            format!("{:.2}", found.alike),
        ]);
        let share = |noise: usize| format!("{:.4}", found.by_noise[noise]);
        recall.row([
            number.to_string(),
            share(0),
            share(1),
            share(2),
            share(3),
            format!("{:.4}", found.all()),
            format!("{:.4}", right as f64 / sample.len() as f64),
        ]);
        drop(alone);
        let crowded = Collection::new(number, true);
        let photos = crowded.look_up(&crowded.copies);
        let scans = crowded.look_up(&crowded.scans);
        crowd.row([
            number.to_string(),
            format!("{:.3}", 1e3 * photos.seconds),
            format!("{:.2}", photos.seconds / found.seconds),
            format!("{:.4}", photos.all()),
            format!("{:.3}", 1e3 * scans.seconds),
            format!("{:.1}", scans.offered),
        ]);
    }
    for table in [costs, recall, crowd] {
        table.print();
    }
}

/// A copy that is looked for.
struct Copy {
    original: usize,
    noise: usize,
    fingerprint: Fingerprint,
}

struct Collection {
    candidates: Candidates,
    stored: Vec<[u8; Fingerprint::LENGTH]>,
    copies: Vec<Copy>,
    /// Other scans of the same kind of page.
    scans: Vec<Copy>,
    /// Seconds of adding alone.
    adding: f64,
}

/// What came of looking for copies, on the average.
struct Found {
    seconds: f64,
    by_noise: [f64; NOISES.len()],
    offered: f64,
    alike: f64,
}

impl Found {
    fn all(&self) -> f64 {
        self.by_noise.iter().sum::<f64>() / NOISES.len() as f64
    }
}

impl Collection {
    fn new(number: usize, has_scans: bool) -> Self {
        let mut random = Random(number as u64);
        let page = waves(&mut random);
        let mut collection = Self {
            candidates: Candidates::new(),
            stored: Vec::with_capacity(number),
            copies: Vec::with_capacity(COPIES),
            scans: Vec::new(),
            adding: 0.0,
        };
        let step = number / COPIES;
        for at in 0..number {
            let is_scan = has_scans && at % SCANS == SCANS / 2;
            let (waves, noise) = if is_scan {
                (page, SCAN_NOISE)
            } else {
                (waves(&mut random), 0.0)
            };
            let fingerprint = print(&waves, noise, &mut random);
            collection.stored.push(fingerprint.to_bytes());
            let (seconds, ()) = timed(|| collection.candidates.add(at as u32, &fingerprint));
            collection.adding += seconds;
            let copies = if is_scan {
                &mut collection.scans
            } else {
                &mut collection.copies
            };
            if copies.len() < COPIES && (is_scan || at % step == 1) {
                let noise = copies.len() % NOISES.len();
                copies.push(Copy {
                    original: at,
                    noise,
                    fingerprint: print(&waves, NOISES[noise], &mut random),
                });
            }
        }
        collection
    }

    fn look_up(&self, copies: &[Copy]) -> Found {
        let (seconds, found) = timed(|| {
            let found = copies
                .iter()
                .map(|copy| self.candidates.find(&copy.fingerprint, LIMIT));
            black_box(found.collect::<Vec<_>>())
        });
        let (mut hits, mut all) = ([0.0; NOISES.len()], [0.0; NOISES.len()]);
        let (mut offered, mut alike) = (0, 0);
        for (copy, found) in copies.iter().zip(&found) {
            all[copy.noise] += 1.0;
            for candidate in found {
                let at = candidate.content as usize;
                if at == copy.original {
                    hits[copy.noise] += 1.0;
                    continue;
                }
                offered += 1;
                let other = Fingerprint::from_bytes(&self.stored[at]);
                let likeness = copy.fingerprint.likeness(&other, candidate.turn);
                alike += usize::from(likeness >= LEAST_LIKENESS);
            }
        }
        let number = copies.len() as f64;
        Found {
            seconds: seconds / number,
            by_noise: std::array::from_fn(|noise| hits[noise] / all[noise]),
            offered: offered as f64 / number,
            alike: alike as f64 / number,
        }
    }

    /// The most alike of all, however it is laid.
    fn nearest(&self, fingerprint: &Fingerprint) -> usize {
        let mut best = (-1.0, 0);
        for (at, stored) in self.stored.iter().enumerate() {
            let other = Fingerprint::from_bytes(stored);
            for turn in Turn::ALL {
                let likeness = fingerprint.likeness(&other, turn);
                if likeness > best.0 {
                    best = (likeness, at);
                }
            }
        }
        best.1
    }
}

/// Waves as photos have them: some of the lowest are strong, light comes from above, and
/// what is in the windows goes with the whole.
fn waves(random: &mut Random) -> [f32; WINDOWS * WAVES] {
    let light = 20.0 * random.normal();
    let whole: [f32; WAVES] = std::array::from_fn(|at| {
        let from_above = if at == 8 { light } else { 0.0 };
        let strength = random.normal();
        from_above + strength * (10.0 + 22.0 * random.uniform())
    });
    std::array::from_fn(|at| {
        let window = (at / WAVES) as f32;
        whole[at % WAVES] * (1.0 - 0.15 * window) + random.normal() * 9.0 * window
    })
}

/// The fingerprint of a picture with these waves, each a little different.
fn print(waves: &[f32], noise: f32, random: &mut Random) -> Fingerprint {
    let mut bytes = [0; Fingerprint::LENGTH];
    // Contrast first, colour last: any that are neither blank nor grey.
    bytes[0] = 20;
    bytes[Fingerprint::LENGTH - 1] = 40;
    for (at, (byte, wave)) in bytes[1..].iter_mut().zip(waves).enumerate() {
        // The first wave of a window is the mean, which is not kept.
        let is_mean = at % WAVES == 0;
        let value = wave + noise * random.normal();
        if !is_mean {
            *byte = (value.clamp(-127.0, 127.0) as i8).cast_unsigned();
        }
    }
    Fingerprint::from_bytes(&bytes)
}
