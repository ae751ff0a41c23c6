//! The D-Bus face of the daemon: one interface, served without a bus on the daemon's
//! socket.
//!
//! Everything that `zbus` is stays in this folder.

mod client;
mod server;

pub(crate) use client::{CallError, Client};
pub(crate) use server::{Answers, serve};

/// The object's path.
const PATH: &str = "/org/semfs/Index";

/// A photo that answers a query, as it is sent: relevance, score and path. Paths are bytes,
/// because not every one is UTF-8.
pub(crate) type SentPhoto = (f64, f64, Vec<u8>);

/// A file with a problem, as it is sent: path, kind, reason.
type SentProblem = (Vec<u8>, String, String);
