//! The canvas that the drawn samples are painted on: colours in floating point, shapes
//! with soft edges, a camera over a landscape, and the last touches of a photograph.
//!
//! It knows nothing of subjects. Lengths are in picture heights: `y` runs from 0 at the
//! top to 1 at the bottom, `x` from 0 to [`Canvas::aspect`].

use super::noise::{Noise, Rgb, Rng, add, mix};
use image::RgbImage;

/// A point in picture heights.
pub type Point = (f32, f32);

/// A picture being painted.
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
    /// Width over height.
    pub aspect: f32,
    /// One pixel, in picture heights.
    pub pixel: f32,
}

/// Where a landscape is seen from.
#[derive(Clone, Copy)]
pub struct Camera {
    /// The height in the picture of the point straight ahead.
    pub horizon: f32,
    /// How high the eye is above height 0.
    pub eye: f32,
    /// Focal length in picture heights: 1 is a wide lens.
    pub focal: f32,
}

/// One visible point of a landscape.
pub struct Spot {
    /// To the right.
    pub x: f32,
    /// Away from the eye.
    pub z: f32,
    /// Above height 0.
    pub height: f32,
    /// How fast the ground rises to the right.
    pub slope_x: f32,
    /// How fast the ground rises away from the eye.
    pub slope_z: f32,
    /// How much ground a pixel covers.
    pub footprint: f32,
}

