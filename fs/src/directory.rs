//! What there is below the mount: folders as values, and what names in them stand for.
//!
//! A folder is a question and a place: where in the tree the question is asked. Values can
//! be compared and hashed; they know no inodes and no index.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use semfs_engine::catalog::RootId;
use semfs_engine::date::{Date, Day, Month, Year};
use semfs_engine::duplicates::Tier;
use semfs_engine::index::Original;
use semfs_engine::problem::ProblemKind;
use semfs_engine::query::{Filter, Query};
use semfs_engine::question::Question;
use semfs_engine::worker::ContentHash;

/// A folder of the mount.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Directory {
    /// The mount itself.
    Root,
    /// `.semfs`.
    Meta,
    /// A folder that shows photos, or leads to some.
    View(View),
}

/// A question, and where it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    /// What is asked so far, by all folders above.
    pub question: Arc<Question>,
    /// What the folder shows of it.
    pub place: Place,
}

/// What a folder shows of its question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// `search`: its names are queries.
    Search,
    /// The photos that answer.
    Answer {
        /// The name as it was typed, of a query or of a photo to which others are similar: the
        /// answer has an order then, and its names have numbers.
        typed: Option<Box<str>>,
        /// Of a long answer, this part, counted from 0.
        part: Option<u32>,
    },
    /// `by-date`: years.
    Dates,
    /// `by-date/2024`: months.
    Year(Year),
    /// `by-date/2024/05`: days.
    Month(Month),
    /// `by-camera`.
    Cameras,
    /// `by-place`: countries.
    Countries,
    /// `by-place/France`: towns.
    Towns(Box<str>),
    /// `by-type`.
    Types,
    /// `by-tag`.
    Tags,
    /// `similar`: roots.
    Similar,
    /// `similar/photos/holiday`: a folder of a root.
    SimilarFolder {
        /// The root.
        root: RootId,
        /// The folder, relative to it.
        folder: PathBuf,
    },
    /// `recent`.
    Recent,
    /// `problems`: kinds of problems.
    Problems,
    /// `problems/damaged`.
    ProblemsOf {
        /// The kind.
        kind: ProblemKind,
        /// Of very many, this part, counted from 0.
        part: Option<u32>,
    },
    /// `dupes`: kinds of sameness.
    Duplicates,
    /// `dupes/exact`: groups of photos.
    DuplicatesOf {
        /// The kind.
        tier: Tier,
        /// Of very many, this part, counted from 0.
        part: Option<u32>,
    },
    /// `dupes/exact/3x 12.4MB IMG_1234`: the copies of a group.
    DuplicateGroup {
        /// Of which kind it is.
        tier: Tier,
        /// What it is found again by, though it grows: the group that has this content.
        content: ContentHash,
    },
}

/// A file that semfs writes itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum File {
    /// `README.txt`.
    Readme,
    /// `.semfs/status`.
    Status,
    /// `.semfs/status.json`.
    StatusJson,
    /// `.semfs/metrics`.
    Metrics,
    /// `.semfs/roots`.
    Roots,
    /// `.semfs/version`.
    Version,
    /// `.semfs/last-error`.
    LastError,
    /// `.why` in a folder with an order: why each photo is where it is.
    Why(View),
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
    /// A photo itself, as a file that can be read.
    Original(Original),
}

/// How photos are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Entries {
    /// As absolute symbolic links to them.
    #[default]
    Symlink,
    /// As files of their size, times and bytes, which can be read only.
    File,
}

/// The folders that can be asked for below any folder with photos, and are listed at the top.
const VIEWS: &[(&str, Place)] = &[
    ("by-camera", Place::Cameras),
    ("by-date", Place::Dates),
    ("by-place", Place::Countries),
    ("by-tag", Place::Tags),
    ("by-type", Place::Types),
    ("search", Place::Search),
    ("similar", Place::Similar),
];

impl Directory {
    /// A folder of the top: everything is asked for.
    #[must_use]
    pub fn top(place: Place) -> Self {
        Self::View(View {
            question: Arc::default(),
            place,
        })
    }

    /// `search/<query>` at the top, as it was typed.
    #[must_use]
    pub fn query(typed: &str, query: &Query) -> Self {
        Self::View(View::default_search().ask(typed, query))
    }

    /// Whether it is the top's `search`, in which queries are pinned.
    #[must_use]
    pub fn is_search(&self) -> bool {
        matches!(self, Self::View(view) if *view == View::default_search())
    }

