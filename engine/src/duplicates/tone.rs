//! What was done to the tones of a picture: brightness, contrast, curves, colour.
//!
//! A [`Curve`] is the one rising function that best leads from the brightness of one
//! picture to that of the other, pixel for pixel; [`colours`] does the same for colour with
//! one saturation and one tint. What they cannot explain is a difference of the pictures.

use super::picture::{COLOUR_SIDE, Plane};
use super::registration::Placement;

/// Bins of a curve over 0 to 256 grey levels.
const BINS: usize = 32;
const BIN: f32 = 256.0 / BINS as f32;
/// A picture whose colours are all nearer to grey than this, in grey levels, is grey.
const GREY: f32 = 4.0;
/// Colour differences up to this, in grey levels, are rounding and recompression.
const COLOUR_TOLERANCE: f32 = 9.0;

/// A rising function of brightness, in grey levels.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    values: [f32; BINS],
}

impl Curve {
    /// The rising curve nearest to all pairs of brightness.
    pub(super) fn fit(pairs: impl Iterator<Item = (f32, f32)>) -> Self {
        let mut sums = [(0.0_f32, 0.0_f32); BINS];
        for (from, to) in pairs {
            // Each pair counts for the two bins around it, so that the curve is smooth.
            let place = (from / BIN - 0.5).clamp(0.0, (BINS - 1) as f32);
            let (bin, part) = (place as usize, place.fract());
            sums[bin].0 += 1.0 - part;
            sums[bin].1 += (1.0 - part) * to;
            if bin + 1 < BINS {
                sums[bin + 1].0 += part;
                sums[bin + 1].1 += part * to;
            }
        }
        // Neighbours that fall are pooled until all rise.
        let mut pools: Vec<(f32, f32, usize, usize)> = Vec::with_capacity(BINS);
        for (bin, (weight, sum)) in sums.into_iter().enumerate() {
            if weight < 1.0 {
                continue;
            }
            let mut pool = (weight, sum, bin, bin);
            while let Some(last) = pools.last() {
                if last.1 / last.0 <= pool.1 / pool.0 {
                    break;
                }
                pool = (pool.0 + last.0, pool.1 + last.1, last.2, pool.3);
                pools.pop();
            }
            pools.push(pool);
        }
        let mut knots = Vec::with_capacity(2 * BINS);
        for (weight, sum, first, last) in pools {
            knots.push((first, sum / weight));
            knots.push((last, sum / weight));
        }
        Self {
            values: std::array::from_fn(|bin| between(&knots, bin)),
        }
    }

    pub(super) fn at(&self, from: f32) -> f32 {
        let place = (from / BIN - 0.5).clamp(0.0, (BINS - 1) as f32);
        let bin = (place as usize).min(BINS - 2);
        let part = place - bin as f32;
        self.values[bin] + (self.values[bin + 1] - self.values[bin]) * part
    }
}

/// The value at a bin between the nearest known ones.
fn between(knots: &[(usize, f32)], bin: usize) -> f32 {
    let after = knots.partition_point(|(at, _)| *at < bin);
    match (
        after.checked_sub(1).and_then(|at| knots.get(at)),
        knots.get(after),
    ) {
        (Some(below), Some(above)) => {
            let part = (bin - below.0) as f32 / (above.0 - below.0) as f32;
            below.1 + (above.1 - below.1) * part
        }
        (Some(only), None) | (None, Some(only)) => only.1,
        (None, None) => 0.0,
    }
}

/// Blue and red difference of one place in both pictures.
type Place = ([f32; 2], [f32; 2]);

/// How the colours of two pictures go together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colours {
    /// Saturation of B for 1 of A.
    pub(super) saturation: f32,
    /// Part of the places whose colours differ beyond what recompression does.
    pub(super) different: f32,
    /// The largest difference of a place in grey levels.
    pub(super) peak: f32,
    /// The difference that nine places of ten stay below.
    pub(super) typical: f32,
}

/// Whether a picture has but one tint, which may depend on brightness as in sepia prints.
pub(super) fn is_grey(luma: &Plane, colour: &[Plane; 2]) -> bool {
    let count = luma.values.len().max(1) as f32;
    let left: f32 = colour
        .iter()
        .map(|plane| {
            let mean_x = luma.values.iter().sum::<f32>() / count;
            let mean_y = plane.values.iter().sum::<f32>() / count;
            let (mut xx, mut xy, mut yy) = (0.0_f32, 0.0_f32, 0.0_f32);
            for (x, y) in luma.values.iter().zip(&plane.values) {
                let (x, y) = (x - mean_x, y - mean_y);
                xx += x * x;
                xy += x * y;
                yy += y * y;
            }
            let explained = if xx > 0.0 { xy * xy / xx } else { 0.0 };
            (yy - explained).max(0.0)
        })
        .sum();
    (left / count).sqrt() < GREY
}

