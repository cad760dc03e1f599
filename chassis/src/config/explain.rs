use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::check::{join, plain};
use super::mask::{MASK, mask_url, speaks_of_secrets};
use super::tree::{Node, Value};
use super::{KnownSection, Origin, schema};

/// What stands for a setting that is optional and that nobody has set.
const UNSET: &str = "(unset)";

/// One value of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// The dotted key.
    pub key: String,
    /// The value as TOML would have it, masked if it is secret; `(unset)` for one that is optional and that nobody has set.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

pub(super) fn explain(root: &Node, sections: &[KnownSection]) -> Vec<Explained> {
    let mut all = BTreeMap::new();
    for section in sections {
        for place in section.places(root) {
            defaults(&section.schema, section.schema.as_ref(), &place, &mut all);
        }
    }
    values(root, "", sections, &mut all);
    all.into_values().collect()
}

fn defaults(root: &Json, schema: &Json, key: &str, all: &mut BTreeMap<String, Explained>) {
    let properties = schema::resolve(root, schema).get("properties").and_then(Json::as_object).into_iter().flatten();
    for (name, inner) in properties {
        let key = join(key, name);
        match inner.get("default") {
            Some(Json::Object(table)) if !table.is_empty() => defaults(root, inner, &key, all),
            Some(Json::Null) => {
                all.insert(key.clone(), Explained { key, value: UNSET.to_owned(), origin: Origin::Default });
            }
            Some(value) => {
                let value = if schema::is_secret(inner) { MASK.to_owned() } else { mask_url(&value.to_string()) };
                all.insert(key.clone(), Explained { key, value, origin: Origin::Default });
            }
            // A table of settings with defaults of their own.
            None => defaults(root, inner, &key, all),
        }
    }
}

fn values(node: &Node, key: &str, sections: &[KnownSection], all: &mut BTreeMap<String, Explained>) {
    match &node.value {
        Value::Table(table) => {
            for (name, node) in table {
                values(node, &join(key, name), sections, all);
            }
        }
        _ => {
            let hidden = matches!(node.origin, Some(Origin::Secret(_))) || is_secret(key, sections);
            let value = if hidden { MASK.to_owned() } else { mask_url(&plain(node).to_string()) };
            let origin = node.place().unwrap_or(Origin::Default);
            // A default under the key itself or around it has been replaced.
            all.insert(key.to_owned(), Explained { key: key.to_owned(), value, origin });
        }
    }
}

fn is_secret(key: &str, sections: &[KnownSection]) -> bool {
    // An overlay holds the same sections as the root.
    let key = match key.strip_prefix("services.").and_then(|rest| rest.split_once('.')) {
        Some((_, inner)) => inner,
        None => key,
    };
    let mut secret = speaks_of_secrets(key);
    for section in sections {
        let inner = key.strip_prefix(section.path.as_ref()).and_then(|rest| rest.strip_prefix('.'));
        let inner = if section.keyed { inner.and_then(|rest| Some(rest.split_once('.')?.1)) } else { inner };
        if let Some(inner) = inner {
            let path = inner.split('.').collect::<Vec<_>>();
            schema::find(&section.schema, &section.schema, &path, &mut secret);
        }
    }
    secret
}
