//! Two pictures laid on each other, block by block.
//!
//! Measures how well brightness agrees in each of 8 x 8 blocks once tones are made alike,
//! and what kind of difference is left where it does not. It measures; the verdict is
//! [`super::same_photo`]'s.

use super::picture::Plane;
use super::registration::Placement;
use super::tone::Curve;

/// Blocks in each direction.
const BLOCKS: usize = 8;
/// Pixels at the edge of a cut or framed copy that are mixed with what is beyond.
const EDGE: f32 = 2.5;
/// Cells in each direction.
const CELLS: usize = 16;
/// From this mean change in grey levels on, the tones were changed on purpose.
const RETONED: f32 = 8.0;
/// A block needs this part of its pixels in both pictures.
const LEAST_COVERED: f32 = 0.6;
/// Pixels to each side in which there is nothing, where something appeared.
const AROUND: usize = 3;
/// Less spread than this, in grey levels, and there is nothing.
const NOTHING: f32 = 2.0;
/// More than this, in grey levels, is something.
const SOMETHING: f32 = 14.0;
/// From this spread in grey levels a block has structure that can be recognised.
pub(super) const STRUCTURE: f32 = 4.5;

/// How one block agrees. All in grey levels of the flatter picture, but the correlation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The larger standard deviation of the two.
    pub(super) spread: f32,
    /// Correlation of the pixels; 0 where either is flat.
    pub(super) correlation: f32,
    /// Root mean square of what differs, less the difference of the means.
    pub(super) residual: f32,
    /// How far its structure lies beside where it should, in thousandths of the side:
    /// what is near the camera moves when the camera does.
    pub(super) drift: f32,
}

/// How two pictures agree where they overlap.
#[derive(Debug, Clone)]
pub(super) struct Overlap {
    pub(super) blocks: Vec<Block>,
    /// What is left in each of 16 x 16 cells, in units of what recompression leaves in a
    /// cell of that structure; the most first.
    pub(super) cells: Vec<f32>,
    /// Part of A's pixels that lie on B.
    pub(super) covered: f32,
    /// Mean change of brightness from A to B in grey levels, without regard to its sign.
    pub(super) toned: f32,
    /// Correlation of the overlap as a whole, once tones are alike.
    pub(super) correlation: f32,
    /// Strength of the fine detail of B for 1 of A, once tones are alike.
    pub(super) sharpness: f32,
    /// Pixels at which one picture shows something and the other nothing at all, not even
    /// around it: a bird before the sky, a word on a wall.
    pub(super) appeared: usize,
}

