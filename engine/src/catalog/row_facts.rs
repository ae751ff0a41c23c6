//! What a photo can be asked for, derived from what is recorded of it.
//!
//! A pure function: it reads neither the catalogue nor a clock.

use std::collections::BTreeSet;
use std::path::Path;

use super::keys::FileKey;
use super::records::{ContentRecord, Stamp};
use crate::facets::{PlaceName, RowFacts};
use crate::metadata::{self, Metadata, TakenSource};
use crate::place;

const NANOSECONDS: i64 = 1_000_000_000;

/// Names by which one photo is found.
const MOST_NAMES: usize = 256;

/// The facts of a row.
///
/// `metadata` is the content's own with that of its sidecars; `files` are those that hold
/// it, in the order of their paths; `blank` says that the row has no vector; `now` is in
/// seconds since 1970.
pub(super) fn row_facts(
    content: &ContentRecord,
    metadata: Metadata,
    files: Vec<(FileKey, Stamp)>,
    blank: bool,
    now: i64,
) -> RowFacts {
    // A file without a time, with that of a clock that was never set, or of one that is ahead,
    // says nothing.
    let times = files
        .iter()
        .map(|(_, stamp)| stamp.modified.div_euclid(NANOSECONDS));
    // A day's grace: clocks of cameras run up to 14 hours ahead of UTC.
    let possible = 1..=now.saturating_add(86_400);
    let modified = times.filter(|time| possible.contains(time)).min();
    let mut names = files.iter().map(|(file, _)| file.name.to_string_lossy());
    let dated = names.find(|name| metadata::date_in_file_name(name, now).is_some());
    let taken = metadata::taken(
        &metadata,
        &dated.unwrap_or_default(),
        modified.unwrap_or(0),
        now,
    );
    let is_known = taken.source != TakenSource::FileTime || modified.is_some();
    let place = metadata
        .position
        .and_then(|position| {
            let (latitude, longitude) = (position.latitude, position.longitude);
            let city = place::city_names(latitude, longitude);
            Some((place::place(latitude, longitude)?, city))
        })
        .map(|(place, city)| PlaceName {
            city: city.iter().map(|name| (*name).to_owned()).collect(),
            country: place.country.to_owned(),
            region: place.region.map(str::to_owned),
            district: place.district.map(str::to_owned),
            town: place.town.to_owned(),
        });
    let caption = [metadata.title, metadata.description];
    let caption: Vec<String> = caption.into_iter().flatten().collect();
    let folders = files.iter().map(|(file, _)| {
        let folder = file.folder.to_string_lossy();
        (file.root.0, folder.into_owned())
    });
    let names = files.iter().take(MOST_NAMES).filter_map(|(file, _)| {
        let stem = Path::new(&file.name).file_stem()?;
        Some(stem.to_string_lossy().into_owned())
    });
    let format = content.facts.format;
    RowFacts {
        taken: is_known.then(|| taken.local.to_unix()),
        dated_by: is_known.then_some(taken.source),
        camera: metadata.camera.map(|camera| camera.to_string()),
        lens: metadata.lens,
        place,
        kind: format.name().to_owned(),
        group: format.group().to_owned(),
        width: content.facts.width,
        height: content.facts.height,
        keywords: metadata.keywords,
        people: metadata.people,
        rating: metadata.rating,
        caption: caption.join("\n"),
        folders: each_once(folders),
        names: each_once(names),
        blank,
        copied: files.len() > 1,
    }
}

fn each_once<T: Ord>(things: impl Iterator<Item = T>) -> Vec<T> {
    let once: BTreeSet<T> = things.collect();
    once.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RootId;
    use crate::media::{Facts, Format};
    use crate::metadata::{Camera, Position};

    const NOW: i64 = 1_700_000_000; // 2023-11-14 22:13:20

    const CONTENT: ContentRecord = ContentRecord {
        row: 7,
        facts: Facts {
            format: Format::Jpeg,
            width: 4,
            height: 3,
        },
    };

    /// A file of this name, changed so many seconds after the start of 1970.
    fn file(name: &str, modified: i64) -> (FileKey, Stamp) {
        let file = FileKey {
            root: RootId(0),
            folder: "a".into(),
            name: name.into(),
        };
        let stamp = Stamp {
            size: 1,
            modified: modified.saturating_mul(NANOSECONDS),
            inode: 0,
        };
        (file, stamp)
    }

    fn facts(metadata: Metadata, files: Vec<(FileKey, Stamp)>) -> RowFacts {
        row_facts(&CONTENT, metadata, files, false, NOW)
    }

    #[test]
    fn the_oldest_of_several_files_tells_the_time_unless_a_name_does() {
        let files = vec![file("a.jpg", 2_000), file("b.jpg", 1_000)];
        let known = facts(Metadata::default(), files.clone());
        assert_eq!(known.taken, Some(1_000));
        assert_eq!(known.dated_by, Some(TakenSource::FileTime));
        let named = [files, vec![file("IMG_20230517_183000.jpg", 3_000)]].concat();
        let known = facts(Metadata::default(), named);
        assert_eq!(known.taken, Some(1_684_348_200));
        assert_eq!(known.dated_by, Some(TakenSource::FileName));
    }

    #[test]
    fn a_file_without_a_time_has_no_date() {
        for modified in [0, -5, i64::MIN] {
            let known = facts(Metadata::default(), vec![file("a.jpg", modified)]);
            assert_eq!((known.taken, known.dated_by), (None, None), "{modified}");
            let both = vec![file("a.jpg", modified), file("b.jpg", 5)];
            assert_eq!(facts(Metadata::default(), both).taken, Some(5));
        }
    }

    #[test]
    fn metadata_becomes_words() {
        let metadata = Metadata {
            camera: Some(Camera {
                make: "Nikon".into(),
                model: "D90".into(),
            }),
            position: Position::new(48.8566, 2.3522, None),
            keywords: vec!["sea".into(), "Ada".into()],
            people: vec!["Ada".into(), "Bob".into()],
            rating: Some(4),
            title: Some("Title".into()),
            description: Some("Text".into()),
            ..Metadata::default()
        };
        let known = facts(metadata, vec![file("a.jpg", 1)]);
        assert_eq!(known.camera.as_deref(), Some("Nikon D90"));
        assert_eq!(known.place.unwrap().country, "France");
        assert_eq!(known.keywords, ["sea", "Ada"]);
        assert_eq!(known.people, ["Ada", "Bob"]);
        assert_eq!(known.caption, "Title\nText");
        assert_eq!((&*known.kind, &*known.group), ("jpeg", "jpeg"));
        assert_eq!((known.rating, known.width, known.height), (Some(4), 4, 3));
    }

    #[test]
    fn folders_and_names_of_several_files_are_there_once() {
        let (mut moved, stamp) = file("1.jpg", 1);
        moved.folder = "b".into();
        let files = vec![file("1.jpg", 1), file("2.jpg", 1), (moved, stamp)];
        let known = facts(Metadata::default(), files);
        assert_eq!(known.folders, [(0, "a".to_owned()), (0, "b".to_owned())]);
        assert_eq!(known.names, ["1", "2"]);
    }
}
