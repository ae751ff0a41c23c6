//! What the towers themselves say: names and shapes of their tensors, and what comes out.

use std::path::{Path, PathBuf};

use ort::session::Session;
use ort::value::TensorElementType;

use super::files::Files;
use super::pictures::Pictures;
use super::settings::Settings;
use super::texts::Texts;
use super::{Precision, external, projections};
use crate::embed::files as hashed;
use crate::embed::image_tower::ImageTower;
use crate::embed::manifest::{
    DataFile, Fill, ImageSection, LONGEST_TEXT, TextSection, TokenizerSection,
};
use crate::embed::tensors::{self, Slot};
use crate::embed::text_tower::{Other, TextTower};
use crate::embed::tokenizer::Tokenizer;
use crate::embed::{EmbedError, Runtime};

/// Names of the tensor that is a picture's vector, the better first.
const IMAGE_OUTPUTS: &[&str] = &[
    "image_embeds",
    "image_embeddings",
    "image_features",
    "embedding",
    "embeddings",
    "pooler_output",
];

/// The same of a text's.
const TEXT_OUTPUTS: &[&str] = &[
    "text_embeds",
    "text_embeddings",
    "text_features",
    "embedding",
    "embeddings",
    "pooler_output",
];

/// Texts that are cut into few pieces and into more.
const TRIALS: &[&str] = &[
    "dog",
    "a photo of a red car",
    "two people at a wedding, 2019",
];

/// The image tower, described.
pub(super) struct Image {
    pub section: ImageSection,
    pub dimension: usize,
}

/// The text tower, described.
pub(super) struct Text {
    pub section: TextSection,
    pub tokenizer: TokenizerSection,
}

/// A tower, loaded, with what its files are.
struct Tower {
    path: PathBuf,
    session: Session,
    sha256: String,
    data: Vec<DataFile>,
}

impl Tower {
    fn load(runtime: &Runtime, folder: &Path, file: &str) -> Result<Self, EmbedError> {
        let path = folder.join(file);
        let wrong = |reason: String| EmbedError::layout(&path, reason);
        let data = data(folder, file).map_err(wrong)?;
        let hash = |name: PathBuf| {
            let sha256 = hashed::sha256(&folder.join(&name))?;
            Ok(DataFile { file: name, sha256 })
        };
        let data = data.into_iter().map(hash);
        let data = data.collect::<Result<_, EmbedError>>()?;
        let sha256 = hashed::sha256(&path)?;
        let session = runtime.session(&path).map_err(|error| {
            wrong(format!(
                "a tower that ONNX Runtime can run was expected: {}",
                match error {
                    EmbedError::Model { reason, .. } => reason,
                    other => other.to_string(),
                }
            ))
        })?;
        Ok(Self {
            path,
            session,
            sha256,
            data,
        })
    }

    fn wrong(&self, reason: impl ToString) -> EmbedError {
        EmbedError::layout(&self.path, reason)
    }
}

/// The files with the weights of a tower, within the folder.
fn data(folder: &Path, tower: &str) -> Result<Vec<PathBuf>, String> {
    let files = external::files(folder, tower)?.into_iter().map(|file| {
        if folder.join(&file).is_file() {
            return Ok(file.into());
        }
        Err(format!(
            "its weights are in {file}, which is not there: that file belongs beside it"
        ))
    });
    files.collect()
}

