//! The facets of an index that is opened: all facts of rows, read once.
//!
//! Facts are derived from other records. Where an older version kept none, or other ones, they
//! are derived here, as far as those records tell; no photo is looked at.

use roaring::RoaringBitmap;

use crate::catalog::{Catalog, CatalogError};
use crate::facets::Facets;
use crate::vectors::Vectors;

/// Rows whose facts are derived in one commit.
const BATCH: usize = 1000;

/// The facets of the rows that are not dead.
pub(super) fn load(
    catalog: &Catalog,
    vectors: &Vectors,
    dead: &RoaringBitmap,
) -> Result<Facets, CatalogError> {
    catalog.drop_old_row_facts()?;
    let mut facets = Facets::default();
    let mut missing = RoaringBitmap::new();
    missing.insert_range(0..vectors.len());
    missing -= dead;
    for entry in catalog.all_row_facts() {
        let (row, facts) = entry?;
        facets.replace(row, None, Some(&facts));
        missing.remove(row);
    }
    let contents: Vec<_> = missing
        .iter()
        .filter_map(|row| vectors.content(row))
        .collect();
    if !contents.is_empty() {
        tracing::info!(
            photos = contents.len(),
            "deriving what photos can be asked for"
        );
    }
    for contents in contents.chunks(BATCH) {
        let mut batch = catalog.batch()?;
        for hash in contents {
            batch.derive(*hash);
        }
        for change in batch.commit()?.facts {
            facets.replace(change.row, change.before.as_ref(), change.after.as_ref());
        }
    }
    Ok(facets)
}
