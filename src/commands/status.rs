//! `semfs status`: what semfs knows and does, and what it could not read.

use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;

use semfs_daemon::{Config, Environment};

pub(crate) fn run(
    config: &Config,
    environment: &Environment,
    json: bool,
    problems: bool,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if problems {
        let problems = semfs_daemon::problems(config, environment)?;
        if json {
            let problems: Vec<_> = problems
                .iter()
                .map(|problem| {
                    serde_json::json!({
                        "path": problem.path.to_string_lossy(),
                        "kind": problem.kind,
                        "reason": problem.reason,
                    })
                })
                .collect();
            serde_json::to_writer_pretty(&mut out, &problems)?;
            writeln!(out)?;
        } else {
            for problem in &problems {
                write!(out, "{}\t", problem.kind)?;
                out.write_all(problem.path.as_os_str().as_bytes())?;
                writeln!(out, "\t{}", problem.reason)?;
            }
        }
    } else {
        let status = semfs_daemon::status(config, environment)?;
        if json {
            serde_json::to_writer_pretty(&mut out, &status)?;
            writeln!(out)?;
        } else {
            write!(out, "{status}")?;
        }
    }
    Ok(out.flush()?)
}
