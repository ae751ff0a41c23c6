//! Samples of things: a car on a road, a ball on a lawn, flowers close up.
//!
//! It knows nothing of files or the model.

use super::canvas::{Canvas, Point};
use super::figures::{Place, shadow, tufts};
use super::landscape::{day_sky, grass, tree_line};
use super::noise::{Noise, Rgb, Rng, add, lit, mix, smooth};

/// A road or path from `horizon` down, as wide as the picture at the bottom.
pub fn road(c: &mut Canvas, rng: &mut Rng, top: f32, tone: Rgb) {
    let grit = Noise::new(rng);
    let mid = c.aspect * 0.5;
    c.below(top, |x, y| {
        let z = 0.4 / (y - top + 0.08);
        let n = grit.fbm((x - mid) * z * 14.0, z * 20.0, 4);
        let speck = grit.at(x * 240.0, y * 240.0);
        lit(
            tone,
            0.98 + 0.12 * n + 0.05 * speck + 0.08 * grit.fbm(x * 2.0, y * 6.0, 3),
        )
    });
}

/// A car on a road.
pub fn car(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.36, 0.46);
    day_sky(c, rng, horizon);
    let tall = rng.range(0.12, 0.3);
    tree_line(c, rng, horizon + 0.02, tall, [0.20, 0.31, 0.14]);
    grass(c, rng, horizon, horizon - 0.04, [0.34, 0.50, 0.18]);
    road(c, rng, horizon + 0.14, [0.40, 0.40, 0.42]);
    let line = horizon + 0.18;
    c.stroke(
        (0.0, line),
        (c.aspect, line),
        0.006,
        0.006,
        [0.86, 0.86, 0.84],
        0.8,
    );
    let size = rng.range(0.36, 0.44) * c.aspect.min(1.3) / 1.3;
    let place = Place {
        at: (c.aspect * rng.range(0.46, 0.54), rng.range(0.60, 0.66)),
        size,
        face: rng.pick([1.0, -1.0]),
        turn: 0.0,
    };
    let s = size;
    let paint = rng.pick([[0.80, 0.07, 0.07], [0.74, 0.05, 0.08], [0.86, 0.14, 0.06]]);
    shadow(
        c,
        place.put((0.0, 0.42)),
        1.25 * s,
        0.10 * s,
        [0.07, 0.07, 0.08],
        0.9,
    );
    let at = |p: &[Point]| -> Vec<Point> { p.iter().map(|q| place.put(*q)).collect() };
    let hull = [
        (-1.15, 0.30),
        (-1.18, 0.02),
        (-1.10, -0.12),
        (-0.78, -0.17),
        (-0.48, -0.46),
        (-0.30, -0.52),
        (0.14, -0.52),
        (0.30, -0.46),
        (0.58, -0.17),
        (0.98, -0.09),
        (1.13, 0.02),
        (1.17, 0.16),
        (1.15, 0.30),
    ];
    let top = place.at.1;
    let sheen = Noise::new(rng);
    c.polygon(&at(&hull), |x, y| {
        // Paint mirrors the sky above the shoulder line and the road below.
        let v = (y - top) / s;
        let gloss = 0.16 * smooth(-0.10, -0.16, v) + 0.10 * smooth(0.02, 0.0, (v + 0.05).abs());
        let shade = 1.05 - 0.75 * smooth(-0.02, 0.34, v) + 0.05 * sheen.at(x * 5.0, y * 3.0);
        add(lit(paint, shade), [1.0, 1.0, 1.0], gloss)
    });
    let panes: [&[Point]; 2] = [
        &[
            (-0.66, -0.17),
            (-0.43, -0.41),
            (-0.28, -0.46),
            (-0.10, -0.46),
            (-0.10, -0.17),
        ],
        &[
            (-0.05, -0.17),
            (-0.05, -0.46),
            (0.12, -0.46),
            (0.24, -0.41),
            (0.46, -0.17),
        ],
    ];
    for pane in panes {
        c.polygon(&at(pane), |x, y| {
            let t = (x * 0.8 + y - top) / s;
            mix(
                [0.12, 0.16, 0.20],
                [0.58, 0.68, 0.76],
                smooth(0.35, 0.75, (t * 3.0).sin() * 0.5 + 0.5) * 0.7,
            )
        });
    }
    let dark = lit(paint, 0.45);
    for (a, b) in [
        ((-0.08, -0.14), (-0.08, 0.27)),
        ((0.50, -0.14), (0.44, 0.10)),
        ((-0.70, -0.14), (-0.62, 0.05)),
    ] {
        c.stroke(place.put(a), place.put(b), 0.006 * s, 0.006 * s, dark, 0.8);
    }
    c.stroke(
        place.put((-1.1, 0.31)),
        place.put((1.1, 0.31)),
        0.03 * s,
        0.03 * s,
        [0.07; 3],
        1.0,
    );
    for x in [0.04, -0.56] {
        c.stroke(
            place.put((x, -0.06)),
            place.put((x - 0.10, -0.06)),
            0.012 * s,
            0.012 * s,
            dark,
            0.9,
        );
    }
    c.ellipse(
        place.put((1.07, 0.03)),
        0.08 * s,
        0.05 * s,
        [0.95, 0.95, 0.85],
        1.0,
        0.4,
    );
    c.ellipse(
        place.put((-1.13, 0.02)),
        0.05 * s,
        0.06 * s,
        [0.45, 0.03, 0.04],
        1.0,
        0.4,
    );
    for x in [-0.70, 0.70] {
        let hub = place.put((x, 0.26));
        c.ellipse(hub, 0.26 * s, 0.25 * s, [0.05, 0.05, 0.06], 1.0, 0.05);
        c.ellipse(hub, 0.205 * s, 0.205 * s, [0.09, 0.09, 0.10], 1.0, 0.05);
        c.ellipse(hub, 0.135 * s, 0.135 * s, [0.68, 0.69, 0.72], 1.0, 0.1);
        for k in 0..5 {
            let a = k as f32 * std::f32::consts::TAU / 5.0 + 0.3;
            let tip = (hub.0 + a.cos() * 0.09 * s, hub.1 + a.sin() * 0.09 * s);
            c.ellipse(tip, 0.03 * s, 0.03 * s, [0.16, 0.16, 0.18], 1.0, 0.3);
        }
    }
}

