//! The way of a photo in: from the folders of a root to the committed index.
//!
//! [`run_pass`] looks at every folder of every root once and mends the difference to
//! the index. Stages run side by side, with bounded queues between them, so memory does
//! not grow with the number of photos:
//!
//! ```text
//! walk ──► read, hash, decode (worker processes) ──► embed (batches) ──► commit
//!   └────────────── unchanged? gone? ────────────────────────────────────►
//! ```
//!
//! A pass does not know when it is due, who watches, or what a query is.

mod commit;
mod count;
mod embed;
mod exclude;
mod in_flight;
mod progress;
mod read;
mod root;
mod walk;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam_channel::bounded;

use crate::catalog::{CatalogError, FileKey, RootId, Stamp};
use crate::embed::{EmbedError, ImageTower, Model, Runtime};
use crate::index::{Index, IndexError};
use crate::media::{Decoded, Facts};
use crate::problem::Problem;
use crate::worker::{ContentHash, Worker, WorkerError, WorkerSettings};

pub use exclude::{DEFAULT_EXCLUDES, ExcludeError, Excludes};
pub use progress::{Progress, ProgressSnapshot, words};

use in_flight::InFlight;
use root::Root;

/// Files that wait between walking and reading.
const CANDIDATE_QUEUE: usize = 256;
/// Decoded pictures that wait to be embedded.
const PICTURE_QUEUE: usize = 64;
/// Changes that wait to be committed.
const CHANGE_QUEUE: usize = 1024;

/// What a pass needs beside the index.
#[derive(Debug)]
pub struct PassSettings<'a> {
    /// The folders to look at, absolute.
    pub roots: &'a [PathBuf],
    /// What is not looked at.
    pub excludes: &'a Excludes,
    /// Absolute folders that are never entered: the mount itself, other mounts of it.
    pub never_enter: HashSet<PathBuf>,
    /// Threads of each stage, and worker processes.
    pub threads: usize,
    /// How workers are started.
    pub worker: WorkerSettings,
    /// The model whose vectors the index holds.
    pub model: &'a Model,
    /// Where it runs.
    pub runtime: &'a Runtime,
}

/// Why a pass ended before its end. What it had committed stays.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The catalogue failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The model failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// No worker could be had.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// A thread could not be started or died.
    #[error("a thread of the indexing pass failed: {0}")]
    Thread(String),
}

/// A root that could not be looked at. Nothing of it was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineRoot {
    /// The root.
    pub path: PathBuf,
    /// Why, in words.
    pub reason: String,
}

/// How a pass went.
#[derive(Debug, Clone, Default)]
pub struct PassReport {
    /// What it saw and did.
    pub progress: ProgressSnapshot,
    /// Roots that were not looked at.
    pub offline: Vec<OfflineRoot>,
    /// It was told to stop before it had seen everything.
    pub stopped: bool,
}

/// A file that is new or has changed.
#[derive(Debug, Clone)]
struct Candidate {
    file: FileKey,
    path: PathBuf,
    stamp: Stamp,
    root: Arc<Root>,
}

/// A decoded picture of a new content.
#[derive(Debug)]
struct Picture {
    file: FileKey,
    stamp: Stamp,
    hash: ContentHash,
    decoded: Decoded,
}

/// What the stages tell the last one.
#[derive(Debug)]
enum Change {
    /// A photo whose content the index has.
    Known(FileKey, Stamp, ContentHash),
    /// A photo with a new content.
    New(FileKey, Stamp, ContentHash, Facts, Vec<f32>),
    /// No photo.
    Problem(FileKey, Stamp, Problem),
    /// A file that is no longer there.
    Gone(FileKey),
    /// A folder that is no longer there.
    GoneFolder(RootId, PathBuf),
}

