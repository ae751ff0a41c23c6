//! The mount of semfs: every question is a folder.
//!
//! [`Namespace`] is the pure part: from a directory and a name to what is there, and
//! from a directory to its listing. The private module `fuse` is the only place that
//! speaks FUSE. [`Mount`] puts the two together at a mount point.
//!
//! This crate asks the engine questions and gets photos; it never sees a vector. Photos are
//! shown as links, and never opened; or as files ([`Entries::File`]), and opened for reading
//! when a program does.

mod caller;
mod directory;
mod disks;
mod freshness;
mod fuse;
mod jobs;
mod listing;
mod mount;
mod mountpoint;
mod names;
mod namespace;
mod nodes;
mod pins;
mod sizes;

pub use directory::{Directory, Entries, File, Node, Place, View};
pub use listing::{Entry, Listing, Order, Reason};
pub use mount::{Mount, MountError};
pub use mountpoint::{mounted, prepare};
pub use namespace::{Found, Namespace, NamespaceError, Settings, StatusForm, StatusSource};
pub use pins::{FixedNames, PinError, pin, unpin};
