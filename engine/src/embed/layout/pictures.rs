//! How a model wants its pictures, by its own files.
//!
//! On the hub that is the configuration of the `transformers` image processors of CLIP,
//! SigLIP and ViT; with immich it is that of `open_clip`. What they do by default is done
//! here where a file does not say otherwise.

use std::path::Path;

use serde_json::Value;

use super::Layout;
use super::files::Files;
use super::settings::Settings;
use crate::embed::EmbedError;
use crate::embed::manifest::LARGEST_SIZE;
use crate::media::{Filter, Fit, Preparation};

const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
const HALF: [f32; 3] = [0.5; 3];

/// A model that was trained on whole pictures is shown them nearly so: decoded at half the
/// scale and still this many times too large, a photo's vector keeps a cosine of 0.9997 even
/// with random weights, which know nothing of what is alike (`docs/BENCHMARKS.md`).
const OVERSAMPLING: u32 = 4;

/// How pictures are prepared: resized, then `(pixel * scale - mean) / std`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pictures {
    pub preparation: Preparation,
    pub scale: f32,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// What a kind of processor does where its file says nothing.
struct Defaults {
    crop: bool,
    filter: Filter,
    mean: [f32; 3],
    std: [f32; 3],
    /// Whether a `size` of one number is both sides, and not the shorter one.
    is_square: bool,
}

pub(super) fn read(folder: &Path, files: &Files) -> Result<Pictures, EmbedError> {
    let settings = Settings::read(folder, &files.pictures)?;
    match files.layout {
        Layout::Immich => of_open_clip(&settings),
        // Newer versions write the settings of all processors into one file.
        Layout::Hub | Layout::Manifest => of_transformers(&settings.part("image_processor")),
    }
}

/// Defaults of the processor that the file names.
fn defaults(settings: &Settings) -> Result<Defaults, EmbedError> {
    let named = settings
        .text(&["image_processor_type"])
        .or_else(|| settings.text(&["feature_extractor_type"]));
    let clip = Defaults {
        crop: true,
        filter: Filter::Bicubic,
        mean: CLIP_MEAN,
        std: CLIP_STD,
        is_square: false,
    };
    let square = |filter| Defaults {
        crop: false,
        filter,
        mean: HALF,
        std: HALF,
        is_square: true,
    };
    let is = |kinds: &[&str]| {
        let ends = ["ImageProcessor", "ImageProcessorFast", "FeatureExtractor"];
        let kind = named.and_then(|name| ends.iter().find_map(|end| name.strip_suffix(end)));
        kind.is_some_and(|kind| kinds.contains(&kind))
    };
    match named {
        None => Ok(clip),
        Some(_) if is(&["CLIP", "ChineseCLIP"]) => Ok(clip),
        Some(_) if is(&["Siglip"]) => Ok(square(Filter::Bicubic)),
        Some(_) if is(&["ViT"]) => Ok(square(Filter::Bilinear)),
        Some(other) => Err(settings.wrong(format!(
            "pictures are prepared by {other}, which is not known here; CLIPImageProcessor, \
             SiglipImageProcessor and ViTImageProcessor are"
        ))),
    }
}

fn of_transformers(settings: &Settings) -> Result<Pictures, EmbedError> {
    let defaults = defaults(settings)?;
    if !settings.flag("do_resize", true)? {
        return Err(settings.wrong("do_resize is false: pictures of any size cannot be taken"));
    }
    let (fit, resize) = resized(settings, &defaults)?;
    let size = if settings.flag("do_center_crop", defaults.crop)? {
        match settings.get(&["crop_size"]) {
            Some(size) => side(settings, "crop_size", size)?,
            None => resize,
        }
    } else if fit == Fit::Crop {
        return Err(settings.wrong(
            "pictures keep their shape (do_center_crop is false, size.shortest_edge); only \
             squares can be taken",
        ));
    } else {
        resize
    };
    let scale = if settings.flag("do_rescale", true)? {
        let factor = settings.get(&["rescale_factor"]).and_then(Value::as_f64);
        factor.unwrap_or(1.0 / 255.0) as f32
    } else {
        1.0
    };
    let (mean, std) = if settings.flag("do_normalize", true)? {
        (
            settings.colours("image_mean", Some(defaults.mean))?,
            settings.colours("image_std", Some(defaults.std))?,
        )
    } else {
        ([0.0; 3], [1.0; 3])
    };
    let filter = match settings.get(&["resample"]) {
        Some(value) => filter(value)
            .ok_or_else(|| settings.wrong(format!("resample {value} is not known here")))?,
        None => defaults.filter,
    };
    let preparation = prepared(settings, (size, resize), fit, filter)?;
    Ok(Pictures {
        preparation,
        scale,
        mean,
        std,
    })
}

/// A filter by Pillow's number or name.
fn filter(value: &Value) -> Option<Filter> {
    let name = value.as_str().map(str::to_lowercase);
    match (value.as_u64(), name.as_deref()) {
        (Some(0), _) | (_, Some("nearest")) => Some(Filter::Nearest),
        (Some(1), _) | (_, Some("lanczos")) => Some(Filter::Lanczos),
        (Some(2), _) | (_, Some("bilinear")) => Some(Filter::Bilinear),
        (Some(3), _) | (_, Some("bicubic")) => Some(Filter::Bicubic),
        _ => None,
    }
}

