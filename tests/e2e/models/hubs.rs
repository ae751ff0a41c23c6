//! Hubs that other programs are: the same layout, with less told or told otherwise.

use super::*;
use crate::support::hub::Manner;

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
