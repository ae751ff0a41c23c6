//! The namespaces and properties that mean something to semfs.

/// A namespace, by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    Rdf,
    DublinCore,
    Xmp,
    Photoshop,
    Exif,
    Exif2,
    Auxiliary,
    Tiff,
    Lightroom,
    DigiKam,
    Regions,
    MicrosoftPhoto,
    MicrosoftPeople,
    IptcExtension,
    MediaPro,
    Other,
}

impl Namespace {
    /// The namespace of an address.
    pub(super) fn of(address: &str) -> Self {
        // Writers differ in what ends the address, and in the schemes of the web.
        let address = address.trim_end_matches(['/', '#']);
        let address = address
            .strip_prefix("http://")
            .or_else(|| address.strip_prefix("https://"))
            .unwrap_or(address);
        match address {
            "www.w3.org/1999/02/22-rdf-syntax-ns" => Self::Rdf,
            "purl.org/dc/elements/1.1" | "purl.org/dc/elements/1.0" => Self::DublinCore,
            "ns.adobe.com/xap/1.0" => Self::Xmp,
            "ns.adobe.com/photoshop/1.0" => Self::Photoshop,
            "ns.adobe.com/exif/1.0" => Self::Exif,
            "cipa.jp/exif/1.0" => Self::Exif2,
            "ns.adobe.com/exif/1.0/aux" => Self::Auxiliary,
            "ns.adobe.com/tiff/1.0" => Self::Tiff,
            "ns.adobe.com/lightroom/1.0" => Self::Lightroom,
            "www.digikam.org/ns/1.0" => Self::DigiKam,
            "www.metadataworkinggroup.com/schemas/regions" => Self::Regions,
            "ns.microsoft.com/photo/1.0" => Self::MicrosoftPhoto,
            "ns.microsoft.com/photo/1.2"
            | "ns.microsoft.com/photo/1.2/t/RegionInfo"
            | "ns.microsoft.com/photo/1.2/t/Region" => Self::MicrosoftPeople,
            "iptc.org/std/Iptc4xmpExt/2008-02-29" | "iptc.org/std/Iptc4xmpExt/2008-02-19" => {
                Self::IptcExtension
            }
            "ns.iview-mediapro.com/mediapro/1.0" => Self::MediaPro,
            _ => Self::Other,
        }
    }
}

/// A property, or a piece of RDF's own syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    // RDF's own.
    Item,
    Value,
    Resource,
    Syntax,
    // Words.
    Keyword,
    Hierarchy,
    Person,
    Title,
    Headline,
    Description,
    Rating,
    RatingPercent,
    // Regions of a picture.
    RegionName,
    RegionType,
    // Times, in the order in which they are believed.
    Original,
    Created,
    CreateDate,
    Digitised,
    GpsTime,
    // The camera.
    Make,
    Model,
    Lens,
    Latitude,
    Longitude,
    Altitude,
    AltitudeReference,
    Width,
    Height,
    /// Anything else, and what it holds.
    Other,
}

impl Property {
    /// Whether it is RDF's own and says nothing by itself.
    pub(super) fn is_syntax(self) -> bool {
        matches!(
            self,
            Self::Item | Self::Value | Self::Resource | Self::Syntax
        )
    }

    /// The property of a name in a namespace.
    pub(super) fn of(namespace: Namespace, local: &str) -> Self {
        use Namespace as N;
        match (namespace, local) {
            (N::Rdf, "li") => Self::Item,
            (N::Rdf, "value") => Self::Value,
            (N::Rdf, "resource") => Self::Resource,
            (N::Rdf, "Bag" | "Seq" | "Alt" | "Description" | "RDF") => Self::Syntax,
            (N::DublinCore, "subject")
            | (N::MicrosoftPhoto, "LastKeywordXMP" | "LastKeywordIPTC") => Self::Keyword,
            (N::Lightroom, "hierarchicalSubject")
            | (N::DigiKam, "TagsList")
            | (N::MediaPro, "CatalogSets") => Self::Hierarchy,
            (N::IptcExtension, "PersonInImage" | "PersonName")
            | (N::MediaPro, "People")
            | (N::MicrosoftPeople, "PersonDisplayName") => Self::Person,
            (N::DublinCore, "title") => Self::Title,
            (N::Photoshop, "Headline") => Self::Headline,
            (N::DublinCore, "description") => Self::Description,
            (N::Xmp, "Rating") => Self::Rating,
            (N::MicrosoftPhoto, "Rating") => Self::RatingPercent,
            (N::Regions, "Name") => Self::RegionName,
            (N::Regions, "Type") => Self::RegionType,
            (N::Exif | N::Exif2, "DateTimeOriginal") => Self::Original,
            (N::Photoshop, "DateCreated") => Self::Created,
            (N::Xmp, "CreateDate") | (N::MicrosoftPhoto, "DateAcquired") => Self::CreateDate,
            (N::Exif | N::Exif2, "DateTimeDigitized") => Self::Digitised,
            (N::Exif, "GPSTimeStamp") => Self::GpsTime,
            (N::Tiff, "Make") => Self::Make,
            (N::Tiff, "Model") => Self::Model,
            (N::Auxiliary, "Lens") | (N::Exif | N::Exif2, "LensModel") => Self::Lens,
            (N::Exif, "GPSLatitude") => Self::Latitude,
            (N::Exif, "GPSLongitude") => Self::Longitude,
            (N::Exif, "GPSAltitude") => Self::Altitude,
            (N::Exif, "GPSAltitudeRef") => Self::AltitudeReference,
            (N::Tiff, "ImageWidth") => Self::Width,
            (N::Tiff, "ImageLength") => Self::Height,
            _ => Self::Other,
        }
    }
}
