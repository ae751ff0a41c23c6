//! Progress: a bar with rate and time left on a terminal, log lines otherwise.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use semfs_daemon::IndexProgress;
use semfs_engine::ingest::words;

/// How often a bar is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// How often a line is logged.
const LINE: Duration = Duration::from_secs(10);

/// Whether there is a bar to be seen.
pub(crate) fn is_visible() -> bool {
    io::stderr().is_terminal() && tracing::enabled!(tracing::Level::INFO)
}

/// Does `work` while `show` runs beside it, which ends when its flag is set.
pub(crate) fn beside<T>(show: impl FnOnce(&AtomicBool) + Send, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let bar = scope.spawn(|| show(&done));
        let _end = End {
            done: &done,
            bar: bar.thread(),
        };
        work()
    })
}

/// Ends what is shown however the work ends: after a panic it would be waited for for ever.
struct End<'a> {
    done: &'a AtomicBool,
    bar: &'a Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        // It must not make a short run longer.
        self.bar.unpark();
    }
}

/// Shows `progress` until `done`.
pub(crate) fn show(progress: &IndexProgress, done: &AtomicBool) {
    let template = "{bar:30} {human_pos} of {human_len}{prefix}  {msg}";
    follow(template, done, |view| {
        let (compared, waiting) = progress.pairing.snapshot();
        let (looked_at, photos) = progress.reembedding.snapshot();
        let later = if waiting > 0 {
            Some((compared, waiting, "compared with each other"))
        } else {
            let again = (looked_at, photos, "looked at again with another model");
            (photos > 0).then_some(again)
        };
        if let Some((done, all, what)) = later {
            match view {
                View::Bar(bar) => {
                    bar.set_length(all.max(done));
                    bar.set_position(done);
                    bar.set_prefix("");
                    bar.set_message(what);
                }
                View::Line => tracing::info!("{done} of {all} photos {what}"),
            }
            return;
        }
        let now = progress.pass.snapshot();
        match view {
            View::Bar(bar) => {
                bar.set_length(now.expected.max(now.done()));
                bar.set_position(now.done());
                let left = now.time_left().map(|left| format!("{} left", words(left)));
                let more = if now.counted { "" } else { "+" };
                bar.set_prefix(more);
                bar.set_message(format!("{:.0}/s  {}", now.rate(), left.unwrap_or_default()));
            }
            View::Line => tracing::info!("{now}"),
        }
    });
}

/// What there is to show something with, now.
pub(crate) enum View<'a> {
    /// A bar on the terminal.
    Bar(&'a ProgressBar),
    /// A line of the log: it is time for one.
    Line,
}

/// Has `draw` show how far something is until `done`.
pub(crate) fn follow(template: &str, done: &AtomicBool, mut draw: impl FnMut(View<'_>)) {
    let bar = is_visible().then(|| bar(template));
    let mut logged = Instant::now();
    while !done.load(Ordering::Relaxed) {
        thread::park_timeout(FRAME);
        if let Some(bar) = &bar {
            draw(View::Bar(bar));
        } else if logged.elapsed() >= LINE {
            logged = Instant::now();
            draw(View::Line);
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn after_a_panic_of_the_work_the_bar_was_waited_for_for_ever() {
        let (ended, end) = mpsc::channel();
        thread::spawn(move || {
            let work = AssertUnwindSafe(|| beside(|done| follow("", done, |_| {}), || panic!()));
            ended.send(panic::catch_unwind(work).is_err())
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(20)), Ok(true));
    }
}
