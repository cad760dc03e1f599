//! Lines for people: time, level, service, message, fields; what is only sometimes of interest is dim and comes last.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::Level;
use tracing::field::{Field, Visit};

use super::layer::{Chain, Parts};
use super::time;

const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

pub(super) fn write(line: &mut Vec<u8>, parts: &Parts<'_>, colours: bool) {
    let paint = |code: &'static str| if colours { code } else { "" };
    let (dim, bold, reset) = (paint(DIM), paint(BOLD), paint(RESET));
    let level = *parts.metadata().level();
    let colour = paint(match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        _ => "\x1b[35m",
    });
    line.extend_from_slice(dim.as_bytes());
    time::write_short(line, parts.time);
    // Writing to a Vec cannot fail; here and below.
    let _ = write!(line, "{reset} {colour}{:>5}{reset} {bold}{}{reset}", level.as_str(), parts.service);
    let mut fields = Fields { message: Vec::new(), rest: Vec::new(), target: None, dim, reset };
    parts.event.record(&mut fields);
    if !fields.message.is_empty() {
        line.push(b' ');
        line.extend_from_slice(&fields.message);
    }
    line.extend_from_slice(&fields.rest);
    let _ = write!(line, " {dim}{}", fields.target.as_deref().unwrap_or(parts.metadata().target()));
    if !parts.scope.is_empty() {
        let _ = write!(line, " {}", parts.scope);
    }
    if let Some(context) = parts.context {
        if !context.trace.is_none() {
            let _ = write!(line, " trace_id={} span_id={}", context.trace.trace_id, context.trace.span_id);
        }
        if let Some(id) = &context.request_id {
            let _ = write!(line, " request_id={id}");
        }
    }
    let _ = writeln!(line, "{reset}");
}

struct Fields {
    message: Vec<u8>,
    rest: Vec<u8>,
    /// Of a record that came through the `log` crate.
    target: Option<String>,
    dim: &'static str,
    reset: &'static str,
}

impl Fields {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let _ = match field.name() {
            "message" => Plain(&mut self.message).write_fmt(value),
            name if name.starts_with("log.") => Ok(()),
            name => {
                let _ = write!(self.rest, " {}{name}={}", self.dim, self.reset);
                Plain(&mut self.rest).write_fmt(value)
            }
        };
    }
}

/// Shows control characters instead of sending them: what is logged may come from outside, and the terminal obeys them.
struct Plain<'a>(&'a mut Vec<u8>);

impl fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
            match part.chars().next_back().filter(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                Some(control) => {
                    self.0.extend_from_slice(&part.as_bytes()[..part.len() - control.len_utf8()]);
                    let _ = write!(self.0, "{}", control.escape_default());
                }
                None => self.0.extend_from_slice(part.as_bytes()),
            }
        }
        Ok(())
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        self.write(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.write(field, format_args!("{}", Chain(value)));
    }
}
