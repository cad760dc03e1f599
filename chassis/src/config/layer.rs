//! The layers as sources of the `config` crate, which merges them and keeps each value's origin.

use std::collections::BTreeMap;

use config::{ConfigError, Map, Source, Value as Merged, ValueKind};

use super::Origin;
use super::tree::{Node, Value};

/// The `config` crate remembers an origin as text; this is what its numbers stand for.
#[derive(Debug, Default)]
pub(super) struct Origins(Vec<Origin>);

impl Origins {
    /// A value that remembers `origin`.
    pub(super) fn value(&mut self, origin: Origin, kind: impl Into<ValueKind>) -> Merged {
        if self.0.last() != Some(&origin) {
            self.0.push(origin);
        }
        Merged::new(Some(&(self.0.len() - 1).to_string()), kind)
    }

    /// The merged configuration with its origins.
    pub(super) fn resolve(&self, merged: Merged) -> Node {
        let origin = merged.origin().and_then(|index| self.0.get(index.parse::<usize>().ok()?)).cloned();
        let value = match merged.kind {
            ValueKind::Nil => Value::Null,
            ValueKind::Boolean(value) => Value::Bool(value),
            ValueKind::I64(value) => Value::Int(value.into()),
            ValueKind::I128(value) => Value::Int(value),
            ValueKind::U64(value) => Value::Int(value.into()),
            ValueKind::U128(value) => i128::try_from(value).map_or(Value::Float(value as f64), Value::Int),
            ValueKind::Float(value) => Value::Float(value),
            ValueKind::String(text) => Value::Text(text),
            ValueKind::Array(list) => Value::List(list.into_iter().map(|value| self.resolve(value)).collect()),
            ValueKind::Table(table) => Value::Table(
                table.into_iter().map(|(key, value)| (key, self.resolve(value))).collect::<BTreeMap<_, _>>(),
            ),
        };
        Node { value, origin }
    }
}

/// A whole file.
#[derive(Debug, Clone)]
pub(super) struct Tables(pub(super) Map<String, Merged>);

impl Source for Tables {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Merged>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Single values by their paths: variables, secret files, arguments.
#[derive(Debug, Clone)]
pub(super) struct Entries(pub(super) Vec<(Vec<String>, Merged)>);

impl Source for Entries {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Merged>, ConfigError> {
        let mut all = Merged::new(None, Map::<String, Merged>::new());
        self.collect_to(&mut all)?;
        match all.kind {
            ValueKind::Table(table) => Ok(table),
            _ => Ok(Map::new()),
        }
    }

    fn collect_to(&self, below: &mut Merged) -> Result<(), ConfigError> {
        for (path, value) in &self.0 {
            let path = as_written_below(path, below);
            let mut parts = path.into_iter().rev();
            let Some(last) = parts.next() else { continue };
            let one = |key, value| Map::from_iter([(key, value)]);
            let nested = parts.fold(one(last, value.clone()), |inner, key| one(key, Merged::new(None, inner)));
            Tables(nested).collect_to(below)?;
        }
        Ok(())
    }
}

/// A variable's name cannot hold a dash: `PAYMENT_PROVIDER` means `payment-provider` where a lower layer has that.
fn as_written_below(path: &[String], below: &Merged) -> Vec<String> {
    let mut table = Some(below);
    path.iter()
        .map(|part| {
            let names = table.and_then(|value| match &value.kind {
                ValueKind::Table(table) => Some(table),
                _ => None,
            });
            let known = names.and_then(|names| {
                names.get_key_value(part).or_else(|| names.iter().find(|(name, _)| name.replace('-', "_") == *part))
            });
            table = known.map(|(_, value)| value);
            known.map_or_else(|| part.clone(), |(name, _)| name.clone())
        })
        .collect()
}
