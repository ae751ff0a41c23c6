//! Figures of rounded limbs, and the samples with dogs.
//!
//! A figure is a set of limbs that melt into each other and are shaded as if round; `sport`
//! builds its people of the same. It knows nothing of anatomy beyond what a glance sees,
//! nor of files or the model.

use super::canvas::{Camera, Canvas, Point, to_segment};
use super::landscape::{blades, conifer, day_sky, grass, tree_line};
use super::noise::{Noise, Rgb, Rng, add, lit, mix};

/// A tapered, rounded limb from `a` to `b`.
#[derive(Clone, Copy)]
pub struct Limb {
    /// One end.
    pub a: Point,
    /// The other end.
    pub b: Point,
    /// Radius at `a`.
    pub ra: f32,
    /// Radius at `b`.
    pub rb: f32,
    /// Colour.
    pub tone: Rgb,
}

/// A limb, written short: the tables of limbs below are long.
pub fn limb(a: Point, b: Point, ra: f32, rb: f32, tone: Rgb) -> Limb {
    Limb { a, b, ra, rb, tone }
}

/// Where a figure stands and how large: figure coordinates go through here.
#[derive(Clone, Copy)]
pub struct Place {
    /// The middle of the figure in the picture.
    pub at: Point,
    /// The length of one figure unit.
    pub size: f32,
    /// 1 facing right, -1 facing left.
    pub face: f32,
    /// Turned by this angle.
    pub turn: f32,
}

impl Place {
    /// From figure coordinates to the picture's.
    pub fn put(self, p: Point) -> Point {
        let (sin, cos) = self.turn.sin_cos();
        let (x, y) = (p.0 * cos - p.1 * sin, p.0 * sin + p.1 * cos);
        (
            self.at.0 + x * self.size * self.face,
            self.at.1 + y * self.size,
        )
    }
}

/// How the surface of a figure looks.
#[derive(Clone, Copy)]
pub struct Skin {
    /// How far the edge is ruffled, in figure units.
    pub fur: f32,
    /// How much the colour varies.
    pub mottle: f32,
    /// How softly limbs melt together, in figure units.
    pub melt: f32,
}

/// Clothes, and everything else without fur.
pub const CLOTH: Skin = Skin {
    fur: 0.004,
    mottle: 0.22,
    melt: 0.012,
};

/// Paints limbs as one body, lit from above left.
pub fn body(c: &mut Canvas, noise: Noise, place: Place, limbs: &[Limb], skin: Skin) {
    let placed: Vec<Limb> = limbs
        .iter()
        .map(|l| Limb {
            a: place.put(l.a),
            b: place.put(l.b),
            ra: l.ra * place.size,
            rb: l.rb * place.size,
            tone: l.tone,
        })
        .collect();
    let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    for l in &placed {
        for (p, r) in [(l.a, l.ra), (l.b, l.rb)] {
            let r = r + skin.fur * place.size + 2.0 * c.pixel;
            low = (low.0.min(p.0 - r), low.1.min(p.1 - r));
            high = (high.0.max(p.0 + r), high.1.max(p.1 + r));
        }
    }
    let (pixel, melt) = (c.pixel, skin.melt * place.size);
    c.over(low, high, |x, y| {
        let (mut sum, mut tone, mut nx, mut ny) = (0.0f32, [0.0; 3], 0.0, 0.0);
        let mut nearest = f32::MAX;
        for l in &placed {
            let (distance, t) = to_segment((x, y), l.a, l.b);
            let radius = l.ra + (l.rb - l.ra) * t;
            let gap = distance - radius;
            nearest = nearest.min(gap);
            // Limbs count by closeness, so that colours and roundness melt too.
            let weight = (-(gap / melt).clamp(-18.0, 18.0)).exp();
            sum += weight;
            tone = add(tone, l.tone, weight);
            let spine = (l.a.0 + (l.b.0 - l.a.0) * t, l.a.1 + (l.b.1 - l.a.1) * t);
            nx += weight * (x - spine.0) / radius;
            ny += weight * (y - spine.1) / radius;
        }
        if nearest > 0.1 * place.size {
            return ([0.0; 3], 0.0);
        }
        let (u, v) = ((x - place.at.0) / place.size, (y - place.at.1) / place.size);
        let hair = noise.fbm(u * 46.0 + v * 30.0, v * 40.0 - u * 8.0, 3);
        let gap = -melt * sum.max(1e-9).ln() + hair * skin.fur * place.size;
        let cover = (0.5 - gap / pixel).clamp(0.0, 1.0);
        let (nx, ny) = (nx / sum, ny / sum);
        let nz = (1.0 - nx * nx - ny * ny).max(0.0).sqrt();
        let light = 0.62 + 0.42 * (-0.35 * nx - 0.75 * ny + 0.35 * nz);
        let mottle = 1.0 + skin.mottle * noise.fbm(u * 9.0 + v * 5.0, v * 21.0, 5);
        (lit(lit(tone, 1.0 / sum), light * mottle * 1.12), cover)
    });
}

