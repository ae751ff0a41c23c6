//! Samples of open country by day: coasts, mountains, meadows, forests, deserts; and the
//! skies, trees and grass that other samples stand before.
//!
//! Each function paints one whole picture from a generator; the proportions were chosen by
//! eye. It knows nothing of files or formats, nor of the model that will look at them.

use super::canvas::{Camera, Canvas};
use super::noise::{Noise, Rgb, Rng, lit, mix, smooth};

/// A sky down to `horizon`: a gradient with clouds (0 none, 1 overcast).
pub fn sky(c: &mut Canvas, rng: &mut Rng, horizon: f32, top: Rgb, low: Rgb, clouds: f32) {
    let noise = Noise::new(rng);
    let shift = rng.range(0.0, 50.0);
    c.over((0.0, 0.0), (c.aspect, horizon + 0.02), |x, y| {
        let height = ((horizon - y) / horizon.max(0.01)).clamp(0.0, 1.0);
        let blue = mix(low, top, height.powf(0.7));
        // Clouds lie in a plane overhead, so they flatten towards the horizon.
        let depth = 1.0 / (height + 0.18);
        let (u, v) = ((x - 0.65) * depth * 1.1 + shift, depth * 2.1 + shift);
        let density = noise.fbm(u, v, 6);
        let cover = smooth(0.62 - clouds, 1.1 - clouds, density + 0.35);
        let shade = 0.86 + 0.2 * noise.at(u * 1.7 + 0.4, v * 1.7 - 0.6);
        let white = mix([0.97, 0.97, 0.98], low, 0.25);
        (mix(blue, lit(white, shade.min(1.03)), cover * 0.92), 1.0)
    });
}

/// A blue daytime sky, a little different each time.
pub fn day_sky(c: &mut Canvas, rng: &mut Rng, horizon: f32) {
    let deep = rng.range(0.0, 1.0);
    let top = mix([0.36, 0.58, 0.84], [0.16, 0.40, 0.76], deep);
    let low = mix([0.78, 0.87, 0.94], [0.68, 0.82, 0.95], deep);
    let clouds = rng.range(0.1, 0.62);
    sky(c, rng, horizon, top, low, clouds);
}

/// How bright ground of a slope is under a light from (x, up, towards the eye).
fn lambert(slope_x: f32, slope_z: f32, light: [f32; 3]) -> f32 {
    let length = (1.0 + slope_x * slope_x + slope_z * slope_z).sqrt();
    let size = (light[0] * light[0] + light[1] * light[1] + light[2] * light[2]).sqrt();
    ((-slope_x * light[0] + light[1] + slope_z * light[2]) / (length * size)).max(0.0)
}

/// A conifer standing at `foot`: ragged tiers, lighter on one side, snow on it if asked.
pub fn conifer(c: &mut Canvas, rng: &mut Rng, foot: (f32, f32), tall: f32, tint: Rgb, snow: f32) {
    let wide = tall * rng.range(0.19, 0.27);
    let trunk = (foot.0, foot.1 - tall * 0.2);
    c.stroke(
        foot,
        trunk,
        tall * 0.018,
        tall * 0.015,
        [0.2, 0.15, 0.1],
        1.0,
    );
    let tiers = ((tall / c.pixel / 5.0) as usize).clamp(5, 34);
    for tier in 0..tiers {
        let t = (tier as f32 + 0.5) / tiers as f32;
        let y = foot.1 - tall * (1.0 - t * 0.9);
        let reach = wide * (t * 0.95 + 0.05) * rng.range(0.78, 1.12);
        let droop = reach * rng.range(0.3, 0.5);
        let thick = tall / tiers as f32 * (0.2 + 0.55 * t.sqrt());
        for (side, light) in [(-1.0, 1.15), (-0.5, 1.05), (0.5, 0.8), (1.0, 0.7)] {
            let tone = lit(tint, light * rng.range(0.75, 1.2));
            let tip = (foot.0 + side * reach * rng.range(0.8, 1.1), y + droop);
            c.stroke((foot.0, y - thick), tip, thick, thick * 0.25, tone, 1.0);
            if snow > 0.0 && rng.chance(snow) {
                let white = lit([0.95, 0.97, 1.0], 0.75 + light * 0.2);
                let from = (foot.0 + side * reach * 0.2, y - thick * 0.6);
                let to = (tip.0, tip.1 - thick * 0.7);
                c.stroke(from, to, thick * 0.5, thick * 0.2, white, 0.85);
            }
        }
    }
}

