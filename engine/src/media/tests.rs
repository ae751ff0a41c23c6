use image::{ImageEncoder, Rgb, RgbImage, RgbaImage};

use super::*;

const TARGET: Target = Target {
    preparation: Preparation::plain(32, Fit::Squash),
    memory: 64 << 20,
};

/// Red above, blue below: turned pictures can be told apart.
fn two_halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |_, y| {
        if y < height / 2 {
            Rgb([250, 10, 10])
        } else {
            Rgb([10, 10, 250])
        }
    })
}

fn encode(image: &RgbImage, format: Format) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, format.decoder().unwrap())
        .unwrap();
    bytes.into_inner()
}

fn pixel(decoded: &Decoded, x: usize, y: usize) -> [u8; 3] {
    let at = (y * 32 + x) * 3;
    decoded.pixels[at..at + 3].try_into().unwrap()
}

fn is_red([r, _, b]: [u8; 3]) -> bool {
    r > 180 && b < 80
}

/// A JPEG with an APP1 segment that says nothing but the orientation.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend_from_slice(&[0xFF, 0xE1]);
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&exif);
    bytes.extend_from_slice(&jpeg[2..]);
    bytes
}

#[test]
fn every_format_decodes_and_states_its_dimensions() {
    for format in [
        Format::Jpeg,
        Format::Png,
        Format::Webp,
        Format::Gif,
        Format::Bmp,
        Format::Tiff,
    ] {
        let decoded = decode(&encode(&two_halves(640, 480), format), &TARGET).unwrap();
        let facts = decoded.facts;
        assert_eq!(
            (facts.format, facts.width, facts.height),
            (format, 640, 480)
        );
        assert!(is_red(pixel(&decoded, 16, 4)), "{format}");
        assert!(!is_red(pixel(&decoded, 16, 28)), "{format}");
    }
}

#[test]
fn all_eight_orientations_are_shown_upright() {
    let jpeg = encode(&two_halves(640, 480), Format::Jpeg);
    // Where the stored top (red) is shown: up, up, down, down, left, right, right, left.
    let expected = [
        (16, 2),
        (16, 2),
        (16, 29),
        (16, 29),
        (2, 16),
        (29, 16),
        (29, 16),
        (2, 16),
    ];
    for (orientation, (x, y)) in (1..=8).zip(expected) {
        let decoded = decode(&with_orientation(&jpeg, orientation), &TARGET).unwrap();
        assert!(is_red(pixel(&decoded, x, y)), "orientation {orientation}");
        assert!(
            !is_red(pixel(&decoded, 31 - x, 31 - y)),
            "orientation {orientation}"
        );
        let turned = orientation >= 5;
        let shown = (decoded.facts.width, decoded.facts.height);
        assert_eq!(shown, if turned { (480, 640) } else { (640, 480) });
    }
}

#[test]
fn scaled_jpeg_looks_like_the_full_decode() {
    let picture = RgbImage::from_fn(1600, 1200, |x, y| {
        Rgb([
            (x / 7 % 256) as u8,
            (y / 5 % 256) as u8,
            ((x + y) / 11 % 256) as u8,
        ])
    });
    let jpeg = encode(&picture, Format::Jpeg);
    let scaled = decode(&jpeg, &TARGET).unwrap();
    let (raster, _, _) = decode_whole(&jpeg, Format::Jpeg, &TARGET).unwrap();
    let full = resize::to_square(&raster, &TARGET.preparation, (false, false)).unwrap();
    let difference: u32 = (scaled.pixels.iter().zip(&full))
        .map(|(a, b)| u32::from(a.abs_diff(*b)))
        .sum();
    let mean = f64::from(difference) / full.len() as f64;
    assert!(mean < 1.5, "mean difference {mean}");
}

#[test]
fn transparent_pixels_are_white() {
    let mut png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut png)
        .write_image(
            RgbaImage::new(50, 50).as_raw(),
            50,
            50,
            image::ExtendedColorType::Rgba8,
        )
        .unwrap();
    let decoded = decode(&png, &TARGET).unwrap();
    assert_eq!(pixel(&decoded, 10, 10), [255, 255, 255]);
}

#[test]
fn crop_takes_the_centre() {
    let wide = RgbImage::from_fn(900, 300, |x, _| {
        if (300..600).contains(&x) {
            Rgb([250, 10, 10])
        } else {
            Rgb([10, 10, 250])
        }
    });
    let target = Target {
        preparation: Preparation::plain(32, Fit::Crop),
        ..TARGET
    };
    let decoded = decode(&encode(&wide, Format::Png), &target).unwrap();
    assert!(is_red(pixel(&decoded, 1, 16)) && is_red(pixel(&decoded, 30, 16)));
}

