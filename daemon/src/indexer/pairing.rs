//! Comparing what came with what is there, whenever something came.

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use semfs_engine::ingest::{PairingProgress, RootSettings};

use super::Indexer;

/// So long after the first of some changes, in which others usually follow.
const GATHER: Duration = Duration::from_secs(1);

/// An idle daemon is not woken to see that nothing is new.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How soon it is tried again after a failure.
const LATER: Duration = Duration::from_secs(60);

impl Indexer {
    /// Compares photos that wait for it, as long as the daemon lives. Bulk work: it gives way.
    pub(super) fn keep_pairing(&self) {
        let mut seen = None;
        while !self.is_over() {
            let published = self.index.generation().number();
            let rest = if seen == Some(published) {
                let is_over = || self.is_over();
                let next = self.index.wait_unless(published, PATIENCE, is_over);
                if next.number() == published {
                    continue;
                }
                GATHER
            } else if self.index.catalog().uncompared_count() == 0 || self.pair() {
                seen = Some(published);
                Duration::ZERO
            } else {
                LATER
            };
            let until = Instant::now() + rest;
            while !self.is_over() && Instant::now() < until {
                self.pending.rest(until);
            }
        }
    }

    /// Compares what waits. Whether that went well.
    fn pair(&self) -> bool {
        let roots: Vec<RootSettings> = self
            .keepers
            .iter()
            .map(|keeper| self.settings(keeper))
            .collect();
        let (courtesy, progress) = (self.config.limits.priority, PairingProgress::default());
        // A fault of ours must not cost the thread.
        let paired = panic::catch_unwind(AssertUnwindSafe(|| {
            self.ingest.pair(&roots, courtesy, &progress, &self.stop)
        }));
        match paired {
            Ok(Ok(report)) => {
                let (compared, pairs) = (report.compared, report.pairs);
                if pairs > 0 {
                    tracing::info!(compared, pairs, "compared with each other");
                } else if compared > 0 {
                    tracing::debug!(compared, "compared with each other");
                }
                true
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "photos cannot be compared with each other");
                false
            }
            Err(_) => {
                tracing::error!("comparing photos with each other panicked; this is a bug");
                false
            }
        }
    }
}
