//! Random questions to a mount, and whether it answers them as the model does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::model::{FACETS, Filter, Model, Photo, Set};
use super::mount::{Wrong, ensure, entries, hold_names, hold_ranks, numbers, photos, plain};
use super::random::Random;
use super::vocabulary::{CAMERAS, FOLDERS, KEYWORDS, SPOTS, TEXTS};

/// A question that is being put together, folder by folder.
struct Asked<'a> {
    model: &'a Model,
    random: Random,
    folder: PathBuf,
    /// What satisfies all filters so far.
    expected: Set,
    /// The photos in the order of relevance, if words were asked for.
    ranking: Option<Vec<usize>>,
    top: usize,
    /// The last folder is a query.
    is_typed: bool,
    parts_of: usize,
}

/// Asks one random question.
pub fn ask(mount: &Path, model: &Model, random: Random, parts_of: usize) -> Result<(), Wrong> {
    let mut asked = Asked {
        model,
        random,
        folder: mount.to_owned(),
        expected: model.all(),
        ranking: None,
        top: usize::MAX,
        is_typed: false,
        parts_of,
    };
    if asked.random.chance(35) {
        asked.words(mount)?;
    }
    let steps = asked
        .random
        .below(4)
        .max(usize::from(asked.ranking.is_none()));
    for step in 1..=steps {
        let goes_on = if asked.random.chance(45) {
            asked.query(step == steps);
            true
        } else {
            asked.facet(step == steps)?
        };
        if !goes_on {
            return Ok(());
        }
    }
    let folder = asked.folder.clone();
    asked
        .answer()
        .map_err(|wrong| format!("{folder:?}: {wrong}"))
}

