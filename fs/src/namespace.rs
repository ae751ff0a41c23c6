//! The tree of the mount, as functions of a directory and a generation.
//!
//! What there is and what it promises: `docs/SEMANTICS.md`. Nothing here knows of
//! inodes, file handles or the kernel. Looking a name up answers at once; a query is run
//! when its folder is opened, or when a name in it is asked for.

mod pinning;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use lru::LruCache;
use semfs_engine::catalog::CatalogError;
use semfs_engine::decisions::Decisions;
use semfs_engine::index::{Generation, Index, Photo};
use semfs_engine::query::Query;
use semfs_engine::search::{Match, SearchError, Searcher};

use crate::listing::{Budget, Listing};
use crate::names;
use crate::pins::{Names, PinError, PinnedFolders};

/// Listings that are kept.
const KEPT_LISTINGS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// What all listings may take together, in bytes: those kept and those that programs have
/// open.
const LISTING_MEMORY: usize = 96 << 20;

/// Earlier listings of a folder whose names still stand for what they were shown for, as
/// long as that is a photo: a program that has read a folder then opens what it has read.
const KEPT_EARLIER: usize = 3;

/// For so long names are looked up in the listing that was shown, although a newer
/// generation would list others: `ls -l` asks for each name that it has just read.
const NAMES_LAST: Duration = Duration::from_secs(2);

/// How long a status that was told is told again.
const STATUS_LASTS: Duration = Duration::from_millis(300);

/// Where the texts of `.semfs/status`, `.semfs/status.json` and `.semfs/roots` come from.
pub type StatusSource = Box<dyn Fn(StatusForm) -> String + Send + Sync>;

/// How a status is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusForm {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// The roots alone, one a line.
    Roots,
}

/// A folder of the mount.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Directory {
    /// The mount itself.
    Root,
    /// `search`.
    Search,
    /// `search/<query>`, as it was typed.
    Query(String),
    /// `recent`.
    Recent,
    /// `.semfs`.
    Meta,
}

/// A file that semfs writes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum File {
    /// `README.txt`.
    Readme,
    /// `.semfs/status`.
    Status,
    /// `.semfs/status.json`.
    StatusJson,
    /// `.semfs/roots`.
    Roots,
    /// `.semfs/version`.
    Version,
    /// `.semfs/last-error`.
    LastError,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    /// A folder.
    Directory(Directory),
    /// A file of ours.
    File(File),
    /// A symbolic link to a photo.
    Photo(PathBuf),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// There is nothing of this name.
    #[error("no such name")]
    NotFound,
    /// It is a query that cannot be answered; `.semfs/last-error` has the sentence.
    #[error("{0}")]
    BadQuery(String),
    /// A query of this name is pinned already.
    #[error("it is pinned already")]
    Pinned,
    /// It cannot be pinned or unpinned; `.semfs/last-error` has the sentence.
    #[error(transparent)]
    Pin(PinError),
    /// Programs have too many large folders open.
    #[error("too many large folders are open; try again")]
    Busy,
    /// The index failed.
    #[error("{0}")]
    Failed(String),
}

/// The tree over one index.
pub struct Namespace {
    index: Arc<Index>,
    searcher: Arc<Searcher>,
    decisions: Arc<Decisions>,
    pinned: PinnedFolders,
    status: StatusSource,
    told: Mutex<HashMap<StatusForm, Told>>,
    /// Results of a query that does not say how many.
    top: usize,
    listings: Mutex<LruCache<Directory, Shown>>,
    budget: Budget,
    last_error: Mutex<String>,
}

/// A status that was told, and when.
type Told = (Instant, Arc<[u8]>);

/// A folder's listings.
#[derive(Debug, Clone)]
struct Shown {
    current: Arc<Listing>,
    /// Those before, the latest first.
    earlier: Vec<Arc<Listing>>,
    since: Instant,
}

/// What a name in a result folder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The photo.
    pub node: Node,
    /// The generation that says so; 0 if an earlier one said it, which the folder does not
    /// list any more.
    pub generation: u64,
}

impl Shown {
    fn find(&self, name: &str) -> Option<Found> {
        self.current.find(name).map(|entry| Found {
            node: Node::Photo(entry.target.clone()),
            generation: self.current.generation(),
        })
    }

    /// The row of a name that is no longer listed.
    fn find_earlier(&self, name: &str) -> Option<u32> {
        let entry = self.earlier.iter().find_map(|listing| listing.find(name));
        entry.map(|entry| entry.row)
    }
}

impl Namespace {
    /// The tree over `index`. `top`: how many photos a query shows if it does not say.
    #[must_use]
    pub fn new(
        index: Arc<Index>,
        searcher: Arc<Searcher>,
        decisions: Arc<Decisions>,
        status: StatusSource,
        top: usize,
    ) -> Self {
        Self {
            index,
            searcher,
            decisions,
            pinned: PinnedFolders::default(),
            status,
            told: Mutex::default(),
            top,
            listings: Mutex::new(LruCache::new(KEPT_LISTINGS)),
            budget: Budget::new(LISTING_MEMORY),
            last_error: Mutex::default(),
        }
    }

