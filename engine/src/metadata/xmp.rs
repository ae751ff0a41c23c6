//! XMP: what programs and people wrote, as RDF in XML.
//!
//! Properties are found by the address of their namespace, whatever its prefix, and in
//! all the forms that RDF has for the same statement: attribute, element, list, struct.
//! The vocabulary is in `xmp/vocabulary.rs`, what it comes to in `xmp/statement.rs`.
//! Nothing is fetched and no entity is expanded.

mod statement;
mod vocabulary;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::Metadata;
use super::text;
use statement::Statements;
use vocabulary::{Namespace, Property};

/// The most bytes of one block of XMP that are read.
const BYTES: usize = 8 << 20;

/// The most elements, and the most attributes, that are looked at.
const EVENTS: usize = 400_000;

/// The deepest nesting. Real files stay below 20.
const DEPTH: usize = 64;

/// The most prefixes that are known at a time.
const PREFIXES: usize = 128;

/// The most bytes of one value.
const VALUE: usize = 64 << 10;

/// Reads one block of XMP, or a sidecar.
pub(super) fn read(bytes: &[u8]) -> Metadata {
    read_with_extension(bytes, &[])
}

/// Reads a block and its extension, which is a block of its own.
pub(super) fn read_with_extension(bytes: &[u8], extension: &[u8]) -> Metadata {
    let mut statements = Statements::default();
    for block in [bytes, extension] {
        if !block.is_empty() {
            let text = decode(&block[..block.len().min(BYTES)]);
            Walk::default().walk(&text, &mut statements);
        }
    }
    statements.into_metadata()
}

/// The block in UTF-8: XMP may be in UTF-16, and damaged.
fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => text::utf16_big(rest),
        [0xFF, 0xFE, rest @ ..] => text::utf16_little(rest),
        [0, b'<', ..] => text::utf16_big(bytes),
        [b'<', 0, ..] => text::utf16_little(bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The way through one block.
#[derive(Default)]
struct Walk {
    /// The elements that are open.
    open: Vec<Element>,
    /// Prefixes, the address behind each, and the depth of the element that bound it.
    prefixes: Vec<(String, Namespace, usize)>,
    events: usize,
}

struct Element {
    property: Property,
    /// The language that `xml:lang` gives.
    is_default_language: bool,
    /// Whether it holds elements, so that its own text is only space between them.
    has_children: bool,
    value: String,
}

impl Walk {
    fn walk(mut self, text: &str, statements: &mut Statements) {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        while self.events < EVENTS && self.open.len() < DEPTH {
            self.events += 1;
            match reader.read_event() {
                Ok(Event::Start(start)) => self.start(&start, statements),
                Ok(Event::Empty(start)) => {
                    self.start(&start, statements);
                    self.end(statements);
                }
                Ok(Event::End(_)) => self.end(statements),
                Ok(Event::Text(text)) => self.text(&text.xml10_content()),
                Ok(Event::CData(text)) => self.text(&text.xml10_content()),
                Ok(Event::GeneralRef(reference)) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character),
                        _ => named_character(&reference.xml10_content()),
                    };
                    if let Some(character) = character {
                        self.text(character.encode_utf8(&mut [0; 4]));
                    }
                }
                Ok(Event::Eof) | Err(_) => break,
                Ok(_) => {}
            }
        }
        // What was open when the block was cut off still counts.
        while !self.open.is_empty() {
            self.end(statements);
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, statements: &mut Statements) {
        if let Some(parent) = self.open.last_mut() {
            parent.has_children = true;
        }
        let depth = self.open.len();
        let mut attributes = start.attributes();
        attributes.with_checks(false);
        let attributes: Vec<_> = attributes
            .take(EVENTS.saturating_sub(self.events))
            .map_while(Result::ok)
            .collect();
        self.events += attributes.len();
        // Prefixes first: an attribute may use one that is bound behind it.
        for attribute in &attributes {
            if let Some(prefix) = attribute.key.0.strip_prefix("xmlns:")
                && self.prefixes.len() < PREFIXES
            {
                let namespace = Namespace::of(attribute.value.trim());
                self.prefixes.push((prefix.to_owned(), namespace, depth));
            }
        }
        let property = self.property(start.name().0);
        statements.open(property);
        let mut is_default_language = false;
        self.open.push(Element {
            property,
            is_default_language: false,
            has_children: false,
            value: String::new(),
        });
        for attribute in &attributes {
            let name = attribute.key.0;
            if name.starts_with("xmlns") {
                continue;
            }
            let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else {
                continue;
            };
            let value = cut(&value);
            if name == "xml:lang" {
                is_default_language = value.eq_ignore_ascii_case("x-default");
                continue;
            }
            match self.property(name) {
                Property::Value | Property::Resource => {
                    // `rdf:value` and `rdf:resource` are the element's own value.
                    let subject = self.subject(self.open.len());
                    statements.say(subject, value, false);
                }
                property => statements.say(property, value, false),
            }
        }
        if let Some(element) = self.open.last_mut() {
            element.is_default_language = is_default_language;
        }
    }

    fn end(&mut self, statements: &mut Statements) {
        let depth = self.open.len();
        let subject = self.subject(depth);
        let Some(element) = self.open.pop() else {
            return;
        };
        if !element.has_children && !element.value.trim().is_empty() {
            statements.say(subject, element.value.trim(), element.is_default_language);
        }
        statements.close(element.property);
        while self
            .prefixes
            .last()
            .is_some_and(|(_, _, bound)| *bound + 1 >= depth)
        {
            self.prefixes.pop();
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut()
            && !element.has_children
            && element.value.len() < VALUE
        {
            element.value.push_str(cut(text));
        }
    }

    /// The property that the innermost of the first `depth` elements speaks of: itself,
    /// or, for RDF's own, the one around it.
    fn subject(&self, depth: usize) -> Property {
        self.open[..depth]
            .iter()
            .rev()
            .map(|element| element.property)
            .find(|property| !property.is_syntax())
            .unwrap_or(Property::Other)
    }

    fn property(&self, name: &str) -> Property {
        let Some((prefix, local)) = name.split_once(':') else {
            return Property::Other;
        };
        let namespace = self
            .prefixes
            .iter()
            .rev()
            .find(|(known, _, _)| known == prefix)
            .map_or(Namespace::Other, |(_, namespace, _)| *namespace);
        Property::of(namespace, local)
    }
}

/// The five characters that XML names itself.
fn named_character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// At most [`VALUE`] bytes of a value.
fn cut(value: &str) -> &str {
    let mut end = value.len().min(VALUE);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests;
