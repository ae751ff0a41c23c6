//! One name for one camera, however its maker spelled itself that year.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text;

/// What a photo was taken with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Camera {
    /// The maker as people say it: `Nikon`. Empty where only the model is known.
    pub make: String,
    /// The model without its maker: `D90`. Empty where only the maker is known.
    pub model: String,
}

/// How makers begin their names, and what people call them. Longer beginnings stand
/// before shorter ones.
const MAKERS: &[(&str, &str)] = &[
    ("acer", "Acer"),
    ("agfa", "Agfa"),
    ("amazon", "Amazon"),
    ("apple", "Apple"),
    ("arashi vision", "Insta360"),
    ("asahi", "Pentax"),
    ("asus", "Asus"),
    ("autel", "Autel"),
    ("benq", "BenQ"),
    ("blackberry", "BlackBerry"),
    ("blackmagic", "Blackmagic"),
    ("canon", "Canon"),
    ("casio", "Casio"),
    ("concord", "Concord"),
    ("dji", "DJI"),
    ("sz dji", "DJI"),
    ("eastman kodak", "Kodak"),
    ("epson", "Epson"),
    ("seiko epson", "Epson"),
    ("fairphone", "Fairphone"),
    ("fuji", "Fujifilm"),
    ("garmin", "Garmin"),
    ("general imaging", "GE"),
    ("google", "Google"),
    ("gopro", "GoPro"),
    ("hasselblad", "Hasselblad"),
    ("hewlett", "HP"),
    ("hp", "HP"),
    ("hmd global", "Nokia"),
    ("honor", "Honor"),
    ("htc", "HTC"),
    ("huawei", "Huawei"),
    ("insta360", "Insta360"),
    ("jolla", "Jolla"),
    ("jvc", "JVC"),
    ("kodak", "Kodak"),
    ("konica minolta", "Konica Minolta"),
    ("konica", "Konica"),
    ("kyocera", "Kyocera"),
    ("leaf", "Leaf"),
    ("leica", "Leica"),
    ("lenovo", "Lenovo"),
    ("lge", "LG"),
    ("lg", "LG"),
    ("mamiya", "Mamiya"),
    ("medion", "Medion"),
    ("meizu", "Meizu"),
    ("microsoft", "Microsoft"),
    ("minolta", "Minolta"),
    ("motorola", "Motorola"),
    ("nikon", "Nikon"),
    ("nintendo", "Nintendo"),
    ("nokia", "Nokia"),
    ("nothing", "Nothing"),
    ("olympus", "Olympus"),
    ("om digital", "OM System"),
    ("om system", "OM System"),
    ("oneplus", "OnePlus"),
    ("oppo", "Oppo"),
    ("palm", "Palm"),
    ("panasonic", "Panasonic"),
    ("parrot", "Parrot"),
    ("pentax", "Pentax"),
    ("phase one", "Phase One"),
    ("polaroid", "Polaroid"),
    ("realme", "Realme"),
    ("reconyx", "Reconyx"),
    ("research in motion", "BlackBerry"),
    ("ricoh", "Ricoh"),
    ("samsung", "Samsung"),
    ("sanyo", "Sanyo"),
    ("sharp", "Sharp"),
    ("siemens", "Siemens"),
    ("sigma", "Sigma"),
    ("sony ericsson", "Sony Ericsson"),
    ("sonyericsson", "Sony Ericsson"),
    ("sony", "Sony"),
    ("toshiba", "Toshiba"),
    ("victor company", "JVC"),
    ("vivitar", "Vivitar"),
    ("vivo", "Vivo"),
    ("xiaomi", "Xiaomi"),
    ("yi technology", "YI"),
    ("zte", "ZTE"),
];

impl Camera {
    /// One name from what a file gives as maker and model; nothing if it gives neither.
    #[must_use]
    pub fn new(make: &str, model: &str) -> Option<Self> {
        let make = tidy(make);
        let mut model = tidy(model);
        let mut name = match maker(&make) {
            Some((_, name)) => name.to_owned(),
            None => plain(&make),
        };
        // Ricoh makes Pentax cameras; some files give the model only.
        if let Some((start, known)) = maker(&model)
            && (name.is_empty() || known != name)
            && model.len() > start.len()
        {
            name = known.to_owned();
        }
        let spellings = [make.as_str(), &name, first_word(&make)];
        let known = maker(&model).map(|(start, _)| start).filter(|start| {
            MAKERS
                .iter()
                .any(|(other, known)| other == start && *known == name)
        });
        for start in spellings.into_iter().chain(known) {
            if let Some(rest) = without(&model, start) {
                model = rest.to_owned();
                break;
            }
        }
        for end in [" digital still camera", " digital camera"] {
            let at = model.len().saturating_sub(end.len());
            if at > 0
                && model
                    .get(at..)
                    .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
            {
                model.truncate(at);
            }
        }
        (!name.is_empty() || !model.is_empty()).then_some(Self { make: name, model })
    }
}

impl fmt::Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.make.is_empty() || self.model.is_empty() {
            ""
        } else {
            " "
        };
        write!(f, "{}{space}{}", self.make, self.model)
    }
}

