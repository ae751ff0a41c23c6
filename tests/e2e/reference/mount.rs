//! What a mount shows, read as programs read it, and held against the model.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::model::{FACETS, Model, Set};

/// What is wrong, in words.
pub type Wrong = String;

macro_rules! ensure {
    ($is_so:expr, $($why:tt)*) => {
        if !$is_so {
            return Err(format!($($why)*));
        }
    };
}
pub(super) use ensure;

/// The entries of a folder in the order of their names: each name, and where its link leads,
/// if it is one.
pub fn entries(folder: &Path) -> Result<Vec<(String, Option<PathBuf>)>, Wrong> {
    let wrong = |error: std::io::Error| format!("{folder:?}: {error}");
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name().into_string().unwrap();
        if name == ".why" {
            continue;
        }
        let path = folder.join(&name);
        let named = |error: std::io::Error| format!("{path:?}: {error}");
        let is_link = path.symlink_metadata().map_err(named)?.is_symlink();
        let target = is_link
            .then(|| fs::read_link(&path).map_err(named))
            .transpose()?;
        entries.push((name, target));
    }
    entries.sort();
    Ok(entries)
}

/// The photos of a folder in the order of their names, also where it is shown in parts.
pub fn photos(folder: &Path, parts_of: usize) -> Result<Vec<(String, PathBuf)>, Wrong> {
    let mut photos = Vec::new();
    let mut parts = 0;
    for (name, target) in entries(folder)? {
        match target {
            Some(target) => photos.push((name, target)),
            None => {
                let from = parts * parts_of;
                let expected = format!("{:07}-{:07}", from + 1, from + parts_of);
                ensure!(
                    name == expected,
                    "{folder:?} has {name} where {expected} should be"
                );
                let part = entries(&folder.join(&name))?;
                ensure!(
                    (1..=parts_of).contains(&part.len()),
                    "{folder:?}/{name} is of {}",
                    part.len()
                );
                for (name, target) in part {
                    let target =
                        target.ok_or_else(|| format!("{folder:?} has {name} in a part"))?;
                    photos.push((name, target));
                }
                parts += 1;
            }
        }
    }
    let count = photos.len();
    ensure!(
        (count > parts_of) == (parts > 0),
        "{folder:?} has {count} photos in {parts} parts"
    );
    Ok(photos)
}

/// The photos that links lead to, in their order: each once.
pub fn numbers(model: &Model, targets: &[(String, PathBuf)]) -> Result<Vec<usize>, Wrong> {
    let mut numbers = Vec::new();
    for (name, target) in targets {
        let number = model.holds.get(target);
        let number =
            *number.ok_or_else(|| format!("{name} leads to {target:?}, which holds no photo"))?;
        ensure!(
            !numbers.contains(&number),
            "{name}: photo {number} is there twice"
        );
        numbers.push(number);
    }
    Ok(numbers)
}

/// Enters folders of facets of which the names collide, as who types a path does. What the
/// kernel keeps of an earlier listing would hide a wrong answer: nobody must have listed them.
pub fn hold_unlisted(mount: &Path, model: &Model, parts_of: usize) -> Result<(), Wrong> {
    for facet in FACETS {
        let mut colliding: BTreeMap<String, Vec<Set>> = BTreeMap::new();
        for (path, photos) in model.folders(*facet, &model.all()) {
            if path.len() == 1 {
                colliding
                    .entry(portable(&path[0]))
                    .or_default()
                    .push(photos);
            }
        }
        colliding.retain(|_, sets| sets.len() > 1);
        for (label, mut expected) in colliding {
            let spelled = model
                .photos
                .values()
                .flat_map(facet.1)
                .map(|path| portable(&path[0]));
            let label = spelled
                .into_iter()
                .find(|other| other.to_lowercase() == label);
            let label = label.unwrap_or_default();
            let mut shown = Vec::new();
            for number in 1..=expected.len() {
                let name = match number {
                    1 => label.clone(),
                    _ => format!("{label} ({number})"),
                };
                let links = photos(&mount.join(facet.0).join(name), parts_of)?;
                shown.push(numbers(model, &links)?.into_iter().collect::<Set>());
            }
            shown.sort();
            expected.sort();
            ensure!(
                shown == expected,
                "{}/{label} and its like: {shown:?}, not {expected:?}",
                facet.0
            );
        }
    }
    Ok(())
}

