//! The JSON files that describe a model, read with care.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::embed::EmbedError;
use crate::embed::files::without_mark;

/// A file of settings with more bytes than this is none.
const LARGEST: u64 = 64 << 20;

/// One file of settings.
#[derive(Debug)]
pub(super) struct Settings {
    path: PathBuf,
    value: Value,
}

impl Settings {
    /// Reads a file, which holds a JSON object.
    pub(super) fn read(folder: &Path, file: &str) -> Result<Self, EmbedError> {
        let path = folder.join(file);
        let read = |source| EmbedError::read(&path, source);
        if fs::metadata(&path).map_err(read)?.len() > LARGEST {
            return Err(EmbedError::layout(&path, "it is too large for settings"));
        }
        let bytes = fs::read(&path).map_err(read)?;
        let value: Value = serde_json::from_slice(without_mark(&bytes))
            .map_err(|error| EmbedError::layout(&path, format!("it is not JSON: {error}")))?;
        if !value.is_object() {
            return Err(EmbedError::layout(&path, "it is not a JSON object"));
        }
        Ok(Self { path, value })
    }

    /// A part of it under `key`, if there is one; else all of it.
    pub(super) fn part(self, key: &str) -> Self {
        let Self { path, mut value } = self;
        let part = value.get_mut(key).filter(|part| part.is_object());
        match part.map(Value::take) {
            Some(part) => Self { path, value: part },
            None => Self { path, value },
        }
    }

    /// The value at a path of keys; nothing if it is missing or null.
    pub(super) fn get(&self, keys: &[&str]) -> Option<&Value> {
        let found = keys
            .iter()
            .try_fold(&self.value, |value, key| value.get(key))?;
        (!found.is_null()).then_some(found)
    }

    pub(super) fn text(&self, keys: &[&str]) -> Option<&str> {
        self.get(keys)?.as_str()
    }

    pub(super) fn whole(&self, keys: &[&str]) -> Option<u64> {
        self.get(keys)?.as_u64()
    }

    /// `default` if it is missing.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, EmbedError> {
        match self.get(&[key]) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(format!("{key} is {other}, not true or false"))),
        }
    }

    /// One number for each of R, G and B.
    pub(super) fn colours(
        &self,
        key: &str,
        default: Option<[f32; 3]>,
    ) -> Result<[f32; 3], EmbedError> {
        let wrong = || self.wrong(format!("{key} must be three numbers"));
        let Some(value) = self.get(&[key]) else {
            return default.ok_or_else(wrong);
        };
        let numbers = value.as_array().ok_or_else(wrong)?;
        let numbers: Vec<f32> = numbers
            .iter()
            .filter_map(Value::as_f64)
            .map(|number| number as f32)
            .collect();
        numbers.try_into().map_err(|_| wrong())
    }

    pub(super) fn wrong(&self, reason: impl ToString) -> EmbedError {
        EmbedError::layout(&self.path, reason)
    }
}