/// Lays `a` onto `b`. `None` if they hardly overlap.
pub(super) fn lay(a: &Plane, b: &Plane, placement: &Placement) -> Option<Overlap> {
    let side = a.side;
    let mut laid = vec![f32::NAN; side * side];
    let (mut covered, mut count) = (0.0_f32, 0.0_f32);
    for y in 0..side {
        for x in 0..side {
            let (bx, by) = placement.pixel(x, y, side);
            let Some(value) = b.at(bx, by) else { continue };
            covered += 1.0;
            if placement.inner_pixel(x, y, side, EDGE).is_some() {
                laid[y * side + x] = value;
                count += 1.0;
            }
        }
    }
    if count < 1.0 {
        return None;
    }
    let pairs = || {
        a.values
            .iter()
            .zip(&laid)
            .filter(|(_, b)| !b.is_nan())
            .map(|(a, b)| (*a, *b))
    };
    let toned = pairs().map(|(a, b)| (a - b).abs()).sum::<f32>() / count;
    let (_, spread_a, spread_b) = moments(pairs());
    // Where tones were changed, what was pushed to black or white is lost to comparison.
    if toned > RETONED {
        for (mine, theirs) in a.values.iter().zip(&mut laid) {
            if is_clipped(*mine) || is_clipped(*theirs) {
                *theirs = f32::NAN;
            }
        }
    }
    let pairs = || {
        a.values
            .iter()
            .zip(&laid)
            .filter(|(_, b)| !b.is_nan())
            .map(|(a, b)| (*a, *b))
    };
    let gain = spread_b / spread_a.max(0.01);
    // In the tones of the flatter picture: the other may be clipped in neither.
    let (mine, theirs): (Vec<f32>, Vec<f32>) = if gain <= 1.0 {
        let curve = Curve::fit(pairs());
        (
            a.values.iter().map(|a| curve.at(*a)).collect(),
            laid.clone(),
        )
    } else {
        let curve = Curve::fit(pairs().map(|(a, b)| (b, a)));
        let toned = |b: &f32| if b.is_nan() { f32::NAN } else { curve.at(*b) };
        (a.values.clone(), laid.iter().map(toned).collect())
    };
    let alike = || {
        mine.iter()
            .zip(&theirs)
            .filter(|(_, b)| !b.is_nan())
            .map(|(a, b)| (*a, *b))
    };
    Some(Overlap {
        cells: cells(&mine, &theirs, side),
        blocks: blocks(&mine, &theirs, side),
        covered: covered / (side * side) as f32,
        toned,
        correlation: moments(alike()).0,
        sharpness: detail(&theirs, side) / detail(&mine, side).max(0.01),
        appeared: appeared(&mine, &theirs, side),
    })
}

fn is_clipped(value: f32) -> bool {
    !(6.0..=249.0).contains(&value)
}

/// Correlation and both standard deviations.
fn moments(pairs: impl Iterator<Item = (f32, f32)>) -> (f32, f32, f32) {
    let (mut count, mut sa, mut sb) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut saa, mut sbb, mut sab) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (a, b) in pairs {
        let (a, b) = (f64::from(a), f64::from(b));
        count += 1.0;
        sa += a;
        sb += b;
        saa += a * a;
        sbb += b * b;
        sab += a * b;
    }
    if count < 1.0 {
        return (0.0, 0.0, 0.0);
    }
    let variance_a = (saa / count - (sa / count).powi(2)).max(0.0);
    let variance_b = (sbb / count - (sb / count).powi(2)).max(0.0);
    let covariance = sab / count - sa * sb / (count * count);
    let spread = (variance_a * variance_b).sqrt();
    let correlation = if spread > 0.0 {
        covariance / spread
    } else {
        0.0
    };
    (
        correlation as f32,
        variance_a.sqrt() as f32,
        variance_b.sqrt() as f32,
    )
}

/// Sums over squares around pixels, of one plane.
struct Sums {
    width: usize,
    /// Value and squared value of all pixels above and to the left.
    sums: Vec<[f64; 2]>,
}

impl Sums {
    fn of(values: &[f32], side: usize) -> Self {
        let width = side + 1;
        let mut sums = vec![[0.0; 2]; width * width];
        for (y, row) in values.chunks_exact(side).enumerate() {
            let mut across = [0.0; 2];
            for (x, value) in row.iter().map(|value| f64::from(*value)).enumerate() {
                across = [across[0] + value, across[1] + value * value];
                let above = sums[y * width + x + 1];
                sums[(y + 1) * width + x + 1] = [above[0] + across[0], above[1] + across[1]];
            }
        }
        Self { width, sums }
    }

    /// Mean and standard deviation of the square around a pixel, which must lie inside.
    fn around(&self, x: usize, y: usize) -> (f32, f32) {
        let (left, right) = (x - AROUND, x + AROUND + 1);
        let (top, bottom) = (y - AROUND, y + AROUND + 1);
        let at = |x: usize, y: usize, of: usize| self.sums[y * self.width + x][of];
        let sum = |of| {
            at(right, bottom, of) - at(left, bottom, of) - at(right, top, of) + at(left, top, of)
        };
        let count = ((2 * AROUND + 1) * (2 * AROUND + 1)) as f64;
        let mean = sum(0) / count;
        let spread = (sum(1) / count - mean * mean).max(0.0).sqrt();
        (mean as f32, spread as f32)
    }
}

