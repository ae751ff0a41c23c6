//! Photos that enter pinned queries, for whoever listens on the socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use roaring::RoaringBitmap;
use semfs_engine::decisions::Decisions;
use semfs_engine::index::{Generation, Index};
use semfs_engine::query::Query;
use semfs_engine::question::Question;
use semfs_engine::search::{SearchError, Searcher};
use tokio::sync::broadcast;

/// Arrivals that wait for a slow listener; of more it misses the oldest.
const WAITING: usize = 4096;

/// What is new is gathered for so long: while much arrives, each query runs once for all of
/// it.
const ROUND: Duration = Duration::from_secs(1);

/// An idle daemon is not woken to see that nothing is new.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A photo that entered a pinned query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The query as it is pinned.
    pub query: String,
    /// A file that holds the photo, absolute.
    pub path: PathBuf,
}

/// Follows an index for the life of the process.
#[derive(Debug)]
pub(crate) struct Arrivals {
    index: Arc<Index>,
    searcher: Arc<Searcher>,
    decisions: Arc<Decisions>,
    /// Results of a query that does not say how many.
    top: usize,
    listeners: broadcast::Sender<Arrival>,
}

impl Arrivals {
    pub(crate) fn new(
        index: Arc<Index>,
        searcher: Arc<Searcher>,
        decisions: Arc<Decisions>,
        top: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            index,
            searcher,
            decisions,
            top,
            listeners: broadcast::channel(WAITING).0,
        })
    }

    /// What arrives from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arrival> {
        self.listeners.subscribe()
    }

    /// Looks at each generation on a thread of its own. What is there now is not new.
    pub(crate) fn follow(self: &Arc<Self>) -> std::io::Result<()> {
        let arrivals = Arc::clone(self);
        let mut known = self.index.generation();
        let thread = thread::Builder::new().name("arrivals".to_owned());
        thread.spawn(move || {
            loop {
                let next = arrivals.index.wait_for_generation(known.number(), PATIENCE);
                if next.number() != known.number() {
                    let new = next.rows() - known.rows();
                    arrivals.tell(&next, &new);
                    known = next;
                    thread::sleep(ROUND);
                }
            }
        })?;
        Ok(())
    }

    fn tell(&self, generation: &Generation, new: &RoaringBitmap) {
        if new.is_empty() || self.listeners.receiver_count() == 0 {
            return;
        }
        for query in self.decisions.pins().iter() {
            match self.entered(generation, query, new) {
                Ok(paths) => {
                    for path in paths {
                        let query = query.clone();
                        // The last listener may have gone meanwhile.
                        let _ = self.listeners.send(Arrival { query, path });
                    }
                }
                Err(error) => tracing::debug!(query, %error, "a pinned query is not followed"),
            }
        }
    }

    /// The photos among `new` rows that a query shows.
    fn entered(
        &self,
        generation: &Generation,
        query: &str,
        new: &RoaringBitmap,
    ) -> Result<Vec<PathBuf>, SearchError> {
        let question = Question::from(&Query::parse(query)?);
        let found = self
            .searcher
            .among(&self.index, generation, &question, self.top, new)?;
        Ok(found.into_iter().map(|found| found.path).collect())
    }
}
