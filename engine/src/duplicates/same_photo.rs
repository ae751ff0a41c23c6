//! The proof that two pictures are the same shot.
//!
//! [`compare`] lays one picture onto the other and looks at every part: a copy agrees
//! everywhere, however it was scaled, recompressed, toned or cut; another shot of the same
//! thing, or another product in the same pose, differs somewhere. When there is too little
//! to tell, the answer is no: an owner will act on a yes. It knows nothing of hashes and
//! candidates, and what it says does not depend on how the pair was found.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::overlap::{Overlap, STRUCTURE, lay};
use super::picture::Picture;
use super::registration::{Placement, likeness, refine_identity, search};
use super::tone::{coloured, colours, is_grey};
use super::turn::Turn;

/// Fewer blocks with structure prove nothing.
const LEAST_STRUCTURE: usize = 10;
/// With fewer, as on products before white, changed tones may be another product.
const RICH_STRUCTURE: usize = 24;
/// The same where tones are as they were: no copy needs to be believed more than that.
const RICH_UNTONED: usize = 32;
/// Mean change of brightness, in grey levels, up to which tones count as unchanged.
const SAME_TONES: f32 = 4.0;
/// Mean change of brightness below which nobody touched the tones.
const UNTONED: f32 = 2.0;
/// From this change on, tones were changed on purpose, and details lost in black or white.
const RETONED: f32 = 8.0;
/// Least correlation of everything that overlaps.
const LEAST_CORRELATION: f32 = 0.94;
/// From this coarse correlation on, pictures may lie on each other as they are.
const AS_THEY_ARE: f32 = 0.99;
/// From this correlation on, a refused pair lies as it should, and no search follows.
const PLACED: f32 = 0.99;
/// Largest shift of any one block of untoned copies, in pixels.
const LARGEST_DRIFT: f32 = 0.45;
/// Pixels at which something may have appeared: recompression puts a few there.
const MOST_APPEARED: usize = 2;
/// Blocks that correlate less do not agree.
const AGREEING: f32 = 0.9;

/// What proves that two pictures are the same shot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// How the first picture is laid to look like the second.
    pub turn: Turn,
    /// Size of the first for 1 of the second, by the pixels of the same part.
    pub scale: f32,
    /// Part of the first that the second shows, 0 to 1.
    pub first_shown: f32,
    /// Part of the second that the first shows, 0 to 1.
    pub second_shown: f32,
    /// Correlation of the brightness of what both show, once tones are made alike.
    pub correlation: f32,
    /// Blocks with structure that agree.
    pub agreeing: usize,
    /// Blocks with structure.
    pub blocks: usize,
    /// Mean change of brightness in grey levels.
    pub toned: f32,
    /// Whether just one of them is grey.
    pub one_is_grey: bool,
}

/// Why two pictures are not called the same shot: what was found at the best placement.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No placement lays one onto the other.
    #[error("the pictures cannot be laid onto each other")]
    NoPlacement,
    /// Brightness does not go together.
    #[error("the pictures correlate by only {correlation:.2}")]
    Unlike {
        /// Correlation of what overlaps.
        correlation: f32,
    },
    /// A part differs much more than the rest.
    #[error("a part of the picture differs {times:.1} times more than most of the rest")]
    ChangedPart {
        /// The strongest difference for 1 of what nine cells of ten stay below.
        times: f32,
    },
    /// Differences beyond what copying leaves.
    #[error("the pictures differ {amount:.1} times more than copies do")]
    Differences {
        /// The strongest difference for 1 of what is allowed.
        amount: f32,
    },
    /// Something small is in one of them only.
    #[error("something is in one picture and not in the other, over {pixels} pixels")]
    Appeared {
        /// Pixels of the compared squares.
        pixels: usize,
    },
    /// Parts moved against each other: the camera stood elsewhere, or things moved.
    #[error("parts of the picture have moved by {pixels:.1} pixels against others")]
    Moved {
        /// Shift in pixels of the compared squares.
        pixels: f32,
    },
    /// Colours differ.
    #[error("colours differ in {part:.0} % of the picture, by up to {most:.0} levels")]
    Colours {
        /// Per cent of the places.
        part: f32,
        /// The largest difference in grey levels.
        most: f32,
    },
    /// Too little in the picture to tell.
    #[error("only {blocks} of 64 blocks have structure, too few to prove anything")]
    TooPlain {
        /// Blocks with structure.
        blocks: usize,
    },
    /// Little structure, and other tones.
    #[error("tones differ, and only {blocks} of 64 blocks have structure to tell a toned copy")]
    PlainAndToned {
        /// Blocks with structure.
        blocks: usize,
    },
}

