//! `semfs pin`, `semfs unpin`, `semfs pins`: the queries that `search/` lists.

use std::io::{self, Write};

use semfs_daemon::{Config, Environment};

pub(crate) fn pin(config: &Config, environment: &Environment, query: &str) -> anyhow::Result<()> {
    if !semfs_daemon::pin(config, environment, query)? {
        writeln!(io::stdout().lock(), "{query:?} is pinned already")?;
    }
    Ok(())
}

pub(crate) fn unpin(config: &Config, environment: &Environment, query: &str) -> anyhow::Result<()> {
    Ok(semfs_daemon::unpin(config, environment, query)?)
}

pub(crate) fn list(config: &Config) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for pin in semfs_daemon::pins(config)? {
        writeln!(out, "{pin}")?;
    }
    Ok(())
}
