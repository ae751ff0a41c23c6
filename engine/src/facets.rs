//! Facets: which rows have which attribute, as bitmaps over rows.
//!
//! Each attribute of a photo that partitions the collection (day, camera, place, type, tag,
//! shape, folder) has a bitmap for each of its values, and so have the words of paths and
//! tags. A filter is the union of some bitmaps and several filters are their intersection,
//! so filters are exact and cost little, however many photos there are.
//!
//! Clones are cheap and share what they have in common: one writer changes a clone while
//! readers keep the original. Nothing here reads a file or the catalogue, and nothing knows
//! of vectors.

mod column;
mod counts;
mod labels;
mod words;

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeBounds;
use std::sync::Arc;

use roaring::{MultiOps, RoaringBitmap};
use serde::{Deserialize, Serialize};

use crate::catalog::RootId;
use crate::date::Day;
use crate::metadata::TakenSource;
use crate::query::Shape;

pub use counts::FacetCounts;
use labels::without_accents;
pub use labels::{Label, Labels, folded, folded_path};
pub use words::words;

use column::Column;

/// What is known of a row beside its vector, as far as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFacts {
    /// When it was taken, in seconds since 1970 as the clock on the wall showed them; nothing
    /// where even the file has no time.
    pub taken: Option<i64>,
    /// Who said so.
    pub dated_by: Option<TakenSource>,
    /// Maker and model.
    pub camera: Option<String>,
    /// The lens in the camera's own words.
    pub lens: Option<String>,
    /// The nearest town.
    pub place: Option<PlaceName>,
    /// The format: `jpeg`, `nef`, `mp4`.
    pub kind: String,
    /// The group of formats that it belongs to: `jpeg`, `raw`, `video`.
    pub group: String,
    /// Width in pixels as it is shown; 0 if unknown.
    pub width: u32,
    /// Height in pixels as it is shown; 0 if unknown.
    pub height: u32,
    /// Keywords.
    pub keywords: Vec<String>,
    /// People in the picture.
    pub people: Vec<String>,
    /// 0 to 5 stars, where somebody gave any.
    pub rating: Option<u8>,
    /// Title and description, where there are any.
    pub caption: String,
    /// The folders of its files, each once, relative to their roots; what is not UTF-8 is
    /// replaced.
    pub folders: Vec<(u32, String)>,
    /// The names of its files without folder and extension, each once.
    pub names: Vec<String>,
    /// No picture could be had of it, so its row has no vector.
    pub blank: bool,
    /// It is in several files.
    pub copied: bool,
}

/// Where a photo was taken, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceName {
    /// The country.
    pub country: String,
    /// The state, province or county.
    pub region: Option<String>,
    /// The division below it: a county, the area of a large city.
    pub district: Option<String>,
    /// The town, or a part of a large one.
    pub town: String,
    /// The names of the large city in which it is; none if it is in none.
    pub city: Vec<String>,
}

/// The shape of so many pixels, square if the longer side is at most a twentieth longer;
/// nothing if a side is 0.
#[must_use]
pub fn shape_of(width: u32, height: u32) -> Option<Shape> {
    let (long, short) = (width.max(height), width.min(height));
    if short == 0 {
        None
    } else if u64::from(long) * 20 <= u64::from(short) * 21 {
        Some(Shape::Square)
    } else if width > height {
        Some(Shape::Landscape)
    } else {
        Some(Shape::Portrait)
    }
}

/// The rows that have something in common.
type Rows = Arc<RoaringBitmap>;

/// The facets of all photos of one generation.
#[derive(Debug, Clone, Default)]
pub struct Facets {
    days: Arc<BTreeMap<Day, Rows>>,
    undated: Rows,
    cameras: Labels,
    countries: Labels,
    regions: Labels,
    districts: Labels,
    cities: Labels,
    /// By `country/town`.
    towns: Labels,
    kinds: Labels,
    groups: Labels,
    tags: Labels,
    /// By folded path, then root.
    folders: Arc<BTreeMap<(Box<str>, RootId), Rows>>,
    shapes: [Rows; 3],
    words: Labels,
    taken: Column,
    blank: Rows,
    copied: Rows,
}

