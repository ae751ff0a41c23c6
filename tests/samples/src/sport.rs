//! Samples of people at sport: climbing, surfing, cycling.
//!
//! A person is a pose (joints) and a dress (colours) over the limbs of `figures`. It knows
//! nothing of files or the model.

use super::canvas::{Canvas, Point};
use super::figures::{CLOTH, Place, body, limb, shadow};
use super::landscape::{day_sky, grass, tree_line};
use super::noise::{Noise, Rgb, Rng, lit, mix, smooth};
use super::things::road;

const SKINS: [Rgb; 3] = [[0.86, 0.66, 0.53], [0.74, 0.52, 0.39], [0.50, 0.33, 0.23]];
const BRIGHT: [Rgb; 5] = [
    [0.82, 0.14, 0.12],
    [0.14, 0.34, 0.74],
    [0.95, 0.60, 0.10],
    [0.93, 0.92, 0.90],
    [0.16, 0.55, 0.36],
];

/// The joints of a person; the unit is about the length of the trunk.
struct Pose {
    head: Point,
    neck: Point,
    hip: Point,
    /// Elbow and hand, near then far.
    arms: [[Point; 2]; 2],
    /// Knee and foot, near then far.
    legs: [[Point; 2]; 2],
}

/// What a person wears.
struct Dress {
    skin: Rgb,
    shirt: Rgb,
    trousers: Rgb,
    /// A helmet, or hair.
    cap: Rgb,
    shoe: Rgb,
    bare_legs: bool,
}

fn dress(rng: &mut Rng) -> Dress {
    Dress {
        skin: rng.pick(SKINS),
        shirt: rng.pick(BRIGHT),
        trousers: rng.pick([[0.14, 0.16, 0.22], [0.24, 0.28, 0.40], [0.44, 0.40, 0.32]]),
        cap: rng.pick([[0.14, 0.09, 0.06], [0.35, 0.22, 0.12], [0.85, 0.85, 0.86]]),
        shoe: [0.12, 0.11, 0.11],
        bare_legs: rng.chance(0.4),
    }
}

fn person(c: &mut Canvas, noise: Noise, place: Place, pose: &Pose, d: &Dress) {
    let calf = if d.bare_legs { d.skin } else { d.trousers };
    let parts = |side: usize, dim: f32| {
        let (arm, leg) = (pose.arms[side], pose.legs[side]);
        let wide = if side == 0 { 0.10 } else { -0.10 };
        let shoulder = (pose.neck.0 + wide, pose.neck.1 + 0.10);
        let hip = (pose.hip.0 + wide * 0.7, pose.hip.1);
        let toe = (leg[1].0 + 0.10, leg[1].1 + 0.02);
        vec![
            limb(hip, leg[0], 0.15, 0.105, lit(d.trousers, dim)),
            limb(leg[0], leg[1], 0.095, 0.06, lit(calf, dim)),
            limb(leg[1], toe, 0.07, 0.055, lit(d.shoe, dim)),
            limb(shoulder, arm[0], 0.095, 0.07, lit(d.shirt, dim)),
            limb(arm[0], arm[1], 0.062, 0.048, lit(d.skin, dim)),
            limb(arm[1], arm[1], 0.058, 0.058, lit(d.skin, dim)),
        ]
    };
    body(c, noise, place, &parts(1, 0.74), CLOTH);
    let (neck, hip) = (pose.neck, pose.hip);
    let trunk = [
        limb(
            (neck.0 - 0.1, neck.1 + 0.12),
            (hip.0 - 0.06, hip.1 - 0.1),
            0.15,
            0.13,
            d.shirt,
        ),
        limb(
            (neck.0 + 0.1, neck.1 + 0.12),
            (hip.0 + 0.06, hip.1 - 0.1),
            0.15,
            0.13,
            d.shirt,
        ),
        limb(
            (hip.0 - 0.05, hip.1),
            (hip.0 + 0.05, hip.1),
            0.16,
            0.16,
            d.trousers,
        ),
        limb(neck, pose.head, 0.08, 0.09, d.skin),
    ];
    body(c, noise, place, &trunk, CLOTH);
    let head = pose.head;
    let skull = [
        limb(
            (head.0, head.1 - 0.02),
            (head.0 + 0.01, head.1 + 0.05),
            0.145,
            0.12,
            d.skin,
        ),
        limb(
            (head.0 - 0.05, head.1 - 0.08),
            (head.0 + 0.05, head.1 - 0.09),
            0.125,
            0.12,
            d.cap,
        ),
    ];
    body(c, noise, place, &skull, CLOTH);
    body(c, noise, place, &parts(0, 1.0), CLOTH);
}

