//! How many inotify watches all roots may have together, so that other programs keep theirs.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

const LIMIT: &str = "/proc/sys/fs/inotify/max_user_watches";
/// What the kernel gives small machines; assumed where its limit cannot be read.
const SMALL: u64 = 8192;

/// A share of the user's watches, and how many of them are taken. Threads that take at the same
/// moment may exceed it by one each.
#[derive(Debug)]
pub(super) struct Budget {
    share: f64,
    kernel: AtomicU64,
    used: AtomicU64,
}

impl Budget {
    pub(super) fn new(share: f64) -> Self {
        let budget = Self {
            share: if share.is_finite() {
                share.clamp(0.001, 1.0)
            } else {
                0.5
            },
            kernel: AtomicU64::new(SMALL),
            used: AtomicU64::new(0),
        };
        budget.refresh();
        budget
    }

    /// Reads the kernel's limit again.
    pub(super) fn refresh(&self) {
        let limit = fs::read_to_string(LIMIT)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(SMALL);
        self.kernel.store(limit, Ordering::Relaxed);
    }

    pub(super) fn has_room(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.limit()
    }

    /// A user of the budget had `before` watches and has `now`.
    pub(super) fn account(&self, before: u64, now: u64) {
        if now >= before {
            self.used.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.used.fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    /// The sentence for people: which limit, and what to raise it to.
    /// `refused`: the kernel said no before our share was used up.
    pub(super) fn shortage(&self, watched: u64, unwatched: u64, refused: bool) -> String {
        let kernel = self.kernel.load(Ordering::Relaxed);
        let wanted = self.wanted(unwatched, refused);
        let polled = format!(
            "{unwatched} of {} folders are polled; raise fs.inotify.max_user_watches to {wanted} with \
             `sysctl -w fs.inotify.max_user_watches={wanted}`",
            watched + unwatched
        );
        if refused {
            format!(
                "the limit of {kernel} inotify watches is used up, also by other programs: {polled}"
            )
        } else {
            let limit = self.limit();
            let part = (self.share * 100.0).round();
            format!(
                "the limit of {limit} inotify watches is reached (semfs takes at most {part} % of {kernel}): {polled}"
            )
        }
    }

    fn limit(&self) -> u64 {
        let kernel = self.kernel.load(Ordering::Relaxed);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a count, below it and not negative"
        )]
        let limit = (kernel as f64 * self.share) as u64;
        limit.max(1)
    }

    /// A limit with a quarter more room than is needed now, as a power of two.
    fn wanted(&self, unwatched: u64, refused: bool) -> u64 {
        let kernel = self.kernel.load(Ordering::Relaxed);
        let ours = self.used.load(Ordering::Relaxed) + unwatched;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "watches are far fewer than 2^52"
        )]
        let needed = (ours as f64 * 1.25 / self.share) as u64;
        let needed = if refused {
            needed.max(kernel + ours)
        } else {
            needed
        };
        needed.max(65_536).max(kernel + 1).next_power_of_two()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_proposed_holds_all_folders() {
        let budget = Budget::new(0.5);
        budget.kernel.store(1000, Ordering::Relaxed);
        budget.account(0, 500);
        assert!(!budget.has_room());
        let sentence = budget.shortage(500, 99_500, false);
        assert!(
            sentence.contains("the limit of 500 inotify watches"),
            "{sentence}"
        );
        assert!(sentence.contains("99500 of 100000 folders"), "{sentence}");
        assert!(sentence.contains("max_user_watches=262144"), "{sentence}");
        budget.account(500, 400);
        assert!(budget.has_room());
    }
}
