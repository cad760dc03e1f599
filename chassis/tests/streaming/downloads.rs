//! Answers that are read while they come.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chassis::prelude::*;
use harness::eventually;
use tokio::time::Instant;

use crate::vault::{MIB, PIECE, Rows, VaultError, check, drained, pair, settled};

const HTTP: [&str; 2] = ["http_version = '1.1'\n", "http_version = '2'\n"];

#[tokio::test]
async fn a_large_file_comes_whole_and_never_all_at_once() {
    for http in HTTP {
        let pair = pair(http).await;
        let mut stream = pair.client.fetch(format!("file-{}", 64 * MIB)).await.unwrap();
        let first = stream.chunk().await.unwrap().unwrap();
        // Nobody reads: what is on its way is bounded by the sockets' buffers.
        let produced = settled(&pair.client, &pair.told.produced).await * PIECE;
        assert!(produced < 32 * MIB, "{http}: {} MiB were produced for nobody", produced / MIB);
        let mut got = check((0, 0), &first);
        while let Some(piece) = stream.chunk().await.unwrap() {
            got = check(got, &piece);
        }
        assert_eq!(got, (64 * MIB, 0), "{http}");
        assert_eq!(pair.told.open.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn lengths_headers_and_media_types_come_too() {
    let pair = pair("").await;
    let whole = pair.client.fetch("whole-1000".into()).await.unwrap();
    assert_eq!(whole.length(), Some(1000));
    assert_eq!(whole.collect_up_to(1000).await.unwrap().len(), 1000);
    assert_eq!(pair.client.fetch("whole-0".into()).await.unwrap().collect_up_to(0).await.unwrap(), "");

    let report = pair.client.report(Rows { count: 3 }).await.unwrap();
    assert_eq!((report.header("content-type"), report.header("etag")), (Some("text/csv"), Some("\"7\"")));
    assert_eq!(report.into_inner().collect_up_to(100).await.unwrap(), "0\n1\n2\n");
}

#[tokio::test]
async fn promised_errors_are_what_they_ever_were() {
    let pair = pair("").await;
    let error = pair.client.fetch("nothing".into()).await.unwrap_err();
    assert!(matches!(error, VaultError::NoSuchFile { name } if name == "nothing"));
}

#[tokio::test]
async fn a_head_that_failed_is_tried_again() {
    let pair = pair("").await;
    pair.told.fails.store(2, Ordering::SeqCst);
    let stream = pair.client.fetch("file-1000000".into()).await.unwrap();
    assert_eq!(drained(stream).await.unwrap(), 1_000_000);
    assert_eq!(pair.told.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn whoever_lets_go_of_it_ends_it() {
    for http in HTTP {
        let pair = pair(http).await;
        let mut stream = pair.client.fetch(format!("file-{}", 64 * MIB)).await.unwrap();
        stream.chunk().await.unwrap();
        assert_eq!(pair.told.open.load(Ordering::SeqCst), 1);
        drop(stream);
        let gone = async || (pair.told.open.load(Ordering::SeqCst) == 0).then_some(());
        eventually("the file is let go of", gone).await;
        assert!(pair.told.produced.load(Ordering::SeqCst) * PIECE < 64 * MIB, "{http}");
    }
}

#[tokio::test]
async fn a_reader_may_take_longer_than_an_attempt() {
    let pair = pair("attempt_timeout = '500ms'\n").await;
    let mut stream = pair.client.fetch("file-10000000".into()).await.unwrap();
    let first = stream.chunk().await.unwrap().unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(800) {
        pair.client.ping().await.unwrap();
    }
    assert_eq!(first.len() + drained(stream).await.unwrap(), 10_000_000);
}

#[tokio::test]
async fn the_end_of_a_service_waits_for_it() {
    for http in HTTP {
        let pair = pair(http).await;
        pair.told.waits.store(true, Ordering::SeqCst);
        let mut stream = pair.client.fetch("file-10000000".into()).await.unwrap();
        let first = stream.chunk().await.unwrap().unwrap();
        let port = pair.server.address("vault").port();
        let stopping = tokio::spawn(pair.server.stop());
        let refused = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err().then_some(());
        eventually("nobody else is let in", refused).await;
        assert!(!stopping.is_finished());
        pair.told.gate.open();
        let rest = drained(stream).await.unwrap_or_else(|error| panic!("{http}: {error:#}"));
        assert_eq!(first.len() + rest, 10_000_000, "{http}");
        stopping.await.unwrap();
    }
}

#[tokio::test]
async fn it_ends_with_the_call_that_it_is_of() {
    for http in HTTP {
        let pair = pair(http).await;
        pair.told.waits.store(true, Ordering::SeqCst);
        let hasty = pair.client.with(CallOptions::new().timeout(Duration::from_millis(300)));
        let stream = hasty.fetch("file-10000000".into()).await.unwrap();
        let began = Instant::now();
        let error = drained(stream).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error:#}");
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        eventually("the file is let go of", async || (pair.told.open.load(Ordering::SeqCst) == 0).then_some(())).await;
    }
}

#[tokio::test]
async fn silence_ends_it_after_the_time_of_an_attempt() {
    let pair = pair("attempt_timeout = '300ms'\n").await;
    pair.told.waits.store(true, Ordering::SeqCst);
    let stream = pair.client.fetch("file-10000000".into()).await.unwrap();
    let began = Instant::now();
    let error = drained(stream).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(format!("{error:#}").contains("no more of the answer"), "{error:#}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
