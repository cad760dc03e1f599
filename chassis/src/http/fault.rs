//! What is wrong with a request, said without repeating it.

use serde_path_to_error::{Path, Segment};

use super::problem::FieldFault;

/// The fault that serde found at `path`, below `base`.
pub(crate) fn of(base: &str, path: &Path, message: &str) -> FieldFault {
    let mut pointer = base.to_owned();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { variant } => push(&mut pointer, variant),
            Segment::Unknown => {}
        }
    }
    let (name, message) = without_values(message);
    if let Some(name) = name {
        push(&mut pointer, name);
    }
    FieldFault { pointer, message }
}

/// Appends a reference token, escaped as RFC 6901 has it.
pub(crate) fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// serde's message in words that do not repeat the value, and the field that it says is missing.
///
/// serde's own messages have a part that quotes what was found and a part that the type's author wrote; only the second
/// is kept. A message of any other form may quote anything.
fn without_values(message: &str) -> (Option<&str>, String) {
    if let Some(name) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return (Some(name), "is missing".to_owned());
    }
    if message == "is missing" {
        return (None, message.to_owned());
    }
    let forms = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant ", "unknown field "];
    if forms.iter().any(|form| message.starts_with(form)) {
        // The last one: what was found comes before it and may contain anything.
        if let Some(at) = message.rfind(", expected ") {
            let expected = message[at + ", expected ".len()..].split(" at line ").next().unwrap_or_default();
            let verb = if message.starts_with("unknown field ") { "is not known; expected" } else { "must be" };
            return (None, format!("{verb} {}", in_words(expected)));
        }
    }
    (None, "is not valid".to_owned())
}

/// What serde names by a type of Rust's, in words that are not Rust's.
fn in_words(expected: &str) -> String {
    let (low, high) = match expected {
        "u8" => ("0", u8::MAX.to_string()),
        "u16" => ("0", u16::MAX.to_string()),
        "u32" => ("0", u32::MAX.to_string()),
        "i8" => ("-128", i8::MAX.to_string()),
        "i16" => ("-32768", i16::MAX.to_string()),
        "i32" => ("-2147483648", i32::MAX.to_string()),
        // Beyond what anybody counts to.
        "u64" | "u128" | "usize" => return "a whole number, zero or more".to_owned(),
        "i64" | "i128" | "isize" => return "a whole number".to_owned(),
        "a nonzero u8" => ("1", u8::MAX.to_string()),
        "a nonzero u16" => ("1", u16::MAX.to_string()),
        "a nonzero u32" => ("1", u32::MAX.to_string()),
        "a nonzero u64" | "a nonzero u128" | "a nonzero usize" => return "a whole number, 1 or more".to_owned(),
        "f32" | "f64" => return "a number".to_owned(),
        "a boolean" => return "true or false".to_owned(),
        "a string" | "a borrowed string" => return "text".to_owned(),
        "a character" => return "a single character".to_owned(),
        "a sequence" => return "a list".to_owned(),
        "a map" => return "an object".to_owned(),
        "unit" => return "null".to_owned(),
        // Of a type's author, or of serde: `struct Order`, `tuple of 2 elements`.
        other if other.starts_with("struct ") => return "an object".to_owned(),
        other => return other.to_owned(),
    };
    format!("a whole number from {low} to {high}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_repeated() {
        for (message, expected) in [
            (
                "invalid type: string \"hunter2\", expected u32 at line 1 column 9",
                "must be a whole number from 0 to 4294967295",
            ),
            ("invalid type: string \"x, expected y\", expected a sequence", "must be a list"),
            ("unknown variant `hunter2`, expected `a` or `b`", "must be `a` or `b`"),
            ("invalid value: integer `300`, expected u8", "must be a whole number from 0 to 255"),
            ("invalid type: null, expected struct Line", "must be an object"),
            ("invalid type: integer `7`, expected a boolean", "must be true or false"),
            ("hunter2 is wrong", "is not valid"),
        ] {
            assert_eq!(without_values(message), (None, expected.to_owned()));
        }
        assert_eq!(without_values("missing field `sku` at line 1"), (Some("sku"), "is missing".to_owned()));
    }

    #[test]
    fn tokens_are_escaped() {
        let mut pointer = String::new();
        push(&mut pointer, "a/b~c");
        assert_eq!(pointer, "/a~1b~0c");
    }
}
