//! The tree of the mount, as functions of a directory and a generation.
//!
//! What there is and what it promises: `docs/SEMANTICS.md`. Nothing here knows of
//! inodes, file handles or the kernel. Looking a name up answers at once, or says that it may
//! take its time; a query is run when its folder is opened, or when a name in it is asked for.

mod answer;
mod duplicates;
mod facets;
mod photos;
mod pinning;
mod problems;
mod similar;
mod why;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use lru::LruCache;
use semfs_engine::decisions::{DecisionError, Decisions};
use semfs_engine::index::{Generation, Index};
use semfs_engine::query::Query;
use semfs_engine::search::{SearchError, Searcher};

use crate::directory::{Directory, Entries, File, Node, Place, View, top_views};
use crate::listing::{Budget, Entry, Listing, Order};
use crate::names;
use crate::pins::{FixedNames, PinError, PinnedFolders};
use answer::Orders;
use duplicates::Groups;

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

/// Where the texts of `.semfs/status`, `.semfs/status.json`, `.semfs/metrics` and
/// `.semfs/roots` come from.
pub type StatusSource = Box<dyn Fn(StatusForm) -> String + Send + Sync>;

/// How a status is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusForm {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For monitoring.
    Metrics,
    /// The roots alone, one a line.
    Roots,
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
    /// A group of duplicates cannot be dismissed; `.semfs/last-error` has the sentence.
    #[error(transparent)]
    Dismissal(DecisionError),
    /// It is no folder that can be removed.
    #[error("it cannot be removed")]
    Fixed,
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
    settings: Settings,
    listings: Mutex<LruCache<View, Shown>>,
    orders: Orders,
    groups: Groups,
    budget: Budget,
    last_error: Mutex<String>,
}

/// How much a folder shows, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Results of a query that does not say how many, and photos in `recent`.
    pub results: usize,
    /// Photos of one folder; one that has more is shown in parts of so many.
    pub folder: usize,
    /// How photos are shown.
    pub entries: Entries,
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

/// What a name in a listed folder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub node: Node,
    /// The generation that says so; 0 if an earlier one said it, which the folder does not
    /// list any more, or if it does not depend on one.
    pub generation: u64,
}

impl Shown {
    fn find(&self, name: &str) -> Option<Found> {
        self.current.find(name).map(|entry| Found {
            node: entry.node.clone(),
            generation: self.current.generation(),
        })
    }

    /// The row of a name that is no longer listed.
    fn find_earlier(&self, name: &str) -> Option<u32> {
        let entry = self.earlier.iter().find_map(|listing| listing.find(name));
        entry.and_then(|entry| entry.reason.row)
    }
}

impl Namespace {
    /// The tree over `index`.
    #[must_use]
    pub fn new(
        index: Arc<Index>,
        searcher: Arc<Searcher>,
        decisions: Arc<Decisions>,
        status: StatusSource,
        settings: Settings,
    ) -> Self {
        Self {
            index,
            searcher,
            decisions,
            pinned: PinnedFolders::default(),
            status,
            told: Mutex::default(),
            settings,
            listings: Mutex::new(LruCache::new(KEPT_LISTINGS)),
            orders: Orders::default(),
            groups: Groups::default(),
            budget: Budget::new(LISTING_MEMORY),
            last_error: Mutex::default(),
        }
    }

    /// What `name` is in a directory, if that can be said at once. `None`: ask
    /// [`Self::resolve`], which may take its time.
    ///
    /// # Errors
    /// When there is no such name, or it is a query that cannot be understood.
    pub fn lookup(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<Option<Found>, NamespaceError> {
        let view = match directory {
            Directory::View(view) => view,
            Directory::Root | Directory::Meta => return self.by_fixed_name(directory, name),
        };
        match view.place {
            Place::Search => return self.query(view, name).map(fixed).map(Some),
            Place::Duplicates => return self.by_fixed_name(directory, name),
            _ => {}
        }
        // Its size is that of its text, which is not known before the folder is listed.
        if name == WHY && view.has_why() {
            return Ok(None);
        }
        if let Some(nested) = view.nested(name) {
            return Ok(Some(fixed(Node::view(nested))));
        }
        if let Some(node) = self.facet(view, name) {
            return Ok(Some(fixed(node)));
        }
        // What it lists is not all that is there.
        if matches!(view.place, Place::SimilarFolder { .. }) {
            return Ok(None);
        }
        // Programs probe any folder; no entry of such a one begins with a dot.
        if view.is_numbered() && !name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(NamespaceError::NotFound);
        }
        self.in_memory(view, name).transpose()
    }

