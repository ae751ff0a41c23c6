//! The filters of a query: conditions that a photo satisfies or does not.
//!
//! Values are normalised here, once: so that equal conditions are equal values, and a
//! value that a program got from a photo is printed as a folder name that means it.

use std::fmt;

use super::QueryError;
use super::key::Key;
use super::words::{is_plain, single_spaced};
use crate::date::Date;

/// What stands for `/` in a folder name: the division slash.
const SLASH: char = '∕';

/// Types of pictures that have one file format.
const PICTURES: &[&str] = &[
    "jpeg", "png", "webp", "gif", "bmp", "tiff", "heic", "avif", "jxl", "jp2",
];

/// File formats of the type `raw`.
const RAWS: &[&str] = &[
    "cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2", "pef", "srw",
];

/// File formats of the type `video`.
const VIDEOS: &[&str] = &["mp4", "mov", "3gp", "avi", "mkv", "webm"];

/// Other names of types.
const ALIASES: &[(&str, &str)] = &[("jpg", "jpeg"), ("tif", "tiff"), ("heif", "heic")];

/// A condition on a photo.
///
/// The constructors normalise: make filters with them, or give them to
/// [`Query::of`](super::Query::of), which does the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Taken then.
    Date(Date),
    /// Taken with a camera that has these words in its name; with single spaces, as
    /// written.
    Camera(String),
    /// Taken at a place of this name; with single spaces, as written.
    Place(String),
    /// Of this type of file: a name in lower case, of which `raw` and `video` stand for
    /// several file formats ([`Filter::formats_of`]).
    Type(String),
    /// With this keyword; with single spaces, as written.
    Tag(String),
    /// In this folder of a root or below: names separated by `/`, none before the first
    /// or after the last.
    In(String),
    /// Of this shape.
    Shape(Shape),
}

/// How a picture stands, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Higher than wide.
    Portrait,
    /// Wider than high.
    Landscape,
    /// As wide as high.
    Square,
}

impl Filter {
    /// A filter by a date, written as [`Date::parse`] wants it.
    ///
    /// # Errors
    /// It is no date.
    pub fn date(text: &str) -> Result<Self, QueryError> {
        Ok(Self::Date(Date::parse(text)?))
    }

    /// A filter by a camera.
    ///
    /// # Errors
    /// The name is empty.
    pub fn camera(name: &str) -> Result<Self, QueryError> {
        free(Key::Camera, name).map(Self::Camera)
    }

    /// A filter by a place.
    ///
    /// # Errors
    /// The name is empty.
    pub fn place(name: &str) -> Result<Self, QueryError> {
        free(Key::Place, name).map(Self::Place)
    }

    /// A filter by a keyword.
    ///
    /// # Errors
    /// The keyword is empty.
    pub fn tag(keyword: &str) -> Result<Self, QueryError> {
        free(Key::Tag, keyword).map(Self::Tag)
    }

    /// A filter by a type of file, in any case; `jpg`, `tif` and `heif` are known too.
    ///
    /// # Errors
    /// There is no such type.
    pub fn file_type(name: &str) -> Result<Self, QueryError> {
        let written = single_spaced(name);
        if written.is_empty() {
            return Err(QueryError::no_value(Key::Type));
        }
        let name = written.to_lowercase();
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let name = alias.map_or(name, |(_, name)| (*name).to_owned());
        let groups = [PICTURES, RAWS, VIDEOS, &["raw", "video"]];
        if groups.iter().any(|group| group.contains(&name.as_str())) {
            Ok(Self::Type(name))
        } else {
            Err(QueryError::Type(written))
        }
    }

    /// A filter by a folder of a root, with `/`, `∕`, `⁄` or `:` between the names.
    /// Spaces around a name and slashes around the path do not count.
    ///
    /// # Errors
    /// There is no name, or one is `.` or `..`.
    pub fn folder(path: &str) -> Result<Self, QueryError> {
        let path = single_spaced(path);
        let names = path.split(['/', SLASH, '⁄', ':']).map(str::trim);
        let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        if names.iter().any(|name| matches!(*name, "." | "..")) {
            return Err(QueryError::Folder(path));
        }
        if names.is_empty() {
            return Err(QueryError::no_value(Key::In));
        }
        Ok(Self::In(names.join("/")))
    }

    /// A filter by a shape, in any case.
    ///
    /// # Errors
    /// There is no such shape.
    pub fn shape(name: &str) -> Result<Self, QueryError> {
        let shapes = [Shape::Portrait, Shape::Landscape, Shape::Square];
        let shape = shapes
            .into_iter()
            .find(|shape| shape.name().eq_ignore_ascii_case(name));
        shape
            .map(Self::Shape)
            .ok_or_else(|| QueryError::Shape(name.to_owned()))
    }

    /// The file formats that a type of [`Filter::Type`] stands for, in lower case: those
    /// of `raw` or `video`, else the type itself.
    #[must_use]
    pub fn formats_of(file_type: &str) -> Vec<&str> {
        match file_type {
            "raw" => RAWS.to_vec(),
            "video" => VIDEOS.to_vec(),
            name => vec![name],
        }
    }

    /// The same filter, as its constructor would have made it.
    pub(super) fn normal(self) -> Result<Self, QueryError> {
        match self {
            Self::Date(Date::Between { from, to }) => Ok(Self::Date(Date::between(from, to)?)),
            Self::Date(Date::Unknown) | Self::Shape(_) => Ok(self),
            Self::Camera(name) => Self::camera(&name),
            Self::Place(name) => Self::place(&name),
            Self::Type(name) => Self::file_type(&name),
            Self::Tag(keyword) => Self::tag(&keyword),
            Self::In(path) => Self::folder(&path),
        }
    }
}

impl Shape {
    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portrait => "portrait",
            Self::Landscape => "landscape",
            Self::Square => "square",
        }
    }
}

/// As it is written in a query.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = match self {
            Self::Date(date) => return write!(f, "{}={date}", Key::Date.name()),
            Self::Shape(shape) => return write!(f, "{}={}", Key::Shape.name(), shape.name()),
            Self::Camera(name) => (Key::Camera, name),
            Self::Place(name) => (Key::Place, name),
            Self::Type(name) => (Key::Type, name),
            Self::Tag(keyword) => (Key::Tag, keyword),
            Self::In(path) => (Key::In, path),
        };
        let written = value.replace('/', SLASH.encode_utf8(&mut [0; 4]));
        let needs_quotes = written.starts_with('"') || !written.split(' ').all(is_plain);
        if needs_quotes {
            write!(f, "{}=\"{}\"", key.name(), written.replace('"', "\"\""))
        } else {
            write!(f, "{}={written}", key.name())
        }
    }
}

/// All types, for a sentence.
pub(super) fn types() -> String {
    format!(
        "{}, raw (or {}), video (or {})",
        PICTURES.join(", "),
        RAWS.join(", "),
        VIDEOS.join(", ")
    )
}

/// A free value with single spaces; what stands for `/` in a folder name is `/`.
fn free(key: Key, value: &str) -> Result<String, QueryError> {
    let value = single_spaced(value).replace(SLASH, "/");
    if value.is_empty() {
        return Err(QueryError::no_value(key));
    }
    Ok(value)
}
