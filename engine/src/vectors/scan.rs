//! The exact scan: int8 codes choose candidates, the stored vectors order them.
//! Knows rows and scores, not what the rows mean or where filters come from.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::VectorError;
use super::best::{Best, Hit};
use super::codes::QueryCode;
use super::kernel::Kernel;
use super::segment::floats;
use super::view::{Selection, Vectors};

/// Rows whose dot products are computed before they are compared: their codes
/// and results stay in the first-level cache.
const BLOCK: u32 = 64;
/// Rows that a thread takes at a time.
const CHUNK: usize = 4096;
/// A thread more for each so many rows: below, starting it costs more than it
/// brings.
const ROWS_PER_THREAD: usize = 25_000;
/// Where `only` has less than one in so many rows, its rows are looked up one by
/// one, which is slower a row than to scan but leaves the others out.
const SPARSE: u64 = 20;

/// Bytes between two rows up to which they are read as one: on a disk, skipping
/// so little costs as much as reading it.
const NEAR: usize = 16 * 1024;

/// [`Vectors::search`], with as many threads as given, or as many as are good.
pub(super) fn search(
    vectors: &Vectors,
    query: &[f32],
    top: usize,
    rows: &Selection<'_>,
    threads: Option<usize>,
) -> Result<Vec<Hit>, VectorError> {
    if query.len() != vectors.dim {
        return Err(VectorError::WrongLength {
            found: query.len(),
            expected: vectors.dim,
        });
    }
    let query = unit(query).ok_or(VectorError::NoDirection)?;
    let candidates = top.saturating_mul(4).saturating_add(64);
    if top == 0 || vectors.is_empty() {
        return Ok(Vec::new());
    }
    let few = match rows.only {
        Some(only)
            if only.len() * SPARSE < u64::from(vectors.rows) || only.len() <= candidates as u64 =>
        {
            let inside = only.iter().take_while(|&row| row < vectors.rows);
            Some(inside.filter(|&row| rows.allows(row)).collect::<Vec<u32>>())
        }
        _ => None,
    };
    let mut chosen = match few {
        Some(few) if few.len() <= candidates => few,
        few => {
            let task = Task {
                vectors,
                code: QueryCode::new(&query),
                rows,
                few: few.as_deref(),
                limit: candidates,
                kernel: Kernel::best(),
            };
            task.run(threads)
        }
    };
    // In the order of the file: kinder to a disk, and equal scores come out the
    // same whatever the order of the threads.
    chosen.sort_unstable();
    Ok(rescore(vectors, &query, &chosen, top))
}

/// The query with length 1; nothing if it has no direction.
fn unit(query: &[f32]) -> Option<Vec<f32>> {
    // In f64, where the squares of any f32 fit.
    let norm = query
        .iter()
        .map(|&value| f64::from(value).powi(2))
        .sum::<f64>()
        .sqrt();
    if norm == 0.0 || !norm.is_finite() {
        return None;
    }
    Some(
        query
            .iter()
            .map(|&value| (f64::from(value) / norm) as f32)
            .collect(),
    )
}

/// The choice of candidates by their codes.
struct Task<'a> {
    vectors: &'a Vectors,
    code: QueryCode,
    rows: &'a Selection<'a>,
    /// The allowed rows, where they are few: only these are looked at.
    few: Option<&'a [u32]>,
    /// How many candidates to choose.
    limit: usize,
    kernel: Kernel,
}