/// Describes the image tower.
pub(super) fn image(
    runtime: &Runtime,
    folder: &Path,
    files: &Files,
    pictures: &Pictures,
    config: Option<&Settings>,
) -> Result<Image, EmbedError> {
    let tower = Tower::load(runtime, folder, &files.image)?;
    let size = pictures.preparation.size;
    let expected = || {
        let inputs = told(&tensors::inputs(&tower.session));
        tower.wrong(format!(
            "it is not an image tower: pictures as [N, 3, {size}, {size}] of 32 or 16 bits were \
             expected to go in, and it takes {inputs}"
        ))
    };
    let inputs = tensors::inputs(&tower.session);
    if inputs.iter().any(takes_ids) && inputs.iter().any(|slot| slot.shape.len() == 4) {
        return Err(tower.wrong(
            "it is one model for pictures and texts; a tower for each is needed, exported apart",
        ));
    }
    let [input] = inputs.as_slice() else {
        return Err(expected());
    };
    let fits = |axis, wanted: usize| input.fixed(axis).is_none_or(|length| length == wanted);
    let side = size as usize;
    let takes_pictures = is_float(input.element)
        && input.shape.len() == 4
        && fits(1, 3)
        && fits(2, side)
        && fits(3, side);
    if !takes_pictures {
        return Err(expected());
    }
    let output = output(&tower.session, IMAGE_OUTPUTS).map_err(|reason| tower.wrong(reason))?;
    let section = ImageSection {
        file: files.image.clone().into(),
        sha256: tower.sha256.clone(),
        data: tower.data.clone(),
        input: input.name.clone(),
        output: output.name,
        size,
        fit: pictures.preparation.fit,
        resize: Some(pictures.preparation.resize),
        filter: pictures.preparation.filter,
        oversampling: Some(pictures.preparation.oversampling),
        scale: pictures.scale,
        mean: pictures.mean,
        std: pictures.std,
    };
    let Tower { path, session, .. } = tower;
    let mut tower = ImageTower::new(session, section.clone(), 0, path.clone())?;
    let dark = vec![0; side * side * 3];
    // Any picture with something to see.
    let other: Vec<u8> = (0..dark.len()).map(|at| (at * 7 % 251) as u8).collect();
    let vectors = tower.numbers(&[&dark, &other])?;
    let dimension = vectors.first().map_or(0, Vec::len);
    projections::check(config, &section.output, dimension)
        .map_err(|reason| EmbedError::layout(&path, reason))?;
    let useful = vectors.iter().all(|vector| is_direction(vector));
    if dimension == 0 || !useful || vectors.first() == vectors.last() {
        let reason = "what comes out of it does not depend on the picture, or is no vector";
        return Err(EmbedError::layout(&path, reason));
    }
    Ok(Image { section, dimension })
}

/// Describes the text tower, whose vectors are to be as long as those of the other.
pub(super) fn text(
    runtime: &Runtime,
    folder: &Path,
    files: &Files,
    texts: &Texts,
    image: &Image,
    config: Option<&Settings>,
) -> Result<Text, EmbedError> {
    let tower = Tower::load(runtime, folder, &files.text)?;
    let inputs = tensors::inputs(&tower.session);
    let (attention, others): (Vec<&Slot>, Vec<&Slot>) = inputs
        .iter()
        .partition(|slot| slot.name.contains("attention_mask"));
    let (known, ids): (Vec<&Slot>, Vec<&Slot>) =
        others.iter().partition(|slot| Other::of(slot).is_some());
    let (&[ids], true) = (ids.as_slice(), attention.len() <= 1) else {
        return Err(not_texts(&tower));
    };
    let mut whole = known.into_iter().chain([ids]);
    if !whole.all(takes_ids) || !attention.iter().all(|slot| takes_mask(slot)) {
        return Err(not_texts(&tower));
    }
    let output = output(&tower.session, TEXT_OUTPUTS).map_err(|reason| tower.wrong(reason))?;
    let length = ids.fixed(1).or(texts.length).ok_or_else(|| {
        tower.wrong("how long texts may be is said neither by it, nor by config.json or tokenizer_config.json")
    })?;
    if length > LONGEST_TEXT {
        let reason = format!("it takes texts of {length} ids; at most {LONGEST_TEXT} can be");
        return Err(tower.wrong(reason));
    }
    let section = TextSection {
        file: files.text.clone().into(),
        sha256: tower.sha256.clone(),
        data: tower.data.clone(),
        input: ids.name.clone(),
        attention: attention.first().map(|slot| slot.name.clone()),
        attends: texts.attends,
        output: output.name,
        length,
        fill: texts.fill,
        padding: *texts.padding.as_ref().unwrap_or(&0),
    };
    let any_length = ids.fixed(1).is_none();
    let tokenizer = Tokenizer::read(folder, &texts.tokenizer, length)?;
    let Tower { path, session, .. } = tower;
    let mut tower = TextTower::new(session, tokenizer, section.clone(), 0, path.clone())?;
    let full = vectors(&mut tower)?;
    let found = full.first().map_or(0, Vec::len);
    projections::check(config, &section.output, found)
        .map_err(|reason| EmbedError::layout(&path, reason))?;
    if found != image.dimension {
        return Err(EmbedError::layout(
            &path,
            format!(
                "its vectors have {found} numbers, and those of {} have {}: they are not the \
                 towers of one model, or not with their projections",
                files.image, image.dimension
            ),
        ));
    }
    if !full.iter().all(|vector| is_direction(vector)) || full.first() == full.last() {
        let reason = "what comes out of it does not depend on the text, or is no vector";
        return Err(EmbedError::layout(&path, reason));
    }
    let mut section = section;
    if any_length {
        // Where it makes no difference, a short text is much less work.
        tower.set_fill(Fill::None);
        let short = vectors(&mut tower);
        let same = short.is_ok_and(|short| are_same(&full, &short, files.precision));
        if same {
            section.fill = Fill::None;
        }
    }
    if let Err(reason) = &texts.padding
        && section.fill != Fill::None
    {
        let tokenizer = folder.join(&files.tokenizer);
        return Err(EmbedError::layout(&tokenizer, reason));
    }
    Ok(Text {
        section,
        tokenizer: texts.tokenizer.clone(),
    })
}

