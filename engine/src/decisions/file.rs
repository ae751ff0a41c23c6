//! The file of decisions: read whole, written whole.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Deserialize;

use super::dismissals::{Dismissal, content_of, hex};
use super::{DecisionError, is_model_name, is_name};
use crate::duplicates::Tier;

/// The version of the file that this semfs writes. Version 1 had pins alone, version 2 no model;
/// both are read.
pub(super) const VERSION: u32 = 3;

/// The first lines of the file.
const HEADER: &str = "\
# What you decided, as semfs keeps it. `semfs index --rebuild` does not touch it.
# It may be edited; semfs reads it when it starts, and before each change that it makes.
";

/// What is in the file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Written {
    pub model: Option<String>,
    pub pins: Vec<String>,
    pub dismissed: Vec<Dismissal>,
}

/// The file as it is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[allow(dead_code)] // read beforehand, by itself
    version: u32,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    pins: Vec<String>,
    #[serde(default)]
    dismissed: Vec<RawDismissal>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDismissal {
    tier: Tier,
    #[serde(default)]
    name: String,
    #[serde(default)]
    since: u64,
    contents: Vec<String>,
}

/// What can be read of a file of any version.
#[derive(Debug, Deserialize)]
struct RawVersion {
    version: u32,
}

/// The decisions in a file; none if there is none.
pub(super) fn read(path: &Path) -> Result<Written, DecisionError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Written::default()),
        other => other.map_err(|source| DecisionError::Disk {
            path: path.to_owned(),
            action: "read",
            source,
        })?,
    };
    parse(path, &text)
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Written, DecisionError> {
    let damaged = |at: usize, reason: String| DecisionError::Damaged {
        path: path.to_owned(),
        line: text[..at.min(text.len())].matches('\n').count() + 1,
        reason,
    };
    let not_understood = |error: toml::de::Error| {
        damaged(
            error.span().map_or(0, |span| span.start),
            error.message().to_owned(),
        )
    };
    // By itself first: other keys may be those of a newer version.
    let RawVersion { version } = toml::from_str(text).map_err(not_understood)?;
    if version > VERSION {
        return Err(DecisionError::Newer {
            path: path.to_owned(),
            version,
        });
    }
    let raw: Raw = toml::from_str(text).map_err(not_understood)?;
    let mut written = Written::default();
    if let Some(model) = raw.model {
        if !is_model_name(&model) {
            let at = text.find("model").unwrap_or(0);
            return Err(damaged(at, DecisionError::Model(model).to_string()));
        }
        written.model = Some(model);
    }
    for pin in raw.pins {
        if !is_name(&pin) {
            let at = text.find(pin.as_str()).unwrap_or(0);
            return Err(damaged(at, DecisionError::Name(pin).to_string()));
        }
        if !written.pins.contains(&pin) {
            written.pins.push(pin);
        }
    }
    for raw in raw.dismissed {
        let mut contents = BTreeSet::new();
        for content in &raw.contents {
            let at = text.find(content.as_str()).unwrap_or(0);
            contents.insert(content_of(content).ok_or_else(|| {
                let reason = "is no content: those are 64 hexadecimal digits";
                damaged(at, format!("{content:?} {reason}"))
            })?);
        }
        written.dismissed.push(Dismissal {
            tier: raw.tier,
            contents,
            name: raw.name,
            since: raw.since,
        });
    }
    Ok(written)
}

/// Writes the file whole: after a crash there is the old one or the new one.
pub(super) fn write(path: &Path, written: &Written) -> io::Result<()> {
    let beside = path.with_extension("toml.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text(written).as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

pub(super) fn text(written: &Written) -> String {
    let mut text = format!("{HEADER}version = {VERSION}\n");
    if let Some(model) = &written.model {
        text.push_str("\n# The model that `semfs model use` chose.\nmodel = ");
        quote(model, &mut text);
        text.push('\n');
    }
    text.push_str("\npins = [\n");
    for pin in &written.pins {
        text.push_str("    ");
        quote(pin, &mut text);
        text.push_str(",\n");
    }
    text.push_str("]\n");
    for dismissal in &written.dismissed {
        text.push_str("\n# These are not duplicates of each other.\n[[dismissed]]\n");
        let Dismissal { tier, since, .. } = dismissal;
        let line = write!(text, "tier = \"{tier}\"\nname = ");
        debug_assert!(line.is_ok(), "a text takes anything");
        quote(&dismissal.name, &mut text);
        let line = write!(text, "\nsince = {since}\ncontents = [\n");
        debug_assert!(line.is_ok(), "a text takes anything");
        for content in &dismissal.contents {
            text.push_str("    \"");
            text.push_str(&hex(content));
            text.push_str("\",\n");
        }
        text.push_str("]\n");
    }
    text
}

/// A basic string of TOML.
fn quote(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if control.is_control() => {
                text.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}
