//! What the commands that look at a service print.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::erased::Provider;
use super::output;
use crate::config::{Config, KnownSection};
use crate::{Error, ErrorKind, Result};

/// Prints every setting with its origin.
pub(crate) fn explain(config: &Config, sections: &[KnownSection], as_json: bool) -> Result<ExitCode> {
    let settings = config.explain(sections);
    if as_json {
        let settings = settings
            .iter()
            .map(|setting| json!({ "key": setting.key, "value": setting.value, "origin": setting.origin.to_string() }));
        print(&settings.collect::<Value>())?;
    } else {
        let widest = |width: fn(&crate::config::Explained) -> usize| settings.iter().map(width).max().unwrap_or(0);
        let (keys, values) = (widest(|s| s.key.chars().count()), widest(|s| s.value.chars().count()).min(48));
        for setting in &settings {
            output::line(format_args!("{:keys$}  {:values$}  {}", setting.key, setting.value, setting.origin))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the JSON Schema of the whole configuration.
pub(crate) fn schema(sections: &[KnownSection]) -> Result<ExitCode> {
    let mut properties = serde_json::Map::new();
    for section in sections {
        insert(&mut properties, section.path(), section.schema());
    }
    print(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration",
        "type": "object",
        "properties": properties,
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Puts a schema at a dotted path: `clients.inventory` is a property of the property `clients`.
fn insert(properties: &mut Map<String, Value>, path: &str, schema: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        properties.insert(path.to_owned(), schema);
        return;
    };
    let table = properties.entry(first).or_insert_with(|| json!({ "type": "object" }));
    if let Some(table) = table.as_object_mut() {
        let inner = table.entry("properties").or_insert_with(|| json!({}));
        if let Some(inner) = inner.as_object_mut() {
            insert(inner, rest, schema);
        }
    }
}

/// Prints the OpenAPI document of the service that is named, or of the only one.
pub(crate) fn openapi(services: &[Box<dyn Provider>], name: Option<&str>) -> Result<ExitCode> {
    let names = || services.iter().map(|service| service.name()).collect::<Vec<_>>().join(", ");
    let service = match (name, services) {
        (Some(name), services) => services.iter().find(|service| service.name() == name),
        (None, [one]) => Some(one),
        (None, _) => None,
    };
    let service = service.ok_or_else(|| {
        Error::new(ErrorKind::Config, format!("which service? say `--service` and one of: {}", names()))
    })?;
    print(&service.openapi())?;
    Ok(ExitCode::SUCCESS)
}

fn print(value: &Value) -> Result<()> {
    output::line(format_args!("{}", serde_json::to_string_pretty(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_stand_where_their_keys_do() {
        let mut properties = Map::new();
        insert(&mut properties, "http", json!({ "title": "http" }));
        insert(&mut properties, "clients.stock", json!({ "title": "stock" }));
        insert(&mut properties, "clients.orders", json!({ "title": "orders" }));
        assert_eq!(properties["http"]["title"], "http");
        let clients = &properties["clients"]["properties"];
        assert_eq!((&clients["stock"]["title"], &clients["orders"]["title"]), (&json!("stock"), &json!("orders")));
    }
}
