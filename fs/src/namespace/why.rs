//! `.why`: for each photo of a folder, why it is there, one line with fields between tabs.

use std::fmt::Write;
use std::sync::Arc;

use crate::directory::{Place, View};
use crate::listing::{Entry, Listing};

/// The text of a folder's `.why`: rank, relevance, raw score, what matched (filters, then
/// words) and path; of a problem, its name, its kind, the reason and the path; of a copy in a
/// group of duplicates, what [`super::duplicates`] says. `-` stands for what there is not.
///
/// Made once for each listing: programs ask for its size first.
pub(super) fn text(view: &View, listing: &Listing) -> Arc<[u8]> {
    let text = listing
        .reasons
        .get_or_init(|| write(view, listing).into_bytes().into());
    Arc::clone(text)
}

fn write(view: &View, listing: &Listing) -> String {
    let mut text = String::new();
    let filters = view.question.filters().iter().map(ToString::to_string);
    let filters: Vec<String> = filters.collect();
    for entry in listing.entries() {
        if matches!(view.place, Place::DuplicateGroup { .. }) {
            text += &entry.reason.words;
            continue;
        }
        if let Some(path) = entry.node.photo() {
            let path = one_line(&path.to_string_lossy());
            let line = match &view.place {
                Place::ProblemsOf { kind, .. } => {
                    let (name, reason) = (one_line(&entry.name), one_line(&entry.reason.words));
                    writeln!(text, "{name}\t{kind}\t{reason}\t{path}")
                }
                _ => {
                    let (relevance, score) = worth(entry);
                    let (rank, matched) = (rank(entry), matched(&filters, entry));
                    writeln!(text, "{rank}\t{relevance}\t{score}\t{matched}\t{path}")
                }
            };
            debug_assert!(line.is_ok(), "a text takes any line");
        }
    }
    text
}

fn rank(entry: &Entry) -> &str {
    let digits = entry.name.split(' ').next().unwrap_or_default();
    digits.trim_start_matches('0')
}

fn worth(entry: &Entry) -> (String, String) {
    match entry.reason.worth {
        Some((relevance, score)) => (format!("{relevance:.3}"), format!("{score:.4}")),
        None => ("-".to_owned(), "-".to_owned()),
    }
}

fn matched(filters: &[String], entry: &Entry) -> String {
    let filters = filters.iter().cloned();
    let words = entry.reason.words.split_whitespace();
    let all: Vec<String> = filters
        .chain(words.map(|word| format!("word={word}")))
        .collect();
    if all.is_empty() {
        "-".to_owned()
    } else {
        one_line(&all.join(" "))
    }
}

/// A field must not look like two, nor a line like two.
pub(super) fn one_line(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}