    /// What a name in a listed folder stands for. Lists the folder if need be.
    ///
    /// # Errors
    /// When there is no such name, or the folder cannot be listed.
    pub fn resolve(&self, directory: &Directory, name: &str) -> Result<Found, NamespaceError> {
        if let Some(found) = self.lookup(directory, name)? {
            return Ok(found);
        }
        let Directory::View(view) = directory else {
            return Err(NamespaceError::NotFound);
        };
        if name == WHY && view.has_why() {
            self.list(view)?;
            return Ok(fixed(Node::File(File::Why(view.clone()))));
        }
        if let Place::SimilarFolder { root, folder } = &view.place {
            return self.similar_to(view, *root, folder, name).map(fixed);
        }
        let shown = self.list(view)?;
        if let Some(found) = shown.find(name) {
            return Ok(found);
        }
        // It was listed: it stands for that photo, wherever it is now, while it is one.
        let row = shown.find_earlier(name).ok_or(NamespaceError::NotFound)?;
        let generation = self.index.generation();
        let photo = self.index.photo(&generation, row);
        let photo = photo.map_err(|error| failed(&error))?;
        let node = match photo {
            Some(photo) => self.photo(photo.path)?,
            None => None,
        };
        node.map(fixed).ok_or(NamespaceError::NotFound)
    }

    /// The listing of a folder at the generation that is published now.
    ///
    /// # Errors
    /// When it cannot be had: never an empty listing instead.
    pub fn listing(&self, directory: &Directory) -> Result<Arc<Listing>, NamespaceError> {
        match directory {
            Directory::View(view) => Ok(self.list(view)?.current),
            Directory::Root | Directory::Meta => Err(NamespaceError::NotFound),
        }
    }

    /// The names in a directory that do not depend on the index.
    #[must_use]
    pub fn fixed(&self, directory: &Directory) -> FixedNames {
        let own = |name: &'static str, file: File| (Cow::Borrowed(name), Node::File(file));
        match directory {
            Directory::Root => {
                let views = top_views().map(|(name, node)| (Cow::Borrowed(name), node));
                let meta = (Cow::Borrowed(".semfs"), Node::Directory(Directory::Meta));
                let first = [own("README.txt", File::Readme), meta];
                first.into_iter().chain(views).collect()
            }
            Directory::Meta => [
                own("last-error", File::LastError),
                own("metrics", File::Metrics),
                own("roots", File::Roots),
                own("status", File::Status),
                own("status.json", File::StatusJson),
                own("version", File::Version),
            ]
            .into(),
            Directory::View(View {
                place: Place::Duplicates,
                ..
            }) => duplicates::tiers(),
            Directory::View(_) if directory.is_search() => self.pinned.of(&self.decisions),
            Directory::View(view) if view.has_why() => {
                let why = Node::File(File::Why(view.clone()));
                [(Cow::Borrowed(WHY), why)].into()
            }
            Directory::View(_) => [].into(),
        }
    }

    /// The content of a file, as of now; a status may be a moment old. May take its time only
    /// for `.why`.
    ///
    /// # Errors
    /// When the folder of a `.why` cannot be listed.
    pub fn content(&self, file: &File) -> Result<Arc<[u8]>, NamespaceError> {
        Ok(match file {
            File::Readme => README.as_bytes().into(),
            File::Status => self.status_as(StatusForm::Text),
            File::StatusJson => self.status_as(StatusForm::Json),
            File::Metrics => self.status_as(StatusForm::Metrics),
            File::Roots => self.status_as(StatusForm::Roots),
            File::Version => concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes().into(),
            File::LastError => lock(&self.last_error).as_bytes().into(),
            File::Why(view) => why::text(view, &self.list(view)?.current),
        })
    }

