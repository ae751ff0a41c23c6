//! What a session takes and gives: names, element types and shapes of its tensors.

use half::f16;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, TensorRef, ValueType};

/// A tensor that goes in or comes out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    pub name: String,
    pub element: TensorElementType,
    /// -1 where any length will do.
    pub shape: Vec<i64>,
}

impl Slot {
    fn of(outlet: &Outlet) -> Option<Self> {
        let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
            return None;
        };
        Some(Self {
            name: outlet.name().to_owned(),
            element: *ty,
            shape: shape.iter().copied().collect(),
        })
    }

    /// A length that is always the same.
    pub(super) fn fixed(&self, axis: usize) -> Option<usize> {
        let length = usize::try_from(*self.shape.get(axis)?).ok()?;
        (length > 0).then_some(length)
    }
}

pub(super) fn inputs(session: &Session) -> Vec<Slot> {
    session.inputs().iter().filter_map(Slot::of).collect()
}

pub(super) fn outputs(session: &Session) -> Vec<Slot> {
    session.outputs().iter().filter_map(Slot::of).collect()
}

/// The input of that name.
pub(super) fn input(session: &Session, name: &str) -> Result<Slot, String> {
    let all = inputs(session);
    let names: Vec<&str> = all.iter().map(|slot| slot.name.as_str()).collect();
    let missing = format!("it has no input tensor `{name}`, but: {}", names.join(", "));
    let found = all.into_iter().find(|slot| slot.name == name);
    found.ok_or(missing)
}

/// Numbers as a tensor of single or half precision, whichever the tower takes.
pub(super) fn floats<'v>(
    values: &'v [f32],
    shape: &[usize],
    element: TensorElementType,
) -> Result<SessionInputValue<'v>, String> {
    let sentence = |error: ort::Error| error.to_string();
    match element {
        TensorElementType::Float32 => TensorRef::from_array_view((shape.to_vec(), values))
            .map(SessionInputValue::from)
            .map_err(sentence),
        TensorElementType::Float16 => {
            let values: Vec<f16> = values.iter().copied().map(f16::from_f32).collect();
            Tensor::from_array((shape.to_vec(), values))
                .map(SessionInputValue::from)
                .map_err(sentence)
        }
        other => Err(format!(
            "it takes pictures as {other}, not as numbers of 32 or 16 bits"
        )),
    }
}

/// Ids as a tensor of 64 or 32 bits, whichever the tower takes.
pub(super) fn ids<'v>(
    values: &'v [i64],
    shape: &[usize],
    element: TensorElementType,
) -> Result<SessionInputValue<'v>, String> {
    let sentence = |error: ort::Error| error.to_string();
    match element {
        TensorElementType::Int64 => TensorRef::from_array_view((shape.to_vec(), values))
            .map(SessionInputValue::from)
            .map_err(sentence),
        TensorElementType::Int32 => {
            // Ids are places in a vocabulary.
            let values: Vec<i32> = values.iter().map(|id| *id as i32).collect();
            Tensor::from_array((shape.to_vec(), values))
                .map(SessionInputValue::from)
                .map_err(sentence)
        }
        other => Err(format!(
            "it takes texts as {other}, not as whole numbers of 64 or 32 bits"
        )),
    }
}

/// Ones and zeros as whatever kind of numbers a mask is taken.
pub(super) fn mask<'v>(
    values: &'v [i64],
    shape: &[usize],
    element: TensorElementType,
) -> Result<SessionInputValue<'v>, String> {
    let sentence = |error: ort::Error| error.to_string();
    match element {
        TensorElementType::Float32 => {
            let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            Tensor::from_array((shape.to_vec(), values))
                .map(SessionInputValue::from)
                .map_err(sentence)
        }
        TensorElementType::Bool => {
            let values: Vec<bool> = values.iter().map(|value| *value != 0).collect();
            Tensor::from_array((shape.to_vec(), values))
                .map(SessionInputValue::from)
                .map_err(sentence)
        }
        element => ids(values, shape, element),
    }
}

/// The numbers of an output.
pub(super) fn numbers(value: &DynValue) -> Result<Vec<f32>, String> {
    match value.try_extract_tensor::<f32>() {
        Ok((_, values)) => Ok(values.to_vec()),
        Err(error) => match value.try_extract_tensor::<f16>() {
            Ok((_, values)) => Ok(values.iter().map(|value| value.to_f32()).collect()),
            Err(_) => Err(error.to_string()),
        },
    }
}