/// A climber on a rock wall.
pub fn climber(c: &mut Canvas, rng: &mut Rng) {
    let (rock, crack, grit) = (Noise::new(rng), Noise::new(rng), Noise::new(rng));
    let warm = mix([0.62, 0.50, 0.40], [0.54, 0.53, 0.51], rng.unit());
    let (tilt, open) = (rng.range(-0.5, 0.5), rng.chance(0.55));
    day_sky(c, rng, 1.1);
    let edge = c.aspect * rng.range(0.70, 0.88);
    let relief = move |x: f32, y: f32| {
        let (u, v) = (x + y * tilt, y - x * tilt * 0.5);
        0.55 * rock.ridged(u * 1.6, v * 1.0, 5)
            + 0.34 * rock.fbm(u * 3.0 + 4.0, v * 2.0, 5)
            + 0.16 * crack.ridged(u * 5.0, v * 2.2, 3)
    };
    c.wash(|x, y| {
        let h = relief(x, y);
        let slope = h - relief(x + 0.012, y + 0.016);
        let grain = grit.fbm(x * 50.0, y * 42.0, 4);
        let stain = smooth(0.0, 0.6, grit.fbm(x * 6.0 + 20.0, y * 1.3, 4));
        let split = smooth(
            0.9,
            0.99,
            1.0 - crack.fbm(x * 3.2 + y * tilt * 2.0, y * 1.7, 4).abs(),
        );
        let light = 0.72 + slope * 4.6 + 0.30 * grain + 0.26 * (h - 0.35);
        let tone = mix(
            mix(warm, [0.76, 0.66, 0.54], h),
            [0.30, 0.28, 0.27],
            stain * 0.5,
        );
        let stone = lit(
            mix(tone, [0.14, 0.12, 0.11], split * 0.75),
            light.clamp(0.12, 1.35),
        );
        let line = edge + 0.12 * rock.fbm(y * 2.6, 8.0, 6) + 0.12 * (0.5 - y);
        let cover = if open {
            ((line - x) / 0.003 + 0.5).clamp(0.0, 1.0)
        } else {
            1.0
        };
        (stone, cover)
    });
    let size = rng.range(0.20, 0.29);
    let room = if open { edge - 0.12 } else { c.aspect };
    let place = Place {
        at: (room * rng.range(0.38, 0.62), rng.range(0.40, 0.54)),
        size,
        face: rng.pick([1.0, -1.0]),
        turn: rng.range(-0.22, 0.22),
    };
    let mut wear = dress(rng);
    wear.cap = rng.pick([
        [0.85, 0.16, 0.12],
        [0.94, 0.93, 0.92],
        [0.95, 0.60, 0.10],
        [0.2, 0.13, 0.08],
    ]);
    let mut j = || rng.range(-0.07, 0.07);
    let pose = Pose {
        head: (0.02 + j(), -0.74),
        neck: (0.0, -0.52),
        hip: (0.02 + j(), 0.16),
        arms: [
            [(0.38 + j(), -0.78 + j()), (0.40 + j(), -1.22 + j())],
            [(-0.42 + j(), -0.50 + j()), (-0.52 + j(), -0.92 + j())],
        ],
        legs: [
            [(0.46 + j(), 0.20 + j()), (0.38 + j(), 0.66 + j())],
            [(-0.26 + j(), 0.60 + j()), (-0.40 + j(), 1.10 + j())],
        ],
    };
    let noise = Noise::new(rng);
    shadow(
        c,
        (place.at.0 + 0.25 * size, place.at.1 + 0.2 * size),
        0.7 * size,
        1.2 * size,
        [0.12, 0.10, 0.09],
        0.5,
    );
    let knot = place.put((0.05, 0.16));
    let rope = rng.pick([[0.90, 0.45, 0.10], [0.20, 0.45, 0.80], [0.85, 0.85, 0.25]]);
    let end = (knot.0 + rng.range(-0.08, 0.08), 1.05);
    c.stroke(knot, end, 0.004, 0.004, rope, 1.0);
    person(c, noise, place, &pose, &wear);
    let belt = (place.put((-0.15, 0.06)), place.put((0.17, 0.06)));
    c.stroke(
        belt.0,
        belt.1,
        0.035 * size,
        0.035 * size,
        [0.15, 0.14, 0.15],
        1.0,
    );
}

