use std::collections::BTreeMap;
use std::sync::Arc;

use super::section::read;
use super::tree::{Node, Value};
use super::{Explained, Faults, KnownSection, Loader, Origin, Settings, explain, schema, unknown};

/// Where the overlays for single services stand.
const SERVICES: &str = "services";

/// The merged configuration. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) root: Arc<Node>,
    profile: Arc<str>,
}

impl Config {
    pub(super) fn new(root: Node, profile: String) -> Self {
        Self { root: Arc::new(root), profile: profile.into() }
    }

    /// Collects layers.
    pub fn loader() -> Loader {
        Loader::default()
    }

    /// A configuration from this TOML only.
    ///
    /// # Errors
    /// Every syntax error.
    pub fn from_toml(toml: &str) -> Result<Self, Faults> {
        Self::loader().defaults(toml).load()
    }

    /// The profile, `production` when nobody chose one.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// What one service of the process sees: everything, with `[services.NAME]` on top, whichever layer that comes from.
    #[must_use]
    pub fn service(&self, name: &str) -> Self {
        let mut root = Node::clone(&self.root);
        let services = match &mut root.value {
            Value::Table(table) => table.remove(SERVICES),
            _ => None,
        };
        if let Some(over) =
            services.as_ref().and_then(|services| services.get(name)).filter(|over| over.table().is_some())
        {
            root.overlay(over);
        }
        Self { root: Arc::new(root), profile: Arc::clone(&self.profile) }
    }

    /// The settings of a section. An absent section has its defaults.
    ///
    /// # Errors
    /// Everything that is wrong with the section, except keys that are unknown: [`check`](Self::check) finds those.
    pub fn read<S: Settings>(&self) -> Result<S, Faults> {
        self.read_at(S::SECTION)
    }

    /// The settings at another path than their own, such as `clients.inventory`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_at<S: Settings>(&self, path: &str) -> Result<S, Faults> {
        read(&self.root, &schema::of::<S>(), path, false)
    }

    /// All settings of a table of sections by their names, such as those of `[clients.inventory]` for `clients`.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn map<S: Settings>(&self, section: &str) -> Result<BTreeMap<String, S>, Faults> {
        let (mut all, mut faults) = (BTreeMap::new(), Faults::default());
        let schema = schema::of::<S>();
        for name in self.keys(section) {
            match read(&self.root, &schema, &format!("{section}.{name}"), false) {
                Ok(settings) => drop(all.insert(name, settings)),
                Err(found) => faults.merge(found),
            }
        }
        faults.or(all)
    }

    /// The keys of a table.
    pub fn keys(&self, path: &str) -> Vec<String> {
        let table = self.root.get(path).and_then(Node::table).into_iter().flatten();
        table.map(|(name, _)| name.clone()).collect()
    }

    /// Whether anything stands there.
    pub fn contains(&self, path: &str) -> bool {
        self.root.get(path).is_some()
    }

    /// Where the value at a path comes from, or of a table its first value; `None` where nobody has set anything.
    pub fn origin(&self, path: &str) -> Option<Origin> {
        self.root.get(path).and_then(Node::place)
    }

    /// Everything that is wrong, for a process with these sections and services: every section as each service sees it,
    /// and every key that nobody reads. Overlays for services that other processes run are left alone.
    pub fn check(&self, sections: &[KnownSection], services: &[&str]) -> Faults {
        let mut faults = Faults::default();
        let table = self.root.table().cloned().unwrap_or_default();
        unknown_keys(&table, "", sections, &mut faults);
        if let Some(overlays) = table.get(SERVICES) {
            self.check_overlays(overlays, sections, services, &mut faults);
        }
        if services.is_empty() {
            for section in sections.iter().filter(|section| section.service.is_none()) {
                faults.merge(section.check(&self.root));
            }
        }
        for service in services {
            let view = self.service(service);
            for section in sections.iter().filter(|section| section.service.is_none_or(|only| only == *service)) {
                faults.merge(section.check(&view.root));
            }
        }
        // A section inside another one is unknown to the outer one's schema, and to nobody else.
        let leads_to =
            |key: &str, path: &str| path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        faults.retain(|fault| {
            !fault.is_unknown_key() || !sections.iter().any(|section| leads_to(&fault.key, &section.path))
        });
        faults.sort();
        faults
    }

    fn check_overlays(&self, overlays: &Node, sections: &[KnownSection], services: &[&str], faults: &mut Faults) {
        let Some(table) = overlays.table() else {
            faults.add(SERVICES, format!("must be a table, is {}", overlays.describe())).at(overlays.place());
            return;
        };
        for (name, overlay) in table {
            let path = format!("{SERVICES}.{name}");
            match overlay.table() {
                None => {
                    let message = format!("must be a table, is {}", overlay.describe());
                    faults.add(path, message).at(overlay.place());
                }
                Some(inner) if services.contains(&name.as_str()) => {
                    unknown_keys(inner, &format!("{path}."), sections, faults);
                }
                // Another process may run it. A name that is nearly one of ours was meant to be ours.
                Some(_) => {
                    if let Some(near) = unknown::nearest(name, services.iter().copied()) {
                        let hint = format!("did you mean `{SERVICES}.{near}`?");
                        faults.add(path, "is no service of this process").at(overlay.place()).hint(hint);
                    }
                }
            }
        }
    }

    /// Every value with its origin, secrets masked; with the defaults of these sections for what is set nowhere.
    pub fn explain(&self, sections: &[KnownSection]) -> Vec<Explained> {
        explain::explain(&self.root, sections)
    }
}

/// Reports keys that lead to no section; what is inside a section is checked with it.
fn unknown_keys(table: &BTreeMap<String, Node>, prefix: &str, sections: &[KnownSection], faults: &mut Faults) {
    fn descend(
        table: &BTreeMap<String, Node>,
        outer: &str,
        prefix: &str,
        sections: &[KnownSection],
        faults: &mut Faults,
    ) {
        for (name, node) in table {
            let path = format!("{outer}{name}");
            if outer.is_empty() && name == SERVICES {
                continue;
            }
            let is_section = sections.iter().any(|section| section.path == path.as_str());
            let inside = format!("{path}.");
            if is_section {
                continue;
            }
            match node.table().filter(|_| sections.iter().any(|section| section.path.starts_with(&inside))) {
                Some(table) => descend(table, &inside, prefix, sections, faults),
                None => {
                    let known = sections.iter().map(|section| format!("{prefix}{}", section.path));
                    let mut known = known.collect::<Vec<_>>();
                    known.sort_unstable();
                    known.dedup();
                    unknown::report(&format!("{prefix}{path}"), node, known.into_iter(), faults);
                }
            }
        }
    }
    descend(table, "", prefix, sections, faults);
}
