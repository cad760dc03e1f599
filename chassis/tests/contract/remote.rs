//! Calls over a real connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chassis::context::{SpanId, TraceContext, TraceId};
use chassis::prelude::*;
use tokio::time::Instant;

use crate::shape::{InventoryClient, InventoryError, Line, Reserve, Search, Sku, Sort, Stock};
use crate::support::{Served, text};

fn sku(text: &str) -> Sku {
    Sku(text.to_owned())
}

fn unexpected<T: std::fmt::Debug>(result: Result<T, InventoryError>) -> Error {
    match result {
        Err(InventoryError::Unexpected(error)) => error,
        other => panic!("{other:?} was expected to be unexpected"),
    }
}

#[tokio::test]
async fn arguments_and_answers_arrive_as_they_were() {
    let served = Served::start().await;
    let client = &served.client;
    let strange = sku("a/b ?ä%2F#..");
    assert_eq!(client.stock(strange.clone()).await.unwrap(), Stock { sku: strange, available: 7 });
    assert_eq!(client.number(12, true).await.unwrap(), -12);
    let search =
        Search { text: Some("a&b=c".into()), tags: vec!["x".into(), "y z".into()], sort: Sort::Price, page: 3 };
    assert_eq!(client.search(search).await.unwrap(), ["a&b=c", "x", "y z", "3"]);
    let bare = Search { text: None, tags: vec![], sort: Sort::Name, page: 0 };
    assert_eq!(client.search(bare).await.unwrap(), ["0"]);
    client.remove(sku("mug")).await.unwrap();
    client.work("nothing".into()).await.unwrap();
}

#[tokio::test]
async fn a_reply_brings_its_headers_and_status() {
    let served = Served::start().await;
    let reply = served.client.set(sku("mug"), Some("\"3\"".into()), 4).await.unwrap();
    assert_eq!((reply.header("etag"), reply.status()), (Some("\"3\""), Some(StatusCode::ACCEPTED)));
    assert_eq!(reply.available, 4);
    let reply = served.client.set(sku("mug"), None, 4).await.unwrap();
    assert_eq!(reply.header("etag"), Some("new"));
}

#[tokio::test]
async fn promised_errors_arrive_as_the_same_variant() {
    let served = Served::start().await;
    assert!(
        matches!(served.client.stock(sku("none")).await, Err(InventoryError::UnknownSku(Sku(name))) if name == "none")
    );
    assert!(matches!(served.client.stock(sku("closed")).await, Err(InventoryError::Closed)));
    let request = Reserve { order: 1, lines: vec![Line { sku: sku("mug"), quantity: 8 }] };
    let error = served.client.reserve(request).await.unwrap_err();
    assert!(matches!(error, InventoryError::OutOfStock { sku: Sku(name), available: 7 } if name == "mug"));
    assert!(matches!(served.client.work("helper".into()).await, Err(InventoryError::Closed)));
}

#[tokio::test]
async fn unexpected_errors_tell_nothing() {
    let served = Served::start().await;
    let error = unexpected(served.client.work("fail".into()).await);
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    assert_eq!(unexpected(served.client.work("busy".into()).await).kind(), ErrorKind::Overloaded);
}

#[tokio::test]
async fn a_call_carries_its_context() {
    let served = Served::start().await;
    let trace =
        TraceContext { trace_id: TraceId(7), span_id: SpanId(8), sampled: true, state: Some("vendor=1".into()) };
    let context = Context {
        trace,
        request_id: Some("r-1".into()),
        baggage: Some("a=b".into()),
        service: Some("orders"),
        ..Context::default()
    };
    context.with_timeout(Duration::from_millis(900)).scope(served.client.stock(sku("mug"))).await.unwrap();
    let headers = served.last();
    assert!(text(&headers, "traceparent").unwrap().starts_with("00-00000000000000000000000000000007-"));
    assert!(!text(&headers, "traceparent").unwrap().contains("0000000000000008"), "the call has a span of its own");
    assert_eq!(text(&headers, "tracestate"), Some("vendor=1"));
    assert_eq!(text(&headers, "baggage"), Some("a=b"));
    assert_eq!(text(&headers, "x-request-id"), Some("r-1"));
    assert_eq!(text(&headers, "user-agent"), Some("orders"));
    let left: u64 = text(&headers, "chassis-deadline").unwrap().parse().unwrap();
    assert!(left > 0 && left <= 900, "{left}");
    assert_eq!(text(&headers, "idempotency-key"), None);

    served.client.stock(sku("mug")).await.unwrap();
    let left: u64 = text(&served.last(), "chassis-deadline").unwrap().parse().unwrap();
    assert!(left > 900 && left <= 1_500, "one attempt has 1.5 s: {left}");
}

