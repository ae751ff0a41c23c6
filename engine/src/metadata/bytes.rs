//! Numbers and ranges out of bytes that cannot be trusted: every access is checked.
//!
//! It knows no format.

use std::ops::Range;

/// The order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Least significant first.
    Little,
    /// Most significant first.
    Big,
}

/// `length` bytes from `at`, or nothing where the input ends before.
pub(super) fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// The range of `length` bytes from `at`, if it lies within `bytes`.
pub(super) fn range(bytes: &[u8], at: usize, length: usize) -> Option<Range<usize>> {
    let end = at.checked_add(length)?;
    (end <= bytes.len()).then_some(at..end)
}

/// The 16-bit number at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize, order: Order) -> Option<u16> {
    let raw = slice(bytes, at, 2)?.try_into().ok()?;
    Some(match order {
        Order::Little => u16::from_le_bytes(raw),
        Order::Big => u16::from_be_bytes(raw),
    })
}

/// The 32-bit number at `at`.
pub(super) fn u32_at(bytes: &[u8], at: usize, order: Order) -> Option<u32> {
    let raw = slice(bytes, at, 4)?.try_into().ok()?;
    Some(match order {
        Order::Little => u32::from_le_bytes(raw),
        Order::Big => u32::from_be_bytes(raw),
    })
}

/// The 64-bit number at `at`.
pub(super) fn u64_at(bytes: &[u8], at: usize, order: Order) -> Option<u64> {
    let raw = slice(bytes, at, 8)?.try_into().ok()?;
    Some(match order {
        Order::Little => u64::from_le_bytes(raw),
        Order::Big => u64::from_be_bytes(raw),
    })
}

/// Where `needle` first occurs in `bytes`, at `from` or after.
pub(super) fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let position = rest
        .windows(needle.len().max(1))
        .position(|window| window == needle)?;
    Some(from + position)
}