    /// The size of a file's content in bytes, if it can be said at once.
    #[must_use]
    pub fn size(&self, file: &File) -> Option<u64> {
        if let File::Why(view) = file {
            let mut listings = lock(&self.listings);
            let listing = Arc::clone(&listings.get(view)?.current);
            drop(listings);
            return Some(why::text(view, &listing).len() as u64);
        }
        self.content(file).ok().map(|content| content.len() as u64)
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

    fn query(&self, view: &View, name: &str) -> Result<Node, NamespaceError> {
        if names::is_probe(name) {
            return Err(NamespaceError::NotFound);
        }
        let generation = self.index.generation();
        let parsed = Query::parse(name).and_then(|query| {
            self.searcher.check(&generation, &query)?;
            Ok(query)
        });
        match parsed {
            Ok(query) => Ok(Node::view(view.ask(name, &query))),
            Err(error) => Err(self.bad_query(name, error.to_string())),
        }
    }

    /// What a name stands for in a folder of which all names are fixed.
    fn by_fixed_name(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<Option<Found>, NamespaceError> {
        let names = self.fixed(directory);
        let found = names.iter().find(|(known, _)| known == name);
        let found = found.map(|(_, node)| fixed(node.clone()));
        found.map(Some).ok_or(NamespaceError::NotFound)
    }

    /// What a name stands for by a listing in memory.
    fn in_memory(&self, view: &View, name: &str) -> Option<Result<Found, NamespaceError>> {
        let generation = self.index.generation().number();
        let mut listings = lock(&self.listings);
        let shown = listings.get(view)?;
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

    fn list(&self, view: &View) -> Result<Shown, NamespaceError> {
        let generation = self.index.generation();
        let before = lock(&self.listings).get(view).cloned();
        if let Some(shown) = &before
            && shown.current.generation() == generation.number()
        {
            return Ok(shown.clone());
        }
        let entries = self.entries(&generation, view)?;
        let of = |entries| {
            let (number, published) = (generation.number(), generation.published());
            let order = match view.place {
                Place::DuplicatesOf { .. } => Order::Given,
                _ => Order::Name,
            };
            Listing::new(number, published, entries, order, &self.budget)
        };
        let listing = match of(entries) {
            Ok(listing) => listing,
            Err(entries) => {
                // What is only kept makes room for what is wanted.
                lock(&self.listings).clear();
                of(entries).map_err(|_| NamespaceError::Busy)?
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
        lock(&self.listings).put(view.clone(), shown.clone());
        Ok(shown)
    }

    /// What a folder shows of a generation.
    fn entries(&self, generation: &Generation, view: &View) -> Result<Vec<Entry>, NamespaceError> {
        match &view.place {
            Place::Search | Place::Duplicates => Err(NamespaceError::NotFound),
            Place::Answer { typed, part } => self.answer(generation, view, typed.as_deref(), *part),
            Place::Recent => self.recent(generation),
            Place::Problems => self.problem_kinds(view),
            Place::ProblemsOf { kind, part } => self.problems_of(view, *kind, *part),
            Place::DuplicatesOf { tier, part } => self.groups_of(generation, view, *tier, *part),
            Place::DuplicateGroup { tier, content } => self.copies_of(generation, *tier, content),
            Place::Similar => Ok(self.similar_roots(view)),
            Place::SimilarFolder { root, folder } => self.similar_folders(view, *root, folder),
            Place::Dates
            | Place::Year(_)
            | Place::Month(_)
            | Place::Cameras
            | Place::Countries
            | Place::Towns(_)
            | Place::Types
            | Place::Tags => self.facet_folders(generation, view),
        }
    }

    /// An error of a search, with its sentence where the caller can read it.
    fn search_failed(&self, view: &View, error: SearchError) -> NamespaceError {
        match error {
            SearchError::Query(error) => {
                let name = match &view.place {
                    Place::Answer { typed, .. } => typed.as_deref().unwrap_or_default(),
                    _ => "",
                };
                self.bad_query(name, error.to_string())
            }
            SearchError::NoExample => NamespaceError::NotFound,
            error => failed(&error),
        }
    }

    fn bad_query(&self, query: &str, reason: String) -> NamespaceError {
        *lock(&self.last_error) = format!("{query}: {reason}\n");
        NamespaceError::BadQuery(reason)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A name that does not depend on a generation.
fn fixed(node: Node) -> Found {
    Found {
        node,
        generation: 0,
    }
}

fn failed(error: &impl fmt::Display) -> NamespaceError {
    tracing::error!(%error, "a folder of the mount cannot be listed");
    NamespaceError::Failed(error.to_string())
}

/// Locks what has no state that a panic could leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// The file that says why each photo of a folder is there.
const WHY: &str = ".why";

/// `README.txt` of the mount.
const README: &str = include_str!("namespace/readme.txt");
