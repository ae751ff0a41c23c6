use super::*;

const DAY: i64 = 86_400;

fn facts(day: i64, camera: &str, folder: &str) -> RowFacts {
    RowFacts {
        taken: Some(day * DAY + 5),
        camera: Some(camera.into()),
        kind: "nef".into(),
        group: "raw".into(),
        width: 300,
        height: 200,
        folders: vec![(0, folder.into())],
        names: vec!["IMG_77".into()],
        ..RowFacts::default()
    }
}

fn rows(bitmap: &RoaringBitmap) -> Vec<u32> {
    bitmap.iter().collect()
}

fn three() -> Facets {
    let mut facets = Facets::default();
    facets.replace(
        0,
        None,
        Some(&facts(10, "Canon EOS 5D", "trips/Paris 2019")),
    );
    facets.replace(1, None, Some(&facts(11, "Canon EOS 5D Mark II", "trips")));
    facets.replace(2, None, Some(&facts(400, "Nikon D90", "Tripsy")));
    facets
}

#[test]
fn a_label_that_is_there_is_that_one_and_others_are_found_by_their_words() {
    let facets = three();
    assert_eq!(rows(&facets.of_camera("canon eos 5d")), [0]);
    assert_eq!(rows(&facets.of_camera("canon")), [0, 1]);
    assert_eq!(rows(&facets.of_camera("mark canon")), [1]);
    assert_eq!(rows(&facets.of_camera("can")), Vec::<u32>::new());
    assert_eq!(rows(&facets.of_camera("")), Vec::<u32>::new());
}

#[test]
fn a_folder_holds_what_is_below_it_and_not_what_only_begins_like_it() {
    let facets = three();
    let roots = [(RootId(0), "Photos".to_owned())];
    assert_eq!(rows(&facets.in_folder("trips", &roots)), [0, 1]);
    assert_eq!(rows(&facets.in_folder("Trips/paris 2019", &roots)), [0]);
    assert_eq!(rows(&facets.in_folder("photos/tripsy", &roots)), [2]);
    assert_eq!(rows(&facets.in_folder("photos", &roots)), [0, 1, 2]);
    assert_eq!(rows(&facets.in_folder("2019", &roots)), Vec::<u32>::new());
}

#[test]
fn words_of_paths_are_found_and_numbers_of_files_are_not_kept() {
    let facets = three();
    let with = |word: &str| facets.with_word(word).map(rows).unwrap_or_default();
    assert_eq!(with("trip"), [0, 1]);
    assert_eq!(with("2019"), [0]);
    assert_eq!(with("img"), [0, 1, 2]);
    assert_eq!(with("77"), Vec::<u32>::new());
}

#[test]
fn a_row_that_changes_leaves_nothing_of_what_it_was() {
    let mut facets = three();
    let before = facts(10, "Canon EOS 5D", "trips/Paris 2019");
    let mut after = facts(11, "Nikon D90", "trips");
    after.keywords = vec!["Family".into()];
    after.rating = Some(4);
    facets.replace(0, Some(&before), Some(&after));
    assert_eq!(rows(&facets.of_camera("Canon EOS 5D")), [1], "by its words");
    assert_eq!(rows(&facets.of_tag("family")), [0]);
    assert_eq!(rows(&facets.of_tag("4 stars")), [0]);
    assert_eq!(facets.taken(0), Some(11 * DAY + 5));
    facets.replace(0, Some(&after), None);
    facets.replace(1, Some(&facts(11, "Canon EOS 5D Mark II", "trips")), None);
    facets.replace(2, Some(&facts(400, "Nikon D90", "Tripsy")), None);
    assert!(facets.cameras().is_empty() && facets.tags().is_empty() && facets.groups().is_empty());
    assert!(facets.days.is_empty() && facets.folders.is_empty() && facets.words.is_empty());
    assert_eq!(facets.taken(0), None);
}

#[test]
fn a_clone_does_not_change_with_the_original() {
    let mut facets = three();
    let before = facets.clone();
    facets.replace(3, None, Some(&facts(10, "Canon EOS 5D", "trips")));
    assert_eq!(rows(&before.of_camera("Canon EOS 5D")), [0]);
    assert_eq!(rows(&facets.of_camera("Canon EOS 5D")), [0, 3]);
    assert_eq!(before.taken(3), None);
}

