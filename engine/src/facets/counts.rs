//! How many photos have which attribute.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Facets, Labels};
use crate::date::Day;
use crate::query::Shape;

/// Values of a facet that are counted one by one; of more, those that most photos have.
const MOST_VALUES: usize = 1000;

/// Photos for each value of each facet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetCounts {
    /// By the year in which they were taken.
    pub years: BTreeMap<String, u64>,
    /// Of which nobody knows when they were taken.
    pub undated: u64,
    /// By camera.
    pub cameras: BTreeMap<String, u64>,
    /// By country.
    pub countries: BTreeMap<String, u64>,
    /// By type of file.
    pub types: BTreeMap<String, u64>,
    /// By keyword, person or rating.
    pub tags: BTreeMap<String, u64>,
    /// By shape.
    pub shapes: BTreeMap<String, u64>,
    /// Of which no picture could be had: they are found by everything but their looks.
    pub without_picture: u64,
}

impl Facets {
    /// How many photos have which attribute.
    #[must_use]
    pub fn counts(&self) -> FacetCounts {
        let mut years: BTreeMap<String, u64> = BTreeMap::new();
        for (day, rows) in self.days(Day::MIN..=Day::MAX) {
            *years.entry(day.year().to_string()).or_default() += rows.len();
        }
        let shapes = [Shape::Landscape, Shape::Portrait, Shape::Square];
        let shapes = shapes.map(|shape| (shape.name().to_owned(), self.shape(shape).len()));
        FacetCounts {
            years,
            undated: self.undated().len(),
            cameras: count(self.cameras()),
            countries: count(self.countries()),
            types: count(self.groups()),
            tags: count(self.tags()),
            shapes: shapes.into(),
            without_picture: self.blank().len(),
        }
    }
}

fn count(labels: &Labels) -> BTreeMap<String, u64> {
    let mut counts: Vec<(&str, u64)> = labels
        .iter()
        .map(|label| (label.name, label.rows.len()))
        .collect();
    if counts.len() > MOST_VALUES {
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(MOST_VALUES);
    }
    let counts = counts.into_iter();
    counts
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}
