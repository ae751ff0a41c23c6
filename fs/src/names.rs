//! File names: those that programs probe, and those that every system can carry.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The longest name that a filesystem carries, in bytes.
pub(crate) const LONGEST_NAME: usize = 255;

/// Names that programs look for in any folder and that are never a query. The list was
/// taken from file managers, shells, Samba and development tools at work; every other
/// name that begins with a dot is one as well.
const PROBES: &[&str] = &[
    "autorun.inf",
    "BDMV",
    "Cargo.toml",
    "cargo.toml",
    "desktop.ini",
    "Desktop.ini",
    "ehthumbs.db",
    "HEAD",
    "rust-toolchain",
    "rust-toolchain.toml",
    "Thumbs.db",
    "thumbs.db",
];

/// Whether a name is one that programs probe for, and nobody's question.
pub(crate) fn is_probe(name: &str) -> bool {
    name.starts_with('.') || PROBES.contains(&name)
}

/// `NNN original-name.ext`: the rank, padded to the width of the listing, and the name
/// as far as every system can carry it.
pub(crate) fn ranked(rank: usize, of: usize, name: &[u8]) -> String {
    let width = of.max(1).ilog10() as usize + 1;
    let rank = format!("{rank:0width$} ");
    let room = LONGEST_NAME - rank.len();
    rank + &portable(name, room, extension_at)
}

/// Where what ends a name begins: its extension, or nothing.
type EndAt = fn(&str) -> usize;

/// Names for the entries of one folder, each given once: where two would be the same, the
/// later one has ` (2)`, ` (3)` before its extension, or at its end. Upper and lower case are the same for
/// many systems, so they are here.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Folded names that are given, and the number that comes next.
    given: HashMap<String, u32>,
}

impl Names {
    /// A name for the file `name` that every system carries, and that no other entry has.
    pub(crate) fn give(&mut self, name: &[u8]) -> String {
        self.give_with(name, extension_at)
    }

    /// The same for a folder: a dot in its name begins no extension.
    pub(crate) fn give_folder(&mut self, name: &[u8]) -> String {
        self.give_with(name, str::len)
    }

