//! Samples of the dark hours: the sun going down, a town at night.
//!
//! Both mirror their own sky in water. It knows nothing of files or formats, nor of the
//! model that will look at them.

use super::canvas::Canvas;
use super::noise::{Noise, Rgb, Rng, add, lit, mix, smooth};

/// The sun low over water or hills.
pub fn sunset(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.52, 0.66);
    let sun = (
        c.aspect * rng.range(0.3, 0.7),
        horizon - rng.range(0.035, 0.15),
    );
    let (cloud, wave) = (Noise::new(rng), Noise::new(rng));
    let top = mix([0.20, 0.22, 0.42], [0.36, 0.22, 0.38], rng.unit());
    let mid = mix([0.86, 0.42, 0.28], [0.90, 0.50, 0.22], rng.unit());
    let low = [1.0, 0.72, 0.32];
    let heavy = rng.range(0.0, 0.22);
    let heaven = move |x: f32, y: f32| {
        let h = ((horizon - y) / horizon).clamp(0.0, 1.0);
        let base = mix(
            mix(low, mid, smooth(0.0, 0.42, h)),
            top,
            smooth(0.25, 1.0, h),
        );
        let d = ((x - sun.0).powi(2) + (y - sun.1).powi(2)).sqrt();
        let glow = (-d * 5.5).exp();
        let depth = 1.0 / (h + 0.16);
        let n = cloud.fbm((x - 0.6) * depth * 0.7, depth * 3.2, 6);
        let cover = smooth(0.12 - heavy, 0.55, n) * smooth(0.0, 0.12, h);
        // Clouds are dark above and burn where they face the sun.
        let under = mix(
            lit(mix(mid, top, 0.6), 0.62),
            [1.0, 0.6, 0.36],
            glow * 1.6 + 0.35 * (1.0 - h) * (1.0 - cover),
        );
        let air = mix(
            add(base, [1.0, 0.55, 0.2], glow * 0.65),
            under,
            cover * 0.85,
        );
        let disc = smooth(0.036, 0.028, d);
        mix(
            add(air, [1.0, 0.8, 0.5], (-d * 16.0).exp() * 0.8),
            [1.0, 0.96, 0.8],
            disc,
        )
    };
    c.wash(|x, y| (heaven(x, y), 1.0));
    let sea = rng.chance(0.65);
    if sea {
        c.below(horizon, |x, y| {
            let z = 0.1 / (y - horizon + 0.006);
            let w = wave.fbm_seen((x - 0.6) * z * 5.0, z * 11.0, 5, z * z * 0.04);
            let back = heaven(
                x + w * 0.05,
                (2.0 * horizon - y - 0.03 - w.abs() * 0.16).max(0.0),
            );
            let spread = 0.03 + (y - horizon) * 0.22;
            let path = (-((x - sun.0) / spread).powi(2)).exp();
            let glint = smooth(0.02, 0.4, w + 0.12) * path;
            let water = lit(mix(back, [0.16, 0.14, 0.24], 0.38), 0.82 + 0.5 * w);
            mix(water, [1.0, 0.84, 0.5], glint)
        });
    }
    let layers = if sea { rng.pick([0, 1, 1]) } else { 3 };
    for layer in 0..layers {
        let ridge = Noise::new(rng);
        let base = if sea {
            horizon + 0.004
        } else {
            horizon + 0.02 + layer as f32 * 0.13
        };
        let tall = if sea { 0.035 } else { 0.1 };
        let tone = mix(
            [0.30, 0.14, 0.16],
            [0.05, 0.035, 0.05],
            if sea { 0.5 } else { layer as f32 / 2.0 },
        );
        let floor = if sea { horizon + 0.004 } else { 1.0 };
        c.over((0.0, base - 0.2), (c.aspect, floor), |x, y| {
            let line = base - tall * (0.35 + ridge.fbm(x * 2.2, 0.0, 6));
            (tone, ((y - line) / 0.003 + 0.5).clamp(0.0, 1.0))
        });
    }
}

