//! The JSON Schema of a section, and how to find one's way in it.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

/// The schema of what `T` reads, with everything inline as far as it is not recursive.
pub(super) fn of<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Whether the schema says that the value is secret.
pub(super) fn is_secret(schema: &Json) -> bool {
    schema.get("writeOnly").and_then(Json::as_bool).unwrap_or(false)
}

/// What a `$ref` refers to, or the schema itself.
pub(super) fn resolve<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let target = schema.get("$ref").and_then(Json::as_str).and_then(|reference| reference.strip_prefix('#'));
    match target.and_then(|pointer| root.pointer(pointer)) {
        // A reference to itself would never end.
        Some(target) if !std::ptr::eq(target, schema) => resolve(root, target),
        _ => schema,
    }
}

/// The alternatives of an `anyOf` or `oneOf`.
pub(super) fn alternatives(schema: &Json) -> Option<&Vec<Json>> {
    schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array()
}

/// The JSON types that are allowed; empty when the schema does not say.
pub(super) fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => Vec::new(),
    }
}

/// The values of a `const` or `enum`.
pub(super) fn values(schema: &Json) -> Option<Vec<&Json>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(one), _) => Some(vec![one]),
        (_, Some(Json::Array(several))) => Some(several.iter().collect()),
        _ => None,
    }
}

/// The schema of a key inside a table: its own name in the schema, and what is known of its value.
pub(super) fn property<'a>(schema: &'a Json, key: &'a str) -> Option<(&'a str, &'a Json)> {
    let properties = schema.get("properties").and_then(Json::as_object);
    let named = properties.and_then(|all| {
        let dashed = || all.iter().find(|(name, _)| name.replace('-', "_") == key);
        all.get_key_value(key).or_else(dashed)
    });
    if let Some((name, schema)) = named {
        return Some((name, schema));
    }
    let patterns = schema.get("patternProperties").and_then(Json::as_object).and_then(|all| all.values().next());
    match schema.get("additionalProperties").or(patterns) {
        Some(Json::Bool(false)) => None,
        Some(any) => Some((key, any)),
        None if properties.is_none() => Some((key, &Json::Bool(true))),
        None => None,
    }
}

/// The schema at a path inside, looking into alternatives; `secret` is set when any part of the way is.
pub(super) fn find<'a>(root: &'a Json, schema: &'a Json, path: &[&'a str], secret: &mut bool) -> Option<&'a Json> {
    *secret |= is_secret(schema);
    let schema = resolve(root, schema);
    *secret |= is_secret(schema);
    let Some((first, rest)) = path.split_first() else { return Some(schema) };
    if let Some((_, inner)) = property(schema, first).filter(|_| !types(schema).is_empty()) {
        return find(root, inner, rest, secret);
    }
    let inside = |key: &str| schema.get(key).and_then(Json::as_array).into_iter().flatten();
    inside("anyOf").chain(inside("oneOf")).chain(inside("allOf")).find_map(|one| find(root, one, path, secret))
}
