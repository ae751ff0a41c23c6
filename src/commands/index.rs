//! `semfs index`: one run of indexing, with its progress and its account.

use std::io::{self, Write};

use semfs_daemon::{Config, Environment, IndexOptions, IndexProgress};
use semfs_engine::ingest::{Reembedding, words};

use super::progress_bar;

pub(crate) fn run(
    config: &Config,
    environment: &Environment,
    once: bool,
    rebuild: bool,
) -> anyhow::Result<()> {
    let stop = semfs_daemon::stop_on_signal()?;
    let progress = IndexProgress::default();
    let options = IndexOptions {
        once,
        rebuild,
        watched: progress_bar::is_visible(),
    };
    let (report, switched, paired) = progress_bar::beside(
        |done| progress_bar::show(&progress, done),
        || semfs_daemon::index(config, environment, &options, &progress, &stop),
    )?;
    let pass = report.progress;
    let mut out = io::stdout().lock();
    let seconds = std::time::Duration::from_secs_f64(pass.seconds.max(0.0));
    writeln!(
        out,
        "{} new, {} moved or copied, {} unchanged, {} gone, {} problems; {:.1} pictures/s in {}",
        pass.embedded,
        pass.known,
        pass.unchanged,
        pass.gone,
        pass.problems,
        pass.rate(),
        words(seconds)
    )?;
    if pass.described > 0 {
        let described = pass.described;
        writeln!(
            out,
            "{described} photos were read again for what they say of themselves"
        )?;
    }
    match switched.ending {
        Reembedding::Settled(_) => {}
        Reembedding::Swapped(_) => {
            let photos = switched.looked_at;
            writeln!(
                out,
                "{photos} photos were looked at again with another model"
            )?;
        }
        Reembedding::Waits(photos) => writeln!(
            out,
            "{photos} photos cannot be read now, so they are searched with the model before; \
             run `semfs index` again when their disks are back"
        )?,
        Reembedding::Stopped => writeln!(out, "the model is changed by the next run")?,
    }
    if paired.pairs > 0 {
        writeln!(out, "{}", found(paired.pairs))?;
    }
    if paired.left > 0 {
        let left = paired.left;
        writeln!(
            out,
            "{left} photos wait to be compared with others until their disks are back"
        )?;
    }
    if pass.problems > 0 {
        writeln!(out, "`semfs status --problems` names the problems")?;
    }
    for root in &report.offline {
        let path = root.path.display();
        writeln!(
            out,
            "{path} is offline, and nothing of it was forgotten: {}",
            root.reason
        )?;
    }
    for root in &report.roots {
        if let Some(reason) = &root.withheld {
            let path = root.path.display();
            writeln!(
                out,
                "{path} is offline, and nothing of it was forgotten: {reason}"
            )?;
        }
        for mount in &root.unmounted {
            let mount = root.path.join(mount);
            let mount = mount.display();
            writeln!(
                out,
                "nothing is mounted at {mount}; what was below it is kept"
            )?;
        }
    }
    let unsettled = pass.unsettled;
    if unsettled > 0 {
        writeln!(
            out,
            "{unsettled} files were being written; they are left for the next run"
        )?;
    }
    if report.stopped {
        writeln!(out, "interrupted; the next run goes on from here")?;
    }
    Ok(())
}

fn found(pairs: u64) -> String {
    let pairs = match pairs {
        1 => "1 pair".to_owned(),
        pairs => format!("{pairs} pairs"),
    };
    format!("{pairs} of copies or lookalikes were found; `semfs dupes` lists them")
}
