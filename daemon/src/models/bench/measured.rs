//! Measuring one model: in the process that does nothing else.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use semfs_engine::embed::{ImageTower, Model, Runtime, TextTower};
use semfs_engine::worker::{Worker, WorkerSettings};
use serde::{Deserialize, Serialize};

use super::super::trial::drawn;
use crate::WORKER_COMMAND;
use crate::config::Limits;
use crate::engine::SELF;
use crate::error::DaemonError;

/// Each tower is measured for so long, and at least once over everything.
const LONG: Duration = Duration::from_secs(4);

/// Pictures that are drawn where there are no photos.
const DRAWN: usize = 32;

const QUERIES: [&str; 8] = [
    "dog",
    "red car",
    "sunset over mountains",
    "a child playing soccer",
    "people at a wedding",
    "food on a plate",
    "a man climbing a rock in the snow with a rope and a helmet",
    "blue",
];

/// What was found of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// Pictures that its image tower embeds in a second, on one thread; decoding apart.
    pub photos_per_second: f64,
    /// Milliseconds that a text takes: the median.
    pub text_milliseconds: f64,
    /// Milliseconds until both towers were loaded.
    pub load_milliseconds: f64,
    /// The most memory that the process with both towers had, in bytes.
    pub peak_bytes: u64,
    /// Photos that it was measured with; 0: drawn pictures.
    pub photos: usize,
    /// The vectors of the pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<Vec<f32>>,
}

/// Measures the model in `folder` with photos, or with drawn pictures where none of them can be
/// decoded. For a process that does nothing else.
///
/// # Errors
/// When the model does not work.
pub fn measure(runtime: &Path, folder: &Path, paths: &[PathBuf]) -> Result<Measured, DaemonError> {
    let runtime = Runtime::load(runtime)?;
    let model = Model::read(folder)?;
    let mut pictures = decoded(&model, paths);
    let photos = pictures.len();
    if pictures.is_empty() {
        let side = model.preparation().size as usize;
        pictures = (0..DRAWN).map(|kind| drawn(side, kind)).collect();
    }
    let begun = Instant::now();
    let mut images = ImageTower::load(&runtime, &model)?;
    let mut texts = TextTower::load(&runtime, &model)?;
    let load_milliseconds = milliseconds(begun.elapsed());

    // Once to warm up, and for the vectors.
    let mut vectors = Vec::new();
    for batch in pictures.chunks(model.batch()) {
        let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let embedded = images.embed(&batch)?;
        vectors.extend(embedded.into_iter().map(Option::unwrap_or_default));
    }
    let begun = Instant::now();
    let mut embedded = 0;
    for batch in pictures.chunks(model.batch()).cycle() {
        let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        images.embed(&batch)?;
        embedded += batch.len();
        if begun.elapsed() >= LONG {
            break;
        }
    }
    let photos_per_second = embedded as f64 / begun.elapsed().as_secs_f64();

    let mut took = Vec::new();
    texts.embed(QUERIES[0])?;
    let begun = Instant::now();
    for query in QUERIES.iter().cycle().take(400) {
        let asked = Instant::now();
        texts.embed(query)?;
        took.push(asked.elapsed());
        if begun.elapsed() >= LONG && took.len() >= QUERIES.len() {
            break;
        }
    }
    took.sort();
    Ok(Measured {
        photos_per_second,
        text_milliseconds: took.get(took.len() / 2).copied().map_or(0.0, milliseconds),
        load_milliseconds,
        peak_bytes: peak(),
        photos,
        vectors,
    })
}

/// What a worker makes of photos; those of which it makes nothing are left out.
fn decoded(model: &Model, paths: &[PathBuf]) -> Vec<Vec<u8>> {
    let limits = Limits::default();
    let settings = WorkerSettings {
        program: PathBuf::from(SELF),
        arguments: vec![WORKER_COMMAND.to_owned()],
        memory: limits.worker_mib << 20,
        file_size: limits.file_mib << 20,
        deadline: Duration::from_secs(limits.file_seconds),
    };
    let mut worker = Worker::new(settings, model.preparation());
    let pictures = paths.iter().filter_map(|path| {
        let file = super::open(path)?;
        worker.read(&file).ok()?;
        worker.examine().ok()?.picture.ok()
    });
    pictures.collect()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The most memory that this process had, in bytes, from `/proc/self/status` (see `proc(5)`).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    kibibytes
        .and_then(|number| number.parse().ok())
        .unwrap_or(0_u64)
        * 1024
}
