//! Numbers, lists and tables out of variables, arguments and secret files, which know text only.

use std::borrow::Cow;

use super::Origin;
use super::tree::{Node, Value};

/// Reads what a text stands for where the origin knows text only. What cannot be read stays text, and becomes a fault.
pub(super) fn read_text<'n>(node: &'n Node, types: &[&str]) -> Cow<'n, Node> {
    let Value::Text(text) = &node.value else { return Cow::Borrowed(node) };
    let textual = node.origin.as_ref().is_some_and(Origin::is_text);
    if !textual || types.is_empty() {
        return Cow::Borrowed(node);
    }
    let text = text.trim();
    let allowed = |kind: &str| types.contains(&kind);
    let value = if text.is_empty() && allowed("null") {
        Some(Value::Null)
    } else if allowed("string") {
        None
    } else {
        let integer = || text.parse().ok().map(Value::Int).filter(|_| allowed("integer") || allowed("number"));
        let number = || text.parse().ok().map(Value::Float).filter(|_| allowed("number"));
        let boolean = || match text.to_ascii_lowercase().as_str() {
            _ if !allowed("boolean") => None,
            "true" | "yes" | "on" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "off" | "0" => Some(Value::Bool(false)),
            _ => None,
        };
        let literal = |open: char, kind: &str| {
            let toml = (allowed(kind) && text.starts_with(open)).then(|| format!("value = {text}"))?;
            let table = toml::from_str::<toml::Table>(&toml).ok()?;
            Some(from_toml(table.get("value")?, node).value)
        };
        let list = || {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            let entry = |part: &str| Node { value: Value::Text(part.to_owned()), origin: node.origin.clone() };
            allowed("array").then(|| Value::List(parts.map(entry).collect()))
        };
        integer()
            .or_else(number)
            .or_else(boolean)
            .or_else(|| literal('[', "array"))
            .or_else(|| literal('{', "object"))
            .or_else(list)
    };
    value.map_or(Cow::Borrowed(node), |value| Cow::Owned(Node { value, origin: node.origin.clone() }))
}

fn from_toml(value: &toml::Value, at: &Node) -> Node {
    let value = match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(number) => Value::Int((*number).into()),
        toml::Value::Float(number) => Value::Float(*number),
        toml::Value::Boolean(value) => Value::Bool(*value),
        toml::Value::Datetime(value) => Value::Text(value.to_string()),
        toml::Value::Array(list) => Value::List(list.iter().map(|value| from_toml(value, at)).collect()),
        toml::Value::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.clone(), from_toml(value, at))).collect())
        }
    };
    Node { value, origin: at.origin.clone() }
}
