//! The collector and the client, over real connections.

use harness::http::Client;
use harness::otlp::{Collector, Kind};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn export(service: &str, id: u8, parent: Option<u8>) -> Vec<u8> {
    let span = Span {
        trace_id: vec![0xab; 16],
        span_id: vec![id; 8],
        parent_span_id: parent.map(|parent| vec![parent; 8]).unwrap_or_default(),
        name: format!("span {id}"),
        kind: 2,
        attributes: vec![pair("http.response.status_code", Value::IntValue(500))],
        status: Some(Status { code: 2, message: "broken".to_owned() }),
        ..Default::default()
    };
    let group = ResourceSpans {
        resource: Some(Resource {
            attributes: vec![pair("service.name", Value::StringValue(service.to_owned()))],
            ..Default::default()
        }),
        scope_spans: vec![ScopeSpans { spans: vec![span], ..Default::default() }],
        ..Default::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

async fn send(collector: &Collector, body: Vec<u8>) -> u16 {
    let client = Client::new(collector.endpoint());
    client.post("/v1/traces").body("application/x-protobuf", body).send().await.status()
}

#[tokio::test]
async fn a_tree_is_waited_for_until_it_is_whole() {
    let collector = Collector::start().await;
    let id = "ab".repeat(16);
    assert_eq!(send(&collector, export("orders", 2, Some(1))).await, 200);
    assert_eq!(
        collector.trace(&id).check().expect_err("no root yet"),
        "the parent 0101010101010101 of `span 2` (orders) is missing"
    );
    let (trace, _) = tokio::join!(
        collector.wait_for_tree(&id, &["storefront", "orders"]),
        send(&collector, export("storefront", 1, None))
    );
    assert_eq!(trace.root().service, "storefront");
    let span = trace.find("orders", "span 2").expect("the span");
    assert_eq!(span.kind, Kind::Server);
    assert_eq!(span.attribute("http.response.status_code"), Some("500"));
    assert_eq!(span.error.as_deref(), Some("broken"));
    assert_eq!(collector.traces().len(), 1);
    let same = collector.wait_for_trace("two spans", |trace| trace.spans().len() == 2).await;
    assert_eq!(same.root().id, trace.root().id);
}

#[tokio::test]
async fn a_collector_that_is_down_keeps_nothing() {
    let collector = Collector::start().await;
    collector.answer_with(503);
    assert_eq!(send(&collector, export("orders", 1, None)).await, 503);
    assert_eq!((collector.spans().len(), collector.refused()), (0, 1));
    collector.answer_with(200);
    assert_eq!(send(&collector, b"\xff".to_vec()).await, 400);
    assert_eq!(send(&collector, export("orders", 1, None)).await, 200);
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn the_client_says_why_there_is_no_answer() {
    let gone = Client::new("http://127.0.0.1:9");
    let error = gone.get("/x").try_send().await.expect_err("nobody listens there");
    assert!(error.starts_with("GET http://127.0.0.1:9/x: ") && error.contains("refused"), "{error}");

    let collector = Collector::start().await;
    let answer =
        Client::new(collector.endpoint()).put("/none").json(&[1, 2]).header("x-a", "b").send().await.expect(404);
    assert_eq!(answer.text(), "no /none here");
    assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
}
