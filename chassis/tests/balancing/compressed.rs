//! Compressed answers: asked for where it is set, and taken up to the limit of what they are when they are not.
#![cfg(feature = "compression")]

use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chassis::prelude::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpListener;

use crate::replica::caller_with;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Compresses for those who ask for it: a number, or what is much larger than it looks.
async fn answer(headers: HeaderMap, path: axum::extract::Path<String>, bomb: Arc<Vec<u8>>) -> Response {
    let asked = headers.get("accept-encoding").is_some_and(|encoding| encoding == "gzip");
    let kind = ("content-type", "application/json");
    match &**path {
        "broken" => ([kind, ("content-encoding", "gzip")], "no gzip").into_response(),
        "brotli" => ([kind, ("content-encoding", "br")], "7").into_response(),
        "bomb" => ([kind, ("content-encoding", "gzip")], Vec::clone(&bomb)).into_response(),
        _ if asked => ([kind, ("content-encoding", "gzip")], gzip(b"7")).into_response(),
        _ => (StatusCode::NOT_ACCEPTABLE, [kind], "{}").into_response(),
    }
}

async fn url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Over the limit of 8 MiB.
    let bomb = Arc::new(gzip(&[b" ".repeat(9 << 20), b"7".to_vec()].concat()));
    let route = get(async move |headers, path| answer(headers, path, Arc::clone(&bomb)).await);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/stock/{sku}", route)).await });
    url
}

#[tokio::test]
async fn it_is_asked_for_and_taken_off() {
    let url = url().await;
    let (_app, client) = caller_with(&format!("clients.stock.url = '{url}'\nclients.stock.compression = true")).await;
    assert_eq!(client.stock("mug".into()).await.unwrap(), 7);
    for (sku, part) in [("bomb", "larger than 8388608 bytes"), ("broken", "no gzip"), ("brotli", "encoded as `br`")] {
        let error = client.stock(sku.into()).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && format!("{error:#}").contains(part), "{sku}: {error:#}");
        assert_eq!(client.stock("mug".into()).await.unwrap(), 7, "after {sku}");
    }
}

#[tokio::test]
async fn it_is_not_asked_for_unless_set() {
    let (_app, client) = caller_with(&format!("clients.stock.url = '{}'", url().await)).await;
    let error = client.stock("mug".into()).await.unwrap_err();
    assert!(format!("{error:#}").contains("406"), "{error:#}");
}
