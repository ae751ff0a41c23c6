use std::collections::BTreeSet;

use proptest::prelude::*;

use super::file::{parse, text};
use super::*;
use crate::duplicates::Tier;

fn open(folder: &tempfile::TempDir) -> Decisions {
    Decisions::open(folder.path()).unwrap()
}

#[test]
fn pins_are_kept_in_the_order_of_pinning() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = open(&folder);
    assert!(decisions.pins().is_empty());
    for pin in ["red car", "a \"quoted\" \\ name", "beach top=5"] {
        assert!(decisions.pin(pin).unwrap());
    }
    assert!(!decisions.pin("red car").unwrap(), "it is pinned already");
    let again = open(&folder);
    assert_eq!(
        *again.pins(),
        ["red car", "a \"quoted\" \\ name", "beach top=5"].map(str::to_owned)
    );
    assert!(again.unpin("red car").unwrap());
    assert!(!again.unpin("red car").unwrap());
    assert!(!again.is_pinned("red car") && again.is_pinned("beach top=5"));
    assert_eq!(open(&folder).pins().len(), 2);
}

#[test]
fn the_same_words_typed_in_another_way_are_another_pin() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = open(&folder);
    for pin in ["red car", "red  car", " red car", "red car top=200"] {
        assert!(decisions.pin(pin).unwrap());
    }
    assert_eq!(open(&folder).pins().len(), 4);
}

#[test]
fn what_its_owner_writes_into_the_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = open(&folder);
    decisions.pin("red car").unwrap();
    let path = folder.path().join(NAME);
    fs::write(&path, "version = 1\npins = ['dog', 'dog', 'cat']\n").unwrap();
    assert!(decisions.pin("beach").unwrap());
    let expected = ["dog", "cat", "beach"].map(str::to_owned);
    assert_eq!(*decisions.pins(), expected);
    assert_eq!(*open(&folder).pins(), expected);
}

#[test]
fn a_damaged_file_names_its_line_and_is_never_written_over() {
    for (text, line, word) in [
        (
            "version = 1\n\npins = [\n    \"red\n]\n",
            "line 4",
            "string",
        ),
        ("version = 1\npins = 3\n", "line 2", "invalid type"),
        ("version = 1\npinned = []\n", "line 2", "pinned"),
        ("pins = []\n", "line 1", "version"),
        ("version = 1\npins = [\n'a/b']\n", "line 3", "a/b"),
        (
            "version = 2\n[[dismissed]]\ntier = 'exact'\ncontents = ['12x']\n",
            "line 4",
            "12x",
        ),
        (
            "version = 2\n[[dismissed]]\ntier = 'same'\ncontents = []\n",
            "line 3",
            "same",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let decisions = open(&folder);
        let path = folder.path().join(NAME);
        fs::write(&path, text).unwrap();
        for error in [
            Decisions::open(folder.path()).unwrap_err(),
            decisions.pin("dog").unwrap_err(),
            decisions.unpin("red").unwrap_err(),
        ] {
            let error = error.to_string();
            assert!(error.contains(line) && error.contains(word), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_newer_file_says_so_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = "version = 4\npins = []\n[albums]\na = 1\n";
    fs::write(folder.path().join(NAME), text).unwrap();
    let error = Decisions::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("version 3") && error.contains("newer"),
        "{error}"
    );
}

#[test]
fn pins_have_a_limit_and_must_be_names() {
    let folder = tempfile::tempdir().unwrap();
    let pins: Vec<_> = (0..MOST_PINS).map(|number| number.to_string()).collect();
    let written = Written {
        pins,
        ..Written::default()
    };
    write(&folder.path().join(NAME), &written).unwrap();
    let decisions = open(&folder);
    let error = decisions.pin("one more").unwrap_err().to_string();
    assert!(error.contains("1000") && error.contains("unpin"), "{error}");
    assert!(!decisions.pin("7").unwrap());
    decisions.unpin("7").unwrap();
    assert!(decisions.pin("one more").unwrap());
    for name in ["", "..", "a/b", "a\0b", &"x".repeat(256)] {
        assert!(matches!(decisions.pin(name), Err(DecisionError::Name(_))));
    }
}

#[test]
fn a_file_that_cannot_be_written_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = open(&folder);
    decisions.pin("dog").unwrap();
    // A folder stands where the new file would be written.
    fs::create_dir(folder.path().join("decisions.toml.new")).unwrap();
    let error = decisions.pin("cat").unwrap_err().to_string();
    assert!(error.contains("cannot be written"), "{error}");
    assert_eq!(*decisions.pins(), ["dog".to_owned()]);
    assert_eq!(*open(&folder).pins(), ["dog".to_owned()]);
}

fn group(numbers: &[u8]) -> BTreeSet<[u8; 32]> {
    numbers.iter().map(|number| [*number; 32]).collect()
}

#[test]
fn a_dismissed_group_stays_so_with_fewer_copies_and_is_another_with_more() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = open(&folder);
    let dismissal = Dismissal::now(Tier::SamePhoto, group(&[1, 2, 3]), "a \"b\"".to_owned());
    assert!(decisions.dismiss(dismissal.clone()).unwrap());
    assert!(!decisions.dismiss(dismissal.clone()).unwrap());
    decisions.pin("dog").unwrap();
    let again = open(&folder);
    assert_eq!(again.dismissals().first(), Some(&dismissal));
    assert!(dismissal.covers(Tier::SamePhoto, &group(&[1, 3])));
    assert!(!dismissal.covers(Tier::SamePhoto, &group(&[1, 2, 3, 4])));
    assert!(!dismissal.covers(Tier::Lookalike, &group(&[1, 2, 3])));
    assert!(again.restore(&dismissal.id()).unwrap());
    assert!(!again.restore(&dismissal.id()).unwrap());
    assert!(open(&folder).dismissals().is_empty());
    assert_eq!(*open(&folder).pins(), ["dog".to_owned()]);
}

#[test]
fn a_file_of_version_1_is_read_and_becomes_version_3_with_the_next_decision() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    fs::write(&path, "version = 1\npins = ['dog']\n").unwrap();
    let decisions = open(&folder);
    assert_eq!(*decisions.pins(), ["dog".to_owned()]);
    decisions
        .dismiss(Dismissal::now(Tier::Exact, group(&[1]), String::new()))
        .unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("version = 3"));
    assert_eq!(*open(&folder).pins(), ["dog".to_owned()]);
}

