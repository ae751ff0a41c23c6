//! Is the mount point fit to be mounted on? If not: a sentence that says what to do.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};

use crate::mount::{MountError, SOURCE};

/// A line of `/proc/self/mountinfo`, as far as it matters here (see `proc(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
struct MountLine {
    point: PathBuf,
    kind: String,
    source: String,
}

impl MountLine {
    /// Whether it is a mount of semfs, of any process.
    fn is_ours(&self) -> bool {
        self.source == SOURCE && self.kind.starts_with("fuse")
    }
}

/// Where semfs is mounted on this machine, by any process.
#[must_use]
pub fn mounted() -> Vec<PathBuf> {
    let ours = mounts().into_iter().filter(MountLine::is_ours);
    ours.map(|line| line.point).collect()
}

/// Makes a folder fit to be mounted on: detaches a dead mount of ours, and refuses
/// everything that would surprise its owner.
///
/// # Errors
/// Each says what was found and what to do about it.
pub fn prepare(point: &Path) -> Result<(), MountError> {
    check_device()?;
    let point_error = |reason: String, advice: String| MountError::Point {
        path: point.to_owned(),
        reason,
        advice,
    };
    let shown = point.display();
    if let Some(line) = mount_at(point) {
        if !line.is_ours() {
            return Err(point_error(
                format!("a filesystem of type {} is mounted there", line.kind),
                "name another, empty folder".to_owned(),
            ));
        }
        if !is_dead(point) {
            return Err(point_error(
                "another semfs is mounted there and answers".to_owned(),
                format!("stop that one, or unmount it with `fusermount3 -u {shown}`"),
            ));
        }
        tracing::info!(mount = %shown, "detaching a mount that a dead semfs left behind");
        detach(point).map_err(|error| {
            point_error(
                format!("a dead semfs left a mount there that cannot be detached: {error}"),
                format!("run `sudo umount -l {shown}`"),
            )
        })?;
    }
    match fs::read_dir(point).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Ok(true) => Err(point_error(
            "it is not empty, and mounting would hide what it holds".to_owned(),
            "name an empty folder".to_owned(),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(point_error(
            "it does not exist".to_owned(),
            format!("run `mkdir -p {shown}` (as its future owner)"),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(point_error(
            "it is not a folder".to_owned(),
            "name an empty folder".to_owned(),
        )),
        Err(error) => Err(point_error(
            format!("it cannot be read: {error}"),
            "name an empty folder that belongs to you".to_owned(),
        )),
    }
}

/// Whether nobody serves a mount any more. Asks what only the server can answer: the
/// kernel remembers attributes beyond its death.
fn is_dead(point: &Path) -> bool {
    let error = fs::read_dir(point)
        .err()
        .and_then(|error| error.raw_os_error());
    matches!(error, Some(nix::libc::ENOTCONN | nix::libc::ECONNABORTED))
}

/// Whether this user can mount at all.
fn check_device() -> Result<(), MountError> {
    let device = Path::new("/dev/fuse");
    let root = nix::unistd::geteuid().is_root();
    let opened = fs::OpenOptions::new().read(true).write(true).open(device);
    match opened.map_err(|error| error.kind()) {
        Ok(_) if root || find_helper() => Ok(()),
        Ok(_) => Err(MountError::Helper),
        Err(io::ErrorKind::PermissionDenied) => Err(MountError::DeviceDenied),
        Err(_) => Err(MountError::NoDevice),
    }
}

fn find_helper() -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join("fusermount3").is_file())
}

/// Detaches a mount that no process serves any more.
pub(crate) fn detach(point: &Path) -> io::Result<()> {
    match umount2(point, MntFlags::MNT_DETACH) {
        Ok(()) => return Ok(()),
        Err(Errno::EPERM) => {}
        Err(error) => return Err(error.into()),
    }
    let output = Command::new("fusermount3")
        .arg("-uz")
        .arg("--")
        .arg(point)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(words.trim().to_owned()))
}

/// The topmost mount at exactly this folder.
fn mount_at(point: &Path) -> Option<MountLine> {
    // A dead mount cannot be resolved, but its parent can.
    let resolved = fs::canonicalize(point).ok().or_else(|| {
        let parent = fs::canonicalize(point.parent()?).ok()?;
        Some(parent.join(point.file_name()?))
    });
    let resolved = resolved.unwrap_or_else(|| point.to_owned());
    mounts()
        .into_iter()
        .rev()
        .find(|line| line.point == resolved)
}

fn mounts() -> Vec<MountLine> {
    let lines = fs::read("/proc/self/mountinfo").unwrap_or_default();
    lines
        .split(|byte| *byte == b'\n')
        .filter_map(parse)
        .collect()
}

fn parse(line: &[u8]) -> Option<MountLine> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let dash = fields.iter().position(|field| *field == b"-")?;
    let text = |at: usize| Some(String::from_utf8_lossy(&unescape(fields.get(at)?)).into_owned());
    Some(MountLine {
        point: PathBuf::from(OsString::from_vec(unescape(fields.get(4)?))),
        kind: text(dash + 1)?,
        source: text(dash + 2)?,
    })
}

/// Undoes the kernel's octal escapes of space, tab, newline and backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_is_parsed_with_its_escapes() {
        let line = b"36 25 0:32 / /mnt/my\\040pictures rw,nosuid - fuse.semfs semfs rw,user_id=0";
        let parsed = parse(line).unwrap();
        assert_eq!(parsed.point, Path::new("/mnt/my pictures"));
        assert!(parsed.is_ours());
        let other = b"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw";
        assert!(!parse(other).unwrap().is_ours());
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn a_missing_mount_point_says_what_to_do() {
        // Where there is no /dev/fuse, that is what is said first.
        if check_device().is_err() {
            return;
        }
        let error = prepare(Path::new("/no/such/folder"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("mkdir -p /no/such/folder"), "{error}");
    }
}
