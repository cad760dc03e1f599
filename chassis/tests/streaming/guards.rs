//! What the guards of a client make of streams.

use std::sync::atomic::Ordering;

use chassis::prelude::*;
use harness::eventually;
use harness::http::Client;

use crate::vault::{PIECE, Pair, drained, pair};

#[tokio::test]
async fn a_stream_has_its_place_until_its_end() {
    let pair = pair("bulkhead.concurrent = 1\n").await;
    pair.told.waits.store(true, Ordering::SeqCst);
    let mut stream = pair.client.fetch("file-10000000".into()).await.unwrap();
    stream.chunk().await.unwrap();
    let refused = pair.client.ping().await.unwrap_err().unexpected();
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    drop(stream);
    pair.client.ping().await.unwrap();

    pair.told.gate.open();
    let mut stream = pair.client.fetch("file-1000000".into()).await.unwrap();
    while stream.chunk().await.unwrap().is_some() {}
    pair.client.ping().await.unwrap();
    drop(stream);
}

/// Reads answers that break off until the breaker opens; gives how many it took.
async fn until_refused(pair: &Pair) -> usize {
    until_refused_of(pair, 100).await.expect("the breaker never opened")
}

/// The same with so many at most.
async fn until_refused_of(pair: &Pair, most: usize) -> Option<usize> {
    for call in 0..most {
        match pair.client.fetch(format!("broken-{}", 100 * PIECE)).await {
            Ok(stream) => assert_eq!(drained(stream).await.unwrap_err().kind(), ErrorKind::Unavailable),
            Err(error) => {
                assert_eq!(error.unexpected().kind(), ErrorKind::CircuitOpen);
                return Some(call);
            }
        }
    }
    None
}

#[tokio::test]
async fn answers_that_break_off_are_failures() {
    // None of them is half a success for its head.
    let pair = pair("breaker.min_calls = 10\nbreaker.failure_rate = 1.0\n").await;
    assert_eq!(until_refused(&pair).await, 10);
}

#[tokio::test]
async fn whoever_has_read_enough_leaves_a_success() {
    let pair = pair("breaker.min_calls = 10\nbreaker.failure_rate = 1.0\n").await;
    for _ in 0..10 {
        let mut stream = pair.client.fetch(format!("broken-{}", 100 * PIECE)).await.unwrap();
        stream.chunk().await.unwrap();
    }
    assert_eq!(until_refused_of(&pair, 15).await, None);
}

#[tokio::test]
async fn an_instance_that_breaks_off_is_left_out() {
    let good = crate::vault::vault().await;
    let bad = crate::vault::vault().await;
    bad.1.breaks.store(true, Ordering::SeqCst);
    let ports = [good.0.address("vault").port(), bad.0.address("vault").port()];
    let settings = format!(
        "endpoints = ['127.0.0.1:{}', '127.0.0.1:{}']\nbreaker.mode = 'disabled'\nbalance.policy = 'round_robin'\n[management]\ntoken = 'open'\n",
        ports[0], ports[1]
    );
    let (app, client) = crate::vault::caller(1, &settings).await;
    for _ in 0..40 {
        let stream = client.fetch(format!("file-{}", 100 * PIECE)).await.unwrap();
        let _ = drained(stream).await;
    }
    let management = Client::new(app.management_url());
    let state = management.get("/admin/clients").header("authorization", "Bearer open").send().await.text();
    assert!(state.contains("ejected"), "{state}");
    let broken = bad.1.calls.load(Ordering::SeqCst);
    assert!(broken < 15, "it was called {broken} times");
}

#[tokio::test]
async fn the_other_side_is_told_how_long_the_stream_is_wanted() {
    let pair = pair("attempt_timeout = '1s'\n").await;
    pair.client.fetch("file-1000".into()).await.unwrap();
    let left = pair.told.left.load(Ordering::SeqCst);
    assert!((19_000..=20_000).contains(&left), "{left} ms");
    pair.client.ping().await.unwrap();
    assert!(pair.told.left.load(Ordering::SeqCst) <= 1000);
    eventually("it is let go of", async || (pair.told.open.load(Ordering::SeqCst) == 0).then_some(())).await;
}
