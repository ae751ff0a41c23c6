//! From a fingerprint to the contents worth comparing, without a look at all of them.
//!
//! The signs of a window's waves are a word of 63 bits, cut into bands; a table for each
//! band leads from its 16 bits to the words that have them. A copy has a few other signs,
//! nearly always of weak waves, so a search also visits the values that are reached by
//! turning over the weakest signs, the likeliest first. Each step is bounded: 72 bytes for
//! each content and about 7 MB at rest, and a bounded number of visits for each search.
//!
//! The index is kept in memory and made again from stored fingerprints at start; adding is
//! immediate. It knows numbers of contents, not files, and proves nothing.

use super::Turn;
use super::fingerprint::{COEFFICIENTS, Fingerprint, WAVES, WINDOWS, pairs};

/// Bands of a word, each with a table.
const BANDS: usize = 4;
/// Bits of a band.
const BAND_BITS: usize = 16;
/// How many of a band's weakest signs may be turned over, in every combination.
const WEAK: usize = 7;
/// Values of a band that are visited for each word.
const PROBES: usize = 24;
/// Words looked at for one value of a band: collections have thousands of near-blank
/// scans that share one. The newest are looked at.
const VISITS: usize = 2048;
/// Signs of a word that are compared: the strongest of the one that is searched for.
const STRONG: usize = 40;
/// Strong signs that may differ.
const TOLERANCE: u32 = 8;
/// Ends a chain of words.
const NONE: u32 = u32::MAX;

/// A content that may be the same photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The number that was given to [`Candidates::add`].
    pub content: u32,
    /// How the picture that was searched for is to be laid to look like this one.
    pub turn: Turn,
    /// How many of the strongest signs differ, 0 to 8; the least is likeliest.
    pub distance: u32,
}

/// The index of all fingerprints.
#[derive(Debug)]
pub struct Candidates {
    contents: Vec<u32>,
    windows: [Window; WINDOWS],
}

/// The words of one window of all pictures.
#[derive(Debug)]
struct Window {
    words: Vec<u64>,
    bands: [Band; BANDS],
}

/// Chains of the words that have the same bits in one band.
#[derive(Debug)]
struct Band {
    /// For each value of the band, the newest word.
    newest: Vec<u32>,
    /// For each word, the one before it with the same value.
    older: Vec<u32>,
}

impl Default for Candidates {
    fn default() -> Self {
        Self::new()
    }
}

impl Candidates {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        let band = || Band {
            newest: vec![NONE; 1 << BAND_BITS],
            older: Vec::new(),
        };
        Self {
            contents: Vec::new(),
            windows: std::array::from_fn(|_| Window {
                words: Vec::new(),
                bands: std::array::from_fn(|_| band()),
            }),
        }
    }

    /// Adds a content. Blank pictures are not added, and are nobody's candidates. Nothing
    /// is ever taken out: whoever asks knows which contents are gone, and makes the index
    /// again when they are many.
    pub fn add(&mut self, content: u32, fingerprint: &Fingerprint) {
        // The last number ends chains; four thousand million photos are another program.
        let Ok(at) = u32::try_from(self.contents.len()) else {
            return;
        };
        if fingerprint.is_blank() || at == NONE {
            return;
        }
        push(&mut self.contents, content);
        for (window, waves) in self.windows.iter_mut().zip(fingerprint.laid(Turn::NONE)) {
            let word = word_of(&waves);
            push(&mut window.words, word);
            for (number, band) in window.bands.iter_mut().enumerate() {
                let newest = &mut band.newest[value_of(word, number)];
                push(&mut band.older, *newest);
                *newest = at;
            }
        }
    }

    /// How many contents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }

    /// Bytes in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        let band = |band: &Band| 4 * (band.newest.capacity() + band.older.capacity());
        let window = |window: &Window| {
            8 * window.words.capacity() + window.bands.iter().map(band).sum::<usize>()
        };
        4 * self.contents.capacity() + self.windows.iter().map(window).sum::<usize>()
    }

    /// The nearest contents, at most `limit`, the nearest first, each content once.
    #[must_use]
    pub fn find(&self, fingerprint: &Fingerprint, limit: usize) -> Vec<Candidate> {
        if fingerprint.is_blank() {
            return Vec::new();
        }
        let mut hits: Vec<(u32, u32, Turn)> = Vec::new();
        for turn in Turn::ALL {
            let laid = fingerprint.laid(turn);
            let searched = laid.each_ref().map(Searched::new);
            for (mine, theirs) in pairs() {
                self.windows[theirs].find(&searched[mine], |at, distance| {
                    hits.push((at, distance, turn));
                });
            }
        }
        hits.sort_unstable_by_key(|(at, distance, _)| (*at, *distance));
        hits.dedup_by_key(|(at, _, _)| *at);
        hits.sort_by_key(|(_, distance, _)| *distance);
        hits.truncate(limit);
        hits.into_iter()
            .map(|(at, distance, turn)| Candidate {
                content: self.contents[at as usize],
                turn,
                distance,
            })
            .collect()
    }
}

impl Window {
    fn find(&self, searched: &Searched, mut hit: impl FnMut(u32, u32)) {
        for (band, probes) in self.bands.iter().zip(&searched.probes) {
            for value in probes {
                let mut at = band.newest[usize::from(*value)];
                let mut visits = 0;
                while at != NONE && visits < VISITS {
                    let different = (self.words[at as usize] ^ searched.word) & searched.strong;
                    if different.count_ones() <= TOLERANCE {
                        hit(at, different.count_ones());
                    }
                    at = band.older[at as usize];
                    visits += 1;
                }
            }
        }
    }
}

