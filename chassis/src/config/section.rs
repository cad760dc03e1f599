use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::check::{Checker, join};
use super::mask::{MASK, mask_url};
use super::tree::{Node, Value};
use super::{Fault, Faults, Settings, schema, unread};

/// A section that somebody reads: what [`Config::check`](super::Config::check) holds the configuration against.
#[derive(Clone)]
pub struct KnownSection {
    pub(super) path: Cow<'static, str>,
    /// Whether it is a table of such sections, each under a name of its own.
    pub(super) keyed: bool,
    pub(super) service: Option<&'static str>,
    pub(super) schema: Arc<Json>,
    pub(super) probe: fn(&Node, &Json, &str) -> Faults,
}

impl KnownSection {
    /// The section of these settings.
    pub fn of<S: Settings>() -> Self {
        Self::at::<S>(S::SECTION)
    }

    /// These settings under another path than their own.
    pub fn at<S: Settings>(path: impl Into<Cow<'static, str>>) -> Self {
        let probe =
            |root: &Node, schema: &Json, path: &str| read::<S>(root, schema, path, true).err().unwrap_or_default();
        Self { path: path.into(), keyed: false, service: None, schema: Arc::new(schema::of::<S>()), probe }
    }

    /// A table of such sections: for `S::SECTION = "clients"`, `[clients.inventory]` and its like.
    pub fn map_of<S: Settings>() -> Self {
        Self { keyed: true, ..Self::of::<S>() }
    }

    /// The same, but read by one service only.
    #[must_use]
    pub fn for_service(mut self, service: &'static str) -> Self {
        self.service = Some(service);
        self
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its JSON Schema, as `config schema` shows it: of the table, where it is one of such sections.
    pub fn schema(&self) -> Json {
        let schema = Json::clone(&self.schema);
        if self.keyed { json!({ "type": "object", "additionalProperties": schema }) } else { schema }
    }

    /// The paths at which there is one in this configuration; one that is not keyed is read even where it is absent.
    pub(super) fn places(&self, root: &Node) -> Vec<String> {
        if !self.keyed {
            return vec![self.path.to_string()];
        }
        let table = root.get(&self.path).and_then(Node::table).into_iter().flatten();
        table.map(|(name, _)| join(&self.path, name)).collect()
    }

    pub(super) fn check(&self, root: &Node) -> Faults {
        let mut faults = Faults::default();
        if let Some(node) = root.get(&self.path).filter(|node| self.keyed && node.table().is_none()) {
            faults.add(self.path.as_ref(), format!("must be a table, is {}", node.describe())).at(node.place());
        }
        for place in self.places(root) {
            faults.merge((self.probe)(root, &self.schema, &place));
        }
        faults
    }
}

/// Reads the settings at a path; an absent section is an empty one.
pub(super) fn read<S: Settings>(root: &Node, schema: &Json, path: &str, strict: bool) -> Result<S, Faults> {
    let absent = Node::empty();
    let node = root.get(path).unwrap_or(&absent);
    let mut checker = Checker::new(schema, strict);
    let json = checker.check(node, schema, path, false);
    let Checker { mut faults, secrets, .. } = checker;
    // With only unknown keys wrong, serde and the rules across fields can still be asked.
    let unread = faults.iter().filter(|fault| !fault.is_unknown_key()).filter_map(|fault| fault.key.strip_prefix(path));
    let unread: Vec<String> = unread.map(|key| key.trim_start_matches('.').to_owned()).collect();
    let whole =
        faults.iter().all(Fault::is_unknown_key).then(|| serde_json::from_value::<S>(json.clone()).ok()).flatten();
    let mut more = Faults::default();
    match &whole {
        Some(settings) => settings.validate(&mut more),
        None => more = unread::faults::<S>(schema, json, unread),
    }
    for fault in more.iter_mut() {
        fault.key = match fault.key.as_str() {
            "" => path.to_owned(),
            key => join(path, key),
        };
        fault.origin = fault.origin.take().or_else(|| place(root, &fault.key));
        fault.message = without(&secrets, &fault.message);
    }
    faults.merge(more);
    match whole {
        Some(settings) => faults.or(settings),
        None => Err(faults),
    }
}

/// Where a key stands, or else the nearest table around it.
fn place(root: &Node, key: &str) -> Option<super::Origin> {
    let mut node = root;
    for part in key.split(['.', '[']) {
        let next = match (&node.value, part.trim_end_matches(']').parse::<usize>()) {
            (Value::List(list), Ok(n)) => list.get(n),
            _ => node.get(part),
        };
        let Some(next) = next else { break };
        node = next;
    }
    if std::ptr::eq(node, root) { None } else { node.place() }
}

fn without(secrets: &[String], message: &str) -> String {
    let hidden = secrets.iter().filter(|secret| !secret.is_empty());
    mask_url(&hidden.fold(message.to_owned(), |message, secret| message.replace(secret.as_str(), MASK)))
}
