//! A random library of pictures: what lies in the roots, and the truth of it.
//!
//! It is written to the disk file by file, as people and programs do it, and changed in the
//! same ways.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::random::Random;
use super::vocabulary::{CAMERAS, FOLDERS, KEYWORDS, PEOPLE, SPOTS, STEMS};
use super::written::{Exif, Moment, Xmp, with_metadata};
use image::{ImageFormat, Rgb, RgbImage};

/// Of which folder, by the root's number, its path in it, and its name.
pub type Place = (usize, String, String);

/// The bytes of a photo, and what is true of them.
#[derive(Debug)]
pub struct Content {
    pub number: usize,
    pub bytes: Vec<u8>,
    /// Its type, as `type=` has it.
    pub kind: &'static str,
    /// Width and height as it is shown.
    pub size: (u32, u32),
    pub exif: Exif,
    pub xmp: Xmp,
}

/// What lies in a folder.
#[derive(Debug, Clone)]
pub enum File {
    Photo(Rc<Content>),
    Sidecar(Xmp),
    /// What is no picture although its name says so: the kind of problem, and the bytes.
    Problem(&'static str, &'static [u8]),
}

/// All roots.
pub struct Library {
    pub roots: Vec<PathBuf>,
    /// Each file with its modification time; without one it is that of the start of 1970.
    pub files: BTreeMap<Place, (File, Option<Moment>)>,
    /// A folder outside of the roots, on the same disk.
    outside: PathBuf,
    random: Random,
    contents: usize,
    known: HashMap<Vec<u8>, usize>,
}

const KINDS: &[(&str, ImageFormat, &[&str])] = &[
    ("jpeg", ImageFormat::Jpeg, &["jpg", "JPG", "jpeg"]),
    ("png", ImageFormat::Png, &["png"]),
    ("gif", ImageFormat::Gif, &["gif"]),
    ("bmp", ImageFormat::Bmp, &["bmp"]),
    ("webp", ImageFormat::WebP, &["webp"]),
];

const SIZES: &[(u32, u32)] = &[(64, 48), (48, 64), (50, 50), (60, 63), (60, 64), (96, 32)];

