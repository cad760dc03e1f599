//! Holds a section against its schema, reports everything that is wrong, and gives the JSON that serde reads.

use serde_json::{Map, Value as Json};

use super::environment::variable;
use super::mask::{mask_url, speaks_of_secrets};
use super::text::read_text;
use super::tree::{Node, Value};
use super::{Faults, Origin, duration, schema, unknown};

/// Whether a value keeps to a bound.
type Holds = fn(f64, f64) -> bool;

const DURATION: &str = "a duration such as \"250ms\"";

pub(super) struct Checker<'a> {
    pub(super) root: &'a Json,
    /// Whether keys that the schema does not know are faults.
    pub(super) strict: bool,
    pub(super) faults: Faults,
    /// The texts that must not be repeated, such as by serde.
    pub(super) secrets: Vec<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(root: &'a Json, strict: bool) -> Self {
        Self { root, strict, faults: Faults::default(), secrets: Vec::new() }
    }

    /// Checks one value, and all below it.
    pub(super) fn check(&mut self, node: &Node, schema: &Json, key: &str, secret: bool) -> Json {
        let root = self.root;
        let target = schema::resolve(root, schema);
        let from_secret = matches!(node.origin, Some(Origin::Secret(_)));
        let secret = secret || from_secret || schema::is_secret(schema) || schema::is_secret(target);
        if let (true, Value::Text(text)) = (secret, &node.value) {
            self.secrets.push(text.clone());
        }
        if let Some(parts) = target.get("allOf").and_then(Json::as_array) {
            return self.all_of(node, parts, key, secret);
        }
        if let Some(alternatives) = schema::alternatives(target) {
            return self.any_of(node, alternatives, key, secret);
        }
        let seen = Seen { node: &read_text(node, &schema::types(target)), key, secret };
        if let Some(values) = schema::values(target) {
            return self.one_of(&seen, &values);
        }
        self.typed(&seen, target)
    }

    /// Parts that `#[serde(flatten)]` could not merge: each looks at its own keys.
    fn all_of(&mut self, node: &Node, parts: &[Json], key: &str, secret: bool) -> Json {
        let strict = std::mem::replace(&mut self.strict, false);
        let mut whole = Json::Null;
        for part in parts {
            match (&mut whole, self.check(node, part, key, secret)) {
                (Json::Object(whole), Json::Object(part)) => whole.extend(part),
                (whole, part) => *whole = part,
            }
        }
        self.strict = strict;
        whole
    }

    fn any_of(&mut self, node: &Node, alternatives: &[Json], key: &str, secret: bool) -> Json {
        let root = self.root;
        let mut failed = Vec::new();
        for one in alternatives {
            let mut checker = Checker::new(root, self.strict);
            let value = checker.check(node, one, key, secret);
            self.secrets.append(&mut checker.secrets);
            if checker.faults.is_empty() {
                return value;
            }
            failed.push((schema::resolve(root, one), checker.faults));
        }
        failed.retain(|(one, _)| schema::types(one) != ["null"]);
        if let Some(values) = failed.iter().map(|(one, _)| schema::values(one)).collect::<Option<Vec<_>>>() {
            return self.one_of(&Seen { node, key, secret }, &values.concat());
        }
        // Of a tagged enum the variant whose tag fits; otherwise the only alternative of the right kind.
        let fitting = match failed.iter().position(|(one, _)| has_tag_of(one, node)) {
            Some(tagged) => Some(tagged),
            None if failed.len() == 1 => Some(0),
            None => {
                let kind = json_type(node);
                let mut same = (0..failed.len()).filter(|n| schema::types(failed[*n].0).contains(&kind));
                same.next().filter(|_| same.next().is_none())
            }
        };
        match fitting {
            Some(fitting) => self.faults.merge(failed.swap_remove(fitting).1),
            None => {
                let tags = failed.iter().flat_map(|(one, _)| tags(one)).collect::<Vec<_>>();
                let message = match tags.first() {
                    Some((tag, _)) => {
                        let values = tags.iter().filter(|(name, _)| name == tag).map(|(_, value)| value.to_string());
                        format!("must have `{tag}` set to one of {}", values.collect::<Vec<_>>().join(", "))
                    }
                    None => "has none of the allowed forms".to_owned(),
                };
                self.faults.add(key, message).at(node.place());
            }
        }
        Json::Null
    }

    fn one_of(&mut self, seen: &Seen<'_>, values: &[&Json]) -> Json {
        let value = plain(seen.node);
        if values.contains(&&value) {
            return value;
        }
        let list = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let must = if values.len() == 1 { format!("must be {list}") } else { format!("must be one of {list}") };
        let fault = self.faults.add(seen.key, seen.sentence(&must)).at(seen.node.place());
        let names = values.iter().filter_map(|value| value.as_str());
        if let (Value::Text(text), false) = (&seen.node.value, seen.is_hidden())
            && let Some(near) = unknown::nearest(text, names)
        {
            fault.hint(format!("did you mean {near:?}?"));
        }
        Json::Null
    }

    fn typed(&mut self, seen: &Seen<'_>, schema: &Json) -> Json {
        let types = schema::types(schema);
        let allowed = |kind: &str| types.is_empty() || types.contains(&kind);
        let node = seen.node;
        match &node.value {
            Value::Null if allowed("null") => return Json::Null,
            Value::Bool(value) if allowed("boolean") => return Json::Bool(*value),
            Value::Int(_) if allowed("integer") || allowed("number") => self.range(seen, schema),
            Value::Float(_) if allowed("number") => self.range(seen, schema),
            Value::Text(text) if allowed("string") => self.text(seen, schema, text),
            Value::List(list) if allowed("array") => return self.list(seen, schema, list),
            Value::Table(_) if allowed("object") => return self.table(seen, schema),
            _ => {
                let must = format!("must be {}", expected(&types, schema));
                self.faults.add(seen.key, seen.sentence(&must)).at(node.place());
            }
        }
        plain(node)
    }

    fn text(&mut self, seen: &Seen<'_>, schema: &Json, text: &str) {
        let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
        let length = text.chars().count() as u64;
        let fault = if schema.get("format").and_then(Json::as_str) == Some(duration::FORMAT) {
            // The cause names a character or a unit of the text, which for a secret would be too much.
            let hidden = seen.is_hidden();
            duration::parse(text).err().map(|why| if hidden { format!("must be {DURATION}") } else { why })
        } else if limit("minLength").is_some_and(|least| length < least) {
            let least = limit("minLength").unwrap_or_default();
            Some(if least == 1 {
                "must not be empty".to_owned()
            } else {
                format!("must have at least {least} characters")
            })
        } else {
            limit("maxLength").filter(|most| length > *most).map(|most| format!("must have at most {most} characters"))
        };
        if let Some(message) = fault {
            let message = if length == 0 { message } else { seen.sentence(&message) };
            self.faults.add(seen.key, message).at(seen.node.place());
        }
    }

    fn range(&mut self, seen: &Seen<'_>, schema: &Json) {
        let value = match seen.node.value {
            Value::Int(value) => value as f64,
            Value::Float(value) => value,
            _ => return,
        };
        let bound = |name: &str| Some((schema.get(name)?.as_f64()?, schema.get(name)?));
        // Whole numbers of more than 53 bits are rounded here; serde has the last word on them.
        let rules: [(&str, &str, Holds); 4] = [
            ("minimum", "at least", |value, bound| value >= bound),
            ("maximum", "at most", |value, bound| value <= bound),
            ("exclusiveMinimum", "more than", |value, bound| value > bound),
            ("exclusiveMaximum", "less than", |value, bound| value < bound),
        ];
        for (name, words, holds) in rules {
            if let Some((bound, shown)) = bound(name).filter(|(bound, _)| !holds(value, *bound)) {
                let shown = if bound.fract() == 0.0 { format!("{bound}") } else { shown.to_string() };
                self.faults.add(seen.key, seen.sentence(&format!("must be {words} {shown}"))).at(seen.node.place());
            }
        }
    }

    fn list(&mut self, seen: &Seen<'_>, schema: &Json, list: &[Node]) -> Json {
        let count = list.len() as u64;
        let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
        if let Some(least) = limit("minItems").filter(|least| count < *least) {
            self.faults.add(seen.key, format!("must have at least {least} entries, has {count}")).at(seen.node.place());
        }
        if let Some(most) = limit("maxItems").filter(|most| count > *most) {
            self.faults.add(seen.key, format!("must have at most {most} entries, has {count}")).at(seen.node.place());
        }
        let fixed = schema.get("prefixItems").and_then(Json::as_array);
        let any = Json::Bool(true);
        let of = |n: usize| fixed.and_then(|fixed| fixed.get(n)).or_else(|| schema.get("items")).unwrap_or(&any);
        let each = list.iter().enumerate();
        Json::Array(each.map(|(n, node)| self.check(node, of(n), &format!("{}[{n}]", seen.key), seen.secret)).collect())
    }

    fn table(&mut self, seen: &Seen<'_>, schema: &Json) -> Json {
        let table = seen.node.table().into_iter().flatten();
        let mut object = Map::new();
        for (name, node) in table {
            let key = join(seen.key, name);
            match schema::property(schema, name) {
                Some((name, inner)) => {
                    object.insert(name.to_owned(), self.check(node, inner, &key, seen.secret));
                }
                None if self.strict => {
                    let known = schema.get("properties").and_then(Json::as_object).into_iter().flatten();
                    unknown::report(&key, node, known.map(|(name, _)| join(seen.key, name)), &mut self.faults);
                }
                None => {}
            }
        }
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
        for name in required.filter_map(Json::as_str).filter(|name| !object.contains_key(*name)) {
            let key = join(seen.key, name);
            let hint = format!("set `{key}` in a configuration file, or {} in the environment", variable(&key));
            // Next to it in a file is a place to look at; next to it in another variable is none.
            let place = seen.node.place().filter(|place| matches!(place, Origin::File { .. }));
            self.faults.add(key, "is missing").at(place).hint(hint);
        }
        Json::Object(object)
    }
}

