//! One JSON object per line, written straight into a reused buffer.

use std::fmt::{self, Write as _};

use serde::Serialize;
use tracing::field::{Field, Visit};

use super::layer::{Chain, Parts};
use super::time;

/// Keys of our own; a field of such a name is written as `field.NAME`, for a key must not occur twice.
const RESERVED: [&str; 8] = ["time", "level", "service", "target", "trace_id", "span_id", "request_id", "scope"];

pub(super) fn write(line: &mut Vec<u8>, parts: &Parts<'_>) {
    line.extend_from_slice(b"{\"time\":\"");
    time::write_full(line, parts.time);
    line.extend_from_slice(b"\",\"level\":\"");
    line.extend_from_slice(parts.metadata().level().as_str().as_bytes());
    line.push(b'"');
    let mut object = Object { line, target: None };
    object.value("service", parts.service);
    parts.event.record(&mut object);
    let target = object.target.take();
    object.value("target", target.as_deref().unwrap_or(parts.metadata().target()));
    if let Some(context) = parts.context {
        if !context.trace.is_none() {
            object.text("trace_id", format_args!("{}", context.trace.trace_id));
            object.text("span_id", format_args!("{}", context.trace.span_id));
        }
        if let Some(id) = &context.request_id {
            object.value("request_id", &**id);
        }
    }
    if !parts.scope.is_empty() {
        object.value("scope", parts.scope);
    }
    line.extend_from_slice(b"}\n");
}

struct Object<'a> {
    line: &'a mut Vec<u8>,
    /// Of a record that came through the `log` crate.
    target: Option<String>,
}

impl Object<'_> {
    fn key(&mut self, key: &str) {
        self.line.push(b',');
        self.push(key);
        self.line.push(b':');
    }

    fn push(&mut self, value: impl Serialize) {
        // Writing to a Vec cannot fail, and these values can all be written.
        let _ = serde_json::to_writer(&mut *self.line, &value);
    }

    fn value(&mut self, key: &str, value: impl Serialize) {
        self.key(key);
        self.push(value);
    }

    fn text(&mut self, key: &str, text: fmt::Arguments<'_>) {
        self.key(key);
        self.line.push(b'"');
        let _ = Escape(self.line).write_fmt(text);
        self.line.push(b'"');
    }

    /// Whether the field is to be written, under its own name or another.
    fn field(&mut self, field: &Field, write: impl FnOnce(&mut Self, &str)) {
        let name = field.name();
        if name.starts_with("log.") {
            return;
        }
        if RESERVED.contains(&name) { write(self, &format!("field.{name}")) } else { write(self, name) }
    }
}

impl Visit for Object<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, |object, name| object.text(name, format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        self.field(field, |object, name| object.value(name, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |object, name| object.value(name, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |object, name| object.value(name, value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, |object, name| object.value(name, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, |object, name| object.value(name, value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.field(field, |object, name| object.text(name, format_args!("{}", Chain(value))));
    }
}

/// Escapes what is written for the inside of a JSON string.
struct Escape<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
            self.0.extend_from_slice(&rest[..at]);
            match rest[at] {
                b'"' => self.0.extend_from_slice(b"\\\""),
                b'\\' => self.0.extend_from_slice(b"\\\\"),
                b'\n' => self.0.extend_from_slice(b"\\n"),
                b'\r' => self.0.extend_from_slice(b"\\r"),
                b'\t' => self.0.extend_from_slice(b"\\t"),
                control => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    self.0.extend_from_slice(b"\\u00");
                    self.0.extend([HEX[usize::from(control >> 4)], HEX[usize::from(control & 15)]]);
                }
            }
            rest = &rest[at + 1..];
        }
        self.0.extend_from_slice(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_survives(text: String) {
            let mut line = vec![b'"'];
            let _ = write!(Escape(&mut line), "{text}");
            line.push(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&line).ok(), Some(text));
        }
    }
}
