//! `docs/SEMANTICS.md`, executed: every `console` block of it, on a real mount over the
//! drawn scenes.
//!
//! Two of the scenes get a sidecar and one file is broken, as the document says.
//!
//! In a block, `$ command` is run by the shell in the mount, and the lines after it are
//! what it must print, on both outputs. `…` in a line stands for anything, and a line that
//! is only `…` for any number of lines.

use std::fs;
use std::process::Command;

use crate::pictures::copy_scenes;
use crate::support::{Daemon, Home};

const DOCUMENT: &str = include_str!("../../docs/SEMANTICS.md");

struct Example {
    command: String,
    expected: Vec<String>,
}

fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let blocks = DOCUMENT.split("```console\n").skip(1);
    for block in blocks.map(|rest| rest.split("```").next().unwrap()) {
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => examples.push(Example {
                    command: command.to_owned(),
                    expected: Vec::new(),
                }),
                None => examples.last_mut().unwrap().expected.push(line.to_owned()),
            }
        }
    }
    examples
}

/// Whether a line is as expected, `…` standing for anything.
fn line_matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        open = true;
        match rest.find(part) {
            // The last part must end the line.
            Some(_) if part.is_empty() => {}
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || (open && expected.ends_with('…'))
}

fn matches(expected: &[String], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, after)| line_matches(first, line) && matches(rest, after)),
    }
}

/// An XMP sidecar with these attributes and keywords.
fn sidecar(attributes: &str, keywords: &[&str]) -> String {
    let keywords = keywords
        .iter()
        .map(|keyword| format!("<rdf:li>{keyword}</rdf:li>"));
    let keywords: String = keywords.collect();
    format!(
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"
        ><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        ><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/"
        xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
        xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}
        ><dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject
        ></rdf:Description></rdf:RDF></x:xmpmeta>"#
    )
}

#[test]
fn the_document_is_true() {
    let examples = examples();
    assert!(examples.len() > 10, "the document has examples");
    let home = Home::new();
    copy_scenes(&home.photos());
    let sidecars = [
        (
            "beach-01.jpg.xmp",
            r#"xmp:Rating="4" exif:DateTimeOriginal="2023-05-17T18:30:00" tiff:Make="NIKON"
            tiff:Model="NIKON D90" exif:GPSLatitude="43,27.87N" exif:GPSLongitude="11,52.88E""#,
            &["family"][..],
        ),
        (
            "beach-02.xmp",
            r#"exif:DateTimeOriginal="2024-01-02T09:00:00" tiff:Make="Canon"
            tiff:Model="Canon EOS 5D" exif:GPSLatitude="60,10.2N" exif:GPSLongitude="24,56.3E""#,
            &["Family", "winter"],
        ),
    ];
    for (name, attributes, keywords) in sidecars {
        let path = home.photos().join("beach").join(name);
        fs::write(path, sidecar(attributes, keywords)).unwrap();
    }
    fs::write(home.photos().join("broken.jpg"), "no picture").unwrap();
    let Some(_daemon) = Daemon::start(&home) else {
        return;
    };
    for Example { command, expected } in examples {
        let output = Command::new("bash")
            .arg("-c")
            .arg(format!("{command} 2>&1"))
            .current_dir(home.mount())
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = printed.lines().collect();
        assert!(
            matches(&expected, &lines),
            "$ {command}\nprinted\n{printed}\nand not\n{}",
            expected.join("\n")
        );
    }
}

#[test]
fn the_matcher_can_say_no() {
    assert!(line_matches("a…c", "abbc") && !line_matches("a…c", "abb"));
    assert!(line_matches("a…", "abc") && !line_matches("a", "abc"));
    let expected = ["a".to_owned(), "…".to_owned(), "z".to_owned()];
    assert!(matches(&expected, &["a", "b", "z"]) && !matches(&expected, &["a", "b"]));
}