const PROBLEMS: &[(&str, &[u8])] = &[
    ("empty", b""),
    ("not-a-picture", b"Dear diary, today it rained."),
    ("damaged", b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01 and no more"),
];

impl Library {
    /// `count` files in these roots, which must be there.
    pub fn fill(roots: Vec<PathBuf>, outside: PathBuf, random: Random, count: usize) -> Self {
        fs::create_dir_all(&outside).unwrap();
        let mut library = Self {
            roots,
            files: BTreeMap::new(),
            outside,
            random,
            contents: 0,
            known: HashMap::new(),
        };
        // A root that is emptied is taken for a disk that is gone.
        for root in 0..library.roots.len() {
            let content = library.content();
            let place = (root, String::new(), "anchor.jpg".to_owned());
            library.put(
                place,
                File::Photo(content),
                Some(Moment::new(2020, 6, 1, (1, 2, 3))),
            );
        }
        // Two keywords that look the same where `:` cannot be shown.
        for (folder, keyword) in [("trip", "x:y"), ("beach", "x_y")] {
            let (place, content) = (
                (0, folder.to_owned(), "anchor.png".to_owned()),
                library.content(),
            );
            library.put(place, File::Photo(content), None);
            let words = Xmp {
                keywords: vec![keyword],
                ..Xmp::default()
            };
            let place = (0, folder.to_owned(), "anchor.xmp".to_owned());
            library.put(place, File::Sidecar(words), None);
        }
        while library.files.len() < count {
            library.add();
        }
        library
    }

    pub fn path(&self, (root, folder, name): &Place) -> PathBuf {
        self.roots[*root].join(folder).join(name)
    }

    /// Changes something; what, in words.
    pub fn change(&mut self) -> String {
        match self.random.below(12) {
            0..=2 => self.add(),
            3..=4 => self.delete(),
            5..=6 => self.move_one(),
            7 => self.move_folder(),
            8..=9 => self.overwrite(),
            _ => self.change_sidecar(),
        }
    }

    fn add(&mut self) -> String {
        let (file, place) = match self.random.below(20) {
            0..=1 => {
                let (kind, bytes) = *self.random.pick(PROBLEMS);
                (File::Problem(kind, bytes), self.free_place("jpg"))
            }
            2..=4 if !self.photos().is_empty() => return self.put_sidecar(),
            5..=7 if !self.photos().is_empty() => {
                let place = self.any_photo();
                let (file, _) = self.files[&place].clone();
                let extension = place.2.rsplit('.').next().unwrap_or_default();
                let extension = extension.to_owned();
                (file, self.free_place(&extension))
            }
            _ => {
                let content = self.content();
                let kind = KINDS.iter().find(|kind| kind.0 == content.kind).unwrap();
                // What it is counts, not what it is called.
                let extension = if self.random.chance(5) {
                    "png"
                } else {
                    self.random.pick(kind.2)
                };
                (File::Photo(content), self.free_place(extension))
            }
        };
        let modified = self.any_time();
        let said = format!("write {:?}", self.path(&place));
        self.put(place, file, modified);
        said
    }

    fn delete(&mut self) -> String {
        let place = self.any_file();
        fs::remove_file(self.path(&place)).unwrap();
        self.files.remove(&place);
        format!("delete {:?}", self.path(&place))
    }

    fn move_one(&mut self) -> String {
        let place = self.any_file();
        let extension = place.2.rsplit('.').next().unwrap_or_default().to_owned();
        let mut to = self.free_place(&extension);
        if self.random.chance(50) {
            // Only renamed, or only moved.
            let renamed = (place.0, place.1.clone(), to.2.clone());
            let moved = (to.0, to.1.clone(), place.2.clone());
            to = if self.random.chance(50) {
                renamed
            } else {
                moved
            };
        }
        if self.files.contains_key(&to) {
            return "nothing".into();
        }
        self.rename(&place, to)
    }

    fn rename(&mut self, from: &Place, to: Place) -> String {
        let (before, after) = (self.path(from), self.path(&to));
        fs::create_dir_all(after.parent().unwrap()).unwrap();
        fs::rename(&before, &after).unwrap();
        let file = self.files.remove(from).unwrap();
        self.files.insert(to, file);
        format!("move {before:?} to {after:?}")
    }

    /// A folder with all that is in it, to a name that is free, perhaps in the other root.
    fn move_folder(&mut self) -> String {
        let (root, folder, _) = self.any_file();
        let to_root = self.random.below(self.roots.len());
        let to = format!("moved {}", self.contents);
        self.contents += 1;
        if folder.is_empty() {
            return "nothing".into();
        }
        let (before, after) = (
            self.roots[root].join(&folder),
            self.roots[to_root].join(&to),
        );
        fs::rename(&before, &after).unwrap();
        let below = format!("{folder}/");
        let is_in =
            |place: &Place| place.0 == root && (place.1 == folder || place.1.starts_with(&below));
        let places: Vec<Place> = self
            .files
            .keys()
            .filter(|place| is_in(place))
            .cloned()
            .collect();
        for place in places {
            let file = self.files.remove(&place).unwrap();
            let folder = format!("{to}{}", &place.1[folder.len()..]);
            self.files.insert((to_root, folder, place.2), file);
        }
        format!("move the folder {before:?} to {after:?}")
    }

    fn overwrite(&mut self) -> String {
        let place = self.any_file();
        let modified = self.any_time();
        let content = self.content();
        let said = format!("overwrite {:?}", self.path(&place));
        let file = match self.files[&place].0 {
            File::Sidecar(_) => File::Sidecar(self.words()),
            _ => File::Photo(content),
        };
        if self.random.chance(50) {
            // In place, as careless programs do; its time says so.
            let modified = Some(Moment::any(&mut self.random));
            fs::write(self.path(&place), b"").unwrap();
            write(&self.path(&place), &file, modified);
            self.files.insert(place, (file, modified));
        } else {
            self.put(place, file, modified);
        }
        said
    }

    fn change_sidecar(&mut self) -> String {
        let is_sidecar = |(place, (file, _)): (&Place, &(File, Option<Moment>))| {
            matches!(file, File::Sidecar(_)).then(|| place.clone())
        };
        let sidecars: Vec<Place> = self.files.iter().filter_map(is_sidecar).collect();
        if sidecars.is_empty() || self.random.chance(40) {
            return self.put_sidecar();
        }
        let place = self.random.pick(&sidecars).clone();
        if self.random.chance(40) {
            fs::remove_file(self.path(&place)).unwrap();
            self.files.remove(&place);
            return format!("delete {:?}", self.path(&place));
        }
        let words = self.words();
        let said = format!("write {:?}", self.path(&place));
        self.put(place, File::Sidecar(words), None);
        said
    }

    /// Writes a sidecar beside a photo, under one of its two names.
    fn put_sidecar(&mut self) -> String {
        let (root, folder, name) = self.any_photo();
        let stem = Path::new(&name).file_stem().unwrap().to_str().unwrap();
        let base = if self.random.chance(50) { &name } else { stem };
        let place = (root, folder, format!("{base}.xmp"));
        let words = self.words();
        let said = format!("write {:?}", self.path(&place));
        let modified = self.any_time();
        self.put(place, File::Sidecar(words), modified);
        said
    }

    /// Writes a file beside the roots and moves it into place.
    fn put(&mut self, place: Place, file: File, modified: Option<Moment>) {
        let (beside, path) = (self.outside.join("beside"), self.path(&place));
        write(&beside, &file, modified);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::rename(&beside, &path).unwrap();
        self.files.insert(place, (file, modified));
    }

    fn photos(&self) -> Vec<Place> {
        let is_photo = |(place, (file, _)): (&Place, &(File, Option<Moment>))| {
            matches!(file, File::Photo(_)).then(|| place.clone())
        };
        self.files.iter().filter_map(is_photo).collect()
    }

    fn any_photo(&mut self) -> Place {
        let photos = self.photos();
        self.random.pick(&photos).clone()
    }

    /// Any file that may go.
    fn any_file(&mut self) -> Place {
        let may_go = self
            .files
            .keys()
            .filter(|place| !place.2.starts_with("anchor"));
        let places: Vec<Place> = may_go.cloned().collect();
        self.random.pick(&places).clone()
    }

    fn free_place(&mut self, extension: &str) -> Place {
        loop {
            let root = self.random.below(self.roots.len());
            let (folder, (stem, _)) = (*self.random.pick(FOLDERS), *self.random.pick(STEMS));
            let place = (root, folder.to_owned(), format!("{stem}.{extension}"));
            if !self.files.contains_key(&place) {
                return place;
            }
        }
    }

    /// A modification time; rarely that of a clock that was never set.
    fn any_time(&mut self) -> Option<Moment> {
        let known = !self.random.chance(10);
        known.then(|| Moment::any(&mut self.random))
    }

    fn words(&mut self) -> Xmp {
        let random = &mut self.random;
        Xmp {
            keywords: random.some(KEYWORDS, 4).into_iter().copied().collect(),
            people: random.some(PEOPLE, 2).into_iter().copied().collect(),
            rating: random.chance(40).then(|| random.below(6) as u8),
            taken: random.chance(25).then(|| Moment::any(random)),
            spot: random.chance(15).then(|| random.pick(SPOTS)),
        }
    }

    fn content(&mut self) -> Rc<Content> {
        let number = self.contents;
        self.contents += 1;
        let random = &mut self.random;
        // Half of all are JPEGs.
        let (kind, format, _) = KINDS[random.below(2 * KINDS.len()).saturating_sub(KINDS.len())];
        let size = *random.pick(SIZES);
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture(number, size).write_to(&mut bytes, format).unwrap();
        let (mut bytes, mut exif, mut xmp) = (bytes.into_inner(), None, None);
        if kind == "jpeg" {
            exif = random.chance(75).then(|| Exif {
                camera: random.chance(75).then(|| random.pick(CAMERAS)),
                taken: random.chance(60).then(|| Moment::any(random)),
                spot: random.chance(50).then(|| random.pick(SPOTS)),
                orientation: random.chance(50).then(|| 1 + random.below(8) as u8),
            });
            xmp = self.random.chance(40).then(|| self.words());
            let big = self.random.chance(50);
            bytes = with_metadata(&bytes, exif.as_ref(), xmp.as_ref(), big);
        }
        let exif = exif.unwrap_or_default();
        let is_turned = exif.orientation.is_some_and(|orientation| orientation >= 5);
        let before = self.known.insert(bytes.clone(), number);
        assert_eq!(before, None, "each content is another one");
        Rc::new(Content {
            number,
            bytes,
            kind,
            size: if is_turned { (size.1, size.0) } else { size },
            exif,
            xmp: xmp.unwrap_or_default(),
        })
    }
}

/// Another picture for each number, also where colours are few.
fn picture(number: usize, (width, height): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let bit = (number >> (x / 8 % 12)) & 1;
        let wave = (f64::from(x + y) / 9.0 + number as f64).sin() * 40.0 + 60.0;
        Rgb([wave as u8, (y * 3) as u8, (bit * 200) as u8])
    })
}

fn write(path: &Path, file: &File, modified: Option<Moment>) {
    match file {
        File::Photo(content) => fs::write(path, &content.bytes).unwrap(),
        File::Sidecar(xmp) => fs::write(path, xmp.packet()).unwrap(),
        File::Problem(_, bytes) => fs::write(path, bytes).unwrap(),
    }
    let seconds = modified.map_or(0, Moment::to_unix);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}
