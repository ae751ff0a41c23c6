//! `semfs status`: what semfs knows and does, and what it could not read.

use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;

use semfs_daemon::{Config, Environment};

use super::json_of_path;

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
                    let mut json = json_of_path(&problem.path);
                    json["kind"] = problem.kind.as_str().into();
                    json["reason"] = problem.reason.as_str().into();
                    json
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
            writeln!(out, "{}", status.json())?;
        } else {
            write!(out, "{status}")?;
        }
    }
    Ok(out.flush()?)
}