impl Facets {
    /// Has a row stand for `after` where it stood for `before`.
    pub fn replace(&mut self, row: u32, before: Option<&RowFacts>, after: Option<&RowFacts>) {
        if before == after {
            return;
        }
        if let Some(facts) = before {
            self.change(row, facts, &mut |rows| {
                rows.remove(row);
            });
            self.taken.set(row, None);
        }
        if let Some(facts) = after {
            self.change(row, facts, &mut |rows| {
                rows.insert(row);
            });
            self.taken.set(row, facts.taken);
        }
    }

    fn change(&mut self, row: u32, facts: &RowFacts, change: &mut dyn FnMut(&mut RoaringBitmap)) {
        debug_assert!(row != u32::MAX, "rows are numbered from 0");
        match facts.taken.and_then(Day::of_unix) {
            Some(day) => change_in(Arc::make_mut(&mut self.days), day, change),
            None => change(Arc::make_mut(&mut self.undated)),
        }
        if let Some(camera) = &facts.camera {
            self.cameras.change(camera, change);
        }
        if let Some(place) = &facts.place {
            self.countries.change(&place.country, change);
            if let Some(region) = &place.region {
                self.regions.change(region, change);
            }
            if let Some(district) = &place.district {
                self.districts.change(district, change);
            }
            for name in &place.city {
                self.cities.change(name, change);
            }
            let town = town_key(&place.country, &place.town);
            self.towns.change(&town, change);
        }
        self.kinds.change(&facts.kind, change);
        self.groups.change(&facts.group, change);
        for tag in facts.tags() {
            self.tags.change(&tag, change);
        }
        for (root, folder) in &facts.folders {
            let key = (folded_path(folder).into_boxed_str(), RootId(*root));
            change_in(Arc::make_mut(&mut self.folders), key, change);
        }
        if let Some(shape) = shape_of(facts.width, facts.height) {
            change(Arc::make_mut(&mut self.shapes[shape as usize]));
        }
        for word in facts.words() {
            self.words.change(&word, change);
        }
        if facts.blank {
            change(Arc::make_mut(&mut self.blank));
        }
        if facts.copied {
            change(Arc::make_mut(&mut self.copied));
        }
    }

    /// The rows taken in some of these days.
    #[must_use]
    pub fn taken_in(&self, days: impl RangeBounds<Day>) -> RoaringBitmap {
        let rows = self.days.range(days).map(|(_, rows)| &**rows);
        rows.union()
    }

    /// The rows of which nobody knows when they were taken.
    #[must_use]
    pub fn undated(&self) -> &RoaringBitmap {
        &self.undated
    }

    /// The days on which photos were taken, in order, with their rows.
    pub fn days(&self, days: impl RangeBounds<Day>) -> impl Iterator<Item = (Day, &RoaringBitmap)> {
        self.days.range(days).map(|(day, rows)| (*day, &**rows))
    }

    /// When the photo of a row was taken, in seconds since 1970 as the clock on the wall
    /// showed them.
    #[must_use]
    pub fn taken(&self, row: u32) -> Option<i64> {
        self.taken.get(row)
    }

    /// The cameras.
    #[must_use]
    pub fn cameras(&self) -> &Labels {
        &self.cameras
    }

    /// The countries.
    #[must_use]
    pub fn countries(&self) -> &Labels {
        &self.countries
    }

    /// The towns of a country.
    pub fn towns(&self, country: &str) -> impl Iterator<Item = Label<'_>> + use<'_> {
        self.towns.below(&town_key(country, "")).map(|label| Label {
            name: label.name.split_once('/').map_or("", |(_, town)| town),
            rows: label.rows,
        })
    }

