//! A model that is being fetched: a bar on a terminal, a line now and then otherwise.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use semfs_daemon::DaemonError;
use semfs_daemon::models::{Phase, Progress, megabytes};

use crate::commands::progress_bar::is_visible;

/// How often a bar is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// How often a line is logged.
const LINE: Duration = Duration::from_secs(10);

/// Does something that can be followed and ended early.
pub(super) fn shown<T: Send>(
    work: impl FnOnce(&Progress, &AtomicBool) -> Result<T, DaemonError> + Send,
) -> anyhow::Result<T> {
    let stop = semfs_daemon::stop_on_signal()?;
    let progress = Progress::default();
    let done = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        let bar = scope.spawn(|| show(&progress, &done));
        let result = work(&progress, &stop);
        done.store(true, Ordering::Relaxed);
        bar.thread().unpark();
        result
    });
    Ok(result?)
}

fn show(progress: &Progress, done: &AtomicBool) {
    let bar = is_visible().then(bar);
    let mut logged = Instant::now();
    while !done.load(Ordering::Relaxed) {
        thread::park_timeout(FRAME);
        let (phase, here, total) = progress.snapshot();
        let message = match phase {
            Phase::Asking => "asking",
            Phase::Fetching => "",
            Phase::Trying => "trying it",
        };
        if let Some(bar) = &bar {
            bar.set_length(total);
            bar.set_position(here);
            bar.set_message(message);
        } else if logged.elapsed() >= LINE {
            logged = Instant::now();
            let (here, total) = (megabytes(here), megabytes(total));
            tracing::info!("{here} of {total} are here");
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "{bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