/// What the stages of one pass share.
#[derive(Debug)]
struct Pass<'a> {
    settings: &'a PassSettings<'a>,
    index: &'a Index,
    progress: &'a Progress,
    stop: &'a AtomicBool,
    /// Under which a problem is one.
    conditions: u64,
    in_flight: InFlight,
    failure: Mutex<Option<IngestError>>,
    failed: AtomicBool,
}

impl Pass<'_> {
    /// Whether stages should wind up: told to, or because another stage failed.
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    /// Ends the pass with an error; the first one counts.
    fn fail(&self, error: impl Into<IngestError>) {
        self.failed.store(true, Ordering::Relaxed);
        let mut failure = lock(&self.failure);
        failure.get_or_insert_with(|| error.into());
    }
}

/// Looks once at all that lies below the roots and mends the index.
///
/// Returns when everything that was seen is committed, or soon after `stop` is set;
/// what was decoded by then is committed as well. `progress` may be read meanwhile.
///
/// # Errors
/// When the index or the model fails. A file that fails is no error: it is recorded
/// with its [`Problem`]. A root that is unreachable is in the report.
pub fn run_pass(
    index: &Index,
    settings: &PassSettings<'_>,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<PassReport, IngestError> {
    let pass = Pass {
        settings,
        index,
        progress,
        stop,
        conditions: settings.worker.conditions(),
        in_flight: InFlight::default(),
        failure: Mutex::new(None),
        failed: AtomicBool::new(false),
    };
    progress.begin();
    let threads = settings.threads.max(1);
    let (candidate_in, candidate_out) = bounded(CANDIDATE_QUEUE);
    let (picture_in, picture_out) = bounded(PICTURE_QUEUE);
    let (change_in, change_out) = bounded(CHANGE_QUEUE);
    let mut offline = Vec::new();
    thread::scope(|scope| {
        let pass = &pass;
        spawn(pass, scope, "count", move || count::count(pass));
        for _ in 0..threads {
            let (candidates, pictures, changes) =
                (candidate_out.clone(), picture_in.clone(), change_in.clone());
            spawn(pass, scope, "read", move || {
                read::read(pass, &candidates, &pictures, &changes);
            });
            let (pictures, changes) = (picture_out.clone(), change_in.clone());
            spawn(pass, scope, "embed", move || {
                if let Err(error) = embed::embed(pass, &pictures, &changes) {
                    pass.fail(error);
                }
            });
        }
        spawn(pass, scope, "commit", move || {
            if let Err(error) = commit::commit(pass, &change_out) {
                pass.fail(error);
            }
        });
        // This thread leads the walk. The queues close behind it, stage by stage.
        drop((candidate_out, picture_in, picture_out));
        match walk::walk(pass, threads, candidate_in, change_in) {
            Ok(roots) => offline = roots,
            Err(error) => pass.fail(error),
        }
    });
    progress.end();
    if let Some(error) = pass
        .failure
        .into_inner()
        .unwrap_or_else(|poison| poison.into_inner())
    {
        return Err(error);
    }
    Ok(PassReport {
        progress: progress.snapshot(),
        offline,
        stopped: stop.load(Ordering::Relaxed),
    })
}

/// Starts a stage. Without it the pass fails, and the other stages end.
fn spawn<'scope>(
    pass: &'scope Pass<'_>,
    scope: &'scope thread::Scope<'scope, '_>,
    name: &str,
    stage: impl FnOnce() + Send + 'scope,
) {
    let thread = thread::Builder::new().name(name.to_owned());
    if let Err(error) = thread.spawn_scoped(scope, stage) {
        pass.fail(IngestError::Thread(error.to_string()));
    }
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

fn worker(pass: &Pass<'_>) -> Worker {
    let PassSettings { worker, model, .. } = pass.settings;
    Worker::new(worker.clone(), model.image_size(), model.image_fit())
}

fn image_tower(pass: &Pass<'_>) -> Result<ImageTower, EmbedError> {
    ImageTower::load(pass.settings.runtime, pass.settings.model)
}
