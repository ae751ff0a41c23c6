//! What random libraries are made of: names, cameras, places and words, chosen for what goes
//! wrong with them.

use super::written::{Camera, Moment, Spot};

/// Folders below a root. Two differ by case only.
pub const FOLDERS: &[&str] = &[
    "",
    "trip",
    "Trip",
    "trip/Paris 2019",
    "trip2",
    "été à la mer",
    "a - b",
    "date=2020",
    "12:30 walk",
    "deep/er/and deeper",
    "beach",
];

/// Names of files without extension, and the time that a name tells.
pub const STEMS: &[(&str, Option<Moment>)] = &[
    ("a", None),
    ("A", None),
    ("a (2)", None),
    ("with space", None),
    ("été", None),
    ("12:30 \"noon\"?", None),
    ("12_30 _noon__", None),
    ("end. ", None),
    (".hidden", None),
    ("x.y", None),
    ("IMG_0001", None),
    ("beach dogs", None),
    (
        "IMG_20230517_101500",
        Some(Moment::new(2023, 5, 17, (10, 15, 0))),
    ),
    (
        "PXL_20210203_040506789",
        Some(Moment::new(2021, 2, 3, (4, 5, 6))),
    ),
    (
        "2019-12-31 party",
        Some(Moment::new(2019, 12, 31, (0, 0, 0))),
    ),
];

/// Keywords. Some are the same in another case, some look the same where `:` cannot be shown.
pub const KEYWORDS: &[&str] = &[
    "Beach",
    "beach",
    "family",
    "dogs",
    "Paris",
    "x:y",
    "x_y",
    "snow & ice",
    "été",
    "a/b",
    "etc.",
    "search",
    "-",
    "+2",
    ".hidden",
    "..",
    "date=2020",
    "say \"hi\"",
    "4 stars",
];

pub const PEOPLE: &[&str] = &["Ada Lovelace", "Bob", "bob", "Family"];

pub const CAMERAS: &[Camera] = &[
    camera("NIKON CORPORATION", "NIKON D90", "Nikon D90"),
    camera("NIKON", "COOLPIX P1", "Nikon COOLPIX P1"),
    camera("Canon", "Canon EOS 5D", "Canon EOS 5D"),
    camera("Canon", "Canon EOS 5D Mark II", "Canon EOS 5D Mark II"),
    camera("SONY", "DSC-W1", "Sony DSC-W1"),
    camera("", "Scanner", "Scanner"),
    camera("Acme", "X:1", "Acme X:1"),
    camera("Acme", "X_1", "Acme X_1"),
];

/// Positions, with what semfs's own table says of them.
pub const SPOTS: &[Spot] = &[
    spot(48.8566, 2.3522, Some(("France", "Ile-de-France", "Paris"))),
    spot(33.6609, -95.5555, Some(("United States", "Texas", "Paris"))),
    spot(
        40.7128,
        -74.006,
        Some(("United States", "New York", "New York City")),
    ),
    spot(
        42.4304,
        -76.4966,
        Some(("United States", "New York", "South Hill")),
    ),
    spot(
        -22.9068,
        -43.1729,
        Some(("Brazil", "Rio de Janeiro", "Rio de Janeiro")),
    ),
    spot(46.0207, 7.7491, Some(("Switzerland", "Valais", "Zermatt"))),
    spot(
        64.1466,
        -21.9426,
        Some(("Iceland", "Capital Region", "Reykjavik")),
    ),
    // At sea.
    spot(45.0, -30.0, None),
];

/// Texts to search for; words of some are in names, tags or places.
pub const TEXTS: &[&str] = &[
    "blue waves",
    "beach",
    "red car - snow",
    "canon",
    "a dog in paris",
    "trip + family",
];

const fn camera(make: &'static str, model: &'static str, name: &'static str) -> Camera {
    Camera { make, model, name }
}

const fn spot(
    latitude: f64,
    longitude: f64,
    name: Option<(&'static str, &'static str, &'static str)>,
) -> Spot {
    Spot {
        latitude,
        longitude,
        name,
    }
}
