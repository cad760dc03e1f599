//! Calls over HTTP/2: many on one connection, which may end, refuse and fall silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::prelude::*;
use chassis::testing::{RunningApp, TestApp};
use harness::eventually;
use harness::proxy::Proxy;
use http::{HeaderMap, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

#[contract(name = "shelf", version = 1)]
pub trait Shelf {
    #[get("/books/{id}")]
    async fn book(&self, id: u32) -> Result<u32>;

    /// May not be repeated.
    #[post("/books")]
    async fn add(&self, id: u32) -> Result<u32>;
}

/// Holds every call until it is released.
#[derive(Default)]
struct Told {
    arrived: AtomicUsize,
    release: Notify,
}

struct ShelfService(Arc<Told>);

#[service(name = "shelf", provides(Shelf))]
impl ShelfService {}

impl Shelf for ShelfService {
    async fn book(&self, id: u32) -> Result<u32> {
        let released = self.0.release.notified();
        self.0.arrived.fetch_add(1, Ordering::SeqCst);
        released.await;
        Ok(id)
    }

    async fn add(&self, id: u32) -> Result<u32> {
        self.book(id).await
    }
}

struct Caller;

#[service(name = "caller")]
impl Caller {
    #[init]
    async fn new(_: ShelfClient) -> Result<Self> {
        Ok(Self)
    }
}

async fn shelf() -> (RunningApp, Arc<Told>) {
    let told = Arc::<Told>::default();
    let app = TestApp::new().service(ShelfService(Arc::clone(&told))).start().await;
    (app.unwrap_or_else(|error| panic!("{error:#}")), told)
}

/// A client of what listens there.
pub async fn client(port: u16, settings: &str) -> (RunningApp, ShelfClient) {
    let settings = format!("[clients.shelf]\nurl = 'http://127.0.0.1:{port}'\nhttp_version = '2'\n{settings}");
    let app = TestApp::new().service(Caller::new).settings(settings).start().await;
    let app = app.unwrap_or_else(|error| panic!("{error:#}"));
    let client = app.client::<ShelfClient>().await.unwrap_or_else(|error| panic!("{error:#}"));
    (app, client)
}

#[tokio::test]
async fn many_calls_share_a_connection() {
    let (server, told) = shelf().await;
    let proxy = Proxy::start(server.address("shelf").port()).await;
    let (_app, client) = client(proxy.port(), "bulkhead.concurrent = 150\nattempt_timeout = '4s'\n").await;
    let calls: Vec<_> = (0..150)
        .map(|id| {
            let client = client.clone();
            tokio::spawn(async move { client.book(id).await })
        })
        .collect();
    eventually("all are there", async || (told.arrived.load(Ordering::SeqCst) == 150).then_some(())).await;
    assert_eq!(proxy.connections(), 1);
    told.release.notify_waiters();
    for (id, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap() as usize, id);
    }
}

#[tokio::test]
async fn a_call_under_way_outlives_the_goodbye_of_its_server() {
    let (server, told) = shelf().await;
    let port = server.address("shelf").port();
    let (_app, client) = client(port, "attempt_timeout = '4s'\n").await;
    let under_way = tokio::spawn({
        let client = client.clone();
        async move { client.add(7).await }
    });
    eventually("it is there", async || (told.arrived.load(Ordering::SeqCst) == 1).then_some(())).await;
    let stopping = tokio::spawn(server.stop());
    let refused = async || TcpStream::connect(("127.0.0.1", port)).await.is_err().then_some(());
    eventually("nobody else is let in", refused).await;
    told.release.notify_waiters();
    assert_eq!(under_way.await.unwrap().unwrap(), 7);
    assert_eq!(told.arrived.load(Ordering::SeqCst), 1);
    stopping.await.unwrap();
}

/// What a server does with each request that comes.
enum Deed {
    Refuse,
    /// Says that it is ending, and that it has not taken this one.
    Leave,
    Answer,
}

/// An HTTP/2 server that does one thing after the other; gives its port, and the heads of what came.
async fn server(deeds: Vec<Deed>) -> (u16, Arc<std::sync::Mutex<Vec<(String, HeaderMap)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::<std::sync::Mutex<Vec<_>>>::default();
    let heads = Arc::clone(&came);
    let mut deeds = deeds.into_iter();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let authority = request.uri().authority().unwrap().to_string();
                heads.lock().unwrap().push((authority, request.headers().clone()));
                match deeds.next() {
                    Some(Deed::Refuse) => respond.send_reset(h2::Reason::REFUSED_STREAM),
                    Some(Deed::Leave) => {
                        connection.abrupt_shutdown(h2::Reason::NO_ERROR);
                    }
                    _ => {
                        let mut body = respond.send_response(Response::default(), false).unwrap();
                        body.send_data("7".into(), true).unwrap();
                    }
                }
            }
        }
    });
    (port, came)
}

#[tokio::test]
async fn what_is_refused_is_sent_again_whatever_it_is() {
    let (port, came) = server(vec![Deed::Refuse, Deed::Answer]).await;
    let (_app, client) = client(port, "").await;
    assert_eq!(client.add(7).await.unwrap(), 7, "nobody has begun with the first");
    assert_eq!(came.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_nobody_can_take_fails_after_its_attempts() {
    let (port, came) = server((0..9).map(|_| Deed::Refuse).collect()).await;
    let (_app, client) = client(port, "retry.attempts = 2").await;
    assert_eq!(client.add(7).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(came.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_under_way_when_a_server_left_abruptly_is_not_repeated_unless_it_may_be() {
    let (port, came) = server(vec![Deed::Leave, Deed::Answer]).await;
    let (_app, client) = client(port, "").await;
    assert_eq!(client.book(7).await.unwrap(), 7);
    assert_eq!(came.lock().unwrap().len(), 2);

    let (port, came) = server(vec![Deed::Leave, Deed::Answer]).await;
    let (_app, client) = self::client(port, "").await;
    assert_eq!(client.add(7).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(came.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_request_names_one_receiver() {
    let (port, came) = server(vec![]).await;
    let (_app, client) = client(1, &format!("endpoints = ['127.0.0.1:{port}']\n")).await;
    assert_eq!(client.book(7).await.unwrap(), 7);
    let came = came.lock().unwrap();
    assert_eq!(came[0].0, format!("127.0.0.1:{port}"));
    assert_eq!(came[0].1.get("host"), None, "it would be another one");
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_given_up() {
    let (server, told) = shelf().await;
    let proxy = Proxy::start(server.address("shelf").port()).await;
    let settings = "timeout = '20s'\nattempt_timeout = '15s'\nretry.attempts = 1\n";
    let (_app, client) = client(proxy.port(), settings).await;
    let under_way = tokio::spawn({
        let client = client.clone();
        async move { client.book(7).await }
    });
    eventually("it is there", async || (told.arrived.load(Ordering::SeqCst) == 1).then_some(())).await;
    let began = Instant::now();
    proxy.swallow();
    assert_eq!(under_way.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
