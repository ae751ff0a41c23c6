//! Small made-up files of every format: what is written into them is read again.
#![allow(clippy::unwrap_used, missing_docs)]

use semfs_engine::metadata::{self, Kind, TakenSource};

const XMP: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="4">
<dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"#;

/// A TIFF of directories: entries are tag, type, count and value; what takes more than
/// four bytes goes behind the directory. A value may hold the number of a directory.
#[derive(Default, Clone)]
struct Tiff {
    entries: Vec<(u16, u16, u32, Vec<u8>)>,
    below: Vec<(u16, Tiff)>,
}

impl Tiff {
    fn put(mut self, tag: u16, kind: u16, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        let width = match kind {
            3 => 2,
            4 => 4,
            5 => 8,
            _ => 1,
        };
        self.entries
            .push((tag, kind, (value.len() / width) as u32, value));
        self
    }
    fn text(self, tag: u16, text: &str) -> Self {
        self.put(tag, 2, format!("{text}\0"))
    }
    fn short(self, tag: u16, value: u16) -> Self {
        self.put(tag, 3, value.to_le_bytes())
    }
    fn long(self, tag: u16, value: u32) -> Self {
        self.put(tag, 4, value.to_le_bytes())
    }
    fn fractions(self, tag: u16, values: &[(u32, u32)]) -> Self {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()].concat())
            .collect();
        self.put(tag, 5, bytes)
    }
    fn directory(mut self, tag: u16, below: Tiff) -> Self {
        self.below.push((tag, below));
        self
    }
    fn write(&self, file: &mut Vec<u8>) {
        let count = self.entries.len() + self.below.len();
        let start = file.len();
        file.extend((count as u16).to_le_bytes());
        file.resize(start + 2 + count * 12 + 4, 0);
        for (index, (tag, kind, number, value)) in self.entries.iter().enumerate() {
            let at = start + 2 + index * 12;
            file[at..at + 2].copy_from_slice(&tag.to_le_bytes());
            file[at + 2..at + 4].copy_from_slice(&kind.to_le_bytes());
            file[at + 4..at + 8].copy_from_slice(&number.to_le_bytes());
            if value.len() <= 4 {
                file[at + 8..at + 8 + value.len()].copy_from_slice(value);
            } else {
                let end = (file.len() as u32).to_le_bytes();
                file[at + 8..at + 12].copy_from_slice(&end);
                file.extend(value);
            }
        }
        for (index, (tag, below)) in self.below.iter().enumerate() {
            let at = start + 2 + (self.entries.len() + index) * 12;
            let end = file.len() as u32;
            file[at..at + 2].copy_from_slice(&tag.to_le_bytes());
            file[at + 2..at + 4].copy_from_slice(&4_u16.to_le_bytes());
            file[at + 4..at + 8].copy_from_slice(&1_u32.to_le_bytes());
            file[at + 8..at + 12].copy_from_slice(&end.to_le_bytes());
            below.write(file);
        }
    }
    fn bytes(&self) -> Vec<u8> {
        let mut file = b"II\x2A\0\x08\0\0\0".to_vec();
        self.write(&mut file);
        file
    }
}

fn exif() -> Tiff {
    Tiff::default()
        .text(0x010F, "NIKON CORPORATION")
        .text(0x0110, "NIKON D90")
        .short(0x0112, 6)
        .directory(
            0x8769,
            Tiff::default()
                .text(0x9003, "2023:05:17 18:30:00")
                .text(0x9011, "+02:00")
                .text(0x9291, "25")
                .text(0xA434, "A lens"),
        )
        .directory(
            0x8825,
            Tiff::default()
                .text(0x0001, "S")
                .fractions(0x0002, &[(33, 1), (51, 1), (2448, 100)])
                .text(0x0003, "E")
                .fractions(0x0004, &[(151, 1), (12, 1), (0, 1)])
                .put(0x0005, 1, [1])
                .fractions(0x0006, &[(25, 2)]),
        )
}

