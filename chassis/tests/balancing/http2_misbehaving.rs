//! Peers that do over HTTP/2 what no service should: each is a typed error in bounded time and memory, and none spoils the
//! client.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use chassis::prelude::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderName, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::http2::client;

const MIB: usize = 1 << 20;

/// What a peer does.
enum Deed {
    /// Answers each request with this.
    Answers(Response<()>, Body),
    /// Never answers.
    Stalls,
    /// Says this in place of HTTP/2, and then the second again and again, if there is any.
    Says(Vec<u8>, Vec<u8>),
    /// The same after a request has come.
    Replies(Vec<u8>, Vec<u8>),
}

/// What it sends as the body of an answer.
enum Body {
    Whole(Bytes),
    /// Takes the stream back after it.
    Breaks(Bytes),
    /// Says nothing more after it.
    Stalls(Bytes),
    Endless,
}

struct Peer {
    port: u16,
    good: Arc<AtomicBool>,
    /// How much of what has no end was taken.
    sent: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Peer {
    async fn start(deed: Deed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (good, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (deed, is_good, counter) = (Arc::new(deed), Arc::clone(&good), Arc::clone(&sent));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(behave(stream, Arc::clone(&deed), Arc::clone(&is_good), Arc::clone(&counter)));
            }
        });
        Self { port, good, sent, _task: AbortOnDropHandle::new(task) }
    }
}

async fn behave(mut stream: TcpStream, deed: Arc<Deed>, good: Arc<AtomicBool>, sent: Arc<AtomicUsize>) -> Option<()> {
    if !good.load(Ordering::SeqCst)
        && let Deed::Says(first, again) | Deed::Replies(first, again) = &*deed
    {
        if let Deed::Replies(..) = &*deed {
            until_asked(&mut stream).await?;
        }
        let (mut from, mut to) = stream.into_split();
        // What is not read when a connection is closed would take back what was said last.
        let _reading = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut buffer = vec![0; 0x10000];
            while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        }));
        to.write_all(first).await.ok()?;
        loop {
            if again.is_empty() {
                return std::future::pending().await;
            }
            to.write_all(again).await.ok()?;
            sent.fetch_add(again.len(), Ordering::SeqCst);
        }
    }
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(Ok((_, respond))) = connection.accept().await {
        tokio::spawn(answer(respond, Arc::clone(&deed), good.load(Ordering::SeqCst), Arc::clone(&sent)));
    }
    Some(())
}

/// Reads what a client says until it has asked for something.
async fn until_asked(stream: &mut TcpStream) -> Option<()> {
    const HEADERS: u8 = 1;
    stream.read_exact(&mut [0; 24]).await.ok()?;
    // No settings: the first frame of either side.
    stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await.ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        if head[3] == HEADERS {
            return Some(());
        }
    }
}

async fn answer(mut respond: SendResponse<Bytes>, deed: Arc<Deed>, good: bool, sent: Arc<AtomicUsize>) -> Option<()> {
    let (head, body) = match &*deed {
        Deed::Answers(head, body) if !good => (head.clone(), body),
        Deed::Stalls if !good => return std::future::pending().await,
        _ => (head("application/json"), &Body::Whole(Bytes::from_static(b"7"))),
    };
    let mut stream = respond.send_response(head, false).ok()?;
    match body {
        Body::Whole(bytes) => stream.send_data(bytes.clone(), true).ok(),
        Body::Breaks(bytes) => {
            stream.send_data(bytes.clone(), false).ok()?;
            stream.send_reset(Reason::INTERNAL_ERROR);
            Some(())
        }
        Body::Stalls(bytes) => {
            stream.send_data(bytes.clone(), false).ok()?;
            std::future::pending().await
        }
        Body::Endless => loop {
            sent.fetch_add(piece(&mut stream).await?, Ordering::SeqCst);
        },
    }
}

/// Sends as much as is taken.
async fn piece(stream: &mut SendStream<Bytes>) -> Option<usize> {
    stream.reserve_capacity(0x10000);
    let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?;
    stream.send_data(vec![b' '; room].into(), false).ok()?;
    Some(room)
}

fn head(kind: &str) -> Response<()> {
    Response::builder().header("content-type", kind).body(()).unwrap()
}

fn gzip(data: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap().into()
}

/// Whether a connection has failed before it was used, or with the call on it, is a matter of the moment.
const HTTP_1: &str = "it speaks HTTP/1.1";
const ENDLESS: &str = "it speaks another language without end";

