//! From filters to rows, and rows in the order of time.

use std::cmp::Reverse;

use roaring::RoaringBitmap;

use crate::catalog::RootId;
use crate::date::Date;
use crate::facets::Facets;
use crate::index::{Generation, Index};
use crate::query::Filter;

/// The rows of photos that satisfy all filters, exactly; nothing if there are no filters.
#[must_use]
pub fn selected(
    index: &Index,
    generation: &Generation,
    filters: &[Filter],
) -> Option<RoaringBitmap> {
    let roots = index.root_names();
    let facets = generation.facets();
    let mut each: Vec<RoaringBitmap> = filters
        .iter()
        .map(|filter| rows_of(facets, filter, &roots))
        .collect();
    // The fewest first: what is left of them is little to intersect with.
    each.sort_unstable_by_key(RoaringBitmap::len);
    let rows = each.into_iter().reduce(|rows, more| rows & more)?;
    Some(rows - generation.unseen())
}

fn rows_of(facets: &Facets, filter: &Filter, roots: &[(RootId, String)]) -> RoaringBitmap {
    match filter {
        Filter::Date(Date::Unknown) => facets.undated().clone(),
        Filter::Date(date) => match date.bounds() {
            Some((from, to)) => facets.taken_in(from..=to),
            None => RoaringBitmap::new(),
        },
        Filter::Camera(name) => facets.of_camera(name),
        Filter::Place(name) => facets.of_place(name),
        Filter::Type(name) => facets.of_type(name),
        Filter::Tag(name) => facets.of_tag(name),
        Filter::In(folder) => facets.in_folder(folder, roots),
        Filter::Shape(shape) => facets.shape(*shape).clone(),
    }
}

/// These rows, those of photos taken last first, and of photos taken at the same time those
/// that entered the index last; at the end those of which nobody knows when.
#[must_use]
pub fn newest_first(generation: &Generation, rows: &RoaringBitmap) -> Vec<u32> {
    let facets = generation.facets();
    let mut rows: Vec<(Option<i64>, u32)> =
        rows.iter().map(|row| (facets.taken(row), row)).collect();
    rows.sort_unstable_by_key(|key| Reverse(*key));
    rows.into_iter().map(|(_, row)| row).collect()
}
