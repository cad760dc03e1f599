//! Peers that do what no service should: each is a typed error in bounded time and memory, and none spoils the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chassis::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::shape::{InventoryClient, InventoryError, Sku};

const MIB: usize = 1 << 20;

/// What a peer does with a connection once it has read a request.
enum Deed {
    /// Sends this and closes.
    Says(Vec<u8>),
    /// Sends this, and then nothing more.
    Stalls(Vec<u8>),
    /// Sends the first, then the second again and again, with a pause after each.
    Floods(Vec<u8>, Vec<u8>, Duration),
}

struct Peer {
    client: InventoryClient,
    good: Arc<AtomicBool>,
    /// How much of a flood was taken.
    sent: Arc<AtomicUsize>,
    /// How many connections have ended.
    gone: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Peer {
    async fn start(deed: Deed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = InventoryClient::connect(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (good, sent, gone) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (deed, is_good, counter, ended) = (Arc::new(deed), Arc::clone(&good), Arc::clone(&sent), Arc::clone(&gone));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (deed, good) = (Arc::clone(&deed), Arc::clone(&is_good));
                let (counter, ended) = (Arc::clone(&counter), Arc::clone(&ended));
                tokio::spawn(async move {
                    behave(stream, &deed, &good, &counter).await;
                    ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { client, good, sent, gone, _task: AbortOnDropHandle::new(task) }
    }
}

async fn behave(mut stream: TcpStream, deed: &Deed, good: &AtomicBool, sent: &AtomicUsize) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    if good.load(Ordering::SeqCst) {
        return stream.write_all(&answer("200 OK", JSON, GOOD)).await.ok();
    }
    match deed {
        Deed::Says(words) => stream.write_all(words).await.ok(),
        Deed::Stalls(words) => {
            stream.write_all(words).await.ok()?;
            // Until the client has gone.
            stream.read(&mut [0; 1]).await.ok().map(drop)
        }
        Deed::Floods(first, again, pause) => {
            stream.write_all(first).await.ok()?;
            loop {
                stream.write_all(again).await.ok()?;
                sent.fetch_add(again.len(), Ordering::SeqCst);
                if !pause.is_zero() {
                    tokio::time::sleep(*pause).await;
                }
            }
        }
    }
}

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const GOOD: &[u8] = b"{\"sku\":\"mug\",\"available\":7}";

fn answer(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn ok(kind: &str, body: impl AsRef<[u8]>) -> Deed {
    Deed::Says(answer("200 OK", kind, body.as_ref()))
}

fn problem(status: &str, body: impl AsRef<[u8]>) -> Deed {
    Deed::Says(answer(status, PROBLEM, body.as_ref()))
}

fn head(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lines}\r\n").into_bytes()
}

fn cases() -> Vec<(&'static str, Deed, ErrorKind)> {
    use Deed::{Floods, Says, Stalls};
    use ErrorKind::{DeadlineExceeded, Protocol, Unavailable, Unexpected};
    let many: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let chunked = head("transfer-encoding: chunked\r\n");
    let chunk = [b"10000\r\n", "x".repeat(0x10000).as_bytes(), b"\r\n"].concat();
    let code = "\n".repeat(MIB);
    let none = Duration::ZERO;
    vec![
        ("it says nothing and goes", Says(vec![]), Unavailable),
        ("it says nothing and stays", Stalls(vec![]), DeadlineExceeded),
        ("it speaks another language", Says(b"\x16\x03\x01\x02\0\x01 hello\r\n\r\n".to_vec()), Protocol),
        ("it speaks another language and stays", Stalls(b"220 smtp.test ESMTP\r\n".to_vec()), Protocol),
        ("it speaks it without end", Floods(vec![], vec![b'x'; 0x10000], none), Protocol),
        ("half an answer", Says(head("content-length: 100\r\n\r\n{\"sku\":")), Unavailable),
        ("half an answer, then silence", Stalls(head("content-length: 100\r\n\r\n{\"sku\":")), DeadlineExceeded),
        ("half a head, then silence", Stalls(b"HTTP/1.1 200 OK\r\ncontent-".to_vec()), DeadlineExceeded),
        ("two lengths", Says(head("content-length: 2\r\ncontent-length: 3\r\n\r\n{}")), Protocol),
        ("a piece of no length", Says([&chunked[..], b"ten\r\n{}"].concat()), Unavailable),
        ("a body without end", Floods(chunked.clone(), chunk, none), Protocol),
        ("the same byte by byte", Floods(chunked, b"1\r\n \r\n".to_vec(), Duration::from_millis(5)), DeadlineExceeded),
        ("ten thousand headers", Says(head(&format!("{many}\r\n"))), Protocol),
        ("headers without end", Floods(head("")[..30].to_vec(), b"x-a: y\r\n".repeat(1000), none), Protocol),
        ("a header without end", Floods(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'y'; 0x10000], none), Protocol),
        (
            "interim answers without end",
            Floods(vec![], b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100), none),
            DeadlineExceeded,
        ),
        (
            "elsewhere",
            Says(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec()),
            Protocol,
        ),
        ("a page", ok("text/html", "<html>"), Protocol),
        ("JSON that says to be a page", ok("text/html; charset=utf-8", GOOD), Protocol),
        ("a long kind", ok(&"x".repeat(0x10000), GOOD), Protocol),
        (
            "another charset",
            ok("application/json; charset=iso-8859-1", b"{\"sku\":\"m\xfcg\",\"available\":7}"),
            Protocol,
        ),
        ("nothing where something was promised", ok(JSON, ""), Protocol),
        ("another value", ok(JSON, format!("{{\"sku\":\"mug\",\"available\":\"{}\"}}", "7".repeat(MIB))), Protocol),
        ("nested without end", ok(JSON, "[".repeat(MIB)), Protocol),
        (
            "nested, in something that is not read",
            ok(JSON, format!("{{\"sku\":\"mug\",\"x\":{}", "[".repeat(MIB))),
            Protocol,
        ),
        (
            "compressed, though nobody asked",
            Says(head("content-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f ")),
            Protocol,
        ),
        (
            "a problem with an unknown code",
            problem("409 Conflict", "{\"type\":\"urn:problem:inventory:gone_fishing\",\"code\":\"gone_fishing\"}"),
            Protocol,
        ),
        (
            "a known one with other data",
            problem(
                "409 Conflict",
                "{\"type\":\"urn:problem:inventory:out_of_stock\",\"code\":\"out_of_stock\",\"data\":[1]}",
            ),
            Protocol,
        ),
        ("a problem of another form", problem("409 Conflict", "[[\"code\"]]"), Protocol),
        ("a problem that is none", problem("500 Oops", "{\"code\":7}"), Unexpected),
        (
            "a problem with a long code",
            problem("500 Oops", format!("{{\"code\":{code:?},\"trace_id\":{code:?}}}")),
            Unexpected,
        ),
        (
            "a problem nested without end",
            problem("409 Conflict", format!("{{\"code\":\"x\",\"data\":{}", "[".repeat(MIB))),
            Protocol,
        ),
        ("a page of a proxy", Says(answer("502 Bad Gateway", "text/html", b"<html>")), Unavailable),
        ("a status that there is not", Says(answer("999 What", "text/html", b"")), Protocol),
        ("a status that is no number", Says(answer("two hundred", JSON, GOOD)), Protocol),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_is_a_typed_error_and_spoils_nothing() {
    let mut wrong = Vec::new();
    for (name, deed, expected) in cases() {
        let peer = Peer::start(deed).await;
        let limits = CallOptions::new().timeout(Duration::from_millis(900)).attempt_timeout(Duration::from_millis(400));
        let client = peer.client.with(limits);
        let began = Instant::now();
        let error = match client.stock(Sku("mug".into())).await {
            Err(InventoryError::Unexpected(error)) => error,
            other => {
                wrong.push(format!("{name}: {other:?}"));
                continue;
            }
        };
        let text = format!("{error:#}");
        if error.kind() != expected || text.len() > 1000 || text.contains('\n') {
            wrong.push(format!("{name}: {} {text:.1000}", error.kind().as_str()));
        }
        if began.elapsed() > Duration::from_secs(2) {
            wrong.push(format!("{name}: it took {:?}", began.elapsed()));
        }
        // Of three attempts at most, each up to the limit of 8 MiB, and what lies in sockets.
        let sent = peer.sent.load(Ordering::SeqCst);
        if sent > 3 * 16 * MIB && expected != ErrorKind::DeadlineExceeded {
            wrong.push(format!("{name}: {sent} bytes were taken"));
        }
        peer.good.store(true, Ordering::SeqCst);
        match client.stock(Sku("mug".into())).await {
            Ok(stock) if stock.available == 7 => {}
            other => wrong.push(format!("{name}, afterwards: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn connections_of_a_peer_that_is_given_up_are_closed() {
    let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
    let peer = Peer::start(Deed::Floods(vec![], interim, Duration::ZERO)).await;
    let hasty = peer.client.with(CallOptions::new().timeout(Duration::from_millis(200)));
    hasty.stock(Sku("mug".into())).await.unwrap_err();
    harness::eventually("the flood ends", async || (peer.gone.load(Ordering::SeqCst) > 0).then_some(())).await;
}

/// What comes after an answer belongs to nobody, least of all to the next call.
#[tokio::test]
async fn a_second_answer_is_given_to_nobody() {
    let mut twice = head(&format!("content-length: {}\r\n\r\n", GOOD.len()));
    twice.truncate(twice.len() - 2);
    twice.extend_from_slice(GOOD);
    let false_one = b"{\"sku\":\"mug\",\"available\":9}";
    twice.extend(head(&format!("content-length: {}\r\n", false_one.len())));
    twice.extend_from_slice(false_one);
    let peer = Peer::start(Deed::Stalls(twice)).await;
    for _ in 0..10 {
        assert_eq!(peer.client.stock(Sku("mug".into())).await.unwrap().available, 7);
    }
}