#[tokio::test]
async fn idempotent_calls_carry_a_key() {
    let served = Served::start().await;
    let request = || Reserve { order: 1, lines: vec![] };
    served.client.reserve(request()).await.unwrap();
    let first = text(&served.last(), "idempotency-key").unwrap().to_owned();
    served.client.reserve(request()).await.unwrap();
    assert_ne!(text(&served.last(), "idempotency-key"), Some(first.as_str()), "each call has its own");
    let chosen = served.client.with(CallOptions::new().idempotency_key("order-1"));
    chosen.reserve(request()).await.unwrap();
    assert_eq!(text(&served.last(), "idempotency-key"), Some("order-1"));
    chosen.work("nothing".into()).await.unwrap();
    assert_eq!(text(&served.last(), "idempotency-key"), None, "the operation is not idempotent");

    for client in [&served.client, &chosen] {
        let reached = client.charge("the caller's".into(), 1).await.unwrap();
        assert_eq!(reached, "the caller's", "a key that is an argument is the caller's own");
    }
}

#[tokio::test]
async fn a_call_ends_in_time() {
    let served = Served::start().await;
    let hasty = served.client.with(CallOptions::new().timeout(Duration::from_millis(80)));
    let started = Instant::now();
    let error = unexpected(hasty.sleep().await);
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(started.elapsed() < Duration::from_secs(2));

    let attempt = served.client.with(CallOptions::new().attempt_timeout(Duration::from_millis(80)));
    assert_eq!(unexpected(attempt.work("wait".into()).await).kind(), ErrorKind::DeadlineExceeded);

    let reached = served.service.reached.load(Ordering::SeqCst);
    let late = Context::default().with_timeout(Duration::ZERO);
    let error = unexpected(late.scope(served.client.work("late".into())).await);
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(served.service.reached.load(Ordering::SeqCst), reached, "what is too late is not sent");
}

#[tokio::test]
async fn what_cannot_be_reached_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = InventoryClient::connect(&address).unwrap();
    let error = unexpected(client.stock(sku("mug")).await);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(format!("{error:#}").contains(&address), "{error:#}");
}

#[tokio::test]
async fn what_is_no_such_contract_is_a_protocol_error() {
    let served = Served::start().await;
    let elsewhere = InventoryClient::connect(&format!("{}/nowhere/", served.address)).unwrap();
    assert_eq!(unexpected(elsewhere.stock(sku("mug")).await).kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_path_that_would_be_lost_is_refused() {
    let served = Served::start().await;
    for lost in ["", ".", ".."] {
        assert_eq!(unexpected(served.client.stock(sku(lost)).await).kind(), ErrorKind::Protocol, "{lost:?}");
    }
    assert!(served.headers.lock().unwrap().is_empty());
}

#[test]
fn wrong_addresses_are_explained() {
    for (url, part) in [
        ("inventory:8080", "http://"),
        ("ftp://inventory", "http://"),
        ("http://user:hunter2@inventory", "user and password"),
        ("http://inventory/?a=b", "query"),
    ] {
        let error = InventoryClient::connect(url).err().expect("it is refused").to_string();
        assert!(error.contains("clients.inventory.url") && error.contains(part), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