#[test]
fn a_chosen_model_is_kept_beside_the_pins_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    fs::write(&path, "version = 2\npins = ['dog']\n").unwrap();
    let decisions = open(&folder);
    assert_eq!(decisions.model(), None);
    assert!(decisions.choose_model(Some("clip-vit-b-32")).unwrap());
    assert!(!decisions.choose_model(Some("clip-vit-b-32")).unwrap());
    assert!(decisions.pin("cat").unwrap());
    let again = open(&folder);
    assert_eq!(again.model().as_deref(), Some("clip-vit-b-32"));
    assert_eq!(*again.pins(), ["dog".to_owned(), "cat".to_owned()]);
    assert!(again.choose_model(None).unwrap());
    assert_eq!(open(&folder).model(), None);
}

#[test]
fn what_cannot_be_the_name_of_a_model_is_not_chosen_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = open(&folder);
    for name in [
        "",
        "../mini",
        "a/b",
        ".hidden",
        "a b",
        "-x",
        &"x".repeat(101),
    ] {
        let chosen = decisions.choose_model(Some(name));
        assert!(matches!(chosen, Err(DecisionError::Model(_))), "{name:?}");
    }
    let path = folder.path().join(NAME);
    fs::write(&path, "version = 3\nmodel = '../mini'\n").unwrap();
    let error = Decisions::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("line 2") && error.contains("../mini"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn every_name_comes_back_as_it_was_typed(
        pins in proptest::collection::hash_set("[^/\0]{1,40}", 0..5),
    ) {
        let pins: Vec<String> = pins.into_iter().filter(|pin| is_name(pin)).collect();
        let dismissed = vec![Dismissal::now(Tier::Exact, [[7; 32]].into(), pins.concat())];
        let model = pins.iter().find(|pin| is_model_name(pin)).cloned();
        let written = Written { model, pins, dismissed };
        prop_assert_eq!(parse(Path::new("x"), &text(&written)).unwrap(), written);
    }
}
