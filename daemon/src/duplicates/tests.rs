use super::*;

#[test]
fn what_to_keep_is_understood_as_it_is_written() {
    let inside = Keep::In(PathBuf::from(OsStr::from_bytes(b"/photos/b\xe9st=1")));
    for keep in [Keep::Best, Keep::Oldest, Keep::Newest, inside] {
        let words = words_of(&keep);
        assert_eq!(keep_of(OsStr::from_bytes(&words)).unwrap(), keep);
    }
    for words in ["", "first", "in=", "BEST", "in"] {
        assert!(keep_of(OsStr::new(words)).is_err(), "{words:?}");
    }
}

#[test]
fn a_folder_to_keep_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = |path: PathBuf| {
        let mut words = std::ffi::OsString::from("in=");
        words.push(path);
        keep(&words).unwrap_err().to_string()
    };
    assert!(error(folder.path().join("missing")).contains("No such file"));
    assert!(error(file).contains("not a directory"));
}

#[test]
fn a_group_is_named_by_enough_of_its_digits() {
    let ids = || {
        ["aabb01", "aabb02", "ccdd03", "ccdd03"]
            .map(str::to_owned)
            .into_iter()
    };
    assert_eq!(only("CCDD", ids()).unwrap().as_deref(), Some("ccdd03"));
    assert_eq!(only("aabb02", ids()).unwrap().as_deref(), Some("aabb02"));
    assert_eq!(only("0000", ids()).unwrap(), None);
    let several = only("aabb", ids()).unwrap_err();
    assert!(matches!(several, DuplicatesError::Several { count: 2, .. }));
    for name in ["aab", "", "xxxx", "../.."] {
        let error = only(name, ids()).unwrap_err();
        assert!(matches!(error, DuplicatesError::NoName(_)), "{name}");
    }
}

#[test]
fn a_list_is_handed_over_whole_and_sealed() {
    let list = DuplicateList {
        version: VERSION,
        waiting: 3,
        groups: Vec::new(),
    };
    let file = sealed(&list).unwrap();
    assert!(nix::unistd::write(&file, b"more").is_err());
    assert_eq!(unsealed(file).unwrap(), list);
}