/// Holds everything that `find` meets against the model: each photo is in each facet exactly
/// where it belongs, once.
pub fn hold_whole(mount: &Path, model: &Model, parts_of: usize) -> Result<(), Wrong> {
    let output = Command::new("find")
        .arg(mount)
        .args(["-mindepth", "1", "-printf", r"%y\t%P\t%l\0"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && errors.is_empty(),
        "find: {errors}"
    );
    let printed = String::from_utf8(output.stdout).unwrap();
    // By folder, without the part that it may be shown in.
    let mut links: BTreeMap<Vec<&str>, Vec<(String, PathBuf)>> = BTreeMap::new();
    let (mut with_links, mut folders) = (HashSet::new(), Vec::new());
    for line in printed.split_terminator('\0') {
        let fields: Vec<&str> = line.split('\t').collect();
        let [kind, path, target] = fields[..] else {
            return Err(format!("find prints {line:?}"));
        };
        let mut above: Vec<&str> = path.split('/').collect();
        if kind == "d" {
            folders.push(path);
            continue;
        }
        let name = above.pop().unwrap_or_default();
        if kind != "l" {
            continue;
        }
        (1..=above.len()).for_each(|depth| {
            with_links.insert(above[..depth].join("/"));
        });
        if is_part(above.last().unwrap_or(&""), parts_of) {
            above.pop();
        }
        links
            .entry(above)
            .or_default()
            .push((name.to_owned(), target.into()));
    }
    let empty = folders.iter().find(|path| {
        let facet = path.starts_with("by-") || path.starts_with("problems/");
        facet && path.contains('/') && !with_links.contains(**path)
    });
    ensure!(empty.is_none(), "{empty:?} is listed and empty");
    let odd = links.keys().find(|path| {
        let known = ["dupes", "recent", "problems"].contains(&path[0]);
        !known && FACETS.iter().all(|facet| facet.0 != path[0])
    });
    ensure!(odd.is_none(), "there are links in {odd:?}");
    hold_recent(links.get(&vec!["recent"]), model)?;
    hold_problems(&links, model)?;
    hold_exact_duplicates(&links, model)?;
    for facet in FACETS {
        let mut shown: BTreeMap<Vec<String>, Vec<Set>> = BTreeMap::new();
        let mut given = BTreeSet::new();
        for (path, photos) in links.iter().filter(|(path, _)| path[0] == facet.0) {
            let lower: Vec<String> = path.iter().map(|name| name.to_lowercase()).collect();
            ensure!(given.insert(lower), "{path:?} is there twice");
            let found = numbers(model, photos).map_err(|wrong| format!("{path:?}: {wrong}"))?;
            if photos.len() <= parts_of {
                hold_names(photos).map_err(|wrong| format!("{path:?}: {wrong}"))?;
            }
            let key = path[1..].iter().map(|name| plain(name)).collect();
            shown
                .entry(key)
                .or_default()
                .push(found.into_iter().collect());
        }
        let mut expected: BTreeMap<Vec<String>, Vec<Set>> = BTreeMap::new();
        for (path, photos) in model.folders(*facet, &model.all()) {
            let key = path.iter().map(|name| plain(name)).collect();
            expected.entry(key).or_default().push(photos);
        }
        let all: BTreeSet<_> = expected.keys().chain(shown.keys()).cloned().collect();
        for path in all {
            let sorted = |sets: &BTreeMap<Vec<String>, Vec<Set>>| {
                let mut sets = sets.get(&path).cloned().unwrap_or_default();
                sets.sort();
                sets
            };
            let (shown, expected) = (sorted(&shown), sorted(&expected));
            ensure!(
                shown == expected,
                "{}/{path:?} shows {shown:?} and not {expected:?}",
                facet.0
            );
        }
    }
    Ok(())
}

fn hold_recent(links: Option<&Vec<(String, PathBuf)>>, model: &Model) -> Result<(), Wrong> {
    let links = links.map_or(&[][..], Vec::as_slice);
    let recent: Set = numbers(model, links)?.into_iter().collect();
    ensure!(
        recent == model.all(),
        "recent shows {recent:?} and not {:?}",
        model.all()
    );
    let mut links = links.to_vec();
    links.sort();
    hold_ranks(&links)
}

fn hold_problems(
    links: &BTreeMap<Vec<&str>, Vec<(String, PathBuf)>>,
    model: &Model,
) -> Result<(), Wrong> {
    let mut shown: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for (path, links) in links.iter().filter(|(path, _)| path[0] == "problems") {
        ensure!(path.len() == 2, "there are problems in {path:?}");
        let mut paths: Vec<PathBuf> = links.iter().map(|(_, target)| target.clone()).collect();
        paths.sort();
        shown.insert(path[1], paths);
    }
    let mut expected = model.problems.clone();
    expected.values_mut().for_each(|paths| paths.sort());
    ensure!(
        shown == expected,
        "problems shows {shown:?} and not {expected:?}"
    );
    Ok(())
}

/// Each content that several files hold is a group of them, whatever other kinds of sameness
/// there are.
fn hold_exact_duplicates(
    links: &BTreeMap<Vec<&str>, Vec<(String, PathBuf)>>,
    model: &Model,
) -> Result<(), Wrong> {
    let mut shown: Vec<Vec<PathBuf>> = Vec::new();
    for (path, links) in links.iter().filter(|(path, _)| path[0] == "dupes") {
        let mut links = links.clone();
        links.sort();
        hold_ranks(&links).map_err(|wrong| format!("{path:?}: {wrong}"))?;
        if path[1] == "exact" {
            let count = format!("{}x ", links.len());
            let is_named = path.last().is_some_and(|name| name.starts_with(&count));
            ensure!(is_named, "{path:?} has {} copies", links.len());
            let mut paths: Vec<PathBuf> = links.into_iter().map(|(_, target)| target).collect();
            paths.sort();
            shown.push(paths);
        }
    }
    shown.sort();
    let mut holders: BTreeMap<usize, Vec<PathBuf>> = BTreeMap::new();
    for (path, number) in &model.holds {
        holders.entry(*number).or_default().push(path.clone());
    }
    let mut expected: Vec<Vec<PathBuf>> = holders.into_values().collect();
    expected.retain(|paths| paths.len() > 1);
    expected.iter_mut().for_each(|paths| paths.sort());
    expected.sort();
    ensure!(
        shown == expected,
        "dupes/exact shows {shown:?} and not {expected:?}"
    );
    Ok(())
}

/// Names of an order: ranks without a gap, all of one width, and the names of the originals.
pub fn hold_ranks(links: &[(String, PathBuf)]) -> Result<(), Wrong> {
    let width = links.len().to_string().len();
    for ((name, target), rank) in links.iter().zip(1..) {
        let original = target.file_name().unwrap().to_str().unwrap();
        let expected = format!("{rank:0width$} {}", portable(original));
        ensure!(
            *name == expected,
            "{name} leads to {target:?} and should be {expected}"
        );
    }
    Ok(())
}

/// Names of a folder without an order: those of the originals, told apart where they collide.
pub fn hold_names(links: &[(String, PathBuf)]) -> Result<(), Wrong> {
    let mut given = HashSet::new();
    for (name, target) in links {
        let original = target.file_name().unwrap().to_str().unwrap();
        ensure!(plain(name) == plain(original), "{name} leads to {target:?}");
        ensure!(
            *name == portable(name),
            "{name} cannot be carried by all systems"
        );
        ensure!(
            given.insert(name.to_lowercase()),
            "{name} is there twice but for its case"
        );
    }
    Ok(())
}

/// A name without what tells it apart from others of the same folder.
pub fn plain(name: &str) -> String {
    let portable = portable(name).to_lowercase();
    let (stem, extension) = match portable.rfind('.') {
        Some(dot) if dot > 0 => portable.split_at(dot),
        _ => (portable.as_str(), ""),
    };
    let mut stem = stem.to_owned();
    loop {
        let number = stem
            .strip_suffix(')')
            .and_then(|rest| rest.rsplit_once(" ("));
        match number {
            Some((rest, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                stem = rest.to_owned();
            }
            _ => return stem + extension,
        }
    }
}

/// A name as every system can carry it.
fn portable(name: &str) -> String {
    let mut name = name.replace([':', '*', '?', '"', '<', '>', '|', '\\', '/'], "_");
    if name.ends_with(['.', ' ']) {
        name.pop();
        name.push('_');
    }
    name
}

fn is_part(name: &str, parts_of: usize) -> bool {
    let numbers = name.split_once('-');
    numbers.is_some_and(|(from, to)| {
        let number = |text: &str| text.parse::<usize>().ok().filter(|_| text.len() == 7);
        let parts = number(from).zip(number(to));
        parts.is_some_and(|(from, to)| from + parts_of == to + 1)
    })
}
