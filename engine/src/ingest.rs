//! The way of a photo in: from the folders of a root to the committed index.
//!
//! A pass looks at folders, all of them or those that changed, and mends the difference to
//! the index. Stages run side by side, with bounded queues between them, so memory does
//! not grow with the number of photos; what is missing is dealt with when all that arrived
//! is committed, so that a photo that was moved is never without a file:
//!
//! ```text
//! walk ──► read, hash, decode (worker processes) ──► embed (batches) ──► commit ──► forget
//!   │        └── only described? no picture? a sidecar? ───────────────►   ▲
//!   └────────── unchanged? moved? ─────────────────────────────────────►   │
//!   └────────── missing? ──────────────────────────────────────────────────┘
//! ```
//!
//! What photos say of themselves is read with them; where an index has photos of which that
//! was not read, or by a version that understood less, they are read again for it, and not
//! decoded. Sidecars lie beside photos, and are looked at as they are, but are none.
//!
//! Where another model is wanted than the one that the index has the vectors of, its vectors are
//! made beside passes (`reembed`).
//!
//! A pass does not know when it is due, who watches, or what a query is.

mod commit;
mod count;
mod embed;
mod equipment;
mod exclude;
mod folder;
mod forget;
mod in_flight;
mod losses;
mod pairing;
mod progress;
mod read;
mod reembed;
mod report;
mod root;
mod single;
mod tools;
mod video;
mod walk;
mod work;
mod writing;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;

use crate::catalog::{
    CatalogError, FileKey, FingerprintRecord, FolderMark, RootId, Stamp, is_sidecar_name,
};
use crate::courtesy::Courtesy;
use crate::embed::{EmbedError, Fingerprint, Model, Runtime};
use crate::index::{Index, IndexError};
use crate::media::{Facts, Format};
use crate::metadata::Metadata;
use crate::problem::Problem;
use crate::scout::{Scout, ScoutSettings};
use crate::worker::{ContentHash, WorkerError, WorkerSettings};

pub use exclude::{DEFAULT_EXCLUDES, ExcludeError, Excludes};
pub use losses::LossSettings;
pub use pairing::{PairingProgress, PairingReport};
pub use progress::{Progress, ProgressSnapshot, words};
pub use reembed::{ReembedProgress, ReembedReport, Reembedding};
pub use report::{OfflineRoot, PassReport, RootReport};
pub use single::Example;
pub use work::{Changed, Look, RootSettings};

use equipment::Equipment;
use in_flight::{InFlight, PassNumber};
use losses::Losses;
use root::Root;
use tools::{Pool, Tools};
use video::Stills;

/// Files that wait between walking and reading.
const CANDIDATE_QUEUE: usize = 256;
/// Decoded pictures that wait to be embedded.
const PICTURE_QUEUE: usize = 64;
/// Changes that wait to be committed.
const CHANGE_QUEUE: usize = 1024;
/// Files that a report names because they were not ready to be read. The next look at
/// everything finds those beyond.
const MOST_UNSETTLED: usize = 10_000;

/// How passes go about it, whatever they look at.
#[derive(Debug)]
pub struct IngestSettings {
    /// What is not looked at.
    pub excludes: Excludes,
    /// Threads of each stage, and worker processes.
    pub threads: usize,
    /// How workers are started.
    pub worker: WorkerSettings,
    /// How scouts are started.
    pub scout: ScoutSettings,
    /// A file that may still be written is read when it has not changed for so long.
    pub rest: Duration,
    /// What is believed of files that are missing.
    pub losses: LossSettings,
    /// The priority of passes in bulk.
    pub courtesy: Courtesy,
}

/// What a pass looks at, and how.
#[derive(Debug)]
pub struct Task<'a> {
    /// The roots.
    pub roots: &'a [RootSettings],
    /// What of them.
    pub look: &'a Look,
    /// In bulk: with courtesy. Otherwise somebody waits for it.
    pub bulk: bool,
    /// Whether the pictures are counted first, for a display of how far it is.
    pub count: bool,
    /// The owner says that what is missing is deleted, however much it is, and wherever.
    pub believe: bool,
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

/// What passes share: settings, tools, and what they must tell each other. Several may run
/// side by side.
#[derive(Debug)]
pub struct Ingest {
    index: Arc<Index>,
    /// For the model that the index has the vectors of.
    equipment: RwLock<Arc<Equipment>>,
    runtime: Runtime,
    settings: IngestSettings,
    in_flight: InFlight,
    losses: Losses,
    /// Files that waited for a pass that failed.
    orphans: Mutex<Vec<FileKey>>,
    /// For comparing photos with each other.
    pairing: Tools,
    /// What is known for that.
    known: RwLock<pairing::Known>,
    /// The scouts of each root on a network.
    scouts: Mutex<HashMap<PathBuf, Arc<Pool<Scout>>>>,
}

/// A file that is new or has changed.
#[derive(Debug, Clone)]
struct Candidate {
    file: FileKey,
    path: PathBuf,
    stamp: Stamp,
    /// It is known to be written to its end.
    written: bool,
    root: Arc<Root>,
}