#[test]
fn bad_content_says_why() {
    let png = encode(&two_halves(64, 64), Format::Png);
    let reason = |bytes: &[u8]| decode(bytes, &TARGET).unwrap_err();
    assert_eq!(reason(b""), MediaError::Empty);
    assert_eq!(reason(b"hello, this is text"), MediaError::Unknown);
    assert_eq!(
        reason(b"\xFF\x0A and no more"),
        MediaError::lacking(Format::Jxl, Lacking::Decoder)
    );
    assert!(matches!(
        reason(&png[..png.len() / 2]),
        MediaError::Damaged {
            format: Format::Png,
            ..
        }
    ));
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let png = encode(&two_halves(2000, 2000), Format::Png);
    let target = Target {
        memory: 1 << 20,
        ..TARGET
    };
    let error = decode(&png, &target).unwrap_err();
    assert!(matches!(error, MediaError::Damaged { .. }), "{error}");
}

#[test]
fn names_of_pictures_are_known_in_any_case() {
    for name in [
        "a.JPG", "b.jpeg", "c.HEIC", "d.tiff", "e.Cr2", "f.MP4", "g.nrw",
    ] {
        assert!(Format::is_picture_name(Path::new(name)), "{name}");
    }
    for name in ["a.txt", "jpg", ".jpg", "b.mp3", "c", "d.jpg.xmp"] {
        assert!(!Format::is_picture_name(Path::new(name)), "{name}");
    }
}

use std::path::Path;

#[test]
fn formats_are_stored_as_they_were_and_have_names() {
    // The catalogue of an older version: numbers of variants are for ever.
    let old = [
        (0, Format::Jpeg),
        (1, Format::Png),
        (2, Format::Webp),
        (3, Format::Gif),
        (4, Format::Bmp),
        (5, Format::Tiff),
    ];
    for (number, format) in old {
        assert_eq!(postcard::to_allocvec(&format).unwrap(), [number]);
    }
    let later = [
        (&[6][..], Format::Heif, "heic", "heic", "HEIC"),
        (&[7], Format::Avif, "avif", "avif", "AVIF"),
        (&[10, 2], Format::Raw(RawFormat::Nef), "nef", "raw", "NEF"),
        (
            &[11, 0],
            Format::Video(VideoFormat::Mp4),
            "mp4",
            "video",
            "MP4",
        ),
    ];
    for (bytes, format, name, group, words) in later {
        assert_eq!(postcard::to_allocvec(&format).unwrap(), bytes);
        assert_eq!((format.name(), format.group()), (name, group));
        assert_eq!(format.to_string(), words);
    }
}

/// A DNG with one preview: directory, tags of its own, the JPEG behind.
fn dng(jpeg: &[u8], orientation: u16) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, value: u32| {
        let mut entry = tag.to_le_bytes().to_vec();
        entry.extend(kind.to_le_bytes());
        entry.extend(1_u32.to_le_bytes());
        entry.extend(value.to_le_bytes());
        entry
    };
    let mut bytes = b"II\x2A\0\x08\0\0\0".to_vec();
    let entries = [
        entry(0x0100, 4, 6000),
        entry(0x0101, 4, 4000),
        entry(0x0112, 3, orientation.into()),
        entry(0x0201, 4, 8 + 2 + 6 * 12 + 4),
        entry(0x0202, 4, jpeg.len() as u32),
        entry(0xC612, 1, 1),
    ];
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend(entries.concat());
    bytes.extend([0; 4]);
    bytes.extend_from_slice(jpeg);
    bytes
}

#[test]
fn a_raw_is_shown_by_its_preview_turned_once() {
    let jpeg = encode(&two_halves(640, 480), Format::Jpeg);
    let lying = decode(&dng(&jpeg, 1), &TARGET).unwrap();
    assert_eq!(lying.facts.format, Format::Raw(RawFormat::Dng));
    assert_eq!((lying.facts.width, lying.facts.height), (6000, 4000));
    assert!(is_red(pixel(&lying, 16, 2)));
    // Stored on its side; and the same where the preview says so itself.
    for jpeg in [jpeg.clone(), with_orientation(&jpeg, 6)] {
        let turned = decode(&dng(&jpeg, 6), &TARGET).unwrap();
        assert_eq!((turned.facts.width, turned.facts.height), (4000, 6000));
        assert!(is_red(pixel(&turned, 29, 16)));
        assert!(!is_red(pixel(&turned, 2, 16)));
    }
    // Stored upright.
    let upright = encode(&two_halves(480, 640), Format::Jpeg);
    let turned = decode(&dng(&upright, 6), &TARGET).unwrap();
    assert_eq!((turned.facts.width, turned.facts.height), (4000, 6000));
    assert!(is_red(pixel(&turned, 16, 2)));
}

#[test]
fn a_raw_without_a_preview_is_known_and_lacks_one() {
    let bytes = dng(b"no picture", 1);
    let format = Format::Raw(RawFormat::Dng);
    let error = decode(&bytes, &TARGET).unwrap_err();
    assert_eq!(error, MediaError::lacking(format, Lacking::Preview));
    assert_eq!(facts(&bytes).unwrap().format, format);
}

#[test]
fn a_video_is_known_and_lacks_a_still() {
    let error = decode(b"\0\0\0\x10ftypisom\0\0\0\0", &TARGET).unwrap_err();
    let format = Format::Video(VideoFormat::Mp4);
    assert_eq!(error, MediaError::lacking(format, Lacking::Still));
}
