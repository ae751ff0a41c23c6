//! Random questions to a mount, and whether it answers them as the model does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::filters::any_filter;
use super::model::{FACETS, Model, Set};
use super::mount::{Wrong, ensure, entries, hold_names, hold_ranks, numbers, photos, plain};
use super::random::Random;
use super::vocabulary::TEXTS;

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
        let depth = if is_last {
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

/// What nobody has and what is no question is not there.
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