/// A decoded picture of a new content.
#[derive(Debug)]
struct Picture {
    file: FileKey,
    stamp: Stamp,
    hash: ContentHash,
    facts: Facts,
    metadata: Metadata,
    pixels: Vec<u8>,
    /// For whose model they were decoded.
    equipment: Arc<Equipment>,
    fingerprint: Option<FingerprintRecord>,
}

/// A content that the index has not, or has no picture of.
#[derive(Debug)]
struct NewContent {
    hash: ContentHash,
    facts: Facts,
    metadata: Metadata,
    /// Its vector.
    vector: Embedding,
    /// By what copies of it are found, if it is a picture.
    fingerprint: Option<FingerprintRecord>,
}

/// What became of a content's picture.
#[derive(Debug)]
enum Embedding {
    /// The vector that this model made of it.
    Vector(Fingerprint, Vec<f32>),
    /// The model whose vectors the index has, this one, is not there to make one.
    Awaits(Fingerprint),
    /// No picture could be had.
    None(Problem),
}

/// What the stages tell the last one.
#[derive(Debug)]
enum Change {
    /// A photo whose content the index has.
    Known(FileKey, Stamp, ContentHash),
    /// A photo with a new content.
    New(FileKey, Stamp, Box<NewContent>),
    /// A photo whose content the index has, and what it says of itself.
    Described(FileKey, Stamp, ContentHash, Box<Metadata>),
    /// What somebody says of the photos beside it.
    Sidecar(FileKey, Stamp, Box<Metadata>),
    /// No photo.
    Problem(FileKey, Stamp, Problem),
    /// The records of a folder, whose mark was this, agree with what is in it.
    Agrees(RootId, PathBuf, FolderMark, [u8; 16]),
}

impl Change {
    /// The file that it is about.
    fn file(&self) -> Option<(&FileKey, Stamp)> {
        match self {
            Self::Known(file, stamp, _)
            | Self::New(file, stamp, _)
            | Self::Described(file, stamp, ..)
            | Self::Sidecar(file, stamp, _)
            | Self::Problem(file, stamp, _) => Some((file, *stamp)),
            Self::Agrees(..) => None,
        }
    }

    /// The content that was claimed for it, and is to be given free when it is committed.
    fn claimed(&self) -> Option<ContentHash> {
        match self {
            Self::New(_, _, content) => Some(content.hash),
            Self::Described(_, _, hash, _) => Some(*hash),
            _ => None,
        }
    }
}

/// Whether passes look at files of this name: pictures, and sidecars beside them.
#[must_use]
pub fn is_wanted_name(name: &Path) -> bool {
    Format::is_picture_name(name) || is_sidecar_name(name)
}

/// Ends a pass however it ends, also when a stage panicked.
struct Ending<'a, 'b>(&'a Pass<'b>);

impl Drop for Ending<'_, '_> {
    fn drop(&mut self) {
        self.0.ingest.give_up_claims(self.0);
        self.0.progress.end();
    }
}

/// What the stages of one pass share.
#[derive(Debug)]
struct Pass<'a> {
    ingest: &'a Ingest,
    task: &'a Task<'a>,
    settings: &'a IngestSettings,
    index: &'a Index,
    progress: &'a Progress,
    stop: &'a AtomicBool,
    number: PassNumber,
    /// Under which a problem is one.
    conditions: u64,
    stills: Stills,
    unsettled: Mutex<Vec<FileKey>>,
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

    /// Notes a file that is to be looked at again soon.
    fn unsettled(&self, file: FileKey) {
        self.progress.unsettled();
        let mut unsettled = lock(&self.unsettled);
        if unsettled.len() < MOST_UNSETTLED {
            unsettled.push(file);
        }
    }

    fn in_flight(&self) -> &InFlight {
        &self.ingest.in_flight
    }
}

impl Ingest {
    /// Passes over `index` with `model`, whose vectors it holds. If it holds those of another
    /// one, photos are taken in without vectors, until there is a store of vectors for them.
    #[must_use]
    pub fn new(
        index: Arc<Index>,
        model: Model,
        runtime: Runtime,
        settings: IngestSettings,
    ) -> Self {
        let threads = settings.threads.max(1);
        Self {
            equipment: RwLock::new(Arc::new(Equipment::new(
                model,
                index.generation().model().fingerprint,
                threads,
            ))),
            index,
            runtime,
            in_flight: InFlight::default(),
            losses: Losses::default(),
            orphans: Mutex::default(),
            pairing: Tools::new(threads),
            known: RwLock::default(),
            scouts: Mutex::default(),
            settings,
        }
    }

