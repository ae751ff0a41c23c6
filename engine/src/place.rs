//! The town, district, region and country of a position, without a network.
//!
//! The table of towns comes from GeoNames (cities of 1000 people and more, CC BY 4.0,
//! <https://www.geonames.org>); `examples/places.rs` made `place/places.bin` of it, and
//! its layout is described there. It is read where it lies in the program: nothing is
//! loaded, and a search looks at the towns within 50 km only. It knows no borders: a
//! position belongs to the country of the nearest town. It knows no sizes either: in a large
//! city the nearest town is often a borough, and the city's name then stands in the district
//! or the region (in the local language at times: "Regierungsbezirk Koln"), or nowhere, as
//! in the boroughs of Munich or beside the border of a state.

mod cities;
mod countries;

pub use cities::city_names;

/// How far a town may be, in metres. Beyond, a position has no place: it is at sea, or
/// in a wilderness.
pub const FARTHEST: f64 = 50_000.0;

/// Metres of one degree of latitude.
const DEGREE: f64 = 111_195.0;

const TABLE: &[u8] = include_bytes!("place/places.bin");
const MAGIC: &[u8] = b"PLACES02";
const HEADER: usize = 20;
const ROWS: usize = 180;
const COLUMNS: usize = 360;
const DIVISION: usize = 8;
const TOWN: usize = 9;

/// Where something is, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The country's name in English.
    pub country: &'static str,
    /// The state, province or county, where GeoNames has one.
    pub region: Option<&'static str>,
    /// The division below the region, such as a county or a metropolitan city ("Greater
    /// London", "Los Angeles County"), in ASCII letters, where GeoNames has one.
    pub district: Option<&'static str>,
    /// The nearest town, or part of a large town, in ASCII letters.
    pub town: &'static str,
    /// Metres to the middle of the town.
    pub distance: u32,
}

/// The place of a position in degrees (WGS 84): that of the nearest town.
///
/// Nothing when no town is within [`FARTHEST`], or when the position is none.
#[must_use]
pub fn place(latitude: f64, longitude: f64) -> Option<Place> {
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        return None;
    }
    let table = Table::open()?;
    let reach = FARTHEST / DEGREE;
    // Towards the poles a degree of longitude becomes short, and at them all are near.
    let shrink = latitude.to_radians().cos();
    let sideways = (reach / (latitude.abs() + reach).min(89.9).to_radians().cos()).min(180.0);
    let row = |latitude: f64| ((latitude + 90.0).floor().max(0.0) as usize).min(ROWS - 1);
    let mut nearest: Option<(f64, usize)> = None;
    for row in row(latitude - reach)..=row(latitude + reach) {
        let first = (longitude - sideways).floor() as i64;
        let last = (longitude + sideways).floor() as i64;
        for column in first..=last.min(first + COLUMNS as i64 - 1) {
            let column = (column + 180).rem_euclid(COLUMNS as i64) as usize;
            for town in table.towns(row, column)? {
                let (north, east) = table.position(town, row, column)?;
                let away = (east - longitude + 540.0).rem_euclid(360.0) - 180.0;
                // Flat, which is wrong by little within 50 km.
                let distance = ((north - latitude).powi(2) + (away * shrink).powi(2)).sqrt();
                if nearest.is_none_or(|(known, _)| distance < known) {
                    nearest = Some((distance, town));
                }
            }
        }
    }
    let (distance, town) = nearest?;
    let metres = distance * DEGREE;
    if metres > FARTHEST {
        return None;
    }
    table.describe(town, metres as u32)
}

/// The table, with where its parts begin.
struct Table {
    divisions: usize,
    towns: usize,
    names: usize,
}

impl Table {
    fn open() -> Option<Self> {
        if !TABLE.starts_with(MAGIC) {
            return None;
        }
        let (towns, divisions) = (number(8, 4)?, number(12, 4)?);
        let after_cells = HEADER + (ROWS * COLUMNS + 1) * 4;
        let after_divisions = after_cells + divisions * DIVISION;
        Some(Self {
            divisions: after_cells,
            towns: after_divisions,
            names: after_divisions + towns * TOWN,
        })
    }

    /// The numbers of the towns in one cell of a degree by a degree.
    fn towns(&self, row: usize, column: usize) -> Option<std::ops::Range<usize>> {
        let cell = HEADER + (row * COLUMNS + column) * 4;
        Some(number(cell, 4)?..number(cell + 4, 4)?)
    }

    fn position(&self, town: usize, row: usize, column: usize) -> Option<(f64, f64)> {
        let at = self.towns + town * TOWN;
        let within = |at| number(at, 2).map(|part| part as f64 / 65_536.0);
        Some((
            row as f64 - 90.0 + within(at)?,
            column as f64 - 180.0 + within(at + 2)?,
        ))
    }

    fn describe(&self, town: usize, distance: u32) -> Option<Place> {
        let at = self.towns + town * TOWN;
        let division = self.divisions + number(at + 4, 2)? * DIVISION;
        let code = std::str::from_utf8(TABLE.get(division..division + 2)?).ok()?;
        let region = self.name(number(division + 2, 3)?)?;
        let district = self.name(number(division + 5, 3)?)?;
        Some(Place {
            country: countries::name(code)?,
            region: (!region.is_empty()).then_some(region),
            district: (!district.is_empty()).then_some(district),
            town: self.name(number(at + 6, 3)?)?,
            distance,
        })
    }

    fn name(&self, offset: usize) -> Option<&'static str> {
        let at = self.names + offset;
        let length = usize::from(*TABLE.get(at)?);
        std::str::from_utf8(TABLE.get(at + 1..at + 1 + length)?).ok()
    }
}