/// Pixels at which one plane shows something and the other is empty, apart from a difference
/// of both as wholes.
fn appeared(mine: &[f32], theirs: &[f32], side: usize) -> usize {
    // Where only one of them is, nothing can be said, nor in the neighbourhood.
    let known = |(a, b): (&f32, &f32)| if b.is_nan() { f32::NAN } else { *a };
    let mine: Vec<f32> = mine.iter().zip(theirs).map(known).collect();
    // Rows and columns that are missing leave sums that are no numbers behind them, so they
    // are filled, and the pixels near them passed over.
    let filled = |values: &[f32]| -> Vec<f32> {
        let fill = |value: &f32| if value.is_nan() { 0.0 } else { *value };
        values.iter().map(fill).collect()
    };
    let missing: Vec<f32> = theirs
        .iter()
        .map(|value| if value.is_nan() { 1.0 } else { 0.0 })
        .collect();
    let missing = Sums::of(&missing, side);
    let (sums_a, sums_b) = (
        Sums::of(&filled(&mine), side),
        Sums::of(&filled(theirs), side),
    );
    let mut count = 0;
    for y in AROUND..side.saturating_sub(AROUND) {
        for x in AROUND..side.saturating_sub(AROUND) {
            if missing.around(x, y).0 > 0.0 {
                continue;
            }
            let at = y * side + x;
            let ((mean_a, spread_a), (mean_b, spread_b)) =
                (sums_a.around(x, y), sums_b.around(x, y));
            let differs = ((mine[at] - mean_a) - (theirs[at] - mean_b)).abs() > SOMETHING;
            count += usize::from(differs && spread_a.min(spread_b) < NOTHING);
        }
    }
    count
}

/// Mean second difference, along rows and columns.
fn detail(values: &[f32], side: usize) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for y in 1..side - 1 {
        for x in 1..side - 1 {
            let at = y * side + x;
            let around = values[at - 1] + values[at + 1] + values[at - side] + values[at + side];
            let bend = 4.0 * values[at] - around;
            if !bend.is_nan() {
                sum += bend.abs();
                count += 1.0;
            }
        }
    }
    sum / f32::max(count, 1.0)
}

fn cells(mine: &[f32], theirs: &[f32], side: usize) -> Vec<f32> {
    let size = side / CELLS;
    let mut cells = Vec::with_capacity(CELLS * CELLS);
    for top in (0..side).step_by(size) {
        for left in (0..side).step_by(size) {
            let pixels = || {
                (top..top + size)
                    .flat_map(move |y| (left..left + size).map(move |x| y * side + x))
                    .map(|at| (mine[at], theirs[at]))
                    .filter(|(_, b)| !b.is_nan())
            };
            let count = pixels().count() as f32;
            if count < LEAST_COVERED * (size * size) as f32 {
                continue;
            }
            let (_, spread_a, spread_b) = moments(pixels());
            let residual = pixels().map(|(a, b)| (b - a).powi(2)).sum::<f32>() / count;
            cells.push(residual.sqrt() / (2.0 + 0.15 * spread_a.min(spread_b)));
        }
    }
    cells.sort_by(|a, b| b.total_cmp(a));
    cells
}

