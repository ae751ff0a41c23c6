//! The records that fanotify writes when folders are told by handle and name.
//!
//! Knows the layout of the bytes and nothing of what they mean.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Length of the fixed part of an event: length, version, mask, descriptor, process.
const EVENT: usize = 24;
/// Length of what precedes a handle's own bytes: how many they are, and their type.
const HANDLE: usize = 8;

/// What happened to one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// `FAN_CREATE` and the like, several in one.
    pub(super) mask: u64,
    /// Where; nothing for an overflow.
    pub(super) place: Option<Place<'a>>,
}

/// A name in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The filesystem and the folder: eight bytes of its number, then the handle as
    /// `open_by_handle_at` takes it.
    pub(super) key: &'a [u8],
    /// The name; `.` for the folder itself.
    pub(super) name: &'a OsStr,
}

/// The records of what was read at once. Ends early at bytes that make no sense.
pub(super) fn records(mut bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let length = number(bytes, 0)? as usize;
        if length < EVENT {
            return None;
        }
        let (event, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let head = usize::from(u16::from_ne_bytes([*event.get(6)?, *event.get(7)?]));
        let mask = u64::from_ne_bytes(event.get(8..16)?.try_into().ok()?);
        Some(Record {
            mask,
            place: event.get(head..).and_then(place),
        })
    })
}

/// The first piece of information that names a folder and a name in it.
fn place(mut infos: &[u8]) -> Option<Place<'_>> {
    loop {
        let (kind, length) = (*infos.first()?, [*infos.get(2)?, *infos.get(3)?]);
        let (info, rest) = infos.split_at_checked(usize::from(u16::from_ne_bytes(length)))?;
        if info.len() < 4 {
            return None;
        }
        infos = rest;
        if kind != libc::FAN_EVENT_INFO_TYPE_DFID_NAME {
            continue;
        }
        let body = &info[4..];
        let handle = number(body, 8)? as usize;
        let (key, name) = body.split_at_checked(8 + HANDLE + handle)?;
        let name = name.split(|byte| *byte == 0).next()?;
        return Some(Place {
            key,
            name: OsStr::from_bytes(name),
        });
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(mask: u64, infos: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(EVENT + infos.len()).unwrap().to_ne_bytes());
        bytes.extend([3, 0]);
        bytes.extend(u16::try_from(EVENT).unwrap().to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend([0xff; 8]);
        bytes.extend(infos);
        bytes
    }

    fn info(kind: u8, name: &[u8]) -> Vec<u8> {
        let mut body = vec![1, 2, 3, 4, 5, 6, 7, 8];
        body.extend(3u32.to_ne_bytes());
        body.extend(9u32.to_ne_bytes());
        body.extend([7, 7, 7]);
        body.extend(name);
        body.push(0);
        body.push(0);
        let mut bytes = vec![kind, 0];
        bytes.extend(u16::try_from(4 + body.len()).unwrap().to_ne_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_name_and_its_folder_are_found_among_other_information() {
        let mut infos = info(1, b"");
        infos.extend(info(2, b"a\xffb.jpg"));
        let mut bytes = event(libc::FAN_CREATE, &infos);
        bytes.extend(event(libc::FAN_Q_OVERFLOW, b""));
        let records: Vec<_> = records(&bytes).collect();
        assert_eq!(records.len(), 2);
        let place = records[0].place.unwrap();
        assert_eq!(place.name.as_bytes(), b"a\xffb.jpg");
        assert_eq!(place.key.len(), 8 + 8 + 3);
        assert_eq!(records[1].mask, libc::FAN_Q_OVERFLOW);
        assert_eq!(records[1].place, None);
    }

    #[test]
    fn bytes_cut_anywhere_never_panic() {
        let bytes = event(libc::FAN_CREATE, &info(2, b"name"));
        for end in 0..bytes.len() {
            assert!(records(&bytes[..end]).all(|record| record.place.is_none()));
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] = 0xff;
            let _ = records(&broken).count();
        }
    }
}
