//! Hubs that other programs are: the same layout, with less told or told otherwise.

use super::*;
use crate::support::hub::{COMMIT, Manner, Request};

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
    ok(&mut pull(&home, &hub));
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
