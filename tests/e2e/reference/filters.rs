//! Random filters, as they are written in a query and as the model understands them.

use super::model::{Filter, Photo};
use super::random::Random;
use super::vocabulary::{CAMERAS, FOLDERS, KEYWORDS, SPOTS};

/// A filter that is likely to say something of a photo, and how it is written.
pub fn any_filter(random: &mut Random, photo: &Photo) -> (Filter, String) {
    match random.below(8) {
        0..=1 => any_date(random, photo),
        2 => {
            let camera = photo.camera.unwrap_or(random.pick(CAMERAS).name);
            let name = some_words(random, camera);
            (Filter::Camera(name.clone()), value(random, "camera", &name))
        }
        3 => {
            let place = photo.place.or(random.pick(SPOTS).name);
            let (country, region, town) = place.unwrap_or(("France", "Ile-de-France", "Paris"));
            let whole = [format!("{country}/"), format!("{country}/{town}")];
            let name = match random.below(5) {
                at @ 0..=1 => whole[at].clone(),
                2 => some_words(random, country),
                3 => some_words(random, region),
                _ => some_words(random, town),
            };
            (Filter::Place(name.clone()), value(random, "place", &name))
        }
        4 => {
            let any = (*random.pick(KEYWORDS)).to_owned();
            let tag = if photo.tags.is_empty() {
                any
            } else {
                random.pick(&photo.tags).clone()
            };
            let name = some_words(random, &tag);
            (Filter::Tag(name.clone()), value(random, "tag", &name))
        }
        5 => any_folder(random, photo),
        6 => {
            let kind = if random.chance(80) {
                photo.kind
            } else {
                *random.pick(&["png", "JPG", "raw"])
            };
            (Filter::Type(kind.to_owned()), format!("type={kind}"))
        }
        _ => {
            let shape = *random.pick(&[photo.shape, photo.shape, "square", "portrait"]);
            (Filter::Shape(shape), format!("shape={shape}"))
        }
    }
}

fn any_date(random: &mut Random, photo: &Photo) -> (Filter, String) {
    let Some(taken) = photo.taken.filter(|_| random.chance(90)) else {
        return (Filter::Undated, "date=unknown".to_owned());
    };
    let (year, month, day) = (taken.year, taken.month, taken.day);
    // As it is written, its first day and its last one.
    let period = |random: &mut Random, year: u16| match random.below(3) {
        0 => (format!("{year}"), (year, 0, 0), (year, 99, 99)),
        1 => (
            format!("{year}-{month:02}"),
            (year, month, 0),
            (year, month, 99),
        ),
        _ => (
            format!("{year}-{month}-{day:02}"),
            (year, month, day),
            (year, month, day),
        ),
    };
    let (text, first, last) = period(random, year);
    let (earlier, from, _) = period(random, year - 1);
    let (later, _, to) = period(random, year + 1);
    match random.below(6) {
        0 => (Filter::Date(from, last), format!("date={earlier}..{text}")),
        1 => (Filter::Date(first, to), format!("date={text}..{later}")),
        2 => (
            Filter::Date(first, (9999, 99, 99)),
            format!("date={text}.."),
        ),
        3 => (Filter::Date((0, 0, 0), last), format!("date=..{text}")),
        _ => (Filter::Date(first, last), format!("date={text}")),
    }
}

/// A folder, or one above it, with the name of its root before it or without. A `:` in the
/// name of a folder cannot be asked for: it stands for `/` in a query.
fn any_folder(random: &mut Random, photo: &Photo) -> (Filter, String) {
    let (root, own) = random.pick(&photo.folders).clone();
    let other = (*random.pick(FOLDERS)).to_owned();
    let folder = if random.chance(80) { own } else { other };
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    names.truncate(1 + random.below(3));
    if names.is_empty() || random.chance(30) {
        names.insert(0, &root);
    }
    if names.iter().any(|name| name.contains(':')) {
        names = vec![&root];
    }
    let written = names.join(if random.chance(50) { "/" } else { ":" });
    let text = value(random, "in", &written);
    (Filter::In(names.join("/")), text)
}

/// A label, or some words of it, in some case.
fn some_words(random: &mut Random, label: &str) -> String {
    let words: Vec<&str> = label.split(' ').collect();
    let chosen = if random.chance(60) {
        label.to_owned()
    } else {
        (*random.pick(&words)).to_owned()
    };
    match random.below(4) {
        0 => chosen.to_lowercase(),
        1 => chosen.to_uppercase(),
        _ => chosen,
    }
}

/// A filter with a free value as it is written, in quotes where it must be and sometimes else.
fn value(random: &mut Random, key: &str, value: &str) -> String {
    let written = value.replace('/', "∕");
    let is_odd = |word: &str| word.contains('=') || word.starts_with(['+', '-', '"']);
    if written.split(' ').any(is_odd) || random.chance(20) {
        format!("{key}=\"{}\"", written.replace('"', "\"\""))
    } else {
        format!("{key}={written}")
    }
}
