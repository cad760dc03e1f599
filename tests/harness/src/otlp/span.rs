//! A span as a test wants to see it.

use std::collections::BTreeMap;
use std::fmt::Write;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span as Wire;

/// A span with its ids in hexadecimal and its attributes as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// `service.name` of its resource.
    pub service: String,
    /// Such as `GET /products/{id}`.
    pub name: String,
    /// On which side of what it stands.
    pub kind: Kind,
    /// 32 digits.
    pub trace: String,
    /// 16 digits.
    pub id: String,
    /// The parent's id, if it has one.
    pub parent: Option<String>,
    /// Ids of the spans it links to.
    pub links: Vec<String>,
    /// Its own attributes; those of the resource are in `resource`.
    pub attributes: BTreeMap<String, String>,
    /// The attributes of the process or service it comes from.
    pub resource: BTreeMap<String, String>,
    /// What went wrong, if its status is an error; may be empty.
    pub error: Option<String>,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
}

/// The kinds of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Not said.
    Unspecified,
    /// Inside of a process.
    Internal,
    /// Answers a call.
    Server,
    /// Makes a call.
    Client,
    /// Sends a message.
    Producer,
    /// Takes a message.
    Consumer,
}

impl Span {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

pub(super) fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut all = Vec::new();
    for group in request.resource_spans {
        let resource = attributes(group.resource.unwrap_or_default().attributes);
        for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            all.push(convert(span, &resource));
        }
    }
    all
}

fn convert(span: Wire, resource: &BTreeMap<String, String>) -> Span {
    Span {
        service: resource.get("service.name").cloned().unwrap_or_default(),
        kind: match span.kind {
            1 => Kind::Internal,
            2 => Kind::Server,
            3 => Kind::Client,
            4 => Kind::Producer,
            5 => Kind::Consumer,
            _ => Kind::Unspecified,
        },
        name: span.name,
        trace: hexadecimal(&span.trace_id),
        id: hexadecimal(&span.span_id),
        parent: (!span.parent_span_id.is_empty()).then(|| hexadecimal(&span.parent_span_id)),
        links: span.links.iter().map(|link| hexadecimal(&link.span_id)).collect(),
        attributes: attributes(span.attributes),
        resource: resource.clone(),
        error: span.status.filter(|status| status.code == 2).map(|status| status.message),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, pair.value.map(text).unwrap_or_default())).collect()
}

fn text(value: AnyValue) -> String {
    match value.value {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(Value::ArrayValue(list)) => list.values.into_iter().map(text).collect::<Vec<_>>().join(","),
        Some(Value::BytesValue(bytes)) => hexadecimal(&bytes),
        _ => String::new(),
    }
}