/// What [`compare`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The same shot, and why.
    Same(Evidence),
    /// Not proven to be the same shot, and why not.
    Different(Refusal),
}

/// Compares two pictures, the first laid by `turn`. About 10 ms when they are the same
/// or hopeless, up to 60 ms when one is cut or framed.
#[must_use]
pub fn compare(first: &Picture, second: &Picture, turn: Turn) -> Verdict {
    let laid;
    let first = if turn == Turn::NONE {
        first
    } else {
        laid = first.turned(turn);
        &laid
    };
    let mut refusal = Refusal::NoPlacement;
    let mut nearest = f32::NEG_INFINITY;
    // Most copies are only scaled and recompressed: they lie on each other as they are.
    // Then come those that are nearly so, and only then a search.
    let as_they_are = (likeness(first, second, &Placement::IDENTITY) > AS_THEY_ARE)
        .then_some(Placement::IDENTITY);
    let nearly_so = std::iter::once_with(|| refine_identity(first, second)).flatten();
    for placement in as_they_are.into_iter().chain(nearly_so) {
        match judge(first, second, &placement, turn) {
            Ok(evidence) => return Verdict::Same(evidence),
            Err((correlation, why)) if correlation > nearest => {
                nearest = correlation;
                refusal = why;
            }
            Err(_) => {}
        }
    }
    // They lie where they should, and differ: no other placement will do better.
    if nearest > PLACED {
        return Verdict::Different(refusal);
    }
    for placement in search(first, second) {
        match judge(first, second, &placement, turn) {
            Ok(evidence) => return Verdict::Same(evidence),
            Err((correlation, why)) if correlation > nearest => {
                nearest = correlation;
                refusal = why;
            }
            Err(_) => {}
        }
    }
    Verdict::Different(refusal)
}

/// Judges one placement; a refusal comes with the correlation that it had.
fn judge(
    first: &Picture,
    second: &Picture,
    placement: &Placement,
    turn: Turn,
) -> Result<Evidence, (f32, Refusal)> {
    // Compared as finely as the coarser of the two is.
    let fineness = 1.25 * first.fineness().min(second.fineness());
    let side = [256, 128]
        .into_iter()
        .find(|side| fineness >= *side as f32)
        .unwrap_or(64);
    let (a, b) = (first.luma(side).smoothed(), second.luma(side).smoothed());
    let overlap = lay(&a, &b, placement).ok_or((-1.0, Refusal::NoPlacement))?;
    let greys = [first, second].map(|picture| is_grey(picture.luma(32), picture.colour()));
    brightness_agrees(&overlap, side).map_err(|refusal| (overlap.correlation, refusal))?;
    colours_agree(first, second, placement, greys, &overlap)
        .map_err(|refusal| (overlap.correlation, refusal))?;
    let textured = || {
        overlap
            .blocks
            .iter()
            .filter(|block| block.spread > STRUCTURE)
    };
    let area = placement.area().abs().max(0.01);
    Ok(Evidence {
        turn,
        // What A shows takes `area` of B, so B has that many more pixels for it.
        scale: first.fineness() / (second.fineness() * area.sqrt()),
        first_shown: overlap.covered,
        second_shown: (overlap.covered * area).min(1.0),
        correlation: overlap.correlation,
        agreeing: textured()
            .filter(|block| block.correlation >= AGREEING)
            .count(),
        blocks: textured().count(),
        toned: overlap.toned,
        one_is_grey: greys[0] != greys[1],
    })
}

