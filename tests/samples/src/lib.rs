//! Sample pictures drawn by the program itself, so that a fresh clone has something to
//! index and the tests have "photos" without shipping anybody's.
//!
//! Every picture is a pure function of its subject, seed and size: fractal noise, light on
//! drawn ground, figures built of rounded limbs. Nothing is loaded from anywhere. This
//! module knows nothing of the model or of searching; whether a query finds the right
//! subject is for its callers to measure. [`edits`] make copies of pictures, drawn or not, and
//! [`twins`] pictures that are no copies and look like them.

mod canvas;
pub mod edits;
mod evening;
mod figures;
mod landscape;
mod lettering;
mod noise;
mod pixels;
mod sport;
mod things;
pub mod twins;

use canvas::Canvas;
use image::{DynamicImage, ImageFormat, RgbImage, codecs::jpeg::JpegEncoder};
use noise::Rng;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

type Painter = fn(&mut Canvas, &mut Rng);

/// The subjects that [`draw`] knows, everyday scenes.
pub const SUBJECTS: &[&str] = &[
    "beach",
    "mountain",
    "meadow",
    "forest",
    "sunset",
    "city-night",
    "desert",
    "flowers",
    "dog-snow",
    "dog-grass",
    "climber",
    "surfer",
    "cyclist",
    "car",
    "ball",
];

/// One drawn picture with the file name it goes by.
pub struct Sample {
    /// Such as `beach-03.jpg`.
    pub name: String,
    /// One of [`SUBJECTS`].
    pub subject: &'static str,
    /// The picture itself.
    pub image: RgbImage,
}

fn painter(subject: &str) -> Option<Painter> {
    Some(match subject {
        "beach" => landscape::beach,
        "mountain" => landscape::mountain,
        "meadow" => landscape::meadow,
        "forest" => landscape::forest,
        "sunset" => evening::sunset,
        "city-night" => evening::city_night,
        "desert" => landscape::desert,
        "flowers" => things::flowers,
        "dog-snow" => figures::dog_in_snow,
        "dog-grass" => figures::dog_on_grass,
        "climber" => sport::climber,
        "surfer" => sport::surfer,
        "cyclist" => sport::cyclist,
        "car" => things::car,
        "ball" => things::ball,
        _ => return None,
    })
}

/// Draws one picture of a subject; `None` for a subject not in [`SUBJECTS`].
///
/// The same arguments always draw the same picture. The composition follows the seed and
/// the proportions; a larger size shows the same scene in more detail only roughly.
pub fn draw(subject: &str, seed: u64, width: u32, height: u32) -> Option<RgbImage> {
    let paint = painter(subject)?;
    // The subject's name goes into the seed, so that seed 0 differs between subjects.
    let mut rng = Rng::of(subject, seed);
    let mut canvas = Canvas::new(width, height);
    paint(&mut canvas, &mut rng);
    Some(canvas.develop(&mut rng))
}

/// The `number`th sample (from 0) of a subject, with its name and a size of its own: mostly
/// landscape format around 640x480, now and then a portrait. `None` for an unknown subject.
pub fn sample(subject: &str, number: usize) -> Option<Sample> {
    const SIZES: [(u32, u32); 7] = [
        (640, 480),
        (640, 427),
        (720, 540),
        (480, 640),
        (600, 450),
        (640, 480),
        (427, 640),
    ];
    let place = SUBJECTS.iter().position(|s| *s == subject)?;
    let (width, height) = SIZES[(number + place * 2) % SIZES.len()];
    // Mostly JPEG, as in anybody's folders, and a little of the others.
    let kind = match (number * 5 + place * 3) % 11 {
        4 => "png",
        9 => "webp",
        _ => "jpg",
    };
    Some(Sample {
        name: format!("{subject}-{:02}.{kind}", number + 1),
        subject: SUBJECTS[place],
        image: draw(subject, number as u64, width, height)?,
    })
}

/// Encodes a picture by the extension of `path` (JPEG at quality 88, PNG, lossless WebP,
/// ...) and writes it there.
pub fn write(path: &Path, image: &RgbImage) -> io::Result<()> {
    let format = ImageFormat::from_path(path).map_err(io::Error::other)?;
    let mut out = BufWriter::new(File::create(path)?);
    if format == ImageFormat::Jpeg {
        JpegEncoder::new_with_quality(&mut out, 88).encode_image(image)
    } else {
        let mut bytes = io::Cursor::new(Vec::new());
        let done = DynamicImage::ImageRgb8(image.clone()).write_to(&mut bytes, format);
        out.write_all(bytes.get_ref())?;
        done
    }
    .map_err(io::Error::other)?;
    out.flush()
}

/// Draws `per_subject` pictures of every subject into `<dir>/<subject>/` and returns their
/// paths in order. Files of the same names are replaced, others left alone.
pub fn write_all(dir: &Path, per_subject: usize) -> io::Result<Vec<PathBuf>> {
    for subject in SUBJECTS {
        fs::create_dir_all(dir.join(subject))?;
    }
    let jobs = SUBJECTS.len() * per_subject;
    let one = |job: usize| -> io::Result<PathBuf> {
        let subject = SUBJECTS[job / per_subject];
        let sample = sample(subject, job % per_subject).ok_or(io::ErrorKind::NotFound)?;
        let path = dir.join(subject).join(&sample.name);
        write(&path, &sample.image)?;
        Ok(path)
    };
    // Pictures do not depend on each other, and somebody waits for them in the demo.
    let workers = thread::available_parallelism().map_or(1, |n| n.get().min(8));
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<Vec<(usize, PathBuf)>> {
        let mut done = Vec::new();
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return Ok(done);
            }
            done.push((job, one(job)?));
        }
    };
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::with_capacity(jobs);
        for thread in threads {
            let done = thread.join();
            all.extend(done.map_err(|_| io::Error::other("drawing a sample panicked"))??);
        }
        Ok::<_, io::Error>(all)
    })?;
    all.sort();
    Ok(all.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_draws_and_repeats_itself() {
        for subject in SUBJECTS {
            let first = draw(subject, 7, 48, 36).expect("a known subject");
            let again = draw(subject, 7, 48, 36).expect("a known subject");
            let other = draw(subject, 8, 48, 36).expect("a known subject");
            assert_eq!(first.dimensions(), (48, 36));
            assert!(
                first == again,
                "{subject}: the same seed drew another picture"
            );
            assert!(
                first != other,
                "{subject}: another seed drew the same picture"
            );
        }
        assert!(draw("unicorn", 0, 48, 36).is_none());
    }

    #[test]
    fn odd_sizes_draw_without_panic() {
        for subject in SUBJECTS {
            for (width, height) in [(1, 1), (3, 200), (200, 3)] {
                assert!(draw(subject, 1, width, height).is_some());
            }
        }
    }
}
