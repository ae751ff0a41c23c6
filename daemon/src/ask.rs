//! Questions of commands: to the running daemon, or else to the index itself.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::status::{Activity, DuplicatesStatus, ModelStatus, NextModelStatus, RootStatus, Status};
use nix::fcntl::OFlag;
use semfs_engine::catalog::Finding;
use semfs_engine::courtesy::Courtesy;
use semfs_engine::decisions::Decisions;
use semfs_engine::index::Index;
use semfs_engine::ingest::{Example, Ingest, ProgressSnapshot};
use semfs_engine::problem::{Problem, ProblemKind};
use semfs_engine::query::Query;
use semfs_engine::question::Question;
use semfs_engine::search::{Match, Searcher};
use serde::Serialize;

use crate::arrivals::Arrival;
use crate::client::Daemon;
use crate::config::Config;
use crate::engine::{Asked, Engine};
use crate::environment::Environment;
use crate::error::DaemonError;

/// The most photos that a command is sent: a message has a limit, and so has memory. Folders of
/// the mount have none.
const MOST_SENT: usize = 500_000;

/// A photo that answers a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// How well it fits, from 0 to 1; means the same for every query.
    pub relevance: f32,
    /// Cosine of photo and query. Comparable within one query only.
    pub score: f32,
    /// A file that holds the photo, absolute.
    pub path: PathBuf,
}

impl From<Match> for Found {
    fn from(found: Match) -> Self {
        Self {
            relevance: found.relevance,
            score: found.score,
            path: found.path,
        }
    }
}

/// A file that could not be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemEntry {
    /// The file, absolute.
    pub path: PathBuf,
    /// The sort of problem.
    pub kind: String,
    /// The reason in words.
    pub reason: String,
}

/// The photos that fit `query` best, best first.
///
/// # Errors
/// When the query makes no sense, or nobody can answer it.
pub fn search(
    config: &Config,
    environment: &Environment,
    query: &str,
    top: Option<usize>,
) -> Result<Vec<Found>, DaemonError> {
    // What is wrong with the query itself is said without asking anybody.
    Query::parse(query)?;
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.search(query, top.unwrap_or(0)),
        Asked::Engine(engine) => {
            let searcher = engine.searcher();
            search_index(&engine.index, &searcher, query, top, config.results)
        }
    }
}

/// The photos that look most like the picture in `file`, best first. It need not be in the
/// index.
///
/// # Errors
/// When it is no picture, or nobody can answer.
pub fn similar(
    config: &Config,
    environment: &Environment,
    path: &Path,
    top: Option<usize>,
) -> Result<Vec<Found>, DaemonError> {
    let unreadable = |reason: String| DaemonError::Picture {
        path: path.to_owned(),
        reason,
    };
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let file = file.map_err(|error| unreadable(error.to_string()))?;
    let metadata = file
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    let mut found = match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.similar(path, file, top.unwrap_or(0)),
        Asked::Engine(engine) => {
            let ingest = engine.ingest(config, Courtesy::Normal)?;
            let top = top.unwrap_or(config.results);
            let found = similar_in(&engine.index, &engine.searcher(), &ingest, &file, top)?;
            found.map_err(|problem| unreadable(problem.to_string()))
        }
    }?;
    // A copy elsewhere is what somebody may be looking for; the file itself is not.
    if let Ok(own) = path.canonicalize() {
        found.retain(|found| found.path != own);
    }
    Ok(found)
}

/// The photos that look most like the picture in an open file; or what is wrong with it.
pub(crate) fn similar_in(
    index: &Index,
    searcher: &Searcher,
    ingest: &Ingest,
    file: &File,
    top: usize,
) -> Result<Result<Vec<Found>, Problem>, DaemonError> {
    let example = match ingest.example(file)? {
        Ok(example) => example,
        Err(problem) => return Ok(Err(problem)),
    };
    let generation = index.generation();
    if let Example::New(model, _) = &example
        && *model != generation.model().fingerprint
    {
        let reason = "the model was changed at this moment; ask again";
        return Ok(Err(Problem::new(ProblemKind::Changing, reason)));
    }
    let matches = match example {
        Example::Known(content) => {
            let row = index
                .catalog()
                .content(&content)?
                .map(|content| content.row);
            match row.and_then(|row| generation.vectors().vector(row)) {
                Some(vector) => searcher.like(index, &generation, vector, top)?,
                None => {
                    let reason = "there is no picture of it to compare with others";
                    return Ok(Err(Problem::new(ProblemKind::Unsupported, reason)));
                }
            }
        }
        Example::New(_, vector) => searcher.like(index, &generation, vector, top)?,
    };
    Ok(Ok(matches.into_iter().map(Found::from).collect()))
}

/// What there is to tell.
///
/// # Errors
/// When nobody can tell it.
pub fn status(config: &Config, environment: &Environment) -> Result<Status, DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.status(),
        Asked::Engine(engine) => Ok(stopped(config, &engine)?),
    }
}

