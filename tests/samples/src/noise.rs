//! Chance, noise and colour arithmetic for the drawn samples: a tiny generator, lattice
//! noise with its fractal sums, and mixing of colours.
//!
//! It knows nothing of pictures or subjects. Everything is a pure function of its seed,
//! so that the same seed draws the same picture (up to the rounding of the platform's
//! `sin` and `exp`).

/// A colour, 0 to 1 a channel, in the display's own (gamma-encoded) space.
pub type Rgb = [f32; 3];

/// SplitMix64: one addition and two multiplications a number, no state to set up.
pub struct Rng(u64);

impl Rng {
    /// A generator that repeats itself for the same seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng(seed ^ 0x9e37_79b9_7f4a_7c15);
        // Small seeds differ in few bits; two turns pull them apart.
        rng.next();
        rng.next();
        rng
    }

    /// A generator for something that has a name, and a seed besides.
    pub fn of(name: &str, seed: u64) -> Self {
        let name = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self::new(name ^ seed.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A number from `low` up to `high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// One of the choices.
    pub fn pick<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        choices[(self.next() % N as u64) as usize]
    }
}

/// A field of noise: lattice noise of one seed.
#[derive(Clone, Copy)]
pub struct Noise(u32);

impl Noise {
    /// A field of its own for every draw from the generator.
    pub fn new(rng: &mut Rng) -> Self {
        Noise(rng.next() as u32)
    }

    fn corner(self, x: i32, y: i32) -> f32 {
        let mut h = (x as u32).wrapping_mul(0x8da6_b343)
            ^ (y as u32).wrapping_mul(0xd816_3841)
            ^ self.0.wrapping_mul(0xcb1a_b31f);
        h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
        h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
        (h ^ (h >> 15)) as f32 * (2.0 / u32::MAX as f32) - 1.0
    }

    /// Smooth noise, -1 to 1, with features about one unit wide.
    pub fn at(self, x: f32, y: f32) -> f32 {
        // `f32::floor` is a call into the C library on plain x86-64; a cast is not.
        let (ix, iy) = (x as i32 - (x < 0.0) as i32, y as i32 - (y < 0.0) as i32);
        let (tx, ty) = (x - ix as f32, y - iy as f32);
        let sx = tx * tx * tx * (tx * (tx * 6.0 - 15.0) + 10.0);
        let sy = ty * ty * ty * (ty * (ty * 6.0 - 15.0) + 10.0);
        let top = self.corner(ix, iy) * (1.0 - sx) + self.corner(ix + 1, iy) * sx;
        let low = self.corner(ix, iy + 1) * (1.0 - sx) + self.corner(ix + 1, iy + 1) * sx;
        top * (1.0 - sy) + low * sy
    }

    /// A sum of octaves, each twice as fine and half as strong: about -1 to 1.
    pub fn fbm(self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut x, mut y, mut gain, mut sum) = (x, y, 0.5, 0.0);
        for _ in 0..octaves {
            sum += gain * self.at(x, y);
            gain *= 0.5;
            // Turned a little at each octave, or the lattice shows as a grid.
            (x, y) = (1.6 * x + 1.2 * y + 7.1, -1.2 * x + 1.6 * y + 3.7);
        }
        sum * 1.3
    }

    /// Like [`Noise::fbm`] but without the octaves finer than `footprint`, the ground a
    /// pixel covers: distant texture would flicker from pixel to pixel.
    pub fn fbm_seen(self, x: f32, y: f32, octaves: u32, footprint: f32) -> f32 {
        let mut visible = 0;
        let mut size = 1.0;
        while visible < octaves && size > footprint {
            visible += 1;
            size *= 0.5;
        }
        self.fbm(x, y, visible)
    }

    /// Ridged noise: sharp crests and wide hollows, 0 to about 1.
    pub fn ridged(self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut x, mut y, mut gain, mut sum, mut weight) = (x, y, 0.5, 0.0, 1.0);
        for _ in 0..octaves {
            let crest = 1.0 - self.at(x, y).abs();
            let crest = crest * crest * weight;
            sum += gain * crest;
            gain *= 0.5;
            // Crests carry the fine detail, hollows stay smooth, as in eroded rock.
            weight = (crest * 1.6).clamp(0.0, 1.0);
            (x, y) = (1.6 * x + 1.2 * y + 5.3, -1.2 * x + 1.6 * y + 9.1);
        }
        sum
    }
}

/// From `a` to `b` as `t` goes from 0 to 1.
pub fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    [
        a[0] + (b[0] - a[0]) * t,
        a[1] + (b[1] - a[1]) * t,
        a[2] + (b[2] - a[2]) * t,
    ]
}

/// The colour brightened or darkened.
pub fn lit(colour: Rgb, factor: f32) -> Rgb {
    colour.map(|c| c * factor)
}

/// The sum of two colours, the second weighted.
pub fn add(a: Rgb, b: Rgb, weight: f32) -> Rgb {
    [
        a[0] + b[0] * weight,
        a[1] + b[1] * weight,
        a[2] + b[2] * weight,
    ]
}

/// 0 below `low`, 1 above `high`, a smooth step between.
pub fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
