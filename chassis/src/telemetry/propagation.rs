//! W3C Trace Context and Baggage, over whatever carries text headers: HTTP, gRPC, messages.
//!
//! Sources: <https://www.w3.org/TR/trace-context/>, <https://www.w3.org/TR/baggage/>.

use std::sync::Arc;

use crate::Context;
use crate::context::TraceContext;

/// The header that carries trace id, parent span id and the sampled flag.
pub const TRACEPARENT: &str = "traceparent";
/// The header that carries what tracing systems want to tell each other.
pub const TRACESTATE: &str = "tracestate";
/// The header that carries the application's own properties.
pub const BAGGAGE: &str = "baggage";

/// A longer `tracestate` may be dropped, says its specification.
const TRACESTATE_LIMIT: usize = 512;
/// A longer `baggage` need not be passed on, says its specification.
const BAGGAGE_LIMIT: usize = 8192;

/// Reads the trace and the baggage that came with a request or a message. What is malformed or too long is ignored.
///
/// ```
/// use chassis::telemetry::propagation::extract;
///
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let (trace, baggage) = extract(|name| (name == "traceparent").then_some(traceparent));
/// assert!(trace.sampled);
/// assert_eq!(baggage, None);
/// ```
pub fn extract<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> (TraceContext, Option<Arc<str>>) {
    let short = |name, limit| get(name).map(str::trim).filter(|text| !text.is_empty() && text.len() <= limit);
    let mut trace = get(TRACEPARENT).and_then(TraceContext::parse).unwrap_or_default();
    if !trace.is_none() {
        trace.state = short(TRACESTATE, TRACESTATE_LIMIT).map(Arc::from);
    }
    (trace, short(BAGGAGE, BAGGAGE_LIMIT).map(Arc::from))
}

/// Gives the headers that carry the context's trace and baggage on.
pub fn inject(context: &Context, mut set: impl FnMut(&'static str, String)) {
    let Context { trace, baggage, .. } = context;
    if !trace.is_none() {
        set(TRACEPARENT, trace.traceparent());
        if let Some(state) = &trace.state {
            set(TRACESTATE, state.to_string());
        }
    }
    if let Some(baggage) = baggage {
        set(BAGGAGE, baggage.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::context::{SpanId, TraceId};

    proptest! {
        #[test]
        fn what_is_injected_is_extracted(trace in 1u128.., span in 1u64.., sampled: bool, baggage in "[a-z]{1,9}=[a-z]{1,9}") {
            let state = Some(Arc::from("vendor=1"));
            let sent = Context {
                trace: TraceContext { trace_id: TraceId(trace), span_id: SpanId(span), sampled, state },
                baggage: Some(baggage.into()),
                ..Context::default()
            };
            let mut headers = HashMap::new();
            inject(&sent, |name, value| { headers.insert(name, value); });
            let (trace, baggage) = extract(|name| headers.get(name).map(String::as_str));
            prop_assert_eq!(trace, sent.trace);
            prop_assert_eq!(baggage, sent.baggage);
        }
    }

    #[test]
    fn tracestate_without_traceparent_is_nothing() {
        let (trace, _) = extract(|name| (name == TRACESTATE).then_some("vendor=1"));
        assert_eq!(trace, TraceContext::default());
    }

    #[test]
    fn too_long_baggage_is_dropped() {
        let long = "a=".repeat(BAGGAGE_LIMIT);
        assert_eq!(extract(|name| (name == BAGGAGE).then_some(long.as_str())).1, None);
    }

    #[test]
    fn without_a_trace_nothing_is_injected() {
        inject(&Context::default(), |name, _| panic!("{name} was set"));
    }
}