    /// Whether it lists groups of duplicates, which can be dismissed.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        matches!(self.place(), Some(Place::DuplicatesOf { .. }))
    }

    /// Whether the owner decides something by making or removing folders in it.
    #[must_use]
    pub fn takes_decisions(&self) -> bool {
        self.is_search() || self.has_groups()
    }

    /// Whether its names come from the index.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        let place = self.place();
        place.is_some_and(|place| !matches!(place, Place::Search | Place::Duplicates))
    }

    fn place(&self) -> Option<&Place> {
        match self {
            Self::View(view) => Some(&view.place),
            Self::Root | Self::Meta => None,
        }
    }
}

impl View {
    fn default_search() -> Self {
        Self {
            question: Arc::default(),
            place: Place::Search,
        }
    }

    /// The folder of a query in this `search`.
    #[must_use]
    pub fn ask(&self, typed: &str, query: &Query) -> Self {
        self.answer(self.question.and_query(query), Some(typed))
    }

    /// A folder with the photos that answer a question.
    #[must_use]
    pub fn answer(&self, question: Question, typed: Option<&str>) -> Self {
        Self {
            question: Arc::new(question),
            place: Place::Answer {
                typed: typed.map(Box::from),
                part: None,
            },
        }
    }

    /// The same question at another place.
    #[must_use]
    pub fn at(&self, place: Place) -> Self {
        Self {
            question: Arc::clone(&self.question),
            place,
        }
    }

    /// A folder with the photos that satisfy a filter as well.
    #[must_use]
    pub fn narrowed(&self, filter: Filter) -> Self {
        self.answer(self.question.and_filter(filter), None)
    }

    /// Whether its photos have an order, and numbers in their names.
    #[must_use]
    pub fn has_order(&self) -> bool {
        match &self.place {
            Place::Answer { typed, .. } => typed.is_some() || self.question.is_ranked(),
            Place::Recent | Place::DuplicateGroup { .. } => true,
            _ => false,
        }
    }

    /// Whether every name in it that comes from the index begins with a digit.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.has_order() || matches!(self.place, Place::DuplicatesOf { .. })
    }

    /// Whether it has a file that says why each photo is there.
    #[must_use]
    pub fn has_why(&self) -> bool {
        self.has_order() || matches!(self.place, Place::ProblemsOf { .. })
    }

    /// The question of all photos below this folder, where folders compose.
    fn whole(&self) -> Option<Question> {
        let question = match &self.place {
            Place::Answer { part: None, .. } => Question::clone(&self.question),
            Place::Year(year) => self.question.and_filter(during(*year)),
            Place::Month(month) => self.question.and_filter(in_month(*month)),
            Place::Towns(country) => self.question.and_filter(in_country(country)),
            _ => return None,
        };
        Some(question)
    }

    /// The folders `search`, `by-…` and `similar` below a folder with photos: they are there
    /// when they are asked for, and are not listed.
    #[must_use]
    pub fn nested(&self, name: &str) -> Option<Self> {
        let (_, place) = VIEWS.iter().find(|(view, _)| *view == name)?;
        Some(Self {
            question: Arc::new(self.whole()?),
            place: place.clone(),
        })
    }
}

/// The folders of the top that are views.
pub(crate) fn top_views() -> impl Iterator<Item = (&'static str, Node)> {
    let others = [
        ("dupes", Place::Duplicates),
        ("problems", Place::Problems),
        ("recent", Place::Recent),
    ];
    let views = VIEWS.iter().cloned().chain(others);
    views.map(|(name, place)| (name, Node::Directory(Directory::top(place))))
}

/// Taken in this year.
pub(crate) fn during(year: Year) -> Filter {
    between(year.first_day(), year.last_day())
}

/// Taken in this month.
pub(crate) fn in_month(month: Month) -> Filter {
    between(month.first_day(), month.last_day())
}

/// Taken in this country; the slash tells it from a region or a town of the same name.
pub(crate) fn in_country(country: &str) -> Filter {
    Filter::Place(format!("{country}/"))
}

/// Taken in this town.
pub(crate) fn in_town(country: &str, town: &str) -> Filter {
    Filter::Place(format!("{country}/{town}"))
}

/// Taken on one of these days.
pub(crate) fn between(from: Day, to: Day) -> Filter {
    Filter::Date(Date::Between {
        from: Some(from),
        to: Some(to),
    })
}

impl Node {
    /// Where the photo is, if it is one, in whatever way it is shown.
    #[must_use]
    pub fn photo(&self) -> Option<&Path> {
        match self {
            Self::Photo(path) => Some(path),
            Self::Original(original) => Some(&original.path),
            Self::Directory(_) | Self::File(_) => None,
        }
    }

    /// A folder that shows photos.
    pub(crate) fn view(view: View) -> Self {
        Self::Directory(Directory::View(view))
    }
}
