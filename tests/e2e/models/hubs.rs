//! Hubs that other programs are: the same layout, with less told or told otherwise.

use super::*;
use crate::support::hub::{COMMIT, Fault, Manner, Request};

#[test]
fn a_file_that_nobody_needs_may_have_any_path_and_neither_size_nor_hash() {
    let (home, hub) = home_and_hub();
    let mut repository = mini();
    for path in ["../../../evil", "logs\\x.txt", "README.md"] {
        repository.insert(path.to_owned(), (b"x".to_vec(), false));
    }
    hub.put(REPOSITORY, repository);
    hub.behave(Manner::NamesOnly("README.md"));
    ok(&mut pull(&home, &hub));
    assert_eq!(state_of(&home, NAME), "installed");
    assert!(
        !hub.requests()
            .iter()
            .any(|asked| asked.path.contains("evil"))
    );
}

#[test]
fn the_hash_of_a_large_file_may_be_told_as_oid_with_its_kind() {
    let (home, hub) = home_and_hub();
    hub.behave(Manner::LfsOid);
    let words = ok(&mut pull(&home, &hub));
    assert!(!words.contains("no hash"), "{words}");
    assert_eq!(state_of(&home, NAME), "installed");
}

#[test]
fn a_redirect_may_be_relative_of_any_case_and_badly_written() {
    for to in [
        "./x/../FILE?signature=1",
        "//127.0.0.1:PORT/me/Copy/resolve/COMMIT/FILE?\u{e4}&signature=1#x",
        "HTTP://127.0.0.1:PORT/me/Copy/resolve/COMMIT/FILE?a b|c&signature=1",
    ] {
        let (home, hub) = home_and_hub();
        let port = hub.endpoint().rsplit(':').next().unwrap().to_owned();
        let to = to.replace("PORT", &port).replace("COMMIT", COMMIT);
        hub.behave(Manner::Redirect(to.clone().leak()));
        ok(&mut pull(&home, &hub));
        assert_eq!(state_of(&home, NAME), "installed", "{to}");
    }
}

#[test]
fn what_comes_compressed_although_nobody_asked_for_it_is_named() {
    let (home, hub) = home_and_hub();
    hub.behave(Manner::Compressed);
    let words = error(&mut pull(&home, &hub));
    assert!(words.contains("encoded as \"gzip\""), "{words}");
    let requests = hub.requests();
    let asked = |asked: &Request| asked.encoding.as_deref() == Some("identity");
    assert!(requests.iter().all(asked), "{requests:?}");
}

fn lock(home: &Home) -> String {
    fs::read_to_string(store(home).join("copy/semfs-model.lock")).unwrap()
}

#[test]
fn what_a_listing_does_not_tell_is_told_by_the_tree_on_any_of_its_pages() {
    let (home, hub) = home_and_hub();
    hub.behave(Manner::NamesOnly(""));
    hub.behave(Manner::Tree);
    ok(&mut pull(&home, &hub));
    let lock = lock(&home);
    assert!(
        lock.contains("sha256 = ") && lock.contains("git = "),
        "{lock}"
    );
    let requests = hub.requests();
    let trees = requests
        .iter()
        .filter(|asked| asked.path.contains("/tree/"));
    let pages = (mini().len() + 1).div_ceil(2);
    assert_eq!(trees.count(), pages, "it is asked for once: {requests:?}");
    assert!(requests.iter().all(|asked| asked.method == "GET"));
}

#[test]
fn what_nothing_else_tells_is_told_by_the_headers_of_the_file_at_the_hub() {
    for knows_head in [true, false] {
        let (home, hub) = home_and_hub();
        hub.behave(Manner::NamesOnly(""));
        hub.behave(Manner::Tags);
        if !knows_head {
            hub.behave(Manner::NoHead);
        }
        let words = ok(&mut pull(&home, &hub));
        assert!(!words.contains("no hash"), "{words}");
        let lock = lock(&home);
        assert!(
            lock.contains("sha256 = ") && lock.contains("git = "),
            "{lock}"
        );
        let requests = hub.requests();
        let heads = requests.iter().filter(|asked| asked.method == "HEAD");
        assert!(heads.clone().count() > 0 && heads.clone().all(|asked| !asked.is_store));
        hub.fail(image(), Fault::WrongBytes);
        home.ok(&["model", "rm", NAME]);
        let words = error(&mut pull(&home, &hub));
        assert!(words.contains("has the hash"), "{words}");
    }
}