/// A ball lying on a lawn.
pub fn ball(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(-0.1, 0.16);
    day_sky(c, rng, horizon.max(0.02));
    let tint = mix([0.28, 0.50, 0.13], [0.38, 0.56, 0.20], rng.unit());
    if horizon > 0.03 {
        tree_line(c, rng, horizon + 0.02, 0.12, [0.16, 0.28, 0.11]);
    }
    grass(c, rng, horizon.max(0.0), horizon - 0.05, tint);
    let r = rng.range(0.15, 0.22) * c.aspect.min(1.0);
    let at = (c.aspect * rng.range(0.36, 0.64), rng.range(0.55, 0.68));
    shadow(
        c,
        (at.0 + 0.4 * r, at.1 + 0.92 * r),
        1.35 * r,
        0.32 * r,
        [0.07, 0.14, 0.03],
        0.85,
    );
    let football = rng.chance(0.5);
    let paint = rng.pick([[0.84, 0.10, 0.10], [0.92, 0.72, 0.10], [0.14, 0.32, 0.78]]);
    let (a, b) = (rng.range(0.0, 6.3).sin_cos(), rng.range(0.0, 6.3).sin_cos());
    let pixel = c.pixel;
    c.over(
        (at.0 - r * 1.1, at.1 - r * 1.1),
        (at.0 + r * 1.1, at.1 + r * 1.1),
        |x, y| {
            let (u, v) = ((x - at.0) / r, (y - at.1) / r);
            let d = (u * u + v * v).sqrt();
            let w = (1.0 - d * d).max(0.0).sqrt();
            let (p, q) = (u * a.1 - w * a.0, u * a.0 + w * a.1);
            let n = [p, v * b.1 - q * b.0, v * b.0 + q * b.1];
            let tone = if football {
                panels(n)
            } else {
                stripes(n, paint)
            };
            let light = 0.30 + 0.78 * (-0.42 * u - 0.68 * v + 0.6 * w).max(0.0);
            let shine = (-0.36 * u - 0.58 * v + 0.73 * w).max(0.0).powi(24) * 0.35;
            let bounce = add(lit(tone, light), tint, 0.14 * v.max(0.0));
            (
                add(bounce, [1.0; 3], shine),
                ((1.0 - d) * r / pixel + 0.5).clamp(0.0, 1.0),
            )
        },
    );
    tufts(
        c,
        rng,
        (at.0 - r, at.0 + r),
        at.1 + r * 0.92,
        0.36 * r,
        tint,
    );
}

