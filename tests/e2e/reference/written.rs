//! What cameras and people write into files, written by hand: EXIF, XMP, and JPEGs with both.
//!
//! Nothing here is shared with what semfs reads them with.

use super::random::Random;

/// What a clock on the wall shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    /// Of the day.
    pub second: u32,
}

/// A place on Earth, and what semfs's table of towns calls it.
#[derive(Debug, PartialEq)]
pub struct Spot {
    pub latitude: f64,
    pub longitude: f64,
    /// Country, region, town; nothing at sea.
    pub name: Option<(&'static str, &'static str, &'static str)>,
}

/// What a camera calls itself, and what semfs calls it.
#[derive(Debug, PartialEq)]
pub struct Camera {
    pub make: &'static str,
    pub model: &'static str,
    pub name: &'static str,
}

/// What a camera writes.
#[derive(Debug, Clone, Default)]
pub struct Exif {
    pub camera: Option<&'static Camera>,
    pub taken: Option<Moment>,
    pub spot: Option<&'static Spot>,
    pub orientation: Option<u8>,
}

/// What a person writes.
#[derive(Debug, Clone, Default)]
pub struct Xmp {
    pub keywords: Vec<&'static str>,
    pub people: Vec<&'static str>,
    pub rating: Option<u8>,
    pub taken: Option<Moment>,
    pub spot: Option<&'static Spot>,
}

impl Moment {
    pub const fn new(year: u16, month: u8, day: u8, clock: (u32, u32, u32)) -> Self {
        Self {
            year,
            month,
            day,
            second: clock.0 * 3600 + clock.1 * 60 + clock.2,
        }
    }

    /// Some time of six years: few days, so that photos share them.
    pub fn any(random: &mut Random) -> Self {
        let clock = 1 + random.below(86_399) as u32;
        Self {
            year: 2018 + random.below(6) as u16,
            month: *random.pick(&[1, 2, 5, 12]),
            day: *random.pick(&[1, 2, 17, 28]),
            second: clock,
        }
    }

    /// Seconds since the start of 1970, if the clock shows UTC. Counted year by year.
    pub fn to_unix(self) -> u64 {
        let is_leap = |year: u16| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let years = (1970..self.year).map(|year| if is_leap(year) { 366 } else { 365 });
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let months: u64 = lengths[..usize::from(self.month) - 1].iter().sum();
        let leap_day = u64::from(is_leap(self.year) && self.month > 2);
        let days = years.sum::<u64>() + months + leap_day + u64::from(self.day) - 1;
        days * 86_400 + u64::from(self.second)
    }

    fn text(self, dash: char, between: char) -> String {
        let Self {
            year,
            month,
            day,
            second,
        } = self;
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let second = second % 60;
        format!("{year}{dash}{month:02}{dash}{day:02}{between}{hour:02}:{minute:02}:{second:02}")
    }
}

/// A tag of a TIFF directory: its number, type, count and value.
type Entry = (u16, u16, u32, Vec<u8>);

/// A TIFF that is being written, in either byte order.
struct Tiff {
    big: bool,
    bytes: Vec<u8>,
}

impl Tiff {
    fn new(big: bool) -> Self {
        let bytes = if big {
            b"MM\0*\0\0\0\0"
        } else {
            b"II*\0\0\0\0\0"
        };
        Self {
            big,
            bytes: bytes.to_vec(),
        }
    }

    fn two(&self, value: u16) -> Vec<u8> {
        let little = value.to_le_bytes();
        self.ordered(&little)
    }

    fn four(&self, value: u32) -> Vec<u8> {
        let little = value.to_le_bytes();
        self.ordered(&little)
    }

    fn ordered(&self, little: &[u8]) -> Vec<u8> {
        let mut bytes = little.to_vec();
        if self.big {
            bytes.reverse();
        }
        bytes
    }

    fn text(tag: u16, text: &str) -> Entry {
        let value = [text.as_bytes(), b"\0"].concat();
        (tag, 2, value.len() as u32, value)
    }

    fn angle(&self, tag: u16, degrees: f64) -> Entry {
        let millionths = (degrees.abs() * 1e6).round() as u32;
        let parts = [(millionths, 1_000_000), (0, 1), (0, 1)];
        let value = parts.map(|(above, below)| [self.four(above), self.four(below)].concat());
        (tag, 5, 3, value.concat())
    }