/// A row of leafy trees far away, as a band of crowns over `base`.
pub fn tree_line(c: &mut Canvas, rng: &mut Rng, base: f32, tall: f32, tint: Rgb) {
    let (edge, leaf) = (Noise::new(rng), Noise::new(rng));
    c.over((0.0, base - tall * 2.0), (c.aspect, base + 0.01), |x, y| {
        let crown = base - tall * (0.75 + 0.55 * edge.fbm(x * 3.0 / tall * 0.12, 0.5, 5));
        let ragged = crown + tall * 0.12 * leaf.fbm(x * 60.0, y * 60.0, 3);
        let light = 0.85 + 0.45 * leaf.fbm(x * 26.0, y * 34.0, 4) - 0.5 * (y - crown) / tall;
        let cover = ((y - ragged) / 0.004 + 0.5).clamp(0.0, 1.0);
        (lit(tint, light.clamp(0.25, 1.4)), cover)
    });
}

/// Grass from `top` down in perspective: mottled far away, blades near the eye.
pub fn grass(c: &mut Canvas, rng: &mut Rng, top: f32, horizon: f32, tint: Rgb) {
    let noise = Noise::new(rng);
    let dry = mix(tint, [0.68, 0.64, 0.32], rng.range(0.2, 0.5));
    c.below(top, |x, y| {
        let z = 0.5 / (y - horizon + 0.03);
        let u = (x - 0.65) * z;
        let foot = z * 0.003;
        let patches = noise.fbm_seen(u * 1.2, z * 1.4, 4, foot);
        let fine = noise.fbm_seen(u * 30.0 + 9.0, z * 24.0, 4, foot * 24.0);
        let upright = noise.fbm(x * 90.0 / (0.3 + y), y * 24.0, 3);
        let light = 0.92 + 0.22 * patches + 0.25 * fine + 0.22 * upright * smooth(top, 1.0, y);
        lit(mix(tint, dry, 0.35 + patches * 0.9), light)
    });
    blades(c, rng, top + (1.0 - top) * 0.12, horizon, tint);
}

/// Single blades of grass, longer towards the lower edge.
pub fn blades(c: &mut Canvas, rng: &mut Rng, top: f32, horizon: f32, tint: Rgb) {
    let count = (4200.0 * c.aspect * (1.0 - top)) as usize;
    let lean = rng.range(-0.25, 0.25);
    for i in 0..count {
        // From far to near, so that near blades cover far ones.
        let y = top + (1.02 - top) * (i as f32 / count as f32).powf(0.75);
        let near = (y - horizon).max(0.02);
        let x = rng.range(0.0, c.aspect);
        let tall = near * rng.range(0.03, 0.085);
        let tip = (x + tall * (lean + rng.range(-0.5, 0.5)), y - tall);
        let tone = lit(
            mix(tint, [0.75, 0.80, 0.40], rng.range(0.0, 0.45)),
            rng.range(0.5, 1.3),
        );
        c.stroke((x, y), tip, near * 0.0034, near * 0.0008, tone, 0.75);
    }
}

