//! What a file says of itself: when, where and with what it was taken, and what people
//! wrote into it.
//!
//! [`read`] looks at the bytes of one file, in memory, and gathers what EXIF, XMP, IPTC
//! and the container say; [`read_sidecar`] does the same for an `.xmp` file beside it;
//! [`taken`] decides on one capture time. Nothing here opens a file, decodes a pixel or
//! knows of the index. The bytes come from strangers: whatever they are, there is an
//! answer, perhaps an empty one, in time that grows with their number and in little
//! memory. Damage is not reported: what can be read is read, the rest is not there.

mod avi;
mod boxes;
mod bytes;
mod camera;
mod exif;
mod file_name;
mod heif;
mod iptc;
mod jpeg;
mod kind;
mod maker;
mod matroska;
mod png;
mod preview;
mod raw;
mod riff;
mod taken;
mod text;
mod tiff;
mod time;
mod video;
mod xmp;

use serde::{Deserialize, Serialize};

pub use camera::Camera;
pub use file_name::date_in as date_in_file_name;
pub use kind::{Kind, Raw, Video};
pub use preview::preview;
pub use taken::{Taken, TakenSource, taken};
pub use time::CivilTime;

/// Counts what this module can read: raised when a file may say more than before.
pub const VERSION: u32 = 1;

/// The largest width or height that is believed, in pixels.
const LARGEST_SIDE: u32 = 1_000_000;

/// The most dates that a file's metadata keeps.
const DATES: usize = 12;

/// What one file says of itself. A field is empty where the file says nothing, or
/// nothing that can be understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The times at which it may have been taken, the most trusted first, none of them
    /// judged yet: [`taken`] does that.
    pub dates: Vec<Taken>,
    /// What it was taken with.
    pub camera: Option<Camera>,
    /// The lens, in the camera's own words.
    pub lens: Option<String>,
    /// Where it was taken.
    pub position: Option<Position>,
    /// How the stored pixels are turned before they are shown: 1 to 8 as in EXIF, tag
    /// 0x0112. For HEIF and AVIF it is what the container says, as their standard wants.
    pub orientation: Option<u8>,
    /// Width and height in pixels as it is shown, that is, after the orientation. Of a
    /// RAW the photo's, as well as the file tells, not those of the sensor.
    pub dimensions: Option<(u32, u32)>,
    /// The length of a video in milliseconds.
    pub duration: Option<u64>,
    /// Keywords, each once; of a hierarchy (`Places|France|Paris`) every level.
    pub keywords: Vec<String>,
    /// Names of people in the picture, each once.
    pub people: Vec<String>,
    /// 0 (not rated) to 5 stars.
    pub rating: Option<u8>,
    /// A short title.
    pub title: Option<String>,
    /// A description or caption.
    pub description: Option<String>,
}

/// A place on Earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Degrees, -90 to 90, north positive.
    pub latitude: f64,
    /// Degrees, -180 to 180, east positive.
    pub longitude: f64,
    /// Metres above the sea.
    pub altitude: Option<f64>,
}

impl Position {
    /// A position within the ranges of latitude and longitude. Exactly (0, 0) is none:
    /// it is what devices write that have no fix.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64, altitude: Option<f64>) -> Option<Self> {
        let valid = (-90.0..=90.0).contains(&latitude)
            && (-180.0..=180.0).contains(&longitude)
            && (latitude != 0.0 || longitude != 0.0);
        valid.then_some(Self {
            latitude,
            longitude,
            altitude: altitude.filter(|metres| (-20_000.0..=100_000.0).contains(metres)),
        })
    }
}

