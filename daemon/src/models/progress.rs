//! How far the fetching of a model is. Read while it goes on.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// How far the fetching of a model is.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The hub is asked what there is.
    Asking,
    /// Files are coming.
    Fetching,
    /// The model is loaded and asked.
    Trying,
}

impl Progress {
    /// What is being done, bytes that are here, and all bytes.
    #[must_use]
    pub fn snapshot(&self) -> (Phase, u64, u64) {
        let phase = match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Asking,
            1 => Phase::Fetching,
            _ => Phase::Trying,
        };
        let (done, total) = (&self.done, &self.total);
        (
            phase,
            done.load(Ordering::Relaxed),
            total.load(Ordering::Relaxed),
        )
    }

    pub(super) fn fetching(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.phase.store(1, Ordering::Relaxed);
    }

    pub(super) fn trying(&self) {
        self.phase.store(2, Ordering::Relaxed);
    }

    pub(super) fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn take_back(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::Relaxed);
    }
}
