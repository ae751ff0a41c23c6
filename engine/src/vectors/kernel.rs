//! Dot products of int8 codes: one portable loop, and one for each instruction
//! set that does it faster, chosen at run time. All give the same numbers bit
//! for bit, so an index answers alike on every machine. Knows codes only.
//!
//! A `#[target_feature]` function is not inlined into code compiled without
//! that feature, so each kernel holds the loop over the rows, not only the one
//! over the components.

use super::codes::{LANES, QueryCode};

/// A way to compute dot products that this machine can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kernel(Kind);

/// Private to this file, and built only where the machine has the instructions:
/// that is what makes the calls in `dots` sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Plain Rust, which the compiler vectorises for the target's baseline.
    Portable,
}

impl Kernel {
    /// The kernels that this machine can run, fastest first, never empty.
    pub(super) fn available() -> Vec<Self> {
        let mut kinds = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vnni")
            {
                kinds.push(Kind::Avx512Vnni);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni") {
                kinds.push(Kind::AvxVnni);
            }
            if is_x86_feature_detected!("avx2") {
                kinds.push(Kind::Avx2);
            }
        }
        kinds.push(Kind::Portable);
        kinds.into_iter().map(Self).collect()
    }

    /// The fastest kernel of this machine.
    pub(super) fn best() -> Self {
        Self::available()
            .first()
            .copied()
            .unwrap_or(Self(Kind::Portable))
    }

    /// The dot product of the query's code with each of the rows in `codes`
    /// (contiguous, each as long as the query's code) into `out`. Rows without
    /// a place in `out`, and places without a row, are left alone.
    pub(super) fn dots(self, query: &QueryCode, codes: &[u8], out: &mut [i32]) {
        let rows = codes.as_chunks::<LANES>().0;
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this kind exists only where its features were detected.
            Kind::Avx512Vnni => unsafe { x86::avx512_vnni(query, rows, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this kind exists only where its features were detected.
            Kind::AvxVnni => unsafe { x86::avx_vnni(query, rows, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this kind exists only where its features were detected.
            Kind::Avx2 => unsafe { x86::avx2(query, rows, out) },
            Kind::Portable => portable(query, rows, out),
        }
    }
}

/// The definition of the result: products and sums in i32, which 4096 products
/// of two codes cannot overflow.
fn portable(query: &QueryCode, rows: &[[u8; LANES]], out: &mut [i32]) {
    let query = query.lanes();
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        let mut sum = 0;
        for (row, query) in row.iter().zip(query) {
            for (&r, &q) in row.iter().zip(query) {
                // An i16 product holds any two codes, and is what SSE2 and NEON
                // multiply fastest.
                sum += i32::from(i16::from(r as i8) * i16::from(q as i8));
            }
        }
        *out = sum;
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::codes::{LANES, QueryCode};
    use std::arch::x86_64::*;

    /// `vpdpbusd` multiplies unsigned by signed. The row's codes are made
    /// unsigned by adding 128 (flipping the top bit), which adds 128 times the
    /// sum of the query's codes to the result: the same for every row, and taken
    /// off at the end.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn avx512_vnni(query: &QueryCode, rows: &[[u8; LANES]], out: &mut [i32]) {
        let shift = _mm512_set1_epi8(i8::MIN);
        let owed = 128 * query.sum();
        let query = query.lanes();
        for (row, out) in rows.chunks_exact(query.len()).zip(out) {
            let mut sum = _mm512_setzero_si512();
            for (row, query) in row.iter().zip(query) {
                // SAFETY: both arrays are 64 bytes; the load needs no alignment.
                let (row, query) = unsafe {
                    (
                        _mm512_loadu_epi8(row.as_ptr().cast()),
                        _mm512_loadu_epi8(query.as_ptr().cast()),
                    )
                };
                sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(row, shift), query);
            }
            *out = _mm512_reduce_add_epi32(sum) - owed;
        }
    }

    /// As [`avx512_vnni`], in halves.
    #[target_feature(enable = "avx2,avxvnni")]
    pub(super) fn avx_vnni(query: &QueryCode, rows: &[[u8; LANES]], out: &mut [i32]) {
        let shift = _mm256_set1_epi8(i8::MIN);
        let owed = 128 * query.sum();
        let query = query.lanes();
        for (row, out) in rows.chunks_exact(query.len()).zip(out) {
            let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
            for (row, query) in row.iter().zip(query) {
                let (r0, r1) = halves(row);
                let (q0, q1) = halves(query);
                low = _mm256_dpbusd_avx_epi32(low, _mm256_xor_si256(r0, shift), q0);
                high = _mm256_dpbusd_avx_epi32(high, _mm256_xor_si256(r1, shift), q1);
            }
            *out = total(_mm256_add_epi32(low, high)) - owed;
        }
    }

    /// `vpmaddubsw` also wants unsigned by signed, but adds pairs in i16, where
    /// shifted codes could saturate. So the sign goes over from the row to the
    /// query: |row| ≤ 128 and |query| ≤ 127 make a pair at most 32,512. (The
    /// query cannot be -128, which has no negative; the row can, in a damaged
    /// file, and still comes out right.)
    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(query: &QueryCode, rows: &[[u8; LANES]], out: &mut [i32]) {
        let ones = _mm256_set1_epi16(1);
        let query = query.lanes();
        for (row, out) in rows.chunks_exact(query.len()).zip(out) {
            let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
            for (row, query) in row.iter().zip(query) {
                let (r0, r1) = halves(row);
                let (q0, q1) = halves(query);
                let p0 = _mm256_maddubs_epi16(_mm256_abs_epi8(r0), _mm256_sign_epi8(q0, r0));
                let p1 = _mm256_maddubs_epi16(_mm256_abs_epi8(r1), _mm256_sign_epi8(q1, r1));
                low = _mm256_add_epi32(low, _mm256_madd_epi16(p0, ones));
                high = _mm256_add_epi32(high, _mm256_madd_epi16(p1, ones));
            }
            *out = total(_mm256_add_epi32(low, high));
        }
    }

    #[target_feature(enable = "avx2")]
    fn halves(bytes: &[u8; LANES]) -> (__m256i, __m256i) {
        let at: *const __m256i = bytes.as_ptr().cast();
        // SAFETY: 64 bytes are two times 32; the loads need no alignment.
        unsafe { (_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))) }
    }

    /// The sum of the eight numbers.
    #[target_feature(enable = "avx2")]
    fn total(sums: __m256i) -> i32 {
        let four = _mm_add_epi32(
            _mm256_castsi256_si128(sums),
            _mm256_extracti128_si256(sums, 1),
        );
        let two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
        _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn agree(query: &[f32], codes: &[u8], rows: usize) {
        let query = QueryCode::new(query);
        let stride = query.lanes().len() * LANES;
        let expected: Vec<i32> = codes
            .chunks_exact(stride)
            .map(|row| {
                let query = query.lanes().iter().flatten();
                row.iter()
                    .zip(query)
                    .map(|(&r, &q)| i32::from(r as i8) * i32::from(q as i8))
                    .sum()
            })
            .collect();
        for kernel in Kernel::available() {
            let mut out = vec![i32::MIN; rows];
            kernel.dots(&query, codes, &mut out);
            assert_eq!(out, expected, "{kernel:?}");
        }
    }

    proptest! {
        #[test]
        fn all_kernels_agree(
            query in prop::collection::vec(-1.0f32..1.0, 1..300),
            rows in 0usize..6,
            seed in any::<u64>(),
        ) {
            // Any byte, -128 too, which only a damaged file holds.
            let mut state = seed | 1;
            let codes: Vec<u8> = (0..rows * super::super::codes::stride(query.len()))
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 56) as u8
                })
                .collect();
            agree(&query, &codes, rows);
        }
    }

    #[test]
    fn all_kernels_agree_at_the_extremes() {
        for dim in [1, 63, 64, 65, 128, 4096] {
            for row in [i8::MIN, -127, 127] {
                for q in [-1.0, 1.0] {
                    agree(
                        &vec![q; dim],
                        &vec![row as u8; 2 * super::super::codes::stride(dim)],
                        2,
                    );
                }
            }
        }
    }

    #[test]
    fn rows_without_a_place_are_left_out() {
        for kernel in Kernel::available() {
            let mut out = [7; 3];
            kernel.dots(&QueryCode::new(&[1.0]), &[1; 2 * LANES], &mut out[..1]);
            assert_eq!(out, [127, 7, 7]);
        }
    }
}