#[test]
fn a_file_whose_hash_nobody_tells_is_taken_with_a_warning_and_held_to_what_came() {
    let (home, hub) = home_and_hub();
    hub.behave(Manner::NamesOnly(""));
    hub.fail(image(), Fault::Stall(300_000));
    let words = error(pull(&home, &hub).env("HF_HUB_DOWNLOAD_TIMEOUT", "1"));
    assert!(words.contains("silent for too long"), "{words}");
    hub.mend();
    hub.requests();
    // Nor is it gone on with after a line that breaks.
    hub.fail(image(), Fault::Cut(200_000, 2));
    let words = ok(&mut pull(&home, &hub));
    assert!(
        words.contains(&format!("no hash of {}", image())),
        "{words}"
    );
    // What came before may be of another version, and nothing could tell.
    let requests = hub.requests();
    let mut of_image = requests.iter().filter(|asked| asked.path.contains(image()));
    assert!(of_image.all(|asked| asked.from.is_none()), "{requests:?}");
    let lock = lock(&home);
    assert!(
        lock.contains("sha256 = ") && !lock.contains("git = "),
        "{lock}"
    );
    assert_eq!(state_of(&home, NAME), "installed");
    let words = ok(&mut pull(&home, &hub));
    assert!(words.contains("here already"), "{words}");
    let path = store(&home).join(NAME).join(image());
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 0xff;
    fs::write(&path, bytes).unwrap();
    assert_eq!(state_of(&home, NAME), "broken");
    ok(&mut pull(&home, &hub));
    assert_eq!(state_of(&home, NAME), "installed");
}

#[test]
fn a_hub_may_list_a_repository_without_its_revision_or_by_its_tree_alone() {
    for (manner, origin) in [
        (Manner::NoRevision, "me/Copy@0123456789ab"),
        (Manner::TreeOnly, "me/Copy@main"),
    ] {
        let (home, hub) = home_and_hub();
        hub.behave(manner);
        let words = ok(&mut pull(&home, &hub));
        assert!(
            words.contains(&format!("copy is here: {origin}")),
            "{words}"
        );
    }
    let (home, hub) = home_and_hub();
    hub.behave(Manner::NoRevision);
    // What it tells is of `main`, and of nothing else.
    let old = ["model", "pull", "me/Copy@v1"];
    let words = error(&mut command(&home, &hub, &old));
    hub.behave(Manner::Unlisted);
    for words in [words, error(&mut pull(&home, &hub))] {
        assert!(words.contains("does not list the files"), "{words}");
        assert!(words.contains("semfs model import FOLDER"), "{words}");
    }
}

#[test]
fn a_hub_that_tells_no_commit_or_has_no_files_by_it_is_asked_by_revision() {
    const LONG: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for sha in [None, Some("0123456"), Some(LONG)] {
        let (home, hub) = home_and_hub();
        hub.behave(Manner::Commit(sha));
        let words = ok(&mut pull(&home, &hub));
        assert!(words.contains("copy is here: me/Copy@main"), "{words}");
        assert!(!lock(&home).contains("commit"), "{}", lock(&home));
        assert_eq!(state_of(&home, NAME), "installed");
        let words = ok(&mut pull(&home, &hub));
        assert!(words.contains("here already"), "{words}");
    }
    for manner in [Manner::CommitInHeader, Manner::MainOnly] {
        let (home, hub) = home_and_hub();
        hub.behave(manner);
        if manner == Manner::CommitInHeader {
            hub.behave(Manner::Commit(None));
        }
        let words = ok(&mut pull(&home, &hub));
        assert!(
            words.contains("copy is here: me/Copy@0123456789ab"),
            "{words}"
        );
        assert_eq!(state_of(&home, NAME), "installed");
    }
}