/// The limits below were set from `benches/duplicates.rs`: copies of every kind lie under them,
/// and products, bursts and strangers above at least one.
fn brightness_agrees(overlap: &Overlap, side: usize) -> Result<(), Refusal> {
    if overlap.correlation < LEAST_CORRELATION {
        return Err(Refusal::Unlike {
            correlation: overlap.correlation,
        });
    }
    let textured: Vec<_> = overlap
        .blocks
        .iter()
        .filter(|block| block.spread > STRUCTURE)
        .collect();
    if textured.len() < LEAST_STRUCTURE {
        return Err(Refusal::TooPlain {
            blocks: textured.len(),
        });
    }
    if textured.len() < RICH_STRUCTURE && overlap.toned > SAME_TONES {
        return Err(Refusal::PlainAndToned {
            blocks: textured.len(),
        });
    }
    let cell = |at: usize| overlap.cells.get(at).copied().unwrap_or(0.0);
    let typical = cell(overlap.cells.len() / 10) + 0.2;
    let (most, third) = (cell(0), cell(2));
    let middle = cell(overlap.cells.len() / 2) + 0.2;
    let retoned = overlap.toned > RETONED;
    let is_plain = is_plain(textured.len(), overlap.toned);
    let allowed = match (is_plain, retoned) {
        (true, _) => 3.2,
        (false, false) if overlap.toned > SAME_TONES => 5.4,
        (false, false) => 4.2,
        (false, true) => 6.0,
    };
    let times = (most / typical).max(third / typical * 1.45);
    if most > 0.6 && times > allowed {
        return Err(Refusal::ChangedPart { times });
    }
    // A few words on a sign change more than one cell, but not half of them.
    let times = most / middle;
    if most > 1.5 && overlap.toned < UNTONED && times > 5.0 {
        return Err(Refusal::ChangedPart { times });
    }
    if !retoned && overlap.appeared > MOST_APPEARED {
        let pixels = overlap.appeared;
        return Err(Refusal::Appeared { pixels });
    }
    // Tones pushed into black and white, and sharpening, leave more behind; most of it
    // where much was lost, while everything else agrees.
    let was_edited = retoned || !(0.75..=1.3).contains(&overlap.sharpness);
    let agrees_elsewhere = overlap.correlation > 0.99 && middle < 1.1;
    let allowed = match (was_edited, retoned && !is_plain && agrees_elsewhere) {
        (_, true) => 6.5,
        (true, false) if retoned && !is_plain => 5.6,
        (true, false) => 4.2,
        (false, false) if overlap.toned > SAME_TONES && !is_plain => 4.0,
        (false, false) => 2.8,
    };
    let block = overlap
        .blocks
        .iter()
        .map(|block| (block.residual / 4.0).min(block.residual / block.spread / 0.25))
        .fold(0.0, f32::max);
    let allowed_block = match overlap.toned {
        toned if toned > RETONED => 2.8,
        toned if toned > SAME_TONES && !is_plain => 2.2,
        _ => 1.6,
    };
    // Where contrast was taken away, recompression leaves more everywhere.
    let is_toned = overlap.toned > SAME_TONES;
    let is_retoned_copy = is_toned && !is_plain && overlap.correlation > 0.99;
    let allowed_typical = if is_retoned_copy { 2.8 } else { 2.0 };
    let amount = (most / allowed)
        .max(block / allowed_block)
        .max(typical / allowed_typical);
    if amount > 1.0 {
        return Err(Refusal::Differences { amount });
    }
    let mut drifts: Vec<f32> = textured.iter().map(|block| block.drift).collect();
    drifts.sort_by(|a, b| b.total_cmp(a));
    let pixels = drifts.get(drifts.len() / 12).copied().unwrap_or(0.0) * side as f32 / 1000.0;
    // Coarse planes and changed tones leave less to measure it by.
    let still = match (retoned, side) {
        (true, _) => 0.45,
        (false, 256) => 0.2,
        (false, _) => 0.3,
    };
    if pixels > still {
        return Err(Refusal::Moved { pixels });
    }
    // A hand-held second shot may agree but for one corner.
    let pixels = drifts.first().copied().unwrap_or(0.0) * side as f32 / 1000.0;
    if !retoned && pixels > LARGEST_DRIFT {
        return Err(Refusal::Moved { pixels });
    }
    Ok(())
}

/// Whether there is so little structure that a small difference may be all the difference.
fn is_plain(textured: usize, toned: f32) -> bool {
    let rich = if toned > SAME_TONES {
        RICH_STRUCTURE
    } else {
        RICH_UNTONED
    };
    textured < rich
}

