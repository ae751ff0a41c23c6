//! The reference: a plain list of photos with what is true of each, and the contract of the
//! mount (`docs/SEMANTICS.md`) computed again in the most obvious way.
//!
//! It shares no code with semfs: no bitmaps, no index, no parser.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::library::{File, Library, Place};
use super::vocabulary::STEMS;
use super::written::{Moment, Xmp};

/// The numbers of photos.
pub type Set = BTreeSet<usize>;

/// A photo: one content, in one or several files.
#[derive(Debug)]
pub struct Photo {
    pub number: usize,
    /// By `clock`; nothing if not even the file knows.
    pub taken: Option<Moment>,
    pub camera: Option<&'static str>,
    /// Country, region and town.
    pub place: Option<(&'static str, &'static str, &'static str)>,
    pub kind: &'static str,
    pub shape: &'static str,
    /// As they are written, each once whatever its case.
    pub tags: Vec<String>,
    /// The folders of its files, with the names of their roots before them.
    pub folders: Vec<(String, String)>,
}

/// All photos and all problems of a library.
pub struct Model {
    pub photos: BTreeMap<usize, Photo>,
    /// The photo that a path holds.
    pub holds: HashMap<PathBuf, usize>,
    /// Files that could not be read, by the kind of problem.
    pub problems: BTreeMap<&'static str, Vec<PathBuf>>,
}

/// A condition.
#[derive(Debug, Clone)]
pub enum Filter {
    /// From a day to a day, both included; a month or day of 0 or 99 is before or after all.
    Date((u16, u8, u8), (u16, u8, u8)),
    Undated,
    Camera(String),
    Place(String),
    Type(String),
    Tag(String),
    In(String),
    Shape(&'static str),
}

/// A facet: its folder's name, and the folders below it in which a photo lies.
pub type Facet = (&'static str, fn(&Photo) -> Vec<Vec<String>>);

pub const FACETS: &[Facet] = &[
    ("by-date", |photo| {
        vec![match photo.taken {
            Some(taken) => vec![
                format!("{:04}", taken.year),
                format!("{:02}", taken.month),
                format!("{:02}", taken.day),
            ],
            None => vec!["unknown".to_owned()],
        }]
    }),
    ("by-camera", |photo| {
        photo
            .camera
            .iter()
            .map(|camera| vec![(*camera).to_owned()])
            .collect()
    }),
    ("by-place", |photo| {
        let names = photo.place.iter();
        names
            .map(|(country, _, town)| vec![(*country).to_owned(), (*town).to_owned()])
            .collect()
    }),
    ("by-type", |photo| vec![vec![photo.kind.to_owned()]]),
    ("by-tag", |photo| {
        photo.tags.iter().map(|tag| vec![tag.clone()]).collect()
    }),
];

impl Model {
    pub fn of(library: &Library) -> Self {
        let mut files: BTreeMap<usize, Vec<&Place>> = BTreeMap::new();
        let mut model = Self {
            photos: BTreeMap::new(),
            holds: HashMap::new(),
            problems: BTreeMap::new(),
        };
        for (place, (file, _)) in &library.files {
            match file {
                File::Photo(content) => {
                    files.entry(content.number).or_default().push(place);
                    model.holds.insert(library.path(place), content.number);
                }
                File::Problem(kind, _) => {
                    model
                        .problems
                        .entry(kind)
                        .or_default()
                        .push(library.path(place));
                }
                File::Sidecar(_) => {}
            }
        }
        for (number, places) in files {
            model.photos.insert(number, photo(library, &places));
        }
        model
    }

    /// The photos that satisfy a filter.
    pub fn satisfying(&self, filter: &Filter) -> Set {
        match filter {
            Filter::Undated => self.those(|photo| photo.taken.is_none()),
            Filter::Date(from, to) => self.those(|photo| {
                let day = photo
                    .taken
                    .map(|taken| (taken.year, taken.month, taken.day));
                day.is_some_and(|day| *from <= day && day <= *to)
            }),
            Filter::Type(kind) => {
                let kind = kind.to_lowercase().replace("jpg", "jpeg");
                self.those(|photo| photo.kind == kind)
            }
            Filter::Shape(shape) => self.those(|photo| photo.shape == *shape),
            Filter::In(folder) => {
                let (folder, inside) =
                    (folder.to_lowercase(), format!("{}/", folder.to_lowercase()));
                let is_in = |path: &str| path == folder || path.starts_with(&inside);
                self.those(|photo| {
                    let mut folders = photo.folders.iter();
                    folders.any(|(root, path)| {
                        let path = path.to_lowercase();
                        is_in(&path) || is_in(format!("{root}/{path}").trim_end_matches('/'))
                    })
                })
            }
            Filter::Camera(name) => self.labelled(name, |photo| {
                photo.camera.iter().map(|name| (*name).to_owned()).collect()
            }),
            Filter::Tag(name) => self.labelled(name, |photo| photo.tags.clone()),
            Filter::Place(name) => self.at_place(name),
        }
    }

    fn those(&self, is_one: impl Fn(&Photo) -> bool) -> Set {
        let photos = self.photos.values().filter(|photo| is_one(photo));
        photos.map(|photo| photo.number).collect()
    }

    /// Photos with exactly this label in any case; or else with one that has all its words.
    fn labelled(&self, name: &str, labels: impl Fn(&Photo) -> Vec<String>) -> Set {
        let has = |photo: &Photo, fits: &dyn Fn(&str) -> bool| {
            labels(photo).iter().any(|label| fits(label))
        };
        let same = |label: &str| label.to_lowercase() == name.to_lowercase();
        let exactly = self.those(|photo| has(photo, &same));
        if !exactly.is_empty() {
            return exactly;
        }
        let wanted = words(name);
        let contains = |label: &str| !wanted.is_empty() && wanted.is_subset(&words(label));
        self.those(|photo| has(photo, &contains))
    }

    fn at_place(&self, name: &str) -> Set {
        let same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
        if let Some((country, town)) = name.split_once('/') {
            return self.those(|photo| {
                let place = photo.place;
                place.is_some_and(|(its, _, its_town)| {
                    same(its, country) && (town.is_empty() || same(its_town, town))
                })
            });
        }
        self.labelled(name, |photo| {
            let names = photo.place.iter();
            let spelled = names.map(|(country, region, town)| {
                let whole = format!("{country}/{town}");
                [
                    (*country).to_owned(),
                    (*region).to_owned(),
                    (*town).to_owned(),
                    whole,
                ]
            });
            spelled.flatten().collect()
        })
    }

    /// Those of `among` in the folders of a facet: by the folders' path.
    pub fn folders(&self, facet: Facet, among: &Set) -> BTreeMap<Vec<String>, Set> {
        let mut folders: BTreeMap<Vec<String>, Set> = BTreeMap::new();
        for photo in among.iter().map(|number| &self.photos[number]) {
            for path in facet.1(photo) {
                // Labels that differ in case only are one.
                let key = path.iter().map(|label| label.to_lowercase()).collect();
                folders.entry(key).or_default().insert(photo.number);
            }
        }
        folders
    }

    pub fn all(&self) -> Set {
        self.photos.keys().copied().collect()
    }
}

/// What is true of a content in these files, which are in the order of their paths.
fn photo(library: &Library, places: &[&Place]) -> Photo {
    let (File::Photo(content), _) = &library.files[places[0]] else {
        panic!("{places:?} holds no photo");
    };
    let beside: Vec<&Xmp> = places
        .iter()
        .flat_map(|place| sidecars(library, place))
        .collect();
    let later_first = || beside.iter().rev();
    let own = &content.xmp;
    let of_name = places.iter().find_map(|(_, _, name)| {
        let stem = Path::new(name).file_stem().unwrap().to_str().unwrap();
        STEMS
            .iter()
            .find(|(known, _)| *known == stem)
            .and_then(|(_, moment)| *moment)
    });
    let of_file = places
        .iter()
        .map(|place| library.files[*place].1)
        .min()
        .flatten();
    let taken = content
        .exif
        .taken
        .or_else(|| later_first().find_map(|xmp| xmp.taken))
        .or(own.taken)
        .or(of_name)
        .or(of_file);
    let spot = later_first().find_map(|xmp| xmp.spot);
    let spot = spot.or(content.exif.spot).or(own.spot);
    let rating = later_first().find_map(|xmp| xmp.rating).or(own.rating);
    let all = || std::iter::once(own).chain(beside.iter().copied());
    let words = all()
        .flat_map(|xmp| xmp.keywords.iter())
        .chain(all().flat_map(|xmp| xmp.people.iter()));
    let stars = rating.filter(|stars| *stars > 0).map(|stars| match stars {
        1 => "1 star".to_owned(),
        stars => format!("{stars} stars"),
    });
    let mut tags: Vec<String> = words.map(|word| (*word).to_owned()).chain(stars).collect();
    let mut seen = BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.to_lowercase()));
    let (width, height) = content.size;
    let (long, short) = (width.max(height), width.min(height));
    let root = |root: usize| {
        library.roots[root]
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_lowercase()
    };
    Photo {
        number: content.number,
        taken,
        camera: content.exif.camera.map(|camera| camera.name),
        place: spot.and_then(|spot| spot.name),
        kind: content.kind,
        shape: match () {
            // At most a twentieth longer.
            () if long * 100 <= short * 105 => "square",
            () if width > height => "landscape",
            () => "portrait",
        },
        tags,
        folders: places
            .iter()
            .map(|place| (root(place.0), place.1.clone()))
            .collect(),
    }
}

/// What the sidecars of a file say; of one that is named like the file, last.
fn sidecars<'a>(library: &'a Library, place: &Place) -> Vec<&'a Xmp> {
    let (root, folder, name) = place;
    let stem = Path::new(name).file_stem().unwrap().to_str().unwrap();
    let named = [stem, name].map(|base| (*root, folder.clone(), format!("{base}.xmp")));
    let found = named.iter().filter_map(|place| library.files.get(place));
    found
        .filter_map(|(file, _)| match file {
            File::Sidecar(xmp) => Some(xmp),
            _ => None,
        })
        .collect()
}

/// The words of a label: runs of letters and runs of digits, plurals without their `s`.
fn words(text: &str) -> BTreeSet<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in text.to_lowercase().chars() {
        let kind = |character: char| (character.is_alphabetic(), character.is_numeric());
        if kind(before) != kind(character) {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            words.last_mut().unwrap().push(character);
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    let singular = words.into_iter().map(|word| {
        let is_plural = word.len() > 3 && word.ends_with('s');
        let keeps = ["ss", "us", "is"].iter().any(|end| word.ends_with(end));
        if is_plural && !keeps {
            word[..word.len() - 1].to_owned()
        } else {
            word
        }
    });
    singular.collect()
}