fn cases() -> Vec<(&'static str, Deed, ErrorKind)> {
    use ErrorKind::{DeadlineExceeded, Protocol, Unavailable};
    const JSON: &str = "application/json";
    // `:status 200`, with more headers to come; and headers of which there are always more to come.
    let (begun, more) =
        (b"\0\0\x01\x01\0\0\0\0\x01\x88".to_vec(), b"\0\0\x07\x09\0\0\0\0\x01\0\x03x-a\x01y".repeat(1000));
    // `:status 200`, whole; and a piece of nothing.
    let (whole, nothing) = (b"\0\0\x01\x01\x04\0\0\0\x01\x88".to_vec(), b"\0\0\0\0\0\0\0\0\x01".repeat(1000));
    let answers = |head, body| Deed::Answers(head, body);
    let text = |text: &'static str| Body::Whole(Bytes::from_static(text.as_bytes()));
    let with = |mut response: Response<()>, name: &'static str, value: &'static str| {
        response.headers_mut().insert(name, value.parse().unwrap());
        response
    };
    let mut many = head(JSON);
    for n in 0..10_000 {
        many.headers_mut().insert(HeaderName::try_from(format!("x-{n}")).unwrap(), "y".parse().unwrap());
    }
    let mut unknown = head("application/problem+json");
    *unknown.status_mut() = StatusCode::CONFLICT;
    vec![
        ("it says nothing", Deed::Stalls, DeadlineExceeded),
        (HTTP_1, Deed::Says(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n7".to_vec(), vec![]), Unavailable),
        (ENDLESS, Deed::Says(vec![], vec![b'x'; 0x10000]), Unavailable),
        ("half an answer", answers(head(JSON), Body::Breaks(Bytes::from_static(b"[1,"))), Unavailable),
        (
            "half an answer, then silence",
            answers(head(JSON), Body::Stalls(Bytes::from_static(b"[1,"))),
            DeadlineExceeded,
        ),
        ("less than was said", answers(with(head(JSON), "content-length", "100"), text("7")), Unavailable),
        ("a body without end", answers(head(JSON), Body::Endless), Protocol),
        ("pieces of nothing without end", Deed::Replies(whole, nothing), Unavailable),
        ("ten thousand headers", answers(many, text("7")), Protocol),
        ("headers without end", Deed::Replies(begun, more), Protocol),
        ("a page", answers(head("text/html"), text("<html>")), Protocol),
        ("another value", answers(head(JSON), text("\"seven\"")), Protocol),
        ("compressed as nobody asked", answers(with(head(JSON), "content-encoding", "br"), text("7")), Protocol),
        (
            "a compression bomb",
            answers(
                with(head(JSON), "content-encoding", "gzip"),
                Body::Whole(gzip(&[b" ".repeat(9 * MIB), b"7".to_vec()].concat())),
            ),
            Protocol,
        ),
        (
            "a problem with an unknown code",
            answers(unknown, text("{\"type\":\"urn:problem:shelf:gone_fishing\",\"code\":\"gone_fishing\"}")),
            Protocol,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_is_a_typed_error_and_spoils_nothing() {
    let mut wrong = Vec::new();
    for (name, deed, expected) in cases() {
        let peer = Peer::start(deed).await;
        let settings = "timeout = '900ms'\nattempt_timeout = '400ms'\ncompression = true\nbreaker.mode = 'disabled'\n";
        let (_app, client) = client(peer.port, settings).await;
        let began = Instant::now();
        let error = match client.book(7).await {
            Err(error) => error,
            Ok(book) => {
                wrong.push(format!("{name}: {book}"));
                continue;
            }
        };
        let text = format!("{error:#}");
        let garbled = [HTTP_1, ENDLESS].contains(&name) && error.kind() == ErrorKind::Protocol;
        if (error.kind() != expected && !garbled) || text.len() > 1000 || text.contains('\n') {
            wrong.push(format!("{name}: {} {text:.1000}", error.kind().as_str()));
        }
        if name == HTTP_1 && !text.contains("(`http_version`)") {
            wrong.push(format!("{name}: it does not say what to do: {text}"));
        }
        if began.elapsed() > std::time::Duration::from_secs(2) {
            wrong.push(format!("{name}: it took {:?}", began.elapsed()));
        }
        // Of three attempts at most, each up to the limit of 8 MiB, and what lies in sockets.
        let sent = peer.sent.load(Ordering::SeqCst);
        if sent > 3 * 16 * MIB && expected != ErrorKind::DeadlineExceeded {
            wrong.push(format!("{name}: {sent} bytes were taken"));
        }
        peer.good.store(true, Ordering::SeqCst);
        // A connection that is being given up may still be there.
        harness::eventually(&format!("a good answer after {name}"), async || {
            client.book(7).await.ok().filter(|book| *book == 7)
        })
        .await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
