//! What a pass has seen and done so far, readable from any thread.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::lock;

/// Counters of the running pass, or of the last one.
#[derive(Debug, Default)]
pub struct Progress {
    started: Mutex<Option<Instant>>,
    took: Mutex<Duration>,
    running: AtomicBool,
    counted: AtomicBool,
    expected: AtomicU64,
    folders: AtomicU64,
    unchanged: AtomicU64,
    embedded: AtomicU64,
    known: AtomicU64,
    described: AtomicU64,
    problems: AtomicU64,
    gone: AtomicU64,
    unsettled: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgressSnapshot {
    /// Whether the pass is still going on.
    pub running: bool,
    /// Pictures that a quick count found (it may still be counting), or that were recorded.
    pub expected: u64,
    /// Whether the count is complete.
    pub counted: bool,
    /// Folders looked at.
    pub folders: u64,
    /// Pictures that are as they were: not even opened.
    pub unchanged: u64,
    /// New contents: decoded and embedded, or without a picture.
    pub embedded: u64,
    /// Files whose content was known: moved, renamed or copied. Read at most, not decoded.
    pub known: u64,
    /// Photos that were as they were, and read for what they say of themselves only.
    #[serde(default)]
    pub described: u64,
    /// Files that could not be taken in.
    pub problems: u64,
    /// Files that are no longer there.
    pub gone: u64,
    /// Files that changed or went away while they were looked at.
    pub unsettled: u64,
    /// How long it has been going on, or went on, in seconds.
    pub seconds: f64,
}

impl Progress {
    pub(super) fn begin(&self) {
        for counter in [
            &self.expected,
            &self.folders,
            &self.unchanged,
            &self.embedded,
            &self.known,
            &self.described,
            &self.problems,
            &self.gone,
            &self.unsettled,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.counted.store(false, Ordering::Relaxed);
        *lock(&self.started) = Some(Instant::now());
        self.running.store(true, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        let took = lock(&self.started).map_or(Duration::ZERO, |started| started.elapsed());
        *lock(&self.took) = took;
        self.running.store(false, Ordering::Relaxed);
    }

    pub(super) fn expect(&self, pictures: u64) {
        self.expected.fetch_add(pictures, Ordering::Relaxed);
    }

    pub(super) fn counted(&self) {
        self.counted.store(true, Ordering::Relaxed);
    }

    pub(super) fn folder(&self) {
        self.folders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unchanged(&self, files: u64) {
        self.unchanged.fetch_add(files, Ordering::Relaxed);
    }

    pub(super) fn embedded(&self) {
        self.embedded.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn known(&self) {
        self.known.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn described(&self) {
        self.described.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn problem(&self) {
        self.problems.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unsettled(&self) {
        self.unsettled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn gone(&self) {
        self.gone.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> ProgressSnapshot {
        let running = self.running.load(Ordering::Relaxed);
        let elapsed = if running {
            lock(&self.started).map_or(Duration::ZERO, |started| started.elapsed())
        } else {
            *lock(&self.took)
        };
        ProgressSnapshot {
            running,
            expected: self.expected.load(Ordering::Relaxed),
            counted: self.counted.load(Ordering::Relaxed),
            folders: self.folders.load(Ordering::Relaxed),
            unchanged: self.unchanged.load(Ordering::Relaxed),
            embedded: self.embedded.load(Ordering::Relaxed),
            known: self.known.load(Ordering::Relaxed),
            described: self.described.load(Ordering::Relaxed),
            problems: self.problems.load(Ordering::Relaxed),
            gone: self.gone.load(Ordering::Relaxed),
            unsettled: self.unsettled.load(Ordering::Relaxed),
            seconds: elapsed.as_secs_f64(),
        }
    }
}

impl ProgressSnapshot {
    /// Several passes, side by side, as one.
    #[must_use]
    pub fn sum(passes: impl Iterator<Item = Self>) -> Self {
        let nothing = Self {
            counted: true,
            ..Self::default()
        };
        passes.fold(nothing, |sum, pass| Self {
            running: sum.running || pass.running,
            expected: sum.expected + pass.expected,
            counted: sum.counted && pass.counted,
            folders: sum.folders + pass.folders,
            unchanged: sum.unchanged + pass.unchanged,
            embedded: sum.embedded + pass.embedded,
            known: sum.known + pass.known,
            described: sum.described + pass.described,
            problems: sum.problems + pass.problems,
            gone: sum.gone + pass.gone,
            unsettled: sum.unsettled + pass.unsettled,
            seconds: sum.seconds.max(pass.seconds),
        })
    }

    /// Pictures that are done with, one way or the other.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.unchanged + self.worked()
    }

    /// Pictures that took work.
    #[must_use]
    pub fn worked(&self) -> u64 {
        self.embedded + self.known + self.described + self.problems
    }

    /// Pictures a second, of those that took work.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 {
            self.worked() as f64 / self.seconds
        } else {
            0.0
        }
    }

    /// The time that is left, once the count is complete and some work is done.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.expected.saturating_sub(self.done()) as f64;
        let rate = self.rate();
        (self.running && self.counted && rate > 0.0)
            .then(|| Duration::try_from_secs_f64(left / rate).ok())
            .flatten()
    }

    /// Whether the pass found the index to be true already, and nothing in motion.
    #[must_use]
    pub fn found_nothing_new(&self) -> bool {
        self.embedded + self.known + self.described + self.gone + self.unsettled == 0
    }
}

impl fmt::Display for ProgressSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.running {
            let more = if self.counted { "" } else { "+" };
            write!(f, "{} of {}{more}", self.done(), self.expected)?;
        } else {
            write!(f, "{} pictures", self.done())?;
        }
        write!(
            f,
            ": {} new, {} known, {} unchanged, {} problems, {} gone; {:.1}/s",
            self.embedded,
            self.known,
            self.unchanged,
            self.problems,
            self.gone,
            self.rate()
        )?;
        if let Some(left) = self.time_left() {
            write!(f, ", {} left", words(left))?;
        } else if !self.running {
            write!(
                f,
                ", took {}",
                words(Duration::from_secs_f64(self.seconds.max(0.0)))
            )?;
        }
        Ok(())
    }
}

/// A duration in words, to two units: `2 h 5 min`, `14 s`.
#[must_use]
pub fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{:.1} s", duration.as_secs_f64()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let of = |seconds| words(Duration::from_secs(seconds));
        assert_eq!(
            [of(14), of(75), of(7500), of(90_000)],
            ["14 s", "1 min 15 s", "2 h 5 min", "1 d 1 h"]
        );
    }

    #[test]
    fn time_left_needs_a_complete_count() {
        let mut pass = ProgressSnapshot {
            running: true,
            expected: 100,
            embedded: 50,
            seconds: 10.0,
            ..ProgressSnapshot::default()
        };
        assert_eq!(pass.time_left(), None);
        pass.counted = true;
        assert_eq!(pass.time_left(), Some(Duration::from_secs(10)));
    }
}