fn check(bytes: &[u8], kind: &str) {
    assert_eq!(Kind::of(bytes).map(Kind::name), Some(kind));
    let read = metadata::read(bytes);
    assert_eq!(
        read.camera.as_ref().unwrap().to_string(),
        "Nikon D90",
        "{kind}"
    );
    let taken = metadata::taken(&read, "", 0, 1_700_000_000);
    assert_eq!(taken.local.to_string(), "2023-05-17 18:30:00", "{kind}");
    assert_eq!(taken.local.nanosecond, Some(250_000_000));
    assert_eq!(
        (taken.offset_minutes, taken.source),
        (Some(120), TakenSource::Exif)
    );
    assert_eq!(read.lens.as_deref(), Some("A lens"));
    let position = read.position.unwrap();
    assert!((position.latitude + 33.8568).abs() < 1e-9, "{position:?}");
    assert!((position.longitude - 151.2).abs() < 1e-9);
    assert_eq!(position.altitude, Some(-12.5));
    assert_eq!(read.rating, Some(4), "{kind}");
    assert_eq!(read.keywords, ["sea"], "{kind}");
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [
        &[0xFF, marker],
        &((content.len() + 2) as u16).to_be_bytes()[..],
        content,
    ]
    .concat()
}

fn jpeg(width: u16, height: u16, more: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.extend([1, 1, 0x11, 0]);
    [
        &[0xFF, 0xD8][..],
        &more.concat(),
        &segment(0xC0, &frame),
        &segment(0xDA, &[0; 6]),
        &[1, 2, 3, 0xFF, 0xD9],
    ]
    .concat()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [
        &(content.len() as u32).to_be_bytes()[..],
        name,
        content,
        &[0; 4],
    ]
    .concat()
}