/// A soft shadow on the ground.
pub fn shadow(c: &mut Canvas, at: Point, rx: f32, ry: f32, colour: Rgb, alpha: f32) {
    c.ellipse(at, rx, ry, colour, alpha, 0.9);
}

struct Coat {
    main: Rgb,
    under: Rgb,
    ear: Rgb,
}

fn coat(rng: &mut Rng) -> Coat {
    let (main, under, ear) = rng.pick([
        ([0.50, 0.31, 0.15], [0.66, 0.47, 0.28], [0.33, 0.19, 0.09]),
        ([0.10, 0.09, 0.09], [0.15, 0.13, 0.12], [0.06, 0.05, 0.06]),
        ([0.76, 0.57, 0.33], [0.88, 0.75, 0.55], [0.62, 0.42, 0.22]),
        ([0.12, 0.11, 0.11], [0.55, 0.35, 0.18], [0.08, 0.07, 0.07]),
        ([0.46, 0.26, 0.13], [0.90, 0.87, 0.82], [0.30, 0.16, 0.08]),
    ]);
    Coat { main, under, ear }
}

/// A dog seen from the side, about one unit long from chest to rump; its feet are at 0.72.
fn dog(c: &mut Canvas, rng: &mut Rng, place: Place, coat: &Coat) {
    let running = rng.chance(0.55);
    let noise = Noise::new(rng);
    let (m, u, e) = (coat.main, coat.under, coat.ear);
    let fur = Skin {
        fur: rng.range(0.010, 0.026),
        mottle: 0.36,
        melt: 0.035,
    };
    let lift = if running {
        rng.range(-0.12, -0.02)
    } else {
        0.0
    };
    // Knee and foot of front and hind legs, near side then far side.
    let feet: [[Point; 2]; 4] = if running {
        [
            [(0.62, 0.26), (0.86, 0.36)],
            [(-0.66, 0.32), (-0.92, 0.52)],
            [(0.50, 0.34), (0.66, 0.56)],
            [(-0.50, 0.36), (-0.66, 0.62)],
        ]
    } else {
        let s = rng.range(-0.06, 0.08);
        [
            [(0.36 + s, 0.42), (0.33 + s, 0.70)],
            [(-0.54, 0.42), (-0.46 - s, 0.71)],
            [(0.26 - s, 0.40), (0.20 - s, 0.67)],
            [(-0.34, 0.42), (-0.27 + s, 0.68)],
        ]
    };
    let up = |p: Point| (p.0, p.1 + lift);
    let leg = |front: bool, ends: [Point; 2], tone: Rgb| {
        let hip = up(if front { (0.30, 0.06) } else { (-0.42, 0.03) });
        let thick = if front { 0.105 } else { 0.165 };
        let (knee, foot) = (up(ends[0]), up(ends[1]));
        let toe = up((ends[1].0 + 0.06, ends[1].1 + 0.012));
        [
            limb(hip, knee, thick, 0.068, tone),
            limb(knee, foot, 0.062, 0.048, tone),
            limb(foot, toe, 0.048, 0.042, lit(tone, 1.05)),
        ]
    };
    let mut far = Vec::new();
    far.extend(leg(true, feet[2], lit(mix(m, u, 0.4), 0.66)));
    far.extend(leg(false, feet[3], lit(mix(m, u, 0.3), 0.66)));
    body(c, noise, place, &far, fur);
    let nod = rng.range(-0.05, 0.10);
    let head: Point = (0.66, -0.40 + nod + lift);
    let nose: Point = (0.93, -0.31 + nod * 1.4 + lift);
    let tail: [Point; 2] = if rng.chance(0.5) {
        [(-0.84, -0.26 + lift), (-0.98, -0.50 + lift)]
    } else {
        [(-0.86, -0.08 + lift), (-1.06, -0.10 + lift)]
    };
    let rump = up((-0.44, -0.04));
    let mut near = vec![
        limb(rump, up((0.26, 0.0)), 0.20, 0.235, m),
        limb(up((-0.30, 0.10)), up((0.30, 0.12)), 0.11, 0.15, u),
        limb(up((0.34, 0.02)), head, 0.20, 0.135, m),
        limb(up((0.44, 0.06)), up((0.56, -0.14)), 0.10, 0.10, u),
        limb(head, (head.0 + 0.05, head.1 - 0.01), 0.155, 0.145, m),
        limb(
            (head.0 + 0.08, head.1 + 0.05),
            nose,
            0.105,
            0.066,
            mix(m, u, 0.6),
        ),
        limb(rump, tail[0], 0.10, 0.06, m),
        limb(tail[0], tail[1], 0.058, 0.032, mix(m, u, 0.5)),
    ];
    near.extend(leg(true, feet[0], mix(m, u, 0.35)));
    near.extend(leg(false, feet[1], mix(m, u, 0.2)));
    body(c, noise, place, &near, fur);
    let flap = if rng.chance(0.7) {
        (
            (head.0 - 0.05, head.1 - 0.09),
            (head.0 - 0.12, head.1 + 0.13),
            0.05,
            0.075,
        )
    } else {
        (
            (head.0 - 0.04, head.1 - 0.11),
            (head.0 - 0.10, head.1 - 0.27),
            0.07,
            0.022,
        )
    };
    let ear = Skin { melt: 0.02, ..fur };
    body(
        c,
        noise,
        place,
        &[limb(flap.0, flap.1, flap.2, flap.3, e)],
        ear,
    );
    let s = place.size;
    let dark = [0.04, 0.03, 0.03];
    c.ellipse(
        place.put((nose.0 + 0.045, nose.1 - 0.02)),
        0.042 * s,
        0.036 * s,
        dark,
        1.0,
        0.3,
    );
    let eye = (head.0 + 0.10, head.1 - 0.03);
    c.ellipse(place.put(eye), 0.026 * s, 0.026 * s, dark, 1.0, 0.3);
    c.ellipse(
        place.put((eye.0 + 0.008, eye.1 - 0.010)),
        0.009 * s,
        0.009 * s,
        [0.9; 3],
        0.9,
        0.5,
    );
    let mouth = (
        place.put((nose.0 + 0.02, nose.1 + 0.045)),
        place.put((head.0 + 0.13, head.1 + 0.12)),
    );
    c.stroke(mouth.0, mouth.1, 0.008 * s, 0.012 * s, dark, 0.8);
    if rng.chance(0.5) {
        let from = place.put((nose.0 - 0.07, nose.1 + 0.07));
        let to = place.put((nose.0 - 0.06, nose.1 + 0.17));
        c.stroke(from, to, 0.03 * s, 0.034 * s, [0.84, 0.42, 0.44], 1.0);
    }
    if rng.chance(0.55) {
        let tone = rng.pick([[0.78, 0.12, 0.10], [0.15, 0.25, 0.68], [0.10, 0.10, 0.10]]);
        let (a, b) = (
            (0.42, -0.26 + nod * 0.7 + lift),
            (0.63, -0.17 + nod * 0.7 + lift),
        );
        c.stroke(place.put(a), place.put(b), 0.026 * s, 0.026 * s, tone, 0.95);
    }
}

