//! Touching a filesystem that may hang, from a process that can be killed.
//!
//! A thread that waits for a dead NFS server, or for a FUSE server that has stopped,
//! cannot be ended; a process can at least be left behind. So a [`Scout`] looks at the
//! files of a network root in a process of its own: it resolves, lists, and copies what
//! it reads into memory, so that the host never holds anything open there. [`serve`] is
//! the life of that process, `semfs` started again. One that says nothing until its
//! deadline is killed, and never waited for: where even killing must wait for the server,
//! it joins the [`stuck`], of whom one scout has a limited number.
//!
//! Neither end knows what a root, a photo or the catalogue is.

mod child;
mod conversation;
mod dying;
mod error;
mod host;
mod protocol;
mod sandbox;

pub use child::serve;
pub use dying::stuck;
pub use error::{Action, ScoutError};
pub use host::{Scout, ScoutSettings};
pub use protocol::{Identity, Kind, Seen};
