//! What is remembered of a span until it ends.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use super::{SpanKind, Value, queue};
use crate::Context;
use crate::context::{SpanId, TraceContext};

/// A span that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) service: Option<&'static str>,
    pub(crate) trace: TraceContext,
    pub(crate) parent: SpanId,
    pub(crate) kind: SpanKind,
    pub(crate) name: Cow<'static, str>,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) attributes: Vec<(&'static str, Value)>,
    pub(crate) failure: Option<Cow<'static, str>>,
}

/// Holds what is set on a span. While it is off it allocates nothing.
#[derive(Debug)]
pub(super) struct Recorder {
    on: bool,
    service: Option<&'static str>,
    parent: SpanId,
    name: Cow<'static, str>,
    attributes: Vec<(&'static str, Value)>,
    failure: Option<Cow<'static, str>>,
}

impl Recorder {
    pub(super) fn new(name: Cow<'static, str>, parent: &Context, sampled: bool) -> Self {
        let on = sampled && queue::is_open();
        let attributes = if on { Vec::with_capacity(8) } else { Vec::new() };
        Self { on, service: parent.service, parent: parent.trace.span_id, name, attributes, failure: None }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    pub(super) fn keep(&mut self) {
        if !self.on && queue::is_open() {
            self.on = true;
            // Whatever is above it was not recorded: for whoever looks at it, it is a root.
            self.parent = SpanId::default();
        }
    }

    pub(super) fn set(&mut self, key: &'static str, value: Value) {
        match self.attributes.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((key, value)),
        }
    }

    pub(super) fn rename(&mut self, name: Cow<'static, str>) {
        self.name = name;
    }

    pub(super) fn fail(&mut self, message: Cow<'static, str>) {
        self.failure = Some(message);
    }

    /// Hands the span over for export.
    pub(super) fn finish(&mut self, trace: &TraceContext, kind: SpanKind, took: Duration) {
        let end = SystemTime::now();
        queue::push(Finished {
            service: self.service,
            trace: trace.clone(),
            parent: self.parent,
            kind,
            name: std::mem::take(&mut self.name),
            start: end.checked_sub(took).unwrap_or(end),
            end,
            attributes: std::mem::take(&mut self.attributes),
            failure: self.failure.take(),
        });
    }
}
