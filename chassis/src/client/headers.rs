//! What the requests of a client say about themselves. Most of it is the same each time, and is laid out once.

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Duration;

use super::call::Call;
use crate::Context;
use crate::context::TraceContext;
use crate::http::DEADLINE;
use crate::telemetry::propagation;

/// The header under which the other side remembers a call.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static(propagation::TRACEPARENT);
const TRACESTATE: HeaderName = HeaderName::from_static(propagation::TRACESTATE);
const BAGGAGE: HeaderName = HeaderName::from_static(propagation::BAGGAGE);

/// Who calls where no service does.
const NOBODY: &str = "chassis";

/// The headers that every request of a client has. What differs from one to the next has its place there already, as to
/// put a value into its place costs a third of what a new header does.
#[derive(Debug)]
pub(super) struct Usual {
    /// For calls that are made outside of any request.
    outside: HeaderMap,
    /// For those that a request is behind, whose id goes on.
    inside: HeaderMap,
    agent: &'static str,
    within: u64,
}

impl Usual {
    /// For the client of a service, whose attempts mostly have that long. `host` is the name of the other side; `None` where
    /// the address says it.
    pub(super) fn new(service: &'static str, host: Option<HeaderValue>, attempt: Duration) -> Self {
        let (agent, within) = (if service.is_empty() { NOBODY } else { service }, millis(attempt));
        let mut outside = HeaderMap::new();
        outside.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(host) = host {
            outside.insert(HOST, host);
        }
        if let Some(agent) = value_of(agent) {
            outside.insert(USER_AGENT, agent);
        }
        outside.insert(DEADLINE, HeaderValue::from(within));
        outside.insert(&TRACEPARENT, HeaderValue::from_static(""));
        let mut inside = outside.clone();
        inside.insert(REQUEST_ID, HeaderValue::from_static(""));
        Self { outside, inside, agent, within }
    }