    /// Looks once at what the task names, and mends the index.
    ///
    /// Returns when everything that was seen is committed, or soon after `stop` is set;
    /// what was decoded by then is committed as well. `progress` may be read meanwhile.
    ///
    /// # Errors
    /// When the index or the model fails. A file that fails is no error: it is recorded
    /// with its [`Problem`]. A root that is unreachable is in the report.
    pub fn run(
        &self,
        task: &Task<'_>,
        progress: &Progress,
        stop: &AtomicBool,
    ) -> Result<PassReport, IngestError> {
        let pass = Pass {
            ingest: self,
            task,
            settings: &self.settings,
            index: &self.index,
            progress,
            stop,
            number: self.in_flight.begin(),
            conditions: self.settings.worker.conditions(),
            stills: Stills::default(),
            unsettled: Mutex::default(),
            failure: Mutex::new(None),
            failed: AtomicBool::new(false),
        };
        progress.begin();
        let ending = Ending(&pass);
        let walked = expect(&pass).and_then(|()| take_in(&pass));
        // Only after a pass that failed is anything left of its claims.
        self.give_up_claims(&pass);
        if let Some(error) = lock(&pass.failure).take() {
            return Err(error);
        }
        let walked = walked?;
        let roots = forget::forget(&pass, &walked)?;
        drop(ending);
        let mut unsettled = std::mem::take(&mut *lock(&pass.unsettled));
        unsettled.append(&mut lock(&self.orphans));
        Ok(PassReport {
            progress: progress.snapshot(),
            offline: walked.offline(),
            roots,
            unsettled,
            stopped: stop.load(Ordering::Relaxed),
        })
    }

    /// Ends the claims of a pass that are left. The files that waited for them are named by
    /// the next report.
    fn give_up_claims(&self, pass: &Pass<'_>) {
        let mut left = self.in_flight.release(pass.number);
        let mut orphans = lock(&self.orphans);
        if orphans.len() < MOST_UNSETTLED {
            orphans.append(&mut left);
        }
    }

    /// Ends worker processes and model sessions that nobody uses now; the next pass starts
    /// new ones.
    pub fn put_tools_away(&self) {
        self.equipment().put_away();
        self.pairing.put_away();
        lock(&self.scouts)
            .values()
            .for_each(|scouts| scouts.clear());
    }

    fn scouts(&self, root: &Path) -> Arc<Pool<Scout>> {
        let mut scouts = lock(&self.scouts);
        let pool = scouts
            .entry(root.to_owned())
            .or_insert_with(|| Arc::new(Pool::new(self.settings.threads.max(1))));
        Arc::clone(pool)
    }

    /// Whether a root can be looked at now: device and inode of its folder, or why not.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn reach(&self, root: &RootSettings) -> Result<Result<(u64, u64), String>, IngestError> {
        Root::reach(self, root, false).map(|reached| {
            reached
                .map(|root| root.identity)
                .map_err(|offline| offline.reason)
        })
    }
}

/// Where nothing is counted first, as much is expected as was there before.
fn expect(pass: &Pass<'_>) -> Result<(), IngestError> {
    if !pass.task.count && matches!(pass.task.look, Look::Everything) {
        for root in pass.task.roots {
            let id = pass.index.root(&root.path)?;
            pass.progress.expect(pass.index.catalog().recorded(id)?);
        }
        pass.progress.counted();
    }
    Ok(())
}

/// Runs the stages that take photos in, to their end.
fn take_in<'a>(pass: &Pass<'a>) -> Result<walk::Walked, IngestError> {
    let threads = pass.settings.threads.max(1);
    let (candidate_in, candidate_out) = bounded(CANDIDATE_QUEUE);
    let (picture_in, picture_out) = bounded(PICTURE_QUEUE);
    let (change_in, change_out) = bounded(CHANGE_QUEUE);
    thread::scope(|scope| {
        if pass.task.count {
            spawn(pass, scope, "count", move || count::count(pass));
        }
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
        // At full priority: it holds locks that searches wait for, and does little.
        let commit = move || {
            if let Err(error) = commit::commit(pass, &change_out) {
                pass.fail(error);
            }
        };
        let thread = thread::Builder::new().name("commit".to_owned());
        if let Err(error) = thread.spawn_scoped(scope, commit) {
            pass.fail(IngestError::Thread(error.to_string()));
        }
        // This thread leads the walk. The queues close behind it, stage by stage.
        drop((candidate_out, picture_in, picture_out));
        walk::walk(pass, threads, candidate_in, change_in)
    })
}

/// Starts a stage. Without it the pass fails, and the other stages end.
fn spawn<'scope>(
    pass: &'scope Pass<'_>,
    scope: &'scope thread::Scope<'scope, '_>,
    name: &str,
    stage: impl FnOnce() + Send + 'scope,
) {
    let courteous = move || {
        courtesy(pass).apply();
        stage();
    };
    let thread = thread::Builder::new().name(name.to_owned());
    if let Err(error) = thread.spawn_scoped(scope, courteous) {
        pass.fail(IngestError::Thread(error.to_string()));
    }
}

fn courtesy(pass: &Pass<'_>) -> Courtesy {
    if pass.task.bulk {
        pass.settings.courtesy
    } else {
        Courtesy::Normal
    }
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// The same.
fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(|poison| poison.into_inner())
}

/// The same.
fn write_lock<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(|poison| poison.into_inner())
}