/// Snow-covered peaks behind a foreground of snow, trees or a lake shore.
pub fn mountain(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.5, 0.6);
    day_sky(c, rng, horizon + 0.1);
    let (shape, rough, patch) = (Noise::new(rng), Noise::new(rng), Noise::new(rng));
    let peak = rng.range(2.6, 3.6);
    let (ox, snowline) = (rng.range(0.0, 40.0), rng.range(-0.3, 0.5));
    let haze = c.peek(c.aspect * 0.5, horizon - 0.05);
    let light = [rng.pick([-1.0, 1.0]) * 1.3, 0.9, 0.35];
    let camera = Camera {
        horizon,
        eye: 0.35,
        focal: 1.15,
    };
    c.terrain(
        camera,
        (1.0, 17.0),
        |x, z| {
            // Flat in front, then the range rises.
            let rise = smooth(3.0, 9.5, z);
            let massif = shape.ridged(x * 0.17 + ox, z * 0.17, 7);
            let foothill = 0.1 * shape.fbm(x * 0.6, z * 0.6, 3);
            foothill
                + rise * (massif * peak * 1.25 - 0.45)
                + rise * 0.12 * rough.fbm(x * 2.5, z * 2.5, 4)
        },
        |s| {
            let shade = lambert(s.slope_x * 0.8, s.slope_z * 0.8, light);
            let steep = (s.slope_x * s.slope_x + s.slope_z * s.slope_z).sqrt();
            let grit = rough.fbm(s.x * 9.0, s.z * 9.0 + s.height * 7.0, 4);
            let hold = 1.5 - steep * 0.72 + grit * 0.75 + (s.height - snowline) * 0.28;
            let snow = smooth(0.1, 0.5, hold);
            let rock = lit(
                mix([0.36, 0.33, 0.32], [0.27, 0.28, 0.31], grit + 0.5),
                0.35 + shade,
            );
            let white = mix([0.52, 0.62, 0.79], [1.0, 0.99, 0.97], shade * 1.35);
            let wind = 1.0 + 0.05 * patch.fbm(s.x * 3.0, s.z * 1.4, 4);
            mix(
                mix(rock, lit(white, wind), snow),
                haze,
                ((s.z - 4.0) * 0.026).clamp(0.0, 0.4),
            )
        },
    );
    if rng.chance(0.7) {
        let count = (rng.range(10.0, 34.0) * c.aspect) as usize;
        let base = rng.range(0.7, 0.84);
        let low = Noise::new(rng);
        for i in 0..count {
            let t = i as f32 / count as f32;
            let x = rng.range(-0.02, c.aspect + 0.02);
            // The wood leaves the middle open, towards the peaks.
            let open = 1.0 - 2.2 * (x / c.aspect - 0.5).abs();
            if low.at(x * 4.0, 0.0) < open * 1.2 - 0.3 {
                continue;
            }
            let tall = rng.range(0.07, 0.14) + t * 0.16;
            conifer(c, rng, (x, base + t * 0.24), tall, [0.12, 0.2, 0.17], 0.45);
        }
    }
}

