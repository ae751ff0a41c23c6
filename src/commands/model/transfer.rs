//! A model that is being fetched: a bar on a terminal, a line now and then otherwise.

use std::sync::atomic::AtomicBool;

use semfs_daemon::DaemonError;
use semfs_daemon::models::{Phase, Progress, megabytes};

use crate::commands::progress_bar::{View, beside, follow};

/// Does something that can be followed and ended early.
pub(super) fn shown<T: Send>(
    work: impl FnOnce(&Progress, &AtomicBool) -> Result<T, DaemonError> + Send,
) -> anyhow::Result<T> {
    let stop = semfs_daemon::stop_on_signal()?;
    let progress = Progress::default();
    let result = beside(|done| show(&progress, done), || work(&progress, &stop));
    Ok(result?)
}

fn show(progress: &Progress, done: &AtomicBool) {
    let template = "{bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left  {msg}";
    follow(template, done, |view| {
        let (phase, here, total) = progress.snapshot();
        let message = match phase {
            Phase::Asking => "asking",
            Phase::Fetching => "",
            Phase::Trying => "trying it",
        };
        match view {
            View::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(here);
                bar.set_message(message);
            }
            View::Line => {
                let (here, total) = (megabytes(here), megabytes(total));
                tracing::info!("{here} of {total} are here");
            }
        }
    });
}