fn riff(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = [&name[..], &(content.len() as u32).to_le_bytes(), content].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn part(name: &[u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    let content = contents.concat();
    [
        &(content.len() as u32 + 8).to_be_bytes()[..],
        name,
        &content,
    ]
    .concat()
}

#[test]
fn a_jpeg_is_read() {
    let file = jpeg(
        40,
        30,
        &[
            segment(0xE1, &[b"Exif\0\0", &exif().bytes()[..]].concat()),
            segment(
                0xE1,
                &[b"http://ns.adobe.com/xap/1.0/\0", XMP.as_bytes()].concat(),
            ),
        ],
    );
    check(&file, "jpeg");
    let read = metadata::read(&file);
    assert_eq!(
        (read.orientation, read.dimensions),
        (Some(6), Some((30, 40)))
    );
}

#[test]
fn an_extended_xmp_is_put_together() {
    let main = XMP.replace(
        "<dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>",
        "",
    );
    let part = |at: u32, content: &[u8]| {
        segment(
            0xE1,
            &[
                &b"http://ns.adobe.com/xmp/extension/\0"[..],
                &[b'A'; 32],
                &(XMP.len() as u32).to_be_bytes(),
                &at.to_be_bytes(),
                content,
            ]
            .concat(),
        )
    };
    let file = jpeg(
        4,
        3,
        &[
            segment(
                0xE1,
                &[b"http://ns.adobe.com/xap/1.0/\0", main.as_bytes()].concat(),
            ),
            part(0, &XMP.as_bytes()[..100]),
            part(100, &XMP.as_bytes()[100..]),
        ],
    );
    assert_eq!(metadata::read(&file).keywords, ["sea"]);
}

#[test]
fn a_png_is_read_whether_its_words_are_compressed_or_not() {
    let header = chunk(
        b"IHDR",
        &[
            &40_u32.to_be_bytes()[..],
            &30_u32.to_be_bytes(),
            &[8, 2, 0, 0, 0],
        ]
        .concat(),
    );
    let words = |compressed: bool| {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(XMP.as_bytes(), 6);
        let content = if compressed {
            packed.as_slice()
        } else {
            XMP.as_bytes()
        };
        chunk(
            b"iTXt",
            &[
                &b"XML:com.adobe.xmp\0"[..],
                &[u8::from(compressed), 0, 0, 0],
                content,
            ]
            .concat(),
        )
    };
    for compressed in [false, true] {
        let file = [
            &b"\x89PNG\r\n\x1A\n"[..],
            &header,
            &words(compressed),
            &chunk(b"eXIf", &exif().bytes()),
        ]
        .concat();
        check(&file, "png");
        assert_eq!(metadata::read(&file).dimensions, Some((30, 40)));
    }
}

#[test]
fn a_webp_is_read() {
    let size = [0, 0, 0, 0, 39, 0, 0, 29, 0, 0];
    let chunks = [
        riff(b"VP8X", &size),
        riff(b"EXIF", &exif().bytes()),
        riff(b"XMP ", XMP.as_bytes()),
    ]
    .concat();
    let file = riff(b"RIFF", &[b"WEBP", chunks.as_slice()].concat());
    check(&file, "webp");
    assert_eq!(metadata::read(&file).dimensions, Some((30, 40)));
}

#[test]
fn a_tiff_is_read() {
    let tiff = exif().put(0x02BC, 1, XMP).long(0x0100, 40).long(0x0101, 30);
    check(&tiff.bytes(), "tiff");
    assert_eq!(metadata::read(&tiff.bytes()).dimensions, Some((30, 40)));
}

#[test]
fn a_heic_is_read_and_turned_as_its_container_says() {
    let item = |number: u8, kind: &[u8; 4], more: &[u8]| {
        part(b"infe", &[&[2, 0, 0, 0, 0, number, 0, 0], kind, more])
    };
    let exif = [&[0, 0, 0, 0], exif().bytes().as_slice()].concat();
    let items = part(
        b"iinf",
        &[
            &[0, 0, 0, 0, 0, 3],
            &item(1, b"hvc1", b"\0"),
            &item(2, b"Exif", b"\0"),
            &item(3, b"mime", b"\0application/rdf+xml\0"),
        ],
    );
    let place = |number: u8, at: usize, length: usize| {
        [
            &[0, number, 0, 1, 0, 0, 0, 1][..],
            &(at as u32).to_be_bytes(),
            &(length as u32).to_be_bytes(),
        ]
        .concat()
    };
    let locations = part(
        b"iloc",
        &[
            &[1, 0, 0, 0, 0x44, 0, 0, 2],
            &place(2, 0, exif.len()),
            &place(3, exif.len(), XMP.len()),
        ],
    );
    let size = part(
        b"ispe",
        &[&[0; 4], &40_u32.to_be_bytes(), &30_u32.to_be_bytes()],
    );
    let properties = part(
        b"iprp",
        &[
            &part(b"ipco", &[&size, &part(b"irot", &[&[1]])]),
            &part(b"ipma", &[&[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 1, 0x82]]),
        ],
    );
    let data = part(b"idat", &[&exif, XMP.as_bytes()]);
    let meta = part(
        b"meta",
        &[
            &[0; 4],
            &part(b"pitm", &[&[0, 0, 0, 0, 0, 1]]),
            &items,
            &locations,
            &properties,
            &data,
        ],
    );
    let file = [part(b"ftyp", &[b"heic\0\0\0\0mif1heic"]), meta].concat();
    check(&file, "heic");
    let read = metadata::read(&file);
    assert_eq!(
        (read.orientation, read.dimensions),
        (Some(8), Some((30, 40)))
    );
}

#[test]
fn a_quicktime_video_is_read() {
    let text = |name: &[u8; 4], words: &str| {
        part(
            name,
            &[
                &(words.len() as u16).to_be_bytes(),
                &[0, 0],
                words.as_bytes(),
            ],
        )
    };
    let mut header = vec![0; 100];
    header[4..8].copy_from_slice(&(1_684_341_000_u32 + 2_082_844_800).to_be_bytes());
    header[12..16].copy_from_slice(&600_u32.to_be_bytes());
    header[16..20].copy_from_slice(&1500_u32.to_be_bytes());
    let key = |name: &str| part(b"mdta", &[name.as_bytes()]);
    let value = |index: u32, words: &str| {
        part(
            &index.to_be_bytes(),
            &[&part(
                b"data",
                &[&[0, 0, 0, 1, 0, 0, 0, 0], words.as_bytes()],
            )],
        )
    };
    let keys = part(
        b"keys",
        &[
            &[0; 7],
            &[3],
            &key("com.apple.quicktime.creationdate"),
            &key("com.apple.quicktime.make"),
            &key("com.apple.quicktime.model"),
        ],
    );
    let list = part(
        b"ilst",
        &[
            &value(1, "2023-05-17T18:30:00+0200"),
            &value(2, "Apple"),
            &value(3, "iPhone 12"),
        ],
    );
    let mut track = vec![0; 84];
    track[44..48].copy_from_slice(&65_536_u32.to_be_bytes());
    track[76..80].copy_from_slice(&(1920_u32 << 16).to_be_bytes());
    track[80..84].copy_from_slice(&(1080_u32 << 16).to_be_bytes());
    let track = part(
        b"trak",
        &[
            &part(b"tkhd", &[&track]),
            &part(b"mdia", &[&part(b"hdlr", &[&[0; 8], b"vide", &[0; 13]])]),
        ],
    );
    let keyed = part(b"meta", &[&part(b"hdlr", &[&[0; 25]]), &keys, &list]);
    let place = part(b"udta", &[&text(b"\xA9xyz", "+48.8584+002.2945+035.000/")]);
    let plain = [
        part(b"ftyp", &[b"qt  \0\0\0\0qt  "]),
        part(b"moov", &[&part(b"mvhd", &[&header]), &track, &place]),
    ]
    .concat();
    let full = [
        part(b"ftyp", &[b"qt  \0\0\0\0qt  "]),
        part(
            b"moov",
            &[&part(b"mvhd", &[&header]), &track, &place, &keyed],
        ),
    ]
    .concat();
    let read = metadata::read(&plain);
    let taken = metadata::taken(&read, "", 0, 1_700_000_000);
    assert_eq!(
        (taken.local.to_string().as_str(), taken.offset_minutes),
        ("2023-05-17 16:30:00", Some(0))
    );
    let read = metadata::read(&full);
    let taken = metadata::taken(&read, "", 0, 1_700_000_000);
    assert_eq!(
        (taken.local.to_string().as_str(), taken.offset_minutes),
        ("2023-05-17 18:30:00", Some(120))
    );
    assert_eq!(read.camera.unwrap().to_string(), "Apple iPhone 12");
    assert_eq!(
        (read.duration, read.dimensions),
        (Some(2500), Some((1080, 1920)))
    );
    assert!((read.position.unwrap().latitude - 48.8584).abs() < 1e-9);
}

#[test]
fn the_largest_preview_of_a_raw_is_found_and_lossless_data_is_not_taken_for_one() {
    let small = jpeg(160, 120, &[]);
    let large = jpeg(1620, 1080, &[]);
    let mut sensor = jpeg(6000, 4000, &[]);
    let frame = sensor
        .windows(2)
        .position(|mark| mark == [0xFF, 0xC0])
        .unwrap();
    sensor[frame + 1] = 0xC3;
    let base = 4096;
    let tiff = Tiff::default()
        .text(0x010F, "NIKON CORPORATION")
        .text(0x0110, "NIKON D90")
        .long(0x00FE, 1)
        .long(0x0201, base)
        .long(0x0202, small.len() as u32)
        .directory(
            0x014A,
            Tiff::default()
                .long(0x0201, base + 1000)
                .long(0x0202, large.len() as u32)
                .long(0x0111, base + 2000)
                .long(0x0117, sensor.len() as u32),
        );
    let mut file = tiff.bytes();
    file.resize(base as usize, 0);
    for jpeg in [&small, &large, &sensor] {
        let end = file.len() + 1000;
        file.extend(jpeg);
        file.resize(end, 0);
    }
    assert_eq!(Kind::of(&file).map(Kind::name), Some("nef"));
    let preview = metadata::preview(&file).unwrap();
    assert_eq!(&file[preview], large);
}

#[test]
fn a_preview_that_nothing_points_to_is_searched_for() {
    let large = jpeg(1600, 1200, &[]);
    let mut file = Tiff::default()
        .text(0x010F, "OLYMPUS IMAGING CORP.")
        .bytes();
    file[2..4].copy_from_slice(b"RO");
    file.extend([&[7; 999], large.as_slice(), &[9; 999]].concat());
    assert_eq!(Kind::of(&file).map(Kind::name), Some("orf"));
    assert_eq!(&file[metadata::preview(&file).unwrap()], large);
    assert_eq!(metadata::preview(&large), None);
}

#[test]
fn a_raf_has_its_words_in_its_preview() {
    let inner = jpeg(
        800,
        600,
        &[
            segment(0xE1, &[b"Exif\0\0", &exif().bytes()[..]].concat()),
            segment(
                0xE1,
                &[b"http://ns.adobe.com/xap/1.0/\0", XMP.as_bytes()].concat(),
            ),
        ],
    );
    let mut file = b"FUJIFILMCCD-RAW 0201".to_vec();
    file.resize(84, 0);
    file.extend(160_u32.to_be_bytes());
    file.extend((inner.len() as u32).to_be_bytes());
    file.resize(160, 0);
    file.extend(&inner);
    check(&file, "raf");
    assert_eq!(metadata::preview(&file), Some(160..160 + inner.len()));
}

#[test]
fn a_cr3_has_its_words_in_boxes_and_its_preview_in_a_track() {
    let canon = [
        &b"\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"[..],
        &part(
            b"CMT1",
            &[&Tiff::default()
                .text(0x010F, "NIKON CORPORATION")
                .text(0x0110, "NIKON D90")
                .bytes()],
        ),
        &part(b"CMT2", &[&exif().below[0].1.bytes()]),
        &part(b"CMT4", &[&exif().below[1].1.bytes()]),
    ]
    .concat();
    let xmp = part(
        b"uuid",
        &[
            b"\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC",
            XMP.as_bytes(),
        ],
    );
    let picture = jpeg(1620, 1080, &[]);
    let build = |at: u32| {
        let table = part(
            b"stbl",
            &[
                &part(
                    b"stsz",
                    &[
                        &[0; 4],
                        &(picture.len() as u32).to_be_bytes(),
                        &[0, 0, 0, 1],
                    ],
                ),
                &part(
                    b"co64",
                    &[&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], &at.to_be_bytes()],
                ),
            ],
        );
        let track = part(b"trak", &[&part(b"mdia", &[&part(b"minf", &[&table])])]);
        [
            part(b"ftyp", &[b"crx \0\0\0\x01crx isom"]),
            part(b"moov", &[&part(b"uuid", &[&canon]), &track]),
            xmp.clone(),
            part(b"mdat", &[&picture]),
        ]
        .concat()
    };
    let at = build(0).len() - picture.len();
    let file = build(at as u32);
    check(&file, "cr3");
    assert_eq!(metadata::preview(&file), Some(at..file.len()));
}

#[test]
fn a_sidecar_is_the_last_word_of_the_owner() {
    let photo = metadata::read(&jpeg(
        4,
        3,
        &[
            segment(0xE1, &[b"Exif\0\0", &exif().bytes()[..]].concat()),
            segment(
                0xE1,
                &[b"http://ns.adobe.com/xap/1.0/\0", XMP.as_bytes()].concat(),
            ),
        ],
    ));
    let sidecar = metadata::read_sidecar(
        XMP.replace("sea", "beach")
            .replace("\"4\"", "\"2\"")
            .as_bytes(),
    );
    let both = photo.with_sidecar(sidecar);
    assert_eq!(both.keywords, ["sea", "beach"]);
    assert_eq!(both.rating, Some(2));
    assert_eq!(both.dates[0].source, TakenSource::Exif);
}

#[test]
fn hostile_files_take_no_time() {
    let started = std::time::Instant::now();
    let mut raw = b"IIRO\x08\0\0\0".to_vec();
    raw.extend([0xFF, 0xD8, 0xFF].repeat(10 << 20));
    assert_eq!(metadata::preview(&raw), None);
    // Items whose places take no bytes.
    let mut locations = vec![2, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF];
    locations.extend([0, 0, 0, 9, 0, 0, 0, 0, 0xFF, 0xFF].repeat(20_000));
    let item = part(b"infe", &[&[2, 0, 0, 0, 0, 1, 0, 0], b"Exif\0"]);
    let meta = part(
        b"meta",
        &[
            &[0; 4],
            &part(b"iinf", &[&[0, 0, 0, 0, 0, 1], &item.repeat(100)]),
            &part(b"iloc", &[&locations]),
        ],
    );
    let _ = metadata::read(&[part(b"ftyp", &[b"heic\0\0\0\0"]), meta].concat());
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
