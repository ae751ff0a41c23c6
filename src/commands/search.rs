//! `semfs search`: results for people, for programs, for `xargs -0`.

use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use semfs_daemon::{Config, Environment, Found};

use super::json_of_path;
use crate::cli::Format;

pub(crate) fn run(
    config: &Config,
    environment: &Environment,
    query: &str,
    top: Option<u32>,
    format: Format,
) -> anyhow::Result<()> {
    let top = top.map(|top| top as usize);
    print(
        &semfs_daemon::search(config, environment, query, top)?,
        format,
    )
}

/// `semfs similar`: the same for photos that look like a picture.
pub(crate) fn run_similar(
    config: &Config,
    environment: &Environment,
    picture: &Path,
    top: Option<u32>,
    format: Format,
) -> anyhow::Result<()> {
    let top = top.map(|top| top as usize);
    print(
        &semfs_daemon::similar(config, environment, picture, top)?,
        format,
    )
}

fn print(found: &[Found], format: Format) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if format.json {
        let found: Vec<_> = found
            .iter()
            .zip(1..)
            .map(|(found, rank)| json(found, rank))
            .collect();
        serde_json::to_writer_pretty(&mut out, &found)?;
        writeln!(out)?;
    } else {
        for found in found {
            let path = found.path.as_os_str().as_bytes();
            if !format.null {
                write!(out, "{:.3}  ", found.relevance)?;
            }
            out.write_all(path)?;
            out.write_all(if format.null { b"\0" } else { b"\n" })?;
        }
    }
    Ok(out.flush()?)
}

fn json(found: &Found, rank: u32) -> serde_json::Value {
    let mut json = json_of_path(&found.path);
    json["rank"] = rank.into();
    json["relevance"] = found.relevance.into();
    json["score"] = found.score.into();
    json
}