/// The maker whose name `text` begins with, as whole words.
fn maker(text: &str) -> Option<(&'static str, &'static str)> {
    MAKERS.iter().copied().find(|(start, name)| {
        // `FUJIFILM`, `LEICA`, but not `sharpness`: a beginning is a word, or its maker's
        // name goes on.
        text.get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
            && (text[start.len()..]
                .chars()
                .next()
                .is_none_or(|next| !next.is_ascii_alphabetic())
                || without(text, name).is_some())
    })
}

/// `text` without `start` and the space behind it, if it begins so and something is left.
fn without<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let head = text.get(..start.len())?;
    let rest = &text[start.len()..];
    let ends = rest.starts_with([' ', '_', '-', ',']);
    let left = rest.trim_start_matches([' ', '_', '-', ',']);
    (!start.is_empty() && ends && head.eq_ignore_ascii_case(start) && !left.is_empty())
        .then_some(left)
}

/// The first word of a maker's name, unless it is so short that models begin with it.
fn first_word(text: &str) -> &str {
    text.split(' ')
        .next()
        .filter(|word| word.len() > 2)
        .unwrap_or_default()
}

fn tidy(text: &str) -> String {
    text::clean(text, 80)
        .map(|text| {
            text.trim_matches(|c: char| c == '<' || c == '>' || c.is_whitespace())
                .to_owned()
        })
        .unwrap_or_default()
}

/// An unknown maker without what makes it a company, and not in capitals throughout.
fn plain(make: &str) -> String {
    const COMPANY: &[&str] = &[
        "ag",
        "co",
        "co.",
        "co.,",
        "company",
        "corp",
        "corp.",
        "corporation",
        "electronics",
        "gmbh",
        "inc",
        "inc.",
        "international",
        "limited",
        "llc",
        "ltd",
        "ltd.",
        "co.,ltd",
        "co.,ltd.",
        "technologies",
        "technology",
    ];
    let mut words: Vec<&str> = make.split(' ').collect();
    while words.len() > 1
        && words.last().is_some_and(|word| {
            COMPANY.contains(&word.trim_end_matches(',').to_ascii_lowercase().as_str())
        })
    {
        words.pop();
    }
    let words: Vec<String> = words
        .into_iter()
        .map(|word| {
            let word = word.trim_end_matches(',');
            if word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase()) {
                format!("{}{}", &word[..1], word[1..].to_ascii_lowercase())
            } else {
                word.to_owned()
            }
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_has_one_name() {
        for (make, model, name) in [
            ("NIKON CORPORATION", "NIKON D90", "Nikon D90"),
            ("NIKON", "COOLPIX P1", "Nikon COOLPIX P1"),
            ("NIKON", "E950", "Nikon E950"),
            ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
            ("Canon", "Canon PowerShot S40", "Canon PowerShot S40"),
            ("Apple", "iPhone 12", "Apple iPhone 12"),
            ("FUJIFILM", "FinePix E500", "Fujifilm FinePix E500"),
            ("FUJIFILM", "X-T4", "Fujifilm X-T4"),
            ("FUJI PHOTO FILM CO., LTD.", "SP-2500", "Fujifilm SP-2500"),
            (
                "OLYMPUS OPTICAL CO.,LTD",
                "C960Z,D460Z",
                "Olympus C960Z,D460Z",
            ),
            ("OLYMPUS IMAGING CORP.", "E-M5", "Olympus E-M5"),
            ("OM Digital Solutions", "OM-1", "OM System OM-1"),
            (
                "EASTMAN KODAK COMPANY",
                "KODAK CX7530 ZOOM DIGITAL CAMERA",
                "Kodak CX7530 ZOOM",
            ),
            ("PENTAX Corporation", "PENTAX K10D", "Pentax K10D"),
            ("RICOH IMAGING COMPANY, LTD.", "PENTAX K-3", "Pentax K-3"),
            (
                "Konica Minolta Camera, Inc.",
                "DiMAGE Z3",
                "Konica Minolta DiMAGE Z3",
            ),
            ("Minolta Co., Ltd.", "DiMAGE 7", "Minolta DiMAGE 7"),
            ("SAMSUNG", "SAMSUNG-SGH-I747", "Samsung SGH-I747"),
            ("samsung", "SM-G998B", "Samsung SM-G998B"),
            ("HUAWEI", "HUAWEI VNS-L31", "Huawei VNS-L31"),
            ("HMD Global", "Nokia 8.3 5G", "Nokia 8.3 5G"),
            ("Hewlett-Packard", "HP PhotoSmart 735", "HP PhotoSmart 735"),
            ("LEICA CAMERA AG", "LEICA Q2", "Leica Q2"),
            ("SONY", "DSC-W1", "Sony DSC-W1"),
            ("LGE", "Nexus 5", "LG Nexus 5"),
            ("LG Electronics", "LG-H870", "LG H870"),
            ("SKANHEX TECHNOLOGY INC.", "SX-410", "Skanhex SX-410"),
            ("WWL (Polaroid)", "ION230", "WWL (Polaroid) ION230"),
            ("", "NIKON D90", "Nikon D90"),
            ("Canon", "", "Canon"),
            ("", "Scanner", "Scanner"),
            ("Google", "Pixel 7", "Google Pixel 7"),
            ("Canon", "Canon", "Canon Canon"),
        ] {
            let camera = Camera::new(make, model).unwrap();
            assert_eq!(camera.to_string(), name, "{make:?} {model:?}");
        }
        assert_eq!(Camera::new(" ", "\0"), None);
    }
}
