//! Decoding in a process of its own, because photos come from strangers.
//!
//! [`serve`] is the life of a worker: the `semfs` program started again, which reads
//! open files that it is handed, names their content, decodes it, and reads what it says of
//! itself, or what a sidecar says of the photo beside it. It has a ceiling
//! on memory, and after its start only the system calls that reading, computing and
//! answering need: it can open no file and no connection. [`Worker`] is the other end:
//! it starts a worker when one is needed, sets a deadline for each step, and replaces
//! one that died or hung. A picture that kills its worker costs one picture.
//!
//! Neither end knows where the files come from or what happens to the result.

mod child;
mod host;
mod protocol;
mod sandbox;

pub use child::serve;
pub use host::{Worker, WorkerError, WorkerSettings};
pub use protocol::{ContentHash, Examined};
