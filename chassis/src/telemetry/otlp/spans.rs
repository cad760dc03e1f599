use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span, status};
use prost::Message;

use super::convert::{Resource, group, nanos, scope, value};
use crate::context::SpanId;
use crate::telemetry::span::SpanKind;
use crate::telemetry::span::recorder::Finished;

/// One request for all of them, with a resource for each service.
pub(super) fn encode(resource: &Resource, spans: Vec<Finished>) -> Vec<u8> {
    let groups = group(spans.into_iter().map(|span| (span.service, convert(span))));
    let resource_spans = groups.into_iter().map(|(service, spans)| {
        let scope_spans = ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() };
        let resource = Some(resource.of(service));
        ResourceSpans { resource, scope_spans: vec![scope_spans], ..ResourceSpans::default() }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec()
}

/// How many spans the collector did not want although it took the request.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).ok();
    let partial = answer.and_then(|answer| answer.partial_success);
    partial.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or(0)
}

fn convert(finished: Finished) -> Span {
    let id = |id: SpanId| if id.is_none() { Vec::new() } else { id.0.to_be_bytes().to_vec() };
    let kind = match finished.kind {
        SpanKind::Server => span::SpanKind::Server,
        SpanKind::Client => span::SpanKind::Client,
        SpanKind::Producer => span::SpanKind::Producer,
        SpanKind::Consumer => span::SpanKind::Consumer,
        SpanKind::Internal => span::SpanKind::Internal,
    };
    Span {
        trace_id: finished.trace.trace_id.0.to_be_bytes().to_vec(),
        span_id: id(finished.trace.span_id),
        trace_state: finished.trace.state.as_deref().unwrap_or_default().to_owned(),
        parent_span_id: id(finished.parent),
        flags: u32::from(finished.trace.sampled),
        name: finished.name.into_owned(),
        kind: kind.into(),
        start_time_unix_nano: nanos(finished.start),
        end_time_unix_nano: nanos(finished.end),
        attributes: finished.attributes.into_iter().map(|(key, of)| value(key, of)).collect(),
        status: finished
            .failure
            .map(|message| Status { message: message.into_owned(), code: status::StatusCode::Error.into() }),
        ..Span::default()
    }
}