fn blocks(mine: &[f32], theirs: &[f32], side: usize) -> Vec<Block> {
    let size = side / BLOCKS;
    let mut blocks = Vec::with_capacity(BLOCKS * BLOCKS);
    for top in (0..side).step_by(size) {
        for left in (0..side).step_by(size) {
            let pixels = || {
                (top..top + size)
                    .flat_map(move |y| (left..left + size).map(move |x| y * side + x))
                    .map(|at| (mine[at], theirs[at]))
                    .filter(|(_, b)| !b.is_nan())
            };
            let count = pixels().count() as f32;
            if count < LEAST_COVERED * (size * size) as f32 {
                continue;
            }
            let (correlation, spread_a, spread_b) = moments(pixels());
            let shift = pixels().map(|(a, b)| b - a).sum::<f32>() / count;
            let residual = pixels().map(|(a, b)| (b - a - shift).powi(2)).sum::<f32>() / count;
            blocks.push(Block {
                spread: spread_a.max(spread_b),
                correlation,
                residual: residual.sqrt(),
                drift: drift(mine, theirs, side, (left, top), size, shift) * 1000.0 / side as f32,
            });
        }
    }
    blocks
}

/// The shift in pixels, along the direction in which the block has most structure, that
/// would explain best what is left.
fn drift(
    mine: &[f32],
    theirs: &[f32],
    side: usize,
    (left, top): (usize, usize),
    size: usize,
    shift: f32,
) -> f32 {
    let (mut xx, mut yy, mut xy, mut xr, mut yr) = (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
    for y in top.max(1)..(top + size).min(side - 1) {
        for x in left.max(1)..(left + size).min(side - 1) {
            let at = y * side + x;
            let residual = theirs[at] - mine[at] - shift;
            if residual.is_nan() {
                continue;
            }
            let gx = (mine[at + 1] - mine[at - 1]) / 2.0;
            let gy = (mine[at + side] - mine[at - side]) / 2.0;
            xx += gx * gx;
            yy += gy * gy;
            xy += gx * gy;
            xr += gx * residual;
            yr += gy * residual;
        }
    }
    let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
    let (down, right) = angle.sin_cos();
    let strength = right * right * xx + 2.0 * right * down * xy + down * down * yy;
    if strength < 1.0 {
        return 0.0;
    }
    (right * xr + down * yr).abs() / strength
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(value: impl Fn(usize, usize) -> f32) -> Plane {
        let side = 64;
        let values = (0..side * side)
            .map(|at| value(at % side, at / side))
            .collect();
        Plane { side, values }
    }

    #[test]
    fn a_changed_block_is_the_only_one_that_differs() {
        let texture = |x: usize, y: usize| ((x * 7 + y * 13) % 29) as f32 * 5.0 + 40.0;
        let a = plane(texture);
        let b = plane(|x, y| {
            if x < 8 && y < 8 {
                texture(y + 3, x + 9)
            } else {
                texture(x, y)
            }
        });
        let overlap = lay(&a, &b, &Placement::IDENTITY).unwrap();
        assert_eq!(overlap.blocks.len(), 64);
        let different: Vec<usize> = overlap
            .blocks
            .iter()
            .enumerate()
            .filter_map(|(at, block)| (block.correlation < 0.9).then_some(at))
            .collect();
        assert_eq!(different, [0]);
    }

    #[test]
    fn a_bird_before_an_empty_sky_has_appeared() {
        let sky = |_: usize, y: usize| 180.0 + y as f32 * 0.3;
        let bird = |x: usize, y: usize| {
            let is_bird = (20..23).contains(&x) && (30..32).contains(&y);
            if is_bird { 90.0 } else { sky(x, y) }
        };
        assert!(appeared(&plane(sky).values, &plane(bird).values, 64) >= 4);
        let brighter = plane(|x, y| bird(x, y) + 12.0);
        assert_eq!(appeared(&plane(bird).values, &brighter.values, 64), 0);
    }

    #[test]
    fn contrast_and_brightness_are_no_difference() {
        let texture = |x: usize, y: usize| ((x * 7 + y * 13) % 29) as f32 * 5.0 + 40.0;
        let b = plane(|x, y| texture(x, y) * 0.6 + 30.0);
        let overlap = lay(&plane(texture), &b, &Placement::IDENTITY).unwrap();
        assert!(overlap.correlation > 0.999);
        assert!(overlap.blocks.iter().all(|block| block.residual < 2.0));
    }
}
