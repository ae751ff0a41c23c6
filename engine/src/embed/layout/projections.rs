//! Whether towers end with their projections, as far as `config.json` tells.
//!
//! Without them the towers of CLIP still load, and where both are equally wide their vectors can
//! be compared, but mean nothing to each other. Those of SigLIP have none.

use super::settings::Settings;

/// Checks the output of a tower, whose vectors have `length` numbers. The error is a sentence.
pub(super) fn check(config: Option<&Settings>, output: &str, length: usize) -> Result<(), String> {
    let Some(config) = config else {
        return Ok(());
    };
    let dimension = config.whole(&["projection_dim"]);
    if dimension.is_none() && config.text(&["model_type"]) != Some("clip") {
        return Ok(());
    }
    let advice = "export CLIPVisionModelWithProjection and CLIPTextModelWithProjection, whose \
                  image_embeds and text_embeds can be compared";
    // Only the models with projections have outputs of these names.
    let is_projected = ["image_embeds", "text_embeds"].contains(&output);
    match dimension {
        _ if output == "pooler_output" => Err(format!(
            "it was exported without its projection: its vectors are {output}; {advice}"
        )),
        Some(dimension) if !is_projected && dimension != length as u64 => Err(format!(
            "it was exported without its projection: its vectors ({output}) have {length} \
             numbers, and by projection_dim of config.json they would have {dimension}; {advice}"
        )),
        _ => Ok(()),
    }
}
