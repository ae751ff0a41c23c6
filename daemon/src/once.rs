//! Commands that change the index without a daemon: one run of indexing, and forgetting.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use semfs_engine::courtesy::Courtesy;
use semfs_engine::index::Index;
use semfs_engine::ingest::{
    Ingest, Look, PairingProgress, PairingReport, PassReport, Progress, ReembedProgress,
    ReembedReport, Reembedding, RootSettings, Task,
};

use crate::client::Daemon;
use crate::config::Config;
use crate::engine::{Asked, Engine, scout_settings, wanted_model};
use crate::environment::Environment;
use crate::error::DaemonError;
use crate::roots;

/// Passes of one `semfs index`, at most: folders that never rest end here.
const MOST_PASSES: usize = 10;

/// How long a file that was being written is given before the next look.
const REST: Duration = Duration::from_secs(1);

/// How long a disk that is away is waited for before the model is changed.
const SHORT: Duration = Duration::from_secs(30);

/// How `semfs index` goes about it.
#[derive(Debug, Clone, Default)]
pub struct IndexOptions {
    /// One pass only; else passes follow until one finds nothing new.
    pub once: bool,
    /// Make the index anew.
    pub rebuild: bool,
    /// Somebody watches how far it is: count what there is to do.
    pub watched: bool,
}

/// How far `semfs index` is. Read while it goes on.
#[derive(Debug, Default)]
pub struct IndexProgress {
    /// Taking photos in.
    pub pass: Progress,
    /// Looking at them again with another model, where one is wanted.
    pub reembedding: ReembedProgress,
    /// Comparing them with each other, which follows.
    pub pairing: PairingProgress,
}

/// Indexes the configured roots without a daemon, looks at all photos again if another model is
/// wanted than before, and compares what is new with everything. `progress` may be read
/// meanwhile, and `stop` be set to end early; what is done by then is kept. Returns the last
/// pass, how the wanted model fared, and how the comparison went.
///
/// # Errors
/// When a daemon has the index (it is told to look now), or something fails.
pub fn index(
    config: &Config,
    environment: &Environment,
    options: &IndexOptions,
    progress: &IndexProgress,
    stop: &AtomicBool,
) -> Result<(PassReport, ReembedReport, PairingReport), DaemonError> {
    let roots = resolved(config)?;
    if let Some(daemon) = Daemon::of(&config.state)? {
        daemon.rescan()?;
        return Err(DaemonError::DaemonIndexes);
    }
    if options.rebuild {
        // Its vectors go only if there can be others.
        wanted_model(config, environment)?;
        Index::erase(&config.state)?;
    }
    let engine = Engine::open(config, environment)?;
    // Somebody waits for it at a terminal.
    let ingest = engine.ingest(config, Courtesy::Normal)?;
    let task = Task {
        roots: &roots,
        look: &Look::Everything,
        bulk: true,
        count: options.watched,
        believe: false,
    };
    let mut total = PassReport::default();
    for _ in 0..MOST_PASSES {
        let report = ingest.run(&task, &progress.pass, stop)?;
        let rests = report.progress.found_nothing_new();
        add(&mut total, report);
        if options.once || total.stopped || rests {
            break;
        }
        std::thread::sleep(REST);
    }
    let switched = reembed(&engine, &ingest, &roots, &progress.reembedding, stop);
    if let (
        false,
        Ok(ReembedReport {
            ending: Reembedding::Settled(1..),
            ..
        }),
    ) = (options.once, &switched)
    {
        // Photos that came while their model was missing are read now that it is back.
        add(&mut total, ingest.run(&task, &progress.pass, stop)?);
    }
    // Whatever became of the model.
    let paired = ingest.pair(&roots, Courtesy::Normal, &progress.pairing, stop)?;
    Ok((total, switched?, paired))
}

/// Has all photos looked at with the wanted model, if it is another than before. A disk that is
/// away for a moment is waited for.
fn reembed(
    engine: &Engine,
    ingest: &Ingest,
    roots: &[RootSettings],
    progress: &ReembedProgress,
    stop: &AtomicBool,
) -> Result<ReembedReport, DaemonError> {
    if engine.fault.is_some() {
        // What was begun with the wanted model waits for it.
        return Ok(ReembedReport {
            ending: Reembedding::Settled(0),
            looked_at: 0,
        });
    }
    let begun = Instant::now();
    // Nobody asks questions here.
    let ready = |_: &_| Ok(());
    loop {
        let (model, courtesy) = (&engine.model, Courtesy::Normal);
        let report = ingest.reembed(model, roots, courtesy, progress, &ready, stop)?;
        if !matches!(report.ending, Reembedding::Waits(_)) || begun.elapsed() > SHORT {
            return Ok(report);
        }
        std::thread::sleep(REST);
    }
}

/// Takes roots out of the index, or only those of their files that are missing. Returns
/// each with the number of files that were forgotten.
///
/// # Errors
/// When one was never indexed, or something fails.
pub fn forget(
    config: &Config,
    environment: &Environment,
    roots: &[PathBuf],
    missing: bool,
) -> Result<Vec<(PathBuf, u64)>, DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => roots
            .iter()
            .map(|root| Ok((root.clone(), daemon.forget(root, missing)?)))
            .collect(),
        Asked::Engine(engine) => roots
            .iter()
            .map(|root| Ok((root.clone(), forget_one(&engine, config, root, missing)?)))
            .collect(),
    }
}

fn forget_one(
    engine: &Engine,
    config: &Config,
    root: &Path,
    missing: bool,
) -> Result<u64, DaemonError> {
    let (id, path) = engine.known_root(config, root)?;
    if !missing {
        return Ok(engine.index.forget_root(id)?);
    }
    let ingest = engine.ingest(config, Courtesy::Normal)?;
    let configured = resolved(config).unwrap_or_default();
    let settings = configured
        .into_iter()
        .find(|settings| settings.path == path);
    let settings = [settings.unwrap_or_else(|| RootSettings::local(path))];
    let task = Task {
        roots: &settings,
        look: &Look::Everything,
        bulk: true,
        count: false,
        believe: true,
    };
    let report = ingest.run(&task, &Progress::default(), &AtomicBool::new(false))?;
    match report.offline.first() {
        Some(offline) => Err(DaemonError::Root {
            path: root.to_owned(),
            reason: offline.reason.clone(),
        }),
        None => Ok(report.progress.gone),
    }
}

fn resolved(config: &Config) -> Result<Vec<RootSettings>, DaemonError> {
    let resolved = roots::resolve(&config.roots, &scout_settings(config))?;
    let excludes = config.excludes()?;
    Ok(resolved
        .iter()
        .map(|root| roots::settings(root, config, &excludes))
        .collect())
}

/// Adds a later pass to the account of the earlier ones.
fn add(total: &mut PassReport, pass: PassReport) {
    let before = total.progress;
    let now = pass.progress;
    *total = pass;
    total.progress.embedded += before.embedded;
    total.progress.known += before.known;
    total.progress.gone += before.gone;
    total.progress.seconds += before.seconds;
    if before.seconds > 0.0 {
        // What the first pass took in is unchanged to the second.
        total.progress.unchanged = before.unchanged;
        total.progress.problems = before.problems.max(now.problems);
    }
}