    /// The rows of one town.
    #[must_use]
    pub fn town(&self, country: &str, town: &str) -> Option<Label<'_>> {
        self.towns.get(&town_key(country, town))
    }

    /// The groups of formats: `jpeg`, `raw`, `video` and so on.
    #[must_use]
    pub fn groups(&self) -> &Labels {
        &self.groups
    }

    /// Keywords, people, and ratings as `4 stars`.
    #[must_use]
    pub fn tags(&self) -> &Labels {
        &self.tags
    }

    /// The rows of a shape.
    #[must_use]
    pub fn shape(&self, shape: Shape) -> &RoaringBitmap {
        &self.shapes[shape as usize]
    }

    /// The rows that have no vector.
    #[must_use]
    pub fn blank(&self) -> &RoaringBitmap {
        &self.blank
    }

    /// The rows whose content is in several files.
    #[must_use]
    pub fn copied(&self) -> &RoaringBitmap {
        &self.copied
    }

    /// The rows in whose paths, tags, camera, place or caption a word occurs, written as
    /// [`words`] gives it.
    #[must_use]
    pub fn with_word(&self, word: &str) -> Option<&RoaringBitmap> {
        self.words.get(word).map(|label| label.rows)
    }

    /// The rows whose camera is `name`, or else contains all words of it.
    #[must_use]
    pub fn of_camera(&self, name: &str) -> RoaringBitmap {
        self.cameras.matching(name)
    }

    /// The rows with the tag `name`, or else with one that contains all words of it.
    #[must_use]
    pub fn of_tag(&self, name: &str) -> RoaringBitmap {
        self.tags.matching(name)
    }

    /// The rows of a format or group of formats, by its name.
    #[must_use]
    pub fn of_type(&self, name: &str) -> RoaringBitmap {
        let labels = [self.groups.get(name), self.kinds.get(name)];
        labels.into_iter().flatten().map(|label| label.rows).union()
    }

    /// The rows taken at a place: a country, region, district, large city or town of this name, with or
    /// without accents, where a district is also known without what it is (`london` for Greater
    /// London, `los angeles` for Los Angeles County); a country given as `country/`, a town given
    /// as `country/town`; or else any place whose name contains all words of it.
    #[must_use]
    pub fn of_place(&self, name: &str) -> RoaringBitmap {
        if let Some((country, town)) = name.split_once('/') {
            let label = if town.trim().is_empty() {
                self.countries.get(country)
            } else {
                self.town(country.trim(), town.trim())
            };
            return label.map(|label| label.rows.clone()).unwrap_or_default();
        }
        let wanted = without_accents(name);
        let is_it = |label: &Label<'_>| without_accents(label.name) == wanted;
        let of_town = |label: &Label<'_>| {
            let town = label.name.split_once('/').map_or("", |(_, town)| town);
            without_accents(town) == wanted
        };
        let of_district = |label: &Label<'_>| {
            let name = without_accents(label.name);
            name == wanted || proper_name(&name) == wanted
        };
        let found = (self.countries.iter().filter(is_it))
            .chain(self.regions.iter().filter(is_it))
            .chain(self.cities.iter().filter(is_it))
            .chain(self.districts.iter().filter(of_district))
            .chain(self.towns.iter().filter(of_town));
        let rows: RoaringBitmap = found.map(|label| label.rows).union();
        if !rows.is_empty() {
            return rows;
        }
        let loose = [
            &self.countries,
            &self.regions,
            &self.districts,
            &self.cities,
            &self.towns,
        ];
        let loose = loose.iter().map(|labels| labels.containing(name));
        loose.union()
    }

    /// The rows in a folder, or below it. `folder` is relative to a root; or it begins with
    /// the name of one, as `roots` gives them.
    #[must_use]
    pub fn in_folder(&self, folder: &str, roots: &[(RootId, String)]) -> RoaringBitmap {
        let folder = folded_path(folder);
        let mut rows = self.below(&folder, |_| true);
        for (root, name) in roots {
            let rest = folder.strip_prefix(&folded_path(name));
            let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
            if let Some(rest) = rest {
                rows |= self.below(rest.trim_start_matches('/'), |of| of == *root);
            }
        }
        rows
    }

    /// The rows of photos that have all their files in these roots.
    #[must_use]
    pub fn only_in(&self, roots: &HashSet<RootId>) -> RoaringBitmap {
        let rows = |inside: bool| {
            let folders = self.folders.iter();
            let folders = folders.filter(|((_, root), _)| roots.contains(root) == inside);
            folders.map(|(_, rows)| &**rows).union()
        };
        rows(true) - rows(false)
    }

    /// Whether any photo is in a folder, or below it, as [`Self::in_folder`] takes it.
    #[must_use]
    pub fn has_folder(&self, folder: &str, roots: &[(RootId, String)]) -> bool {
        let folder = folded_path(folder);
        let mut named = roots.iter().filter_map(|(root, name)| {
            let rest = folder.strip_prefix(&folded_path(name))?;
            let is_whole = rest.is_empty() || rest.starts_with('/');
            is_whole.then(|| (*root, rest.trim_start_matches('/').to_owned()))
        });
        self.folders_below(&folder, |_| true).next().is_some()
            || named.any(|(of, rest)| {
                self.folders_below(&rest, |root| root == of)
                    .next()
                    .is_some()
            })
    }

    fn below(&self, folder: &str, of: impl Fn(RootId) -> bool) -> RoaringBitmap {
        self.folders_below(folder, of).union()
    }

    fn folders_below<'a>(
        &'a self,
        folder: &'a str,
        of: impl Fn(RootId) -> bool + 'a,
    ) -> impl Iterator<Item = &'a RoaringBitmap> {
        let from = (Box::from(folder), RootId(0));
        let is_below = move |path: &str| {
            let rest = path.strip_prefix(folder);
            rest.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        let beginning = self
            .folders
            .range(from..)
            .take_while(move |((path, _), _)| path.starts_with(folder));
        let rows = beginning.filter(move |((path, root), _)| is_below(path) && of(*root));
        rows.map(|(_, rows)| &**rows)
    }
}