    /// Appends a directory; where it begins.
    fn directory(&mut self, entries: Vec<Entry>) -> u32 {
        let at = self.bytes.len();
        let mut table = self.two(entries.len() as u16);
        let mut behind = Vec::new();
        let values = at + 2 + entries.len() * 12 + 4;
        for (tag, kind, count, mut value) in entries {
            table.extend([self.two(tag), self.two(kind)].concat());
            table.extend(self.four(count));
            if value.len() <= 4 {
                value.resize(4, 0);
                table.extend(value);
            } else {
                table.extend(self.four((values + behind.len()) as u32));
                behind.extend(value);
            }
        }
        table.extend([0; 4]);
        self.bytes.extend(table);
        self.bytes.extend(behind);
        at as u32
    }
}

impl Exif {
    /// The segment of a JPEG.
    fn segment(&self, big: bool) -> Vec<u8> {
        let mut tiff = Tiff::new(big);
        let mut picture = Vec::new();
        if let Some(camera) = self.camera {
            let words = [(0x010F, camera.make), (0x0110, camera.model)];
            let words = words.iter().filter(|(_, text)| !text.is_empty());
            picture.extend(words.map(|(tag, text)| Tiff::text(*tag, text)));
        }
        if let Some(orientation) = self.orientation {
            picture.push((0x0112, 3, 1, tiff.two(orientation.into())));
        }
        if let Some(taken) = self.taken {
            let shot = tiff.directory(vec![Tiff::text(0x9003, &taken.text(':', ' '))]);
            picture.push((0x8769, 4, 1, tiff.four(shot)));
        }
        if let Some(spot) = self.spot {
            let direction =
                |degrees: f64, ways: [&'static str; 2]| ways[usize::from(degrees < 0.0)];
            let position = vec![
                Tiff::text(1, direction(spot.latitude, ["N", "S"])),
                tiff.angle(2, spot.latitude),
                Tiff::text(3, direction(spot.longitude, ["E", "W"])),
                tiff.angle(4, spot.longitude),
            ];
            let position = tiff.directory(position);
            picture.push((0x8825, 4, 1, tiff.four(position)));
        }
        let first = tiff.directory(picture);
        let first = tiff.four(first);
        tiff.bytes[4..8].copy_from_slice(&first);
        [b"Exif\0\0", &tiff.bytes[..]].concat()
    }
}

impl Xmp {
    /// The packet, as in a sidecar.
    pub fn packet(&self) -> String {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        let list = |name: &str, items: &[&str]| {
            let items: String = items
                .iter()
                .map(|item| format!("<rdf:li>{}</rdf:li>", escaped(item)))
                .collect();
            match items.as_str() {
                "" => String::new(),
                items => format!("<{name}><rdf:Bag>{items}</rdf:Bag></{name}>"),
            }
        };
        let angle = |degrees: f64, ways: [char; 2]| {
            let (whole, part) = (degrees.abs().trunc(), degrees.abs().fract() * 60.0);
            format!("{whole},{part:.6}{}", ways[usize::from(degrees < 0.0)])
        };
        let mut said = String::new();
        if let Some(rating) = self.rating {
            said += &format!(" xmp:Rating='{rating}'");
        }
        if let Some(taken) = self.taken {
            said += &format!(" exif:DateTimeOriginal='{}'", taken.text('-', 'T'));
        }
        if let Some(spot) = self.spot {
            let north = angle(spot.latitude, ['N', 'S']);
            let east = angle(spot.longitude, ['E', 'W']);
            said += &format!(" exif:GPSLatitude='{north}' exif:GPSLongitude='{east}'");
        }
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\
             <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
             <rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/' \
             xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmlns:exif='http://ns.adobe.com/exif/1.0/' \
             xmlns:ext='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'{said}>{}{}\
             </rdf:Description></rdf:RDF></x:xmpmeta>\n",
            list("dc:subject", &self.keywords),
            list("ext:PersonInImage", &self.people),
        )
    }
}

/// A JPEG with what its camera and its owner wrote, behind its first mark.
pub fn with_metadata(jpeg: &[u8], exif: Option<&Exif>, xmp: Option<&Xmp>, big: bool) -> Vec<u8> {
    let (start, rest) = jpeg.split_at(2);
    let mut bytes = start.to_vec();
    let exif = exif.map(|exif| exif.segment(big));
    let packet = |xmp: &Xmp| [b"http://ns.adobe.com/xap/1.0/\0", xmp.packet().as_bytes()].concat();
    for content in exif.into_iter().chain(xmp.map(packet)) {
        let length = u16::try_from(content.len() + 2).unwrap();
        bytes.extend([0xFF, 0xE1]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(content);
    }
    bytes.extend(rest);
    bytes
}
