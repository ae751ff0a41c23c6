//! Groups of duplicates of which the owner said that they are to be shown no more.
//!
//! A dismissal names contents, so it outlives moves, rescans, other models and a rebuilt index.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crate::catalog::unix_seconds;
use crate::duplicates::Tier;
use crate::worker::ContentHash;

/// The most groups that can be dismissed.
pub const MOST_DISMISSALS: usize = 50_000;

/// Bytes of an identifier.
const ID: usize = 8;

/// A group that is to be shown no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dismissal {
    /// As what it was shown.
    pub tier: Tier,
    /// Its contents: what was said holds for these and no further ones.
    pub contents: BTreeSet<ContentHash>,
    /// The name of its best copy, for people.
    pub name: String,
    /// When, in seconds since 1970.
    pub since: u64,
}

impl Dismissal {
    /// A dismissal made now.
    #[must_use]
    pub fn now(tier: Tier, contents: BTreeSet<ContentHash>, name: String) -> Self {
        Self {
            tier,
            contents,
            name,
            since: unix_seconds(SystemTime::now()),
        }
    }

    /// Whether what was said holds for a group: all of its contents were in the group that was
    /// dismissed. Copies that are gone since change nothing; with one that came, it is another
    /// group.
    #[must_use]
    pub fn covers(&self, tier: Tier, contents: &BTreeSet<ContentHash>) -> bool {
        self.tier == tier && contents.is_subset(&self.contents)
    }

    /// What the group is called, for commands.
    #[must_use]
    pub fn id(&self) -> String {
        group_id(self.tier, &self.contents)
    }
}

/// The name of a group for commands: 16 hexadecimal digits, the same as long as its contents
/// are.
#[must_use]
pub fn group_id(tier: Tier, contents: &BTreeSet<ContentHash>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tier.name().as_bytes());
    for content in contents {
        hasher.update(content);
    }
    hex(&hasher.finalize().as_bytes()[..ID])
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A content by its 64 hexadecimal digits.
pub(super) fn content_of(text: &str) -> Option<ContentHash> {
    let mut content = [0; 32];
    if text.len() != 2 * content.len() {
        return None;
    }
    for (byte, at) in content.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(content)
}
