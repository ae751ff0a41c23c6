//! Made-up vectors that lie as those of real photos do: clusters of very different sizes
//! around a common direction. What is measured on them is for others to know.

#![allow(dead_code)] // each benchmark is a program of its own and uses a part of this

use crate::support::Random;

/// Directions in which photos lie close together.
pub struct Clusters {
    /// All vectors of a model point a little in one direction.
    common: Vec<f32>,
    centres: Vec<Vec<f32>>,
}

impl Clusters {
    /// So many clusters.
    pub fn new(number: usize, dimension: usize) -> Self {
        let mut random = Random(0);
        let mut some = || {
            (0..dimension)
                .map(|_| random.normal())
                .collect::<Vec<f32>>()
        };
        Self {
            common: some(),
            centres: (0..number.max(1)).map(|_| some()).collect(),
        }
    }

    /// Half of all photos lie in a thirtieth of the clusters.
    fn centre(&self, random: &mut Random) -> &[f32] {
        let at = random.uniform().powi(5) * self.centres.len() as f32;
        &self.centres[(at as usize).min(self.centres.len() - 1)]
    }

    /// A vector of length 1, as that of a photo.
    pub fn photo(&self, random: &mut Random) -> Vec<f32> {
        self.mix(random, [0.7, 1.0, 0.8])
    }

    /// Text lies elsewhere than photos, and closer to nothing in particular.
    pub fn words(&self, random: &mut Random) -> Vec<f32> {
        self.mix(random, [-0.3, 0.6, 0.8])
    }

    fn mix(&self, random: &mut Random, [common, centre, noise]: [f32; 3]) -> Vec<f32> {
        let near = self.centre(random);
        let both = self.common.iter().zip(near);
        let sum = both.map(|(a, b)| common * a + centre * b + noise * random.normal());
        let sum: Vec<f32> = sum.collect();
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        sum.iter().map(|x| x / length).collect()
    }
}

/// Sixteen sums side by side, which the compiler makes vector instructions of.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}