/// Sand, breaking waves and the open sea.
pub fn beach(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.3, 0.42);
    day_sky(c, rng, horizon);
    let (wave, grain, shore) = (Noise::new(rng), Noise::new(rng), Noise::new(rng));
    let deep = mix([0.07, 0.30, 0.48], [0.05, 0.38, 0.50], rng.unit());
    let shallow = mix([0.28, 0.62, 0.66], [0.36, 0.60, 0.62], rng.unit());
    let sand = mix([0.86, 0.76, 0.58], [0.76, 0.66, 0.51], rng.unit());
    let low = c.peek(0.3, horizon - 0.02);
    let (start, tilt) = (rng.range(0.52, 0.64), rng.range(-0.22, 0.22));
    let mid = c.aspect * 0.5;
    let edge = move |x: f32| start + tilt * (x - mid) + 0.035 * shore.fbm(x * 2.2, 0.0, 4);
    c.below(horizon, |x, y| {
        let z = 0.09 / (y - horizon + 0.004);
        let u = (x - mid) * z * 4.0;
        let to_shore = edge(x) - y;
        if to_shore > 0.0 {
            let depth = (to_shore / (start - horizon)).clamp(0.0, 1.0);
            let mut water = mix(shallow, deep, smooth(0.05, 0.55, depth));
            water = mix(water, low, smooth(0.65, 1.05, depth) * 0.4);
            let foot = z * z * 0.05;
            let swell = wave.fbm_seen(u * 0.35, z * 7.0 + u * 0.05, 5, foot);
            water = lit(water, 1.0 + 0.32 * swell);
            // Breakers: bands along the shore that come and go.
            let phase = to_shore * 26.0 / (0.35 + depth) + 1.2 * wave.fbm(x * 2.0, y * 3.0, 3);
            let crest = smooth(0.72, 0.98, (phase * 1.9).sin())
                * smooth(-0.35, 0.3, wave.at(x * 3.0, (phase * 0.3).floor() * 7.0));
            let lace = smooth(-0.3, 0.35, grain.fbm(x * 34.0, y * 80.0, 4));
            let foam = crest * (1.0 - smooth(0.25, 0.62, depth)) * (0.45 + 0.55 * lace);
            let wash = (1.0 - smooth(0.0, 0.10, depth))
                * smooth(-0.55, 0.1, grain.fbm(x * 22.0, y * 46.0, 4));
            mix(water, [0.96, 0.98, 0.98], foam.max(wash * 0.9))
        } else {
            let out = -to_shore;
            let foot = 0.02;
            let ripple = grain.fbm_seen(x * 9.0 / y, y * 40.0, 5, foot);
            let speck = grain.at(x * 260.0, y * 300.0);
            let dry = lit(
                sand,
                0.98 + 0.10 * ripple + 0.035 * speck + 0.06 * grain.fbm(x * 3.0, y * 8.0, 3),
            );
            let wet = mix(lit(sand, 0.62), low, 0.28);
            mix(wet, dry, smooth(0.015, 0.10, out + 0.02 * ripple))
        }
    });
    if rng.chance(0.4) {
        let side = rng.pick([0.0, 1.0]) * c.aspect;
        let cape = Noise::new(rng);
        c.over(
            (0.0, horizon - 0.14),
            (c.aspect, horizon + 0.012),
            |x, y| {
                let reach = 1.0 - ((x - side).abs() / 0.55);
                let top = horizon - (reach * 0.11) * (0.8 + 0.5 * cape.fbm(x * 7.0, 0.0, 5));
                let tone = mix([0.20, 0.30, 0.22], low, 0.35);
                let light = 0.9 + 0.4 * cape.fbm(x * 30.0, y * 40.0, 3);
                (
                    lit(tone, light),
                    if reach > 0.0 && y > top { 1.0 } else { 0.0 },
                )
            },
        );
    }
}

/// A green field under the sky.
pub fn meadow(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.28, 0.45);
    day_sky(c, rng, horizon + 0.05);
    let tint = mix([0.30, 0.52, 0.15], [0.38, 0.58, 0.20], rng.unit());
    if rng.chance(0.6) {
        let hills = Noise::new(rng);
        let far = mix([0.30, 0.46, 0.32], [0.5, 0.62, 0.72], 0.45);
        c.over((0.0, horizon - 0.16), (c.aspect, horizon + 0.03), |x, y| {
            let top = horizon - 0.06 - 0.07 * hills.fbm(x * 1.4, 0.0, 4);
            let light = 0.95 + 0.12 * hills.fbm(x * 16.0, y * 30.0, 4);
            (lit(far, light), ((y - top) / 0.003 + 0.5).clamp(0.0, 1.0))
        });
    }
    let tall = rng.range(0.03, 0.09);
    tree_line(c, rng, horizon + 0.01, tall, [0.17, 0.30, 0.12]);
    grass(c, rng, horizon, horizon - 0.02, tint);
    if rng.chance(0.5) {
        let colour = rng.pick([[0.95, 0.9, 0.3], [0.95, 0.95, 0.93]]);
        for _ in 0..rng.range(40.0, 160.0) as usize {
            let y = horizon + (1.0 - horizon) * rng.unit().sqrt();
            let size = 0.006 * (y - horizon) + 0.0008;
            let at = (rng.range(0.0, c.aspect), y - size);
            c.ellipse(at, size, size * 0.7, colour, 0.9, 0.4);
        }
    }
}