/// All files that could not be taken in, in the order of their paths.
///
/// # Errors
/// When nobody can tell.
pub fn problems(
    config: &Config,
    environment: &Environment,
) -> Result<Vec<ProblemEntry>, DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.problems(),
        Asked::Engine(engine) => problems_of(&engine.index, 0, usize::MAX),
    }
}

/// The pinned queries, in the order of pinning.
///
/// # Errors
/// When nobody can tell.
pub fn pins(config: &Config) -> Result<Vec<String>, DaemonError> {
    match Daemon::of(&config.state)? {
        Some(daemon) => daemon.pins(),
        None => Ok(Decisions::open(&config.state)?.pins().to_vec()),
    }
}

/// Calls `each` with each photo that enters a pinned query from now on, until it says that it
/// is enough or the daemon ends.
///
/// # Errors
/// When no daemon is running, or it does not answer.
pub fn follow_pins(config: &Config, each: impl FnMut(Arrival) -> bool) -> Result<(), DaemonError> {
    match Daemon::of(&config.state)? {
        Some(daemon) => daemon.entered(each),
        None => Err(DaemonError::Refused(
            "no daemon is running, and only a daemon sees photos arrive; start `semfs daemon`"
                .to_owned(),
        )),
    }
}

/// Pins a query: `search/` of the mount lists it. False: it was pinned already.
///
/// # Errors
/// When it makes no sense, or cannot be kept.
pub fn pin(config: &Config, environment: &Environment, query: &str) -> Result<bool, DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.pin(query),
        Asked::Engine(engine) => {
            let decisions = Decisions::open(&config.state)?;
            let generation = engine.index.generation();
            let pinned = semfs_fs::pin(&decisions, &engine.searcher(), &generation, query)?;
            Ok(pinned.is_some())
        }
    }
}

/// Takes a pin back.
///
/// # Errors
/// When there is none of this name, or that cannot be kept.
pub fn unpin(config: &Config, environment: &Environment, query: &str) -> Result<(), DaemonError> {
    match Engine::or_daemon(config, environment)? {
        Asked::Daemon(daemon) => daemon.unpin(query),
        // The index is open meanwhile, and so nobody else changes the decisions.
        Asked::Engine(_engine) => {
            let decisions = Decisions::open(&config.state)?;
            Ok(semfs_fs::unpin(&decisions, query)?)
        }
    }
}

pub(crate) fn search_index(
    index: &Index,
    searcher: &semfs_engine::search::Searcher,
    query: &str,
    top: Option<usize>,
    usual: usize,
) -> Result<Vec<Found>, DaemonError> {
    let query = Query::parse(query)?;
    let generation = index.generation();
    searcher.check(&generation, &query)?;
    let question = Question::from(&query).at_most(top.unwrap_or(MOST_SENT));
    let matches = searcher.search(index, &generation, &question, usual)?;
    Ok(matches.into_iter().map(Found::from).collect())
}

pub(crate) fn problems_of(
    index: &Index,
    skip: usize,
    top: usize,
) -> Result<Vec<ProblemEntry>, DaemonError> {
    let mut problems = Vec::new();
    for entry in index.catalog().problems().skip(skip).take(top) {
        let (file, record) = entry?;
        // A record that became a photo since the list was begun is none.
        if let Finding::Problem(problem, _) = record.finding {
            problems.push(ProblemEntry {
                path: index.absolute(&file),
                kind: problem.kind.to_string(),
                reason: problem.reason,
            });
        }
    }
    Ok(problems)
}

/// The facts of an index that no daemon serves.
fn stopped(config: &Config, engine: &Engine) -> Result<Status, DaemonError> {
    let generation = engine.index.generation();
    let totals = generation.totals();
    let roots = engine.index.catalog().roots()?;
    let mut shown = Vec::new();
    for (id, path) in roots {
        // One without files was forgotten, or never had any.
        if engine.index.catalog().has_files(id)? {
            let facts = engine.index.catalog().facts(id)?;
            let files = engine.index.catalog().recorded(id)?;
            shown.push(RootStatus::unserved(
                path,
                files,
                facts.folders,
                facts.compared,
            ));
        }
    }
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        activity: Activity::Stopped,
        photos: totals.photos,
        files: totals.files,
        problems: totals.problems,
        vectors: u64::from(totals.rows),
        facets: generation.counts().clone(),
        duplicates: DuplicatesStatus {
            waiting: engine.index.catalog().uncompared_count(),
        },
        generation: totals.generation,
        model: ModelStatus::of(&generation),
        next: match engine.fault {
            Some(_) => None,
            None => NextModelStatus::wanted(&engine.index, &engine.model),
        },
        roots: shown,
        pass: ProgressSnapshot::default(),
        passes_finished: 0,
        state: config.state.clone(),
        mount: None,
        memory: 0,
        last_error: engine.fault.clone(),
    })
}