fn dog_place(c: &Canvas, rng: &mut Rng) -> Place {
    let size = rng.range(0.27, 0.40) * c.aspect.min(1.1);
    let x = c.aspect * rng.range(0.42, 0.58);
    Place {
        at: (x, rng.range(0.56, 0.64)),
        size,
        face: rng.pick([1.0, -1.0]),
        turn: rng.range(-0.06, 0.06),
    }
}

/// A snow field from `horizon` down, with drifts.
fn snow_field(c: &mut Canvas, rng: &mut Rng, horizon: f32) {
    let (drift, crust) = (Noise::new(rng), Noise::new(rng));
    let blue = rng.range(0.0, 1.0);
    let camera = Camera {
        horizon,
        eye: 0.8,
        focal: 1.1,
    };
    c.terrain(
        camera,
        (0.7, 40.0),
        |x, z| 0.16 * drift.fbm(x * 0.55, z * 0.4, 4) + 0.015 * crust.fbm(x * 5.0, z * 4.0, 2),
        |s| {
            let light = 0.90 - 0.42 * s.slope_x + 0.25 * s.slope_z;
            let shade = mix([0.60, 0.69, 0.84], [0.74, 0.77, 0.84], blue);
            let white = mix(shade, [0.985, 0.985, 0.99], light);
            let grit = crust.fbm_seen(s.x * 22.0, s.z * 22.0, 4, s.footprint * 22.0);
            lit(white, 1.0 + 0.07 * grit)
        },
    );
}