/// Conifers in rows fading into mist, or trunks on a forest floor.
pub fn forest(c: &mut Canvas, rng: &mut Rng) {
    if rng.chance(0.5) {
        firs(c, rng)
    } else {
        woods(c, rng)
    }
}

fn firs(c: &mut Canvas, rng: &mut Rng) {
    let mist = mix([0.78, 0.84, 0.85], [0.86, 0.86, 0.80], rng.unit());
    sky(c, rng, 0.6, lit(mist, 0.92), mist, 0.3);
    let rows = 6;
    for row in 0..rows {
        let t = row as f32 / (rows - 1) as f32;
        let tint = mix(mix(mist, [0.25, 0.38, 0.33], 0.45), [0.11, 0.23, 0.10], t);
        let base = 0.48 + t * 0.46;
        let ground = Noise::new(rng);
        let line = |x: f32| base + 0.05 * ground.fbm(x * 1.5, 0.0, 3);
        c.over((0.0, base - 0.06), (c.aspect, 1.0), |x, y| {
            let tone = lit(tint, 0.8 + 0.5 * ground.fbm(x * 30.0, y * 40.0, 4));
            (tone, ((y - line(x)) / 0.004).clamp(0.0, 1.0))
        });
        let size = 0.16 + 0.36 * t;
        let count = (c.aspect / size * 6.5) as usize;
        for _ in 0..count {
            let x = rng.range(-0.05, c.aspect + 0.05);
            let foot = (x, line(x) + rng.range(0.0, 0.03));
            let tall = size * rng.range(0.65, 1.2);
            let tone = lit(tint, rng.range(0.8, 1.25));
            conifer(c, rng, foot, tall, tone, 0.0);
        }
    }
}

fn woods(c: &mut Canvas, rng: &mut Rng) {
    let (leaf, floor) = (Noise::new(rng), Noise::new(rng));
    let bright = mix([0.80, 0.88, 0.55], [0.74, 0.86, 0.70], rng.unit());
    let brown = mix([0.36, 0.27, 0.15], [0.30, 0.34, 0.14], rng.unit());
    c.wash(|x, y| {
        let glow = smooth(
            -0.25,
            0.5,
            leaf.fbm(x * 7.0, y * 6.0, 6) + 0.15 - (y - 0.38).abs() * 0.7,
        );
        (mix([0.13, 0.24, 0.09], bright, glow * 0.9), 1.0)
    });
    c.below(0.58, |x, y| {
        let z = 0.3 / (y - 0.52);
        let n = floor.fbm(x * z * 9.0, z * 14.0, 4) + 0.5 * floor.fbm(x * 45.0, y * 60.0, 3);
        let sunny = smooth(0.1, 0.5, floor.fbm(x * z * 1.8 + 5.0, z * 2.2, 3));
        lit(mix(brown, [0.58, 0.60, 0.26], sunny * 0.7), 0.75 + 0.5 * n)
    });
    for row in 0..5 {
        let t = row as f32 / 4.0;
        let count = ((14.0 - 10.5 * t) * c.aspect) as usize;
        for _ in 0..count {
            let (x, foot) = (
                rng.range(0.0, c.aspect),
                0.6 + 0.3 * t * t + rng.range(0.0, 0.05),
            );
            let wide = (0.006 + 0.034 * t * t) * rng.range(0.7, 1.3);
            let (lean, bark) = (rng.range(-0.05, 0.05), Noise::new(rng));
            let dark = mix(mix([0.42, 0.44, 0.32], bright, 0.2), [0.22, 0.17, 0.12], t);
            c.over(
                (x - 0.12 - wide, 0.0),
                (x + 0.12 + wide, foot + wide),
                |px, py| {
                    let middle = x + lean * (foot - py);
                    let flare = wide * (1.0 + 0.8 * smooth(0.09, 0.0, foot - py));
                    let side = (px - middle) / flare;
                    let rough = bark.fbm(px * 3.0 / wide * 0.7, py * 7.0, 4);
                    let light = (0.95 - side * 0.55 + 0.4 * rough).max(0.2);
                    let cover = ((1.0 - side.abs()) * flare / 0.002).clamp(0.0, 1.0);
                    (lit(dark, light), if py < foot { cover } else { 0.0 })
                },
            );
        }
        // Leaves between the rows of trunks.
        let spray = Noise::new(rng);
        let green = mix([0.42, 0.58, 0.24], [0.15, 0.32, 0.08], t);
        c.wash(|x, y| {
            let high = smooth(0.55 - 0.25 * t, 0.0, y);
            let low = smooth(0.1, 0.0, (y - 0.66 - 0.2 * t).abs()) * 0.55;
            let n = spray.fbm(x * 9.0, y * 11.0, 6) + 0.42 * (high + low) - 0.35;
            let tone = lit(green, 0.9 + 0.7 * spray.fbm(x * 33.0, y * 33.0, 2));
            (tone, smooth(0.02, 0.12, n) * 0.92)
        });
    }
}