/// What `size` says: how pictures are resized, and to how many pixels.
fn resized(settings: &Settings, defaults: &Defaults) -> Result<(Fit, u32), EmbedError> {
    let Some(size) = settings.get(&["size"]) else {
        return Err(settings.wrong("it does not say the size of pictures"));
    };
    if let Some(shortest) = size.get("shortest_edge").filter(|edge| !edge.is_null()) {
        if size.get("longest_edge").is_some_and(|edge| !edge.is_null()) {
            return Err(settings.wrong("size.longest_edge is not known here"));
        }
        return Ok((Fit::Crop, side(settings, "size.shortest_edge", shortest)?));
    }
    if size.is_number() && !defaults.is_square {
        return Ok((Fit::Crop, side(settings, "size", size)?));
    }
    Ok((Fit::Squash, side(settings, "size", size)?))
}

/// One side of a square: a number, or a height and a width that are equal. Memory is taken by
/// its square later, so that it is small is seen to here.
fn side(settings: &Settings, key: &str, value: &Value) -> Result<u32, EmbedError> {
    let sides = match value {
        Value::Number(_) => Some((value, value)),
        Value::Object(sides) => sides.get("height").zip(sides.get("width")),
        Value::Array(sides) => sides.first().zip(sides.get(1)),
        _ => None,
    };
    let sides = sides.and_then(|(height, width)| Some((height.as_u64()?, width.as_u64()?)));
    match sides {
        Some((height, width)) if height == width => {
            let side = u32::try_from(height).ok();
            let side = side.filter(|side| (1..=LARGEST_SIZE).contains(side));
            side.ok_or_else(|| {
                settings.wrong(format!(
                    "{key} is {value}: pictures of 1 to {LARGEST_SIZE} pixels a side can be taken"
                ))
            })
        }
        Some(_) => Err(settings.wrong(format!("{key} is {value}: only squares can be taken"))),
        None => Err(settings.wrong(format!("{key} is {value}, and no size of a square"))),
    }
}

fn of_open_clip(settings: &Settings) -> Result<Pictures, EmbedError> {
    let Some(size) = settings.get(&["size"]) else {
        return Err(settings.wrong("it does not say the size of pictures"));
    };
    let size = side(settings, "size", size)?;
    let fit = match settings.text(&["resize_mode"]).unwrap_or("shortest") {
        "shortest" => Fit::Crop,
        "squash" => Fit::Squash,
        other => return Err(settings.wrong(format!("resize_mode {other} is not known here"))),
    };
    let filter = match settings.text(&["interpolation"]).unwrap_or("bicubic") {
        // At random while it was trained, and then bicubic.
        "bicubic" | "random" => Filter::Bicubic,
        "bilinear" => Filter::Bilinear,
        other => return Err(settings.wrong(format!("interpolation {other} is not known here"))),
    };
    if let Some(mode) = settings.text(&["mode"])
        && mode != "RGB"
    {
        return Err(settings.wrong(format!("pictures of mode {mode} are not known here")));
    }
    Ok(Pictures {
        preparation: prepared(settings, (size, size), fit, filter)?,
        scale: 1.0 / 255.0,
        mean: settings.colours("mean", Some(CLIP_MEAN))?,
        std: settings.colours("std", Some(CLIP_STD))?,
    })
}

