//! A manifest in words that people can read.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::Layout;
use super::files::Files;
use super::towers::{Image, Text};
use crate::embed::manifest::{Attends, Clean, DataFile, Fill, ImageSection, TextSection};

/// The text of the manifest of a model of that name.
pub(super) fn manifest(name: &str, files: &Files, image: &Image, text: &Text) -> String {
    let mut written = String::new();
    let layout = match files.layout {
        Layout::Immich => "immich",
        Layout::Hub | Layout::Manifest => "the Hugging Face hub",
    };
    // Writing into a string cannot fail.
    let _ = writeln!(
        written,
        "# Made by semfs from the files of the model, in the layout of {layout}, with towers of\n\
         # the precision `{}`. What each key means: models/README.md of semfs.\n\
         name = {}\n\
         version = 1\n\
         dimension = {}\n",
        files.precision,
        quoted(name),
        image.dimension,
    );
    written.push_str(&image_section(&image.section));
    written.push('\n');
    written.push_str(&text_section(&text.section));
    let tokenizer = &text.tokenizer;
    let _ = write!(
        written,
        "\n[tokenizer]\n\
         kind = {}\n\
         file = {}\n\
         sha256 = {}\n",
        word(&tokenizer.kind),
        path(&tokenizer.file),
        quoted(&tokenizer.sha256),
    );
    if tokenizer.clean != Clean::None {
        let _ = writeln!(written, "clean = {}", word(&tokenizer.clean));
    }
    written
}

fn image_section(image: &ImageSection) -> String {
    let mut written = format!(
        "[image]\nfile = {}\nsha256 = {}\n",
        path(&image.file),
        quoted(&image.sha256)
    );
    written.push_str(&data(&image.data));
    let _ = write!(
        written,
        "input = {}\noutput = {}\nsize = {}\nfit = {}\n",
        quoted(&image.input),
        quoted(&image.output),
        image.size,
        word(&image.fit),
    );
    if let Some(resize) = image.resize.filter(|resize| *resize != image.size) {
        let _ = writeln!(written, "resize = {resize}");
    }
    if let Some(oversampling) = image.oversampling {
        let _ = writeln!(written, "oversampling = {oversampling}");
    }
    let _ = write!(
        written,
        "filter = {}\nscale = {:?}\nmean = {:?}\nstd = {:?}\n",
        word(&image.filter),
        image.scale,
        image.mean,
        image.std,
    );
    written
}

fn text_section(text: &TextSection) -> String {
    let mut written = format!(
        "[text]\nfile = {}\nsha256 = {}\n",
        path(&text.file),
        quoted(&text.sha256)
    );
    written.push_str(&data(&text.data));
    let _ = writeln!(written, "input = {}", quoted(&text.input));
    if let Some(attention) = &text.attention {
        let _ = writeln!(written, "attention = {}", quoted(attention));
        if text.attends != Attends::Text {
            let _ = writeln!(written, "attends = {}", word(&text.attends));
        }
    }
    let _ = write!(
        written,
        "output = {}\nlength = {}\nfill = {}\n",
        quoted(&text.output),
        text.length,
        word(&text.fill),
    );
    if text.fill != Fill::None {
        let _ = writeln!(written, "padding = {}", text.padding);
    }
    written
}

fn data(files: &[DataFile]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let files = files.iter().map(|data| {
        format!(
            "    {{ file = {}, sha256 = {} }},\n",
            path(&data.file),
            quoted(&data.sha256)
        )
    });
    format!("data = [\n{}]\n", files.collect::<String>())
}

/// The word that a manifest has for a value.
fn word(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// All paths come from a listing of names that are text.
fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// JSON escapes what TOML must have escaped, but for one sign.
fn quoted(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.replace('\u{7f}', "\\u007F")
}