/// Sand dunes with sharp crests under a clear sky.
pub fn desert(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.36, 0.5);
    let pale = [0.84, 0.88, 0.90];
    let blue = mix([0.30, 0.54, 0.82], [0.42, 0.62, 0.82], rng.unit());
    let clouds = rng.range(0.0, 0.2);
    sky(c, rng, horizon + 0.05, blue, pale, clouds);
    let (form, ripple) = (Noise::new(rng), Noise::new(rng));
    let (side, ox) = (rng.pick([-1.0, 1.0]), rng.range(0.0, 30.0));
    let sand = mix([0.90, 0.64, 0.36], [0.86, 0.70, 0.46], rng.unit());
    let camera = Camera {
        horizon,
        eye: 1.25,
        focal: 1.1,
    };
    c.terrain(
        camera,
        (0.9, 30.0),
        |x, z| {
            // A sawtooth of long windward and short lee slopes, bent by noise.
            let bend = form.fbm(x * 0.13 + ox, z * 0.13, 3);
            let phase = (x * 0.16 * side + z * 0.21 + bend * 1.7).rem_euclid(1.0);
            // Rounded where the slopes meet: a true edge would look like a saw.
            let (rise, fall) = (phase / 0.72, (1.0 - phase) / 0.28);
            let near = (1.0 - (rise - fall).abs() / 0.24).max(0.0);
            let dune = rise.min(fall) - near * near * 0.06;
            let size = 0.5 + 0.5 * form.at(x * 0.1 + 3.0, z * 0.08);
            dune * dune * (1.6 - 0.6 * dune) * size * (0.7 + 0.04 * z) + 0.3 * bend
        },
        |s| {
            let shade = lambert(s.slope_x, s.slope_z, [-side, 0.55, 0.1]);
            let fine =
                (s.x * 9.0 * side + s.z * 26.0 + 5.0 * ripple.fbm(s.x * 0.9, s.z * 0.9, 3)).sin();
            let seen = smooth(0.03, 0.008, s.footprint);
            let light = 0.42
                + 0.85 * shade
                + 0.05 * fine * seen
                + 0.04 * ripple.fbm(s.x * 14.0, s.z * 14.0, 3) * seen;
            let warm = mix(
                lit(sand, light),
                lit([0.72, 0.46, 0.30], light),
                0.5 - shade * 0.5,
            );
            mix(warm, [0.88, 0.80, 0.70], smooth(6.0, 34.0, s.z) * 0.55)
        },
    );
}
