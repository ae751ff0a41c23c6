//! Small sums over vectors and samples.

/// The sum of products.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums at once, which the compiler turns into vector instructions.
    let mut sums = [0.0_f32; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = (a.remainder().iter().zip(b.remainder()))
        .map(|(x, y)| x * y)
        .sum();
    for (a, b) in a.zip(b) {
        for (sum, (x, y)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Scales to unit length; `None` when hardly anything is left.
pub(super) fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = dot(&vector, &vector).sqrt();
    if !length.is_finite() || length < 1e-3 {
        return None;
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Some(vector)
}

/// The value below which a share of sorted values lies, interpolated; 0 of none.
pub(super) fn quantile(sorted: &[f32], share: f32) -> f32 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = share.clamp(0.0, 1.0) * last as f32;
    let (below, above) = (
        sorted[place as usize],
        sorted[(place as usize + 1).min(last)],
    );
    below + (above - below) * place.fract()
}

/// The middle of some values, and how far those of the lower half lie below it: the
/// standard deviation if they are normal. What is found by a query lies in the upper half
/// and does not count.
pub(super) fn middle_and_spread(values: &mut [f32]) -> (f32, f32) {
    values.sort_by(f32::total_cmp);
    let middle = quantile(values, 0.5);
    (middle, middle - quantile(values, 0.1587))
}

/// The share of a normal distribution that lies above `z`, for `z` of 0 and more; within
/// 1e-7 (Abramowitz and Stegun, 26.2.17).
pub(super) fn normal_tail(z: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let sum = t
        * (0.319_381_53
            + t * (-0.356_563_78 + t * (1.781_477_9 + t * (-1.821_256 + t * 1.330_274_4))));
    0.398_942_3 * (-0.5 * z * z).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dot_product_counts_every_number() {
        let a: Vec<f32> = (0..19).map(|x| x as f32).collect();
        let sum: f32 = a.iter().map(|x| x * x).sum();
        assert_eq!(dot(&a, &a), sum);
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn the_tail_is_that_of_the_normal_distribution() {
        for (z, share) in [(0.0, 0.5), (1.0, 0.158_655), (3.0, 0.001_349_9)] {
            assert!((normal_tail(z) - share).abs() < 1e-5, "{z}");
        }
    }
}