impl Asked<'_> {
    /// Words, with filters or without. With `min=0` every photo is a match.
    fn words(&mut self, mount: &Path) -> Result<(), Wrong> {
        let text = *self.random.pick(TEXTS);
        let whole = mount.join(format!("search/{text} min=0 top=10000"));
        let links = photos(&whole, usize::MAX)?;
        let ranking = numbers(self.model, &links).map_err(|wrong| format!("{whole:?}: {wrong}"))?;
        let found: Set = ranking.iter().copied().collect();
        ensure!(
            found == self.model.all(),
            "{whole:?} shows {found:?} and not all"
        );
        hold_ranks(&links).map_err(|wrong| format!("{whole:?}: {wrong}"))?;
        self.ranking = Some(ranking);
        let filters = if self.random.chance(70) {
            self.filters()
        } else {
            String::new()
        };
        self.folder
            .push(format!("search/{text} {filters} min=0 top=10000"));
        self.is_typed = true;
        Ok(())
    }

    fn query(&mut self, is_last: bool) {
        let mut filters = self.filters();
        if self.random.chance(25) && (is_last || self.ranking.is_none()) {
            let top = 1 + self.random.below(15);
            filters += &format!(" top={top}");
            self.top = self.top.min(top);
        }
        self.folder.push("search");
        self.folder.push(filters);
        self.is_typed = true;
    }

    /// One to three filters, as they are written; what does not satisfy them is not expected
    /// any more.
    fn filters(&mut self) -> String {
        loop {
            let about = *self
                .random
                .pick(&self.expected.iter().copied().collect::<Vec<_>>());
            let mut written = Vec::new();
            let mut expected = self.expected.clone();
            for _ in 0..=self.random.below(3) {
                let (filter, text) = any_filter(&mut self.random, &self.model.photos[&about]);
                let satisfying = self.model.satisfying(&filter);
                // Most questions have an answer.
                if !satisfying.is_disjoint(&expected) || self.random.chance(10) {
                    expected = &expected & &satisfying;
                    written.push(text);
                }
            }
            let written = written.join(" ");
            if !written.is_empty() && written.len() < 200 && !expected.is_empty() {
                self.expected = expected;
                return written;
            }
        }
    }

    /// Enters a facet and folders in it, after looking at what they list. False where it must
    /// not go on: two labels look the same.
    fn facet(&mut self, is_last: bool) -> Result<bool, Wrong> {
        let facet = *self.random.pick(FACETS);
        self.folder.push(facet.0);
        self.is_typed = false;
        let below = self.model.folders(facet, &self.expected);
        let paths: Vec<&Vec<String>> = below.keys().collect();
        let chosen = (!paths.is_empty()).then(|| (*self.random.pick(&paths)).clone());
        let whole = chosen.as_ref().map_or(1, Vec::len);
        let depth = if self.is_narrowed_twice(facet.0) {
            1
        } else if is_last {
            whole
        } else {
            1 + self.random.below(whole)
        };
        for level in 0..depth {
            let above = chosen.as_ref().map_or(&[][..], |path| &path[..level]);
            let mut expected: Vec<String> = Vec::new();
            for path in paths
                .iter()
                .filter(|path| path.starts_with(above) && path.len() > level)
            {
                expected.push(path[level].clone());
            }
            expected.dedup();
            let mut expected: Vec<String> = expected.iter().map(|label| plain(label)).collect();
            expected.sort();
            // Below an order, only the first level is listed.
            let is_listed = level == 0 || self.ranking.is_none();
            let listed = if is_listed {
                entries(&self.folder)?
            } else {
                Vec::new()
            };
            if is_listed {
                let mut shown: Vec<String> = listed.iter().map(|(name, _)| plain(name)).collect();
                shown.sort();
                ensure!(
                    shown == expected,
                    "{:?} lists {shown:?} and not {expected:?}",
                    self.folder
                );
            }
            let Some(chosen) = &chosen else {
                return Ok(false);
            };
            let label = plain(&chosen[level]);
            if expected.iter().filter(|other| **other == label).count() > 1 {
                return Ok(false);
            }
            let name = listed.iter().find(|(name, _)| plain(name) == label);
            self.folder
                .push(name.map_or(&chosen[level], |(name, _)| name));
        }
        let chosen = chosen.unwrap_or_default();
        let inside = below
            .iter()
            .filter(|(path, _)| path.starts_with(&chosen[..depth]));
        self.expected = inside
            .flat_map(|(_, photos)| photos.iter().copied())
            .collect();
        Ok(true)
    }

    /// Whether a folder of a year or country below an order may repeat a filter from above. It
    /// shows its photos then, and a month or town below it is not found.
    fn is_narrowed_twice(&self, facet: &str) -> bool {
        let asked = self.folder.to_string_lossy();
        let filter = if facet == "by-date" {
            "date="
        } else {
            "place="
        };
        self.ranking.is_some() && (asked.contains(filter) || asked.matches(facet).count() > 1)
    }

    /// Holds the folder against what is expected.
    fn answer(&self) -> Result<(), Wrong> {
        if let Some(ranking) = &self.ranking {
            let links = photos(&self.folder, usize::MAX)?;
            let shown = numbers(self.model, &links)?;
            let expected = ranking
                .iter()
                .filter(|number| self.expected.contains(number));
            let expected: Vec<usize> = expected.copied().take(self.top).collect();
            ensure!(shown == expected, "it shows {shown:?} and not {expected:?}");
            hold_ranks(&links)?;
            return self.hold_why(&links);
        }
        let links = photos(&self.folder, self.parts_of)?;
        let shown = numbers(self.model, &links)?;
        let count = self.expected.len().min(self.top);
        let found: Set = shown.iter().copied().collect();
        let is_exact = shown.len() == count && found.is_subset(&self.expected);
        ensure!(
            is_exact,
            "it shows {found:?} and not {count} of {:?}",
            self.expected
        );
        let taken = |number: &usize| self.model.photos[number].taken;
        let mut newest: Vec<_> = self.expected.iter().map(taken).collect();
        newest.sort_by(|one, other| other.cmp(one));
        newest.truncate(count);
        let mut times: Vec<_> = shown.iter().map(taken).collect();
        if !self.is_typed && links.len() <= self.parts_of {
            hold_names(&links)?;
            times.sort_by(|one, other| other.cmp(one));
        } else if self.is_typed {
            hold_ranks(&links)?;
            self.hold_why(&links)?;
        } else {
            // Each part is in the order of its names, and all in it are newer than the next.
            let parts = times.chunks_mut(self.parts_of);
            parts.for_each(|part| part.sort_by(|one, other| other.cmp(one)));
        }
        ensure!(
            times == newest,
            "it shows photos of {times:?} and not of {newest:?}"
        );
        Ok(())
    }

    /// Holds `.why` against the listing.
    fn hold_why(&self, links: &[(String, PathBuf)]) -> Result<(), Wrong> {
        let read = |folder: &Path| {
            let why = fs::read_to_string(folder.join(".why"));
            why.map_err(|error| format!(".why: {error}"))
        };
        let mut text = read(&self.folder)?;
        for (name, target) in entries(&self.folder)? {
            if target.is_none() {
                text += &read(&self.folder.join(name))?;
            }
        }
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split('\t').collect())
            .collect();
        ensure!(lines.len() == links.len(), ".why has {} lines", lines.len());
        let mut before = f64::INFINITY;
        for ((line, (name, target)), rank) in lines.iter().zip(links).zip(1..) {
            let [number, relevance, score, matched, path] = line[..] else {
                return Err(format!(".why has {line:?}"));
            };
            let agrees = number == rank.to_string() && Path::new(path) == target;
            ensure!(
                agrees,
                ".why says {line:?} of {name}, which leads to {target:?}"
            );
            if self.ranking.is_none() {
                ensure!(
                    matched.contains('=') && relevance == "-",
                    ".why says {line:?}"
                );
                continue;
            }
            let (relevance, score) = (relevance.parse::<f64>(), score.parse::<f64>());
            let relevance = relevance.map_err(|_| format!(".why says {line:?}"))?;
            let is_one = (0.0..=1.0).contains(&relevance) && score.is_ok();
            ensure!(
                is_one && relevance <= before,
                ".why says {line:?} after {before}"
            );
            before = relevance;
        }
        Ok(())
    }
}

/// A filter that is likely to say something of a photo, and how it is written.
fn any_filter(random: &mut Random, photo: &Photo) -> (Filter, String) {
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

/// Holds the listing of each facet against its folders: what is not listed is not there.
pub fn hold_absent(mount: &Path) -> Result<(), Wrong> {
    let absent: BTreeMap<&str, &str> = [
        ("by-camera", "Nobody's camera"),
        ("by-date", "1912"),
        ("by-place", "Atlantis"),
        ("by-tag", "not a tag"),
        ("by-type", "raw"),
        ("search", "date=32"),
    ]
    .into();
    for (facet, name) in absent {
        let path = mount.join(facet).join(name);
        ensure!(!path.exists(), "{path:?} is there");
    }
    Ok(())
}