fn colours_agree(
    first: &Picture,
    second: &Picture,
    placement: &Placement,
    greys: [bool; 2],
    overlap: &Overlap,
) -> Result<(), Refusal> {
    let textured = overlap
        .blocks
        .iter()
        .filter(|block| block.spread > STRUCTURE)
        .count();
    if greys[0] != greys[1] && textured < RICH_STRUCTURE {
        return Err(Refusal::PlainAndToned { blocks: textured });
    }
    if greys[0] != greys[1] {
        return Ok(());
    }
    // Pushing tones into black and white takes colour with them.
    let kept = coloured(first.luma(32), second.luma(32));
    let colours = colours(first.colour(), second.colour(), placement, |at, bx, by| {
        overlap.toned <= RETONED || kept(at, bx, by)
    });
    let (least, times) = match (is_plain(textured, overlap.toned), overlap.toned > RETONED) {
        (true, _) => (4.0, 3.5),
        (false, false) => (6.0, 5.0),
        // What is nearly black or white keeps little of its colour.
        (false, true) => (12.0, 5.0),
    };
    let stands_out = colours.peak > least && colours.peak > times * (colours.typical + 1.0);
    // A tint is a little everywhere; another colour is a lot.
    let most = if overlap.toned > RETONED { 24.0 } else { 16.0 };
    let differs = colours.different > 0.08 && colours.peak > most;
    if differs || colours.different > 0.3 || stands_out {
        return Err(Refusal::Colours {
            part: 100.0 * colours.different,
            most: colours.peak,
        });
    }
    Ok(())
}

impl Evidence {
    /// The same with the first and the second exchanged.
    #[must_use]
    pub fn exchanged(&self) -> Self {
        Self {
            turn: self.turn.inverse(),
            scale: 1.0 / self.scale.max(f32::MIN_POSITIVE),
            first_shown: self.second_shown,
            second_shown: self.first_shown,
            ..self.clone()
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the same shot")?;
        if !(0.97..=1.03).contains(&self.scale) {
            write!(formatter, " at {:.0} % of the size", 100.0 * self.scale)?;
        }
        if self.turn != Turn::NONE {
            write!(formatter, ", {}", self.turn)?;
        }
        if self.second_shown < 0.98 {
            write!(
                formatter,
                ", showing {:.0} % of it",
                100.0 * self.second_shown
            )?;
        }
        if self.first_shown < 0.98 {
            write!(
                formatter,
                ", with {:.0} % more around",
                100.0 * (1.0 / self.first_shown - 1.0)
            )?;
        }
        if self.one_is_grey {
            formatter.write_str(", one of them grey")?;
        }
        if self.toned > RETONED {
            formatter.write_str(", in other tones")?;
        }
        write!(
            formatter,
            ", correlation {:.3}, {} of {} blocks agree",
            self.correlation, self.agreeing, self.blocks
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::picture::{SIDE, sample};

    fn picture(pixels: &[u8]) -> Picture {
        Picture::of_square(pixels, 800, 600).unwrap()
    }

    #[test]
    fn a_darker_turned_copy_is_the_same_shot_and_says_so() {
        let pixels = sample(21, SIDE);
        let rgb: Vec<[u8; 3]> = pixels
            .chunks_exact(3)
            .map(|p| [p[0] / 2, p[1] / 2, p[2] / 2])
            .collect();
        let turn = Turn::ALL[1];
        let copy = picture(&rgb.concat());
        let original = picture(&pixels).turned(turn);
        let Verdict::Same(evidence) = compare(&copy, &original, turn) else {
            panic!("{:?}", compare(&copy, &original, turn));
        };
        let sentence = evidence.to_string();
        assert!(
            sentence.contains("turned by 90°") && sentence.contains("in other tones"),
            "{sentence}"
        );
        assert!(matches!(
            compare(&copy, &original, Turn::NONE),
            Verdict::Different(_)
        ));
    }

    #[test]
    fn one_changed_part_makes_another_picture() {
        let pixels = sample(22, SIDE);
        let other = sample(23, SIDE);
        let mut changed = pixels.clone();
        for y in 100..124 {
            let row = (y * SIDE + 90) * 3..(y * SIDE + 114) * 3;
            changed[row.clone()].copy_from_slice(&other[row]);
        }
        let verdict = compare(&picture(&pixels), &picture(&changed), Turn::NONE);
        assert!(matches!(verdict, Verdict::Different(_)), "{verdict:?}");
    }

    #[test]
    fn blank_pages_and_other_colours_are_not_the_same() {
        let blank = picture(&vec![240; SIDE * SIDE * 3]);
        assert!(matches!(
            compare(&blank, &blank, Turn::NONE),
            Verdict::Different(_)
        ));
        let pixels = sample(24, SIDE);
        let swapped: Vec<u8> = pixels
            .chunks_exact(3)
            .flat_map(|p| [p[2], p[1], p[0]])
            .collect();
        let verdict = compare(&picture(&pixels), &picture(&swapped), Turn::NONE);
        assert!(matches!(verdict, Verdict::Different(_)), "{verdict:?}");
    }
}
