//! What breaks between two JSON Schemas of one event: for receivers of today that get messages of tomorrow, and for those of
//! tomorrow that get messages of today. Only a field that need not be there may be added.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keywords that say what a plain value is. Whoever reads it relies on them, so that a change either way breaks somebody.
const VALUE: [&str; 10] = [
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
];

/// What breaks, each with the place as a JSON Pointer.
pub(super) fn schemas(before: &Value, now: &Value) -> Vec<String> {
    let mut compared = Compared { roots: [before, now], visited: Vec::new(), breaks: Vec::new() };
    compared.schema(before, now, "");
    compared.breaks
}

/// Which values that both samples have are of different kinds: what a schema cannot tell when it was written by hand.
pub(super) fn samples(before: &Value, now: &Value) -> Vec<String> {
    let mut breaks = Vec::new();
    sample(before, now, "", &mut breaks);
    breaks
}

fn sample(before: &Value, now: &Value, at: &str, breaks: &mut Vec<String>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            for (name, value) in before {
                if let Some(now) = now.get(name) {
                    sample(value, now, &format!("{at}/{name}"), breaks);
                }
            }
        }
        (Value::Array(before), Value::Array(now)) => {
            if let (Some(before), Some(now)) = (before.first(), now.first()) {
                sample(before, now, &format!("{at}/0"), breaks);
            }
        }
        _ if before.is_null() || now.is_null() || kind(before) == kind(now) => {}
        _ => breaks.push(format!("`{at}` of the sample was {} and is {}", kind(before), kind(now))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

struct Compared<'a> {
    roots: [&'a Value; 2],
    /// References that are being compared already: a type may contain itself.
    visited: Vec<(&'a str, &'a str)>,
    breaks: Vec<String>,
}

impl<'a> Compared<'a> {
    fn schema(&mut self, before: &'a Value, now: &'a Value, at: &str) {
        if let (Some(old), Some(new)) = (reference(before), reference(now)) {
            if self.visited.contains(&(old, new)) {
                return;
            }
            self.visited.push((old, new));
        }
        let (before, now) = (resolve(self.roots[0], before), resolve(self.roots[1], now));
        if let (Some(old), Some(new)) = (values(before), values(now)) {
            return self.values(&old, &new, at);
        }
        if !self.types(before, now, at) {
            return;
        }
        self.keywords(before, now, at);
        self.properties(before, now, at);
        self.nested(before, now, at);
        self.alternatives(before, now, at);
    }

    fn note(&mut self, at: &str, what: impl std::fmt::Display) {
        let at = if at.is_empty() { "/" } else { at };
        self.breaks.push(format!("`{at}` {what}"));
    }

    /// Whether the types are the same; of others there is nothing more to compare.
    fn types(&mut self, before: &Value, now: &Value, at: &str) -> bool {
        let (old, new) = (types(before), types(now));
        if old == new {
            return true;
        }
        let list = |types: BTreeSet<&str>| match types.is_empty() {
            true => "anything".to_owned(),
            false => types.into_iter().collect::<Vec<_>>().join(" or "),
        };
        self.note(at, format_args!("was {} and is {}", list(old), list(new)));
        false
    }

    fn keywords(&mut self, before: &Value, now: &Value, at: &str) {
        for keyword in VALUE {
            let (old, new) = (&before[keyword], &now[keyword]);
            if old != new {
                let shown = |value: &Value| if value.is_null() { "not given".to_owned() } else { value.to_string() };
                self.note(at, format_args!("had `{keyword}` {} and has {}", shown(old), shown(new)));
            }
        }
    }

    fn properties(&mut self, before: &'a Value, now: &'a Value, at: &str) {
        let (old, new) = (object(&before["properties"]), object(&now["properties"]));
        let (needed_before, needed_now) = (texts(&before["required"]), texts(&now["required"]));
        for (name, schema) in old {
            let at = format!("{at}/{name}");
            let Some(next) = new.get(name) else {
                self.note(&at, "is gone (or has another name)");
                continue;
            };
            match (needed_before.contains(name.as_str()), needed_now.contains(name.as_str())) {
                (true, false) => self.note(&at, "need not be there any more, but receivers of today need it"),
                (false, true) => self.note(&at, "must be there now, but messages of today may lack it"),
                _ => {}
            }
            self.schema(schema, next, &at);
        }
        for name in new.keys().filter(|name| !old.contains_key(*name)) {
            if needed_now.contains(name.as_str()) {
                let advice = "is new and must be there, but messages of today lack it: make it an `Option`";
                self.note(&format!("{at}/{name}"), advice);
            }
        }
        if before["additionalProperties"] != Value::Bool(false) && now["additionalProperties"] == Value::Bool(false) {
            self.note(at, "no longer takes fields that it does not know");
        }
    }

    fn nested(&mut self, before: &'a Value, now: &'a Value, at: &str) {
        for keyword in ["items", "additionalProperties"] {
            let inner = format!("{at}/*");
            match (&before[keyword], &now[keyword]) {
                (old @ Value::Object(_), new @ Value::Object(_)) => self.schema(old, new, &inner),
                (Value::Object(_), _) | (_, Value::Object(_)) => self.note(&inner, "is another thing now"),
                _ => {}
            }
        }
        let (old, new) = (list(&before["prefixItems"]), list(&now["prefixItems"]));
        if old.len() != new.len() {
            self.note(at, format_args!("had {} members and has {}", old.len(), new.len()));
        }
        for (index, (old, new)) in old.iter().zip(new).enumerate() {
            self.schema(old, new, &format!("{at}/{index}"));
        }
    }

    fn alternatives(&mut self, before: &'a Value, now: &'a Value, at: &str) {
        for keyword in ["oneOf", "anyOf", "allOf"] {
            let (old, new) = (list(&before[keyword]), list(&now[keyword]));
            let mut unmatched: Vec<&Value> = new.iter().collect();
            let mut changed = Vec::new();
            for alternative in old {
                match unmatched.iter().position(|next| self.agree(alternative, next)) {
                    Some(position) => drop(unmatched.remove(position)),
                    None => changed.push(alternative),
                }
            }
            if let ([old], [new]) = (changed.as_slice(), unmatched.as_slice()) {
                self.schema(old, new, at);
                continue;
            }
            for alternative in changed {
                self.note(at, format_args!("can no longer be {}", shown(alternative)));
            }
            for alternative in unmatched {
                self.note(at, format_args!("can also be {}, which receivers of today do not know", shown(alternative)));
            }
        }
    }

    fn agree(&self, before: &'a Value, now: &'a Value) -> bool {
        let mut alone = Compared { roots: self.roots, visited: self.visited.clone(), breaks: Vec::new() };
        alone.schema(before, now, "");
        alone.breaks.is_empty()
    }

    fn values(&mut self, before: &BTreeSet<String>, now: &BTreeSet<String>, at: &str) {
        for gone in before.difference(now) {
            self.note(at, format_args!("can no longer be {gone}"));
        }
        for new in now.difference(before) {
            self.note(at, format_args!("can also be {new}, which receivers of today do not know"));
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let pointed = reference(schema).and_then(|text| text.strip_prefix('#')).and_then(|at| root.pointer(at));
    pointed.unwrap_or(schema)
}

/// The values of an enumeration without data, whichever way it is written.
fn values(schema: &Value) -> Option<BTreeSet<String>> {
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.iter().map(Value::to_string).collect());
    }
    if let Some(value) = schema.get("const") {
        return Some(BTreeSet::from([value.to_string()]));
    }
    let alternatives = schema["oneOf"].as_array()?;
    let mut all = BTreeSet::new();
    for alternative in alternatives {
        all.extend(values(alternative)?);
    }
    Some(all)
}

fn types(schema: &Value) -> BTreeSet<&str> {
    match &schema["type"] {
        Value::String(one) => BTreeSet::from([one.as_str()]),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> BTreeSet<&str> {
    list(value).iter().filter_map(Value::as_str).collect()
}

/// An alternative as one recognises it: by its name, its one field, or its kind.
fn shown(schema: &Value) -> String {
    if let Some(title) = schema["title"].as_str().or(schema["const"].as_str()) {
        return format!("`{title}`");
    }
    let fields: Vec<&str> = object(&schema["properties"]).keys().map(String::as_str).collect();
    match (reference(schema), fields.as_slice()) {
        (Some(name), _) => format!("`{}`", name.rsplit('/').next().unwrap_or(name)),
        (None, []) => types(schema).into_iter().collect::<Vec<_>>().join(" or "),
        (None, fields) => format!("an object with `{}`", fields.join("`, `")),
    }
}