/// Reads the metadata of a picture, a RAW or a video, whatever the file's name says.
#[must_use]
pub fn read(bytes: &[u8]) -> Metadata {
    let mut sources = Sources::default();
    match Kind::of(bytes) {
        Some(Kind::Jpeg) => jpeg::read(bytes, &mut sources),
        Some(Kind::Png) => png::read(bytes, &mut sources),
        Some(Kind::Webp) => riff::read_webp(bytes, &mut sources),
        Some(Kind::Gif | Kind::Bmp) => sources.container.dimensions = kind::dimensions(bytes),
        Some(Kind::Heif | Kind::Avif | Kind::Jxl) => heif::read(bytes, &mut sources),
        Some(Kind::Raw(Raw::Cr3)) => raw::read_cr3(bytes, &mut sources),
        Some(Kind::Raw(Raw::Raf)) => raw::read_raf(bytes, &mut sources),
        Some(Kind::Tiff | Kind::Raw(_)) => raw::read_tiff(bytes, &mut sources),
        Some(Kind::Video(Video::Avi)) => avi::read(bytes, &mut sources),
        Some(Kind::Video(Video::Mkv | Video::Webm)) => matroska::read(bytes, &mut sources),
        Some(Kind::Video(_)) => video::read(bytes, &mut sources),
        Some(Kind::Jp2) | None => {}
    }
    sources.join()
}

/// Reads an `.xmp` sidecar.
#[must_use]
pub fn read_sidecar(bytes: &[u8]) -> Metadata {
    let mut metadata = xmp::read(bytes);
    metadata.keywords = text::distinct([metadata.keywords]);
    metadata.people = text::distinct([metadata.people]);
    metadata
}

impl Metadata {
    /// What a photo is known by when `sidecar` lies beside it.
    ///
    /// The sidecar is what its owner wrote last: its rating, title, description and
    /// position win. Keywords and people of both count. Its dates come after those of
    /// the photo's EXIF and before the rest.
    #[must_use]
    pub fn with_sidecar(self, sidecar: Self) -> Self {
        let mut dates = self.dates;
        let after_exif = dates
            .iter()
            .position(|date| date.source > TakenSource::Exif)
            .unwrap_or(dates.len());
        dates.splice(after_exif..after_exif, sidecar.dates);
        dates.truncate(DATES);
        Self {
            dates,
            camera: self.camera.or(sidecar.camera),
            lens: self.lens.or(sidecar.lens),
            position: sidecar.position.or(self.position),
            orientation: self.orientation,
            dimensions: self.dimensions.or(sidecar.dimensions),
            duration: self.duration,
            keywords: text::distinct([self.keywords, sidecar.keywords]),
            people: text::distinct([self.people, sidecar.people]),
            rating: sidecar.rating.or(self.rating),
            title: sidecar.title.or(self.title),
            description: sidecar.description.or(self.description),
        }
    }
}

/// What each part of a file said, before it is joined.
#[derive(Debug, Default)]
struct Sources {
    exif: Metadata,
    xmp: Metadata,
    iptc: Metadata,
    container: Metadata,
}

impl Sources {
    /// Joins them: facts of the camera from EXIF first, words of people from XMP first,
    /// then IPTC, as the Metadata Working Group advises.
    fn join(self) -> Metadata {
        let Self {
            exif,
            xmp,
            iptc,
            container,
        } = self;
        let mut dates: Vec<Taken> = [exif.dates, xmp.dates, iptc.dates, container.dates].concat();
        dates.truncate(DATES);
        let orientation = container.orientation.or(exif.orientation);
        let believable = |(width, height): &(u32, u32)| {
            let sides = 1..=LARGEST_SIDE;
            sides.contains(width) && sides.contains(height)
        };
        let dimensions = match container.dimensions.filter(believable) {
            Some((width, height)) if orientation.is_some_and(|turned| turned >= 5) => {
                Some((height, width))
            }
            dimensions => dimensions,
        };
        Metadata {
            dates,
            camera: exif.camera.or(container.camera).or(xmp.camera),
            lens: exif.lens.or(xmp.lens).or(container.lens),
            position: exif.position.or(xmp.position).or(container.position),
            orientation,
            dimensions,
            duration: container.duration,
            keywords: text::distinct([
                xmp.keywords,
                iptc.keywords,
                exif.keywords,
                container.keywords,
            ]),
            people: text::distinct([xmp.people, iptc.people]),
            rating: xmp.rating.or(exif.rating).or(container.rating),
            title: xmp.title.or(iptc.title).or(exif.title).or(container.title),
            description: xmp
                .description
                .or(iptc.description)
                .or(exif.description)
                .or(container.description),
        }
    }
}
