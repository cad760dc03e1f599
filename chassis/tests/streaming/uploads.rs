//! Requests that are made while they are sent.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use chassis::prelude::*;
use futures_util::{StreamExt, stream};
use harness::eventually;
use harness::ports::Port;

use crate::vault::{MIB, PIECE, Stored, Told, caller, drained, file, pair, settled, vault};

const HTTP: [&str; 2] = ["http_version = '1.1'\n", "http_version = '2'\n"];

#[tokio::test]
async fn a_large_file_goes_whole_and_never_all_at_once() {
    for http in HTTP {
        let pair = pair(http).await;
        pair.told.waits.store(true, Ordering::SeqCst);
        let own = Arc::<Told>::default();
        let sent = file(64 * MIB, None, Arc::clone(&own));
        let client = pair.client.with(CallOptions::new().attempt_timeout(Duration::from_secs(20)));
        let storing = tokio::spawn(async move { client.store("x".into(), None, Some("t".into()), sent).await });
        let reads = async || (pair.told.read.load(Ordering::SeqCst) > 0).then_some(());
        eventually("the other side reads", reads).await;
        let produced = settled(&pair.client, &own.produced).await * PIECE;
        assert!(produced < 32 * MIB, "{http}: {} MiB were produced for nobody", produced / MIB);
        pair.told.gate.open();
        let stored = storing.await.unwrap().unwrap();
        let kind = "application/octet-stream".to_owned();
        let (name, tag) = ("x".to_owned(), Some("t".to_owned()));
        assert_eq!(stored, Stored { name, bytes: 64 * MIB, wrong: 0, kind, tag }, "{http}");
    }
}

#[tokio::test]
async fn it_may_take_longer_than_an_attempt_as_long_as_it_moves() {
    for http in HTTP {
        let pair = pair(&format!("{http}attempt_timeout = '250ms'\n")).await;
        let pieces = stream::iter(0..10).then(|_| async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok::<_, Error>(vec![7; 1000])
        });
        let stored = pair.client.store("x".into(), Some("image/png".into()), None, ByteStream::new(pieces)).await;
        let stored = stored.unwrap();
        assert_eq!((stored.bytes, stored.kind.as_str()), (10_000, "image/png"), "{http}");
    }
}

#[tokio::test]
async fn who_does_not_take_it_is_given_up() {
    for http in HTTP {
        let pair = pair(&format!("{http}attempt_timeout = '300ms'\n")).await;
        pair.told.waits.store(true, Ordering::SeqCst);
        let own = Arc::<Told>::default();
        let sent = file(64 * MIB, None, Arc::clone(&own));
        let error = pair.client.store("x".into(), None, None, sent).await.unwrap_err().unexpected();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error:#}");
        eventually("it is let go of", async || (own.open.load(Ordering::SeqCst) == 0).then_some(())).await;
        assert_eq!(pair.told.calls.load(Ordering::SeqCst), 1, "{http}: it was sent twice");
    }
}

#[tokio::test]
async fn what_was_sent_is_never_sent_again() {
    let pair = pair("").await;
    pair.told.fails.store(1, Ordering::SeqCst);
    let error = pair.client.store("x".into(), None, None, "seven".into()).await.unwrap_err().unexpected();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(pair.told.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_nobody_has_begun_with_goes_to_another_instance() {
    let (server, told) = vault().await;
    let (dead, port) = (Port::free(), server.address("vault").port());
    let addresses = format!("endpoints = ['127.0.0.1:{}', '127.0.0.1:{port}']\n", dead.number());
    let (_app, client) = caller(port, &addresses).await;
    for call in 1..=10 {
        let sent = file(3 * MIB, None, Arc::default());
        assert_eq!(client.store("x".into(), None, None, sent).await.unwrap().bytes, 3 * MIB);
        assert_eq!(told.calls.load(Ordering::SeqCst), call);
    }
}

#[tokio::test]
async fn a_source_that_fails_fails_the_call_and_not_the_other_side() {
    for http in HTTP {
        let pair = pair(http).await;
        for _ in 0..30 {
            let sent = file(MIB, Some(5 * PIECE), Arc::default());
            let error = pair.client.store("x".into(), None, None, sent).await.unwrap_err().unexpected();
            assert_eq!(error.kind(), ErrorKind::Unexpected, "{http}: {error:#}");
            assert!(format!("{error:#}").contains("hunter2"), "{error:#}");
        }
        assert!(pair.client.ping().await.is_ok(), "the breaker is closed");
    }
}

#[tokio::test]
async fn a_source_that_panics_fails_the_call_and_not_the_other_side() {
    let pair = pair("").await;
    for _ in 0..30 {
        let panics = stream::poll_fn(|_| -> Poll<Option<Result<&'static str>>> { panic!("hunter2") });
        let sent = pair.client.store("x".into(), None, None, ByteStream::new(panics)).await;
        let error = sent.unwrap_err().unexpected();
        assert!(format!("{error:#}").contains("it panicked: hunter2"), "{error:#}");
    }
    assert!(pair.client.ping().await.is_ok(), "the breaker is closed");
}

#[tokio::test]
async fn a_source_works_within_the_call() {
    let pair = pair("").await;
    let context = Context { request_id: Some("r-7".into()), ..Context::default() };
    let source = stream::once(async {
        let context = Context::current();
        Ok::<_, Error>(format!("{:?} {}", context.request_id, context.deadline.is_some()))
    });
    let capitals = context.scope(pair.client.capitals(ByteStream::new(source))).await.unwrap();
    assert_eq!(capitals.collect_up_to(100).await.unwrap(), "SOME(\"R-7\") TRUE");
}

#[tokio::test]
async fn there_and_back_at_once() {
    for http in HTTP {
        let pair = pair(http).await;
        let text = stream::iter((0..1000).map(|_| Ok::<_, Error>("seven ".repeat(1000))));
        let capitals = pair.client.capitals(ByteStream::new(text)).await.unwrap();
        assert_eq!(drained(capitals).await.unwrap(), 6_000_000, "{http}");
        // Of an endless text some is wanted.
        let endless = ByteStream::new(stream::repeat_with(|| Ok::<_, Error>("seven ".repeat(1000))));
        let mut capitals = pair.client.capitals(endless).await.unwrap();
        assert!(capitals.chunk().await.unwrap().unwrap().starts_with(b"SEVEN"));
        drop(capitals);
        assert!(pair.client.ping().await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_too_large_is_refused() {
    for http in HTTP {
        let pair = pair(http).await;
        for call in 1..=100 {
            let own = Arc::<Told>::default();
            let sent = file(64 * MIB, None, Arc::clone(&own));
            let error = pair.client.note(sent).await.unwrap_err().unexpected();
            assert!(format!("{error:#}").contains("413 (body_too_large"), "{http}, call {call}: {error:#}");
            eventually("it is let go of", async || (own.open.load(Ordering::SeqCst) == 0).then_some(())).await;
            assert!(own.produced.load(Ordering::SeqCst) * PIECE < 64 * MIB);
        }
        assert_eq!(pair.client.note(vec![7; 100_000].into()).await.unwrap(), 100_000);
        let said = pair.client.note(vec![7; 100_001].into()).await.unwrap_err().unexpected();
        assert!(format!("{said:#}").contains("413 (body_too_large"), "{said:#}");
    }
}