impl Canvas {
    /// A black canvas of at least one pixel.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1) as usize, height.max(1) as usize);
        Canvas {
            width,
            height,
            pixels: vec![[0.0; 3]; width * height],
            aspect: width as f32 / height as f32,
            pixel: 1.0 / height as f32,
        }
    }

    /// Paints over the rectangle between two corners: `f` gives a colour and how much of
    /// it covers the pixel.
    pub fn over(&mut self, low: Point, high: Point, f: impl Fn(f32, f32) -> (Rgb, f32)) {
        let scale = self.height as f32;
        let limit = |v: f32, max: usize| (v.max(0.0) as usize).min(max);
        let (x0, x1) = (
            limit((low.0 * scale).floor(), self.width),
            limit((high.0 * scale).ceil(), self.width),
        );
        let (y0, y1) = (
            limit((low.1 * scale).floor(), self.height),
            limit((high.1 * scale).ceil(), self.height),
        );
        for row in y0..y1 {
            let y = (row as f32 + 0.5) * self.pixel;
            for column in x0..x1 {
                let (colour, cover) = f((column as f32 + 0.5) * self.pixel, y);
                if cover > 0.0 {
                    let pixel = &mut self.pixels[row * self.width + column];
                    *pixel = mix(*pixel, colour, cover);
                }
            }
        }
    }

    /// Paints everything from height `top` down.
    pub fn below(&mut self, top: f32, f: impl Fn(f32, f32) -> Rgb) {
        self.over((0.0, top), (self.aspect, 1.0), |x, y| (f(x, y), 1.0));
    }

    /// Paints over everything.
    pub fn wash(&mut self, f: impl Fn(f32, f32) -> (Rgb, f32)) {
        self.over((0.0, 0.0), (self.aspect, 1.0), f);
    }

    /// The colour at a point inside the picture, or at the nearest one.
    pub fn peek(&self, x: f32, y: f32) -> Rgb {
        let scale = self.height as f32;
        let column = ((x * scale).max(0.0) as usize).min(self.width - 1);
        let row = ((y * scale).max(0.0) as usize).min(self.height - 1);
        self.pixels[row * self.width + column]
    }

    /// A straight stroke that narrows or widens from radius `r0` to `r1`.
    pub fn stroke(&mut self, a: Point, b: Point, r0: f32, r1: f32, colour: Rgb, alpha: f32) {
        let margin = r0.max(r1) + self.pixel;
        let pixel = self.pixel;
        self.over(
            (a.0.min(b.0) - margin, a.1.min(b.1) - margin),
            (a.0.max(b.0) + margin, a.1.max(b.1) + margin),
            |x, y| {
                let (distance, t) = to_segment((x, y), a, b);
                let radius = r0 + (r1 - r0) * t;
                // Thinner than a pixel: a full-strength pixel would be too heavy.
                let thin = (radius * 2.0 / pixel).min(1.0);
                let cover = (0.5 - (distance - radius.max(pixel * 0.5)) / pixel).clamp(0.0, 1.0);
                (colour, cover * thin * alpha)
            },
        );
    }

    /// An ellipse with an edge as soft as `soft` (0 hard, 1 fading from the middle).
    pub fn ellipse(&mut self, at: Point, rx: f32, ry: f32, colour: Rgb, alpha: f32, soft: f32) {
        let pixel = self.pixel;
        self.over(
            (at.0 - rx - pixel, at.1 - ry - pixel),
            (at.0 + rx + pixel, at.1 + ry + pixel),
            |x, y| {
                let (dx, dy) = ((x - at.0) / rx, (y - at.1) / ry);
                let edge = soft.max(pixel / rx.min(ry));
                let cover = ((1.0 - (dx * dx + dy * dy).sqrt()) / edge + 0.5 * (1.0 - soft))
                    .clamp(0.0, 1.0);
                (colour, alpha * cover * cover * (3.0 - 2.0 * cover))
            },
        );
    }

    /// A filled polygon (even-odd), with edges softened by four samples a pixel.
    pub fn polygon(&mut self, corners: &[Point], f: impl Fn(f32, f32) -> Rgb) {
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for c in corners {
            low = (low.0.min(c.0), low.1.min(c.1));
            high = (high.0.max(c.0), high.1.max(c.1));
        }
        let q = self.pixel * 0.25;
        self.over(low, high, |x, y| {
            let samples = [(-q, -q * 0.5), (q * 0.5, -q), (q, q * 0.5), (-q * 0.5, q)];
            let hits = samples
                .iter()
                .filter(|d| inside(corners, (x + d.0, y + d.1)));
            let cover = hits.count() as f32 * 0.25;
            if cover > 0.0 {
                (f(x, y), cover)
            } else {
                ([0.0; 3], 0.0)
            }
        });
    }

    /// A landscape of hills in perspective over what is already painted: `ground` is the
    /// height at (x, z), `colour` paints a visible spot. Returns the skyline, a height in
    /// the picture for each column of pixels.
    pub fn terrain(
        &mut self,
        camera: Camera,
        (near, far): (f32, f32),
        ground: impl Fn(f32, f32) -> f32,
        colour: impl Fn(&Spot) -> Rgb,
    ) -> Vec<f32> {
        const STEPS: usize = 300;
        // Steps grow with distance, as their size on the picture shrinks.
        let growth = (far / near).powf(1.0 / STEPS as f32);
        let mut depths = Vec::with_capacity(STEPS + 1);
        let mut z = near;
        for _ in 0..=STEPS {
            depths.push(z);
            z *= growth;
        }
        let (pixel, aspect) = (self.pixel, self.aspect);
        let ray = |column: usize| ((column as f32 + 0.5) * pixel - aspect * 0.5) / camera.focal;
        let heights = |column: usize| -> Vec<f32> {
            let direction = ray(column);
            depths.iter().map(|&z| ground(direction * z, z)).collect()
        };
        let mut skyline = Vec::with_capacity(self.width);
        let mut here = heights(0);
        // What of each pixel the ground covers, nearest first; the rest stays sky.
        let mut covered = vec![([0.0; 3], 0.0); self.height];
        for column in 0..self.width {
            let direction = ray(column);
            let next = heights(column + 1);
            let slope = |k: usize| {
                let x = (next[k] - here[k]) / (depths[k] * pixel / camera.focal);
                // Only towards the eye: beyond a crest lies the far, hidden side.
                let (a, b) = (k.max(1) - 1, k.max(1));
                // Along the ray, the ground also moves sideways.
                let along = (here[b] - here[a]) / (depths[b] - depths[a]);
                (x, along - direction * x)
            };
            let mut drawn = self.height as f32;
            let (mut last_y, mut last_slope, mut last_seen) = (f32::MAX, slope(0), true);
            for k in 0..=STEPS {
                let z = depths[k];
                let y = (camera.horizon - camera.focal * (here[k] - camera.eye) / z)
                    * self.height as f32;
                let this_slope = slope(k);
                if !last_seen {
                    last_slope = this_slope;
                }
                last_seen = y < drawn;
                if y < drawn {
                    let top = y.max(0.0);
                    let rows = drawn.ceil() as usize;
                    for (row, slot) in covered.iter_mut().enumerate().take(rows).skip(top as usize)
                    {
                        let from = (row as f32).max(top);
                        let to = (row as f32 + 1.0).min(drawn);
                        // Between the step before and this one the spot is interpolated,
                        // or the steps show as bands.
                        let span = last_y - y;
                        let t = if k == 0 || span <= 0.0 || last_y == f32::MAX {
                            1.0
                        } else {
                            ((last_y - (from + to) * 0.5) / span).clamp(0.0, 1.0)
                        };
                        let before = k.saturating_sub(1);
                        let z = depths[before] + (z - depths[before]) * t;
                        let spot = Spot {
                            x: direction * z,
                            z,
                            height: here[before] + (here[k] - here[before]) * t,
                            slope_x: last_slope.0 + (this_slope.0 - last_slope.0) * t,
                            slope_z: last_slope.1 + (this_slope.1 - last_slope.1) * t,
                            footprint: z * pixel / camera.focal,
                        };
                        let (sum, cover) = slot;
                        *sum = add(*sum, colour(&spot), to - from);
                        *cover += to - from;
                    }
                    drawn = top;
                }
                (last_y, last_slope) = (y, this_slope);
            }
            for (row, slot) in covered.iter_mut().enumerate() {
                let (sum, cover) = std::mem::take(slot);
                let under = &mut self.pixels[row * self.width + column];
                *under = add(sum, *under, (1.0 - cover).max(0.0));
            }
            skyline.push(drawn * pixel);
            here = next;
        }
        skyline
    }

    /// What a camera adds: a little darkness in the corners, an exposure that is not quite
    /// right, grain. Returns the finished picture.
    pub fn develop(self, rng: &mut Rng) -> RgbImage {
        let (grain, exposure) = (rng.range(0.006, 0.02), rng.range(0.94, 1.05));
        let warmth = rng.range(-0.025, 0.025);
        let noise = Noise::new(rng);
        let mut out = RgbImage::new(self.width as u32, self.height as u32);
        for (i, (target, colour)) in out.pixels_mut().zip(&self.pixels).enumerate() {
            let (column, row) = ((i % self.width) as f32, (i / self.width) as f32);
            let dx = column / self.width as f32 - 0.5;
            let dy = row / self.height as f32 - 0.5;
            let light = exposure * (1.0 - 0.22 * (dx * dx + dy * dy));
            let speck = noise.at(column * 0.83, row * 0.83) * grain;
            let tint = [1.0 + warmth, 1.0, 1.0 - warmth];
            for (channel, value) in target.0.iter_mut().enumerate() {
                let v = colour[channel] * light * tint[channel] + speck;
                *value = (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
            }
        }
        out
    }
}

/// How far a point is from a segment, and how far along the segment (0 to 1) the nearest
/// point lies.
pub fn to_segment(p: Point, a: Point, b: Point) -> (f32, f32) {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = (dx * dx + dy * dy).max(1e-12);
    let t = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length).clamp(0.0, 1.0);
    let (ex, ey) = (p.0 - a.0 - dx * t, p.1 - a.1 - dy * t);
    ((ex * ex + ey * ey).sqrt(), t)
}

fn inside(corners: &[Point], p: Point) -> bool {
    let mut odd = false;
    let mut before = match corners.last() {
        Some(&last) => last,
        None => return false,
    };
    for &corner in corners {
        if (corner.1 > p.1) != (before.1 > p.1) {
            let t = (p.1 - corner.1) / (before.1 - corner.1);
            if p.0 < corner.0 + t * (before.0 - corner.0) {
                odd = !odd;
            }
        }
        before = corner;
    }
    odd
}
