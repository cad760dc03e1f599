use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric;
use prost::Message;
use tokio::sync::Notify;

use super::*;
use crate::Context;
use crate::context::{SpanId, TraceContext, TraceId};
use crate::telemetry::metrics;
use crate::telemetry::span::{Span, SpanKind};

/// What it answers first, and what it has got.
#[derive(Default)]
struct Collector {
    answers: Mutex<Vec<StatusCode>>,
    got: Mutex<Vec<(String, HeaderMap, Bytes)>>,
    arrived: Notify,
}

impl Collector {
    /// Gives the endpoint too.
    async fn start(answers: &[StatusCode]) -> (Arc<Self>, String) {
        let collector = Arc::new(Self { answers: Mutex::new(answers.to_vec()), ..Self::default() });
        let router = Router::new().fallback(Self::take).with_state(Arc::clone(&collector));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}/base/", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, endpoint)
    }

    async fn take(State(this): State<Arc<Self>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
        if let Some(answer) = this.answers.lock().expect("not poisoned").pop() {
            return answer;
        }
        this.got.lock().expect("not poisoned").push((uri.path().to_owned(), headers, body));
        this.arrived.notify_one();
        StatusCode::OK
    }

    fn bodies(&self, path: &str) -> Vec<Bytes> {
        let got = self.got.lock().expect("not poisoned");
        got.iter().filter(|(at, ..)| at == path).map(|(.., body)| body.clone()).collect()
    }
}

fn settings(endpoint: String) -> OtlpSettings {
    let headers = [("authorization".to_owned(), "Bearer x".to_owned().into())].into();
    OtlpSettings { endpoint: Some(endpoint), headers, ..OtlpSettings::default() }
}

fn info() -> ServiceInfo {
    ServiceInfo { name: "shop".to_owned(), version: "1.2.3".to_owned(), instance: "a".to_owned() }
}

fn start(settings: &OtlpSettings) -> Exporter {
    Exporter::start(settings, &info(), "test").expect("it starts").expect("there is an endpoint")
}

fn parent(service: Option<&'static str>) -> Context {
    let trace = TraceContext { trace_id: TraceId(1), span_id: SpanId(2), sampled: true, state: Some("v=1".into()) };
    Context { trace, service, ..Context::default() }
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == key).and_then(|found| found.value.as_ref());
    match found.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text,
        other => panic!("{key} is {other:?}"),
    }
}

const GRACE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn spans_and_metrics_arrive() {
    let _turn = crate::telemetry::TURN.lock().await;
    let (collector, endpoint) = Collector::start(&[]).await;
    let exporter = start(&settings(endpoint));
    let mut span = Span::start(SpanKind::Server, "GET /", &parent(Some("orders")));
    span.set("http.route", "/");
    span.set("http.response.status_code", 500);
    span.fail("boom");
    let id = span.trace().span_id;
    span.end();
    Span::start(SpanKind::Internal, "inside", &parent(None)).end();
    metrics::counter("otlp.test", "Help.", &[("service", "orders"), ("a", "1")]).add(3);
    metrics::histogram(("otlp.time", "s"), "", &[], &[1.0]).observe(2.0);
    exporter.shutdown(GRACE).await;

    let bodies = collector.bodies("/base/v1/traces");
    let request = ExportTraceServiceRequest::decode(bodies[0].clone()).expect("protobuf");
    let services = request.resource_spans.iter().map(|spans| {
        let resource = spans.resource.as_ref().expect("a resource");
        (find(&resource.attributes, "service.name"), find(&resource.attributes, "service.version"))
    });
    assert_eq!(services.collect::<Vec<_>>(), [("shop", "1.2.3"), ("orders", "1.2.3")]);
    let span = &request.resource_spans[1].scope_spans[0].spans[0];
    assert_eq!((span.name.as_str(), span.trace_state.as_str(), span.flags), ("GET /", "v=1", 1));
    assert_eq!(
        (span.trace_id.as_slice(), span.span_id.as_slice()),
        (&1u128.to_be_bytes()[..], &id.0.to_be_bytes()[..])
    );
    assert_eq!(span.parent_span_id, 2u64.to_be_bytes());
    assert_eq!(find(&span.attributes, "http.route"), "/");
    assert_eq!(span.status.as_ref().map(|status| (status.code, status.message.as_str())), Some((2, "boom")));

    let bodies = collector.bodies("/base/v1/metrics");
    let request = ExportMetricsServiceRequest::decode(bodies[0].clone()).expect("protobuf");
    let all = request.resource_metrics.iter().flat_map(|resource| {
        let name = find(&resource.resource.as_ref().expect("a resource").attributes, "service.name");
        resource.scope_metrics[0].metrics.iter().map(move |metric| (name, metric))
    });
    let all = all.collect::<Vec<_>>();
    let (service, counter) = all.iter().find(|(_, metric)| metric.name == "otlp.test").expect("it was sent");
    assert_eq!((*service, counter.description.as_str()), ("orders", "Help."));
    let Some(metric::Data::Sum(sum)) = &counter.data else { panic!("{counter:?}") };
    assert!(sum.is_monotonic);
    assert_eq!(find(&sum.data_points[0].attributes, "a"), "1");
    let (service, time) = all.iter().find(|(_, metric)| metric.name == "otlp.time").expect("it was sent");
    assert_eq!((*service, time.unit.as_str()), ("shop", "s"));
    let Some(metric::Data::Histogram(histogram)) = &time.data else { panic!("{time:?}") };
    assert_eq!((&histogram.data_points[0].bucket_counts[..], histogram.data_points[0].sum), (&[0, 1][..], Some(2.0)));

    let got = collector.got.lock().expect("not poisoned");
    assert!(got.iter().all(|(_, headers, _)| headers["authorization"] == "Bearer x"));
}

#[tokio::test]
async fn a_full_batch_does_not_wait_for_the_interval() {
    let _turn = crate::telemetry::TURN.lock().await;
    let (collector, endpoint) = Collector::start(&[StatusCode::SERVICE_UNAVAILABLE]).await;
    let hour = Duration::from_secs(3600);
    let exporter = start(&OtlpSettings { span_interval: hour, ..settings(endpoint) });
    for _ in 0..BATCH {
        Span::start(SpanKind::Internal, "many", &parent(None)).end();
    }
    // The first answer is a 503, so it is also tried again.
    collector.arrived.notified().await;
    assert_eq!(collector.bodies("/base/v1/traces").len(), 1);
    exporter.shutdown(GRACE).await;
}

#[tokio::test]
async fn what_the_collector_refuses_is_counted() {
    let _turn = crate::telemetry::TURN.lock().await;
    let (_collector, endpoint) = Collector::start(&[StatusCode::BAD_REQUEST; 2]).await;
    let before = dropped("export_failed").get();
    let exporter = start(&settings(endpoint));
    Span::start(SpanKind::Internal, "refused", &parent(None)).end();
    exporter.shutdown(GRACE).await;
    assert_eq!(dropped("export_failed").get(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_in_time_without_a_collector() {
    let _turn = crate::telemetry::TURN.lock().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let exporter = start(&settings(endpoint));
    Span::start(SpanKind::Internal, "lost", &parent(None)).end();
    let begun = Instant::now();
    exporter.shutdown(Duration::from_secs(3)).await;
    assert!(begun.elapsed() <= Duration::from_millis(3100), "{:?}", begun.elapsed());
}