#[test]
fn a_label_is_spelled_as_most_rows_spell_it_in_whatever_order_they_come() {
    let tagged = |tag: &str| RowFacts {
        keywords: vec![tag.into()],
        ..RowFacts::default()
    };
    let tags = ["RED", "Red", "Red", "red"];
    for order in [[0, 1, 2, 3], [3, 2, 0, 1]] {
        let mut facets = Facets::default();
        for row in order {
            facets.replace(row as u32, None, Some(&tagged(tags[row])));
        }
        let name = |facets: &Facets| facets.tags().get("rED").map(|tag| tag.name.to_owned());
        assert_eq!(name(&facets).as_deref(), Some("Red"));
        facets.replace(1, Some(&tagged("Red")), None);
        facets.replace(2, Some(&tagged("Red")), None);
        assert_eq!(name(&facets).as_deref(), Some("RED"));
        facets.replace(0, Some(&tagged("RED")), None);
        assert_eq!(name(&facets).as_deref(), Some("red"));
    }
}

#[test]
fn a_large_city_is_found_by_its_name_though_the_nearest_town_is_a_part_of_it() {
    let mut facets = Facets::default();
    let districts = [
        "Greater London",
        "Los Angeles County",
        "Regierungsbezirk Koln",
        "York",
    ];
    for (row, district) in (0..).zip(districts) {
        let place = PlaceName {
            country: "X".into(),
            region: None,
            district: Some(district.into()),
            city: Vec::new(),
            town: "Hollywood".into(),
        };
        let facts = RowFacts {
            place: Some(place),
            ..RowFacts::default()
        };
        facets.replace(row, None, Some(&facts));
    }
    assert_eq!(rows(&facets.of_place("london")), [0]);
    assert_eq!(rows(&facets.of_place("Los Angeles")), [1]);
    assert_eq!(rows(&facets.of_place("Köln")), [2]);
    assert_eq!(rows(&facets.of_place("greater london")), [0]);
    assert_eq!(rows(&facets.of_place("angeles")), [1], "by its words");
}

#[test]
fn names_are_the_same_however_their_letters_are_encoded() {
    let mut facets = Facets::default();
    let mut row = facts(10, "Canon", "Zu\u{308}rich/2019-05-17 12:30");
    row.keywords = vec!["cafe\u{301}".into(), "STRASSE".into(), "İstanbul".into()];
    facets.replace(0, None, Some(&row));
    for tag in ["café", "straße", "istanbul"] {
        assert_eq!(rows(&facets.of_tag(tag)), [0], "{tag}");
    }
    assert_eq!(rows(&facets.in_folder("zürich", &[])), [0]);
    assert_eq!(rows(&facets.in_folder("zürich/2019-05-17 12/30", &[])), [0]);
    assert_eq!(facets.with_word("zürich").map(rows), Some(vec![0]));
    assert!(facets.has_folder("Zürich", &[]) && !facets.has_folder("Zür", &[]));
}

#[test]
fn photos_of_which_no_root_can_be_reached_are_told() {
    let mut facets = three();
    let mut both = facts(10, "Canon", "x");
    both.folders.push((1, "y".into()));
    facets.replace(3, None, Some(&both));
    assert_eq!(rows(&facets.only_in(&[RootId(0)].into())), [0, 1, 2]);
}

#[test]
fn shapes_are_told_with_a_little_room_for_squares() {
    assert_eq!(shape_of(100, 104), Some(Shape::Square));
    assert_eq!(shape_of(100, 106), Some(Shape::Portrait));
    assert_eq!(shape_of(4000, 3000), Some(Shape::Landscape));
    assert_eq!(shape_of(0, 3000), None);
}

#[test]
fn places_are_found_by_country_region_town_or_words() {
    let mut facets = Facets::default();
    let at = |country: &str, town: &str| RowFacts {
        place: Some(PlaceName {
            country: country.into(),
            region: None,
            district: None,
            city: Vec::new(),
            town: town.into(),
        }),
        ..RowFacts::default()
    };
    facets.replace(0, None, Some(&at("France", "Paris")));
    facets.replace(1, None, Some(&at("United States", "Paris")));
    facets.replace(2, None, Some(&at("United States", "New York")));
    assert_eq!(rows(&facets.of_place("paris")), [0, 1]);
    assert_eq!(rows(&facets.of_place("France/Paris")), [0]);
    assert_eq!(rows(&facets.of_place("united states")), [1, 2]);
    assert_eq!(rows(&facets.of_place("york")), [2]);
    let towns: Vec<_> = facets
        .towns("United States")
        .map(|town| town.name)
        .collect();
    assert_eq!(towns, ["New York", "Paris"]);
    assert_eq!(rows(facets.undated()), [0, 1, 2]);
}