/// A surfer on a breaking wave.
pub fn surfer(c: &mut Canvas, rng: &mut Rng) {
    let (swell, spray) = (Noise::new(rng), Noise::new(rng));
    let deep = mix([0.06, 0.26, 0.40], [0.10, 0.38, 0.44], rng.unit());
    let glass = mix([0.30, 0.64, 0.66], [0.26, 0.56, 0.62], rng.unit());
    let face = rng.pick([1.0, -1.0]);
    let mid = c.aspect * rng.range(0.45, 0.55);
    let (crest, foot) = (rng.range(0.22, 0.32), rng.range(0.72, 0.80));
    // The lip breaks behind the surfer and runs down ahead of him.
    let lip = move |x: f32| {
        let ahead = (x - mid) * face;
        crest + 0.06 * swell.fbm(x * 2.0, 0.0, 3) + smooth(-0.1, 1.0, ahead) * 0.22
    };
    c.wash(|x, y| {
        let far = swell.fbm(x * 3.0, 1.0 / (y + 0.05) * 1.4, 5);
        let sea = lit(
            mix(deep, [0.62, 0.74, 0.80], (0.3 - y).max(0.0) * 1.4),
            1.0 + 0.3 * far,
        );
        let top = lip(x);
        let ahead = (x - mid) * face;
        if y < top {
            return (sea, 1.0);
        }
        let down = ((y - top) / (foot - top)).clamp(0.0, 1.4);
        // Lines of water drawn up the face.
        let pull = swell.fbm((x + face * y * 0.5) * 7.0, y * 2.4, 5);
        let fine = spray.fbm((x + face * y * 0.5) * 30.0, y * 12.0, 4);
        let mut water = mix(glass, deep, smooth(0.12, 0.95, down));
        water = lit(water, 0.96 + 0.34 * pull + 0.16 * fine);
        let rough = spray.fbm(x * 9.0, y * 9.0, 6);
        let broken = smooth(0.14, -0.3, ahead + 0.22 - 0.34 * down + 0.35 * rough);
        let edge = smooth(0.09, 0.0, y - top + 0.05 * rough) * smooth(0.65, 0.0, ahead);
        let apron =
            smooth(0.9, 1.06, down + 0.22 * rough) * smooth(-0.15, 0.35, rough + 0.2 - ahead * 0.2);
        let foam = broken.max(edge).max(apron * 0.85);
        let white = lit(
            [0.95, 0.97, 0.98],
            0.97 + 0.08 * spray.fbm(x * 22.0, y * 22.0, 4) + 0.10 * rough,
        );
        (mix(water, white, foam), 1.0)
    });
    for _ in 0..260 {
        let x = mid - face * rng.range(-0.15, 0.8);
        let at = (x, lip(x) - rng.unit().powi(2) * 0.10 + 0.02);
        let r = rng.range(0.002, 0.012);
        c.ellipse(at, r, r * 0.8, [0.97, 0.98, 0.99], 0.55, 0.8);
    }
    let size = rng.range(0.20, 0.26);
    let place = Place {
        at: (mid + face * 0.04, foot - 1.05 * size),
        size,
        face,
        turn: rng.range(-0.1, 0.16),
    };
    let board = rng.pick([[0.95, 0.94, 0.90], [0.95, 0.85, 0.35], [0.90, 0.35, 0.25]]);
    let tilt = rng.range(0.0, 0.14);
    let plank = [
        limb(
            (-0.95, 0.86 - tilt),
            (0.55, 0.90 + tilt),
            0.03,
            0.055,
            board,
        ),
        limb(
            (0.55, 0.90 + tilt),
            (1.05, 0.80 + tilt),
            0.055,
            0.015,
            board,
        ),
    ];
    let noise = Noise::new(rng);
    shadow(
        c,
        place.put((0.0, 0.98)),
        0.9 * size,
        0.12 * size,
        [0.05, 0.16, 0.22],
        0.7,
    );
    body(c, noise, place, &plank, CLOTH);
    let mut wear = dress(rng);
    if rng.chance(0.6) {
        (wear.shirt, wear.trousers, wear.bare_legs) =
            ([0.10, 0.11, 0.14], [0.09, 0.10, 0.13], false);
    } else {
        (wear.shirt, wear.bare_legs) = (wear.skin, true);
        wear.trousers = rng.pick(BRIGHT);
    }
    (wear.shoe, wear.cap) = (wear.skin, [0.22, 0.14, 0.08]);
    let mut j = || rng.range(-0.06, 0.06);
    let pose = Pose {
        head: (0.30 + j(), -0.66),
        neck: (0.18, -0.46),
        hip: (-0.12 + j(), 0.18),
        arms: [
            [(0.52 + j(), -0.30 + j()), (0.86 + j(), -0.40 + j())],
            [(-0.20 + j(), -0.42 + j()), (-0.56 + j(), -0.56 + j())],
        ],
        legs: [
            [(0.36 + j(), 0.40), (0.34, 0.80)],
            [(-0.26, 0.50), (-0.50, 0.78)],
        ],
    };
    person(c, noise, place, &pose, &wear);
    for _ in 0..120 {
        let t = rng.unit();
        let at = place.put((
            -1.0 + t * 1.1 + rng.range(-0.1, 0.1),
            0.93 + rng.range(-0.10, 0.14) * (1.3 - t),
        ));
        let r = rng.range(0.01, 0.05) * size;
        c.ellipse(at, r * 1.5, r, [0.95, 0.97, 0.98], 0.8, 0.8);
    }
}

