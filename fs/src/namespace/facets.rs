//! Folders of facets: years, cameras, countries and so on, each leading to its photos.
//!
//! A folder is listed only if it has photos, also below a question. Below one that has an
//! order of relevance, folders of dates and countries show their photos at once, best first:
//! who asks for sunsets of 2023 wants to see them. Elsewhere they lead to shorter ones.

use roaring::RoaringBitmap;
use semfs_engine::date::{Date, Day, Month, Year};
use semfs_engine::facets::{Facets, Label};
use semfs_engine::index::Generation;
use semfs_engine::query::Filter;

use super::{Namespace, NamespaceError};
use crate::directory::{Node, Place, View, between, during, in_country, in_month, in_town};
use crate::listing::{Entry, Reason};
use crate::names::Names;

/// The folder of photos of which nobody knows when they were taken.
const UNKNOWN: &str = "unknown";

impl Namespace {
    /// The folders of a facet that have photos which answer the view's question.
    pub(super) fn facet_folders(
        &self,
        generation: &Generation,
        view: &View,
    ) -> Result<Vec<Entry>, NamespaceError> {
        let rows = self.rows(generation, view)?;
        let facets = generation.facets();
        let mut folders = Folders {
            rows: rows.as_ref(),
            names: Names::default(),
            entries: Vec::new(),
        };
        match &view.place {
            Place::Dates => {
                for year in periods(facets, Day::MIN..=Day::MAX, &folders, |day| day.year()) {
                    folders.push(&year.to_string(), year_folder(view, year));
                }
                if folders.has(facets.undated()) {
                    folders.push(UNKNOWN, view.narrowed(Filter::Date(Date::Unknown)));
                }
            }
            Place::Year(year) => {
                let days = year.first_day()..=year.last_day();
                for month in periods(facets, days, &folders, |day| day.month()) {
                    folders.push(&two_digits(month.number()), month_folder(view, month));
                }
            }
            Place::Month(month) => {
                let days = month.first_day()..=month.last_day();
                for day in periods(facets, days, &folders, |day| day) {
                    folders.push(&two_digits(day.civil().2), view.narrowed(between(day, day)));
                }
            }
            Place::Cameras => folders.add(facets.cameras().iter(), |name| {
                Some(view.narrowed(Filter::camera(name).ok()?))
            }),
            Place::Tags => folders.add(facets.tags().iter(), |name| {
                Some(view.narrowed(Filter::tag(name).ok()?))
            }),
            Place::Types => folders.add(facets.groups().iter(), |name| {
                Some(view.narrowed(Filter::file_type(name).ok()?))
            }),
            Place::Countries => folders.add(facets.countries().iter(), |name| {
                Some(country_folder(view, name))
            }),
            Place::Towns(country) => folders.add(facets.towns(country), |town| {
                Some(view.narrowed(in_town(country, town)))
            }),
            _ => return Err(NamespaceError::NotFound),
        }
        Ok(folders.entries)
    }

    /// The folder of a facet by its name, if it can be told at once: it exists where any photo
    /// has it, though none may answer the question.
    pub(super) fn facet(&self, view: &View, name: &str) -> Option<Node> {
        let generation = self.index.generation();
        let facets = generation.facets();
        let has = |from: Day, to: Day| facets.days(from..=to).next().is_some();
        let folder = match &view.place {
            Place::Dates if name == UNKNOWN => {
                let any = !facets.undated().is_empty();
                any.then(|| view.narrowed(Filter::Date(Date::Unknown)))?
            }
            Place::Dates => {
                let year = Year::of(number(name, 4)?)?;
                has(year.first_day(), year.last_day()).then(|| year_folder(view, year))?
            }
            Place::Year(year) => {
                let month = Month::of(year.number(), number(name, 2)?)?;
                has(month.first_day(), month.last_day()).then(|| month_folder(view, month))?
            }
            Place::Month(month) => {
                let day = day_of(*month, number(name, 2)?)?;
                has(day, day).then(|| view.narrowed(between(day, day)))?
            }
            Place::Cameras => {
                facets.cameras().get(name)?;
                view.narrowed(Filter::camera(name).ok()?)
            }
            Place::Tags => {
                facets.tags().get(name)?;
                view.narrowed(Filter::tag(name).ok()?)
            }
            Place::Types => {
                facets.groups().get(name)?;
                view.narrowed(Filter::file_type(name).ok()?)
            }
            Place::Countries => {
                facets.countries().get(name)?;
                country_folder(view, name)
            }
            Place::Towns(country) => {
                facets.town(country, name)?;
                view.narrowed(in_town(country, name))
            }
            Place::Answer { part: None, .. } => {
                return self.narrower(facets, view, name).map(Node::view);
            }
            _ => return None,
        };
        // A name that other systems cannot carry is shown as another one; and one with `_` or a
        // number may be shown for such a one, which only the listing can tell.
        let is_own = Names::default().give(name.as_bytes()) == name;
        (is_own && !name.contains('_') && !name.ends_with(')')).then(|| Node::view(folder))
    }