    /// Takes a name that was given before. False: another entry has it.
    pub(crate) fn take(&mut self, name: &str) -> bool {
        match self.given.entry(name.to_lowercase()) {
            Entry::Vacant(entry) => {
                entry.insert(2);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    fn give_with(&mut self, name: &[u8], end_at: EndAt) -> String {
        let plain = portable(name, LONGEST_NAME, end_at);
        let mut number = match self.given.get(&plain.to_lowercase()) {
            None => {
                self.given.insert(plain.to_lowercase(), 2);
                return plain;
            }
            Some(number) => *number,
        };
        loop {
            let suffix = format!(" ({number})");
            number += 1;
            let room = LONGEST_NAME - suffix.len();
            let mut name = portable(name, room, end_at);
            let at = end_at(&name);
            name.insert_str(at, &suffix);
            if self.take(&name) {
                self.given.insert(plain.to_lowercase(), number);
                return name;
            }
        }
    }
}

/// Where the extension of a name begins, with its dot; its end if it has none.
fn extension_at(name: &str) -> usize {
    match name.rfind('.') {
        // A long "extension" is part of the name, and a leading dot begins none.
        Some(dot) if dot > 0 && name.len() - dot <= 16 => dot,
        _ => name.len(),
    }
}

/// A name that SMB, macOS and Windows can carry, of at most `room` bytes: characters that
/// they refuse become `_`, and what is too long is cut before its end.
fn portable(name: &[u8], room: usize, end_at: EndAt) -> String {
    let mut portable: String = String::from_utf8_lossy(name)
        .chars()
        .map(|character| match character {
            ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\\' | '/' => '_',
            character if character.is_control() => '_',
            character => character,
        })
        .collect();
    if portable.len() > room {
        let end = portable.len() - end_at(&portable);
        let kept = room - end;
        let cut = (0..=kept).rev().find(|at| portable.is_char_boundary(*at));
        portable.replace_range(cut.unwrap_or(0)..portable.len() - end, "");
    }
    if portable.ends_with(['.', ' ']) {
        portable.pop();
        portable.push('_');
    }
    if portable.is_empty() {
        portable.push('_');
    }
    portable
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_have_the_width_of_the_listing() {
        assert_eq!(ranked(1, 9, b"a.jpg"), "1 a.jpg");
        assert_eq!(ranked(7, 200, b"a.jpg"), "007 a.jpg");
        assert_eq!(ranked(10, 10, b"a.jpg"), "10 a.jpg");
    }

    #[test]
    fn what_other_systems_refuse_is_replaced() {
        assert_eq!(ranked(1, 1, b"12:30 \"x\".jpg"), "1 12_30 _x_.jpg");
        assert_eq!(ranked(1, 1, b"end. "), "1 end._");
        assert_eq!(ranked(1, 1, b"a\nb.jpg"), "1 a_b.jpg");
        assert_eq!(ranked(1, 1, b"caf\xe9.jpg"), "1 caf\u{fffd}.jpg");
    }

    #[test]
    fn names_that_are_the_same_get_numbers_in_their_order() {
        let mut names = Names::default();
        let mut give = |name: &str| names.give(name.as_bytes());
        assert_eq!(give("a.jpg"), "a.jpg");
        assert_eq!(give("A.JPG"), "A (2).JPG");
        assert_eq!(give("a (3).jpg"), "a (3).jpg");
        assert_eq!(give("a.jpg"), "a (4).jpg");
        assert_eq!(give("a:b.jpg"), "a_b.jpg");
        assert_eq!(give("a_b.jpg"), "a_b (2).jpg");
        assert_eq!(give(".jpg"), ".jpg");
        assert_eq!(give(".jpg"), ".jpg (2)");
        assert_eq!(give(""), "_");
    }

    #[test]
    fn a_folder_has_no_extension() {
        let mut names = Names::default();
        let mut give = |name: &str| names.give_folder(name.as_bytes());
        assert_eq!(give("3x 1.2MB a"), "3x 1.2MB a");
        assert_eq!(give("3x 1.2MB A"), "3x 1.2MB A (2)");
        let long = "é".repeat(130);
        assert_eq!(give(&long), "é".repeat(127));
        assert_eq!(give(&long), "é".repeat(125) + " (2)");
    }

    #[test]
    fn a_name_that_was_taken_is_given_to_nobody_else() {
        let mut names = Names::default();
        assert!(names.take("a (2)") && !names.take("A (2)"));
        let mut give = |name: &str| names.give_folder(name.as_bytes());
        assert_eq!([give("a"), give("a")], ["a", "a (3)"]);
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let long = "é".repeat(127) + ".jpg";
        let name = ranked(12, 99, long.as_bytes());
        assert!(
            name.len() <= LONGEST_NAME && name.ends_with("é.jpg"),
            "{name}"
        );
    }

    #[test]
    fn probes_are_told_from_queries() {
        for name in [".Trash-1000", ".git", "._x", ".hidden", "HEAD", "Thumbs.db"] {
            assert!(is_probe(name), "{name}");
        }
        for name in ["head", "red car", "trash"] {
            assert!(!is_probe(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_one_that_every_system_carries(
            name in proptest::collection::vec(1u8.., 1..400), rank in 1usize..2000,
        ) {
            let name = ranked(rank, 2000, &name);
            prop_assert!(name.len() <= LONGEST_NAME);
            prop_assert!(!name.contains(['/', '\0', ':', '*', '?', '"', '<', '>', '|', '\\']));
            prop_assert!(!name.ends_with(['.', ' ']));
        }

        #[test]
        fn no_name_is_given_twice(
            wanted in proptest::collection::vec("[aAb:]{0,2}( \\([23]\\))?(\\.jpg)?", 1..40),
        ) {
            let mut names = Names::default();
            let mut given = std::collections::BTreeSet::new();
            for name in &wanted {
                let name = names.give(name.as_bytes());
                prop_assert!(given.insert(name.to_lowercase()), "{name}");
            }
        }
    }
}