/// A window that is searched for.
struct Searched {
    word: u64,
    /// The bits of the strongest waves.
    strong: u64,
    /// For each band the values to visit, its own first.
    probes: [Vec<u16>; BANDS],
}

impl Searched {
    fn new(waves: &[i8; COEFFICIENTS]) -> Self {
        let word = word_of(waves);
        let strength: [u8; COEFFICIENTS] =
            std::array::from_fn(|bit| waves[ORDER[bit] as usize].unsigned_abs());
        let mut bits: [usize; COEFFICIENTS] = std::array::from_fn(|bit| bit);
        bits.sort_by_key(|bit| std::cmp::Reverse(strength[*bit]));
        let strong = bits[..STRONG].iter().fold(0, |mask, bit| mask | 1 << bit);
        let probes = std::array::from_fn(|band| {
            let start = band * BAND_BITS;
            // The last bit of the last band is the mean, which has no sign.
            let mut weak: Vec<usize> = (start..(start + BAND_BITS).min(COEFFICIENTS - 1)).collect();
            weak.sort_by_key(|bit| strength[*bit]);
            weak.truncate(WEAK);
            let mut turned: Vec<(u32, u16)> = (0..1_u32 << WEAK)
                .map(|choice| {
                    let mut cost = 0;
                    let mut flips = 0;
                    for (number, bit) in weak.iter().enumerate() {
                        if choice >> number & 1 == 1 {
                            cost += u32::from(strength[*bit]);
                            flips |= 1 << (bit - start);
                        }
                    }
                    (cost, flips)
                })
                .collect();
            turned.sort_unstable();
            turned.truncate(PROBES);
            let value = value_of(word, band) as u16;
            turned.into_iter().map(|(_, flips)| value ^ flips).collect()
        });
        Self {
            word,
            strong,
            probes,
        }
    }
}

/// Grows by an eighth, not to the double: memory is promised for each content.
fn push<T>(values: &mut Vec<T>, value: T) {
    if values.len() == values.capacity() {
        values.reserve_exact(values.len() / 8 + 1024);
    }
    values.push(value);
}

/// The signs of the waves, a bit each.
fn word_of(waves: &[i8; COEFFICIENTS]) -> u64 {
    (0..COEFFICIENTS).fold(0, |word, bit| {
        word | u64::from(waves[ORDER[bit] as usize] > 0) << bit
    })
}

/// The bits of a band, as a place in its table.
fn value_of(word: u64, band: usize) -> usize {
    (word >> (band * BAND_BITS)) as usize & ((1 << BAND_BITS) - 1)
}

/// Which wave each bit is the sign of: dealt to the bands from the lowest frequency up, so
/// that each band has its share of those that edits hardly change. The mean comes last.
const ORDER: [u8; COEFFICIENTS] = order();

const fn order() -> [u8; COEFFICIENTS] {
    let mut order = [0; COEFFICIENTS];
    let mut place = 0;
    let mut frequency = 1;
    while frequency <= 2 * (WAVES - 1) * (WAVES - 1) {
        let mut wave = 1;
        while wave < COEFFICIENTS {
            let (row, column) = (wave / WAVES, wave % WAVES);
            if row * row + column * column == frequency {
                let (band, number) = (place % BANDS, place / BANDS);
                order[band * BAND_BITS + number] = wave as u8;
                place += 1;
            }
            wave += 1;
        }
        frequency += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::picture::sample;

    #[test]
    fn each_wave_has_one_bit() {
        let mut order = ORDER.to_vec();
        order.sort_unstable();
        assert_eq!(order, (0..64).collect::<Vec<u8>>());
        assert_eq!(ORDER[63], 0);
    }

    #[test]
    fn a_picture_is_found_however_it_is_laid_and_strangers_are_not() {
        let mut candidates = Candidates::new();
        for seed in 0..40 {
            candidates.add(
                seed + 100,
                &Fingerprint::of_square(&sample(u64::from(seed), 64), 64),
            );
        }
        let pixels: Vec<[u8; 3]> = sample(17, 64)
            .chunks_exact(3)
            .map(|p| [p[0], p[1], p[2]])
            .collect();
        for turn in Turn::ALL {
            let laid = Fingerprint::of_square(&turn.grid(&pixels, 64).concat(), 64);
            let found = candidates.find(&laid, 10);
            assert_eq!(found.len(), 1, "{turn}");
            assert_eq!(found[0].content, 117);
            assert!(found[0].distance <= 1);
        }
    }

    #[test]
    fn blank_pictures_are_neither_kept_nor_looked_for() {
        let blank = Fingerprint::of_square(&[250; 64 * 64 * 3], 64);
        let mut candidates = Candidates::new();
        candidates.add(1, &blank);
        assert!(candidates.is_empty());
        candidates.add(2, &Fingerprint::of_square(&sample(1, 64), 64));
        assert!(candidates.find(&blank, 10).is_empty());
    }

    #[test]
    fn the_nearest_come_first_and_no_more_than_asked_for() {
        let mut candidates = Candidates::new();
        let pixels = sample(5, 64);
        let darker: Vec<u8> = pixels.iter().map(|value| value / 2).collect();
        for number in 0..5 {
            candidates.add(number, &Fingerprint::of_square(&darker, 64));
        }
        candidates.add(9, &Fingerprint::of_square(&pixels, 64));
        let found = candidates.find(&Fingerprint::of_square(&pixels, 64), 3);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].distance, 0);
    }
}
