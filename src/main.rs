//! The `semfs` command: parses arguments, calls one function below, prints.

mod cli;
mod commands;

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use semfs_daemon::{Config, Environment, RootConfig};
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A worker is nobody's terminal program: no log, no configuration.
    match &cli.command {
        Command::Worker => return commands::worker::run(),
        Command::Scout => return commands::worker::run_scout(),
        Command::Measure { runtime, model } => return commands::worker::measure(runtime, model),
        _ => {}
    }
    init_logging(cli.verbose, cli.quiet);
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done about a standard error that is closed.
            let _ = io::Write::write_fmt(
                &mut io::stderr(),
                format_args!("semfs: {}\n", sentence(&error)),
            );
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Completions { shell } => return commands::generate::completions(shell),
        Command::Man => return commands::generate::man(),
        _ => {}
    }
    let environment = Environment::read();
    let mut config = Config::load(cli.config.as_deref(), &environment)?;
    let absolute = |path| std::path::absolute(path).context("finding the current folder");
    if let Some(state) = cli.state {
        config.keep_state_in(absolute(state)?);
    }
    let roots_from = |roots: Vec<std::path::PathBuf>, config: &mut Config| {
        if !roots.is_empty() {
            let roots = roots.into_iter().map(absolute);
            let roots: anyhow::Result<_> = roots.map(|root| Ok(RootConfig::new(root?))).collect();
            config.roots = roots?;
        }
        anyhow::Ok(())
    };
    match cli.command {
        Command::Index {
            roots,
            once,
            rebuild,
        } => {
            roots_from(roots, &mut config)?;
            commands::index::run(&config, &environment, once, rebuild)
        }
        Command::Daemon { roots, mount } => {
            roots_from(roots, &mut config)?;
            if let Some(mount) = mount {
                config.mount = absolute(mount)?;
            }
            Ok(semfs_daemon::run(&config, &environment)?)
        }
        Command::Forget { roots, missing } => {
            let roots: anyhow::Result<Vec<_>> = roots.into_iter().map(absolute).collect();
            commands::forget::run(&config, &environment, &roots?, missing)
        }
        Command::Search { top, format, query } => {
            commands::search::run(&config, &environment, &query.join(" "), top, format)
        }
        Command::Similar { top, format, file } => {
            commands::search::run_similar(&config, &environment, &file, top, format)
        }
        Command::Dupes(dupes) => commands::dupes::run(&config, &environment, &dupes),
        Command::Status { json, problems } => {
            commands::status::run(&config, &environment, json, problems)
        }
        Command::Pin { query } => commands::pins::pin(&config, &environment, &query.join(" ")),
        Command::Unpin { query } => commands::pins::unpin(&config, &environment, &query.join(" ")),
        Command::Pins { follow: false } => commands::pins::list(&config),
        Command::Pins { follow: true } => commands::pins::follow(&config),
        Command::Model { command } => commands::model::run(&config, &environment, command),
        Command::Completions { .. }
        | Command::Man
        | Command::Worker
        | Command::Scout
        | Command::Measure { .. } => Ok(()),
    }
}

fn init_logging(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "info",
        (false, 1) => "debug",
        (false, _) => "trace",
    };
    // sled and fuser tell at `info` what is of no interest to an owner of photos.
    let default =
        format!("warn,semfs={level},semfs_engine={level},semfs_fs={level},semfs_daemon={level}");
    let filter = EnvFilter::try_from_env("SEMFS_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_target(false)
        .init();
}

/// An error with its causes, each said once: many name their cause in their own sentence.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.contains(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    sentence
}

/// `semfs search … | head` is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
    })
}
