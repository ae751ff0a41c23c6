//! A large library that nobody has photographed: an index of PNG files with dates, cameras
//! and vectors, put there without decoding anything. Its vectors are those of a few hundred
//! real pictures, each with much noise of its own, so that words find some of them.
//!
//! Of ten photos one was taken in each of the years 2013 to 2022; of ten of a year one in
//! each of the months January to October; and of ten of a month one on each of its first ten
//! days. So a year selects a tenth, a month a hundredth and a day a thousandth.

use std::path::{Path, PathBuf};

use semfs_engine::catalog::{FileKey, FileRecord, Finding, MetadataRecord, Stamp};
use semfs_engine::embed::{ImageTower, Model, Runtime};
use semfs_engine::index::Index;
use semfs_engine::media::{self, Facts, Format, Target};
use semfs_engine::metadata::{self, CivilTime, Metadata, Taken, TakenSource};

use crate::support::{Random, in_parallel, threads};

/// Photos of one commit.
const COMMIT: usize = 20_000;

/// Files in a folder.
const PER_FOLDER: usize = 500;

/// How much of its own a photo has, to what it has of the picture: 0.8 leaves them about as
/// far apart as photos of one subject are.
const NOISE: f32 = 0.8;

/// The path of a photo, relative to the root.
pub fn path(number: usize) -> PathBuf {
    let folder = format!("{:04}", number / PER_FOLDER);
    Path::new(&folder).join(format!("{number:07}.png"))
}

/// Puts `number` photos into the index, as files of `root` with these stamps.
pub fn fill(
    index: &Index,
    root: &Path,
    number: usize,
    pictures: &[Vec<f32>],
    stamp: impl Fn(usize) -> Stamp,
) {
    let root = index.root(root).unwrap();
    let facts = Facts {
        format: Format::Png,
        width: 400,
        height: 300,
    };
    let all: Vec<usize> = (0..number).collect();
    for numbers in all.chunks(COMMIT) {
        let mut transaction = index.begin().unwrap();
        for &number in numbers {
            let mut random = Random(number as u64);
            // Any 32 bytes that are spread like a hash.
            let hash: Vec<u8> = (0..4).flat_map(|_| random.bits().to_le_bytes()).collect();
            let hash = hash.try_into().unwrap();
            let picture = random.bits() as usize % pictures.len();
            let vector = vary(&pictures[picture], &mut random);
            transaction.add_content(hash, facts, &vector).unwrap();
            let record = MetadataRecord {
                version: metadata::VERSION,
                unseen: None,
                metadata: Metadata {
                    dates: vec![taken(number)],
                    dimensions: Some((facts.width, facts.height)),
                    ..Metadata::default()
                },
            };
            transaction.put_metadata(hash, record).unwrap();
            let path = path(number);
            let file = FileKey {
                root,
                folder: path.parent().unwrap().to_owned(),
                name: path.file_name().unwrap().to_owned(),
            };
            let record = FileRecord {
                stamp: stamp(number),
                finding: Finding::Photo(hash),
            };
            transaction.put_file(file, record).unwrap();
        }
        transaction.commit().unwrap();
    }
}

/// When a photo was taken: see the top.
fn taken(number: usize) -> Taken {
    let digit = |of: usize| (number / of % 10) as u32;
    // No two within the same second, as far as a day has seconds.
    let second = (number / 1000 % 86_400) as u32;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let (year, month, day) = (2013 + digit(1), 1 + digit(10), 1 + digit(100));
    Taken {
        local: CivilTime::new(year, month, day, hour, minute, second).unwrap(),
        offset_minutes: None,
        source: TakenSource::Exif,
    }
}

fn vary(picture: &[f32], random: &mut Random) -> Vec<f32> {
    let noise = NOISE / (picture.len() as f32).sqrt();
    let varied = picture.iter().map(|x| x + noise * random.normal());
    let varied: Vec<f32> = varied.collect();
    let length = varied.iter().map(|x| x * x).sum::<f32>().sqrt();
    varied.iter().map(|x| x / length).collect()
}

/// The vectors of pictures.
pub fn embed(pictures: &[Vec<u8>], runtime: &Runtime, model: &Model) -> Vec<Vec<f32>> {
    let target = Target {
        preparation: model.preparation(),
        memory: 256 << 20,
    };
    let decoded = in_parallel(pictures, threads(), |bytes| {
        media::decode(bytes, &target).unwrap().pixels
    });
    let mut tower = ImageTower::load(runtime, model).unwrap();
    let vectors = decoded
        .iter()
        .filter_map(|pixels| tower.embed(&[pixels]).unwrap().remove(0));
    vectors.collect()
}