/// A football's twelve black patches, on the corners of an icosahedron.
fn panels(n: [f32; 3]) -> Rgb {
    let (s, l) = (0.525_731_1, 0.850_650_8);
    let corners = [
        [0.0, s, l],
        [0.0, s, -l],
        [s, l, 0.0],
        [s, -l, 0.0],
        [l, 0.0, s],
        [-l, 0.0, s],
    ];
    let mut first: f32 = 0.0;
    let mut second: f32 = 0.0;
    for k in corners {
        let near = (k[0] * n[0] + k[1] * n[1] + k[2] * n[2]).abs();
        if near > first {
            (first, second) = (near, first);
        } else if near > second {
            second = near;
        }
    }
    let seam = smooth(0.012, 0.004, first - second) * smooth(0.95, 0.93, first);
    mix(
        mix([0.94, 0.94, 0.93], [0.35, 0.35, 0.35], seam),
        [0.07; 3],
        smooth(0.925, 0.94, first),
    )
}

/// A play ball: one colour with a white band.
fn stripes(n: [f32; 3], paint: Rgb) -> Rgb {
    mix(paint, [0.95, 0.94, 0.92], smooth(0.20, 0.18, n[1].abs()))
}

/// Flowers close up over soft green.
pub fn flowers(c: &mut Canvas, rng: &mut Rng) {
    let (blur, leaf) = (Noise::new(rng), Noise::new(rng));
    let warm = rng.range(0.0, 1.0);
    c.wash(|x, y| {
        let n = blur.fbm(x * 2.6, y * 2.6, 3);
        let fine = leaf.fbm(x * 12.0, y * 9.0, 4);
        let green = mix(
            [0.14, 0.30, 0.08],
            mix([0.42, 0.58, 0.20], [0.55, 0.62, 0.28], warm),
            0.5 + n * 0.8,
        );
        (lit(green, 0.9 + 0.25 * fine), 1.0)
    });
    let petal = rng.pick([
        [0.98, 0.82, 0.10],
        [0.93, 0.42, 0.58],
        [0.96, 0.95, 0.93],
        [0.84, 0.12, 0.10],
        [0.56, 0.32, 0.74],
    ]);
    let heart = if petal[2] > 0.5 {
        [0.93, 0.72, 0.10]
    } else {
        [0.40, 0.22, 0.06]
    };
    let count = (rng.range(8.0, 16.0) * c.aspect) as usize;
    for i in 0..count {
        let t = i as f32 / count as f32;
        let at = (rng.range(0.0, c.aspect), rng.range(0.08, 0.9));
        let size = (0.05 + 0.17 * t * t) * rng.range(0.8, 1.2);
        let foot = (at.0 + rng.range(-0.12, 0.12), 1.1);
        let stem = lit([0.26, 0.46, 0.12], rng.range(0.7, 1.1));
        c.stroke(at, foot, size * 0.05, size * 0.08, stem, 0.9);
        for _ in 0..3 {
            let along = rng.range(0.35, 0.9);
            let from = (
                at.0 + (foot.0 - at.0) * along,
                at.1 + (foot.1 - at.1) * along,
            );
            let to = (
                from.0 + rng.range(-1.0, 1.0) * size,
                from.1 - size * rng.range(0.2, 0.9),
            );
            c.stroke(
                from,
                to,
                size * 0.13,
                size * 0.02,
                lit(stem, rng.range(0.8, 1.3)),
                0.95,
            );
        }
        flower(c, rng, at, size, petal, heart);
    }
}

fn flower(c: &mut Canvas, rng: &mut Rng, at: (f32, f32), size: f32, petal: Rgb, heart: Rgb) {
    let (tilt, turn) = (rng.range(0.6, 1.0), rng.range(0.0, 6.3));
    let petals = rng.range(9.0, 17.0) as usize;
    for ring in 0..2 {
        for k in 0..petals {
            let angle =
                turn + (k as f32 + ring as f32 * 0.5) * std::f32::consts::TAU / petals as f32;
            let reach = size * (1.0 - 0.22 * ring as f32) * rng.range(0.9, 1.05);
            let tip = (
                at.0 + angle.cos() * reach,
                at.1 + angle.sin() * reach * tilt,
            );
            let root = (
                at.0 + angle.cos() * size * 0.2,
                at.1 + angle.sin() * size * 0.2 * tilt,
            );
            let light = (0.84 - 0.14 * angle.sin()) * rng.range(0.88, 1.1) + 0.08 * ring as f32;
            let wide = size * 2.0 / petals as f32;
            c.stroke(root, tip, wide * 0.6, wide, lit(petal, light), 1.0);
            c.stroke(
                root,
                tip,
                wide * 0.1,
                wide * 0.05,
                lit(petal, light * 0.86),
                0.6,
            );
        }
    }
    c.ellipse(at, size * 0.27, size * 0.27 * tilt, heart, 1.0, 0.15);
    c.ellipse(
        (at.0 - size * 0.05, at.1 - size * 0.06),
        size * 0.16,
        size * 0.14 * tilt,
        lit(heart, 1.3),
        0.6,
        0.8,
    );
}
