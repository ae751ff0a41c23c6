//! The mount table of this process: which filesystem holds a path, and does it tell of changes.
//!
//! Knows only what `/proc/self/mountinfo` says. It never touches the paths themselves, so a
//! server that does not answer cannot block it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

const TABLE: &str = "/proc/self/mountinfo";

/// Filesystems whose changes may happen elsewhere, or whose driver tells nothing. `autofs` is
/// one because whoever touches it mounts something.
const SILENT: &[&str] = &[
    "9p",
    "acfs",
    "afs",
    "autofs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "davfs2",
    "fhgfs",
    "fuse",
    "gfs2",
    "glusterfs",
    "gpfs",
    "kafs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "panfs",
    "prl_fs",
    "pvfs2",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
];

/// One line of the mount table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountEntry {
    /// The kernel's number of this mount; given again after it is unmounted.
    pub id: u64,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The type of the filesystem, such as `ext4` or `fuse.sshfs`.
    pub fstype: String,
    /// What is mounted: a device, a share, or a word without meaning.
    pub source: String,
    /// Major and minor number of the device.
    pub device: (u32, u32),
}

/// The mount table as it is now, in the order of the kernel.
///
/// # Errors
/// If `/proc` is not mounted or cannot be read.
pub fn table() -> io::Result<Vec<MountEntry>> {
    Ok(parse(&fs::read(TABLE)?))
}

/// The mount that holds an absolute path: the longest mount point that leads to it, and of
/// several on one point the latest. Symbolic links on the way are not seen.
#[must_use]
pub fn holding<'a>(table: &'a [MountEntry], path: &Path) -> Option<&'a MountEntry> {
    table
        .iter()
        .filter(|entry| path.starts_with(&entry.point))
        .max_by_key(|entry| entry.point.components().count())
}

/// The mounts on the way to a path, and those below it.
#[must_use]
pub fn near<'a>(table: &'a [MountEntry], path: &Path) -> Vec<&'a MountEntry> {
    table
        .iter()
        .filter(|entry| path.starts_with(&entry.point) || entry.point.starts_with(path))
        .collect()
}

/// Whether every mount on the way to a path tells of changes, so that touching it waits for no server.
#[must_use]
pub fn local_way(table: &[MountEntry], path: &Path) -> bool {
    path.ancestors()
        .filter_map(|folder| holding(table, folder))
        .all(|entry| delivers_events(&entry.fstype))
}

/// Whether a filesystem of this type tells of all its changes: local disks and memory do,
/// network and FUSE filesystems do not. `fuseblk` is a local disk (NTFS, exFAT).
#[must_use]
pub fn delivers_events(fstype: &str) -> bool {
    !fstype.starts_with("fuse.") && !SILENT.contains(&fstype)
}

/// Tells, as a file descriptor to poll for `POLLPRI`, that the mount table changed.
#[derive(Debug)]
pub(super) struct TableBell(File);

impl TableBell {
    pub(super) fn open() -> io::Result<Self> {
        File::open(TABLE).map(Self)
    }
}

impl AsFd for TableBell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn parse(text: &[u8]) -> Vec<MountEntry> {
    text.split(|byte| *byte == b'\n')
        .filter_map(parse_line)
        .collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<MountEntry> {
    let mut words = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let device = std::str::from_utf8(words.nth(1)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let point = unescape(words.nth(1)?);
    words.find(|word| *word == b"-")?;
    let text = |word| String::from_utf8_lossy(&unescape(word)).into_owned();
    Some(MountEntry {
        id,
        point: PathBuf::from(OsString::from_vec(point)),
        fstype: text(words.next()?),
        source: text(words.next()?),
        device: (major.parse().ok()?, minor.parse().ok()?),
    })
}

/// Space, tab, line feed, backslash and `#` are written as three octal digits.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .filter(|_| first == b'\\')
            .and_then(|digits| {
                let digits = std::str::from_utf8(digits).ok()?;
                u8::from_str_radix(digits, 8).ok()
            });
        match octal {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        30 22 0:40 / /mnt/my\\040photos\\134x rw - nfs4 nas:/a\\040b rw,vers=4.2\n\
        31 22 8:1 / /mnt rw - fuseblk /dev/sda1 rw\n\
        32 31 8:2 / /mnt rw master:3 propagate_from:2 - btrfs /dev/sdb rw\n\
        33 22 0:41 / /mnt/\xff rw - fuse.sshfs nas: rw\n\
        broken line\n";

    #[test]
    fn lines_of_the_table_are_parsed_with_their_escapes() {
        let table = parse(SAMPLE);
        assert_eq!(table.len(), 5);
        assert_eq!(table[1].point, Path::new("/mnt/my photos\\x"));
        assert_eq!(table[1].source, "nas:/a b");
        assert_eq!(table[1].fstype, "nfs4");
        assert_eq!(table[3].device, (8, 2));
        assert_eq!(
            table[4].point.file_name().unwrap().as_encoded_bytes(),
            b"\xff"
        );
    }

    #[test]
    fn the_longest_and_latest_mount_holds_a_path() {
        let table = parse(SAMPLE);
        let id = |path: &str| holding(&table, Path::new(path)).unwrap().id;
        assert_eq!(id("/mnt/a"), 32);
        assert_eq!(id("/mntx"), 22);
        assert_eq!(id("/mnt/my photos\\x/2020"), 30);
    }

    #[test]
    fn a_way_through_a_network_filesystem_is_not_local() {
        let table = parse(SAMPLE);
        assert!(local_way(&table, Path::new("/mnt/a")));
        assert!(!local_way(&table, Path::new("/mnt/my photos\\x")));
    }

    #[test]
    fn network_and_fuse_filesystems_are_silent_and_local_disks_are_not() {
        for silent in [
            "nfs",
            "nfs4",
            "cifs",
            "fuse.mergerfs",
            "fuse",
            "virtiofs",
            "9p",
        ] {
            assert!(!delivers_events(silent), "{silent}");
        }
        for telling in ["fuseblk", "ext4", "btrfs", "zfs", "tmpfs", "xfs", "exfat"] {
            assert!(delivers_events(telling), "{telling}");
        }
    }

    #[test]
    fn the_table_of_this_process_has_a_root() {
        let table = table().unwrap();
        assert!(holding(&table, Path::new("/")).is_some());
    }
}
