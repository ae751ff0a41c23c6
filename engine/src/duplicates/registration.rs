//! Where one picture lies in another.
//!
//! Finds the [`Placement`] (moved, scaled, slightly sheared or turned) that lays picture A
//! onto picture B, from coarse to fine, together with the gain and offset between their
//! brightness. It says how to lay them; whether they are the same it does not judge.

use super::picture::{Picture, Plane};

/// Sides of the planes on which a placement is refined, with the rounds on each.
const STAGES: [(usize, usize); 3] = [(32, 10), (64, 6), (128, 5)];
/// Sizes of A in B that are tried, across and down: cut copies show less, framed ones more.
const SCALES: [(f32, f32); 15] = [
    (1.0, 1.0),
    (0.95, 0.95),
    (1.05, 1.05),
    (0.9, 0.9),
    (1.11, 1.11),
    (0.85, 0.85),
    (1.18, 1.18),
    (0.8, 0.8),
    (1.25, 1.25),
    (1.0, 0.87),
    (0.87, 1.0),
    (1.0, 0.75),
    (0.75, 1.0),
    (1.0, 1.33),
    (1.33, 1.0),
];
/// Starts that are refined.
const STARTS: usize = 6;
/// Shifts tried in each direction, as parts of the side.
const SHIFTS: [f32; 5] = [0.0, -0.045, 0.045, -0.09, 0.09];
/// The least part of either picture that must lie on the other.
const LEAST_OVERLAP: f32 = 0.55;
/// Starts that correlate less are not refined.
const LEAST_START: f32 = 0.5;
/// Placements that correlate less on a coarse plane are not refined on finer ones.
const LEAST_COARSE: f32 = 0.8;
/// The first round in which places that do not fit count less.
const FIRST_ROBUST_ROUND: usize = 3;
/// Unknowns of a round: six of the placement, gain, offset.
const UNKNOWNS: usize = 8;

/// From a place in A to the place in B; both from -0.5 to 0.5 with the origin in the
/// centre: `x' = m[0] x + m[1] y + m[2]`, `y' = m[3] x + m[4] y + m[5]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement(pub(super) [f32; 6]);

impl Placement {
    pub(super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    fn new((across, along): (f32, f32), right: f32, down: f32) -> Self {
        Self([across, 0.0, right, 0.0, along, down])
    }

    /// From pixel to pixel of planes with `side` pixels.
    pub(super) fn pixel(&self, x: usize, y: usize, side: usize) -> (f32, f32) {
        let m = &self.0;
        let length = side as f32;
        let (x, y) = (centred(x, length), centred(y, length));
        let (x, y) = (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]);
        ((x + 0.5) * length - 0.5, (y + 0.5) * length - 0.5)
    }

    /// Where the middle of a pixel of A lies in B, or `None` outside, and near the edge of
    /// either unless the edges lie on each other: there a cut or framed copy has mixed the
    /// picture with what is beyond. `edge` is in pixels.
    pub(super) fn inner_pixel(
        &self,
        x: usize,
        y: usize,
        side: usize,
        edge: f32,
    ) -> Option<(f32, f32)> {
        let (bx, by) = self.pixel(x, y, side);
        let last = (side - 1) as f32;
        let inside = |at: f32| at >= edge && at <= last - edge;
        let same_edges = self
            .0
            .iter()
            .zip(Self::IDENTITY.0)
            .all(|(a, b)| (a - b).abs() < 0.004);
        let all = [x as f32, y as f32, bx, by];
        (same_edges || all.into_iter().all(inside)).then_some((bx, by))
    }

    /// Area of A in B, where 1 is all of B.
    pub(super) fn area(&self) -> f32 {
        self.0[0] * self.0[4] - self.0[1] * self.0[3]
    }

    /// Whether both lay the picture at nearly the same place, within half of a hundredth.
    fn is_near(&self, other: &Self) -> bool {
        let parts = self.0.iter().zip(&other.0);
        parts.into_iter().all(|(a, b)| (a - b).abs() < 0.005)
    }

    /// Whether this is cutting, framing or straightening, and not a free distortion.
    fn is_plausible(&self) -> bool {
        let m = &self.0;
        let scale = |value: f32| (0.7..=1.43).contains(&value);
        let small = |value: f32| value.abs() <= 0.08;
        scale(m[0])
            && scale(m[4])
            && small(m[1])
            && small(m[3])
            && m[2].abs() <= 0.2
            && m[5].abs() <= 0.2
    }
}

fn centred(at: usize, length: f32) -> f32 {
    (at as f32 + 0.5) / length - 0.5
}

/// Lays `a` onto `b` as they are: for copies that are neither cut nor framed.
pub(super) fn refine_identity(a: &Picture, b: &Picture) -> Option<Placement> {
    refine(a, b, Placement::IDENTITY)
}