    /// Below an answer whose last filter names a period, a country or a folder: a narrower one.
    fn narrower(&self, facets: &Facets, view: &View, name: &str) -> Option<View> {
        let question = &view.question;
        let filter = match question.filters().last()? {
            Filter::In(folder) => {
                let below = format!("{folder}/{name}");
                let any = facets.has_folder(&below, &self.index.root_names());
                any.then(|| Filter::folder(&below).ok()).flatten()?
            }
            Filter::Place(place) => {
                let country = place.strip_suffix('/').unwrap_or(place);
                facets.town(country, name)?;
                in_town(country, name)
            }
            Filter::Date(date) => {
                let (from, to) = date.bounds()?;
                if (from, to) == (from.year().first_day(), from.year().last_day()) {
                    in_month(Month::of(from.year().number(), number(name, 2)?)?)
                } else if (from, to) == (from.month().first_day(), from.month().last_day()) {
                    let day = day_of(from.month(), number(name, 2)?)?;
                    between(day, day)
                } else {
                    return None;
                }
            }
            _ => return None,
        };
        // As long as it is an answer in order, it stays one.
        let typed = matches!(&view.place, Place::Answer { typed: Some(_), .. });
        Some(view.answer(question.and_filter(filter), typed.then_some(name)))
    }
}

/// Folders that are being gathered.
struct Folders<'a> {
    /// The rows that answer the question above; nothing if that is all of them.
    rows: Option<&'a RoaringBitmap>,
    names: Names,
    entries: Vec<Entry>,
}

impl Folders<'_> {
    fn has(&self, rows: &RoaringBitmap) -> bool {
        match self.rows {
            Some(wanted) => !rows.is_disjoint(wanted),
            None => !rows.is_empty(),
        }
    }

    fn add<'b>(
        &mut self,
        labels: impl Iterator<Item = Label<'b>>,
        folder: impl Fn(&str) -> Option<View>,
    ) {
        for label in labels {
            if self.has(label.rows)
                && let Some(view) = folder(label.name)
            {
                self.push(label.name, view);
            }
        }
    }

    fn push(&mut self, name: &str, view: View) {
        self.entries.push(Entry {
            name: self.names.give(name.as_bytes()),
            node: Node::view(view),
            reason: Reason::default(),
        });
    }
}

/// The periods of some days in which photos were taken, each once.
fn periods<P: PartialEq>(
    facets: &Facets,
    days: std::ops::RangeInclusive<Day>,
    folders: &Folders<'_>,
    period: impl Fn(Day) -> P,
) -> Vec<P> {
    let days = facets.days(days).filter(|(_, rows)| folders.has(rows));
    let mut periods: Vec<P> = days.map(|(day, _)| period(day)).collect();
    periods.dedup();
    periods
}

fn year_folder(view: &View, year: Year) -> View {
    if view.question.is_ranked() {
        view.narrowed(during(year))
    } else {
        view.at(Place::Year(year))
    }
}

fn month_folder(view: &View, month: Month) -> View {
    if view.question.is_ranked() {
        view.narrowed(in_month(month))
    } else {
        view.at(Place::Month(month))
    }
}

fn country_folder(view: &View, country: &str) -> View {
    if view.question.is_ranked() {
        view.narrowed(in_country(country))
    } else {
        view.at(Place::Towns(country.into()))
    }
}

fn day_of(month: Month, day: u8) -> Option<Day> {
    Day::from_civil(month.year().number(), month.number(), day)
}

/// A number of exactly so many digits.
fn number<N: std::str::FromStr>(name: &str, digits: usize) -> Option<N> {
    let is_number = name.len() == digits && name.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| name.parse().ok()).flatten()
}

fn two_digits(number: u8) -> String {
    format!("{number:02}")
}