/// Where neither picture is nearly black or white, and so has lost its colour.
pub(super) fn coloured<'a>(a: &'a Plane, b: &'a Plane) -> impl Fn(usize, f32, f32) -> bool + 'a {
    let middle = |value: f32| (24.0..=231.0).contains(&value);
    move |at, bx, by| middle(a.values[at]) && b.at(bx, by).is_some_and(middle)
}

/// Compares the colours of `a` with those of `b` where `placement` lays them together and
/// `counts` says so of a place in `a` and in `b`.
pub(super) fn colours(
    a: &[Plane; 2],
    b: &[Plane; 2],
    placement: &Placement,
    counts: impl Fn(usize, f32, f32) -> bool,
) -> Colours {
    let mut places = Vec::with_capacity(COLOUR_SIDE * COLOUR_SIDE);
    for y in 0..COLOUR_SIDE {
        for x in 0..COLOUR_SIDE {
            let Some((bx, by)) = placement.inner_pixel(x, y, COLOUR_SIDE, 1.0) else {
                continue;
            };
            let at = y * COLOUR_SIDE + x;
            if !counts(at, bx, by) {
                continue;
            }
            if let (Some(blue), Some(red)) = (b[0].at(bx, by), b[1].at(bx, by)) {
                places.push(([a[0].values[at], a[1].values[at]], [blue, red]));
            }
        }
    }
    let count = places.len().max(1) as f32;
    let mean = |pick: fn(&Place) -> f32| places.iter().map(pick).sum::<f32>() / count;
    let (mean_a, mean_b) = (
        [mean(|p| p.0[0]), mean(|p| p.0[1])],
        [mean(|p| p.1[0]), mean(|p| p.1[1])],
    );
    let (mut aa, mut ab) = (0.0, 0.0);
    for (a, b) in &places {
        for channel in 0..2 {
            let (a, b) = (a[channel] - mean_a[channel], b[channel] - mean_b[channel]);
            aa += a * a;
            ab += a * b;
        }
    }
    let saturation = if aa > 0.0 {
        (ab / aa).clamp(0.2, 5.0)
    } else {
        1.0
    };
    // Compared in the paler of the two, which cannot tell more than it holds.
    let (scale_a, scale_b) = (saturation.min(1.0), (1.0 / saturation).min(1.0));
    let mut different = 0.0;
    let mut distances = Vec::with_capacity(places.len());
    for (a, b) in &places {
        let distance = (0..2)
            .map(|channel| {
                let a = scale_a * (a[channel] - mean_a[channel]);
                let b = scale_b * (b[channel] - mean_b[channel]);
                (a - b) * (a - b)
            })
            .sum::<f32>()
            .sqrt();
        distances.push(distance);
        if distance > COLOUR_TOLERANCE {
            different += 1.0;
        }
    }
    distances.sort_by(|a, b| b.total_cmp(a));
    let distance = |at: usize| distances.get(at).copied().unwrap_or(0.0);
    Colours {
        saturation,
        different: different / count,
        peak: distance(0),
        typical: distance(distances.len() / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_follows_what_was_done_and_never_falls() {
        let darker = |value: f32| 255.0 * (value / 255.0).powf(1.6);
        let curve = Curve::fit((0..256).map(|value| (value as f32, darker(value as f32))));
        assert!((20..250).all(|value| {
            let value = value as f32;
            (curve.at(value) - darker(value)).abs() < 2.5
        }));
        let inverted = Curve::fit((0..256).map(|value| (value as f32, 255.0 - value as f32)));
        assert!((inverted.at(10.0) - inverted.at(240.0)).abs() < 1.0);
    }

    #[test]
    fn a_stronger_saturation_is_explained_and_another_colour_is_not() {
        let plane = |value: &dyn Fn(usize) -> f32| Plane {
            side: COLOUR_SIDE,
            values: (0..COLOUR_SIDE * COLOUR_SIDE).map(value).collect(),
        };
        let a = [plane(&|at| (at % 32) as f32), plane(&|at| (at / 32) as f32)];
        let strong = [
            plane(&|at| (at % 32) as f32 * 1.5),
            plane(&|at| (at / 32) as f32 * 1.5),
        ];
        let found = colours(&a, &strong, &Placement::IDENTITY, |_, _, _| true);
        assert!(found.different < 0.001 && (found.saturation - 1.5).abs() < 0.01);
        let other = [
            plane(&|at| (at / 32) as f32),
            plane(&|at| -((at % 32) as f32)),
        ];
        assert!(colours(&a, &other, &Placement::IDENTITY, |_, _, _| true).different > 0.3);
    }
}
