//! `semfs forget`: takes folders out of the index.

use std::io::{self, Write};
use std::path::PathBuf;

use semfs_daemon::{Config, Environment};

pub(crate) fn run(
    config: &Config,
    environment: &Environment,
    roots: &[PathBuf],
    missing: bool,
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for (root, files) in semfs_daemon::forget(config, environment, roots, missing)? {
        writeln!(out, "{files} files of {} forgotten", root.display())?;
    }
    Ok(())
}
