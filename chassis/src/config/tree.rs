//! The merged configuration: every value with its origin.

use std::collections::BTreeMap;

use super::Origin;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    /// Of the value itself; a table that was merged of several has none.
    pub(super) origin: Option<Origin>,
}

impl Node {
    pub(super) fn empty() -> Self {
        Self { value: Value::Table(BTreeMap::new()), origin: None }
    }

    pub(super) fn table(&self) -> Option<&BTreeMap<String, Self>> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The node at a dotted path.
    pub(super) fn get(&self, path: &str) -> Option<&Self> {
        let parts = path.split('.').filter(|part| !part.is_empty());
        parts.into_iter().try_fold(self, |node, part| {
            let table = node.table()?;
            // A name with dashes can be written in a variable with underscores only.
            table.get(part).or_else(|| table.get(&part.replace('-', "_")))
        })
    }

    /// Where it stands: of a table, where its first value does.
    pub(super) fn place(&self) -> Option<Origin> {
        let below = || match &self.value {
            Value::Table(table) => table.values().find_map(Self::place),
            Value::List(list) => list.iter().find_map(Self::place),
            _ => None,
        };
        self.origin.clone().or_else(below)
    }

    /// Puts `over` on top: tables are merged, everything else is replaced.
    pub(super) fn overlay(&mut self, over: &Self) {
        match (&mut self.value, &over.value) {
            (Value::Table(table), Value::Table(overs)) => {
                for (key, over) in overs {
                    table.entry(key.clone()).and_modify(|node| node.overlay(over)).or_insert_with(|| over.clone());
                }
            }
            _ => self.clone_from(over),
        }
    }

    /// What kind of value it is, in words.
    pub(super) fn describe(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}
