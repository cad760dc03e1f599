//! The spans of one trace, and whether they make one tree.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::Span;

/// The spans of one trace, ordered by their start.
#[derive(Debug, Clone)]
pub struct Trace {
    spans: Vec<Span>,
}

impl Trace {
    pub(super) fn new(mut spans: Vec<Span>) -> Self {
        spans.sort_by_key(|span| span.start);
        Self { spans }
    }

    /// Its spans, ordered by their start.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The names of the services that have a span in it.
    pub fn services(&self) -> BTreeSet<&str> {
        self.spans.iter().map(|span| span.service.as_str()).collect()
    }

    /// The first span of that service and name.
    pub fn find(&self, service: &str, name: &str) -> Option<&Span> {
        self.spans.iter().find(|span| span.service == service && span.name == name)
    }

    /// The only span without a parent; panics unless the trace is one tree.
    pub fn root(&self) -> &Span {
        self.check().unwrap_or_else(|fault| panic!("{fault}\n{self}"))
    }

    /// The only span without a parent, or why the spans are not one tree: no root or several, a parent that is missing,
    /// an id that is given twice.
    pub fn check(&self) -> Result<&Span, String> {
        let mut by_id = HashMap::new();
        for span in &self.spans {
            if let Some(other) = by_id.insert(span.id.as_str(), span) {
                return Err(format!("`{}` and `{}` have the same id {}", other.name, span.name, span.id));
            }
        }
        let orphan = |span: &&Span| span.parent.as_deref().is_some_and(|parent| !by_id.contains_key(parent));
        if let Some(span) = self.spans.iter().find(orphan) {
            let parent = span.parent.as_deref().unwrap_or_default();
            return Err(format!("the parent {parent} of `{}` ({}) is missing", span.name, span.service));
        }
        let roots: Vec<&Span> = self.spans.iter().filter(|span| span.parent.is_none()).collect();
        let root = match roots[..] {
            [root] => root,
            [] => return Err("no span without a parent".to_owned()),
            [first, second, ..] => {
                return Err(format!("several roots: `{}` and `{}`", first.name, second.name));
            }
        };
        // One root and every parent present: what cannot be reached from the root goes round in a circle.
        let reached = self.below(&root.id).len() + 1;
        if reached == self.spans.len() { Ok(root) } else { Err("some spans are each other's parents".to_owned()) }
    }

    /// The spans under the one with the given id, at any depth.
    pub fn below(&self, id: &str) -> Vec<&Span> {
        let mut found: Vec<&Span> = Vec::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            let children = self.spans.iter().filter(|span| span.parent.as_deref() == Some(id));
            for child in children {
                found.push(child);
                next.push(&child.id);
            }
        }
        found
    }

    fn write(&self, span: &Span, depth: usize, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = span.error.as_deref().map(|error| format!(" ERROR {error}")).unwrap_or_default();
        writeln!(out, "{:indent$}{} {} ({:?}){error}", "", span.service, span.name, span.kind, indent = depth * 2)?;
        let children = self.spans.iter().filter(|child| child.parent.as_ref() == Some(&span.id));
        children.into_iter().try_for_each(|child| self.write(child, depth + 1, out))
    }
}

/// The tree, one span per line; spans whose parent is missing stand at the left like roots.
impl fmt::Display for Trace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: BTreeSet<&str> = self.spans.iter().map(|span| span.id.as_str()).collect();
        let left = |span: &&Span| span.parent.as_deref().is_none_or(|parent| !known.contains(parent));
        self.spans.iter().filter(left).try_for_each(|span| self.write(span, 0, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Kind;

    fn span(id: &str, parent: Option<&str>) -> Span {
        Span {
            service: format!("service-{id}"),
            name: id.to_owned(),
            kind: Kind::Internal,
            trace: "t".to_owned(),
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            links: Vec::new(),
            attributes: Default::default(),
            resource: Default::default(),
            error: None,
            start: 0,
            end: 0,
        }
    }

    fn fault(spans: &[(&str, Option<&str>)]) -> String {
        Trace::new(spans.iter().map(|(id, parent)| span(id, *parent)).collect()).check().expect_err("a fault")
    }

    #[test]
    fn one_tree_is_told_from_what_is_none() {
        let tree = Trace::new(vec![span("a", None), span("b", Some("a")), span("c", Some("b"))]);
        assert_eq!(tree.root().id, "a");
        assert_eq!(tree.below("a").len(), 2);
        assert_eq!(tree.services().len(), 3);
        assert_eq!(tree.to_string().lines().last(), Some("    service-c c (Internal)"));

        assert_eq!(fault(&[("a", None), ("b", None)]), "several roots: `a` and `b`");
        assert_eq!(fault(&[("a", None), ("b", Some("x"))]), "the parent x of `b` (service-b) is missing");
        assert_eq!(fault(&[("a", None), ("a", None)]), "`a` and `a` have the same id a");
        assert_eq!(fault(&[("a", None), ("b", Some("c")), ("c", Some("b"))]), "some spans are each other's parents");
        assert_eq!(fault(&[]), "no span without a parent");
    }
}
