//! From single statements of XMP to what they say together.

use super::super::camera::Camera;
use super::super::taken::{Taken, TakenSource};
use super::super::{Metadata, Position, text, time};
use super::vocabulary::Property;

/// Names that programs give to regions nobody has named.
const NOBODY: &[&str] = &[
    "_unknown_",
    "unknown",
    "unconfirmed",
    "_unconfirmed_",
    "ignored",
];

/// What one block has said so far.
#[derive(Default)]
pub(super) struct Statements {
    metadata: Metadata,
    /// The dates, with how far each is believed.
    dates: Vec<(usize, Taken)>,
    /// The items of lists that are open; one of them may be a region.
    regions: Vec<Region>,
    headline: Option<String>,
    percent: Option<u8>,
    title_is_default: bool,
    description_is_default: bool,
    make: String,
    model: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude: Option<f64>,
    below_sea: bool,
    width: Option<u32>,
    height: Option<u32>,
}

/// A part of the picture that somebody marked.
#[derive(Default)]
struct Region {
    name: Option<String>,
    kind: Option<String>,
}

impl Statements {
    /// An element opens.
    pub(super) fn open(&mut self, property: Property) {
        if property == Property::Item {
            self.regions.push(Region::default());
        }
    }

    /// An element closes.
    pub(super) fn close(&mut self, property: Property) {
        if property != Property::Item {
            return;
        }
        let Some(region) = self.regions.pop() else {
            return;
        };
        let is_face = region
            .kind
            .is_none_or(|kind| kind.trim().eq_ignore_ascii_case("face"));
        if let Some(name) = region.name.filter(|_| is_face) {
            self.add_person(&name);
        }
    }

    /// `property` is said to be `value`.
    pub(super) fn say(&mut self, property: Property, value: &str, is_default: bool) {
        let number = || value.trim().parse::<f64>().ok();
        match property {
            Property::Keyword => text::add_name(&mut self.metadata.keywords, value),
            Property::Hierarchy => {
                for level in value.split(['|', '/']) {
                    text::add_name(&mut self.metadata.keywords, level);
                }
            }
            Property::Person => self.add_person(value),
            Property::RegionName => {
                if let Some(region) = self.regions.last_mut() {
                    region.name = Some(value.to_owned());
                }
            }
            Property::RegionType => {
                if let Some(region) = self.regions.last_mut() {
                    region.kind = Some(value.to_owned());
                }
            }
            Property::Title => {
                if self.metadata.title.is_none() || (is_default && !self.title_is_default) {
                    self.metadata.title = text::clean(value, text::NAME);
                    self.title_is_default = is_default;
                }
            }
            Property::Headline => self.headline = text::clean(value, text::NAME),
            Property::Description => {
                if self.metadata.description.is_none()
                    || (is_default && !self.description_is_default)
                {
                    self.metadata.description = text::clean(value, text::DESCRIPTION);
                    self.description_is_default = is_default;
                }
            }
            Property::Rating => {
                self.metadata.rating = number()
                    .filter(|stars| (0.0..=5.0).contains(stars))
                    .map(|stars| stars.round() as u8);
            }
            Property::RatingPercent => {
                self.percent = number().and_then(|percent| match percent as i64 {
                    1..=12 => Some(1),
                    13..=37 => Some(2),
                    38..=62 => Some(3),
                    63..=87 => Some(4),
                    88..=100 => Some(5),
                    _ => None,
                });
            }
            Property::Original => self.add_date(0, value),
            Property::Created => self.add_date(1, value),
            Property::CreateDate => self.add_date(2, value),
            Property::Digitised => self.add_date(3, value),
            Property::GpsTime => self.add_date(4, value),
            Property::Make => value.clone_into(&mut self.make),
            Property::Model => value.clone_into(&mut self.model),
            Property::Lens => self.metadata.lens = text::clean(value, text::NAME),
            Property::Latitude => self.latitude = angle(value, 'N', 'S'),
            Property::Longitude => self.longitude = angle(value, 'E', 'W'),
            Property::Altitude => self.altitude = fraction(value),
            Property::AltitudeReference => self.below_sea = value.trim() == "1",
            Property::Width => self.width = value.trim().parse().ok(),
            Property::Height => self.height = value.trim().parse().ok(),
            Property::Item
            | Property::Value
            | Property::Resource
            | Property::Syntax
            | Property::Other => {}
        }
    }

    /// What all statements come to.
    pub(super) fn into_metadata(mut self) -> Metadata {
        self.dates.sort_by_key(|(order, _)| *order);
        let mut metadata = self.metadata;
        metadata.dates = self.dates.into_iter().map(|(_, date)| date).collect();
        metadata.rating = metadata.rating.or(self.percent);
        metadata.title = metadata.title.or(self.headline);
        metadata.camera = Camera::new(&self.make, &self.model);
        let altitude = self
            .altitude
            .map(|metres| if self.below_sea { -metres } else { metres });
        metadata.position = match (self.latitude, self.longitude) {
            (Some(latitude), Some(longitude)) => Position::new(latitude, longitude, altitude),
            _ => None,
        };
        metadata.dimensions = self.width.zip(self.height);
        metadata
    }

    fn add_person(&mut self, name: &str) {
        let name = name.trim();
        if !NOBODY
            .iter()
            .any(|nobody| name.eq_ignore_ascii_case(nobody))
        {
            text::add_name(&mut self.metadata.people, name);
        }
    }

    fn add_date(&mut self, order: usize, value: &str) {
        if self.dates.iter().any(|(known, _)| *known == order) {
            return;
        }
        if let Some((local, offset_minutes)) = time::parse(value) {
            let date = Taken {
                local,
                offset_minutes,
                source: TakenSource::Xmp,
            };
            self.dates.push((order, date));
        }
    }
}

/// `48,51.5,0N`, `48,51.51N` or `48.8584` in degrees.
fn angle(value: &str, positive: char, negative: char) -> Option<f64> {
    let value = value.trim();
    let (numbers, sign) = match value.chars().last()?.to_ascii_uppercase() {
        last if last == positive => (&value[..value.len() - 1], 1.0),
        last if last == negative => (&value[..value.len() - 1], -1.0),
        last if last.is_ascii_digit() => (value, 1.0),
        _ => return None,
    };
    let mut angle = 0.0;
    let mut unit = 1.0;
    for part in numbers
        .split([',', ' '])
        .filter(|part| !part.is_empty())
        .take(3)
    {
        angle += fraction(part)? / unit;
        unit *= 60.0;
    }
    Some(angle * sign).filter(|angle| angle.is_finite() && !numbers.is_empty())
}

/// `123/4` or `30.75`.
fn fraction(value: &str) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let value = match value.split_once('/') {
        Some((above, below)) => number(above)? / number(below)?,
        None => number(value)?,
    };
    Some(value).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_read_in_all_their_forms() {
        let near = |value: &str, expected: f64| {
            let found = angle(value, 'N', 'S').unwrap();
            assert!((found - expected).abs() < 1e-9, "{value}: {found}");
        };
        near("48,51,30N", 48.858_333_333_333_33);
        near("48,51.5S", -48.858_333_333_333_33);
        near("-48.5", -48.5);
        near("485/10,0/1,0/1N", 48.5);
        for value in ["", "N", "48,51,30W", "x", "1/0N", "NaN", "48,51,30é"] {
            assert_eq!(angle(value, 'N', 'S'), None, "{value}");
        }
    }
}
