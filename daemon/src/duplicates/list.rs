//! The list of duplicates as it is told to commands and programs, and how it is handed over.
//!
//! `docs/dupes.schema.json` describes its form; a test holds one against the other. Which groups
//! there are, and what is to be kept, was decided before.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use semfs_engine::decisions::Dismissal;
use semfs_engine::duplicates::Tier;
use semfs_engine::index::{Because, DuplicateFile, DuplicateGroup, Keep};
use serde::{Deserialize, Serialize};

/// The version of the list: fields are added within one, and neither changed nor taken away.
pub(super) const VERSION: u32 = 1;

/// Groups of duplicates of one generation of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateList {
    /// Of this form.
    pub version: u32,
    /// Photos that wait to be compared with others: there may be more groups than these.
    pub waiting: u64,
    /// Tier by tier, the surest first; within one, the largest saving first.
    pub groups: Vec<ListedGroup>,
}

/// Photos that are the same in one of three ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedGroup {
    /// 16 hexadecimal digits, the same as long as the group has the same contents.
    pub id: String,
    /// In which way.
    pub tier: Tier,
    /// The name of its best copy without the extension.
    pub name: String,
    /// Bytes that are free if only the best copy is kept.
    pub reclaimable: u64,
    /// Every name of every copy, the best copy first.
    pub files: Vec<ListedFile>,
}

/// A name of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Absolute; what is not UTF-8 in it is replaced.
    pub path: String,
    /// The bytes of a path that is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<Vec<u8>>,
    /// Which copy of the group it is, from 0. Names of one copy are hard links, or ways to one
    /// file.
    pub copy: usize,
    /// BLAKE3 of its bytes in 64 hexadecimal digits.
    pub content: String,
    /// Bytes.
    pub size: u64,
    /// When it was modified, in seconds since 1970; before that negative.
    pub modified: i64,
    /// Pixels as it is shown, if that is known.
    pub width: Option<u32>,
    /// Pixels as it is shown, if that is known.
    pub height: Option<u32>,
    /// Such as `jpeg` or `nef`.
    pub format: String,
    /// As how good it was written, if that is known: 1 to 100 for a JPEG, 101 where nothing was
    /// lost, 102 for what a sensor saw.
    pub quality: Option<u8>,
    /// Whether its copy is kept; else it is surplus.
    pub keep: bool,
    /// Whether its root can be reached.
    pub reachable: bool,
    /// The first name of its copy, if this is another one.
    pub same_file_as: Option<String>,
    /// The file that its copy was compared with.
    pub compared_with: Option<String>,
    /// Why it is in the group.
    pub reason: String,
}

impl ListedFile {
    /// Its path as the filesystem has it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match &self.path_bytes {
            Some(bytes) => OsStr::from_bytes(bytes).into(),
            None => PathBuf::from(&self.path),
        }
    }
}

/// A group that is shown no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DismissedGroup {
    /// What it is called.
    pub id: String,
    /// As what it was shown.
    pub tier: Tier,
    /// When it was dismissed, in seconds since 1970.
    pub since: u64,
    /// How many different contents it has.
    pub contents: usize,
    /// The name of its best copy then.
    pub name: String,
}

impl From<&Dismissal> for DismissedGroup {
    fn from(dismissal: &Dismissal) -> Self {
        Self {
            id: dismissal.id(),
            tier: dismissal.tier,
            since: dismissal.since,
            contents: dismissal.contents.len(),
            name: dismissal.name.clone(),
        }
    }
}

/// A group as it is told.
pub(super) fn listed(group: &DuplicateGroup, keep: &Keep) -> ListedGroup {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let name_of = |place: usize| Some(text(&group.copies.get(place)?.files.first()?.path));
    let kept = keep.choose(group);
    let mut files = Vec::new();
    for (place, copy) in group.copies.iter().enumerate() {
        let reason = group.reason(place).unwrap_or_default();
        let compared_with = match copy.because {
            Because::Best => None,
            Because::SameBytes(other) | Because::Compared(other, _) => name_of(other),
        };
        for (number, DuplicateFile { away, path, .. }) in copy.files.iter().enumerate() {
            let same_file_as = name_of(place).filter(|_| number > 0);
            let reason = match &same_file_as {
                Some(first) => format!("the same file as {first}"),
                None => reason.clone(),
            };
            let is_text = path.to_str().is_some();
            files.push(ListedFile {
                path: text(path),
                path_bytes: (!is_text).then(|| path.as_os_str().as_bytes().to_vec()),
                copy: place,
                content: hexadecimal(&copy.content),
                size: copy.stamp.size,
                modified: copy.stamp.modified.div_euclid(1_000_000_000),
                width: Some(copy.facts.width).filter(|width| *width > 0),
                height: Some(copy.facts.height).filter(|height| *height > 0),
                format: copy.facts.format.name().to_owned(),
                quality: Some(copy.quality).filter(|quality| *quality > 0),
                keep: kept.get(place).copied().unwrap_or(true),
                reachable: !away,
                same_file_as,
                compared_with: compared_with.clone(),
                reason,
            });
        }
    }
    ListedGroup {
        id: group.id.clone(),
        tier: group.tier,
        name: group.name(),
        reclaimable: group.reclaimable,
        files,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file in memory with a list, which nobody can change any more: however long it is, it is
/// one answer.
pub(crate) fn sealed(list: &DuplicateList) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = memfd_create(c"duplicates", flags).map_err(io::Error::from)?;
    let mut out = BufWriter::new(File::from(file));
    serde_json::to_writer(&mut out, list)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let seals = SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).map_err(io::Error::from)?;
    Ok(file.into())
}

/// The list in such a file.
pub(crate) fn unsealed(file: OwnedFd) -> io::Result<DuplicateList> {
    let mut file = File::from(file);
    // It was written to its end.
    file.seek(SeekFrom::Start(0))?;
    let mut json = Vec::new();
    file.read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}