impl Task<'_> {
    /// The rows of the best candidates, in no order.
    fn run(&self, threads: Option<usize>) -> Vec<u32> {
        let total = self.few.map_or(self.vectors.rows as usize, <[u32]>::len);
        let threads = threads
            .unwrap_or_else(|| available_threads().min(total / ROWS_PER_THREAD))
            .clamp(1, total.div_ceil(CHUNK).max(1));
        let next = AtomicUsize::new(0);
        let work = || self.work(total, &next);
        let mut best = Best::new(self.limit);
        let mut hits = thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                // A thread that cannot be started leaves its share to the others.
                .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let mut hits = work();
            for other in others {
                match other.join() {
                    Ok(more) => hits.extend(more),
                    // Our own bug on that thread: it goes on as one on this.
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            hits
        });
        if threads > 1 {
            for hit in hits.drain(..) {
                best.push(hit);
            }
            hits = best.into_hits();
        }
        hits.into_iter().map(|hit| hit.row).collect()
    }

    /// Takes chunks until none is left. Each thread sees its rows in ascending
    /// order, as [`Best::threshold`] wants.
    fn work(&self, total: usize, next: &AtomicUsize) -> Vec<Hit> {
        let mut best = Best::new(self.limit);
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            if start >= total {
                return best.into_hits();
            }
            let end = total.min(start + CHUNK);
            match self.few {
                // A row number is a u32, and so is their count.
                None => self.scan(start as u32..end as u32, &mut best),
                Some(few) => self.look_up(&few[start..end], &mut best),
            }
        }
    }

    /// Scores all rows of a range, and asks the filters about the good ones
    /// only: there are few, so a filter costs next to nothing here.
    fn scan(&self, range: Range<u32>, best: &mut Best) {
        let mut dots = [0; BLOCK as usize];
        let mut start = range.start;
        while start < range.end {
            let Some((segment, local)) = self.vectors.locate(start) else {
                return;
            };
            let count = BLOCK
                .min(range.end - start)
                .min(self.vectors.capacity - local);
            let rows = local..local + count;
            self.kernel
                .dots(&self.code, segment.codes(rows.clone()), &mut dots);
            let scored = dots.iter().zip(segment.scales(rows));
            for ((&dot, &scale), row) in scored.zip(start..) {
                let score = dot as f32 * f32::from_le_bytes(scale);
                if score > best.threshold() && self.rows.allows(row) {
                    best.push(Hit { row, score });
                }
            }
            start += count;
        }
    }

    /// Scores these rows, which the filters allow.
    fn look_up(&self, rows: &[u32], best: &mut Best) {
        for &row in rows {
            let Some((segment, local)) = self.vectors.locate(row) else {
                return;
            };
            let local = local..local + 1;
            let mut dot = [0];
            self.kernel
                .dots(&self.code, segment.codes(local.clone()), &mut dot);
            let scale = segment
                .scales(local)
                .first()
                .map_or(0.0, |&scale| f32::from_le_bytes(scale));
            let score = dot[0] as f32 * scale;
            if score > best.threshold() {
                best.push(Hit { row, score });
            }
        }
    }
}

/// The `top` best of these rows (ascending) by their stored vectors.
fn rescore(vectors: &Vectors, query: &[f32], rows: &[u32], top: usize) -> Vec<Hit> {
    announce(vectors, rows);
    let mut vector = vec![0.0; vectors.dim];
    let mut best = Best::new(top);
    for &row in rows {
        let Some((_, stored)) = vectors.full(row) else {
            continue;
        };
        floats(stored, &mut vector);
        let score = cosine(query, &vector);
        if score > best.threshold() {
            best.push(Hit { row, score });
        }
    }
    let mut hits = best.into_hits();
    hits.sort_unstable_by(Hit::order);
    hits
}

/// Announces the reading of these rows (ascending): where the vectors are not in
/// memory, the disk then gets them all at once instead of one page fault at a
/// time. Rows with little between them are announced together, as each
/// announcement is a system call.
fn announce(vectors: &Vectors, rows: &[u32]) {
    // In rows; a stored vector has two bytes a component.
    let gap = (NEAR / (2 * vectors.dim)) as u32;
    let near = |a: &u32, b: &u32| b - a <= gap && a / vectors.capacity == b / vectors.capacity;
    for run in rows.chunk_by(near) {
        if let [first, ..] = *run
            && let Some((segment, local)) = vectors.locate(first)
        {
            let span = run.last().map_or(0, |last| last - first);
            segment.will_read(local..local + span + 1);
        }
    }
}

/// The cosine of the angle between a query of length 1 and a vector of about
/// that length (rounding to f16 changed it a little); NaN for one that is
/// damaged.
fn cosine(query: &[f32], vector: &[f32]) -> f32 {
    const LANES: usize = 16;
    // Several sums side by side, which the compiler turns into vectors.
    let (mut dots, mut squares) = ([0.0f32; LANES], [0.0f32; LANES]);
    for (query, vector) in query.chunks(LANES).zip(vector.chunks(LANES)) {
        for (i, (q, v)) in query.iter().zip(vector).enumerate() {
            dots[i] += q * v;
            squares[i] += v * v;
        }
    }
    let (dot, square): (f32, f32) = (dots.iter().sum(), squares.iter().sum());
    (dot / square.sqrt()).clamp(-1.0, 1.0)
}

/// How many threads this process may use: asked once, it reads files.
fn available_threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}
