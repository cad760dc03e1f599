//! What else is wrong with a section of which some values cannot be read.
//!
//! All that is wrong is to be told at once; but a rule across fields that only speaks because an unread value was left out would be wrong
//! itself. So it is told if it holds whatever those values were meant to be.

use serde_json::{Value as Json, json};

use super::{Faults, Settings, duration, schema};

/// What else is wrong with a section of which the values at these keys, relative to it, cannot be read: what only shows when
/// it is read, value by value, and the rules that it breaks whatever stands at those keys.
pub(super) fn faults<S: Settings>(root: &Json, mut rest: Json, mut unread: Vec<String>) -> Faults {
    let mut told = Faults::default();
    unread.iter().for_each(|key| drop(set(&mut rest, &way(key), None)));
    while let Err(error) = serde_path_to_error::deserialize::<_, S>(&rest) {
        let key = error.path().to_string();
        // That something is missing is no wonder where something was left out.
        if !unread.iter().any(|unread| is_inside(unread, &key)) {
            told.add(key.trim_start_matches('.'), message(root, &key, &error.into_inner()));
        }
        if set(&mut rest, &way(&key), None).is_none() {
            return told;
        }
        unread.push(key);
    }
    let Some(mut broken) = broken::<S>(&rest) else { return told };
    for way in unread.iter().map(|key| way(key)) {
        let found = schema::find(root, root, &way, &mut false);
        for meant in found.into_iter().flat_map(|schema| meant(root, schema)) {
            let mut other = rest.clone();
            set(&mut other, &way, Some(meant));
            if let Some(others) = self::broken::<S>(&other) {
                broken.retain(|fault| others.iter().any(|other| other == fault));
            }
        }
    }
    // Of those themselves enough is said.
    broken.retain(|fault| !unread.contains(&fault.key));
    told.merge(broken);
    told
}

/// What serde says of a value. An error of the value's own type may quote any part of it.
fn message(root: &Json, key: &str, error: &serde_json::Error) -> String {
    let mut secret = false;
    schema::find(root, root, &key.split(['.', '[']).collect::<Vec<_>>(), &mut secret);
    if secret { "is not valid".to_owned() } else { error.to_string() }
}

fn is_inside(key: &str, outer: &str) -> bool {
    outer == "." || key.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The rules that a section breaks, if it is one.
fn broken<S: Settings>(section: &Json) -> Option<Faults> {
    let settings: S = serde_json::from_value(section.clone()).ok()?;
    let mut faults = Faults::default();
    settings.validate(&mut faults);
    Some(faults)
}

/// What may have been meant: each word that there is, or what lies far apart.
fn meant(root: &Json, schema: &Json) -> Vec<Json> {
    let schema = schema::resolve(root, schema);
    if let Some(values) = schema::values(schema) {
        return values.into_iter().cloned().collect();
    }
    if let Some(alternatives) = schema::alternatives(schema) {
        return alternatives.iter().flat_map(|one| meant(root, one)).collect();
    }
    let number = |key: &str, other: u64| schema.get(key).cloned().unwrap_or(json!(other));
    let mut all = Vec::new();
    for kind in schema::types(schema) {
        match kind {
            "boolean" => all.extend([json!(false), json!(true)]),
            "integer" | "number" => {
                all.extend([number("minimum", 1), json!(1), json!(1000), number("maximum", 1_000_000)]);
            }
            "string" if schema.get("format").and_then(Json::as_str) == Some(duration::FORMAT) => {
                all.extend([json!("1ms"), json!("1s"), json!("1day")]);
            }
            _ => {}
        }
    }
    all
}

/// The parts of a key. What is wrong in a list makes all of it unread.
fn way(key: &str) -> Vec<&str> {
    key.split('[').next().unwrap_or_default().split('.').collect()
}

/// Puts a value there, or takes out what is; gives what was there.
fn set(section: &mut Json, way: &[&str], value: Option<Json>) -> Option<Json> {
    let (last, before) = way.split_last()?;
    let mut table = section;
    for part in before {
        let name = name(table, part);
        table = table.get_mut(name)?;
    }
    let name = name(table, last);
    let table = table.as_object_mut()?;
    match value {
        Some(value) => table.insert(name, value),
        None => table.remove(&name),
    }
}

/// A key as the schema has it: variables know no dashes.
fn name(table: &Json, part: &str) -> String {
    let names = table.as_object().into_iter().flat_map(|table| table.keys());
    names
        .into_iter()
        .find(|name| name.replace('-', "_") == part.replace('-', "_"))
        .map_or(part, String::as_str)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use schemars::JsonSchema;
    use serde::Deserialize;

    use crate::config::{Config, Settings, duration, size};

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Pool {
        least: u32,
        most: u32,
        #[serde(with = "duration")]
        #[schemars(schema_with = "duration::schema")]
        wait: Duration,
        #[serde(with = "duration")]
        #[schemars(schema_with = "duration::schema")]
        longest: Duration,
        kind: Kind,
        #[serde(with = "size")]
        #[schemars(schema_with = "size::schema")]
        room: usize,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Small,
        Large,
    }

    impl Default for Pool {
        fn default() -> Self {
            let (wait, longest) = (Duration::from_secs(1), Duration::from_secs(5));
            Self { least: 1, most: 10, wait, longest, kind: Kind::Small, room: 1 }
        }
    }

    impl Settings for Pool {
        const SECTION: &'static str = "pool";

        fn validate(&self, faults: &mut crate::config::Faults) {
            if self.least > self.most {
                faults.add("least", "is over `most`");
            }
            if self.wait > self.longest {
                faults.add("wait", "is over `longest`");
            }
            if self.kind == Kind::Small && self.most > 100 {
                faults.add("most", "is too much for a small one");
            }
            if self.most > 1000 {
                faults.add("most", "is too much");
            }
        }
    }

    fn report(toml: &str) -> String {
        let config = Config::from_toml(&format!("[pool]\n{toml}")).expect("TOML");
        config.read::<Pool>().expect_err("it is wrong").to_string()
    }

    #[test]
    fn what_only_shows_when_it_is_read_is_told_beside_the_others() {
        let said = report("wait = 'soon'\nroom = 'two bananas'\nmost = 2000");
        for part in ["pool.wait: must be a duration", "pool.room: must be a size", "pool.most: is too much"] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }

    #[test]
    fn rules_are_told_beside_what_cannot_be_read() {
        let said = report("wait = '9s'\nleast = 'few'\nmost = 2000\nkind = 'smal'\nshift = 1");
        for part in ["pool.least: must be an integer", "wait: is over `longest`", "pool.kind", "pool.most: is too much"]
        {
            assert!(said.contains(part), "{part}\n{said}");
        }
        assert!(!said.contains("for a small one"), "it may be meant to be large\n{said}");
    }

    #[test]
    fn a_rule_that_needs_what_cannot_be_read_says_nothing() {
        for (toml, absent) in [
            ("wait = '9s'\nlongest = '10'", "is over `longest`"),
            ("wait = '10'\nlongest = '1ms'", "is over `longest`"),
            ("least = 50\nmost = 'many'", "is over `most`"),
            ("most = 500\nkind = 'lage'", "for a small one"),
        ] {
            let said = report(toml);
            assert!(!said.contains(absent), "{toml}\n{said}");
        }
    }
}
