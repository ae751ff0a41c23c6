//! `semfs pin`, `semfs unpin`, `semfs pins`: the queries that `search/` lists.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

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

/// `semfs pins --follow`: each photo as it enters a pinned query, until the daemon ends.
pub(crate) fn follow(config: &Config) -> anyhow::Result<()> {
    let mut failure = None;
    semfs_daemon::follow_pins(config, |arrival| {
        let mut line = arrival.query.into_bytes();
        line.push(b'\t');
        line.extend_from_slice(arrival.path.as_os_str().as_bytes());
        line.push(b'\n');
        let mut out = io::stdout().lock();
        let written = out.write_all(&line).and_then(|()| out.flush());
        failure = written.err();
        failure.is_none()
    })?;
    failure.map_or(Ok(()), |error| Err(error.into()))
}

pub(crate) fn list(config: &Config) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for pin in semfs_daemon::pins(config)? {
        writeln!(out, "{pin}")?;
    }
    Ok(())
}