impl RowFacts {
    /// Keywords, people, and the rating as `4 stars`.
    pub fn tags(&self) -> impl Iterator<Item = String> + '_ {
        let rating = self.rating.filter(|stars| *stars > 0).map(|stars| {
            let plural = if stars == 1 { "" } else { "s" };
            format!("{stars} star{plural}")
        });
        let words = self.keywords.iter().chain(&self.people).cloned();
        words.chain(rating)
    }

    /// The words by which it is found, each once: those of its paths, tags, camera, place
    /// and caption.
    fn words(&self) -> std::collections::BTreeSet<String> {
        let folders = self.folders.iter().map(|(_, folder)| folder.as_str());
        let place = self.place.iter().flat_map(|place| {
            let known = [
                Some(place.country.as_str()),
                place.region.as_deref(),
                place.district.as_deref(),
                Some(place.town.as_str()),
            ];
            let city = place.city.iter().map(String::as_str);
            known.into_iter().chain(city.map(Some))
        });
        let texts = folders
            .chain(self.keywords.iter().map(String::as_str))
            .chain(self.people.iter().map(String::as_str))
            .chain(self.camera.as_deref())
            .chain(place.flatten())
            .chain([self.caption.as_str()]);
        let mut found: std::collections::BTreeSet<String> = texts.flat_map(words).collect();
        // Numbers in the names of files are nearly as many as files.
        let names = self.names.iter().flat_map(|name| words(name));
        found.extend(names.filter(|word| !word.starts_with(|first: char| first.is_numeric())));
        found
    }
}

/// The name of a district without the words that say what it is.
fn proper_name(district: &str) -> String {
    const KINDS: &[&str] = &[
        "area",
        "arrondissement",
        "borough",
        "citta",
        "city",
        "county",
        "de",
        "del",
        "della",
        "departement",
        "des",
        "di",
        "district",
        "du",
        "greater",
        "kreis",
        "la",
        "landkreis",
        "metropolitan",
        "metropolitana",
        "municipality",
        "of",
        "politischer",
        "bezirk",
        "powiat",
        "prefecture",
        "province",
        "provincia",
        "regierungsbezirk",
        "region",
        "the",
    ];
    let words = district.split(' ').filter(|word| !KINDS.contains(word));
    words.collect::<Vec<_>>().join(" ")
}

fn town_key(country: &str, town: &str) -> String {
    format!("{country}/{town}")
}

/// Changes the rows of a key; a key without rows is taken out.
fn change_in<K: Ord>(
    map: &mut BTreeMap<K, Rows>,
    key: K,
    change: &mut dyn FnMut(&mut RoaringBitmap),
) {
    use std::collections::btree_map::Entry;
    match map.entry(key) {
        Entry::Vacant(entry) => {
            let mut rows = RoaringBitmap::new();
            change(&mut rows);
            if !rows.is_empty() {
                entry.insert(Arc::new(rows));
            }
        }
        Entry::Occupied(mut entry) => {
            change(Arc::make_mut(entry.get_mut()));
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
