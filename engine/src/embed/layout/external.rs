//! Which other files an ONNX file keeps its weights in.
//!
//! Only the frame of the protocol buffer is walked (`onnx.proto`: models, graphs, nodes,
//! attributes, tensors); what weights there are in the file are skipped, not read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Graphs lie within graphs; deeper than this lie none.
const DEEPEST: usize = 64;

/// A name with more bytes than this is none.
const LONGEST_NAME: u64 = 4096;

/// What kind of message a part of the file is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Model,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    /// A key and its value: where a tensor's numbers are.
    Entry,
}

impl Kind {
    /// What the field of that number is, if it is of interest.
    fn field(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Some(Self::Tensor),
            (Self::Tensor, 13) => Some(Self::Entry),
            _ => None,
        }
    }
}

/// The names of the files, relative to the folder of this one. The error is a sentence: it
/// is no ONNX file.
pub(super) fn locations(path: &Path) -> Result<BTreeSet<String>, String> {
    let read = || -> io::Result<BTreeSet<String>> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut walk = Walk {
            file: BufReader::new(file),
            at: 0,
            graphs: 0,
            found: BTreeSet::new(),
        };
        walk.message(Kind::Model, length, 0)?;
        if walk.graphs == 0 {
            return Err(damaged());
        }
        Ok(walk.found)
    };
    read().map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            "it is not an ONNX file, or not a whole one".to_owned()
        }
        _ => error.to_string(),
    })
}

/// The same as paths within `folder`, of a tower in it. A file that is not beside the tower is
/// not taken, whatever the tower says.
pub(super) fn files(folder: &Path, tower: &str) -> Result<Vec<String>, String> {
    let beside = tower.rsplit_once('/').map(|(beside, _)| beside);
    let files = locations(&folder.join(tower))?.into_iter().map(|name| {
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(format!(
                "its weights are in {name:?}, which is not a file beside it"
            ));
        }
        Ok(beside.map_or(name.clone(), |beside| format!("{beside}/{name}")))
    });
    files.collect()
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

struct Walk {
    file: BufReader<File>,
    at: u64,
    graphs: usize,
    found: BTreeSet<String>,
}

impl Walk {
    /// Walks through a message that ends at `end`.
    fn message(&mut self, kind: Kind, end: u64, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(damaged());
        }
        if matches!(kind, Kind::Graph) {
            self.graphs += 1;
        }
        if matches!(kind, Kind::Entry) {
            return self.entry(end);
        }
        while self.at < end {
            let (number, length) = self.field(end)?;
            match kind.field(number) {
                Some(field) => self.message(field, self.at + length, depth + 1)?,
                None => self.skip(length)?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, end: u64) -> io::Result<()> {
        let (mut key, mut value) = (String::new(), String::new());
        while self.at < end {
            match self.field(end)? {
                (1, length) => key = self.text(length)?,
                (2, length) => value = self.text(length)?,
                (_, length) => self.skip(length)?,
            }
        }
        if key == "location" {
            self.found.insert(value);
        }
        Ok(())
    }

    /// The number of the next field and the bytes that follow; 0 for a plain number, which
    /// is behind us already.
    fn field(&mut self, end: u64) -> io::Result<(u64, u64)> {
        let tag = self.varint()?;
        let length = match tag & 7 {
            0 => {
                self.varint()?;
                // No message has such a field.
                return Ok((u64::MAX, 0));
            }
            1 => 8,
            2 => self.varint()?,
            5 => 4,
            _ => return Err(damaged()),
        };
        let fits = self
            .at
            .checked_add(length)
            .is_some_and(|after| after <= end);
        let number = if tag & 7 == 2 { tag >> 3 } else { u64::MAX };
        if fits {
            Ok((number, length))
        } else {
            Err(damaged())
        }
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            self.at += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged())
    }

    fn text(&mut self, length: u64) -> io::Result<String> {
        if length > LONGEST_NAME {
            return Err(damaged());
        }
        let mut bytes = Vec::new();
        self.file.by_ref().take(length).read_to_end(&mut bytes)?;
        self.at += length;
        String::from_utf8(bytes).map_err(|_| damaged())
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        let step = i64::try_from(length).map_err(|_| damaged())?;
        self.file.seek_relative(step)?;
        self.at += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2, bytes.len() as u8];
        field.extend(bytes);
        field
    }

    fn found(bytes: &[u8]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        std::fs::write(&path, bytes).unwrap();
        locations(&path).map(|found| found.into_iter().collect())
    }

    #[test]
    fn files_of_weights_are_found_wherever_they_are_named() {
        let entry = |file: &str| {
            let entry = [field(1, b"location"), field(2, file.as_bytes())].concat();
            field(13, &entry)
        };
        let weights = field(5, &entry("a.onnx_data"));
        let constant = field(1, &field(5, &field(5, &entry("b.data"))));
        let model = field(7, &[weights, constant].concat());
        assert_eq!(found(&model).unwrap(), ["a.onnx_data", "b.data"]);
    }

    #[test]
    fn weights_of_any_name_lie_beside_their_tower_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("onnx")).unwrap();
        let named = |tower: &str, file: &str| {
            let entry = [field(1, b"location"), field(2, file.as_bytes())].concat();
            let model = field(7, &field(5, &field(13, &entry)));
            std::fs::write(folder.path().join(tower), model).unwrap();
            files(folder.path(), tower)
        };
        let weights = named("onnx/a.onnx", "a_weights.bin").unwrap();
        assert_eq!(weights, ["onnx/a_weights.bin"]);
        assert_eq!(named("a.onnx", "x.MatMul_7").unwrap(), ["x.MatMul_7"]);
        for bad in ["", "..", "../a.bin", "/etc/passwd", "b/a.bin", ".hidden"] {
            assert!(named("onnx/a.onnx", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_of_the_default_model_has_none() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/mini");
        for tower in ["image_q8.onnx", "text_i8.onnx"] {
            assert!(locations(&models.join(tower)).unwrap().is_empty());
        }
    }

    #[test]
    fn what_is_no_onnx_file_is_an_error() {
        for bytes in [
            &b""[..],
            b"garbage",
            &[0xff; 64],
            b"\x3a\x7f",
            b"PK\x03\x04",
        ] {
            assert!(found(bytes).unwrap_err().contains("ONNX"));
        }
        let deep = (0..200).fold(Vec::new(), |inner: Vec<u8>, _| {
            if inner.len() > 100 {
                inner
            } else {
                field(7, &inner)
            }
        });
        let _ = found(&deep);
    }
}