/// A dog on a snow field.
pub fn dog_in_snow(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(0.10, 0.34);
    let grey = mix([0.80, 0.84, 0.89], [0.55, 0.72, 0.90], rng.unit());
    c.wash(|_, y| (mix(grey, [0.90, 0.92, 0.95], y / horizon), 1.0));
    let wood = rng.chance(0.65);
    if wood {
        tree_line(c, rng, horizon + 0.02, 0.10, [0.34, 0.37, 0.38]);
        for _ in 0..(22.0 * c.aspect) as usize {
            let foot = (rng.range(0.0, c.aspect), horizon + rng.range(0.01, 0.05));
            let tall = rng.range(0.10, 0.30);
            conifer(c, rng, foot, tall, [0.16, 0.22, 0.20], 0.5);
        }
    }
    snow_field(c, rng, horizon + if wood { 0.03 } else { 0.0 });
    let place = dog_place(c, rng);
    let s = place.size;
    let feet = place.at.1 + 0.70 * s;
    shadow(
        c,
        (place.at.0, feet),
        0.85 * s,
        0.10 * s,
        [0.40, 0.48, 0.64],
        0.7,
    );
    let coat = coat(rng);
    dog(c, rng, place, &coat);
    // Feet sink in, and snow flies.
    for _ in 0..90 {
        let x = place.at.0 + rng.range(-0.95, 0.95) * s;
        let at = (x, feet + rng.range(0.0, 0.10) * s);
        let r = rng.range(0.015, 0.06) * s;
        c.ellipse(
            at,
            r * 1.6,
            r * 0.7,
            lit([0.93, 0.95, 0.99], rng.range(0.9, 1.05)),
            0.75,
            0.9,
        );
    }
    for _ in 0..60 {
        let at = (
            place.at.0 + rng.range(-1.1, 1.1) * s,
            feet - rng.unit().powi(2) * 0.45 * s,
        );
        let r = rng.range(0.004, 0.016) * s;
        c.ellipse(at, r, r, [0.98, 0.98, 1.0], 0.85, 0.6);
    }
}

/// A dog on a lawn.
pub fn dog_on_grass(c: &mut Canvas, rng: &mut Rng) {
    let horizon = rng.range(-0.05, 0.25);
    day_sky(c, rng, horizon.max(0.02));
    let tint = mix([0.30, 0.50, 0.14], [0.40, 0.55, 0.20], rng.unit());
    if horizon > 0.03 {
        let tall = rng.range(0.08, 0.2);
        tree_line(c, rng, horizon + 0.02, tall, [0.16, 0.28, 0.11]);
    }
    grass(c, rng, horizon.max(0.0), horizon - 0.03, tint);
    let place = dog_place(c, rng);
    let s = place.size;
    let feet = place.at.1 + 0.70 * s;
    shadow(
        c,
        (place.at.0, feet),
        0.9 * s,
        0.12 * s,
        [0.08, 0.16, 0.04],
        0.75,
    );
    let coat = coat(rng);
    dog(c, rng, place, &coat);
    tufts(
        c,
        rng,
        (place.at.0 - s, place.at.0 + s),
        feet,
        0.10 * s,
        tint,
    );
    blades(c, rng, feet + 0.05 * s, horizon, tint);
}

/// Grass in front of feet.
pub fn tufts(c: &mut Canvas, rng: &mut Rng, (x0, x1): (f32, f32), y: f32, tall: f32, tint: Rgb) {
    for _ in 0..260 {
        let foot = (rng.range(x0, x1), y + rng.range(0.1, 0.6) * tall);
        let tip = (
            foot.0 + rng.range(-0.4, 0.4) * tall,
            foot.1 - tall * rng.range(0.5, 1.3),
        );
        let tone = lit(
            mix(tint, [0.72, 0.78, 0.38], rng.range(0.0, 0.4)),
            rng.range(0.6, 1.25),
        );
        c.stroke(foot, tip, tall * 0.05, tall * 0.01, tone, 0.9);
    }
}