/// A value with what a report may say of it.
struct Seen<'a> {
    node: &'a Node,
    key: &'a str,
    secret: bool,
}

impl Seen<'_> {
    fn is_hidden(&self) -> bool {
        self.secret || speaks_of_secrets(self.key)
    }

    /// `must`, and what is there instead.
    fn sentence(&self, must: &str) -> String {
        const LIMIT: usize = 60;
        let is = match &self.node.value {
            _ if self.is_hidden() => return must.to_owned(),
            Value::Text(text) => {
                let shown = mask_url(text);
                let end = shown.char_indices().nth(LIMIT).map_or(shown.len(), |(end, _)| end);
                format!("{:?}{}", &shown[..end], if end < shown.len() { "…" } else { "" })
            }
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Null | Value::List(_) | Value::Table(_) => self.node.describe().to_owned(),
        };
        format!("{must}, is {is}")
    }
}

pub(super) fn join(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

/// The value as JSON, without any schema.
pub(super) fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => i64::try_from(*value)
            .map(Json::from)
            .or_else(|_| u64::try_from(*value).map(Json::from))
            .unwrap_or(Json::Null),
        Value::Float(value) => Json::from(*value),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(list) => Json::Array(list.iter().map(plain).collect()),
        Value::Table(table) => Json::Object(table.iter().map(|(key, node)| (key.clone(), plain(node))).collect()),
    }
}

fn expected(types: &[&str], schema: &Json) -> String {
    let word = |kind: &&str| match *kind {
        "integer" => Some("an integer"),
        "number" => Some("a number"),
        "boolean" => Some("true or false"),
        "string" if schema.get("format").and_then(Json::as_str) == Some(duration::FORMAT) => Some(DURATION),
        "string" => Some("text"),
        "array" => Some("a list"),
        "object" => Some("a table"),
        _ => None,
    };
    types.iter().filter_map(word).collect::<Vec<_>>().join(" or ")
}

fn json_type(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::Float(_) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Table(_) => "object",
    }
}

/// The properties of an enum's variant that have one fixed value.
fn tags(variant: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let properties = variant.get("properties").and_then(Json::as_object).into_iter().flatten();
    properties.filter_map(|(name, schema)| Some((name.as_str(), schema.get("const")?)))
}

fn has_tag_of(variant: &Json, node: &Node) -> bool {
    let Some(table) = node.table() else { return false };
    tags(variant).any(|(name, value)| table.get(name).is_some_and(|node| plain(node) == *value))
}
