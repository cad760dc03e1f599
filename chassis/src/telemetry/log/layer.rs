//! Turns events into lines, with the context of the work that they belong to.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context as Layers;
use tracing_subscriber::registry::LookupSpan;

use super::writer::Writer;
use super::{Style, json, pretty};
use crate::Context;

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub(super) struct LineLayer {
    style: Style,
    /// Names lines that belong to no service in particular.
    process: Box<str>,
    writer: Arc<Writer>,
}

/// What a line is made of.
pub(super) struct Parts<'a> {
    pub(super) time: SystemTime,
    pub(super) event: &'a Event<'a>,
    pub(super) service: &'a str,
    pub(super) context: Option<&'a Context>,
    /// The `tracing` spans around it, outermost first; empty when there is none.
    pub(super) scope: &'a str,
}

impl Parts<'_> {
    pub(super) fn metadata(&self) -> &'static Metadata<'static> {
        self.event.metadata()
    }
}

impl LineLayer {
    pub(super) fn new(style: Style, process: &str, writer: Arc<Writer>) -> Self {
        Self { style, process: process.into(), writer }
    }

    fn write(&self, line: &mut Vec<u8>, event: &Event<'_>, scope: &str) {
        line.clear();
        let mut write = |context: Option<&Context>| {
            let service = context.and_then(|context| context.service).unwrap_or(&self.process);
            let parts = Parts { time: SystemTime::now(), event, service, context, scope };
            match self.style {
                Style::Json => json::write(line, &parts),
                Style::Pretty { colours } => pretty::write(line, &parts, colours),
            }
        };
        if Context::with_current(|context| write(Some(context))).is_none() {
            write(None);
        }
        self.writer.push(line, *event.metadata().level() <= Level::WARN);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LineLayer {
    fn on_event(&self, event: &Event<'_>, layers: Layers<'_, S>) {
        let mut scope = String::new();
        for span in layers.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            let separator = if scope.is_empty() { "" } else { ":" };
            let extensions = span.extensions();
            let fields = extensions.get::<Fields>().map_or("", |fields| fields.0.as_str());
            // Writing to a String cannot fail; here and below.
            let _ = match fields {
                "" => write!(scope, "{separator}{}", span.name()),
                fields => write!(scope, "{separator}{}{{{fields}}}", span.name()),
            };
        }
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut line) => self.write(&mut line, event, &scope),
            // A value that logs while it is being logged.
            Err(_) => self.write(&mut Vec::new(), event, &scope),
        });
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, layers: Layers<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = layers.span(id).filter(|_| !fields.0.is_empty()) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, layers: Layers<'_, S>) {
        if let Some(span) = layers.span(id) {
            let mut extensions = span.extensions_mut();
            let mut fields = extensions.remove::<Fields>().unwrap_or_default();
            values.record(&mut fields);
            extensions.insert(fields);
        }
    }
}

/// The fields of a `tracing` span as text.
#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { " " };
        let _ = write!(self.0, "{separator}{field}={value:?}");
    }
}

/// An error with everything below it.
pub(super) struct Chain<'a>(pub(super) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
