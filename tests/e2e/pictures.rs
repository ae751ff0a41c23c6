//! Pictures for tests: drawn scenes that the model understands, and small ones that are
//! made in a moment.

use std::fs;
use std::path::{Path, PathBuf};

use image::{ImageFormat, Rgb, RgbImage};

/// A small picture; another one for each seed.
pub fn small(seed: u32) -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| {
        let wave = |channel: u32| {
            let phase = f64::from(seed) * 0.7 + f64::from(channel);
            let at = f64::from(x) * (1.0 + f64::from(seed % 13)) / 40.0 + f64::from(y) / 17.0;
            ((at + phase).sin() * 110.0 + 128.0) as u8
        };
        Rgb([wave(0), wave(1), wave(2)])
    })
}

/// Writes a small picture; the format follows the name.
pub fn write_small(path: &Path, seed: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let format = ImageFormat::from_path(path).unwrap();
    small(seed).save_with_format(path, format).unwrap();
}

/// Writes `count` different small pictures, in folders of twenty.
pub fn write_many(folder: &Path, count: u32) -> Vec<PathBuf> {
    let paths = (0..count).map(|number| {
        let path = folder.join(format!("{:03}/{number:05}.jpg", number / 20));
        write_small(&path, number);
        path
    });
    paths.collect()
}

/// Copies the drawn scenes into `folder`: two of each subject, in a folder of its name.
/// They are drawn once and kept among the build's files.
pub fn copy_scenes(folder: &Path) {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scenes-2");
    static DRAWN: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    DRAWN.get_or_init(|| {
        let complete = kept.join("complete");
        if !complete.exists() {
            semfs_samples::write_all(&kept, 2).unwrap();
            fs::write(complete, "").unwrap();
        }
    });
    for subject in semfs_samples::SUBJECTS {
        let into = folder.join(subject);
        fs::create_dir_all(&into).unwrap();
        for entry in fs::read_dir(kept.join(subject)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), into.join(entry.file_name())).unwrap();
        }
    }
}