/// The number of `width` bytes at `at`, least significant first.
fn number(at: usize, width: usize) -> Option<usize> {
    let bytes = TABLE.get(at..at + width)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | usize::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(latitude: f64, longitude: f64) -> String {
        place(latitude, longitude).map_or_else(
            || "none".into(),
            |place| format!("{}/{}", place.country, place.town),
        )
    }

    #[test]
    fn towns_and_countries_are_found() {
        assert_eq!(found(43.4645, 11.8814), "Italy/Arezzo");
        assert_eq!(found(46.0207, 7.7491), "Switzerland/Zermatt");
        assert_eq!(
            found(-33.8568, 151.2153).split('/').next(),
            Some("Australia")
        );
        assert_eq!(found(64.1466, -21.9426), "Iceland/Reykjavik");
        assert_eq!(
            place(52.5163, 13.3777).and_then(|place| place.region),
            Some("Berlin")
        );
    }

    #[test]
    fn the_district_or_the_region_names_the_large_city_whose_borough_is_nearest() {
        for (latitude, longitude, expected) in [
            (51.5007, -0.1246, "City of Westminster/Greater London"),
            (34.1016, -118.3267, "Hollywood/Los Angeles County"),
            (45.4642, 9.19, "Milano/Citta metropolitana di Milano"),
            (41.4036, 2.1744, "Gracia/Provincia de Barcelona"),
            (50.9413, 6.9583, "Altstadt Nord/Regierungsbezirk Koln"),
            (40.776, -73.971, "Manhattan/New York County"),
            (50.0755, 14.4378, "Stare Mesto/Praha 1"),
            // No district; the state is the city.
            (53.5503, 9.9922, "Neustadt/Hamburg"),
            (52.5163, 13.3777, "Tiergarten Bezirk/Berlin"),
            (50.0875, 14.4213, "Prague/Praha"),
        ] {
            let place = place(latitude, longitude).unwrap();
            let division = place.district.or(place.region).unwrap();
            assert_eq!(format!("{}/{division}", place.town), expected);
        }
    }

    #[test]
    fn a_town_across_the_border_hides_the_city() {
        // Times Square is nearer to the middle of a town across the river, and the Eiffel
        // Tower to one of another department: no word of theirs is the city's.
        let times_square = place(40.758, -73.9855).unwrap();
        assert_eq!(times_square.town, "Weehawken");
        assert_eq!(times_square.district, Some("Hudson County"));
        assert_eq!(times_square.region, Some("New Jersey"));
        let tower = place(48.8584, 2.2945).unwrap();
        assert_eq!(tower.town, "Neuilly-sur-Seine");
        assert_eq!(tower.district, Some("Departement des Hauts-de-Seine"));
        assert_eq!(tower.region, Some("Ile-de-France"));
    }

    #[test]
    fn every_town_of_the_table_can_be_described() {
        let table = Table::open().unwrap();
        let towns = table.towns(ROWS - 1, COLUMNS - 1).unwrap().end;
        assert_eq!(towns, number(8, 4).unwrap());
        assert_eq!(table.names, table.towns + towns * TOWN);
        assert_eq!(table.names + number(16, 4).unwrap(), TABLE.len());
        let places = (0..towns).map(|town| table.describe(town, 0).unwrap());
        let mut districts = 0;
        for place in places {
            assert!(!place.town.is_empty());
            assert_ne!(place.region, Some(""));
            assert_ne!(place.district, Some(""));
            districts += usize::from(place.district.is_some());
        }
        assert!(districts * 2 > towns, "{districts} of {towns}");
    }

    #[test]
    fn the_sea_has_no_place_beyond_fifty_kilometres() {
        assert_eq!(found(45.0, -30.0), "none");
        assert_eq!(found(-60.0, 100.0), "none");
        assert_eq!(found(0.0, 0.0), "none");
        // Ten kilometres off Brighton, and a hundred.
        assert_eq!(
            found(50.73, -0.14).split('/').next(),
            Some("United Kingdom")
        );
        assert_eq!(found(49.4, -6.9), "none");
    }

    #[test]
    fn the_edges_of_the_map_are_no_edges() {
        // Egvekinot lies at 179 degrees west; the bay goes on in the east.
        assert_eq!(found(66.32, 179.99).split('/').next(), Some("Russia"));
        assert_eq!(found(66.32, 179.99), found(66.32, -179.99));
        for (latitude, longitude) in [(90.0, 0.0), (-90.0, 180.0), (90.0, -180.0)] {
            assert_eq!(found(latitude, longitude), "none");
        }
        assert_eq!(found(f64::NAN, 0.0), "none");
        assert_eq!(found(91.0, 0.0), "none");
    }

    #[test]
    fn the_nearest_is_the_nearest_of_all() {
        let table = Table::open().unwrap();
        let mut seed = 7_u64;
        for _ in 0..60 {
            // A place within a degree of some town.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = (seed >> 33) as f64 / f64::from(1_u32 << 31);
            let (latitude, longitude) = (35.0 + random * 20.0, random * 7919.0 % 40.0);
            let mut best = f64::MAX;
            for row in 115..155 {
                for column in 170..240 {
                    for town in table.towns(row, column).unwrap() {
                        let (north, east) = table.position(town, row, column).unwrap();
                        let shrink = latitude.to_radians().cos();
                        let distance = (north - latitude).hypot((east - longitude) * shrink);
                        best = best.min(distance * DEGREE);
                    }
                }
            }
            let found = place(latitude, longitude).map(|place| place.distance);
            let expected = (best <= FARTHEST).then_some(best as u32);
            assert_eq!(found, expected, "{latitude} {longitude}");
        }
    }
}
