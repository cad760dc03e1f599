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
            return (None, format!("{verb} {expected}"));
        }
    }
    (None, "is not valid".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_repeated() {
        for (message, expected) in [
            ("invalid type: string \"hunter2\", expected u32 at line 1 column 9", "must be u32"),
            ("invalid type: string \"x, expected y\", expected a sequence", "must be a sequence"),
            ("unknown variant `hunter2`, expected `a` or `b`", "must be `a` or `b`"),
            ("invalid value: integer `300`, expected u8", "must be u8"),
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
