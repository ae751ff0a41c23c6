//! Which sidecar belongs to which photo, by their names.
//!
//! `IMG_1.jpg.xmp` belongs to `IMG_1.jpg`, and `IMG_1.xmp` to every photo of its folder that
//! is named `IMG_1` but for its extension.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::keys::FileKey;

const EXTENSION: &[u8] = b".xmp";

/// How closely a sidecar belongs to a photo; what is closer counts for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Belongs {
    /// It is named like the photo without its extension.
    ByStem,
    /// It is named like the photo.
    ByName,
}

/// Whether a file of this name is taken for a sidecar: `.xmp`, in any case.
#[must_use]
pub fn is_sidecar_name(name: &Path) -> bool {
    name.file_name().is_some_and(|name| base(name).is_some())
}

/// The name of a sidecar without its extension; nothing if it is not named like one.
pub(super) fn base(name: &OsStr) -> Option<&OsStr> {
    let name = name.as_bytes();
    let (base, extension) = name.split_at_checked(name.len().checked_sub(EXTENSION.len())?)?;
    let is_sidecar = !base.is_empty() && extension.eq_ignore_ascii_case(EXTENSION);
    is_sidecar.then(|| OsStr::from_bytes(base))
}

/// Whether `sidecar`, in the folder of `photo`, belongs to it, and how.
pub(super) fn belongs(sidecar: &FileKey, photo: &FileKey) -> Option<Belongs> {
    let base = base(&sidecar.name)?;
    if base == photo.name {
        Some(Belongs::ByName)
    } else if Path::new(&photo.name).file_stem() == Some(base) {
        Some(Belongs::ByStem)
    } else {
        None
    }
}

/// How the names of all sidecars of a photo begin.
pub(super) fn beginning(photo: &FileKey) -> Option<Vec<u8>> {
    Path::new(&photo.name).file_stem().map(with_dot)
}

/// A name and a dot.
pub(super) fn with_dot(name: &OsStr) -> Vec<u8> {
    [name.as_bytes(), b"."].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RootId;

    #[test]
    fn a_sidecar_belongs_to_the_photo_it_is_named_after() {
        let file = |name: &str| FileKey {
            root: RootId(0),
            folder: "a".into(),
            name: name.into(),
        };
        for (sidecar, photo, expected) in [
            ("1.jpg.xmp", "1.jpg", Some(Belongs::ByName)),
            ("1.xmp", "1.jpg", Some(Belongs::ByStem)),
            ("1.XMP", "1.NEF", Some(Belongs::ByStem)),
            ("1.nef.xmp", "1.jpg", None),
            ("1.xmp", "1.b.jpg", None),
            ("1.xmp", "10.jpg", None),
            (".xmp", ".jpg", None),
            ("1.jpg", "1.jpg", None),
        ] {
            let found = belongs(&file(sidecar), &file(photo));
            assert_eq!(found, expected, "{sidecar} and {photo}");
        }
    }

    #[test]
    fn a_sidecar_is_known_by_its_extension_in_any_case() {
        for name in ["a/1.xmp", "1.jpg.XMP", "1.Xmp"] {
            assert!(is_sidecar_name(Path::new(name)), "{name}");
        }
        for name in [".xmp", "xmp", "1.xmp.jpg", "1.xmpx"] {
            assert!(!is_sidecar_name(Path::new(name)), "{name}");
        }
    }
}
