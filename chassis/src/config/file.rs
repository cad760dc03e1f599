//! TOML files with the line of every value.

use std::path::Path;
use std::sync::Arc;

use config::{Map, Value as Merged, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::layer::{Origins, Tables};
use super::{Faults, Origin};

/// What a piece of TOML is called in reports.
#[derive(Debug, Clone)]
pub(super) enum Text {
    /// It stands in the program.
    Default,
    /// It was read from there.
    File(Arc<str>),
}

impl Text {
    pub(super) fn file(path: &Path) -> Self {
        Self::File(path.display().to_string().into())
    }

    fn origin(&self, line: usize) -> Origin {
        match self {
            Self::Default => Origin::Default,
            Self::File(path) => Origin::File { path: Arc::clone(path), line },
        }
    }
}

/// Reads TOML; every syntax error becomes a fault at its line.
pub(super) fn parse(name: &Text, text: &str, origins: &mut Origins, faults: &mut Faults) -> Option<Tables> {
    let mut reader = Reader { name, lines: Lines::of(text), origins, faults };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = reader.lines.at(error.span().map_or(0, |span| span.start));
        let message = format!("not valid TOML: {}", error.message());
        reader.faults.add("", message).at(Some(name.origin(line)));
    }
    let table = reader.table(table.get_ref());
    errors.is_empty().then_some(Tables(table))
}

struct Reader<'a> {
    name: &'a Text,
    lines: Lines,
    origins: &'a mut Origins,
    faults: &'a mut Faults,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Map<String, Merged> {
        let read = |(key, value): (&Spanned<_>, _)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            (name.to_string(), self.value(self.lines.at(key.span().start), value))
        };
        table.iter().map(read).collect()
    }

    fn value(&mut self, line: usize, value: &Spanned<DeValue<'_>>) -> Merged {
        let origin = self.name.origin(line);
        let kind = match value.get_ref() {
            DeValue::String(text) => ValueKind::String(text.to_string()),
            DeValue::Boolean(value) => ValueKind::Boolean(*value),
            DeValue::Datetime(value) => ValueKind::String(value.to_string()),
            DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => ValueKind::I128(number),
                Err(_) => return self.unreadable(origin, number.as_str()),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) => ValueKind::Float(number),
                Err(_) => return self.unreadable(origin, number.as_str()),
            },
            DeValue::Array(list) => {
                let each = |value: &Spanned<_>| self.value(self.lines.at(value.span().start), value);
                ValueKind::Array(list.iter().map(each).collect())
            }
            // A table gets no origin: once merged it may come from several places.
            DeValue::Table(table) => return Merged::new(None, self.table(table)),
        };
        self.origins.value(origin, kind)
    }

    fn unreadable(&mut self, origin: Origin, number: &str) -> Merged {
        self.faults.add("", format!("the number {number} is out of range")).at(Some(origin));
        Merged::new(None, ValueKind::Nil)
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    /// The line of a byte, counted from one.
    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte) + 1
    }
}