/// A town across the water at night, under stars.
pub fn city_night(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.6, 0.74);
    let (air, wave) = (Noise::new(rng), Noise::new(rng));
    let glow = mix([0.60, 0.38, 0.24], [0.34, 0.28, 0.52], rng.unit());
    c.wash(|x, y| {
        let h = ((horizon - y) / horizon).clamp(0.0, 1.0);
        let base = mix(
            lit(glow, 0.75),
            [0.02, 0.04, 0.13],
            smooth(0.0, 0.75, h + 0.12),
        );
        (lit(base, 1.0 + 0.3 * air.fbm(x * 2.0, y * 3.0, 4)), 1.0)
    });
    for _ in 0..(160.0 * c.aspect) as usize {
        let at = (rng.range(0.0, c.aspect), horizon * rng.unit().powf(1.3));
        let size = rng.range(0.0008, 0.0022);
        c.ellipse(at, size, size, [0.95, 0.95, 1.0], rng.range(0.2, 0.95), 0.8);
    }
    let mut lamps = Vec::new();
    for row in 0..3 {
        let t = row as f32 / 2.0;
        let mut x = -0.05;
        while x < c.aspect {
            let wide = rng.range(0.04, 0.11);
            let middle = 1.0 - ((x / c.aspect) - 0.5).abs();
            let tall = rng.range(0.06, 0.36) * middle * (1.15 - 0.55 * t) + 0.03;
            let wall = lit(
                mix([0.10, 0.10, 0.17], [0.04, 0.04, 0.07], t),
                rng.range(0.8, 1.5),
            );
            let top = horizon - tall;
            c.over((x, top), (x + wide, horizon), |_, y| {
                (lit(wall, 1.0 + (y - top) * 1.5), 1.0)
            });
            let (step, share) = (rng.range(0.012, 0.019), rng.range(0.3, 0.7));
            let tone = rng.pick([[1.0, 0.80, 0.45], [1.0, 0.90, 0.66], [0.80, 0.90, 1.0]]);
            let mut y = top + step;
            while y < horizon - step {
                let mut u = x + step * 0.6;
                while u < x + wide - step * 0.6 {
                    if rng.chance(share) {
                        let bright = rng.range(0.45, 1.05);
                        c.over((u, y), (u + step * 0.5, y + step * 0.55), |_, _| {
                            (lit(tone, bright), 0.9)
                        });
                    }
                    u += step;
                }
                y += step;
            }
            x += wide * rng.range(0.9, 1.3);
        }
    }
    for _ in 0..(26.0 * c.aspect) as usize {
        let at = (rng.range(0.0, c.aspect), horizon - rng.range(0.002, 0.02));
        let tone = rng.pick([
            [1.0, 0.72, 0.32],
            [1.0, 0.86, 0.6],
            [1.0, 0.35, 0.22],
            [0.5, 0.9, 0.8],
        ]);
        lamps.push((at.0, tone));
        c.ellipse(at, 0.035, 0.035, tone, 0.6, 1.0);
        c.ellipse(at, 0.005, 0.005, [1.0, 0.97, 0.88], 1.0, 0.6);
    }
    let skyline: Vec<Rgb> = (0..4096)
        .map(|i| c.peek((i % 64) as f32 / 64.0 * c.aspect, (i / 64) as f32 / 64.0))
        .collect();
    let aspect = c.aspect;
    c.below(horizon, |x, y| {
        let depth = y - horizon;
        let w = wave.fbm(x * 8.0, 1.2 / (depth + 0.03) * 3.0, 4);
        let mirror = (horizon - depth * 0.9 - 0.02 + w * 0.05).clamp(0.0, 1.0);
        let column = (((x + w * 0.012) / aspect * 64.0).clamp(0.0, 63.0)) as usize;
        let back = skyline[(mirror * 63.0) as usize * 64 + column];
        let mut water = lit(mix(back, [0.02, 0.04, 0.09], 0.45), 0.8 + 0.5 * w);
        for (lamp, tone) in &lamps {
            let side = (x - lamp + w * 0.012) / 0.009;
            if side.abs() < 2.5 {
                let streak = (-side * side).exp() * (-depth * 5.0).exp();
                water = add(water, *tone, streak * (0.55 + 0.9 * w).max(0.0));
            }
        }
        water
    });
}