    /// Those of one attempt, which is waited for that long.
    pub(super) fn of(&self, call: &Call, trace: &TraceContext, within: Duration) -> HeaderMap {
        let Context { service, request_id, baggage, .. } = &call.context;
        let id = request_id.as_deref().and_then(|id| HeaderValue::from_str(id).ok());
        let mut headers = if id.is_some() { self.inside.clone() } else { self.outside.clone() };
        if let Some(id) = id {
            headers.insert(REQUEST_ID, id);
        }
        let agent = service.unwrap_or(NOBODY);
        if agent != self.agent {
            match value_of(agent) {
                Some(agent) => headers.insert(USER_AGENT, agent),
                None => headers.remove(USER_AGENT),
            };
        }
        let within = millis(within);
        if within != self.within {
            headers.insert(DEADLINE, HeaderValue::from(within));
        }
        // An argument says what is accepted; what the client says of itself, none can change.
        for (name, value) in &call.outgoing.headers {
            if name == ACCEPT || !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        // A contract that takes the key as an argument has set it by now; nobody knows better than its caller.
        if let Some(key) = &call.key
            && !headers.contains_key(IDEMPOTENCY_KEY)
        {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        match (headers.get_mut(&TRACEPARENT), HeaderValue::from_bytes(&trace.header())) {
            (Some(place), Ok(traceparent)) if !trace.is_none() => *place = traceparent,
            _ => drop(headers.remove(&TRACEPARENT)),
        }
        let state = trace.state.as_deref().filter(|_| !trace.is_none());
        for (name, value) in [(TRACESTATE, state), (BAGGAGE, baggage.as_deref())] {
            if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// The header of who calls; what is no valid one is not passed on.
fn value_of(agent: &'static str) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from_static(agent.as_bytes())).ok()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::outgoing::Outgoing;
    use crate::context::{SpanId, TraceId};

    const ATTEMPT: Duration = Duration::from_millis(1500);

    fn usual(host: Option<&'static str>) -> Usual {
        Usual::new("orders", host.map(HeaderValue::from_static), ATTEMPT)
    }

    fn trace() -> TraceContext {
        TraceContext { trace_id: TraceId(7), span_id: SpanId(8), sampled: true, state: None }
    }

    fn call(context: Context, arguments: &[(&'static str, &'static str)]) -> Call {
        let arguments = arguments.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut call = Call::example(Outgoing { headers: arguments.collect(), ..Outgoing::example() });
        call.context = context;
        call
    }

    /// All of them, sorted.
    fn written(headers: &HeaderMap) -> Vec<String> {
        let mut all: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        all.sort();
        all
    }

    const TRACE: &str = "traceparent: 00-00000000000000000000000000000007-0000000000000008-01";

    #[test]
    fn a_plain_call_says_what_is_usual_and_no_more() {
        let context = || Context { service: Some("orders"), ..Context::default() };
        let host = usual(Some("stock:8080")).of(&call(context(), &[]), &trace(), ATTEMPT);
        let rest = ["accept: application/json", "chassis-deadline: 1500"];
        let expected = [rest[0], rest[1], "host: stock:8080", TRACE, "user-agent: orders"];
        assert_eq!(written(&host), expected);
        let none = usual(None).of(&call(context(), &[]), &trace(), ATTEMPT);
        assert_eq!(written(&none), [rest[0], rest[1], TRACE, "user-agent: orders"]);
    }

    #[test]
    fn what_one_call_said_the_next_does_not() {
        let usual = usual(Some("stock"));
        let context = Context {
            request_id: Some("r-1".into()),
            baggage: Some("a=b".into()),
            service: Some("shop"),
            ..Context::default()
        };
        let traced = TraceContext { state: Some("vendor=1".into()), ..trace() };
        let mut first = call(context, &[]);
        first.key = Some(HeaderValue::from_static("k-1"));
        let headers = usual.of(&first, &traced, Duration::from_millis(20));
        let expected = [
            "accept: application/json",
            "baggage: a=b",
            "chassis-deadline: 20",
            "host: stock",
            "idempotency-key: k-1",
            TRACE,
            "tracestate: vendor=1",
            "user-agent: shop",
            "x-request-id: r-1",
        ];
        assert_eq!(written(&headers), expected);
        let headers = usual.of(&call(Context::default(), &[]), &TraceContext::default(), ATTEMPT);
        let expected = ["accept: application/json", "chassis-deadline: 1500", "host: stock", "user-agent: chassis"];
        assert_eq!(written(&headers), expected, "what is not known has no header");
    }

    #[test]
    fn an_argument_says_what_is_accepted_and_nothing_of_the_client() {
        let arguments = [
            ("accept", "text/csv"),
            ("chassis-deadline", "99999"),
            ("content-type", "application/json"),
            ("host", "elsewhere"),
            ("idempotency-key", "the caller's"),
            ("traceparent", "none"),
            ("user-agent", "somebody"),
            ("x-request-id", "mine"),
        ];
        let mut call = call(Context { request_id: Some("r-1".into()), ..Context::default() }, &arguments);
        call.key = Some(HeaderValue::from_static("k-1"));
        let expected = [
            "accept: text/csv",
            "chassis-deadline: 1500",
            "content-type: application/json",
            "host: stock",
            "idempotency-key: the caller's",
            TRACE,
            "user-agent: chassis",
            "x-request-id: r-1",
        ];
        assert_eq!(written(&usual(Some("stock")).of(&call, &trace(), ATTEMPT)), expected);
        call.context.request_id = None;
        let headers = usual(Some("stock")).of(&call, &trace(), ATTEMPT);
        assert_eq!(headers["x-request-id"], "mine", "where there is none, it is the argument's");
    }

    #[test]
    fn what_no_header_can_have_is_left_out() {
        let context = Context {
            request_id: Some("r\n1".into()),
            baggage: Some("a=\n".into()),
            service: Some("or\nders"),
            ..Context::default()
        };
        let headers = usual(None).of(&call(context, &[]), &trace(), ATTEMPT);
        assert_eq!(written(&headers), ["accept: application/json", "chassis-deadline: 1500", TRACE]);
    }
}
