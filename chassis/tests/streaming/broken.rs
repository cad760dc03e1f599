//! Bodies that break off, and peers that send what is none.

use chassis::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::vault::{PIECE, VaultClient, drained, pair};

#[tokio::test]
async fn what_fails_half_way_is_no_short_file() {
    for http in ["http_version = '1.1'\n", "http_version = '2'\n"] {
        let pair = pair(http).await;
        // Several, so that the head is sent before it fails.
        for at in [100 * PIECE, 101 * PIECE] {
            let mut stream = pair.client.fetch(format!("broken-{at}")).await.unwrap();
            let error = loop {
                match stream.chunk().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{http}: it looks whole"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            let told = format!("{error:#}");
            assert!(told.contains("`vault.fetch`") && !told.contains("hunter2"), "{told}");
            assert!(stream.chunk().await.unwrap().is_none());
        }
    }
}

#[tokio::test]
async fn what_fails_before_its_first_piece_is_an_error() {
    let pair = pair("").await;
    // Its head waits for it, so that mostly there is none.
    let error = match pair.client.fetch("broken-0".into()).await {
        Ok(stream) => drained(stream).await.unwrap_err(),
        Err(error) => error.unexpected(),
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// A client of a peer that says this to each request, and goes.
async fn says(words: &'static str) -> VaultClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = VaultClient::connect(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(words.as_bytes()).await.unwrap();
        }
    });
    client
}

#[tokio::test]
async fn what_another_server_breaks_off_is_no_short_file() {
    for (what, words) in [
        ("fewer than were said", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nseven"),
        ("no last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nseven\r\n"),
        ("half a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nseven"),
    ] {
        let stream = says(words).await.fetch("x".into()).await.unwrap();
        let error = drained(stream).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error:#}");
    }
}

#[tokio::test]
async fn what_is_no_stream_of_the_contract_is_refused() {
    for (words, part) in [
        ("HTTP/1.1 200 OK\r\n\r\nseven", "does not say where it ends"),
        ("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nseven", "encoded as `gzip`"),
        ("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n", "302"),
    ] {
        let error = says(words).await.fetch("x".into()).await.unwrap_err().unexpected();
        assert!(error.kind() == ErrorKind::Protocol && format!("{error:#}").contains(part), "{error:#}");
    }
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
    let error = says(page).await.report(crate::vault::Rows { count: 1 }).await.unwrap_err().unexpected();
    assert!(format!("{error:#}").contains("answered `text/html` and not `text/csv`"), "{error:#}");
    assert_eq!(drained(says(page).await.fetch("x".into()).await.unwrap()).await.unwrap(), 6, "nothing was declared");
    let empty = says("HTTP/1.1 204 No Content\r\n\r\n").await.fetch("x".into()).await.unwrap();
    assert_eq!(drained(empty).await.unwrap(), 0);
}