/// Tries many sizes and shifts and refines the best few, best first.
pub(super) fn search<'a>(a: &'a Picture, b: &'a Picture) -> impl Iterator<Item = Placement> + 'a {
    let (small_a, small_b) = (a.luma(32), b.luma(32));
    let mut starts = Vec::new();
    for scale in SCALES {
        for right in SHIFTS {
            for down in SHIFTS {
                let start = Placement::new(scale, right, down);
                if let Some(score) = correlation(small_a, small_b, &start) {
                    starts.push((score, start));
                }
            }
        }
    }
    starts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut tried: Vec<Placement> = Vec::new();
    starts
        .into_iter()
        .take(STARTS)
        .take_while(|(score, _)| *score > LEAST_START)
        .filter_map(move |(_, start)| {
            let (side, rounds) = STAGES[0];
            let coarse = refine_on(a.luma(side), b.luma(side), start, rounds)?;
            // Most starts end at the same few places.
            let is_tried = tried.iter().any(|other| other.is_near(&coarse));
            tried.push(coarse);
            let score = correlation(a.luma(side), b.luma(side), &coarse)?;
            if is_tried || score < LEAST_COARSE {
                return None;
            }
            refine(a, b, coarse)
        })
}

/// How well brightness goes together at a placement, coarsely: -1 to 1, and -1 where the
/// pictures hardly overlap.
pub(super) fn likeness(a: &Picture, b: &Picture, placement: &Placement) -> f32 {
    correlation(a.luma(64), b.luma(64), placement).unwrap_or(-1.0)
}

/// Refines on ever finer planes. `None` if it drifts off or nothing pins it.
fn refine(a: &Picture, b: &Picture, start: Placement) -> Option<Placement> {
    let mut placement = start;
    for (side, rounds) in STAGES {
        placement = refine_on(a.luma(side), b.luma(side), placement, rounds)?;
        // Strangers need no finer look.
        if correlation(a.luma(side), b.luma(side), &placement)? < LEAST_COARSE {
            return None;
        }
    }
    Some(placement)
}

fn refine_on(a: &Plane, b: &Plane, start: Placement, rounds: usize) -> Option<Placement> {
    let mut placement = start;
    let mut spread = None;
    for round in 0..rounds {
        let (step, error) = improve(a, b, &placement, spread)?;
        let largest = step.iter().fold(0.0_f32, |most, part| most.max(part.abs()));
        for (value, part) in placement.0.iter_mut().zip(step) {
            *value += part.clamp(-0.05, 0.05);
        }
        if !placement.is_plausible() {
            return None;
        }
        if largest < 0.02 / a.side as f32 {
            break;
        }
        spread = (round + 1 >= FIRST_ROBUST_ROUND || a.side > 32).then_some(error);
    }
    Some(placement)
}

/// One round of least squares: the step, and the mean error in grey levels. With `spread`,
/// pixels whose error is beyond it count less: writing and frames are not the picture.
fn improve(
    a: &Plane,
    b: &Plane,
    placement: &Placement,
    spread: Option<f32>,
) -> Option<([f32; 6], f32)> {
    let side = a.side;
    let length = side as f32;
    let samples = sampled(a, b, placement);
    if (samples.len() as f32) < LEAST_OVERLAP * (side * side) as f32 {
        return None;
    }
    let (gain, offset) = line(&samples);
    let mut sums = [[0.0_f64; UNKNOWNS + 1]; UNKNOWNS];
    let mut error = 0.0;
    for sample in &samples {
        let (x, y) = (
            centred(sample.x as usize, length),
            centred(sample.y as usize, length),
        );
        let residual = sample.b - gain * sample.a - offset;
        error += residual.abs();
        let weight = spread.map_or(1.0, |spread| {
            let relative = residual / (2.0 * spread + 1.0);
            1.0 / (1.0 + relative * relative)
        });
        // The slopes are for a step of one pixel; the unknowns are parts of the side.
        let (gx, gy) = (sample.slope_x * length, sample.slope_y * length);
        let row = [gx * x, gx * y, gx, gy * x, gy * y, gy, -sample.a, -1.0];
        for (i, sum) in sums.iter_mut().enumerate() {
            let left = weight * row[i];
            for (j, value) in row.iter().enumerate().skip(i) {
                sum[j] += f64::from(left * value);
            }
            sum[UNKNOWNS] -= f64::from(left * sample.b);
        }
    }
    // The sums are symmetric; only the upper half was added up.
    let upper = sums;
    for (i, row) in sums.iter_mut().enumerate() {
        for (value, above) in row.iter_mut().zip(&upper).take(i) {
            *value = above[i];
        }
    }
    let solution = solve(sums)?;
    let step = std::array::from_fn(|at| solution[at] as f32);
    Some((step, error / samples.len() as f32))
}

/// A pixel of A and what lies there in B.
struct Sample {
    x: u16,
    y: u16,
    a: f32,
    b: f32,
    slope_x: f32,
    slope_y: f32,
}