    /// What `name` is in a directory whose names do not depend on the index.
    /// `None`: it is a photo's name, if it is any; ask [`Self::photo`], which may take
    /// its time.
    ///
    /// # Errors
    /// When there is no such name, or it is a query that cannot be understood.
    pub fn lookup(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<Option<Node>, NamespaceError> {
        let found = match (directory, name) {
            (Directory::Root, "README.txt") => Node::File(File::Readme),
            (Directory::Root, "search") => Node::Directory(Directory::Search),
            (Directory::Root, "recent") => Node::Directory(Directory::Recent),
            (Directory::Root, ".semfs") => Node::Directory(Directory::Meta),
            (Directory::Meta, "status") => Node::File(File::Status),
            (Directory::Meta, "status.json") => Node::File(File::StatusJson),
            (Directory::Meta, "roots") => Node::File(File::Roots),
            (Directory::Meta, "version") => Node::File(File::Version),
            (Directory::Meta, "last-error") => Node::File(File::LastError),
            (Directory::Search, name) if !names::is_probe(name) => {
                let parsed = Query::parse(name).and_then(|query| self.searcher.check(&query));
                if let Err(error) = parsed {
                    return Err(self.bad_query(name, error.to_string()));
                }
                Node::Directory(Directory::Query(name.to_owned()))
            }
            (Directory::Query(_) | Directory::Recent, name) if is_ranked(name) => {
                return Ok(None);
            }
            _ => return Err(NamespaceError::NotFound),
        };
        Ok(Some(found))
    }

    /// The photo that `name` stands for in a result folder, if that can be said at once:
    /// from a listing in memory. `None`: ask [`Self::photo`].
    ///
    /// # Errors
    /// When there is no such name.
    pub fn photo_in_memory(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Option<Result<Found, NamespaceError>> {
        let generation = self.index.generation().number();
        let mut listings = lock(&self.listings);
        let shown = listings.get(directory)?;
        let is_current = shown.current.generation() == generation;
        if !is_current && shown.since.elapsed() >= NAMES_LAST {
            return None;
        }
        match shown.find(name) {
            Some(found) => Some(Ok(found)),
            None if is_current && shown.find_earlier(name).is_none() => {
                Some(Err(NamespaceError::NotFound))
            }
            None => None,
        }
    }

    /// The photo that `name` stands for in a result folder. Runs the query if need be.
    ///
    /// # Errors
    /// When there is no such name, or the query cannot be answered.
    pub fn photo(&self, directory: &Directory, name: &str) -> Result<Found, NamespaceError> {
        if let Some(found) = self.photo_in_memory(directory, name) {
            return found;
        }
        let shown = self.list(directory)?;
        if let Some(found) = shown.find(name) {
            return Ok(found);
        }
        // It was listed: it stands for that photo, wherever it is now, while it is one.
        let row = shown.find_earlier(name).ok_or(NamespaceError::NotFound)?;
        let generation = self.index.generation();
        let photo = self.index.photo(&generation, row);
        match photo.map_err(|error| failed(&error))? {
            Some(photo) => Ok(Found {
                node: Node::Photo(photo.path),
                generation: 0,
            }),
            None => Err(NamespaceError::NotFound),
        }
    }

    /// The listing of a result folder at the generation that is published now.
    ///
    /// # Errors
    /// When the query cannot be answered: never an empty listing instead.
    pub fn listing(&self, directory: &Directory) -> Result<Arc<Listing>, NamespaceError> {
        Ok(self.list(directory)?.current)
    }

    /// The names in a directory that do not depend on the index.
    #[must_use]
    pub fn fixed(&self, directory: &Directory) -> Names {
        const ROOT: &[(&str, Node)] = &[
            ("README.txt", Node::File(File::Readme)),
            ("recent", Node::Directory(Directory::Recent)),
            ("search", Node::Directory(Directory::Search)),
            (".semfs", Node::Directory(Directory::Meta)),
        ];
        const META: &[(&str, Node)] = &[
            ("last-error", Node::File(File::LastError)),
            ("roots", Node::File(File::Roots)),
            ("status", Node::File(File::Status)),
            ("status.json", Node::File(File::StatusJson)),
            ("version", Node::File(File::Version)),
        ];
        let names = match directory {
            Directory::Root => ROOT,
            Directory::Meta => META,
            Directory::Search => return self.pinned.of(&self.decisions, &self.searcher),
            Directory::Query(_) | Directory::Recent => &[],
        };
        let names = names.iter().cloned();
        names
            .map(|(name, node)| (Cow::Borrowed(name), node))
            .collect()
    }

    /// The content of a file, as of now; a status may be a moment old.
    #[must_use]
    pub fn content(&self, file: File) -> Arc<[u8]> {
        match file {
            File::Readme => README.as_bytes().into(),
            File::Status => self.status_as(StatusForm::Text),
            File::StatusJson => self.status_as(StatusForm::Json),
            File::Roots => self.status_as(StatusForm::Roots),
            File::Version => concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes().into(),
            File::LastError => lock(&self.last_error).as_bytes().into(),
        }
    }

    /// The status, kept for a moment: it has the size that was told of it.
    fn status_as(&self, form: StatusForm) -> Arc<[u8]> {
        let mut told = lock(&self.told);
        if let Some((since, text)) = told.get(&form)
            && since.elapsed() < STATUS_LASTS
        {
            return Arc::clone(text);
        }
        let text: Arc<[u8]> = (self.status)(form).into_bytes().into();
        told.insert(form, (Instant::now(), Arc::clone(&text)));
        text
    }

    /// The generation that is published now, and since when.
    #[must_use]
    pub fn generation(&self) -> (u64, std::time::SystemTime) {
        let generation = self.index.generation();
        (generation.number(), generation.published())
    }

    /// The next generation after number `after`, or the one that is published when
    /// `at_most` has passed without one.
    #[must_use]
    pub fn wait_for_generation(&self, after: u64, at_most: Duration) -> u64 {
        self.index.wait_for_generation(after, at_most).number()
    }

    fn list(&self, directory: &Directory) -> Result<Shown, NamespaceError> {
        let generation = self.index.generation();
        let before = lock(&self.listings).get(directory).cloned();
        if let Some(shown) = &before
            && shown.current.generation() == generation.number()
        {
            return Ok(shown.clone());
        }
        let photos = match directory {
            Directory::Query(name) => {
                let parsed = Query::parse(name).map_err(SearchError::from);
                let matches = parsed.and_then(|query| {
                    self.searcher
                        .search(&self.index, &generation, &query, self.top)
                });
                match matches {
                    Ok(matches) => matches
                        .into_iter()
                        .map(|Match { row, path, .. }| Photo { row, path })
                        .collect(),
                    Err(SearchError::Query(error)) => {
                        return Err(self.bad_query(name, error.to_string()));
                    }
                    Err(error) => return Err(failed(&error)),
                }
            }
            Directory::Recent => self.recent(&generation).map_err(|error| failed(&error))?,
            Directory::Root | Directory::Search | Directory::Meta => {
                return Err(NamespaceError::NotFound);
            }
        };
        let photos: Vec<Photo> = photos;
        let rank = || {
            let (number, published) = (generation.number(), generation.published());
            Listing::ranked(number, published, &photos, &self.budget)
        };
        let listing = match rank() {
            Some(listing) => listing,
            None => {
                // What is only kept makes room for what is wanted.
                lock(&self.listings).clear();
                rank().ok_or(NamespaceError::Busy)?
            }
        };
        let earlier = before
            .into_iter()
            .flat_map(|shown| std::iter::once(shown.current).chain(shown.earlier));
        let shown = Shown {
            current: Arc::new(listing),
            earlier: earlier.take(KEPT_EARLIER).collect(),
            since: Instant::now(),
        };
        lock(&self.listings).put(directory.clone(), shown.clone());
        Ok(shown)
    }

    fn recent(&self, generation: &Generation) -> Result<Vec<Photo>, CatalogError> {
        let mut photos = Vec::new();
        for row in generation.newest() {
            if let Some(photo) = self.index.photo(generation, row)? {
                photos.push(photo);
            }
            if photos.len() == self.top {
                break;
            }
        }
        Ok(photos)
    }

    fn bad_query(&self, query: &str, reason: String) -> NamespaceError {
        *lock(&self.last_error) = format!("{query}: {reason}\n");
        NamespaceError::BadQuery(reason)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("top", &self.top)
            .finish_non_exhaustive()
    }
}

impl Directory {
    /// Whether its names are photos, and depend on the index.
    #[must_use]
    pub fn has_photos(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Recent)
    }
}

impl Node {
    /// The link's target, if it is one.
    #[must_use]
    pub fn target(&self) -> Option<&Path> {
        match self {
            Self::Photo(target) => Some(target),
            Self::Directory(_) | Self::File(_) => None,
        }
    }
}

/// Whether a name can be one of a ranked listing: digits, a space, something.
fn is_ranked(name: &str) -> bool {
    name.split_once(' ')
        .is_some_and(|(rank, _)| !rank.is_empty() && rank.bytes().all(|byte| byte.is_ascii_digit()))
}

fn failed(error: &impl fmt::Display) -> NamespaceError {
    tracing::error!(%error, "a folder of the mount cannot be listed");
    NamespaceError::Failed(error.to_string())
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// `README.txt` of the mount.
const README: &str = include_str!("namespace/readme.txt");