/// Somebody riding a bicycle.
pub fn cyclist(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.34, 0.46);
    day_sky(c, rng, horizon);
    let tint = mix([0.28, 0.46, 0.14], [0.42, 0.52, 0.22], rng.unit());
    let tall = rng.range(0.16, 0.34);
    tree_line(c, rng, horizon + 0.02, tall, [0.18, 0.30, 0.12]);
    grass(c, rng, horizon, horizon - 0.04, tint);
    let trail = rng.pick([[0.44, 0.44, 0.46], [0.58, 0.49, 0.36]]);
    road(c, rng, horizon + (1.0 - horizon) * 0.45, trail);
    let size = rng.range(0.25, 0.30) * c.aspect.min(1.0);
    let place = Place {
        at: (c.aspect * rng.range(0.44, 0.56), 0.52),
        size,
        face: rng.pick([1.0, -1.0]),
        turn: rng.range(-0.05, 0.05),
    };
    let noise = Noise::new(rng);
    let s = size;
    let (rear, front) = ((-0.62, 0.98), (0.72, 0.98));
    shadow(
        c,
        place.put((0.05, 1.42)),
        1.2 * s,
        0.09 * s,
        [0.10, 0.10, 0.10],
        0.65,
    );
    for hub in [rear, front] {
        let at = place.put(hub);
        let tyre = |r: f32| {
            move |i: usize| {
                let a = i as f32 / 36.0 * std::f32::consts::TAU;
                (at.0 + a.cos() * r * s, at.1 + a.sin() * r * s)
            }
        };
        let rim = tyre(0.41);
        for i in 0..36 {
            c.stroke(
                rim(i),
                rim(i + 1),
                0.033 * s,
                0.033 * s,
                [0.07, 0.07, 0.08],
                1.0,
            );
            if i % 3 == 0 {
                c.stroke(at, rim(i), 0.006 * s, 0.006 * s, [0.75, 0.75, 0.77], 0.6);
            }
        }
        let inner = tyre(0.365);
        for i in 0..36 {
            c.stroke(
                inner(i),
                inner(i + 1),
                0.012 * s,
                0.012 * s,
                [0.62, 0.62, 0.64],
                0.9,
            );
        }
    }
    let paint = rng.pick(BRIGHT);
    let (crank, saddle, bar) = ((-0.06, 1.00), (-0.24, 0.42), (0.54, 0.36));
    let tubes = [
        (rear, crank),
        (rear, saddle),
        (saddle, crank),
        (crank, (0.52, 0.52)),
        (saddle, (0.50, 0.44)),
        (bar, front),
    ];
    for (a, b) in tubes {
        c.stroke(
            place.put(a),
            place.put(b),
            0.034 * s,
            0.034 * s,
            lit(paint, 0.9),
            1.0,
        );
    }
    c.stroke(
        place.put(bar),
        place.put((0.70, 0.38)),
        0.03 * s,
        0.03 * s,
        [0.1; 3],
        1.0,
    );
    c.stroke(
        place.put((-0.38, 0.36)),
        place.put((-0.10, 0.37)),
        0.05 * s,
        0.035 * s,
        [0.08; 3],
        1.0,
    );
    let mut wear = dress(rng);
    wear.cap = rng.pick([[0.85, 0.16, 0.12], [0.94, 0.93, 0.92], [0.12, 0.12, 0.14]]);
    wear.bare_legs = true;
    let pose = Pose {
        head: (0.40, -0.58),
        neck: (0.26, -0.38),
        hip: (-0.20, 0.22),
        arms: [[(0.48, 0.04), (0.68, 0.34)], [(0.42, 0.02), (0.62, 0.32)]],
        legs: [[(0.28, 0.62), (0.02, 1.18)], [(0.30, 0.42), (-0.02, 0.84)]],
    };
    person(c, noise, place, &pose, &wear);
}
