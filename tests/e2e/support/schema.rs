//! JSON against a schema: the few keywords that our schemas use, and no others. One that is not
//! known here is a failure, so nothing in a schema goes unnoticed.

use serde_json::Value;

/// Checks a value against a part of a schema, such as `#` or `#/$defs/group`. Fields that the
/// schema does not name are failures as well: ours are all documented.
pub fn assert_valid(schema: &Value, part: &str, value: &Value) {
    let mut wrong = Vec::new();
    check(schema, part_of(schema, part), value, "$", &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn part_of<'a>(schema: &'a Value, part: &str) -> &'a Value {
    let pointer = part.strip_prefix('#').unwrap();
    let part = schema.pointer(pointer);
    part.unwrap_or_else(|| panic!("{pointer} is in the schema"))
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let keywords = schema.as_object().unwrap();
    let is_number = value.is_number();
    for (keyword, wanted) in keywords {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let part = part_of(root, wanted.as_str().unwrap());
                check(root, part, value, at, wrong);
                true
            }
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|name| is_of(value, name)),
                name => is_of(value, name),
            },
            "minimum" => !is_number || value.as_f64() >= wanted.as_f64(),
            "maximum" => !is_number || value.as_f64() <= wanted.as_f64(),
            "minItems" => value.as_array().unwrap().len() as u64 >= wanted.as_u64().unwrap(),
            "pattern" => value
                .as_str()
                .is_some_and(|text| is_hexadecimal(text, wanted)),
            "required" => {
                let mut names = wanted.as_array().unwrap().iter();
                names.all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "items" => {
                for (number, item) in value.as_array().unwrap().iter().enumerate() {
                    check(root, wanted, item, &format!("{at}[{number}]"), wrong);
                }
                true
            }
            "properties" => {
                for (name, field) in value.as_object().unwrap() {
                    let at = format!("{at}.{name}");
                    match wanted.get(name) {
                        Some(schema) => check(root, schema, field, &at, wrong),
                        None => wrong.push(format!("{at} is not documented")),
                    }
                }
                true
            }
            other => panic!("{other:?} is a keyword that is not checked here"),
        };
        if !holds {
            wrong.push(format!("{at}: {value} is not as {keyword} {wanted} says"));
        }
    }
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other:?} is a type that is not checked here"),
    }
}

/// The one pattern that there is: so many hexadecimal digits.
fn is_hexadecimal(text: &str, pattern: &Value) -> bool {
    let pattern = pattern.as_str().unwrap();
    let number = pattern.strip_prefix("^[0-9a-f]{");
    let number = number.and_then(|rest| rest.strip_suffix("}$")).unwrap();
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == number.parse::<usize>().unwrap() && text.bytes().all(is_digit)
}

#[test]
fn what_breaks_a_schema_is_found() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["number"],
        "properties": {
            "number": { "type": ["integer", "null"], "minimum": 1 },
            "id": { "pattern": "^[0-9a-f]{4}$" },
            "list": { "type": "array", "minItems": 1, "items": { "enum": ["a"] } }
        }
    });
    let breaks = |value: Value| {
        let mut wrong = Vec::new();
        check(&schema, &schema, &value, "$", &mut wrong);
        wrong.len()
    };
    assert_eq!(
        breaks(serde_json::json!({ "number": null, "id": "00ff", "list": ["a"] })),
        0
    );
    for value in [
        serde_json::json!({}),
        serde_json::json!({ "number": 0 }),
        serde_json::json!({ "number": "1" }),
        serde_json::json!({ "number": 1, "id": "00FF" }),
        serde_json::json!({ "number": 1, "list": [] }),
        serde_json::json!({ "number": 1, "list": ["b"] }),
        serde_json::json!({ "number": 1, "more": 1 }),
    ] {
        assert_eq!(breaks(value.clone()), 1, "{value}");
    }
}