fn not_texts(tower: &Tower) -> EmbedError {
    let inputs = told(&tensors::inputs(&tower.session));
    tower.wrong(format!(
        "it is not a text tower: ids as [N, length] of 64 or 32 bits were expected to go in, \
         perhaps with an attention_mask, position_ids and token_type_ids, and it takes {inputs}"
    ))
}

fn vectors(tower: &mut TextTower) -> Result<Vec<Vec<f32>>, EmbedError> {
    TRIALS.iter().map(|text| tower.numbers(text)).collect()
}

/// Whether vectors are the same but for how numbers of this precision are rounded.
fn are_same(one: &[Vec<f32>], other: &[Vec<f32>], precision: Precision) -> bool {
    let least = match precision {
        Precision::Full => 0.999_99,
        Precision::Half => 0.9999,
        Precision::Int8 => 0.999,
    };
    let mut pairs = one.iter().zip(other);
    pairs.all(|(one, other)| cosine(one, other) >= least)
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b);
        products.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

fn is_direction(vector: &[f32]) -> bool {
    vector.iter().all(|number| number.is_finite()) && vector.iter().any(|number| *number != 0.0)
}

fn is_float(element: TensorElementType) -> bool {
    matches!(
        element,
        TensorElementType::Float32 | TensorElementType::Float16
    )
}

fn takes_ids(slot: &Slot) -> bool {
    let whole = matches!(
        slot.element,
        TensorElementType::Int64 | TensorElementType::Int32
    );
    whole && slot.shape.len() == 2
}

fn takes_mask(slot: &Slot) -> bool {
    let more = matches!(
        slot.element,
        TensorElementType::Float32 | TensorElementType::Bool
    );
    takes_ids(slot) || (more && slot.shape.len() == 2)
}

/// The tensor that is the vector: by its name, or the only one of its shape.
fn output(session: &Session, names: &[&str]) -> Result<Slot, String> {
    let all = tensors::outputs(session);
    let is_vector = |slot: &&Slot| is_float(slot.element) && slot.shape.len() == 2;
    let named = names
        .iter()
        .find_map(|name| all.iter().filter(is_vector).find(|slot| slot.name == *name));
    let mut vectors = all
        .iter()
        .filter(is_vector)
        .filter(|slot| !slot.name.contains("logits"));
    let only = || match (vectors.next(), vectors.next()) {
        (Some(vector), None) => Some(vector),
        _ => None,
    };
    named.or_else(only).cloned().ok_or_else(|| {
        format!(
            "one vector [N, dimension] was expected to come out, named {} or the only one of its \
             shape, and there are {}",
            names.join(", "),
            told(&all)
        )
    })
}

/// Tensors in words.
fn told(slots: &[Slot]) -> String {
    let told = slots.iter().map(|slot| {
        let lengths = slot.shape.iter().map(|length| match length {
            ..0 => "any".to_owned(),
            length => length.to_string(),
        });
        let lengths: Vec<String> = lengths.collect();
        format!("{} {} [{}]", slot.name, slot.element, lengths.join(", "))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        "none".to_owned()
    } else {
        told.join("; ")
    }
}
