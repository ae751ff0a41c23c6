//! The little that is read of makers' notes: names of lenses, places of previews.
//!
//! Notes are secret formats that others have puzzled out (exiftool's documentation of
//! tags); only what is plain in them is read, of Canon, Nikon and Olympus.

use std::ops::Range;

use super::bytes::{Order, range};
use super::text;
use super::tiff::{Directory, Entry, Tiff};

/// The name of the lens from the notes in `entry`.
pub(super) fn lens(tiff: &Tiff<'_>, entry: Entry, make: &str) -> Option<String> {
    let (notes, directory) = open(tiff, entry, make)?;
    match brand(make)? {
        Brand::Canon => text::clean(&notes.text(directory.find(0x0095)?), text::NAME)
            .filter(|lens| lens.chars().any(char::is_alphabetic)),
        Brand::Nikon => {
            let entry = directory.find(0x0084)?;
            let part = |index| notes.number(entry, index).unwrap_or(0.0);
            lens_of_numbers([part(0), part(1), part(2), part(3)])
        }
        Brand::Olympus => {
            let equipment = notes.directory_of(directory.find(0x2010)?)?;
            text::clean(&notes.text(equipment.find(0x0203)?), text::NAME)
        }
    }
}

/// Where the notes say that a preview lies, in the bytes of `tiff`.
pub(super) fn preview(tiff: &Tiff<'_>, entry: Entry, make: &str) -> Option<Range<usize>> {
    let (notes, directory) = open(tiff, entry, make)?;
    // Offsets in notes count from the notes' own beginning, which lies in the file at:
    let base = (notes.bytes().as_ptr() as usize).checked_sub(tiff.bytes().as_ptr() as usize)?;
    let (directory, start, length) = match brand(make)? {
        Brand::Nikon => (notes.directory_of(directory.find(0x0011)?)?, 0x0201, 0x0202),
        Brand::Olympus => (notes.directory_of(directory.find(0x2020)?)?, 0x0101, 0x0102),
        Brand::Canon => return None,
    };
    let start = notes.unsigned(directory.find(start)?, 0)? as usize;
    let length = notes.unsigned(directory.find(length)?, 0)? as usize;
    range(tiff.bytes(), base.checked_add(start)?, length)
}

/// A lens by its numbers: shortest and longest focal length in millimetres, widest
/// aperture at both. Zero stands for what is not known.
pub(super) fn lens_of_numbers([short, long, wide, narrow]: [f64; 4]) -> Option<String> {
    let sensible = (1.0..=5000.0).contains(&short) && long <= 5000.0;
    if !sensible {
        return None;
    }
    let span = |from: f64, to: f64| {
        if to > from {
            format!("{}-{}", round(from), round(to))
        } else {
            round(from)
        }
    };
    let mut name = format!("{}mm", span(short, long));
    if (0.5..=64.0).contains(&wide) {
        name.push_str(" f/");
        name.push_str(&span(wide, if narrow <= 64.0 { narrow } else { wide }));
    }
    Some(name)
}

fn round(number: f64) -> String {
    let tenths = (number * 10.0).round() / 10.0;
    format!("{tenths}")
}

enum Brand {
    Canon,
    Nikon,
    Olympus,
}

fn brand(make: &str) -> Option<Brand> {
    let starts = |name: &str| {
        make.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    if starts("canon") {
        Some(Brand::Canon)
    } else if starts("nikon") {
        Some(Brand::Nikon)
    } else if starts("olympus") || starts("om digital") {
        Some(Brand::Olympus)
    } else {
        None
    }
}

/// Opens notes as a TIFF of their own: what offsets count in, and the first directory.
fn open<'a>(tiff: &Tiff<'a>, entry: Entry, make: &str) -> Option<(Tiff<'a>, Directory)> {
    let notes = tiff.value(entry);
    let (tiff, first) = match brand(make)? {
        Brand::Canon => (*tiff, entry.at),
        Brand::Nikon if notes.starts_with(b"Nikon\0\x02") => {
            let inner = Tiff::open(notes.get(10..)?)?;
            let directory = inner.directories().into_iter().next()?;
            return Some((inner, directory));
        }
        Brand::Nikon => return None,
        Brand::Olympus if notes.starts_with(b"OLYMPUS\0") || notes.starts_with(b"OM SYSTEM\0") => {
            let mark = if notes.starts_with(b"OM") { 12 } else { 8 };
            let order = match notes.get(mark..mark + 2)? {
                b"II" => Order::Little,
                b"MM" => Order::Big,
                _ => return None,
            };
            (Tiff::headless(notes, order, mark + 4), mark + 4)
        }
        Brand::Olympus if notes.starts_with(b"OLYMP\0") => (*tiff, entry.at.checked_add(8)?),
        Brand::Olympus => return None,
    };
    let directory = tiff.directory(first)?;
    Some((tiff, directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lens_is_named_by_its_numbers() {
        let name = |numbers| lens_of_numbers(numbers).unwrap_or_default();
        assert_eq!(name([18.0, 70.0, 3.5, 4.5]), "18-70mm f/3.5-4.5");
        assert_eq!(name([50.0, 50.0, 1.4, 1.4]), "50mm f/1.4");
        assert_eq!(name([4.25, 4.25, 0.0, 0.0]), "4.3mm");
        assert_eq!(name([0.0; 4]), "");
        assert_eq!(name([f64::NAN; 4]), "");
    }
}