fn sampled(a: &Plane, b: &Plane, placement: &Placement) -> Vec<Sample> {
    let side = a.side;
    let mut samples = Vec::with_capacity(side * side);
    for y in 0..side {
        for x in 0..side {
            let (bx, by) = placement.pixel(x, y, side);
            let Some(value) = b.at(bx, by) else { continue };
            let inside = |x, y| b.at(x, y).unwrap_or(value);
            samples.push(Sample {
                x: x as u16,
                y: y as u16,
                a: a.values[y * side + x],
                b: value,
                slope_x: (inside(bx + 0.5, by) - inside(bx - 0.5, by)),
                slope_y: (inside(bx, by + 0.5) - inside(bx, by - 0.5)),
            });
        }
    }
    samples
}

/// Gain and offset from A's brightness to B's.
fn line(samples: &[Sample]) -> (f32, f32) {
    let count = samples.len().max(1) as f32;
    let mean_a = samples.iter().map(|sample| sample.a).sum::<f32>() / count;
    let mean_b = samples.iter().map(|sample| sample.b).sum::<f32>() / count;
    let (mut ab, mut aa) = (0.0, 0.0);
    for sample in samples {
        ab += (sample.a - mean_a) * (sample.b - mean_b);
        aa += (sample.a - mean_a) * (sample.a - mean_a);
    }
    let gain = if aa > 0.0 { ab / aa } else { 1.0 };
    (gain, mean_b - gain * mean_a)
}

/// Correlation of the brightness where the pictures overlap; `None` where that is too little.
fn correlation(a: &Plane, b: &Plane, placement: &Placement) -> Option<f32> {
    let side = a.side;
    let (mut count, mut sa, mut sb, mut saa, mut sbb, mut sab) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for y in 0..side {
        for x in 0..side {
            let (bx, by) = placement.pixel(x, y, side);
            let Some(vb) = b.at(bx, by) else { continue };
            let va = a.values[y * side + x];
            count += 1.0;
            sa += va;
            sb += vb;
            saa += va * va;
            sbb += vb * vb;
            sab += va * vb;
        }
    }
    if count < LEAST_OVERLAP * (side * side) as f32 {
        return None;
    }
    let covariance = sab - sa * sb / count;
    let spread = ((saa - sa * sa / count) * (sbb - sb * sb / count)).sqrt();
    (spread > 0.0).then_some(covariance / spread)
}

/// Gaussian elimination with the largest pivot; `None` if the sums do not pin the unknowns.
fn solve(mut sums: [[f64; UNKNOWNS + 1]; UNKNOWNS]) -> Option<[f64; UNKNOWNS]> {
    for i in 0..UNKNOWNS {
        let pivot = (i..UNKNOWNS).max_by(|a, b| sums[*a][i].abs().total_cmp(&sums[*b][i].abs()))?;
        sums.swap(i, pivot);
        if sums[i][i].abs() < 1e-6 {
            return None;
        }
        let row = sums[i];
        for (j, other) in sums.iter_mut().enumerate() {
            if j == i {
                continue;
            }
            let factor = other[i] / row[i];
            for (value, from) in other.iter_mut().zip(row).skip(i) {
                *value -= factor * from;
            }
        }
    }
    Some(std::array::from_fn(|i| sums[i][UNKNOWNS] / sums[i][i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::picture::{SIDE, sample};

    /// What of a large picture lies in a window of it, squeezed into a square.
    fn window(seed: u64, left: f32, top: f32, width: f32, height: f32) -> Picture {
        let large = sample(seed, 512);
        let plane = |channel: usize| Plane {
            side: 512,
            values: large
                .chunks_exact(3)
                .map(|rgb| f32::from(rgb[channel]))
                .collect(),
        };
        let planes = [plane(0), plane(1), plane(2)];
        let mut pixels = Vec::new();
        for y in 0..SIDE {
            for x in 0..SIDE {
                let at = |start: f32, length: f32, at: usize| {
                    (start + length * (at as f32 + 0.5) / SIDE as f32) * 512.0 - 0.5
                };
                for plane in &planes {
                    let value = plane.at(at(left, width, x), at(top, height, y)).unwrap();
                    pixels.push(value.round() as u8);
                }
            }
        }
        Picture::of_square(&pixels, 1000, 1000).unwrap()
    }

    #[test]
    fn a_picture_cut_at_one_edge_is_found_where_it_was_cut() {
        let whole = window(11, 0.0, 0.0, 1.0, 1.0);
        let cut = window(11, 0.1, 0.02, 0.9, 0.95);
        let best = search(&cut, &whole).next().unwrap();
        let expected = [0.9, 0.0, 0.05, 0.0, 0.95, -0.005];
        for (found, expected) in best.0.iter().zip(expected) {
            assert!((found - expected).abs() < 0.003, "{best:?}");
        }
        assert!((best.area() - 0.855).abs() < 0.01);
    }

    #[test]
    fn a_flat_picture_has_no_place() {
        let flat = Picture::of_square(&vec![200; SIDE * SIDE * 3], 1000, 1000).unwrap();
        assert_eq!(refine_identity(&flat, &flat), None);
    }
}
