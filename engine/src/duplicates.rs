//! Which pictures are the same, and how that is known.
//!
//! [`Fingerprint`] is kept for each content when it is indexed; [`Candidates`] finds the
//! contents whose fingerprints are near without looking at all of them; [`compare`] takes
//! two pictures' pixels and proves, or refuses to say, that they are the same shot; and
//! [`groups`] makes groups of what was proven, best copy first. Nothing here opens a file,
//! knows a folder, an index or a mount, or remembers what an owner decided; that is for
//! [`crate::ingest`] (which finds the pairs), [`crate::index`] (which reads the groups) and
//! [`crate::decisions`].

mod candidates;
mod fingerprint;
mod groups;
mod overlap;
mod picture;
mod registration;
mod same_photo;
mod tier;
mod tone;
mod turn;

pub use candidates::{Candidate, Candidates};
pub use fingerprint::Fingerprint;
pub use groups::{Member, groups};
pub use picture::{Picture, ShapeError};
pub use same_photo::{Evidence, Refusal, Verdict, compare};
pub use tier::{Tier, TierError};
pub use turn::Turn;
