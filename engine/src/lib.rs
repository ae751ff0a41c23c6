//! What semfs knows: media, embedding, catalogue, vectors, queries.
//!
//! The engine takes photos in ([`ingest`]) and answers questions ([`search`]). Between
//! the two stands the [`index`]: a catalogue of files and contents, and a store of
//! vectors, committed together and read as generations.
//!
//! Nothing in this crate knows that a filesystem is mounted, that a bus exists, or who
//! started the program; it prints nothing and reads no environment.

pub mod calibration;
pub mod catalog;
pub mod courtesy;
pub mod date;
pub mod decisions;
pub mod duplicates;
pub mod embed;
pub mod facets;
mod frame;
pub mod index;
pub mod ingest;
pub mod media;
pub mod metadata;
pub mod original;
pub mod place;
pub mod problem;
pub mod query;
pub mod question;
pub mod scout;
pub mod search;
pub mod vectors;
pub mod worker;
