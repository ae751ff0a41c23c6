//! semfs as its users meet it: the real program, real folders, a real mount.
//!
//! Tests that need photos which are not in the repository, or a kernel that lets this
//! user mount, say so and pass where these are absent.

// Helpers of tests are tests as well; clippy only knows functions marked `#[test]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout)]

mod captions;
mod command_line;
mod crash;
mod dupes;
mod dupes_mount;
mod entries;
mod following;
mod hostile;
mod indexing;
mod layers;
mod live;
mod metadata;
mod models;
mod mounting;
mod offline;
mod orientation;
mod pictures;
mod pins;
mod reference;
mod regression;
mod remote;
mod remote_filesystem;
mod same_photos;
mod scouts;
mod semantics;
mod support;
mod switching;
mod systemd;
mod unusual_files;
