//! `semfs model`: lists, fetches, chooses, measures and removes models.

mod table;
mod transfer;

use std::io::{self, Write};

use anyhow::Context;
use semfs_daemon::models::{
    self, Ahead, BenchOptions, Chosen, Got, Measurement, Precision, PullOptions, megabytes,
};
use semfs_daemon::{Config, DaemonError, Environment};
use semfs_engine::ingest::words;

use crate::cli::{ModelCommand, Weights};

/// A model that takes more memory than this, in bytes, is worth a word about threads.
const LARGE: u64 = 256 << 20;

pub(crate) fn run(
    config: &Config,
    environment: &Environment,
    command: ModelCommand,
) -> anyhow::Result<()> {
    match command {
        ModelCommand::List { json, verify } => list(config, environment, json, verify),
        ModelCommand::Pull {
            model,
            name,
            precision,
        } => {
            let options = PullOptions {
                model,
                name,
                precision,
            };
            let got = transfer::shown(|progress, stop| {
                models::pull(config, environment, &options, progress, stop)
            })?;
            say_got(&got)
        }
        ModelCommand::Import {
            folder,
            name,
            precision,
        } => {
            let name = name.as_deref();
            let got = transfer::shown(|progress, stop| {
                models::import(
                    config,
                    environment,
                    &folder,
                    name,
                    precision,
                    progress,
                    stop,
                )
            })?;
            say_got(&got)
        }
        ModelCommand::Use { name, precision } => choose(config, environment, &name, precision),
        ModelCommand::Bench {
            names,
            photos,
            json,
        } => {
            let photos = photos.map(std::path::absolute).transpose();
            let photos = photos.context("finding the current folder")?;
            let options = BenchOptions { names, photos };
            bench(config, environment, &options, json)
        }
        ModelCommand::Rm { name } => {
            models::remove(config, environment, &name)?;
            Ok(writeln!(io::stdout().lock(), "{name} is removed")?)
        }
    }
}

fn list(
    config: &Config,
    environment: &Environment,
    json: bool,
    verify: bool,
) -> anyhow::Result<()> {
    let models = models::list(config, environment, verify)?;
    let mut out = io::stdout().lock();
    if json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&models)?)?);
    }
    Ok(out.write_all(table::models(&models).as_bytes())?)
}

fn say_got(got: &Got) -> anyhow::Result<()> {
    let Got {
        name,
        origin,
        bytes,
        was_here,
        ..
    } = got;
    let bytes = megabytes(*bytes);
    let mut out = io::stdout().lock();
    if *was_here {
        writeln!(out, "{name} is here already, and whole: {origin}, {bytes}")?;
    } else {
        writeln!(out, "{name} is here: {origin}, {bytes}, tried")?;
    }
    Ok(writeln!(out, "`semfs model use {name}` chooses it")?)
}

fn choose(
    config: &Config,
    environment: &Environment,
    name: &str,
    weights: Option<Weights>,
) -> anyhow::Result<()> {
    let name = match weights {
        None | Some(Weights::Full) => name.to_owned(),
        Some(Weights::Half) => models::with_precision(name, Precision::Half),
        Some(Weights::Int8) => models::with_precision(name, Precision::Int8),
        Some(Weights::Auto) => automatic(config, environment, name)?,
    };
    let chosen = models::use_model(config, environment, &name)?;
    let Chosen {
        name,
        before,
        ahead,
        has_daemon,
    } = &chosen;
    let mut out = io::stdout().lock();
    if name == before {
        return Ok(writeln!(out, "{name} is the chosen model already")?);
    }
    writeln!(out, "{name} is chosen; before, it was {before}")?;
    let (count, searched) = match ahead {
        Ahead::Unknown => return Ok(()),
        Ahead::Nothing => return Ok(writeln!(out, "the index has its vectors already")?),
        Ahead::Photos { count, searched } => (*count, searched),
    };
    // About how long, by what it takes on this machine now; nothing where that is not known.
    let options = BenchOptions {
        names: vec![name.clone()],
        photos: None,
    };
    let measured = models::bench(config, environment, &options, |_| {});
    let measured = measured.ok().and_then(|mut all| Some(all.pop()?.measured));
    let rate = measured.as_ref().map(|measured| measured.photos_per_second);
    let threads = config.threads();
    let about = rate
        .filter(|rate| *rate > 0.0)
        .map_or_else(String::new, |rate| {
            let seconds = count as f64 / rate / threads as f64;
            let seconds = std::time::Duration::from_secs_f64(seconds);
            match seconds.as_secs() {
                0 => String::new(),
                _ => format!(", which takes {} or longer", words(seconds)),
            }
        });
    let who = match has_daemon {
        true => "the daemon looks at them again now",
        false => "the daemon, or the next `semfs index`, looks at them again",
    };
    let meanwhile = match searched {
        Some(searched) => format!("queries are answered with {searched}"),
        None => "names, tags, dates and places can be asked for".to_owned(),
    };
    writeln!(
        out,
        "{count} photos: {who}{about}. Until that is done, {meanwhile}"
    )?;
    writeln!(out, "`semfs status` shows how far it is")?;
    // Each thread has its own session: weights of 350 MB are there twice on two cores.
    if let Some(measured) = measured
        && threads > 1
        && measured.peak_bytes > LARGE
    {
        writeln!(
            out,
            "each of {threads} threads takes about {} of memory for it; `threads = 1` in \
             `[limits]` of the configuration has it take that once",
            megabytes(measured.peak_bytes)
        )?;
    }
    Ok(())
}

/// The small weights of a model where they are here and agree with the full ones, else these.
fn automatic(config: &Config, environment: &Environment, name: &str) -> anyhow::Result<String> {
    let small = models::with_precision(name, Precision::Int8);
    let mut out = io::stdout().lock();
    if let Err(DaemonError::NoModel { .. }) = models::find(config, environment, &small) {
        writeln!(out, "{small} is not here, so {name} is taken as it is")?;
        return Ok(name.to_owned());
    }
    let options = BenchOptions {
        names: vec![name.to_owned(), small.clone()],
        photos: None,
    };
    let measured = models::bench(config, environment, &options, |_| {})?;
    let agreement = measured.iter().find_map(|model| model.agreement.as_ref());
    let Some(agreement) = agreement else {
        writeln!(out, "{small} cannot be compared with {name}")?;
        return Ok(name.to_owned());
    };
    writeln!(out, "{small}: {}", table::agreement(agreement))?;
    Ok(match agreement.is_within_bound() {
        true => small,
        false => name.to_owned(),
    })
}

fn bench(
    config: &Config,
    environment: &Environment,
    options: &BenchOptions,
    json: bool,
) -> anyhow::Result<()> {
    let mut failure = None;
    let mut say = |measurement: &Measurement| {
        if !json && failure.is_none() {
            let mut out = io::stdout().lock();
            let line = table::measurement(measurement);
            failure = out.write_all(line.as_bytes()).err();
        }
    };
    if !json {
        io::stdout()
            .lock()
            .write_all(table::MEASUREMENTS.as_bytes())?;
    }
    let mut measured = models::bench(config, environment, options, &mut say)?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    if json {
        for measurement in &mut measured {
            measurement.measured.vectors.clear();
        }
        let text = serde_json::to_string_pretty(&measured)?;
        writeln!(io::stdout().lock(), "{text}")?;
    }
    Ok(())
}
