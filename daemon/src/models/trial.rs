//! Whether a model works: both towers are loaded and asked before anybody relies on it.

use semfs_engine::embed::{EmbedError, ImageTower, Model, Runtime, TextTower};

use super::error::ModelError;

/// Two texts that no model takes for the same.
const TEXTS: [&str; 2] = ["a photo of a dog in the snow", "red car"];

/// Vectors of different things whose cosine is larger are the same.
const SAME: f32 = 0.999_999;

/// Loads both towers of a model and embeds two pictures and two texts.
///
/// # Errors
/// When that fails, or what comes out says nothing of what went in.
pub(super) fn try_model(runtime: &Runtime, model: &Model) -> Result<(), ModelError> {
    let mut images = ImageTower::load(runtime, model)?;
    let side = model.preparation().size as usize;
    let pictures = [drawn(side, 0), drawn(side, 1)];
    let pictures: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
    let vectors = images.embed(&pictures)?;
    check(model, "image", "pictures", vectors)?;
    drop(images);
    let mut texts = TextTower::load(runtime, model)?;
    let vectors: Result<Vec<_>, EmbedError> = TEXTS.iter().map(|text| texts.embed(text)).collect();
    check(model, "text", "texts", vectors?)
}

fn check(
    model: &Model,
    tower: &str,
    things: &str,
    vectors: Vec<Option<Vec<f32>>>,
) -> Result<(), ModelError> {
    let broken = |reason: String| ModelError::Broken {
        name: model.name(),
        reason,
        mend: "It is not used".to_owned(),
    };
    let vectors: Option<Vec<_>> = vectors.into_iter().collect();
    let Some(vectors) = vectors else {
        return Err(broken(format!(
            "its {tower} tower makes nothing of {things}"
        )));
    };
    let [first, second] = vectors.as_slice() else {
        return Err(broken(format!("its {tower} tower gave no two vectors")));
    };
    if first.len() != model.dimension() || second.len() != model.dimension() {
        let (found, expected) = (first.len(), model.dimension());
        return Err(broken(format!(
            "its {tower} tower gives {found} numbers, not {expected}"
        )));
    }
    let cosine: f32 = first.iter().zip(second).map(|(a, b)| a * b).sum();
    if cosine > SAME {
        return Err(broken(format!(
            "its {tower} tower gives the same vector for different {things}"
        )));
    }
    Ok(())
}

/// A drawn picture of `side * side` pixels; another for each `kind`.
pub(super) fn drawn(side: usize, kind: usize) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(side * side * 3);
    let (round, cell) = (side * (2 + kind % 5) / 8, side / (3 + kind % 7) + 1);
    for y in 0..side {
        for x in 0..side {
            let checked = (x / cell + y / cell + kind).is_multiple_of(2);
            let (dx, dy) = (x.abs_diff(side / 2), y.abs_diff(side / 2));
            let inside = dx * dx + dy * dy < round * round;
            let shade = (x * 255 / side) as u8;
            let colour = match (kind.is_multiple_of(2), inside, checked) {
                (true, true, _) => [230, 60, 40],
                (true, false, _) => [shade / 2, 120, 255 - shade / 3],
                (false, _, true) => [30, 160, 60],
                (false, _, false) => [240, 240, shade],
            };
            pixels.extend_from_slice(&colour);
        }
    }
    pixels
}
