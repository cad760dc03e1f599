//! A faulty network between a client and a server: a TCP proxy that passes, holds everything back, or cuts.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::eventually;
use crate::ports::Port;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    Swallow,
    Cut,
}

/// A TCP proxy on 127.0.0.1 in front of one address. It ends with its handle.
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    mode: watch::Sender<Mode>,
    open: Arc<AtomicUsize>,
    listener: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of a port of this machine, in the state in which it passes everything.
    pub async fn start(upstream: u16) -> Self {
        let port = Port::free();
        let (mode, receiver) = watch::channel(Mode::Pass);
        let open = Arc::new(AtomicUsize::new(0));
        let socket = bind(port.number()).await;
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, upstream));
        let listener = tokio::spawn(listen(port.number(), socket, upstream, receiver, open.clone()));
        Self { port, mode, open, listener }
    }

    /// The port to connect to instead.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The number of connections through it.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Holds back every byte in both directions, and closes nothing: neither side is told, as if a cable were pulled.
    /// New connections are taken and get no answer. [`heal`](Self::heal) lets what was held back go on.
    pub fn swallow(&self) {
        self.mode.send_replace(Mode::Swallow);
    }

    /// Closes all connections and refuses new ones. Returns when that is so.
    pub async fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
        eventually("the proxy is cut", async || {
            let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).await.is_err();
            (refused && self.connections() == 0).then_some(())
        })
        .await;
    }

    /// Passes everything again. Returns when new connections are taken.
    pub async fn heal(&self) {
        let before = self.mode.send_replace(Mode::Pass);
        if before == Mode::Cut {
            eventually("the proxy is healed", async || {
                TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).await.ok().map(drop)
            })
            .await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn bind(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap_or_else(|error| panic!("the proxy cannot listen on port {port}: {error}"))
}

async fn listen(
    port: u16,
    first: TcpListener,
    upstream: SocketAddr,
    mut mode: watch::Receiver<Mode>,
    open: Arc<AtomicUsize>,
) {
    let mut socket = Some(first);
    loop {
        if *mode.borrow_and_update() == Mode::Cut {
            socket = None;
            if mode.wait_for(|mode| *mode != Mode::Cut).await.is_err() {
                return;
            }
        }
        let listener = match &socket {
            Some(listener) => listener,
            None => socket.insert(bind(port).await),
        };
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    let connection = Connection::new(open.clone());
                    tokio::spawn(serve(client, upstream, mode.clone(), connection));
                }
            }
            changed = mode.changed() => if changed.is_err() { return },
        }
    }
}

struct Connection(Arc<AtomicUsize>);

impl Connection {
    fn new(open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self(open)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Ends when one side does, when the network is cut, or with the proxy.
async fn serve(client: TcpStream, upstream: SocketAddr, mode: watch::Receiver<Mode>, _connection: Connection) {
    let mut cut = mode.clone();
    tokio::select! {
        _ = cut.wait_for(|mode| *mode == Mode::Cut) => {}
        _ = forward(client, upstream, mode) => {}
    }
}

async fn forward(client: TcpStream, upstream: SocketAddr, mut mode: watch::Receiver<Mode>) -> Option<()> {
    mode.wait_for(|mode| *mode == Mode::Pass).await.ok()?;
    let server = TcpStream::connect(upstream).await.ok()?;
    for stream in [&client, &server] {
        stream.set_nodelay(true).ok()?;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Both, so that a side that has only finished sending still gets its answer.
    tokio::join!(copy(from_client, to_server, mode.clone()), copy(from_server, to_client, mode));
    Some(())
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) -> Option<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
        // Nobody learns of an end either while the network swallows.
        mode.wait_for(|mode| *mode == Mode::Pass).await.ok()?;
        if length == 0 {
            return to.shutdown().await.ok();
        }
        to.write_all(&buffer[..length]).await.ok()?;
    }
}