fn prepared(
    settings: &Settings,
    (size, resize): (u32, u32),
    fit: Fit,
    filter: Filter,
) -> Result<Preparation, EmbedError> {
    if resize < size {
        return Err(settings.wrong(format!(
            "a square of {size} pixels cannot be cut out of a picture of {resize}"
        )));
    }
    Ok(Preparation {
        size,
        resize,
        fit,
        filter,
        oversampling: OVERSAMPLING,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(
        json: &str,
        kind: fn(&Settings) -> Result<Pictures, EmbedError>,
    ) -> Result<Pictures, EmbedError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), json).unwrap();
        let settings = Settings::read(folder.path(), "a.json").unwrap();
        kind(&settings.part("image_processor"))
    }

    fn hub(json: &str) -> Preparation {
        parse(json, of_transformers).unwrap().preparation
    }

    fn preparation(size: u32, resize: u32, fit: Fit, filter: Filter) -> Preparation {
        Preparation {
            size,
            resize,
            fit,
            filter,
            oversampling: OVERSAMPLING,
        }
    }

    #[test]
    fn clip_as_it_was_and_as_it_is() {
        let expected = preparation(224, 224, Fit::Crop, Filter::Bicubic);
        for json in [
            r#"{"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224,
                "do_center_crop": true, "resample": 3}"#,
            r#"{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224},
                "crop_size": {"height": 224, "width": 224}, "resample": 3}"#,
            r#"{"image_processor": {"image_processor_type": "CLIPImageProcessorFast",
                "size": {"shortest_edge": 224, "longest_edge": null},
                "crop_size": {"height": 224, "width": 224}}, "processor_class": "CLIPProcessor"}"#,
        ] {
            assert_eq!(hub(json), expected, "{json}");
        }
    }

    #[test]
    fn mobile_clip_is_not_normalised_and_bilinear() {
        let json = r#"{"image_processor_type": "CLIPFeatureExtractor", "do_center_crop": true,
            "do_normalize": false, "resample": 2, "rescale_factor": 0.00392156862745098,
            "image_mean": [0.4, 0.4, 0.4], "size": {"shortest_edge": 256},
            "crop_size": {"height": 256, "width": 256}}"#;
        let pictures = parse(json, of_transformers).unwrap();
        assert_eq!(
            pictures.preparation,
            preparation(256, 256, Fit::Crop, Filter::Bilinear)
        );
        assert_eq!((pictures.mean, pictures.std), ([0.0; 3], [1.0; 3]));
        assert!((pictures.scale - 1.0 / 255.0).abs() < 1e-9);
    }

    #[test]
    fn a_filter_may_be_said_by_its_name() {
        for (resample, filter) in [
            (r#""bicubic""#, Filter::Bicubic),
            (r#""BILINEAR""#, Filter::Bilinear),
            ("1", Filter::Lanczos),
        ] {
            let json = format!(r#"{{"size": 224, "resample": {resample}}}"#);
            assert_eq!(hub(&json).filter, filter);
        }
    }

    #[test]
    fn siglip_squashes() {
        let json = r#"{"image_processor_type": "SiglipImageProcessor", "do_convert_rgb": null,
            "size": {"height": 224, "width": 224}, "resample": 3, "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5]}"#;
        assert_eq!(
            hub(json),
            preparation(224, 224, Fit::Squash, Filter::Bicubic)
        );
    }

    #[test]
    fn a_crop_may_be_smaller_than_the_resize() {
        let json = r#"{"size": {"shortest_edge": 256}, "crop_size": 224, "resample": 1}"#;
        assert_eq!(hub(json), preparation(224, 256, Fit::Crop, Filter::Lanczos));
    }

    #[test]
    fn open_clip_is_understood() {
        let json = r#"{"size": [224, 224], "mode": "RGB", "mean": [0.48145466, 0.4578275,
            0.40821073], "std": [0.26862954, 0.26130258, 0.27577711],
            "interpolation": "bicubic", "resize_mode": "shortest", "fill_color": 0}"#;
        let pictures = parse(json, of_open_clip).unwrap();
        let expected = preparation(224, 224, Fit::Crop, Filter::Bicubic);
        assert_eq!(pictures.preparation, expected);
        let json = r#"{"size": 256, "resize_mode": "squash", "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5], "interpolation": "bilinear"}"#;
        let pictures = parse(json, of_open_clip).unwrap();
        let expected = preparation(256, 256, Fit::Squash, Filter::Bilinear);
        assert_eq!((pictures.preparation, pictures.mean), (expected, HALF));
    }

    #[test]
    fn a_side_of_sixty_thousand_pixels_is_refused_before_memory_is_taken() {
        for (json, word) in [
            (r#"{"size": 60000}"#, "size is 60000"),
            (r#"{"size": 0}"#, "size is 0"),
            (r#"{"size": 2049}"#, "2048"),
            (r#"{"size": 4294967296}"#, "4294967296"),
            (
                r#"{"size": {"shortest_edge": 60000}, "crop_size": 224}"#,
                "size.shortest_edge is 60000",
            ),
            (r#"{"size": 224, "crop_size": 0}"#, "crop_size is 0"),
        ] {
            let error = parse(json, of_transformers).unwrap_err().to_string();
            assert!(error.contains("a.json") && error.contains(word), "{error}");
        }
        assert!(parse(r#"{"size": [60000, 60000]}"#, of_open_clip).is_err());
        assert_eq!(hub(r#"{"size": 2048}"#).size, 2048);
    }

    #[test]
    fn what_cannot_be_done_is_refused_and_named() {
        for (json, word) in [
            (
                r#"{"image_processor_type": "Siglip2ImageProcessor", "size": 224}"#,
                "Siglip2",
            ),
            (
                r#"{"size": {"shortest_edge": 224}, "do_center_crop": false}"#,
                "squares",
            ),
            (
                r#"{"size": {"height": 224, "width": 448}, "do_center_crop": false}"#,
                "squares",
            ),
            (r#"{"size": 224, "crop_size": 256}"#, "256"),
            (r#"{"size": 224, "resample": 4}"#, "resample 4"),
            (r#"{"size": 224, "resample": "box"}"#, "\"box\""),
            (r#"{"size": 224, "do_resize": false}"#, "do_resize"),
            (r#"{"size": 224, "image_mean": [1, 2]}"#, "image_mean"),
            (r#"{"size": "big"}"#, "size"),
            ("{}", "size"),
        ] {
            let error = parse(json, of_transformers).unwrap_err().to_string();
            assert!(error.contains("a.json") && error.contains(word), "{error}");
        }
    }
}
