//! The int8 code of a vector: one scale for the row, symmetric around zero, so
//! that the dot product of two codes times the two scales is close to that of
//! the vectors. Knows numbers only, neither rows nor files.

/// Codes are padded with zeros to a multiple of this many bytes: one AVX-512
/// register, one cache line, and no kernel has a tail to treat.
pub(super) const LANES: usize = 64;

/// The largest code. Not 128: the kernels multiply by the negated code.
const MAX: f32 = 127.0;

/// Bytes of the code of a vector of `dim` components; never 0.
pub(super) fn stride(dim: usize) -> usize {
    dim.max(1).next_multiple_of(LANES)
}

/// Writes the code of `values` to `out` (int8 as two's complement bytes; what
/// `values` does not reach becomes 0) and returns the scale: `values[i]` is
/// about `scale × code[i]`. Values of which the first is NaN are a blank row's: its
/// scale is NaN, so that it scores above nothing. Other values that are not finite
/// never panic, but have no meaningful code.
pub(super) fn quantise(values: &[f32], out: &mut [u8]) -> f32 {
    let max = values
        .iter()
        .fold(0.0f32, |max, value| max.max(value.abs()));
    out.fill(0);
    if is_blank(values) {
        return f32::NAN;
    }
    if max == 0.0 || !max.is_finite() {
        return 0.0;
    }
    let factor = MAX / max;
    for (code, value) in out.iter_mut().zip(values) {
        *code = (value * factor).round_ties_even().clamp(-MAX, MAX) as i8 as u8;
    }
    max / MAX
}

/// Whether these are the values of a row without a vector.
pub(super) fn is_blank(values: &[f32]) -> bool {
    values.first().is_some_and(|value| value.is_nan())
}

/// The code of a query, laid out for the kernels.
pub(super) struct QueryCode {
    /// `stride(dim)` codes, each -127..=127, as two's complement bytes.
    lanes: Vec<[u8; LANES]>,
    /// Sum of the codes: what a kernel owes that shifts the rows' codes by 128.
    sum: i32,
}

impl QueryCode {
    /// Quantises a query. Its scale is dropped: it is the same for all rows, so
    /// it cannot change their order.
    pub(super) fn new(query: &[f32]) -> Self {
        let mut bytes = vec![0; stride(query.len())];
        quantise(query, &mut bytes);
        let sum = bytes.iter().map(|&code| i32::from(code as i8)).sum();
        Self {
            lanes: bytes.as_chunks().0.to_vec(),
            sum,
        }
    }

    /// The codes, each -127..=127 as a two's complement byte; never empty.
    pub(super) fn lanes(&self) -> &[[u8; LANES]] {
        &self.lanes
    }

    /// The sum of all codes.
    pub(super) fn sum(&self) -> i32 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_code_is_within_half_a_step(values in prop::collection::vec(-1.0f32..1.0, 1..200)) {
            let mut out = vec![99; stride(values.len())];
            let scale = quantise(&values, &mut out);
            for (value, code) in values.iter().zip(&out) {
                let back = f32::from(*code as i8) * scale;
                prop_assert!((back - value).abs() <= scale * 0.5001, "{value} became {back}");
            }
            prop_assert!(out[values.len()..].iter().all(|&code| code == 0));
        }

        #[test]
        fn any_bits_have_some_code(bits in prop::collection::vec(any::<u32>(), 0..70)) {
            let values: Vec<f32> = bits.iter().map(|&b| f32::from_bits(b)).collect();
            let mut out = vec![0; stride(values.len())];
            quantise(&values, &mut out);
            prop_assert!(out.iter().all(|&code| code as i8 != i8::MIN));
        }
    }

    #[test]
    fn the_largest_value_uses_the_whole_range() {
        let mut out = [0; LANES];
        let scale = quantise(&[0.5, -1.0, 0.0], &mut out);
        assert_eq!([out[0] as i8, out[1] as i8, out[2] as i8], [64, -127, 0]);
        assert_eq!(scale, 1.0 / 127.0);
    }
}
